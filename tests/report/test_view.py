"""Unit: what a report says, as data: order, likely causes, slices, floors, plots and what is left out."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from mlops_ci import evidence as ev
from mlops_ci.evidence import Status
from mlops_ci.report.changes import Place
from mlops_ci.report.ladder import COMMENT, SUMMARY, Detail, Rows, capped, ladder
from mlops_ci.report.model import MetricRow, ModelView
from mlops_ci.report.plots import plots_of
from mlops_ci.report.view import Facts, View, view
from tests.report import samples
from tests.report.samples import Sample


def made(sample: Sample, detail: Detail = COMMENT) -> View:
    return view(Facts(sample.evidence, sample.findings, sample.verdict, "sha256:1"), detail)


def model(**facts: object) -> ModelView:
    section = ev.ModelEvidence.model_validate({"name": "churn", **facts})
    return made(Sample(samples.document(models=(section,)))).models.sections.shown[0]


def only_row(metric: ev.Metric) -> MetricRow:
    return model(metrics=(metric,)).rows.shown[0]


def test_a_live_release_has_a_line_where_it_says_something_of_its_own() -> None:
    view = made(samples.behind_live()).models.sections.shown[0]
    lines = [(row.environments, row.name, row.metrics.total, row.problem) for row in view.live]
    assert lines == [
        (("production", "failover"), "v7", 2, ""),
        (("lab",), "v9 `rc`", 1, "data/test.csv is not what it was measured on"),
        (("edge",), "", 0, "its record is in another repository"),
    ]
    accuracy, auc = view.live[0].metrics.shown
    assert (accuracy.name, accuracy.value) == ("accuracy", 0.914)
    assert accuracy.delta == pytest.approx(-0.017)
    assert (auc.name, auc.value, auc.delta) == ("roc_auc", 0.94, None)
    # Of other examples a difference says nothing.
    assert view.live[1].metrics.shown[0].delta is None


def test_what_is_live_goes_with_the_metrics() -> None:
    few = made(samples.behind_live(), replace(COMMENT, names=1)).models.sections.shown[0]
    assert [(len(row.metrics.shown), row.metrics.hidden) for row in few.live] == [(1, 1), (1, 0), (0, 0)]
    assert made(samples.behind_live(), replace(COMMENT, metrics=0)).models.sections.shown[0].live == ()


def test_the_worst_metric_comes_first() -> None:
    rows = made(samples.refused()).models.sections.shown[0].rows.shown
    assert [(r.name, r.status) for r in rows] == [
        ("accuracy", "fail"),
        ("roc_auc", "warn"),
        ("log_loss", "pass"),
    ]


def test_the_worst_model_comes_first() -> None:
    names = [section.name for section in made(samples.many_models()).models.sections.shown]
    assert names[:3] == ["model_00", "model_07", "model_14"]


@pytest.mark.parametrize(
    ("metric", "change"),
    [
        (samples.metric("accuracy", 0.9, None), "new"),
        (samples.metric("accuracy", None, 0.9), "gone"),
        (samples.metric("accuracy", None, 0.9, problem="NaN"), "broken"),
        (samples.metric("accuracy", 0.9, 0.8), "better"),
        (samples.metric("accuracy", 0.8, 0.9), "worse"),
        (samples.metric("loss", 0.8, 0.9, direction="lower"), "better"),
        (samples.metric("rows", 12, 10, direction=None), "moved"),
    ],
)
def test_a_change_no_gate_named(metric: ev.Metric, change: str) -> None:
    assert change == only_row(metric).change


def test_a_difference_on_other_examples_has_no_judging_word_and_no_cause() -> None:
    other = ev.Predictions(path="p.csv", rows=90, base_rows=80, reason="the evaluation set changed: 80 rows")
    for value in (0.8, 0.95):
        found = model(metrics=(samples.metric("accuracy", value, 0.9),), predictions=other)
        assert [(row.change, row.delta) for row in found.rows.shown] == [("uncompared", value - 0.9)]
        assert found.causes == ()


def test_an_unchanged_metric_has_a_row_in_the_summary_alone() -> None:
    evidence = samples.document(
        models=(ev.ModelEvidence(name="m", metrics=(samples.metric("f1", 0.9, 0.9),)),)
    )
    short, whole = (made(Sample(evidence), detail).models.sections.shown[0] for detail in (COMMENT, SUMMARY))
    assert (Rows[MetricRow](), Rows(("f1",))) == (short.rows, short.unchanged)
    assert [row.change for row in whole.rows.shown] == ["same"]


def test_metrics_of_one_name_in_two_files_are_told_apart() -> None:
    two = tuple(samples.metric("accuracy", 0.9, 0.8, file=name) for name in ("a.json", "metrics.json"))
    rows = model(metrics=two, comparisons=(samples.comparison("accuracy", 0.1, 0.05, 0.15),)).rows.shown
    assert [(r.file, r.interval is not None) for r in rows] == [("a.json", False), ("metrics.json", True)]


def test_a_comparison_without_a_file_belongs_to_the_only_metric_of_its_name() -> None:
    unnamed = samples.comparison("accuracy", 0.1, 0.05, 0.15).model_copy(update={"file": ""})
    rows = model(metrics=(samples.metric("accuracy", 0.9, 0.8),), comparisons=(unnamed,)).rows.shown
    assert unnamed.interval == rows[0].interval


def test_spread_over_seeds() -> None:
    row = only_row(samples.metric("accuracy", 0.9, 0.8, seeds=(0.8, 0.9, 1.0)))
    assert row.spread == pytest.approx(0.1)
    assert row.base_spread is None


def test_levels_that_differ_are_said_in_each_row() -> None:
    pair = (samples.comparison("a", 0.1, 0.05, 0.15), samples.comparison("b", 0.1, 0.05, 0.15))
    other = pair[1].model_copy(update={"interval": ev.Interval(low=0.05, high=0.15, level=0.9)})
    metrics = (samples.metric("a", 0.9, 0.8), samples.metric("b", 0.9, 0.8))
    assert model(metrics=metrics, comparisons=pair).level == 0.95
    mixed = Sample(
        samples.document(models=(ev.ModelEvidence(name="m", metrics=metrics, comparisons=(pair[0], other)),))
    )
    assert made(mixed).models.sections.shown[0].level is None


# ---- causes ----------------------------------------------------------------------------------------


def test_causes_are_those_that_feed_the_stage_parameters_first() -> None:
    elsewhere = samples.LEARNING_RATE.model_copy(update={"key": "other", "feeds": ("report",)})
    sample = samples.refused()
    evidence = sample.evidence.model_copy(update={"params": (elsewhere, samples.LEARNING_RATE)})
    (group,) = made(Sample(evidence, sample.findings)).models.sections.shown[0].causes
    assert group.metrics == ("accuracy", "roc_auc")
    found = [(cause.kind, cause.place.name) for cause in group.causes.shown]
    assert found == [
        ("param", "params.yaml:12"),
        ("data", "data/census.csv.dvc:2"),
        ("code", "pipeline/train.py"),
    ]


def test_no_recorded_cause_is_said() -> None:
    (group,) = model(metrics=(samples.metric("accuracy", 0.8, 0.9),)).causes
    assert (group.metrics, group.causes.total) == (("accuracy",), 0)


def test_a_comment_in_code_is_no_cause() -> None:
    harmless = samples.TRAIN_CODE.model_copy(update={"comment_only": True})
    evidence = samples.document(models=(samples.worse_model(),), files=(harmless,))
    (group,) = made(Sample(evidence)).models.sections.shown[0].causes
    assert group.causes.total == 0


def test_a_place_has_an_address_where_the_server_is_known() -> None:
    sample = samples.refused()
    facts = Facts(sample.evidence, (), sample.verdict, "", source_url="https://git.example/a b/")
    expected = Place("params.yaml", 12, "https://git.example/a b/params.yaml#L12")
    assert expected == view(facts, COMMENT).changes.params.shown[0].place


# ---- slices, floors, plots -------------------------------------------------------------------------


def group(level: str, head: float, before: float | None = None, metric: str = "accuracy") -> ev.Slice:
    return ev.Slice(column="sex", level=level, rows=10, metric=metric, head=head, base=before)


def lost(level: str, head: float, before: float) -> ev.Slice:
    """A large group that surely lost."""
    delta = head - before
    compared = samples.comparison("accuracy", delta, delta - 0.01, delta + 0.01)
    return group(level, head, before).model_copy(update={"rows": 5_000, "comparison": compared})


@pytest.mark.parametrize(
    ("slices", "worst"),
    [
        ((lost("F", 0.9, 0.95), group("M", 0.8, 0.8)), "sex=F"),
        ((group("F", 0.9, 0.95), group("M", 0.8, 0.8)), "sex=M"),
        ((group("F", 0.9), group("M", 0.8)), "sex=M"),
        ((group("F", 0.5, metric="loss"), group("M", 0.2, metric="loss")), "sex=F"),
    ],
)
def test_the_worst_slice_lost_most_or_scores_least(slices: tuple[ev.Slice, ...], worst: str) -> None:
    metrics = (samples.metric("accuracy", 0.9, 0.9), samples.metric("loss", 0.3, 0.3, direction="lower"))
    found = model(metrics=metrics, slices=slices).worst_slice
    assert found is not None
    assert worst == found.name


def test_the_slice_that_the_gate_names_is_the_worst() -> None:
    section = ev.ModelEvidence(
        name="churn",
        metrics=(samples.metric("accuracy", 0.9, 0.9),),
        slices=(lost("F", 0.9, 0.95), group("M", 0.95, 0.95)),
    )
    named = samples.finding(Status.PASS, "sex = M", "the weakest", metric="accuracy")
    found = made(Sample(samples.document(models=(section,)), (named,))).models.sections.shown[0]
    assert [row.level for row in found.slices.shown] == ["M", "F"]


def test_a_comparison_between_trainings_counts_no_examples() -> None:
    welch = samples.comparison("bleu", 0.1, 0.05, 0.15, n=6).model_copy(update={"seeds": (3, 3)})
    both = samples.comparison("accuracy", 0.1, 0.05, 0.15, n=4).model_copy(update={"seeds": (3, 3)})
    metrics = (samples.metric("bleu", 0.5, 0.4), samples.metric("accuracy", 0.9, 0.8))
    assert model(metrics=metrics, comparisons=(welch, both)).examples == 4
    assert model(metrics=metrics, comparisons=(welch,)).examples is None


@pytest.mark.parametrize(
    ("low", "high", "side"), [(0.1, 0.2, "above"), (-0.2, -0.1, "below"), (-0.1, 0.1, "unclear")]
)
def test_a_floor_is_seen_from_what_is_good(low: float, high: float, side: str) -> None:
    margin = samples.comparison("accuracy", (low + high) / 2, low, high)
    floor = ev.Floor(metric="accuracy", kind="mean", value=0.5, margin=margin)
    opposite = {"above": "below", "below": "above", "unclear": "unclear"}[side]
    assert side == model(metrics=(samples.metric("accuracy", 1, 1),), floors=(floor,)).floors[0].side
    lower = samples.metric("accuracy", 1, 1, direction="lower")
    assert opposite == model(metrics=(lower,), floors=(floor,)).floors[0].side


def test_a_gate_may_know_better_than_the_name_which_way_is_good() -> None:
    metrics = (samples.metric("score", 0.5, 0.6, direction=None),)
    judged = samples.finding(Status.PASS, "score", "score fell", direction="lower", change="better")
    evidence = samples.document(
        models=(
            ev.ModelEvidence(
                name="churn",
                metrics=metrics,
                slices=(group("F", 0.9, metric="score"), group("M", 0.1, metric="score")),
            ),
        )
    )
    section = made(Sample(evidence, (judged,))).models.sections.shown[0]
    assert section.worst_slice is not None
    assert (section.worst_slice.name, section.rows.shown[0].change) == ("sex=F", "better")


def test_a_loss_within_its_limit_needs_no_cause() -> None:
    allowed = samples.finding(Status.PASS, "accuracy", "within the allowed 0.2", change="worse")
    section = ev.ModelEvidence(name="churn", metrics=(samples.metric("accuracy", 0.8, 0.9),))
    assert made(Sample(samples.document(models=(section,)), (allowed,))).models.sections.shown[0].causes == ()


@pytest.mark.parametrize(("status", "current"), [(Status.PASS, True), (Status.FAIL, False)])
def test_the_lock_is_current_where_its_gate_says_so(status: Status, current: bool) -> None:
    judged = ev.Finding(gate="lock", subject="dvc.lock", status=status, sentence="said")
    stale = samples.lock(stale=(ev.StageReason(stage="train"),))
    assert made(Sample(samples.document(lock=stale), (judged,))).lock.current is current
    assert made(Sample(samples.document(lock=stale))).lock.current is False


def test_two_curves_are_drawn_three_are_bars_and_equal_ones_are_left_out() -> None:
    two = plots_of((samples.line_plot("a"), samples.line_plot("b"), samples.line_plot("same", 0.0)), 10)
    assert (len(two.charts), len(two.sparks), two.total) == (2, 0, 2)
    three = plots_of(tuple(samples.line_plot(name) for name in "abc"), 10)
    assert (len(three.charts), len(three.sparks)) == (0, 3)


def test_a_flat_curve_at_one_point_still_has_axes() -> None:
    flat = ev.Plot(id="p", title="", kind="line", head=((0.0, 0.0),))
    (chart,) = plots_of((flat,), 10).charts
    assert (chart.title, chart.x_span, chart.y_span, chart.base) == ("p", (0.0, 1.0), (-1.0, 1.0), ())


def test_a_confusion_matrix_shows_counts_and_their_change() -> None:
    (matrix,) = plots_of((samples.CONFUSION,), 10).matrices
    assert (matrix.rows[0].label, matrix.rows[0].cells) == ("no", ((9_000, -100), (512, 100)))
    grown = samples.CONFUSION.model_copy(update={"base": ((1.0,),), "labels": ("no",)})
    (matrix,) = plots_of((grown,), 10).matrices
    assert (matrix.labels, matrix.rows[1].cells) == (("no", "1"), ((850, None), (3_638, None)))


def test_a_matrix_of_many_classes_is_left_out_and_counted() -> None:
    wide = samples.CONFUSION.model_copy(update={"labels": tuple(map(str, range(30)))})
    assert (plots_of((wide,), 10).total, plots_of((wide,), 10).hidden) == (0, 1)


# ---- the ladder ------------------------------------------------------------------------------------


def test_capped() -> None:
    assert Rows((1, 2), 1) == capped([1, 2, 3], 2)
    assert capped([1, 2, 3], 2).total == 3


@pytest.mark.parametrize("full", [COMMENT, SUMMARY])
def test_no_step_of_the_ladder_shows_more_than_the_one_before(full: Detail) -> None:
    steps = ladder(full)
    for larger, smaller in pairwise(steps):
        assert all(getattr(smaller, name) <= getattr(larger, name) for name in vars(full))
        assert smaller != larger


def test_what_a_step_leaves_out_is_counted() -> None:
    smallest = made(samples.refused(), ladder(COMMENT)[-1])
    assert smallest.left_out == (("models", 1), ("params", 1), ("data", 1), ("code", 1))


def test_an_unchanged_model_a_gate_complains_about_has_a_section() -> None:
    complaint = samples.finding(Status.WARN, "drift", "the data drifted", model="spam")
    found = made(Sample(samples.document(models=samples.unchanged_models(("spam", "fraud"))), (complaint,)))
    assert [section.name for section in found.models.sections.shown] == ["spam"]
    assert found.models.unchanged.shown == ("fraud",)
