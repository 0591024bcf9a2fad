"""Which stage starts next: after what feeds it, as many at once as there is room for (pure)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from mlops_ci.pipeline.graph import Graph, order
from mlops_ci.pipeline.resources import Capacity, Resources


@dataclass(frozen=True)
class Slot:
    """A stage that may start now, and the GPUs that it gets."""

    stage: str
    gpus: tuple[str, ...] = ()


class Schedule:
    """The state of a run: what waits, what is ready, what takes which part of the machine.

    Of the stages that are ready, the one with the longest way to the end of the pipeline comes first
    (critical path; Graham, "Bounds on multiprocessing timing anomalies", 1969), by the ``seconds`` that
    each stage took last time. A stage that wants more than there is takes all of it.
    """

    def __init__(
        self,
        graph: Graph,
        wanted: Collection[str],
        capacity: Capacity,
        resources: Mapping[str, Resources],
        seconds: Mapping[str, float],
    ) -> None:
        self._graph = graph
        self._wanted = frozenset(wanted)
        self._capacity = capacity
        self._resources = resources
        self._running: dict[str, tuple[Resources, tuple[str, ...]]] = {}
        sequence = [name for name in order(graph) if name in self._wanted]
        self._waiting = {
            name: sum(source in self._wanted for source in graph.feeds[name]) for name in sequence
        }
        self._rank = _ranks(graph, sequence, seconds)
        free = [name for name, count in self._waiting.items() if not count]
        self._ready = sorted(free, key=self._rank.__getitem__)

    @property
    def is_over(self) -> bool:
        """Whether nothing runs and nothing is ready to."""
        return not self._ready and not self._running

    def next(self) -> Slot | None:
        """The stage that starts now, which counts as running from here on; None where nothing fits."""
        for name in self._ready:
            wants = self._fitted(self._resources.get(name, Resources()))
            if not self._fits(wants):
                # What needs the whole machine would wait for ever if smaller ones kept overtaking it.
                if wants.exclusive:
                    return None
                continue
            self._ready.remove(name)
            gpus = self._free_gpus()[: wants.gpu]
            self._running[name] = (wants, gpus)
            return Slot(name, gpus)
        return None

    def ended(self, name: str) -> None:
        """A stage ended, well or not: its room is free, and what waited for nothing else is ready."""
        self._running.pop(name, None)
        freed = []
        for reader in self._graph.feeds_to[name]:
            if reader in self._waiting:
                self._waiting[reader] -= 1
                if not self._waiting[reader]:
                    freed.append(reader)
        if freed:
            self._ready = sorted([*self._ready, *freed], key=self._rank.__getitem__)

    def _fitted(self, wants: Resources) -> Resources:
        """What a stage gets where it wants more than there is."""
        have = self._capacity
        return Resources(
            cpu=min(wants.cpu, have.cpu),
            memory=min(wants.memory, have.memory),
            gpu=min(wants.gpu, len(have.gpus)),
            exclusive=wants.exclusive,
        )

    def _fits(self, wants: Resources) -> bool:
        taken = [one for one, _ in self._running.values()]
        if not taken:
            return True
        if wants.exclusive or any(one.exclusive for one in taken):
            return False
        # A thousandth of a CPU: ten times 0.1 is one.
        return (
            wants.cpu + sum(one.cpu for one in taken) <= self._capacity.cpu + 0.001
            and wants.memory + sum(one.memory for one in taken) <= self._capacity.memory
            and wants.gpu <= len(self._free_gpus())
        )

    def _free_gpus(self) -> tuple[str, ...]:
        used = {gpu for _, gpus in self._running.values() for gpu in gpus}
        return tuple(gpu for gpu in self._capacity.gpus if gpu not in used)


def _ranks(
    graph: Graph, sequence: Sequence[str], seconds: Mapping[str, float]
) -> dict[str, tuple[float, int]]:
    """For each stage the seconds from its start to the end of the pipeline, negative, then its place."""
    typical = sorted(seconds.values())[len(seconds) // 2] if seconds else 1.0
    ahead: dict[str, float] = {}
    for name in reversed(sequence):
        after = max((ahead[reader] for reader in graph.feeds_to[name] if reader in ahead), default=0.0)
        ahead[name] = after + seconds.get(name, typical)
    return {name: (-ahead[name], place) for place, name in enumerate(sequence)}
