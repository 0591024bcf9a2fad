"""Which stages must run, and why: from dvc.yaml, dvc.lock, parameters and hashes alone, without the data."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from mlops_ci.pipeline.graph import Dep, Graph, Stage, holder, is_tracked, order

MAX_VALUE = 60

Action = Literal["run", "maybe", "cached", "comment-only"]


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
        stage = graph.by_name[name]
        step = check(graph, stage, known)
        if moving and step.action == "run":
            step = _unless_moved(graph, stage, known, step, moving)
        steps[name] = _after(step, moving)
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


def _unless_moved(graph: Graph, stage: Stage, known: Known, step: Step, moving: Collection[str]) -> Step:
    """What moving stages write may yet be what the stage read last time, if nothing else speaks for a run."""
    if stage.never_ran:
        return step
    kept = tuple(dep for dep in stage.deps if dep.recorded is None or not _is_made_by(graph, dep, moving))
    if check(graph, replace(stage, deps=kept), known).action == "run":
        return step
    return replace(step, action="maybe")


def _is_made_by(graph: Graph, dep: Dep, moving: Collection[str]) -> bool:
    """Whether one of the stages writes a dependency, or something in it or around it."""
    owner = holder(graph.producers, dep.path)
    inner = graph.within.get(dep.path, ())
    return any(graph.producers.get(path) in moving for path in ([owner] if owner else []) + list(inner))


def _after(step: Step, moving: Sequence[str]) -> Step:
    """A stage that is fed by one that runs may have to run itself; nothing feeds a frozen one."""
    if not moving or step.action == "run":
        return step
    reasons = tuple(f"what {name} writes may change" for name in moving)
    own = step.reasons if step.action == "maybe" else ()
    return Step(step.stage, "maybe", (*own, *reasons), step.stamps)


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
    owner = holder(graph.producers, path)
    if owner is not None:
        return _within(path, owner, known.recorded.get(owner), known), "cannot be known without the data"
    owner = holder(graph.sources, path)
    if owner is not None and owner != path:
        if known.present.get(owner) is not None:
            return known.present.get(path), "is missing"
        return _within(path, owner, graph.sources.get(owner), known), "cannot be known without the data"
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
