"""Which stages go to runners of their own: rounds of parts that know nothing of each other (pure).

A run is cut where the pipeline becomes wider or narrower: the stages before the first cut are round 1, and so
on, and those after the last cut are the rest. What hangs together within a round is one part, so that a chain
such as train@i -> eval@i never waits for a second runner. All sets of cuts are tried, the quickest is taken.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations
from math import inf

from mlops_ci.errors import ConfigError
from mlops_ci.pipeline.expecting import filled
from mlops_ci.pipeline.graph import Graph, downstream, order, upstream
from mlops_ci.pipeline.packing import Atom, Bin, Groups, bound, pack, slowest
from mlops_ci.pipeline.planning import Plan
from mlops_ci.pipeline.resources import Capacity, Resources
from mlops_ci.pipeline.scheduling import Schedule

MAX_ROUNDS = 3
# Of a deep pipeline only so many places to cut are tried: 56 sets of three.
MAX_CUTS = 8
# Spreading pays where it takes at most so much of the time alone: what it is known to be worth, less noise.
PAYS = 0.85
# Of more stages than these, how long they take is not played through, but estimated.
MANY = 400
# Fewer runners are taken where that costs at most this much more time.
SPARING = 1.1

NOTHING = "no stage has to run"
UNKNOWN = "how long the stages take is not known yet: the base branch has no evidence of it"
LABELS = "some stages need a runner of their own"
ALONE = "one runner takes {alone:.0f} s, several would take {spread:.0f} s: that does not pay"
NARROW = "the stages that have to run wait for each other, so there is nothing to spread"
PAID = "one runner would take {alone:.0f} s, several take {spread:.0f} s"


@dataclass(frozen=True)
class Part:
    """Stages that one job runs, in order; ``runner`` is the label it needs, empty for the usual one.

    ``id`` is safe as the name of an artifact. ``seconds`` is what it took last time, where that is known.
    ``after`` are the parts of earlier rounds whose outputs it reads.
    """

    id: str
    stages: tuple[str, ...]
    runner: str = ""
    seconds: float | None = None
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fan:
    """How a run is spread over runners: rounds one after the other, the parts of a round at once.

    ``rest`` are the stages that the last job, which judges, runs itself. Without rounds that is everything:
    ``why`` says why spreading would not pay, or why it does. ``alone`` and ``spread`` are the seconds that
    the run would take on one runner and on several, where the durations are known.
    """

    rounds: tuple[tuple[Part, ...], ...] = ()
    rest: tuple[str, ...] = ()
    why: str = ""
    alone: float | None = None
    spread: float | None = None

    @property
    def seconds(self) -> float:
        """How long it takes this way, where that is known."""
        return inf if self.spread is None else self.spread

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts of all rounds, in their order."""
        return tuple(part for parts in self.rounds for part in parts)


@dataclass(frozen=True)
class Machine:
    """What one runner has, and what the stages take of it while they run."""

    capacity: Capacity = field(default_factory=Capacity)
    resources: Mapping[str, Resources] = field(default_factory=dict)


def fan(
    graph: Graph,
    plan: Plan,
    seconds: Mapping[str, float],
    labels: Mapping[str, str],
    *,
    runners: int,
    overhead: float,
    machine: Machine | None = None,
) -> Fan:
    """Spread the stages that must run, or may have to, over at most ``runners`` at once.

    ``seconds`` is how long stages took last time; without it only those with a label are spread: ``labels``
    maps a stage to the runner that it needs and the usual one is not. ``overhead`` is what a job costs before
    and after its stages (seconds).

    Raises:
        ConfigError: the labels cannot be honoured in three rounds, or not with so few runners.
    """
    wanted = {step.stage for step in plan.having("run", "maybe")}
    moving = tuple(name for name in order(graph) if name in wanted)
    expected = filled(moving, seconds)
    spreading = _Spreading(
        graph=graph,
        moving=moving,
        seconds={name: expected.get(name, 0.0) for name in moving},
        labels={name: label for name, label in labels.items() if label and name in wanted},
        staying=_staying(graph),
        runners=max(1, runners),
        machine=machine or Machine(),
    )
    if not moving:
        return Fan(why=NOTHING)
    forced = _forced(spreading)
    if not any(name in seconds for name in moving):
        return _told(spreading, forced, LABELS if forced else UNKNOWN)
    return _cheapest(spreading, forced, overhead)


def _staying(graph: Graph) -> frozenset[str]:
    """Stages that no job can hand on, and what reads them: a .dvc file is stage and lock in one."""
    old = [stage.name for stage in graph.stages if not stage.dvcfile.endswith("dvc.yaml")]
    return frozenset([*old, *downstream(graph, old)])


# ---- what is tried -------------------------------------------------------------------------------

