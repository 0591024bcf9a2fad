"""dvc.yaml as a graph: what feeds what, which stages must run and why, in which order (pure)."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any, Literal

from mlops_ci.errors import ConfigError

SEEDS = frozenset({"seed", "random_seed", "random_state"})
MAX_VALUE = 60

Action = Literal["run", "maybe", "cached", "comment-only"]


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
        """Directory -> the outputs and tracked sources below it."""
        below: dict[str, list[str]] = {}
        for path in [*self.producers, *self.sources]:
            for parent in PurePosixPath(path).parents:
                below.setdefault(str(parent), []).append(path)
        return {directory: tuple(paths) for directory, paths in below.items()}

    @cached_property
    def feeds(self) -> Mapping[str, tuple[str, ...]]:
        """Stage name -> the stages whose outputs it reads, in the order of its dependencies."""
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
    owner = _holder(graph.producers, path)
    return graph.by_name[graph.producers[owner]] if owner is not None else None


def is_tracked(graph: Graph, path: str) -> bool:
    """Whether DVC keeps a path: as an output, a source, or inside a directory that is one."""
    return _holder(graph.producers, path) is not None or _holder(graph.sources, path) is not None


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


def waves(graph: Graph) -> tuple[tuple[str, ...], ...]:
    """The stages in groups that may run at the same time, one group after the other."""
    depth: dict[str, int] = {}
    groups: list[list[str]] = []
    for name in order(graph):
        depth[name] = 1 + max((depth[source] for source in graph.feeds[name]), default=-1)
        if depth[name] == len(groups):
            groups.append([])
        groups[depth[name]].append(name)
    return tuple(tuple(group) for group in groups)


def seed_groups(graph: Graph) -> tuple[tuple[Stage, ...], ...]:
    """Stages of one matrix that differ in nothing but their random seed, two or more to a group."""
    groups: dict[str, list[Stage]] = {}
    for stage in graph.stages:
        others = {name: value for name, value in stage.matrix.items() if name.lower() not in SEEDS}
        if len(others) < len(stage.matrix):
            plain = stage.name.rpartition("@")[0]
            groups.setdefault(f"{plain}\n{sorted(others.items(), key=str)!r}", []).append(stage)
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)


# ---- what must run -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """What happens to one stage.

    ``run`` must run; ``maybe`` runs if what feeds it changes; ``cached`` is up to date;
    ``comment-only`` differs from its last run in nothing but comments and layout of Python code, so
    that dvc.lock only needs the new hashes of ``stamps``.
    """

    stage: str
    action: Action
    reasons: tuple[str, ...] = ()
    stamps: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """One step for every stage, each after what feeds it."""

    steps: tuple[Step, ...] = ()

    @cached_property
    def by_stage(self) -> Mapping[str, Step]:
        """Stage name -> step."""
        return {step.stage: step for step in self.steps}

    def having(self, *actions: Action) -> tuple[Step, ...]:
        """The steps with one of these actions."""
        return tuple(step for step in self.steps if step.action in actions)

    @property
    def is_current(self) -> bool:
        """Whether dvc.lock holds what a run would give: nothing has to run or may have to."""
        return not self.having("run", "maybe")

    def to_restamp(self, cached: Collection[str]) -> tuple[Step, ...]:
        """The steps that need new hashes in dvc.lock, of those that turned out to be ``cached``.

        Not only comment-only ones: a stage that might have run, but did not, has its old hashes too.
        """
        return tuple(step for step in self.steps if step.stamps and step.stage in cached)


@dataclass(frozen=True)
class Known:
    """What is known of the files' contents while a plan is made or carried out.

    ``present`` are the hashes of what lies in the workspace, ``recorded`` those of every output in
    dvc.lock (both may be updated as stages run). ``inside`` looks a file up in a directory's hash;
    ``same_code`` says whether a Python source means the same as the version with a recorded hash,
    ``runs_code`` whether a stage surely does nothing with a source but run it.
    """

    present: dict[str, str | None]
    recorded: dict[str, str | None]
    inside: Callable[[str, str], str | None]
    same_code: Callable[[str, str], bool]
    runs_code: Callable[[Stage, str], bool]


def plan(
    graph: Graph,
    present: Mapping[str, str | None],
    *,
    inside: Callable[[str, str], str | None],
    same_code: Callable[[str, str], bool],
    runs_code: Callable[[Stage, str], bool],
) -> Plan:
    """Which stages must run, and why, without needing the data itself.

    ``present`` are the content hashes of the dependencies and outputs that lie in the workspace.

    Raises:
        ConfigError: some stages feed each other in a circle.
    """
    known = Known(dict(present), dict(graph.recorded), inside, same_code, runs_code)
    steps: dict[str, Step] = {}
    for name in order(graph):
        moving = [source for source in graph.feeds[name] if steps[source].action in ("run", "maybe")]
        steps[name] = _after(check(graph, graph.by_name[name], known), moving)
    return Plan(tuple(steps.values()))


def check(graph: Graph, stage: Stage, known: Known) -> Step:
    """One stage by itself: must it run? Whatever feeds it counts as settled."""
    if stage.frozen:
        return _frozen(stage, known)
    if stage.never_ran:
        return Step(stage.name, "run", ("never ran",))
    reasons = [*_own_reasons(stage), *_out_reasons(stage, known)]
    stamps = []
    for dep in stage.deps:
        reason = _dep_reason(graph, dep, known)
        if reason and _is_same_code(graph, stage, dep, known):
            stamps.append(dep.path)
        elif reason:
            reasons.append(reason)
    if reasons:
        return Step(stage.name, "run", tuple(reasons), tuple(stamps))
    if stamps:
        said = tuple(f"{path}: only comments or layout changed" for path in stamps)
        return Step(stage.name, "comment-only", said, tuple(stamps))
    return Step(stage.name, "cached")


def _frozen(stage: Stage, known: Known) -> Step:
    """Frozen means blind to what it reads and how it is called, not to what became of its outputs."""
    reasons = tuple(_out_reasons(stage, known))
    return Step(stage.name, "run", reasons) if reasons else Step(stage.name, "cached", ("frozen",))


def _after(step: Step, moving: Sequence[str]) -> Step:
    """A stage that is fed by one that runs may have to run itself; nothing feeds a frozen one."""
    if not moving or step.action == "run":
        return step
    reasons = tuple(f"what {name} writes may change" for name in moving)
    return Step(step.stage, "maybe", reasons, step.stamps)


def _own_reasons(stage: Stage) -> Iterator[str]:
    if stage.always_changed:
        yield "it runs every time (always_changed)"
    if stage.cmd_changed:
        yield "the command changed"
    for file in sorted(stage.params.keys() | stage.recorded_params.keys()):
        now, before = _flat(stage.params.get(file, {})), _flat(stage.recorded_params.get(file, {}))
        for key in sorted(now.keys() | before.keys()):
            if key not in before:
                yield f"{file}: {key} is new ({_shown(now[key])})"
            elif key not in now:
                yield f"{file}: {key} is gone (was {_shown(before[key])})"
            elif now[key] != before[key]:
                yield f"{file}: {key} {_shown(before[key])} -> {_shown(now[key])}"


def _out_reasons(stage: Stage, known: Known) -> Iterator[str]:
    for out in stage.outs:
        recorded, present = known.recorded.get(out.path), known.present.get(out.path)
        if recorded is None:
            yield f"{out.path} is not in dvc.lock yet"
        elif present is None and not out.cache:
            yield f"{out.path} is missing (it belongs into Git: cache: false)"
        elif present is not None and present != recorded:
            yield f"{out.path} is not what dvc.lock says"


def _dep_reason(graph: Graph, dep: Dep, known: Known) -> str:
    """Why a dependency makes its stage run, or an empty text."""
    if dep.recorded is None:
        return f"{dep.path} is a new dependency"
    current, why = _current(graph, dep.path, known)
    if current is None:
        return f"{dep.path} {why}"
    return "" if current == dep.recorded else f"{dep.path} changed"


def _current(graph: Graph, path: str, known: Known) -> tuple[str | None, str]:
    """The hash a dependency has now; None, and why, where that cannot be known."""
    producer = graph.producers.get(path)
    if producer is not None:
        return known.recorded.get(path), f"is not in dvc.lock yet (written by {producer})"
    for owners, hashes in ((graph.producers, known.recorded), (graph.sources, graph.sources)):
        owner = _holder(owners, path)
        if owner is not None and owner != path:
            return _within(path, owner, hashes.get(owner), known), "cannot be known without the data"
    if any(known.present.get(part) is None for part in graph.within.get(path, ())):
        return None, "cannot be known without the data"
    return known.present.get(path) or graph.sources.get(path), "is missing"


def _within(path: str, owner: str, owner_hash: str | None, known: Known) -> str | None:
    """The hash of a file inside a tracked directory.

    Never taken from the file's own last record: that record may be of another state of the
    directory (DVC's --allow-missing makes that mistake, issue 11099).
    """
    if owner_hash is None:
        return None
    if known.present.get(owner) == owner_hash and (found := known.present.get(path)) is not None:
        return found
    return known.inside(owner_hash, path[len(owner) + 1 :])


def _is_same_code(graph: Graph, stage: Stage, dep: Dep, known: Known) -> bool:
    """Whether the stage cannot notice how a source changed: it runs it, and it means the same."""
    if is_tracked(graph, dep.path) or dep.recorded is None or known.present.get(dep.path) is None:
        return False
    return known.same_code(dep.path, dep.recorded) and known.runs_code(stage, dep.path)


def leaves(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    """A parameter as its single values: a mapping ``train`` gives ``train.lr`` and so on."""
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from leaves(f"{key}.{name}", inner)
    else:
        yield key, value


def _flat(params: Mapping[str, Any]) -> dict[str, Any]:
    return {leaf: value for key, whole in params.items() for leaf, value in leaves(key, whole)}


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str | list | dict) or value is None else str(value)
    return text if len(text) <= MAX_VALUE else text[: MAX_VALUE - 1] + "…"


# ---- walking the graph ---------------------------------------------------------------------------


def _holder(owned: Mapping[str, Any], path: str) -> str | None:
    """``path`` itself where it is owned, else the owned directory that holds it."""
    if path in owned:
        return path
    parents = (str(parent) for parent in PurePosixPath(path).parents)
    return next((parent for parent in parents if parent in owned), None)


def _direct_upstream(graph: Graph, stage: Stage) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for dep in () if stage.frozen else stage.deps:
        owner = _holder(graph.producers, dep.path)
        for path in ([owner] if owner else []) + list(graph.within.get(dep.path, ())):
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
