"""dvc.yaml as a graph: what feeds what, and in which order."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from mlops_ci.errors import ConfigError

SEEDS = frozenset({"seed", "random_seed", "random_state"})


@dataclass(frozen=True)
class Dep:
    """A dependency; ``recorded`` is its hash in dvc.lock (md5 or md5.dir; None: never ran)."""

    path: str
    recorded: str | None = None


@dataclass(frozen=True)
class Out:
    """An output; ``plot`` holds the plot's properties where it is one; size in bytes."""

    path: str
    recorded: str | None = None
    cache: bool = True
    push: bool = True
    metric: bool = False
    plot: Mapping[str, Any] | None = None
    size: int | None = None
    files: int | None = None


@dataclass(frozen=True)
class Stage:
    """A resolved stage. ``name`` is DVC's address (``train@lin``, ``sub/dvc.yaml:train@lin``).

    Paths are relative to the repository root, POSIX. ``params`` maps file -> key -> value now,
    ``recorded_params`` the same as dvc.lock has it. ``matrix`` are the item's own dimensions.
    ``folder`` is where its command runs.
    """

    name: str
    dvcfile: str
    cmd: str = ""
    cmd_changed: bool = False
    deps: tuple[Dep, ...] = ()
    outs: tuple[Out, ...] = ()
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    recorded_params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    frozen: bool = False
    always_changed: bool = False
    never_ran: bool = False
    matrix: Mapping[str, Any] = field(default_factory=dict)
    folder: str = "."


@dataclass(frozen=True)
class Artifact:
    """An entry of ``artifacts:`` in a dvc.yaml: a model or a dataset with a name."""

    name: str
    path: str
    dvcfile: str
    type: str = ""


@dataclass(frozen=True)
class PlotSpec:
    """A plot as dvc.yaml declares it: where its points are and how they are drawn."""

    id: str
    file: str
    dvcfile: str = ""
    x: str = ""
    y: tuple[str, ...] = ()
    template: str = ""
    title: str = ""


@dataclass(frozen=True)
class Graph:
    """Every pipeline of the repository at one revision.

    ``sources`` are the hashes of files that a .dvc file tracks; ``metrics`` are all metrics files,
    those under a top-level ``metrics:`` included; ``vars`` maps nothing but is kept out: DVC resolves it.
    """

    stages: tuple[Stage, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    artifacts: tuple[Artifact, ...] = ()
    metrics: tuple[str, ...] = ()
    plots: tuple[PlotSpec, ...] = ()

    @cached_property
    def by_name(self) -> Mapping[str, Stage]:
        """Stage name -> stage."""
        return {stage.name: stage for stage in self.stages}

    @cached_property
    def producers(self) -> Mapping[str, str]:
        """Output path -> the name of the stage that writes it."""
        return {out.path: stage.name for stage in self.stages for out in stage.outs}

    @cached_property
    def recorded(self) -> Mapping[str, str | None]:
        """Output path -> its hash in dvc.lock."""
        return {out.path: out.recorded for stage in self.stages for out in stage.outs}

    @cached_property
    def within(self) -> Mapping[str, tuple[str, ...]]:
        """Directory -> the outputs and tracked sources below it, as DVC walks them: folder by folder."""
        below: dict[str, list[str]] = {}
        for path in _walked([*self.producers, *self.sources]):
            for parent in parents(path):
                below.setdefault(parent, []).append(path)
        return {directory: tuple(paths) for directory, paths in below.items()}

    @cached_property
    def feeds(self) -> Mapping[str, tuple[str, ...]]:
        """Stage name -> the stages whose outputs it reads, in the order of its dependencies.

        A parameters file is a dependency too: a stage may write it.
        """
        return {stage.name: _direct_upstream(self, stage) for stage in self.stages}

    @cached_property
    def feeds_to(self) -> Mapping[str, tuple[str, ...]]:
        """Stage name -> the stages that read its outputs."""
        readers: dict[str, list[str]] = {stage.name: [] for stage in self.stages}
        for name, sources in self.feeds.items():
            for source in sources:
                readers[source].append(name)
        return {name: tuple(found) for name, found in readers.items()}


# ---- what feeds what -----------------------------------------------------------------------------


def producer_of(graph: Graph, path: str) -> Stage | None:
    """The stage that writes ``path``, or the directory that holds it."""
    owner = holder(graph.producers, path)
    return graph.by_name[graph.producers[owner]] if owner is not None else None


def is_tracked(graph: Graph, path: str) -> bool:
    """Whether DVC keeps a path: as an output, a source, or inside a directory that is one."""
    return holder(graph.producers, path) is not None or holder(graph.sources, path) is not None


def upstream(graph: Graph, names: Iterable[str]) -> tuple[str, ...]:
    """Everything that feeds the named stages; a named one only where it feeds another."""
    return _closure(graph, names, graph.feeds)


def downstream(graph: Graph, names: Iterable[str]) -> tuple[str, ...]:
    """Everything that the named stages feed; a named one only where another feeds it."""
    return _closure(graph, names, graph.feeds_to)


def order(graph: Graph) -> tuple[str, ...]:
    """All stages, each after what feeds it; otherwise as dvc.yaml has them.

    Raises:
        ConfigError: some stages feed each other in a circle.
    """
    place = {stage.name: index for index, stage in enumerate(graph.stages)}
    waiting = {name: len(sources) for name, sources in graph.feeds.items()}
    ready = [place[name] for name, count in waiting.items() if count == 0]
    heapq.heapify(ready)
    found = []
    while ready:
        name = graph.stages[heapq.heappop(ready)].name
        found.append(name)
        for reader in graph.feeds_to[name]:
            waiting[reader] -= 1
            if waiting[reader] == 0:
                heapq.heappush(ready, place[reader])
    if len(found) < len(place):
        circle = " -> ".join(_circle(graph, {name for name, count in waiting.items() if count}))
        raise ConfigError(
            f"dvc.yaml: stages feed each other in a circle: {circle}",
            "take one of the dependencies between them away",
        )
    return tuple(found)


def waves(graph: Graph, wanted: Collection[str] | None = None) -> tuple[tuple[str, ...], ...]:
    """The stages (or the ``wanted`` alone) in groups that may run at the same time, one after the other."""
    depth: dict[str, int] = {}
    groups: list[list[str]] = []
    for name in order(graph):
        if wanted is not None and name not in wanted:
            continue
        before = (depth[source] for source in graph.feeds[name] if source in depth)
        depth[name] = 1 + max(before, default=-1)
        if depth[name] == len(groups):
            groups.append([])
        groups[depth[name]].append(name)
    return tuple(tuple(group) for group in groups)


def serial_order(graph: Graph, wanted: Collection[str] | None = None) -> tuple[str, ...]:
    """The stages in the order in which a serial ``dvc repro`` visits them.

    DVC walks the graph depth first: stages as it loads them, and before each what feeds it, in the order of
    its dependencies. ``wanted`` are only these, which hold all that feeds them (default: all).
    """
    found: dict[str, None] = {}
    begun: set[str] = set()
    for stage in graph.stages:
        if stage.name in begun or (wanted is not None and stage.name not in wanted):
            continue
        begun.add(stage.name)
        stack = [(stage.name, iter(graph.feeds[stage.name]))]
        while stack:
            name, sources = stack[-1]
            source = next((one for one in sources if one not in begun), None)
            if source is None:
                found[name] = None
                stack.pop()
            else:
                begun.add(source)
                stack.append((source, iter(graph.feeds[source])))
    return tuple(found)


def seed_groups(graph: Graph) -> tuple[tuple[Stage, ...], ...]:
    """Stages of one matrix that differ in nothing but their random seed, two or more to a group."""
    groups: dict[str, list[Stage]] = {}
    for stage in graph.stages:
        others = {name: value for name, value in stage.matrix.items() if name.lower() not in SEEDS}
        if len(others) < len(stage.matrix):
            plain = stage.name.rpartition("@")[0]
            groups.setdefault(f"{plain}\n{sorted(others.items(), key=str)!r}", []).append(stage)
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)


