"""Which stage starts next: after what feeds it, as many at once as there is room for (pure)."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from mlops_ci.pipeline.expecting import filled, ways
from mlops_ci.pipeline.graph import Graph, order
from mlops_ci.pipeline.resources import Capacity, Resources

LEAST_PATIENCE = 4
MILLI = 1000  # CPUs are counted in thousandths: ten times 0.1 is exactly one


@dataclass(frozen=True)
class Slot:
    """A stage that may start now, and the GPUs that it gets."""

    stage: str
    gpus: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Room:
    """A part of the machine: thousandths of CPUs, memory in bytes, GPUs; ``exclusive``: all of it."""

    cpu: int = 0
    memory: int = 0
    gpu: int = 0
    exclusive: bool = False

    def plus(self, other: _Room) -> _Room:
        return _Room(self.cpu + other.cpu, self.memory + other.memory, self.gpu + other.gpu)

    def minus(self, other: _Room) -> _Room:
        return _Room(self.cpu - other.cpu, self.memory - other.memory, self.gpu - other.gpu)

    def holds(self, other: _Room) -> bool:
        return other.cpu <= self.cpu and other.memory <= self.memory and other.gpu <= self.gpu


@dataclass(frozen=True)
class _Running:
    room: _Room
    gpus: tuple[str, ...]
    # When it should have ended by what it took last time; where that is not known, any moment.
    until: float


@dataclass
class _Waiting:
    """Which stages wait for others, for how many; what is not wanted is passed over without a slot."""

    graph: Graph
    wanted: frozenset[str]
    counts: dict[str, int] = field(default_factory=dict)

    def begin(self) -> list[str]:
        self.counts = {name: len(sources) for name, sources in self.graph.feeds.items()}
        return self._passed(name for name, count in self.counts.items() if not count)

    def ended(self, name: str) -> list[str]:
        return self._passed(self._freed(name))

    def _freed(self, name: str) -> Iterable[str]:
        for reader in self.graph.feeds_to[name]:
            self.counts[reader] -= 1
            if not self.counts[reader]:
                yield reader

    def _passed(self, free: Iterable[str]) -> list[str]:
        """The wanted stages that are free now; what is not wanted frees what reads it at once."""
        found, todo = [], list(free)
        while todo:
            name = todo.pop()
            if name in self.wanted:
                found.append(name)
            else:
                todo.extend(self._freed(name))
        return found


class Schedule:
    """The state of a run: what waits, what is ready, what takes which part of the machine.

    Of the stages that are ready, the one with the longest way to the end of the pipeline comes first
    (critical path; Graham, "Bounds on multiprocessing timing anomalies", 1969), by the ``seconds`` that
    each stage took last time. A stage that wants more than there is takes all of it.

    Where there is no room for the first one, others may start before it if that does not keep it waiting
    (backfilling; Lifka, "The ANL/IBM SP scheduling system", 1995): beside it there would be room for them
    too, or they end before it could start anyway. Beyond that so many as the machine has CPUs may, then the
    machine is left to empty for it: nothing waits for ever. ``now`` is the clock (seconds).
    """

    def __init__(
        self,
        graph: Graph,
        wanted: Collection[str],
        capacity: Capacity,
        resources: Mapping[str, Resources],
        seconds: Mapping[str, float],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._capacity = _Room(_milli(capacity.cpu), capacity.memory, len(capacity.gpus))
        self._patience = max(LEAST_PATIENCE, int(capacity.cpu))
        self._seconds = seconds
        self._now = now
        self._waiting = _Waiting(graph, frozenset(wanted))
        self._rank = _ranks(graph, self._waiting.wanted, seconds)
        self._rooms = {name: self._room(resources.get(name, Resources())) for name in self._rank}
        self._running: dict[str, _Running] = {}
        self._free = self._capacity
        self._gpus = list(capacity.gpus)
        # A heap for each kind of room: whether the first of a kind fits, all of it do.
        self._ready: dict[_Room, list[tuple[float, int, str]]] = {}
        self._overtaken: dict[str, int] = {}
        self._new = self._waiting.begin()
        self._held: set[str] = set()

    @property
    def is_over(self) -> bool:
        """Whether nothing runs, is held, or is ready to run."""
        return not (self._new or self._held or self._ready or self._running)

    def arrived(self) -> list[str]:
        """The stages that nothing feeds any more, the first ones first; held until ``admit`` or ``skip``.

        Who does not ask leaves it to ``next``, which admits them all.
        """
        found, self._new = sorted(self._new, key=self._rank.__getitem__), []
        self._held.update(found)
        return found

    def coming(self) -> list[str]:
        """The wanted stages that still wait for what feeds them, those first that are to come first."""
        counts = self._waiting.counts
        return sorted((name for name in self._rank if counts[name]), key=self._rank.__getitem__)

    def admit(self, name: str) -> None:
        """A stage that was held may start as soon as there is room."""
        self._held.remove(name)
        self._put([name])

    def skip(self, name: str) -> None:
        """A stage that was held does not have to run: what waited for nothing else arrives."""
        self._held.remove(name)
        self._new += self._waiting.ended(name)

    def next(self) -> Slot | None:
        """The stage that starts now, which counts as running from here on; None where none should."""
        self._put(self._new)
        self._new = []
        first: str | None = None
        for room, (_, _, name) in sorted(
            ((room, heap[0]) for room, heap in self._ready.items()), key=lambda item: item[1]
        ):
            if not self._fits(room):
                first = first or name
            elif first is None or self._may_overtake(name, first):
                return self._start(name)
        return None

    def ended(self, name: str) -> None:
        """A stage ended, well or not: its room is free, and what waited for nothing else is ready.

        Raises:
            KeyError: it does not run.
        """
        entry = self._running.pop(name)
        self._free = self._free.plus(entry.room)
        self._gpus.extend(entry.gpus)
        self._new += self._waiting.ended(name)

    def _room(self, wants: Resources) -> _Room:
        """What a stage gets: all there is where it wants more."""
        have = self._capacity
        return _Room(
            cpu=min(_milli(wants.cpu), have.cpu),
            memory=min(wants.memory, have.memory),
            gpu=min(wants.gpu, have.gpu),
            exclusive=wants.exclusive,
        )

    def _put(self, names: Iterable[str]) -> None:
        for name in names:
            heapq.heappush(self._ready.setdefault(self._rooms[name], []), (*self._rank[name], name))

    def _start(self, name: str) -> Slot:
        room = self._rooms[name]
        heapq.heappop(self._ready[room])
        if not self._ready[room]:
            del self._ready[room]
        self._overtaken.pop(name, None)
        gpus, self._gpus = tuple(self._gpus[: room.gpu]), self._gpus[room.gpu :]
        self._free = self._free.minus(room)
        self._running[name] = _Running(room, gpus, self._now() + self._seconds.get(name, 0.0))
        return Slot(name, gpus)

    def _fits(self, room: _Room) -> bool:
        if not self._running:
            return True
        # What is exclusive runs alone, so it is the first of those that run.
        alone = room.exclusive or next(iter(self._running.values())).room.exclusive
        return not alone and self._free.holds(room)

    def _may_overtake(self, name: str, first: str) -> bool:
        """Whether a stage may start before the first one, for which there is no room yet."""
        start, beside = self._prospect(self._rooms[first])
        if not self._rooms[first].exclusive and beside.holds(self._rooms[name]):
            return True
        if name in self._seconds and self._now() + self._seconds[name] <= start:
            return True
        passed = self._overtaken.get(first, 0)
        self._overtaken[first] = passed + 1
        return passed < self._patience

    def _prospect(self, room: _Room) -> tuple[float, _Room]:
        """When there should be room for a stage that waits, and what is free beside it then."""
        free, start = self._free, self._now()
        for entry in sorted(self._running.values(), key=lambda one: one.until):
            if not room.exclusive and free.holds(room):
                break
            free, start = free.plus(entry.room), max(start, entry.until)
        return start, free.minus(room)


def _milli(cpu: float) -> int:
    return max(1, round(cpu * MILLI))


def _ranks(
    graph: Graph, wanted: Collection[str], seconds: Mapping[str, float]
) -> dict[str, tuple[float, int]]:
    """Each wanted stage: the seconds from its start to the end of the pipeline, negative; its place."""
    expected = filled(wanted, seconds)
    # Where nothing is known, the longest chain of stages is the longest way.
    ahead = ways(graph, {name: expected.get(name, 1.0) for name in wanted})
    return {name: (-ahead[name], place) for place, name in enumerate(order(graph)) if name in wanted}
