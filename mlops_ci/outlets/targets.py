"""Which pull request a run on GitHub reports to: the event's, else the one whose head was measured."""

from __future__ import annotations

from collections.abc import Sequence

from mlops_ci.adapters.actions import Runner
from mlops_ci.adapters.github import GitHub
from mlops_ci.adapters.merge_queue import queued
from mlops_ci.forge import PullRequest


def number_of(github: GitHub, runner: Runner, commit: str, branch: str, base_branch: str) -> int | None:
    """The pull request's number; None for a merge queue, the base branch, and a branch without one.

    Raises:
        ToolError: GitHub refuses or cannot be reached.
    """
    if runner.pull_request is not None and runner.event.startswith("pull_request"):
        return runner.pull_request
    if runner.event == "merge_group" or (branch and branch == base_branch):
        return None
    if runner.pull_request is not None:
        return runner.pull_request
    found = of_head(github, commit, runner.head_repository)
    named = [pull for pull in found if pull.head == branch]
    return next((pull.number for pull in [*named, *found]), None)


def waived_in(github: GitHub, runner: Runner, commit: str, branch: str, base_branch: str) -> int | None:
    """The pull request whose comments waive: the one reported to, tried by the queue, or merged.

    Raises:
        ToolError: GitHub refuses or cannot be reached.
    """
    if runner.event == "merge_group":
        found = queued(runner.environ.get("GITHUB_REF", ""))
        return found.number if found else None
    if branch and branch == base_branch:
        merged = github.pull_requests_merged_by(commit)
        return next((pull.number for pull in merged if pull.base == base_branch), None)
    return number_of(github, runner, commit, branch, base_branch)


def of_head(github: GitHub, commit: str, repository: str) -> Sequence[PullRequest]:
    """The open pull requests whose head is this commit of this repository; a fork's copy is another's.

    Raises:
        ToolError: GitHub refuses or cannot be reached.
    """
    return [
        pull for pull in github.pull_requests_of(commit) if pull.head_repository.lower() == repository.lower()
    ]
