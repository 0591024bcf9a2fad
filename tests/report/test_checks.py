"""Unit: what a report says of the checks, as data: what drifted, what a row tells, what was not checked."""

from __future__ import annotations

import pytest

from mlops_ci import evidence as ev
from mlops_ci.evidence import Finding, Status
from mlops_ci.judging import drifting
from mlops_ci.report.checks import Checks, checks_of, unchecked
from mlops_ci.report.drifted import drawn, drift_view
from mlops_ci.report.ladder import COMMENT, PAGE
from mlops_ci.report.model import model_status
from tests.report import checked, samples
from tests.report.checked import TRAIN, found


def checks(*findings: Finding, **facts: object) -> Checks:
    return checks_of(ev.ModelEvidence.model_validate({"name": "churn", **facts}), findings, COMMENT)


def outcomes(drift: ev.Drift, *findings: Finding) -> dict[str, list[str]]:
    view = drift_view(drift, findings, PAGE)
    groups = {
        "drifted": view.drifted,
        "undecided": view.undecided,
        "unjudged": view.unjudged,
        "rest": view.rest,
    }
    return {name: [row.name for row in rows.shown] for name, rows in groups.items()}


def columns(*made: ev.DriftColumn) -> ev.Drift:
    return ev.Drift(name=TRAIN, reference="a", current="b", rows=(5_000, 5_000), columns=made)


# ---- drift -----------------------------------------------------------------------------------------


def test_findings_say_what_drifted_and_the_gravest_is_first() -> None:
    large, small = checked.number("large", 0.4), checked.number("small", 0.1)
    drift = columns(large, small, checked.number("still", 0.01))
    fail = found("drift", f"{TRAIN}: small", Status.FAIL, "small drifted")
    warn = found("drift", f"{TRAIN}: large", Status.WARN, "large drifted")
    assert outcomes(drift, warn, fail)["drifted"] == ["small", "large"]
    waived = fail.model_copy(update={"waiver": ev.Waiver(owner="ann", reason="r", until="2026-12-31")})
    view = drift_view(drift, (warn, waived), PAGE)
    assert [(row.name, row.status) for row in view.drifted.shown] == [("small", "waived"), ("large", "warn")]
    assert view.status == "waived"


def test_what_the_limits_of_the_repository_allow_did_not_drift() -> None:
    drift = columns(checked.number("large", 0.4), checked.number("few", 0.03, detectable=0.2))
    passed = found("drift", TRAIN, Status.PASS, "2 of 2 columns did not drift")
    assert outcomes(drift, passed)["rest"] == ["large", "few"]
    unsure = found("drift", f"{TRAIN}: undecided columns", Status.INCONCLUSIVE, "not enough rows")
    assert outcomes(drift, passed, unsure)["undecided"] == ["few"]


def test_without_a_gate_the_usual_rules_leave_columns_undecided_and_unjudged() -> None:
    drift = columns(
        checked.number("few", 0.03, detectable=0.2),
        ev.DriftColumn(name="nested", kind="other", problem="nested values"),
    )
    made = outcomes(drift)
    assert (made["undecided"], made["unjudged"], made["drifted"]) == (["few"], ["nested"], [])


def test_decisions_go_before_everything() -> None:
    drift = columns(checked.number("large", 0.4))
    (one,) = drift_view(drift, (), PAGE, (), drifting.judge(drift, drifting.Rules())).drifted.shown
    assert one.name == "large"
    assert one.sentence.startswith("Kolmogorov-Smirnov distance 0.4,")


def test_the_effect_of_a_plug_in_is_shown_by_its_own_name() -> None:
    own = checked.number("x", 0.4, measure="energy", scores={"energy": {"value": 0.4}})
    view = drift_view(columns(own), (found("drift", f"{TRAIN}: x", Status.WARN, "x drifted"),), PAGE)
    (row,) = view.drifted.shown
    assert (row.measure, [name for name, _ in row.scores]) == ("energy", ["energy"])


