"""Commands in comments, by the file that `mlops-ci init --commands` writes: who may, what happens, what is answered."""

from __future__ import annotations

import re

import pytest

from tests.e2e.github.runner import Played

from .conftest import Begin
from .credit import Credit

JOB = "command / command"


def comment(acme: Credit, text: str, token: str) -> tuple[Played, list[str]]:
    """Comment on the pull request, play what it starts; gives the run and the reactions of the bot."""
    made = acme.stand.must("POST", "issues/1/comments", {"body": text}, token)
    played = acme.played("mlops-ci commands")
    found = acme.stand.must("GET", f"issues/comments/{made['id']}/reactions")
    return played, [one["content"] for one in found if one["user"]["login"] == "github-actions[bot]"]


@pytest.fixture
def acme(begin: Begin) -> Credit:
    """Pull request 1, whose own run nobody has played yet."""
    started = begin()
    started.begin("--commands")
    started.propose("topic", "0.01")
    return started


@pytest.mark.slow
def test_a_maintainer_has_the_pull_request_run_again(acme: Credit) -> None:
    first = acme.played()
    assert first.conclusion == "success", first.log
    [report] = acme.stand.comments(1)
    played, reactions = comment(acme, "/mlops-ci rerun\nplease", "bob-token")
    assert (played.conclusion, reactions) == ("success", ["eyes", "rocket"]), played.log
    assert f"run {first.run.number} runs again: " in played.job(JOB).step("mlops-ci command").log + played.log
    again = acme.run_again()
    assert (again.run.number, again.run.attempt, again.conclusion) == (first.run.number, 2, "success"), (
        again.log
    )
    # The same comment, and nothing beside it and what Bob wrote.
    assert [one["id"] for one in acme.stand.comments(1)][:1] == [report["id"]]
    assert len(acme.bodies(1)) == 1
    # The job that obeys has checked nothing out, and has no token for more than it needs.
    wanted = {"actions": "write", "contents": "read", "pull_requests": "write"}
    assert played.run.token.permissions == wanted


@pytest.mark.slow
def test_an_owner_accepts_what_was_refused(begin: Begin) -> None:
    acme = begin()
    acme.ada.write(".github/CODEOWNERS", "mlops-ci.yaml @bob\n")
    acme.begin("--commands")
    head = acme.propose("worse", "1.5")["head"]["sha"]
    assert acme.played().conclusion == "failure"
    [refused] = acme.bodies(1)
    offered = re.search(r"^/mlops-ci waive toy/metrics\.accuracy@\S+ 14d", refused, re.MULTILINE)
    assert offered, refused
    # Ada may push and owns nothing.
    played, reactions = comment(acme, f"{offered[0]} because", "ada-token")
    assert (played.conclusion, reactions) == ("success", ["eyes", "confused"]), played.log
    assert acme.bodies(1)[1].startswith("This waiver does not count: ada is no owner by .github/CODEOWNERS")
    assert acme.stand.runner.play_again() == []
    played, reactions = comment(acme, f"{offered[0]} the new sensor is noisier", "bob-token")
    assert (played.conclusion, reactions) == ("success", ["eyes", "rocket"]), played.log
    again = acme.run_again()
    assert (again.conclusion, again.run.attempt) == ("success", 2), again.log
    report = acme.bodies(1)[0]
    assert "**Passed with warnings**" in report
    assert "more than the allowed 0.01" in report
    assert "the new sensor is noisier" in report
    assert "bob" in report
    checks = acme.checks(head)
    assert (checks["mlops-ci"], checks["mlops-ci/metrics"], checks["mlops-ci / verdict"]) == ("success",) * 3


@pytest.mark.slow
def test_help_is_answered_and_a_stranger_is_not_obeyed(acme: Credit) -> None:
    acme.stand.runner.skip()
    played, reactions = comment(acme, "/mlops-ci help", "bob-token")
    assert (played.conclusion, reactions) == ("success", ["eyes", "rocket"]), played.log
    assert acme.bodies(1) == [
        "A comment whose first line is one of these is carried out:\n\n"
        "- `/mlops-ci run`: run mlops-ci on this pull request's last commit, where it waits for that.\n"
        "- `/mlops-ci rerun`: run mlops-ci again on this pull request's last commit.\n"
        "- `/mlops-ci waive`: accept a finding for some days, where an owner says so: "
        "`/mlops-ci waive MODEL/FINDING@VALUE DAYSd REASON`; the report shows the line to copy.\n"
        "- `/mlops-ci promote`: open the promotions that are due now: "
        "`/mlops-ci promote` or `/mlops-ci promote ENVIRONMENT/MODEL`.\n"
        "- `/mlops-ci rollback`: propose to go back to an earlier release, and hold newer ones: "
        "`/mlops-ci rollback ENVIRONMENT/MODEL [--to previous|last-verified|DIGEST] REASON`.\n"
        "- `/mlops-ci hold`: propose to let no newer release in: "
        "`/mlops-ci hold ENVIRONMENT/MODEL REASON`.\n"
        "- `/mlops-ci unhold`: propose to end a hold: `/mlops-ci unhold ENVIRONMENT/MODEL`. "
        "Under a promotion's own pull request the target of the last three may be left out.\n"
        "- `/mlops-ci help`: show this list."
    ]
    played, reactions = comment(acme, "/mlops-ci rerun", "eve-token")
    assert (played.conclusion, reactions) == ("success", ["-1"]), played.log
    assert "eve may not push to this repository, so nothing was done" in played.log
    assert acme.stand.runner.play_again() == []
    assert acme.stand.gateway.asked("actions/re-run-workflow") == []
    assert len(acme.bodies(1)) == 1


@pytest.mark.slow
def test_what_is_no_command_starts_no_job_and_a_misspelt_one_is_answered(acme: Credit) -> None:
    acme.stand.runner.skip()
    played, reactions = comment(acme, "Looks good to me: /mlops-ci rerun", "bob-token")
    assert (played.conclusion, reactions, acme.bodies(1)) == ("skipped", [], [])
    played, reactions = comment(acme, "/mlops-ci rerum", "bob-token")
    assert (played.conclusion, reactions) == ("success", ["eyes", "confused"]), played.log
    [answer] = acme.bodies(1)
    assert answer.startswith("There is no such command. Did you mean `/mlops-ci rerun`?")
