"""Which waivers hold on a day, what the findings say of them, and why the others do not count."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from mlops_ci.evidence import Finding, Outcome, Status, Waiver, verdict
from mlops_ci.waiving.settling import settle
from tests.waiving.test_handles import finding

TODAY = date(2026, 12, 1)
HANDLE = "census/metrics.accuracy@0.8"
FELL = finding(value=0.8, direction="higher")


def given(handle: str = HANDLE, **more: Any) -> Waiver:
    return Waiver(**{"owner": "ada", "reason": "r", "until": "2026-12-01", "finding": handle, **more})


def unused(findings: list[Finding], waivers: list[Waiver], *, strict: bool = False) -> list[str]:
    settled = settle(findings, waivers, today=TODAY, strict=strict)
    assert [one.waiver for one in settled.findings] == [None] * len(findings)
    return [one.problem for one in settled.unused]


def test_a_waiver_holds_through_its_last_day_and_the_finding_stays() -> None:
    settled = settle([FELL], [given()], today=TODAY)
    assert settled.findings == (FELL.model_copy(update={"waiver": given()}),)
    assert settled.unused == ()
    folded = verdict(settled.findings)
    assert (folded.outcome, folded.exit_code) == (Outcome.WARNED, 0)
    assert unused([FELL], [given(until="2026-11-30")]) == ["it has expired"]


def test_what_got_better_is_still_accepted_and_what_got_worse_is_not() -> None:
    better = FELL.model_copy(update={"value": 0.805})
    assert settle([better], [given()], today=TODAY).findings[0].waiver == given()
    worse = FELL.model_copy(update={"value": 0.79})
    assert unused([worse], [given()]) == ["it was given for another value: that was 0.8 and is 0.79 now"]
    undirected = finding(value=0.81)
    assert unused([undirected], [given()]) == ["it was given for another value: that was 0.8 and is 0.81 now"]


@pytest.mark.parametrize("until", ["", "soon", "9999"])
def test_a_day_that_cannot_be_read_is_over(until: str) -> None:
    assert unused([FELL], [given(until=until)]) == ["it has expired"]


def test_a_problem_stays_a_problem() -> None:
    assert unused([FELL], [given(problem="mallory is no owner")]) == ["mallory is no owner"]


@pytest.mark.parametrize("gate", ["stages", "lock"])
def test_a_failed_stage_and_a_stale_lock_cannot_be_waived(gate: str) -> None:
    failed = finding(gate=gate, subject="train", model="", value=None)
    said = "a stage that failed and a dvc.lock that is not what was measured cannot be waived"
    assert unused([failed], [given(f"-/{gate}.train@x12345678")]) == [said]
    assert settle([failed], [], today=TODAY, days=14).findings[0].accept == ""


def test_what_is_not_there_or_does_not_refuse_needs_no_waiver() -> None:
    assert unused([], [given()]) == ["there is no such finding now"]
    assert unused([FELL], [given("other/metrics.accuracy@0.8")]) == ["there is no such finding now"]
    assert unused([FELL], [Waiver(owner="ada", reason="r", until="2026-12-31")]) == [
        "there is no such finding now"
    ]
    for status in (Status.PASS, Status.WARN, Status.INCONCLUSIVE, Status.SKIP):
        assert unused([FELL.model_copy(update={"status": status})], [given()]) == ["it is not needed now"]


def test_where_warnings_refuse_they_can_be_waived() -> None:
    warned = FELL.model_copy(update={"status": Status.WARN})
    settled = settle([warned], [given()], today=TODAY, strict=True)
    assert settled.findings[0].waiver == given()
    assert verdict(settled.findings, strict=True).outcome is Outcome.WARNED


def test_a_later_waiver_replaces_an_earlier_one_with_the_same_handle() -> None:
    first, second = given(), given(owner="bob", until="2026-11-30")
    settled = settle([FELL], [first, second], today=TODAY)
    assert (settled.findings[0].waiver, [one.owner for one in settled.unused]) == (None, ["bob"])
    settled = settle([FELL], [second, first], today=TODAY)
    assert (settled.findings[0].waiver, settled.unused) == (first, ())
    # What does not count replaces nothing.
    refused = given(owner="mallory", problem="mallory is no owner")
    settled = settle([FELL], [first, refused], today=TODAY)
    assert (settled.findings[0].waiver, settled.unused) == (first, (refused,))


def test_of_two_that_hold_the_last_counts() -> None:
    low, exact = given("census/metrics.accuracy@0.7"), given(owner="bob")
    settled = settle([FELL], [low, exact], today=TODAY)
    assert settled.findings[0].waiver == exact
    assert [one.problem for one in settled.unused] == ["another one holds"]


def test_what_an_owner_may_copy_stands_at_what_refuses() -> None:
    passed = FELL.model_copy(update={"status": Status.PASS, "subject": "recall"})
    settled = settle([FELL, passed], [], today=TODAY, days=14)
    assert [one.accept for one in settled.findings] == [f"/mlops-ci waive {HANDLE} 14d", ""]
    assert [one.accept for one in settle([FELL], [], today=TODAY).findings] == [""]


def test_the_verdict_tells_what_does_not_count() -> None:
    refused = given(problem="it has expired")
    assert verdict([FELL], waivers=[refused]).waivers == (refused,)
    assert verdict([FELL]).waivers == ()
