"""The action: as a step of a job of one's own, and where it cannot be installed."""

from __future__ import annotations

import re

import pytest

from . import credit
from .conftest import Begin
from .test_pull_request import GREEN, README, VERDICT

# The steps that docs/action.md shows, in a job that reads what the action tells.
STEPS = re.sub(r"(?m)^(?=.)", "      ", credit.documented("docs/action.md", "The action"))
JOB = """\
name: Own
on: pull_request
permissions: {}
jobs:
  judge:
    runs-on: ubuntu-latest
    permissions: {contents: read, pull-requests: write, checks: write}
    steps:
"""
READ = """\
        id: mlops-ci
        continue-on-error: true
      - id: read
        env:
          SAID: ${{ steps.mlops-ci.outcome }} ${{ steps.mlops-ci.outputs.verdict }} ${{ steps.mlops-ci.outputs.exit-code }}
          REPORT: ${{ steps.mlops-ci.outputs.report-path }}
        run: echo "$SAID"; grep -c '<html' "$REPORT"
"""


@pytest.mark.slow
def test_the_action_alone_leaves_the_decision_to_the_job(begin: Begin) -> None:
    acme = begin()
    acme.call(own=JOB + STEPS + READ)
    head = acme.propose("worse", "1.5")["head"]["sha"]
    played = acme.played("Own")
    assert played.conclusion == "success", played.log
    assert played.job("judge").step("read").log == "failure refused 1\n1\n"
    assert acme.checks(head) == GREEN | {
        "mlops-ci": "failure",
        "mlops-ci/metrics": "failure",
        "judge": "success",
    }
    [body] = acme.bodies(1)
    assert "❌ **Refused**" in body


@pytest.mark.slow
def test_another_verb_with_arguments_and_no_token_to_write(begin: Begin) -> None:
    acme = begin()
    steps = STEPS.replace(
        "{requirements: requirements.txt}", "{verb: plan, args: --json, extras: '', artifacts: never}"
    )
    assert steps != STEPS
    job = JOB.replace("{contents: read, pull-requests: write, checks: write}", "{contents: read}")
    acme.call(own=job + steps)
    acme.propose("better", "0.01")
    played = acme.played("Own")
    assert played.conclusion == "success", played.log
    assert '"train"' in played.log
    assert acme.bodies(1) == []
    assert acme.stand.gateway.artifacts.kept == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("setting", "step", "mend"),
    [
        ('python-version: "3.9"', "Reading python-version", "write 3.11, 3.12 or 3.13, in quotes"),
        ("extras: nothing", "Choosing the packages", "see `extras` in docs/action.md"),
    ],
    ids=["python-version", "extras"],
)
def test_an_installation_that_fails_says_so_in_the_summary(
    begin: Begin, setting: str, step: str, mend: str
) -> None:
    acme = begin()
    acme.call(mlops_ci=f"{README}      {setting}\n")
    head = acme.propose("better", "0.01")["head"]["sha"]
    played = acme.played()
    assert played.conclusion == "failure"
    assert played.summary == (
        f"### mlops-ci was not installed\n\n{step} failed, so nothing was run and nothing was judged. To mend it: {mend}.\n"
    )
    errors = [(one.title, one.message) for one in played.annotations if one.title]
    assert errors == [("mlops-ci was not installed", f"{step} failed. To mend it: {mend}")]
    assert acme.checks(head) == {VERDICT: "failure"}
    outputs = played.job(VERDICT).step("mlops-ci").outputs
    assert outputs.get("verdict", "") == ""
    assert (acme.bodies(1), acme.stand.gateway.artifacts.kept) == ([], {})
