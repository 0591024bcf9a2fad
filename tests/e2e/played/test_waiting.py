"""A pull request that waits before it is run, by the files that `mlops-ci init` writes where `when` says so."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import GATED
from tests.e2e.github.runner import Played

from .conftest import Begin
from .credit import Credit
from .test_commands import comment
from .test_pull_request import GREEN, VERDICT

WAITING = dict.fromkeys(GREEN, "action_required") | {VERDICT: "failure"}
DONE = GREEN | {VERDICT: "success"}


def waits(begin: Begin, when: str) -> Credit:
    """A repository whose rules hold pull requests back."""
    acme = begin()
    acme.ada.write("mlops-ci.yaml", f"{GATED.format(lock='report')}when: {when}\n")
    acme.begin("--commands")
    return acme


def judged(played: Played) -> str:
    """What the job says of its verdict; act names skipped steps of an action as the action itself."""
    return played.job(VERDICT).steps["mlops-ci"].outputs["verdict"]


def held_back(acme: Credit, reason: str) -> tuple[str, Played]:
    """Pull request 1 is opened and not run; gives its head."""
    head = acme.propose("better", "0.01")["head"]["sha"]
    played = acme.played()
    assert (played.conclusion, judged(played)) == ("failure", "waiting"), played.log
    assert played.summary.startswith(f"⏸ **Waiting**: {reason}\n")
    assert (acme.checks(head), acme.bodies(1)) == (WAITING, [])
    return head, played


@pytest.mark.slow
def test_a_command_starts_what_waits_for_it(begin: Begin) -> None:
    acme = waits(begin, "command")
    head, first = held_back(acme, "Waits for the comment /mlops-ci run.")
    # A stranger's word starts nothing.
    assert comment(acme, "/mlops-ci run", "eve-token")[1] == ["-1"]
    assert acme.stand.runner.play_again() == []
    played, reactions = comment(acme, "/mlops-ci run", "bob-token")
    assert (played.conclusion, reactions) == ("success", ["eyes", "rocket"]), played.log
    again = acme.run_again()
    assert (again.run.number, again.run.attempt, judged(again)) == (first.run.number, 2, "warned"), again.log
    assert acme.checks(head) == DONE
    assert len(acme.bodies(1)) == 1


@pytest.mark.slow
def test_a_label_starts_what_waits_for_it(begin: Begin) -> None:
    acme = waits(begin, "{label: run-ml}")
    head, _ = held_back(acme, "Waits for the label run-ml.")
    acme.stand.must("POST", "issues/1/labels", {"labels": ["run-ml"]})
    played = acme.played()
    assert (played.conclusion, judged(played)) == ("success", "warned"), played.log
    assert acme.checks(head) == DONE
    assert len(acme.bodies(1)) == 1
