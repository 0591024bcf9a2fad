"""What GitHub knows of the repository itself: its settings, its files, and what protects a branch."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from mlops_ci.adapters.github import GitHub
from mlops_ci.adapters.github_errors import GitHubError
from mlops_ci.adapters.github_http import segment
from mlops_ci.adapters.github_wire import Fields
from mlops_ci.errors import ToolError

T = TypeVar("T")


@dataclass(frozen=True)
class Repository:
    """The repository's own facts; ``auto_merge`` is None where the token may not see the setting."""

    name: str
    default_branch: str
    private: bool
    fork: bool = False
    archived: bool = False
    url: str = ""
    auto_merge: bool | None = None


@dataclass(frozen=True)
class Protection:
    """What must be green before a merge; where ``known`` is False there may be more than is told."""

    known: bool
    protected: bool = False
    checks: tuple[str, ...] = ()
    merge_queue: bool = False


def facts(github: GitHub) -> Repository:
    """The repository's own facts.

    Raises:
        ToolError: GitHub refuses or cannot be reached.
    """
    found = github.http.get(github.path())
    merges = found.plain.get("allow_auto_merge") if isinstance(found.plain, dict) else None
    return Repository(
        name=found.text("full_name"),
        default_branch=found.text("default_branch"),
        private=found.flag("private"),
        fork=found.flag("fork", default=False),
        archived=found.flag("archived", default=False),
        url=found.text("html_url", default=""),
        auto_merge=merges if isinstance(merges, bool) else None,
    )


def content(github: GitHub, path: str, ref: str) -> bytes | None:
    """A file at a commit or branch; None where there is none that the token may see.

    Raises:
        ConfigError: the path has steps such as ``..``.
        ToolError: it is no file, or GitHub refuses or cannot be reached.
    """
    where = f"{github.path('contents')}/{segment(path, slashes=True)}"
    try:
        found = github.http.get(where, ref=ref)
        # A folder is a list.
        kind = "folder" if isinstance(found.plain, list) else found.text("type")
        if kind != "file":
            raise ToolError(f"{path}: is a {kind} at {ref}, not a file")
        if found.text("encoding") != "base64":
            # Files above a megabyte come without their content.
            return github.http.raw(where, ref=ref)
    except GitHubError as error:
        if error.status == 404:
            return None
        raise
    return _decoded(found)


def _decoded(found: Fields) -> bytes:
    try:
        return b64decode(found.text("content"))
    except ValueError as error:
        raise ToolError(f"{found.endpoint}: GitHub's answer holds no base64") from error


def protection(github: GitHub, branch: str) -> Protection:
    """What protects a branch: classic protection and rulesets together.

    Both are read as far as `contents: read` shows them; no administrator's token is needed.

    Raises:
        ToolError: GitHub cannot be reached.
    """
    classic = _visible(lambda: github.http.get(github.path("branches", branch)))
    seen = _visible(lambda: tuple(github.http.pages(github.path("rules", "branches", branch))))
    found, rules = classic or Fields("", None), seen or ()
    contexts = found.items("protection", "required_status_checks", "contexts", default=())
    checks = [context.text() for context in contexts]
    for rule in rules:
        for check in rule.items("parameters", "required_status_checks", default=()):
            checks.append(check.text("context"))
    return Protection(
        known=classic is not None and seen is not None,
        protected=found.flag("protected", default=False) or bool(rules),
        checks=tuple(sorted(set(checks))),
        merge_queue=any(rule.text("type") == "merge_queue" for rule in rules),
    )


def _visible(read: Callable[[], T]) -> T | None:
    """What a request gives; None where the token may not see it, or the server is too old to have it."""
    try:
        return read()
    except GitHubError as error:
        if error.status in (403, 404):
            return None
        raise