def test_a_finding_stands_without_the_name_of_its_comparison_and_only_once() -> None:
    drift = columns(checked.number("x", 0.01))
    new = found("drift", f"{TRAIN}: new columns", Status.WARN, f"{TRAIN}: 1 column is new: y.")
    other = found("drift", "another: z", Status.WARN, "z drifted")
    made = checks(new, other, drift=(drift,))
    assert [one.sentence for one in made.drift[0].findings] == ["1 column is new: y."]
    assert made.said["drift"] == (other,)
    assert drift_view(drift, (new,), PAGE, {new}).findings == ()


def test_ignored_columns_are_named_and_those_that_are_not_are_counted() -> None:
    names = tuple(f"c{at}" for at in range(10))
    drift = columns(checked.number("x", 0.01)).model_copy(update={"ignored": names, "ignored_unnamed": 5})
    view = drift_view(drift, (), COMMENT)
    assert (view.ignored.shown, view.ignored.hidden, view.total) == (names[:8], 7, 1)
    assert drift_view(drift, (), PAGE).ignored.hidden == 5


def test_few_levels_are_named() -> None:
    many = tuple(ev.LevelShare(label=str(at), reference=0.0, current=0.02) for at in range(5))
    column = checked.category("c", 0.2, unseen=many, levels=many)
    view = drift_view(columns(column), (found("drift", f"{TRAIN}: c", Status.WARN, "c"),), PAGE)
    (row,) = view.drifted.shown
    assert (len(row.unseen), len(row.moved), row.further) == (3, 0, 2)


def test_the_columns_that_moved_most_are_drawn() -> None:
    flat = ev.Bins(reference=(0.0, 0.0), current=(0.0, 0.0))
    drift = columns(
        checked.number("less", 0.2),
        checked.number("most", 0.4),
        checked.number("none", 0.3, bins=None),
        checked.number("flat", 0.1, bins=flat),
    )
    findings = tuple(found("drift", f"{TRAIN}: {one.name}", Status.WARN, one.name) for one in drift.columns)
    view = drift_view(drift, findings, PAGE)
    made = drawn([("churn", view)], 3)
    assert [(one.column, one.top) for one in made] == [("most", 0.1118), ("less", 0.1118), ("flat", 1.0)]
    assert made[0].labels[:2] == ("0–5", "5–10")
    assert made[2].labels == ("1", "2")
    assert view.drifted.shown[1].sparks == ("", "")


# ---- data ------------------------------------------------------------------------------------------


def test_a_rule_is_broken_where_its_gate_says_so() -> None:
    alone = checks(tables=(checked.TABLE,)).tables[0]
    assert [(row.facts.rule, row.status) for row in alone.broken.shown] == [
        ("type", ""),
        ("range", ""),
        ("duplicates", ""),
    ]
    warned = found("data", "train WKHP range", Status.WARN, "17 rows")
    many = found("data", "train type", Status.FAIL, "12 columns break the rule type")
    made = checks(warned, many, tables=(checked.TABLE,))
    rows = [(row.facts.column, row.status) for row in made.tables[0].broken.shown]
    assert rows == [("AGEP", "fail"), ("WKHP", "warn")]
    assert made.said["data"] == ()
    assert (made.tables[0].kept, made.tables[0].total) == (7, 10)


def test_rules_that_the_evidence_only_counts_are_counted() -> None:
    facts = checked.TABLE.model_copy(update={"checked": 900, "broken": 500})
    made = checks(tables=(facts,)).tables[0]
    assert (made.kept, made.total) == (400, 900)


def test_a_table_that_could_not_be_read_has_one_line() -> None:
    gone = ev.TableCheck(table="test", path="test.csv", problem="it is not there")
    made = checks(found("data", "test", Status.FAIL, "test was not checked"), tables=(gone,))
    assert (made.tables[0].status, made.said["data"]) == ("fail", ())


