"""What a pull request waits for before it is run, and that its checks say so."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from mlops_ci import gates
from mlops_ci.adapters.actions import Runner
from mlops_ci.adapters.terminal import Terminal
from mlops_ci.config import Label, When
from mlops_ci.outlets import Outlets, waiting
from mlops_ci.outlets.waiting import Wait
from mlops_ci.report.conclusions import names
from tests.adapters.github_double import REPOSITORY, Double
from tests.adapters.github_world import World
from tests.adapters.test_actions import outputs
from tests.outlets.test_outlets import environ, repo
from tests.repositories import Repo

__all__ = ["repo"]
CHECKS = names(gates.GATES)
RUN_ML = Label(label="run-ml")


def runner(event: str = "pull_request", attempt: str = "1", **pull: Any) -> Runner:
    told = {"GITHUB_RUN_ATTEMPT": attempt} if attempt else {}
    return Runner(told, event, {"pull_request": {"number": 7, **pull}}, io.StringIO())


def labelled(*labels: str) -> dict[str, Any]:
    return {"labels": [{"name": name} for name in labels]}


@pytest.mark.parametrize(
    ("when", "pull", "reason"),
    [
        ("push", {"draft": True}, ""),
        ("ready", {"draft": True}, "Waits until this draft is ready for review."),
        ("ready", {"draft": False}, ""),
        ("ready", {}, ""),
        ("command", {}, "Waits for the comment /mlops-ci run."),
        ("command", labelled("run-ml"), "Waits for the comment /mlops-ci run."),
        (RUN_ML, {}, "Waits for the label run-ml."),
        (RUN_ML, labelled("run", "ml"), "Waits for the label run-ml."),
        (RUN_ML, labelled("bug", "run-ml"), ""),
        (RUN_ML, labelled("Run-ML"), ""),
        (RUN_ML, {"draft": True, **labelled("run-ml")}, ""),
    ],
)
def test_what_a_pull_request_waits_for(when: When, pull: dict[str, Any], reason: str) -> None:
    for event in ("pull_request", "pull_request_target"):
        for attempt in ("1", ""):
            found = waiting.wait(when, runner(event, attempt, **pull))
            assert (found.reason if found else "") == reason


@pytest.mark.parametrize("when", ["ready", "command", RUN_ML])
def test_what_is_asked_for_again_and_everything_else_is_run(when: When) -> None:
    assert waiting.wait(when, runner(attempt="2", draft=True)) is None
    assert waiting.wait(when, None) is None
    for event in ("merge_group", "push", "workflow_dispatch", "schedule", "pull_request_review"):
        assert waiting.wait(when, runner(event, draft=True)) is None


def test_the_checks_and_the_job_say_what_is_waited_for(
    double: Double, world: World, repo: Repo, capsys: pytest.CaptureFixture[str]
) -> None:
    sha = repo.git("rev-parse", "HEAD")
    own = {"full_name": REPOSITORY}
    event = {"pull_request": {"number": 7, "head": {"sha": sha, "repo": own}, "base": {"repo": own}}}
    summary = repo.path.parent / "summary.md"
    told = environ(double, repo, "pull_request", event, GITHUB_STEP_SUMMARY=str(summary))
    told |= {"GITHUB_SERVER_URL": "https://github.com"}
    outlets = Outlets.of(Terminal(), told)
    wait = waiting.wait(Label(label="a`b<c"), outlets.runner)
    assert wait == Wait(
        "Waits for the label a`b<c.",
        "put the label `a`b<c` on the pull request, or comment `/mlops-ci run`, or run this job again",
    )
    with outlets.running():
        waiting.tell(outlets, wait)
    assert world.standing(sha) == dict.fromkeys(CHECKS, "action_required")
    assert set(world.titles(sha).values()) == {"Waits for the label a`b<c."}
    text = summary.read_text()
    assert text.startswith(
        "⏸ **Waiting**: Waits for the label a&#96;b&lt;c.\n\nNothing was run and nothing is known"
    )
    assert "**Next**: put the label &#96;a&#96;b&lt;c&#96; on the pull request" in text
    assert f"[The run's log](https://github.com/{REPOSITORY}/actions/runs/5)" in text
    assert {one["output"]["summary"] for one in world.checks} == {text.removesuffix("\n")}
    assert world.comments == []
    found = {"verdict": "waiting", "exit-code": "1", "pull-request": "7"}
    assert outputs(Path(told["GITHUB_OUTPUT"])) == found
    assert outlets.end_left_open() == ()
    assert capsys.readouterr().err == ""


def test_where_no_check_can_be_written_the_summary_says_it(
    double: Double, world: World, repo: Repo, capsys: pytest.CaptureFixture[str]
) -> None:
    world.refused = ("/check-runs",)
    summary = repo.path.parent / "summary.md"
    told = environ(double, repo, "pull_request", {}, GITHUB_STEP_SUMMARY=str(summary))
    outlets = Outlets.of(Terminal(), told)
    with outlets.running():
        waiting.tell(outlets, Wait("Waits.", "`go`"))
    assert "**Next**: `go`" in summary.read_text()
    assert outputs(Path(told["GITHUB_OUTPUT"]))["pull-request"] == ""
    assert capsys.readouterr().err.count("note: the checks were not written") == 1


def test_a_fork_s_run_waits_too_and_asks_github_nothing(double: Double, repo: Repo) -> None:
    sides = {"head": {"repo": {"full_name": "mallory/x"}}, "base": {"repo": {"full_name": REPOSITORY}}}
    told = environ(double, repo, "pull_request", {"pull_request": {"number": 7, **sides}})
    outlets = Outlets.of(Terminal(), told)
    wait = waiting.wait("command", outlets.runner)
    assert wait is not None
    assert wait.document() == {
        "verdict": "waiting",
        "exit_code": 1,
        "reason": "Waits for the comment /mlops-ci run.",
        "next": "somebody who may push comments `/mlops-ci run`, or runs this job again",
    }
    with outlets.running():
        waiting.tell(outlets, wait)
    assert double.lines == []
    assert outputs(Path(told["GITHUB_OUTPUT"]))["verdict"] == "waiting"
