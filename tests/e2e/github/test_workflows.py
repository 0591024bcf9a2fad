"""Which workflows an event starts: the conditions of ``on``, as GitHub reads them."""

from __future__ import annotations

from textwrap import dedent

import pytest

from .workflows import DEFAULT, Happening, Workflow, matches, starts


def workflow(text: str) -> Workflow:
    return Workflow(".github/workflows/w.yml", dedent(text))


@pytest.mark.parametrize(
    ("patterns", "name", "wanted"),
    [
        (["main"], "main", True),
        (["main"], "mainly", False),
        (["releases/*"], "releases/1", True),
        (["releases/*"], "releases/1/a", False),
        (["releases/**"], "releases/1/a", True),
        (["**"], "any/thing", True),
        (["*"], "any/thing", False),
        (["v[12].[0-9]+"], "v1.20", True),
        (["v[12].[0-9]+"], "v3.1", False),
        (["docs/**", "!docs/api/**"], "docs/api/x.md", False),
        (["docs/**", "!docs/api/**", "docs/api/keep.md"], "docs/api/keep.md", True),
        (["**.py"], "a/b.py", True),
        (["**/params.yaml"], "params.yaml", True),
        (["**/params.yaml"], "a/b/params.yaml", True),
        (["*.jsx?"], "page.js", True),
        (["*.jsx?"], "page.jsx", True),
        ("main", "main", True),
    ],
)
def test_filter_patterns(patterns: list[str] | str, name: str, wanted: bool) -> None:
    assert matches(patterns, name) is wanted


@pytest.mark.parametrize(
    ("on", "happening", "wanted"),
    [
        ("on: push", Happening("push", ref="refs/heads/x"), True),
        ("on: push", Happening("push", ref="refs/tags/v1"), True),
        ("on: [push, pull_request]", Happening("pull_request", "opened", base="main"), True),
        ("on: pull_request", Happening("pull_request", "labeled", base="main"), False),
        ("on: {pull_request: {types: [labeled]}}", Happening("pull_request", "labeled", base="main"), True),
        ("on: {pull_request: {types: closed}}", Happening("pull_request", "closed", base="main"), True),
        ("on: {pull_request: {branches: [main]}}", Happening("pull_request", "opened", base="dev"), False),
        (
            "on: {pull_request: {branches-ignore: [dev]}}",
            Happening("pull_request", "opened", base="dev"),
            False,
        ),
        (
            "on: {pull_request: {paths: ['params.yaml']}}",
            Happening("pull_request", "opened", base="main", files=["params.yaml", "a"]),
            True,
        ),
        (
            "on: {pull_request: {paths-ignore: ['docs/**']}}",
            Happening("pull_request", "opened", base="main", files=["docs/a", "b"]),
            True,
        ),
        (
            "on: {pull_request: {paths-ignore: ['docs/**']}}",
            Happening("pull_request", "opened", base="main", files=["docs/a"]),
            False,
        ),
        ("on: {push: {branches: [main]}}", Happening("push", ref="refs/heads/main"), True),
        ("on: {push: {branches: [main]}}", Happening("push", ref="refs/tags/main"), False),
        ("on: {push: {tags: ['v*']}}", Happening("push", ref="refs/tags/v1"), True),
        ("on: {push: {tags: ['v*']}}", Happening("push", ref="refs/heads/v1"), False),
        ("on: {push: {tags: ['v*'], paths: [x]}}", Happening("push", ref="refs/tags/v1"), True),
        (
            "on: {push: {branches: [main], paths: [x]}}",
            Happening("push", ref="refs/heads/main", files=["y"]),
            False,
        ),
        (
            "on: {workflow_run: {workflows: [CI], types: [completed]}}",
            Happening("workflow_run", "completed", workflow="CI"),
            True,
        ),
        (
            "on: {workflow_run: {workflows: [CI], types: [completed]}}",
            Happening("workflow_run", "requested", workflow="CI"),
            False,
        ),
        (
            "on: {workflow_run: {workflows: [CI], branches: [main]}}",
            Happening("workflow_run", "completed", workflow="CI", branch="topic"),
            False,
        ),
        (
            "on: {workflow_run: {workflows: [CI]}}",
            Happening("workflow_run", "completed", workflow="Other"),
            False,
        ),
        ("on: {issue_comment: {types: [created]}}", Happening("issue_comment", "created"), True),
        ("on: {issue_comment: {types: [created]}}", Happening("issue_comment", "edited"), False),
        (
            "on: {repository_dispatch: {types: [retrain]}}",
            Happening("repository_dispatch", dispatch="retrain"),
            True,
        ),
        (
            "on: {repository_dispatch: {types: [retrain]}}",
            Happening("repository_dispatch", dispatch="x"),
            False,
        ),
        ("on: {schedule: [{cron: '0 0 * * *'}]}", Happening("schedule"), True),
        ("on: {workflow_call: {}}", Happening("push", ref="refs/heads/main"), False),
    ],
)
def test_what_starts_a_workflow(on: str, happening: Happening, wanted: bool) -> None:
    assert starts(workflow(f"{on}\njobs: {{}}"), happening) is wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("jobs: {a: {}}", DEFAULT),
        ("permissions: {}\njobs: {a: {}}", {}),
        ("permissions: write-all\njobs: {a: {permissions: {contents: read}}}", {"contents": "read"}),
        (
            "permissions: {}\njobs: {a: {permissions: {contents: write}}, b: {permissions: {contents: read, pull-requests: read}}}",
            {"contents": "write", "pull_requests": "read"},
        ),
    ],
    ids=["default", "none", "a job's own", "all jobs together"],
)
def test_what_a_workflows_token_may(text: str, wanted: dict[str, str]) -> None:
    assert workflow(text).permissions == wanted


def test_names() -> None:
    assert workflow("name: CI").name == "CI"
    assert workflow("jobs: {}").name == ".github/workflows/w.yml"