# ---- fairness, serving, behaviour, reproduction ----------------------------------------------------


def test_the_worst_disparity_is_first_and_small_groups_are_told_once() -> None:
    finding = found("fairness", "race true_positive_rate_difference", Status.FAIL, "apart", limit="max 0.1")
    (one,) = checks(finding, fairness=(checked.RACE,)).fairness
    assert next((row.facts.name, row.status, row.limit) for row in one.disparities.shown) == (
        "true_positive_rate_difference",
        "fail",
        "max 0.1",
    )
    assert one.small == ("native",)
    assert [(row.group, row.rows) for row in one.groups.shown] == [
        ("white", 11_210),
        ("black", 1_022),
        ("asian", 871),
    ]
    small = found("fairness", "race small groups", Status.INCONCLUSIVE, "native (12)")
    assert checks(small, fairness=(checked.RACE,)).fairness[0].small == ()


def test_a_row_that_shows_a_status_needs_no_sentence() -> None:
    slow = found("latency", "batch of 1", Status.FAIL, "slow", limit="max_ratio 1.2")
    large = found("latency", "size", Status.WARN, "large")
    odd = found("model", "edge:nulls", Status.WARN, "NaN")
    stuck = found("reproducibility", "train", Status.FAIL, "train failed")
    again = checked.REPRODUCTION.model_copy(update={"failed": "train", "problem": "train failed"})
    made = checks(
        slow, large, odd, stuck, latency=checked.LATENCY, behaviour=checked.BEHAVIOUR, reproduction=again
    )
    assert made.latency is not None
    assert made.behaviour is not None
    assert made.reproduction is not None
    assert [(row.status, row.limit) for row in made.latency.batches.shown] == [
        ("fail", "max_ratio 1.2"),
        ("", ""),
    ]
    assert [row.status for row in made.behaviour.failed.shown] == ["warn"]
    assert made.reproduction.status == "fail"
    assert made.said == {
        "data": (),
        "drift": (),
        "fairness": (),
        "model": (),
        "latency": (large,),
        "reproducibility": (),
    }
    assert made.measured == ("model", "latency", "reproducibility")
    assert made.hidden == 0


def test_what_differs_when_run_again() -> None:
    made = checks(reproduction=checked.REPRODUCTION).reproduction
    assert made is not None
    assert (made.same, [one.path for one in made.differing.shown]) == (1, ["model.pkl"])
    assert [one.name for one in made.moved.shown] == ["accuracy", "rows"]


def test_sizes_that_nobody_measured_are_not_there() -> None:
    made = checks(latency=ev.Latency(size=5)).latency
    assert made is not None
    assert made.sizes == (("Model size", 5, None),)


# ---- what was not checked --------------------------------------------------------------------------


def test_skips_of_one_reason_stand_together() -> None:
    skips = [
        found("drift", "drift", Status.SKIP, "no table", model=name, hint="set `data:`")
        for name in ("a", "b")
    ]
    other = found("cost", "cost", Status.SKIP, "no price", model="")
    passed = samples.finding(Status.PASS, "f1", "fine")
    made = unchecked((*skips, other, passed))
    assert [(one.gate, one.sentence, one.models) for one in made] == [
        ("drift", "no table", ("a", "b")),
        ("cost", "no price", ()),
    ]
    assert [one.gate for one in unchecked((*skips, other), ("drift",))] == ["drift"]


@pytest.mark.parametrize(("status", "expected"), [(Status.PASS, "pass"), (Status.SKIP, "skip")])
def test_an_optional_skip_does_not_lower_a_model(status: Status, expected: str) -> None:
    skipped = found("drift", "drift", Status.SKIP, "no table")
    metric = samples.finding(status, "f1", "fine")
    assert expected == model_status((metric, skipped))
    assert model_status((metric, skipped.model_copy(update={"required": True}))) == "skip"
