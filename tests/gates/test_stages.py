"""The stages gate: failures refuse, and nothing looked at is never green."""

from __future__ import annotations

from typing import Literal

from mlops_ci.evidence import StageRun, Status
from mlops_ci.gates import stages
from tests.gates.samples import evidence

State = Literal["ran", "restored", "cached", "failed", "blocked"]


def said(*runs: StageRun) -> list[tuple[Status, str, str]]:
    found = stages.check(evidence(stages=runs), stages.Options())
    return [(one.status, one.subject, one.sentence) for one in found]


def run(name: str, status: State, error: str = "") -> StageRun:
    return StageRun(name=name, status=status, error=error)


def test_no_stage_is_a_skip() -> None:
    sentence = "No stage was looked at, so nobody knows whether they run."
    assert said() == [(Status.SKIP, "stages", sentence)]


def test_all_is_well() -> None:
    found = said(
        run("prepare", "cached"), run("train", "ran"), run("evaluate", "restored"), run("log", "cached")
    )
    sentence = "4 stages: 1 ran, 1 restored from the run cache, 2 up to date."
    assert found == [(Status.PASS, "stages", sentence)]


def test_one_stage_alone() -> None:
    assert said(run("train", "cached")) == [(Status.PASS, "stages", "1 stage: 1 up to date.")]


def test_a_failure_names_its_error_and_who_waits() -> None:
    found = said(
        run("train", "failed", "timed out after 2h"), run("evaluate", "blocked"), run("log", "blocked")
    )
    sentence = "Stage train failed: timed out after 2h. Waiting for it: evaluate, log."
    assert found == [(Status.FAIL, "train", sentence)]


def test_a_failure_without_a_reason() -> None:
    assert said(run("train", "failed")) == [
        (Status.FAIL, "train", "Stage train failed: no reason was given.")
    ]


def test_failures_refuse_one_by_one_and_the_blocked_are_named_once() -> None:
    found = said(
        run("train@a", "failed", "exit code 1."),
        run("train@b", "failed", "exit code 2"),
        *(run(f"s{number}", "blocked") for number in range(7)),
    )
    assert found == [
        (Status.FAIL, "train@a", "Stage train@a failed: exit code 1."),
        (Status.FAIL, "train@b", "Stage train@b failed: exit code 2."),
        (Status.FAIL, "blocked stages", "7 stages did not run: s0, s1, s2, s3, s4 and 2 more."),
    ]


def test_two_failures_and_nobody_waits() -> None:
    found = said(run("a", "failed", "x"), run("b", "failed", "y"))
    assert [one[1] for one in found] == ["a", "b"]


def test_an_interrupted_run_refuses() -> None:
    assert said(run("train", "blocked")) == [(Status.FAIL, "blocked stages", "1 stage did not run: train.")]
