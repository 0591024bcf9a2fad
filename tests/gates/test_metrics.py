"""The metrics gate: every rule, with the sentence a person reads."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mlops_ci.evidence import Base, Finding, Floor, ModelEvidence, Predictions, Slice, Status
from mlops_ci.gates import metrics as gate
from mlops_ci.gates.metrics import Options
from tests.gates.samples import comparison, evidence, metric, model

PASS, WARN, FAIL = Status.PASS, Status.WARN, Status.FAIL
SKIP, INCONCLUSIVE = Status.SKIP, Status.INCONCLUSIVE
COMPARED = Predictions(path="predictions.parquet", comparable=True, base_rows=14_000, rows=14_000)
WRITE = "write per-example predictions (y_true, y_pred, y_score) as an output to tell it from noise"
OWN = "mend the cause; if the limit is wrong, change it in a pull request of its own"


def findings(found: ModelEvidence, **options: Any) -> list[Finding]:
    return gate.check(evidence(found), Options.model_validate(options))


def said(found: ModelEvidence, **options: Any) -> list[tuple[Status, str]]:
    return [(one.status, one.sentence) for one in findings(found, **options)]


def accuracy(delta: float, se: float, **more: Any) -> ModelEvidence:
    """A model whose accuracy moved from 0.9 by so much, on 14,000 examples."""
    return model(
        metric("accuracy", round(0.9 + delta, 6), 0.9),
        comparisons=(comparison("accuracy", delta, se, **more),),
        predictions=COMPARED,
    )


# ---- compared on the same examples ---------------------------------------------------------------


def test_worse_than_a_configured_drop_refuses() -> None:
    (finding,) = findings(accuracy(-0.031, 0.0035), limits={"accuracy": {"max_drop": 0.01}})
    assert finding.sentence == (
        "accuracy fell by 0.031 (95 % interval −0.0379 to −0.0241, 14,000 examples), "
        "more than the allowed 0.01."
    )
    assert (finding.status, finding.change, finding.hint) == (FAIL, "worse", OWN)
    assert (finding.subject, finding.metric, finding.file) == ("accuracy", "accuracy", "metrics.json")
    assert (finding.delta, finding.limit, finding.direction) == (-0.031, "max drop 0.01", "higher")
    assert finding.where is not None
    assert finding.where.file == "metrics.json"


def test_worse_without_a_limit_only_warns() -> None:
    (finding,) = findings(accuracy(-0.031, 0.0035))
    assert finding.status is WARN
    assert finding.sentence == (
        "accuracy fell by 0.031 (95 % interval −0.0379 to −0.0241, 14,000 examples), "
        "more than chance explains."
    )
    assert finding.hint == "look at what feeds it; to refuse or to allow this, set max_drop in mlops-ci.yaml"


def test_the_allowed_rise_of_a_loss() -> None:
    found = model(
        metric("log_loss", 0.35, 0.3, direction="lower"), comparisons=(comparison("log_loss", 0.05, 0.01),)
    )
    expected = (
        "log_loss rose by 0.05 (95 % interval +0.0304 to +0.0696, 14,000 examples), "
        "more than the allowed 0.01."
    )
    assert said(found, limits={"log_loss": {"max_drop": 0.01}}) == [(FAIL, expected)]


def test_better_passes() -> None:
    (finding,) = findings(accuracy(0.012, 0.002))
    assert (finding.status, finding.change) == (PASS, "better")
    assert finding.sentence == (
        "accuracy rose by 0.012 (95 % interval +0.00808 to +0.0159, 14,000 examples), "
        "more than chance explains."
    )


def test_a_lower_loss_is_better() -> None:
    found = model(
        metric("log_loss", 0.25, 0.3, direction="lower"), comparisons=(comparison("log_loss", -0.05, 0.01),)
    )
    assert [(one.status, one.change) for one in findings(found)] == [(PASS, "better")]


def test_within_the_noise_is_inconclusive() -> None:
    (finding,) = findings(accuracy(-0.002, 0.002))
    assert (finding.status, finding.change) == (INCONCLUSIVE, "inconclusive")
    assert finding.sentence == (
        "Too few examples to tell a change of −0.002 in accuracy from noise "
        "(95 % interval −0.00592 to +0.00192, 14,000 examples)."
    )
    assert finding.hint == "measure on more examples, or average over more training seeds"


def test_an_interval_across_the_allowed_drop_is_inconclusive() -> None:
    (finding,) = findings(accuracy(-0.008, 0.003), limits={"accuracy": {"max_drop": 0.01}})
    assert (finding.status, finding.change) == (INCONCLUSIVE, "worse")
    assert finding.sentence == (
        "Too few examples to tell whether accuracy keeps its allowed drop of 0.01: it moved by −0.008 "
        "(95 % interval −0.0139 to −0.00212, 14,000 examples)."
    )


def test_an_interval_within_the_allowed_drop_passes() -> None:
    (finding,) = findings(accuracy(-0.002, 0.002), limits={"accuracy": {"max_drop": "2%"}})
    assert (finding.status, finding.change) == (PASS, "inconclusive")
    assert finding.sentence == (
        "accuracy fell by 0.002 (95 % interval −0.00592 to +0.00192, 14,000 examples), "
        "within the allowed 0.018."
    )


def test_no_difference_with_some_spread_keeps_its_words() -> None:
    (finding,) = findings(accuracy(0.0, 0.002), limits={"accuracy": {"max_drop": 0.01}})
    assert finding.sentence == (
        "accuracy stays the same (95 % interval −0.00392 to +0.00392, 14,000 examples), "
        "within the allowed 0.01."
    )


def test_the_same_predictions_are_the_same() -> None:
    assert [(one.status, one.sentence, one.change) for one in findings(accuracy(0.0, 0.0))] == [
        (PASS, "accuracy is unchanged.", "same")
    ]


def test_trainings_are_named_and_widen_the_test() -> None:
    found = accuracy(-0.02, 0.008, df=2.5, seeds=(3, 2), p=0.1)
    (finding,) = findings(found, limits={"accuracy": {"max_drop": 0}})
    assert finding.status is INCONCLUSIVE
    assert "14,000 examples, 3 and 2 trainings" in finding.sentence


def test_many_metrics_are_corrected_for() -> None:
    names = [f"m{number}" for number in range(10)]
    found = model(
        *(metric(name, 0.9, 0.9) for name in names),
        comparisons=tuple(comparison(name, -0.021 if name == "m0" else 0.0, 0.01) for name in names),
    )
    first = findings(found)[0]
    assert (first.status, first.change) == (INCONCLUSIVE, "inconclusive")
    assert first.sentence.endswith("14,000 examples); 10 metrics were tested, so one may differ by chance.")
    alone = model(found.metrics[0], comparisons=found.comparisons[:1])
    assert findings(alone)[0].status is WARN


def test_the_exact_p_counts_where_no_drop_is_allowed() -> None:
    assert findings(accuracy(-0.02, 0.009, p=0.06))[0].status is INCONCLUSIVE
    assert findings(accuracy(-0.02, 0.009, p=0.01))[0].status is WARN


# ---- without predictions -------------------------------------------------------------------------


def test_two_numbers_alone() -> None:
    dropped = model(metric("accuracy", 0.88, 0.9))
    assert [(one.status, one.sentence, one.hint) for one in findings(dropped)] == [
        (WARN, "accuracy fell by 0.02 (no interval).", WRITE)
    ]
    limit = {"accuracy": {"max_drop": 0.01}}
    assert said(dropped, limits=limit) == [
        (FAIL, "accuracy fell by 0.02 (no interval), more than the allowed 0.01.")
    ]
    assert said(model(metric("accuracy", 0.89, 0.9)), limits=limit) == [
        (PASS, "accuracy fell by 0.01 (no interval), within the allowed 0.01.")
    ]
    assert said(model(metric("accuracy", 0.95, 0.9)), limits=limit) == [
        (PASS, "accuracy rose by 0.05 (no interval).")
    ]
    assert said(model(metric("rmse", 3.0, 2.0, direction="lower"))) == [
        (WARN, "rmse rose by 1 (no interval).")
    ]
    assert said(model(metric("accuracy", 0.9, 0.9))) == [(PASS, "accuracy is unchanged.")]


def test_a_metric_that_the_predictions_do_not_give() -> None:
    (finding,) = findings(model(metric("bleu", 0.3, 0.4), predictions=COMPARED))
    assert (
        finding.hint
        == "the predictions do not give this value; averaged over training seeds it has an interval"
    )


def test_a_name_without_a_direction() -> None:
    (finding,) = findings(model(metric("foo", 2.0, 1.0, direction=None)))
    assert (finding.status, finding.required) == (SKIP, False)
    assert finding.sentence == "foo is not judged: its name does not say which way is good."
    assert finding.hint == "set direction: higher or lower for foo in mlops-ci.yaml, or list it under ignore"


def test_a_direction_from_the_limit() -> None:
    found = model(metric("foo", 2.0, 1.0, direction=None))
    assert said(found, limits={"foo": {"direction": "lower"}}) == [(WARN, "foo rose by 1 (no interval).")]


def test_a_drop_that_cannot_be_judged_is_required() -> None:
    (finding,) = findings(model(metric("foo", 2.0, 1.0, direction=None)), limits={"foo": {"max_drop": 0.1}})
    assert (finding.status, finding.required) == (SKIP, True)


def test_a_drop_without_a_direction_is_incomplete_beside_a_fixed_limit() -> None:
    found = model(metric("foo", 2.0, 1.0, direction=None))
    (finding,) = findings(found, limits={"foo": {"max_drop": 0.1, "max": 3}})
    assert (finding.status, finding.required) == (SKIP, True)
    assert finding.sentence == (
        "The allowed drop of foo cannot be judged: its name does not say which way is good."
    )
    assert finding.hint.startswith("set direction: higher or lower")


def test_the_allowed_drop_of_a_count_is_meant_under_its_name_alone() -> None:
    found = model(metric("rows", 2.0, 1.0, direction=None))
    assert [one.required for one in findings(found, limits={"rows": {"max_drop": 0.1}})] == [True]
    assert [one.required for one in findings(found, limits={"metrics.json:rows": {"max_drop": 0}})] == [True]
    assert findings(found, default={"max_drop": 0.1}) == []


def test_a_required_metric_that_is_there_needs_no_direction() -> None:
    assert findings(model(metric("foo", 2.0, 1.0, direction=None)), limits={"foo": {"required": True}}) == []


def test_counts_and_unchanged_unknowns_make_no_noise() -> None:
    found = model(
        metric("test.rows", 2.0, 1.0, direction=None),
        metric("foo", 1.0, 1.0, direction=None),
    )
    assert said(found) == [(PASS, "foo is unchanged.")]


# ---- absolute limits -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ({"min": 0.95}, (FAIL, "accuracy is 0.9000, below the minimum 0.95.")),
        ({"max": 0.8}, (FAIL, "accuracy is 0.9000, above the maximum 0.8.")),
        ({"min": 0.5, "max": 0.95}, (PASS, "accuracy is unchanged.")),
    ],
)
def test_absolute_limits_judge_the_value(limit: dict[str, float], expected: tuple[Status, str]) -> None:
    assert said(model(metric("accuracy", 0.9, 0.9)), limits={"accuracy": limit}) == [expected]


def test_an_absolute_limit_of_an_unknown_direction() -> None:
    found = model(metric("foo", 2.0, 1.0, direction=None))
    assert said(found, limits={"foo": {"max": 3}}) == [(PASS, "foo is 2, within max 3.")]


def test_the_gravest_sentence_wins_and_the_change_stays() -> None:
    (finding,) = findings(accuracy(0.012, 0.002), limits={"accuracy": {"min": 0.95}})
    assert (finding.status, finding.change, finding.limit) == (FAIL, "better", "min 0.95")


# ---- a number that is not there -------------------------------------------------------------------


@pytest.mark.parametrize("problem", ["NaN", "Infinity"])
def test_no_number_refuses_always(problem: str) -> None:
    assert said(model(metric("accuracy", None, 0.9, problem=problem))) == [(FAIL, f"accuracy is {problem}.")]


def test_no_number_as_before_warns_unless_a_limit_asks() -> None:
    found = model(metric("accuracy", None, problem="NaN", base_problem="NaN"))
    assert said(found) == [(WARN, "accuracy is NaN, as at the base.")]
    assert said(found, limits={"accuracy": {"min": 0.5}}) == [(FAIL, "accuracy is NaN.")]
    other = model(metric("accuracy", None, problem="NaN", base_problem="Infinity"))
    assert said(other) == [(FAIL, "accuracy is NaN.")]


def test_null() -> None:
    found = model(metric("accuracy", None, problem="null", base_problem="null"))
    assert said(found) == [(WARN, "accuracy is null.")]
    assert said(found, limits={"accuracy": {"min": 0.5}}) == [(FAIL, "accuracy is null.")]


def test_missing_at_head() -> None:
    found = model(metric("accuracy", None, 0.9, problem="missing"))
    sentence = "accuracy is missing. It was 0.9000 at the base."
    assert said(found) == [(WARN, sentence)]
    assert said(found, limits={"accuracy": {"min": 0.5}}) == [(FAIL, sentence)]
    assert said(found, default={"required": True}) == [(FAIL, sentence)]


def test_missing_on_both_sides() -> None:
    assert said(model(metric("accuracy", None))) == [(WARN, "accuracy is missing.")]


def test_not_measured_for_another_reason() -> None:
    found = model(metric("accuracy", None, 0.9, problem="the stage train did not finish"))
    (finding,) = findings(found, limits={"accuracy": {"min": 0.5}})
    assert (finding.status, finding.required) == (SKIP, True)
    assert finding.sentence == "accuracy has no value: the stage train did not finish."


def test_only_at_head() -> None:
    assert said(model(metric("accuracy", 0.9))) == [(PASS, "accuracy is new: 0.9000.")]
    assert said(model(metric("accuracy", 0.9)), limits={"accuracy": {"min": 0.95}}) == [
        (FAIL, "accuracy is 0.9000, below the minimum 0.95.")
    ]


def test_nan_at_the_base() -> None:
    assert said(model(metric("accuracy", 0.9, None, base_problem="NaN"))) == [
        (WARN, "accuracy cannot be compared: at the base it is NaN.")
    ]


def test_a_limit_without_its_metric() -> None:
    found = model(metric("accuracy", 0.9, 0.9))
    name = (WARN, "There is a limit on acuracy, but no metric of that name.")
    assert said(found, limits={"acuracy": {"min": 0.5}})[:1] == [name]
    assert said(found, limits={"acuracy": {"required": True}})[0][0] is FAIL
    assert len(said(found, limits={"*rmse": {"max": 1}})) == 1


def test_no_metric_is_a_skip_and_incomplete_where_a_limit_stands() -> None:
    assert [(one.status, one.required) for one in findings(model())] == [(SKIP, False)]
    (finding,) = findings(model(), limits={"*": {"min": 0.5}})
    assert (finding.status, finding.required, finding.sentence) == (SKIP, True, "No metric was measured.")


def test_no_model_is_a_skip() -> None:
    (finding,) = gate.check(evidence(), Options())
    assert (finding.status, finding.sentence) == (SKIP, "There is no model, so no metric was judged.")


# ---- models and metrics that are not judged ------------------------------------------------------


def test_an_unchanged_model_is_one_line() -> None:
    found = model(metric("accuracy", 0.9, 0.9), changed=False)
    assert said(found) == [(PASS, "Nothing that feeds the model differs from the base.")]
    assert said(found, limits={"accuracy": {"min": 0.95}}) == [
        (WARN, "accuracy is 0.9000, below the minimum 0.95.")
    ]


@pytest.mark.parametrize("problem", ["", "null"])
def test_a_metric_that_an_unchanged_model_lost_is_judged(problem: str) -> None:
    found = model(metric("accuracy", None, 0.9, problem=problem), changed=False)
    sentence = f"accuracy is {problem or 'missing'}. It was 0.9000 at the base."
    assert said(found) == [(WARN, sentence)]
    assert said(found, limits={"accuracy": {"min": 0.5}}) == [(FAIL, sentence)]


@pytest.mark.parametrize("changed", [True, False])
def test_without_a_base_only_fixed_limits_are_judged(*, changed: bool) -> None:
    found = evidence(model(metric("accuracy", 0.9), changed=changed), base=Base())
    passed = gate.check(found, Options())
    assert [(one.subject, one.status, one.sentence, one.hint) for one in passed] == [
        (
            "base",
            WARN,
            "There is no base to compare with, so only fixed limits are judged.",
            "name it with --base",
        ),
        ("accuracy", PASS, "accuracy is new: 0.9000.", ""),
    ]
    failed = gate.check(found, Options.model_validate({"limits": {"accuracy": {"min": 0.95}}}))
    assert [one.status for one in failed] == [WARN, FAIL]


def test_ignored_and_informational_metrics() -> None:
    found = model(metric("foo", 1.0, 2.0), metric("train.accuracy", 0.8, 0.9))
    shown = (PASS, "train.accuracy is 0.8000, 0.9000 at the base; it is shown, not judged.")
    assert said(found, ignore=["foo"]) == [shown]
    assert said(found, ignore=["*"]) == [(SKIP, "No metric was measured.")]
    assert said(found, ignore=["foo"], limits={"train.accuracy": {"max_drop": 0.01}}) == [
        (FAIL, "train.accuracy fell by 0.1 (no interval), more than the allowed 0.01.")
    ]


def test_a_compared_training_metric_is_informational_too() -> None:
    found = model(metric("train.accuracy", 0.8, 0.9), comparisons=(comparison("train.accuracy", -0.1, 0.01),))
    assert [one.status for one in findings(found)] == [PASS]


def test_a_changed_evaluation_set_is_its_own_finding() -> None:
    reason = "the evaluation set changed: 14,000 rows at head, 13,900 at base"
    found = model(
        metric("accuracy", 0.8, 0.9),
        metric("roc_auc", 0.8, 0.9),
        predictions=Predictions(path="p.csv", rows=14_000, base_rows=13_900, reason=reason),
    )
    assert said(found, limits={"accuracy": {"min": 0.85, "max_drop": 0.01}}) == [
        (
            INCONCLUSIVE,
            "The evaluation set is not the base's, so drops are not judged: "
            "14,000 rows at head, 13,900 at base.",
        ),
        (FAIL, "accuracy is 0.8000, below the minimum 0.85."),
    ]


def test_a_base_without_predictions_is_judged_by_its_numbers() -> None:
    found = model(
        metric("accuracy", 0.8, 0.9),
        predictions=Predictions(path="p.csv", rows=9, reason="the base has no predictions"),
    )
    assert said(found) == [(WARN, "accuracy fell by 0.1 (no interval).")]


def test_predictions_that_cannot_be_used_are_a_finding() -> None:
    found = model(metric("accuracy", 0.9, 0.9), predictions=Predictions(path="p.csv", reason="no y_true"))
    first = findings(found)[0]
    assert (first.subject, first.status) == ("predictions", WARN)
    assert first.sentence == "The predictions cannot be used, so no difference has an interval: no y_true."


# ---- the trivial model ----------------------------------------------------------------------------


def floored(delta: float, se: float) -> ModelEvidence:
    margin = comparison("accuracy", delta, se)
    return model(
        metric("accuracy", 0.6, 0.6),
        floors=(
            Floor(
                metric="accuracy",
                file="metrics.json",
                kind="majority class",
                value=round(0.6 - delta, 6),
                margin=margin,
            ),
        ),
    )


def floor_of(delta: float, se: float, **options: Any) -> list[tuple[Status, str]]:
    return [
        (one.status, one.sentence)
        for one in findings(floored(delta, se), **options)
        if "floor" in one.subject
    ]


def test_a_beaten_floor_is_one_line() -> None:
    assert floor_of(0.1, 0.01) == [(PASS, "The model beats a trivial one on 1 metric.")]


def test_a_floor_that_stands() -> None:
    expected = (
        "accuracy is no better than a trivial model (majority class: 0.6100): "
        "margin −0.01 (95 % interval −0.0296 to +0.0096, 14,000 examples)."
    )
    assert floor_of(-0.01, 0.01) == [(WARN, expected)]
    assert floor_of(-0.01, 0.01, floor="fail") == [(FAIL, expected)]
    assert floor_of(-0.01, 0.01, limits={"accuracy": {"floor": True}}) == [(FAIL, expected)]
    assert floor_of(-0.01, 0.01, floor="off") == []
    assert floor_of(-0.01, 0.01, floor=False) == []
    assert floor_of(-0.01, 0.01, limits={"accuracy": {"floor": False}}) == []
    assert floor_of(-0.01, 0.01, floor="off", limits={"accuracy": {"floor": True}}) == [(FAIL, expected)]


def test_a_floor_hardly_beaten() -> None:
    expected = (
        "accuracy may be no better than a trivial model (majority class: 0.5900): "
        "margin +0.01 (95 % interval −0.0096 to +0.0296, 14,000 examples)."
    )
    assert floor_of(0.01, 0.01, floor="fail") == [(INCONCLUSIVE, expected)]


def test_two_beaten_floors() -> None:
    one = floored(0.1, 0.01)
    both = model(
        *one.metrics,
        metric("roc_auc", 0.9, 0.9),
        floors=(
            *one.floors,
            Floor(
                metric="roc_auc",
                file="metrics.json",
                kind="class prior",
                value=0.5,
                margin=comparison("roc_auc", 0.4, 0.01),
            ),
        ),
    )
    assert said(both)[-1] == (PASS, "The model beats a trivial one on 2 metrics.")


# ---- slices ---------------------------------------------------------------------------------------


def group(level: str, head: float, delta: float | None = None, se: float = 0.01, rows: int = 1_234) -> Slice:
    return Slice(
        column="sex",
        level=level,
        rows=rows,
        metric="accuracy",
        head=head,
        base=None if delta is None else head - delta,
        comparison=None if delta is None else comparison("accuracy", delta, se, n=rows),
    )


def slices_of(*groups: Slice, **options: Any) -> list[tuple[Status, str, str]]:
    found = model(metric("accuracy", 0.9, 0.9), slices=groups)
    return [(one.status, one.subject, one.sentence) for one in findings(found, **options)][1:]


def test_the_worst_slice_is_named() -> None:
    groups = (group("1", 0.9, 0.0), group("2", 0.7, -0.1), group("3", 0.8, -0.05))
    sentence = (
        "accuracy fell by 0.1 (95 % interval −0.12 to −0.0804, 1,234 examples) for sex = 2, "
        "{}. 1 more group also lost."
    )
    assert slices_of(*groups) == [(WARN, "sex = 2", sentence.format("more than chance explains"))]
    assert slices_of(*groups, slices={"max_drop": 0.02}) == [
        (FAIL, "sex = 2", sentence.format("more than the allowed 0.02"))
    ]


def test_a_slice_has_a_value_where_it_is_the_only_one_that_lost() -> None:
    """What an owner accepts by a value must be all that the finding says."""
    measured = metric("accuracy", 0.9, 0.9)
    one, two = group("1", 0.9, 0.0), group("2", 0.7, -0.1)
    alone = findings(model(measured, slices=(one, two)))[1]
    assert (alone.value, alone.direction, alone.metric) == (0.7, "higher", "accuracy")
    both = findings(model(measured, slices=(one, two, group("3", 0.8, -0.05))))[1]
    assert (both.value, both.direction) == (None, None)


def test_more_than_two_lost() -> None:
    groups = tuple(group(str(number), 0.8, -0.1 - number / 100) for number in range(3))
    assert slices_of(*groups)[0][2].endswith("2 more groups also lost.")


def test_no_slice_lost() -> None:
    groups = (group("1", 0.9, 0.0), group("2", 0.7, -0.01))
    expected = (
        "No group is surely worse than at the base; the weakest is sex = 2: accuracy 0.7000 (1,234 rows)."
    )
    assert slices_of(*groups) == [(PASS, "sex = 2", expected)]


def test_slices_without_a_base() -> None:
    expected = "The weakest group is sex = 2: accuracy 0.7000 (1,234 rows)."
    assert slices_of(group("1", 0.9), group("2", 0.7)) == [(PASS, "sex = 2", expected)]


def test_small_slices_are_not_judged() -> None:
    assert slices_of(group("1", 0.1, rows=99)) == []
    assert len(slices_of(group("1", 0.1, rows=99), slices={"min_rows": 50})) == 1


# ---- options --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"limits": {"accuracy": {"max_drop": "two percent"}}},
        {"limits": {"accuracy": {"max_drop": -1}}},
        {"limits": {"accuracy": {"min": "0.5"}}},
        {"limits": {"accuracy": {"min": True}}},
        {"limits": {"accuracy": {"mim": 0.5}}},
        {"alpha": 0.7},
        {"floor": "perhaps"},
        {"slices": {"min_rows": 0}},
    ],
)
def test_wrong_options_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Options.model_validate(wrong)