# ---- walking the graph ---------------------------------------------------------------------------


def parents(path: str) -> Iterator[str]:
    """The folders that hold a path, the innermost first; the last is ``.``, or ``/``."""
    end = path.rfind("/")
    while end > 0:
        path = path[:end]
        yield path
        end = path.rfind("/")
    yield "." if end < 0 else "/"


def holder(owned: Mapping[str, Any], path: str) -> str | None:
    """``path`` itself where it is owned, else the owned directory that holds it."""
    return path if path in owned else next((parent for parent in parents(path) if parent in owned), None)


def _walked(paths: Iterable[str]) -> Iterator[str]:
    """The paths folder by folder: those of a folder together, folders in the order they first come up."""
    tree: dict[str | None, Any] = {}
    for path in paths:
        node = tree
        for part in path.split("/"):
            node = node.setdefault(part, {})
        node[None] = path
    todo: list[Any] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, str):
            yield node
        else:
            todo.extend(reversed(node.values()))


def _direct_upstream(graph: Graph, stage: Stage) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for read in () if stage.frozen else (*(dep.path for dep in stage.deps), *stage.params):
        owner = holder(graph.producers, read)
        for path in ([owner] if owner else []) + list(graph.within.get(read, ())):
            if path in graph.producers:
                found[graph.producers[path]] = None
    return tuple(found)


def _closure(graph: Graph, names: Iterable[str], edges: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Everything reached over the edges, in the order of dvc.yaml."""
    todo = [reached for name in names for reached in edges.get(name, ())]
    seen: set[str] = set()
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo.extend(edges[name])
    return tuple(stage.name for stage in graph.stages if stage.name in seen)


def _circle(graph: Graph, stuck: set[str]) -> list[str]:
    """One circle among stages of which each waits for another of them."""
    name = next(stage.name for stage in graph.stages if stage.name in stuck)
    path: list[str] = []
    while name not in path:
        path.append(name)
        name = next(source for source in graph.feeds[name] if source in stuck)
    return list(reversed([*path[path.index(name) :], name]))
