"""Which workflows an event starts: act does not look at types, branches and paths, GitHub does.

Not here: a workflow's ``concurrency`` (nothing is queued or cancelled) and ``schedule`` times (a test says when).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import yaml

from .bare import Bare

FOLDER = ".github/workflows"
# Events whose workflows GitHub takes from the default branch, whatever they are about.
FROM_DEFAULT = {
    "issue_comment",
    "issues",
    "workflow_run",
    "schedule",
    "workflow_dispatch",
    "repository_dispatch",
    "pull_request_target",
    "deployment_status",
    "check_run",
    "status",
    "fork",
}
USUAL_TYPES = {
    "pull_request": ("opened", "synchronize", "reopened"),
    "pull_request_target": ("opened", "synchronize", "reopened"),
    "merge_group": ("checks_requested",),
}


@dataclass(frozen=True)
class Workflow:
    """One workflow file."""

    path: str
    text: str

    @cached_property
    def document(self) -> dict[Any, Any]:
        found = yaml.safe_load(self.text)
        return found if isinstance(found, dict) else {}

    @property
    def name(self) -> str:
        return str(self.document.get("name", self.path))

    @property
    def label(self) -> str:
        """What act calls it."""
        return str(self.document.get("name", self.path.rpartition("/")[2]))

    @cached_property
    def triggers(self) -> dict[str, dict[str, Any]]:
        """Events with their conditions. YAML 1.1 takes the key ``on`` for the truth."""
        found = self.document.get("on", self.document.get(True, {}))
        if isinstance(found, str):
            found = [found]
        if isinstance(found, list):
            found = dict.fromkeys(found)
        return {
            name: conditions if isinstance(conditions, dict) else {} for name, conditions in found.items()
        }

    @property
    def permissions(self) -> dict[str, str]:
        """What its token may do: all that any of its jobs asks for, as act has one token for all of them."""
        every = [self.document.get("permissions", "default")]
        every = [job.get("permissions", every[0]) for job in self.document.get("jobs", {}).values()] or every
        found: dict[str, str] = {}
        for one in map(_granted, every):
            found |= {name: level for name, level in one.items() if found.get(name) != "write"}
        return found


# The restricted default that new repositories and organisations have.
DEFAULT = {"contents": "read", "packages": "read"}
NAMES = ("actions", "checks", "contents", "deployments", "issues", "pull_requests", "statuses")


def _granted(permissions: object) -> dict[str, str]:
    if permissions == "default":
        return DEFAULT
    if permissions in ("read-all", "write-all"):
        return dict.fromkeys(NAMES, str(permissions).removesuffix("-all"))
    return {name.replace("-", "_"): level for name, level in dict(permissions or {}).items()}  # type: ignore[call-overload]


def read(bare: Bare, commit: str) -> list[Workflow]:
    """The workflows of a commit."""
    names = (name for name in bare.names(commit, FOLDER) if name.endswith((".yml", ".yaml")))
    return [Workflow(name, bare.text(commit, name) or "") for name in names]


@dataclass(frozen=True)
class Happening:
    """What the conditions of ``on`` are about."""

    event: str
    action: str | None = None
    ref: str = ""
    base: str = ""
    files: Sequence[str] = field(default_factory=tuple)
    workflow: str = ""
    branch: str = ""
    dispatch: str = ""


def starts(workflow: Workflow, happening: Happening) -> bool:
    """Whether a workflow listens to what happened."""
    conditions = workflow.triggers.get(happening.event)
    return conditions is not None and _holds(conditions, happening)


def _holds(conditions: Mapping[str, Any], happening: Happening) -> bool:
    checks: dict[str, Callable[[], bool]] = {
        "push": lambda: _pushed(conditions, happening),
        "pull_request": lambda: (
            _among(conditions, "branches", happening.base) and _touched(conditions, happening)
        ),
        "workflow_run": lambda: _followed(conditions, happening),
    }
    checks["pull_request_target"] = checks["pull_request"]
    return _typed(conditions, happening) and checks.get(happening.event, lambda: True)()


def _typed(conditions: Mapping[str, Any], happening: Happening) -> bool:
    wanted = conditions.get("types", USUAL_TYPES.get(happening.event))
    if wanted is None:
        return True
    return (happening.dispatch or happening.action) in ([wanted] if isinstance(wanted, str) else wanted)


def _pushed(conditions: Mapping[str, Any], happening: Happening) -> bool:
    kind, _, name = happening.ref.removeprefix("refs/").partition("/")
    mine, other = ("tags", "branches") if kind == "tags" else ("branches", "tags")
    named = any(f"{mine}{suffix}" in conditions for suffix in ("", "-ignore"))
    if not named and any(f"{other}{suffix}" in conditions for suffix in ("", "-ignore")):
        return False
    # GitHub looks at no paths of a tag.
    return _among(conditions, mine, name) and (kind == "tags" or _touched(conditions, happening))


def _followed(conditions: Mapping[str, Any], happening: Happening) -> bool:
    return happening.workflow in conditions.get("workflows", ()) and _among(
        conditions, "branches", happening.branch
    )


def _among(conditions: Mapping[str, Any], key: str, name: str) -> bool:
    if key in conditions:
        return matches(conditions[key], name)
    return f"{key}-ignore" not in conditions or not matches(conditions[f"{key}-ignore"], name)


def _touched(conditions: Mapping[str, Any], happening: Happening) -> bool:
    if "paths" in conditions:
        return any(matches(conditions["paths"], name) for name in happening.files)
    ignored = conditions.get("paths-ignore")
    return ignored is None or not all(matches(ignored, name) for name in happening.files)


def matches(patterns: Iterable[str] | str, name: str) -> bool:
    """Whether the last pattern that speaks about a name takes it; ``!`` takes it out again."""
    found = False
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        if _pattern(pattern.removeprefix("!")).fullmatch(name):
            found = not pattern.startswith("!")
    return found


def _pattern(glob: str) -> re.Pattern[str]:
    """GitHub's filter patterns: ``*`` stays within a slash, ``**`` does not, ``?`` and ``+`` repeat what is before."""
    pieces = re.findall(r"\*\*/|\*\*|\*|\?|\+|\[[^]]*\]|\\.|.", glob)
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "?", "+": "+"}
    return re.compile(
        "".join(
            words.get(one) or (one if one[0] in "[\\" and len(one) > 1 else re.escape(one)) for one in pieces
        )
    )