# The stages of each round.
Rounds = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class _Spreading:
    """What is to be spread; ``seconds`` has every moving stage."""

    graph: Graph
    moving: tuple[str, ...]
    seconds: Mapping[str, float]
    labels: Mapping[str, str]
    staying: frozenset[str]
    runners: int
    machine: Machine

    @property
    def cpus(self) -> int:
        return max(1, int(self.machine.capacity.cpu))

    def cpu(self, name: str) -> float:
        """How many CPUs a stage keeps busy, or from others; at most all."""
        wants = self.machine.resources.get(name, Resources())
        return self.cpus if wants.exclusive else min(wants.cpu, self.cpus)

    @cached_property
    def places(self) -> Mapping[str, int]:
        return {name: index for index, name in enumerate(self.moving)}

    def place(self, name: str) -> int:
        """Where a stage is in the order of the run."""
        return self.places[name]

    def rest(self, rounds: Rounds) -> tuple[str, ...]:
        """The moving stages that are in no round."""
        taken = {name for stages in rounds for name in stages}
        return tuple(name for name in self.moving if name not in taken)

    def atoms(self, stages: Sequence[str]) -> tuple[Atom, ...] | None:
        """What hangs together among some stages; None where something of it needs two labels."""
        groups = Groups(stages)
        for name in stages:
            for source in self.graph.feeds[name]:
                groups.join(name, source)
        found = [self.hang(group) for group in groups.all()]
        return None if any(len(atom.labels) > 1 for atom in found) else tuple(found)

    def slowest(self, atoms: Sequence[Atom]) -> float:
        """How long the slowest job takes where as many run as may (seconds)."""
        if len(atoms) > MANY:
            return bound(atoms, self.runners, self.cpus)
        return slowest(pack(atoms, self.runners, self.cpus))

    def hang(self, group: Sequence[str]) -> Atom:
        """Stages that one job runs, whatever else it runs."""
        ends: dict[str, float] = {}
        for name in group:
            before = (ends.get(source, 0.0) for source in self.graph.feeds[name])
            ends[name] = max(before, default=0.0) + self.seconds[name]
        return Atom(
            stages=tuple(group),
            labels=frozenset(self.labels[name] for name in group if name in self.labels),
            work=sum(self.seconds[name] * self.cpu(name) for name in group),
            longest=max(ends.values(), default=0.0),
        )

    def lasts(self, stages: Collection[str]) -> float:
        """How long one runner takes for stages, as a run would start them (seconds); of very many about."""
        if len(stages) > MANY:
            return Bin("", self.cpus).take(self.hang(sorted(stages, key=self.place))).load
        schedule = Schedule(self.graph, stages, self.machine.capacity, self.machine.resources, self.seconds)
        now, running = 0.0, dict[str, float]()
        while not schedule.is_over:
            while (slot := schedule.next()) is not None:
                running[slot.stage] = now + self.seconds[slot.stage]
            name = min(running, key=running.__getitem__)
            now = running.pop(name)
            schedule.ended(name)
        return now


# ---- which stages in which round -----------------------------------------------------------------


def _forced(spreading: _Spreading) -> Rounds:
    """The fewest stages that must leave the last job: those with a label, and what feeds them.

    Each goes into the first round where what hangs together with it needs no other label.
    """
    if stuck := [name for name in spreading.labels if name in spreading.staying]:
        raise ConfigError(
            f"{stuck[0]} needs the runner {spreading.labels[stuck[0]]}, but it is no stage of a dvc.yaml",
            "move the stage, and those that it reads from, to a dvc.yaml",
        )
    feeding = {*spreading.labels, *upstream(spreading.graph, spreading.labels)}
    stages = [name for name in spreading.moving if name in feeding]
    groups = Groups(stages)
    layer: dict[str, int] = {}
    needs = {name: spreading.labels.get(name, "") for name in stages}
    for name in stages:
        sources = [source for source in spreading.graph.feeds[name] if source in layer]
        last = max((layer[source] for source in sources), default=0)
        beside = {groups.leader(source) for source in sources if layer[source] == last}
        wanted = {needs[name], *(needs[leader] for leader in beside)} - {""}
        layer[name] = last + (len(wanted) > 1)
        if len(wanted) < 2:
            for leader in beside:
                groups.join(leader, name)
            needs[name] = next(iter(wanted), "")
    rounds = [
        [name for name in stages if layer[name] == at] for at in range(max(layer.values(), default=-1) + 1)
    ]
    return tuple(map(tuple, rounds))


def _levels(spreading: _Spreading) -> list[list[str]]:
    """The moving stages by how many of them are before each, at most, one after the other."""
    depth: dict[str, int] = {}
    levels: list[list[str]] = []
    for name in (one for one in spreading.moving if one not in spreading.staying):
        depth[name] = 1 + max((depth.get(source, -1) for source in spreading.graph.feeds[name]), default=-1)
        if depth[name] == len(levels):
            levels.append([])
        levels[depth[name]].append(name)
    return levels


