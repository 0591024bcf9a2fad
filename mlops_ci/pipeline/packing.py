"""Stages that hang together, and how they are shared out among jobs of about the same length (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Atom:
    """Stages that hang together within a round, in order.

    ``work`` is what they take of one CPU (seconds), ``longest`` what they take with any number of these.
    """

    stages: tuple[str, ...]
    labels: frozenset[str]
    work: float
    longest: float

    @property
    def label(self) -> str:
        """The label of the runner that it needs, empty for any."""
        return next(iter(self.labels), "")


class Bin:
    """What one job gets, while it is put together; ``lanes`` is how long each of its CPUs is busy."""

    def __init__(self, label: str, cpus: int) -> None:
        self.label = label
        self.stages: list[str] = []
        self.lanes = [0.0] * cpus
        self.longest = 0.0

    @property
    def load(self) -> float:
        """How long it takes (seconds), about."""
        return max(self.longest, *self.lanes)

    def load_with(self, atom: Atom) -> float:
        """How long it would take with an atom more."""
        return max(self.longest, atom.longest, *self._lanes_with(atom))

    def take(self, atom: Atom) -> Bin:
        """Give the job an atom."""
        self.stages.extend(atom.stages)
        self.longest = max(self.longest, atom.longest)
        self.lanes = self._lanes_with(atom)
        return self

    def _lanes_with(self, atom: Atom) -> list[float]:
        """A chain goes to the CPU with least to do, what is wide to all of them."""
        if atom.work > atom.longest:
            return [lane + atom.work / len(self.lanes) for lane in self.lanes]
        free, *others = sorted(self.lanes)
        return [free + atom.work, *others]


class Groups:
    """Stages that hang together, by joining pairs."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._leader = {name: name for name in names}

    def join(self, one: str, other: str) -> None:
        """Two stages hang together, where both are among these."""
        if other in self._leader:
            self._leader[self.leader(one)] = self.leader(other)

    def leader(self, name: str) -> str:
        """The stage that stands for all that hang together with this one."""
        while self._leader[name] != name:
            self._leader[name] = self._leader[self._leader[name]]
            name = self._leader[name]
        return name

    def all(self) -> tuple[tuple[str, ...], ...]:
        """The groups by their first stages."""
        found: dict[str, list[str]] = {}
        for name in self._names:
            found.setdefault(self.leader(name), []).append(name)
        return tuple(tuple(group) for group in found.values())


def pack(atoms: Sequence[Atom], count: int, cpus: int) -> tuple[Bin, ...]:
    """Longest first, each to the job that has least to do so far; every label has a job (Graham, 1969)."""
    bins = [Bin(label, cpus) for label in sorted({atom.label for atom in atoms if atom.label})]
    for atom in sorted(atoms, key=lambda atom: -max(atom.longest, atom.work / cpus)):
        fitting = [found for found in bins if found.label == atom.label]
        if len(bins) < count and all(found.stages for found in fitting):
            fitting = [Bin(atom.label, cpus)]
            bins += fitting
        # Where there is no room for a job of its own, what needs no label goes along with what does.
        fitting = fitting or bins
        loads = [found.load_with(atom) for found in fitting]
        fitting[loads.index(min(loads))].take(atom)
    return tuple(bins)


def bound(atoms: Sequence[Atom], count: int, cpus: int) -> float:
    """No sharing out among so many jobs is quicker; of many atoms most are about as quick."""
    work = sum(atom.work for atom in atoms)
    return max(work / (count * cpus), *(atom.longest for atom in atoms))


def slowest(bins: Sequence[Bin]) -> float:
    """How long the slowest of some jobs takes (seconds)."""
    return max(found.load for found in bins)
