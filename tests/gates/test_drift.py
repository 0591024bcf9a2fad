"""What the drift gate says of a model's comparisons."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mlops_ci.evidence import DomainClassifier, Drift, DriftColumn, Driver, Finding, Interval, Status
from mlops_ci.gates import drift as gate
from tests.gates.samples import evidence, model
from tests.judging.test_drifting import NEW, category, new_level, number

NAME = "train: head against base"


def drift(*columns: DriftColumn, **more: Any) -> Drift:
    told = {"name": NAME, "reference": "a", "current": "b", "rows": (9000, 8000), "columns": columns}
    return Drift.model_validate(told | more)


def found(*drifts: Drift, changed: bool = True, **options: Any) -> list[Finding]:
    one = model(drift=drifts, changed=changed)
    return gate.check(evidence(one), gate.Options.model_validate(options))


def told(findings: list[Finding]) -> list[tuple[str, Status]]:
    return [(one.subject.removeprefix(f"{NAME}: "), one.status) for one in findings]


STABLE = [number(f"x{at}") for at in range(3)]
AGE = number("AGE", 0.2, 0.0)


# ---- nothing to judge ------------------------------------------------------------------------------


def test_without_a_model_there_is_nothing_to_compare() -> None:
    (finding,) = gate.check(evidence(), gate.Options())
    assert finding.status == Status.SKIP
    assert finding.sentence == "There is no model, so no tables were compared."


def test_without_tables_it_says_which_key_names_them() -> None:
    (finding,) = found(required=True)
    assert (finding.status, finding.required, finding.model) == (Status.SKIP, True, "churn")
    assert finding.sentence == "No tables were compared: mlops-ci.yaml names none for this model."
    assert finding.hint == "name the training table under defaults.data.train in mlops-ci.yaml"


def test_a_model_that_nothing_feeds_is_not_asked_for() -> None:
    (finding,) = found(changed=False, required=True)
    assert (finding.status, finding.required) == (Status.SKIP, False)
    assert finding.sentence == (
        "Nothing that feeds the model differs from the base, so it was not measured again."
    )


def test_a_comparison_that_could_not_be_made_says_why() -> None:
    (finding,) = found(drift(problem="there is no base to compare with."), required=True)
    assert (finding.subject, finding.status, finding.required) == (NAME, Status.SKIP, True)
    assert finding.sentence == f"{NAME}: not compared: there is no base to compare with."


def test_the_same_bytes_did_not_drift() -> None:
    (finding,) = found(drift(same=True))
    assert (finding.status, finding.sentence) == (Status.PASS, f"{NAME}: the same bytes on both sides.")


# ---- columns ---------------------------------------------------------------------------------------


def test_each_drifted_column_is_a_finding_the_most_moved_first() -> None:
    findings = found(drift(number("age", 0.1, 0.0), *STABLE, category("job", 0.3, 0.0)))
    assert told(findings) == [("job", Status.WARN), ("age", Status.WARN), (NAME, Status.PASS)]
    assert findings[1].sentence == ("age drifted: Kolmogorov-Smirnov distance 0.1 (the floor is 0.05).")
    assert (findings[1].value, findings[1].limit, findings[1].model) == (0.1, "ks 0.05", "churn")
    assert findings[1].direction == "lower"
    assert findings[2].sentence == f"{NAME}: 3 of 5 columns did not drift."


@pytest.mark.parametrize("more", [{"nulls": (0.0, 0.2), "null_p": 0.0}, new_level(0.0, NEW)])
def test_an_effect_that_is_not_all_that_drifted_is_no_value(more: dict[str, Any]) -> None:
    """How far the values moved does not say how many are missing or new."""
    for effect, p in ((0.01, 0.8), (0.3, 0.0)):
        (finding, *_) = found(drift(number("age", effect, p, **more), *STABLE))
        assert (finding.status, finding.value) == (Status.WARN, None)


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({}, Status.WARN),
        ({"action": "fail"}, Status.FAIL),
        ({"action": "fail", "columns": {"A*": {"action": "warn"}}}, Status.WARN),
        ({"columns": {"AGE": {"action": "fail"}}}, Status.FAIL),
        ({"target": "fail"}, Status.WARN),
    ],
)
def test_what_a_drifted_feature_does(options: dict[str, Any], status: Status) -> None:
    assert told(found(drift(AGE), **options)) == [("AGE", status)]


@pytest.mark.parametrize(
    ("role", "action", "expected"),
    [
        ("target", "fail", [("AGE", Status.FAIL)]),
        ("prediction", "warn", [("AGE", Status.WARN)]),
        ("prediction", False, []),
        ("target", None, [("AGE", Status.WARN)]),
    ],
)
def test_what_a_drifted_target_or_prediction_does(role: str, action: Any, expected: list[Any]) -> None:
    column = AGE.model_copy(update={"role": role})
    findings = found(drift(column), **{role: action})
    assert told(findings) == expected
    assert all(one.sentence.startswith(f"The {role} AGE drifted: ") for one in findings)


def test_a_new_category_is_named() -> None:
    (finding,) = found(drift(category("job", **new_level(0.0, NEW))))
    assert finding.sentence == "job drifted: Robot: 3 % of the current rows, new (the floor is 1 %)."


def test_undecided_columns_are_one_finding() -> None:
    columns = [number(f"x{at}", detectable=0.11) for at in range(7)]
    (finding,) = found(drift(*columns, rows=(300, 200)))
    assert (finding.subject, finding.status) == (f"{NAME}: undecided columns", Status.INCONCLUSIVE)
    assert finding.sentence == (
        f"{NAME}: 300 and 200 rows are not enough to decide about 7 of 7 columns: x0, x1, x2, x3, x4 and 2 more. "
        "x0: Not enough rows to decide: 0.11 or more would have been seen, the floor is 0.05."
    )


def test_what_was_not_compared_stands_in_the_last_sentence() -> None:
    time = number("at", effect=None, p=None, problem="points in time move by nature")
    (finding,) = found(drift(*STABLE, number("big", 0.04, 0.0), time))
    assert finding.sentence == (
        f"{NAME}: 4 of 5 columns did not drift; 1 of them moved by too little to matter; "
        "not compared: at (points in time move by nature)."
    )


def test_nothing_compared_at_all_is_a_skip() -> None:
    (finding,) = found(drift(number("at", effect=None, p=None, problem="points in time move by nature")))
    assert finding.status == Status.SKIP
    assert finding.sentence == (
        f"{NAME}: no column was compared; not compared: at (points in time move by nature)."
    )


def test_columns_that_came_went_or_changed_their_kind_warn() -> None:
    retyped = number("age", effect=None, p=None, problem="was a number, is a category")
    changed = drift(*STABLE, retyped, added=("new", "b"), removed=("a", "old"), renamed=(("a", "b"),))
    findings = found(changed)
    assert told(findings) == [
        ("new columns", Status.WARN),
        ("gone columns", Status.WARN),
        ("columns of another kind", Status.WARN),
        (NAME, Status.PASS),
    ]
    assert [one.sentence for one in findings[:3]] == [
        f"{NAME}: 2 columns are new: new, b.",
        f"{NAME}: 2 columns are gone: a (looks renamed to b), old.",
        f"{NAME}: 1 column is of another kind: age (was a number, is a category).",
    ]


# ---- the classifier --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("auc", "low", "status", "words"),
    [
        (0.7, 0.65, Status.WARN, "0.700 (0.650 to 0.900), mostly by AGE, more than the allowed 0.600"),
        (0.7, 0.55, Status.INCONCLUSIVE, "the limit of 0.600 is in its interval"),
        (0.55, 0.5, Status.PASS, "within the allowed 0.600"),
    ],
)
def test_the_classifier_is_judged_where_it_was_asked_for(
    auc: float, low: float, status: Status, words: str
) -> None:
    drivers = (Driver(column="AGE", loss=0.1), Driver(column="SEX", loss=-0.1))
    seen = DomainClassifier(auc=auc, interval=Interval(low=low, high=0.9), rows=(90, 90), drivers=drivers)
    (finding, _) = found(drift(*STABLE, classifier=seen), classifier={})
    assert (finding.subject, finding.status) == (f"{NAME}: classifier", status)
    assert words in finding.sentence
    assert (finding.value, finding.interval, finding.limit) == (auc, seen.interval, "max 0.6")
    assert finding.direction == "lower"
    assert len(found(drift(*STABLE, classifier=seen))) == 1


def test_a_classifier_may_refuse_and_may_have_no_driver() -> None:
    seen = DomainClassifier(auc=0.9, interval=Interval(low=0.8, high=1), rows=(90, 90))
    (finding, _) = found(drift(*STABLE, classifier=seen), classifier={"max_auc": 0.7}, action="fail")
    assert finding.status == Status.FAIL
    assert finding.sentence == (
        f"{NAME}: a classifier tells current rows from others with AUC 0.900 (0.800 to 1), "
        "more than the allowed 0.700."
    )


# ---- options ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{"alpha": 0.7}, {"action": "shout"}, {"columns": {"a": {"flor": 1}}}])
def test_mistakes_in_the_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        gate.Options.model_validate(options)


@pytest.mark.parametrize(
    ("lost", "action", "required"), [(True, "fail", True), (True, "warn", False), (False, "fail", False)]
)
def test_a_lost_comparison_leaves_a_gate_that_refuses_incomplete(
    lost: bool, action: str, required: bool
) -> None:
    (finding,) = found(drift(problem="t.csv is missing", lost=lost), action=action)
    assert (finding.status, finding.required) == (Status.SKIP, required)


def test_gone_and_retyped_columns_follow_the_action() -> None:
    retyped = number("age", effect=None, p=None, problem="was a number, is a category")
    changed = drift(*STABLE, retyped, added=("new",), removed=("old", "spare"))
    findings = found(changed, action="fail", columns={"spare": {"action": "warn"}})
    assert told(findings)[:4] == [
        ("new columns", Status.WARN),
        ("gone columns", Status.FAIL),
        ("gone columns", Status.WARN),
        ("columns of another kind", Status.FAIL),
    ]
    assert "`action: warn`" in findings[1].hint


def test_what_only_the_current_side_keeps_from_being_compared_is_inconclusive() -> None:
    lost = number("job", effect=None, p=None, problem="too many values (in the current table)")
    assert told(found(drift(*STABLE, lost))) == [("lost columns", Status.INCONCLUSIVE), (NAME, Status.PASS)]