def _cuts(levels: Sequence[Sequence[str]]) -> Iterator[Rounds]:
    """Sets of places to cut, where the stages become more or fewer, as the rounds before the cuts."""
    steps = {at: abs(len(levels[at]) - len(levels[at - 1])) for at in range(1, len(levels))}
    places = [*sorted(sorted(steps, key=lambda at: (-steps[at], at))[: MAX_CUTS - 1]), len(levels)]
    for count in range(1, MAX_ROUNDS + 1):
        for ends in combinations(places, count):
            yield tuple(
                tuple(name for level in levels[begin:end] for name in level)
                for begin, end in zip((0, *ends), ends, strict=False)
            )


def _cheapest(spreading: _Spreading, forced: Rounds, overhead: float) -> Fan:
    """The quickest way; only what must be spread where that is not worth it."""
    levels = _levels(spreading)
    alone = spreading.lasts(spreading.moving)
    best, least = Rounds(), inf
    for rounds in _cuts(levels):
        cost = _cost(spreading, rounds, overhead)
        if cost < least:
            best, least = rounds, cost
    plain = _timed(spreading, _told(spreading, forced, LABELS), alone, overhead) if forced else None
    found = _timed(spreading, _told(spreading, best, PAID), alone, overhead) if least < inf else None
    if found and found.seconds <= PAYS * (plain.seconds if plain else alone):
        return found
    if plain:
        return plain
    wide = any(len(level) > 1 for level in levels)
    return Fan(
        rest=spreading.moving,
        why=ALONE.format(alone=alone, spread=least) if wide else NARROW,
        alone=alone,
        spread=alone,
    )


def _cost(spreading: _Spreading, rounds: Rounds, overhead: float) -> float:
    """How long a run takes that is spread so (seconds); without end where it cannot be."""
    rest = spreading.rest(rounds)
    if len(rounds) > MAX_ROUNDS or any(name in spreading.labels for name in rest):
        return inf
    total = Bin("", spreading.cpus).take(spreading.hang(rest)).load
    for stages in rounds:
        atoms = spreading.atoms(stages)
        if atoms is None or len({atom.label for atom in atoms if atom.label}) > spreading.runners:
            return inf
        total += spreading.slowest(atoms) + overhead
    return total


# ---- what is told --------------------------------------------------------------------------------


def _told(spreading: _Spreading, rounds: Rounds, why: str) -> Fan:
    """The rounds as parts with names; what is in none of them is the rest.

    Raises:
        ConfigError: the labels cannot be honoured so.
    """
    if len(rounds) > MAX_ROUNDS:
        chain = " -> ".join(dict.fromkeys(spreading.labels.values()))
        raise ConfigError(
            f"the stages need other runners in turn more than {MAX_ROUNDS} times: {chain}",
            "give stages that follow each other the same `resources: {runner: ...}` in mlops-ci.yaml",
        )
    found: list[tuple[Part, ...]] = []
    for number, stages in enumerate(rounds, start=1):
        jobs = [(sorted(one.stages, key=spreading.place), one.label) for one in _jobs(spreading, stages)]
        jobs.sort(key=lambda job: spreading.place(job[0][0]))
        parts = [
            Part(f"r{number}-p{index}", tuple(names), label, after=_after(spreading, found, names))
            for index, (names, label) in enumerate(jobs, start=1)
        ]
        found.append(tuple(parts))
    return Fan(tuple(found), spreading.rest(rounds), why)


def _jobs(spreading: _Spreading, stages: Sequence[str]) -> tuple[Bin, ...]:
    """The jobs of a round: as few as are about as quick as the most there may be."""
    atoms = spreading.atoms(stages) or ()
    labels = sorted({atom.label for atom in atoms if atom.label})
    if len(labels) > spreading.runners:
        raise ConfigError(
            f"{len(labels)} kinds of runners are needed at once ({', '.join(labels)}), "
            f"but at most {spreading.runners} may run",
            f"allow more: `runners: {len(labels)}`",
        )
    most = pack(atoms, spreading.runners, spreading.cpus)
    enough = SPARING * slowest(most)
    for count in range(max(1, len(labels)), spreading.runners):
        if bound(atoms, count, spreading.cpus) <= enough:
            fewer = pack(atoms, count, spreading.cpus)
            if slowest(fewer) <= enough:
                return fewer
    return most


def _after(spreading: _Spreading, earlier: Sequence[Sequence[Part]], job: Sequence[str]) -> tuple[str, ...]:
    """The parts of earlier rounds whose outputs a job reads."""
    read = {source for name in job for source in spreading.graph.feeds[name]}
    return tuple(part.id for parts in earlier for part in parts if read & set(part.stages))


def _timed(spreading: _Spreading, found: Fan, alone: float, overhead: float) -> Fan:
    """The same with the seconds of each part, and of it all."""
    rounds = tuple(
        tuple(replace(part, seconds=round(spreading.lasts(part.stages), 3)) for part in parts)
        for parts in found.rounds
    )
    spread = sum(max(part.seconds or 0.0 for part in parts) + overhead for parts in rounds)
    spread += spreading.lasts(found.rest)
    why = found.why.format(alone=alone, spread=spread)
    return replace(found, rounds=rounds, why=why, alone=alone, spread=spread)
