"""What differs between base and head: parameters, data, code and commands, and which stages they feed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import PurePosixPath
from typing import Any, Literal

import yaml

from mlops_ci import pipeline
from mlops_ci.evidence import FileChange, ParamChange, Scalar, Where
from mlops_ci.pipeline import Graph, Stage

_CODE = ".py .pyx .ipynb .r .rmd .jl .sh .bash .sql .scala .java .kt .js .ts .go .rs .c .cc .cpp .h .hpp .cu"
CODE = frozenset(_CODE.split())
MAX_CHANGES = 300


@dataclass(frozen=True)
class Sides:
    """Both graphs, the files Git sees changed (with the first changed line) and the head's own texts.

    ``comment_only`` names the files whose syntax tree is the same as the one the stage last ran with.
    """

    head: Graph
    base: Graph
    changed: Mapping[str, int | None]
    texts: Mapping[str, str] = field(default_factory=dict)
    comment_only: frozenset[str] = frozenset()


def params(sides: Sides) -> tuple[ParamChange, ...]:
    """Every tracked parameter whose value differs, with its line in the head's file."""
    head, base = _values(sides.head.stages), _values(sides.base.stages)
    users = _users(sides)
    found = []
    places = sorted(head.keys() | base.keys())
    differing = (p for p in places if p not in head or p not in base or head[p] != base[p])
    for place in islice(differing, MAX_CHANGES):
        file, key = place
        kind: Literal["changed", "added", "removed"] = "changed"
        if place not in base:
            kind = "added"
        elif place not in head:
            kind = "removed"
        found.append(
            ParamChange(
                where=Where(file=file, line=key_line(sides.texts.get(file, ""), key)),
                key=key,
                old=scalar(base.get(place)),
                new=scalar(head.get(place)),
                kind=kind,
                feeds=_feeds(sides, users.get(place, ())),
            )
        )
    return tuple(found)


def files(sides: Sides) -> tuple[FileChange, ...]:
    """Changed data, code and commands that a stage depends on; outputs of other stages are no cause."""
    found = [*_commands(sides), *_tracked_data(sides), *_git_files(sides)]
    return tuple(sorted(found, key=lambda c: (c.role, c.where.file, c.where.line or 0))[:MAX_CHANGES])


def scalar(value: Any) -> Scalar:
    """A parameter's value for the document: scalars stay, lists and mappings become JSON text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)  # noqa: PLR0124
    return json.dumps(value, sort_keys=True, default=str)


def key_line(text: str, key: str) -> int | None:
    """The line of a dotted key in a YAML or JSON text, from 1; None where it is not found."""
    node = _composed(text)
    line = None
    rest = key.split(".")
    while rest and isinstance(node, yaml.MappingNode):
        step = _longest_key(node, rest)
        if step is None:
            return None
        size, name, node = step
        line, rest = name.start_mark.line + 1, rest[size:]
    return None if any(not part.isdigit() for part in rest) else line


@lru_cache(maxsize=8)
def _composed(text: str) -> yaml.Node | None:
    """A text as YAML's nodes, which know their lines; many keys of one text are asked for."""
    try:
        found: yaml.Node | None = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError):
        return None
    return found


def _longest_key(node: yaml.MappingNode, rest: list[str]) -> tuple[int, yaml.Node, yaml.Node] | None:
    """A key may itself contain dots; the longest match wins."""
    names = {name.value: (name, value) for name, value in node.value if isinstance(name, yaml.ScalarNode)}
    for size in range(len(rest), 0, -1):
        if (found := names.get(".".join(rest[:size]))) is not None:
            return size, *found
    return None


def _values(stages: Iterable[Stage]) -> dict[tuple[str, str], Any]:
    return {
        (file, leaf): value
        for stage in stages
        for file, keys in stage.params.items()
        for key, whole in keys.items()
        for leaf, value in pipeline.leaves(key, whole)
    }


def _users(sides: Sides) -> dict[tuple[str, str], list[str]]:
    users: dict[tuple[str, str], list[str]] = {}
    for stage in [*sides.head.stages, *sides.base.stages]:
        for file, keys in stage.params.items():
            for key, whole in keys.items():
                for leaf, _ in pipeline.leaves(key, whole):
                    users.setdefault((file, leaf), []).append(stage.name)
    return users


def _feeds(sides: Sides, direct: Iterable[str]) -> tuple[str, ...]:
    known = {stage.name for stage in sides.head.stages}
    start = {name for name in direct if name in known}
    return tuple(sorted(start | set(pipeline.downstream(sides.head, start))))


def _commands(sides: Sides) -> Iterator[FileChange]:
    before = {stage.name: stage.cmd for stage in sides.base.stages}
    for stage in sides.head.stages:
        old = before.get(stage.name)
        if old == stage.cmd:
            continue
        plain = stage.name.rpartition(":")[2].partition("@")[0]
        yield FileChange(
            where=Where(
                file=stage.dvcfile, line=key_line(sides.texts.get(stage.dvcfile, ""), f"stages.{plain}")
            ),
            role="command",
            old=old,
            new=stage.cmd,
            feeds=_feeds(sides, [stage.name]),
        )


def _tracked_data(sides: Sides) -> Iterator[FileChange]:
    """Files that a .dvc file tracks: their hashes stand in Git, their bytes do not."""
    users = _dep_users(sides)
    for path in sorted(sides.head.sources.keys() | sides.base.sources.keys()):
        old, new = sides.base.sources.get(path), sides.head.sources.get(path)
        readers = [name for dep, names in users.items() if _overlap(dep, path) for name in names]
        if old != new and readers:
            yield FileChange(
                where=Where(file=path), role="data", old=old, new=new, feeds=_feeds(sides, readers)
            )


def _git_files(sides: Sides) -> Iterator[FileChange]:
    users = _dep_users(sides)
    made = {out.path for stage in sides.head.stages for out in stage.outs} | set(sides.head.sources)
    for path, line in sorted(sides.changed.items()):
        if path in made:
            continue
        readers = [name for dep in _self_and_parents(path) for name in users.get(dep, ())]
        if readers:
            yield FileChange(
                where=Where(file=path, line=line),
                role="code" if PurePosixPath(path).suffix.lower() in CODE else "data",
                feeds=_feeds(sides, readers),
                comment_only=path in sides.comment_only,
            )


def _dep_users(sides: Sides) -> dict[str, list[str]]:
    users: dict[str, list[str]] = {}
    for stage in sides.head.stages:
        for dep in stage.deps:
            users.setdefault(dep.path, []).append(stage.name)
    return users


def _self_and_parents(path: str) -> Iterator[str]:
    yield path
    yield from (str(parent) for parent in PurePosixPath(path).parents if str(parent) != ".")


def _overlap(dep: str, source: str) -> bool:
    return dep == source or dep.startswith(source + "/") or source.startswith(dep + "/")
