"""`mlops-ci registry sync`: a model registry as a mirror of Git."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from mlops_ci.adapters.terminal import Terminal
from mlops_ci.collect.project import find
from mlops_ci.commands.options import Json
from mlops_ci.promoting import mirroring
from mlops_ci.promotion.registry import Changes


class Action(StrEnum):
    """What is done with the registry."""

    SYNC = "sync"


_Action = Annotated[
    Action, typer.Argument(help="sync: register, tag and point aliases until it says the same.")
]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")]


def registry(
    action: _Action,  # noqa: ARG001 - there is one
    dry_run: _DryRun = False,
    json: Json = False,
) -> int:
    """Bring an MLflow registry to what Git says of releases.

    Git is the truth: what the promotion records name is registered once, by the digest of its bytes, and the
    aliases champion, challenger and one for each environment point where the records say. Run it as often as
    you like, also against an empty registry. docs/releases.md says more.
    """
    terminal = Terminal(json_output=json)
    project = find(Path.cwd(), os.environ)
    head = project.revisions.policy.commit if project.revisions.policy else project.git.head()
    with terminal.step("Asking the registry"):
        found = mirroring.sync(project, os.environ, head, say=terminal.say, dry_run=dry_run)
    done, tags = found.models, found.tags
    lines = [*(_line(name, changes) for name, changes in done), *(f"tag {name}" for name in tags)]
    terminal.result(_words(lines, dry_run=dry_run), _document(done, tags))
    return 0


def _words(lines: list[str], *, dry_run: bool) -> str:
    if not lines:
        return "Git has no promotion record yet, so there is nothing to register"
    return "\n".join([*(["This would change:"] if dry_run else []), *lines])


def _line(name: str, changes: Changes) -> str:
    return f"{name}: {', '.join(_parts(changes)) or 'is up to date'}"


def _parts(changes: Changes) -> Iterator[str]:
    if changes.register:
        count = len(changes.register)
        yield "1 version registered" if count == 1 else f"{count:,} versions registered"
    if changes.tags:
        yield "1 tag set" if len(changes.tags) == 1 else f"{len(changes.tags):,} tags set"
    for alias, digest in changes.aliases:
        yield f"{alias} is {digest.removeprefix('sha256:')[:12]}"
    for alias in changes.drop:
        yield f"{alias} taken away"


def _document(done: tuple[tuple[str, Changes], ...], tags: tuple[str, ...]) -> dict[str, Any]:
    def plain(changes: Changes) -> dict[str, Any]:
        return {
            "registered": [asdict(one) for one in changes.register],
            "tags": [{"version": number, "key": key, "value": value} for number, key, value in changes.tags],
            "aliases": dict(changes.aliases),
            "dropped": list(changes.drop),
        }

    return {"models": [{"name": name, **plain(changes)} for name, changes in done], "git_tags": list(tags)}
