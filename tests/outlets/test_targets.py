"""Which pull request a run reports to, event by event."""

from __future__ import annotations

import io
from typing import Any

import pytest

from mlops_ci.adapters.actions import Runner
from mlops_ci.adapters.github import GitHub
from mlops_ci.outlets import targets
from tests.adapters.github_double import REPOSITORY, Double
from tests.adapters.github_world import World

SHA = "c" * 40
OWN = {"full_name": REPOSITORY}
PULL = {"number": 7, "head": {"sha": SHA, "repo": OWN}, "base": {"repo": OWN}}
ISSUE = {"number": 8, "pull_request": {"url": "u"}}


def runner(event: str, **payload: Any) -> Runner:
    return Runner({"GITHUB_REPOSITORY": REPOSITORY, "GITHUB_SHA": SHA}, event, payload, io.StringIO())


@pytest.mark.parametrize(
    ("event", "payload", "branch", "number"),
    [
        ("pull_request", {"pull_request": PULL}, "topic", 7),
        # A fork's main goes to our main.
        ("pull_request_target", {"pull_request": PULL}, "main", 7),
        ("issue_comment", {"issue": ISSUE}, "", 8),
        # The default checkout of such a job is main, and that is what was measured.
        ("issue_comment", {"issue": ISSUE}, "main", None),
        ("merge_group", {"merge_group": {"head_sha": SHA}}, "gh-readonly-queue/main/pr-7", None),
        ("push", {}, "main", None),
        ("push", {}, "topic", 3),
        ("push", {}, "other", 4),
        ("push", {}, "", 4),
        ("workflow_dispatch", {}, "topic", 3),
        ("workflow_run", {"workflow_run": {"head_repository": OWN}}, "", 4),
        ("workflow_run", {"workflow_run": {"head_repository": {"full_name": "Mallory/Copy"}}}, "", 5),
        ("workflow_run", {"workflow_run": {"head_repository": {"full_name": "ada/copy"}}}, "", None),
    ],
)  # fmt: skip
def test_a_run_reports_to_the_pull_request_that_it_measured(
    double: Double, world: World, github: GitHub, event: str, payload: Any, branch: str, number: int | None
) -> None:
    world.opened(3, "topic", SHA)
    world.opened(4, "other", SHA)
    world.opened(5, "topic", SHA, repository="mallory/copy")
    world.opened(6, "old", "d" * 40)
    assert targets.number_of(github, runner(event, **payload), SHA, branch, "main") == number


def test_a_commit_without_a_pull_request_has_none(world: World, github: GitHub) -> None:
    assert targets.number_of(github, runner("push"), SHA, "topic", "main") is None
