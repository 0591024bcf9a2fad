"""What is known of a run while it lasts: how many stages are done, what runs, how long it will still take."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from mlops_ci.adapters.run_settings import StageEvent
from mlops_ci.pipeline import Graph, expecting, order
from mlops_ci.writing.visible import one_line

ENDED = frozenset({"ran", "restored", "cached", "failed", "blocked"})
LONGEST_LINE = 300


@dataclass
class Row:
    """A stage that runs: since when, and the last that it said."""

    since: float
    says: str = ""


@dataclass
class Board:
    """The run as counts; ``left`` is the sum of the seconds of all stages that have not ended.

    ``ahead`` holds for each stage the seconds from its start to the end of the pipeline, ``queue``
    the stages by it, the longest first.
    """

    total: int
    seconds: Mapping[str, float]
    ahead: Mapping[str, float]
    queue: Iterator[str]
    left: float
    unknown: set[str]
    ended: dict[str, int] = field(default_factory=dict)
    running: dict[str, Row] = field(default_factory=dict)
    fetching: set[str] = field(default_factory=set)
    over: set[str] = field(default_factory=set)
    longest: str | None = None

    @classmethod
    def of(cls, graph: Graph, wanted: Collection[str], seconds: Mapping[str, float]) -> Board:
        """The board of a run that has not begun."""
        names = [name for name in order(graph) if name in wanted]
        expected = expecting.filled(names, seconds)
        ahead = expecting.ways(graph, expected)
        queue = iter(sorted(names, key=lambda name: -ahead[name]))
        unknown = {name for name in names if name not in expected}
        left = sum(expected.values())
        return cls(len(names), expected, ahead, queue, left, unknown, longest=next(queue, None))

    def take(self, event: StageEvent, moment: float) -> None:
        """Learn of an event."""
        name = event.stage
        if event.status == "fetching":
            self.fetching.add(name)
            return
        self.fetching.discard(name)
        if event.status in ENDED:
            self._end(event)
            return
        if event.status == "started":
            again = f"attempt {event.attempt}" if event.attempt > 1 else ""
            self.running[name] = Row(moment, again)
        elif event.line:
            row = self.running.setdefault(name, Row(moment))
            row.says = one_line(event.line[:LONGEST_LINE])

    def _end(self, event: StageEvent) -> None:
        name = event.stage
        self.running.pop(name, None)
        if name not in self.over:
            self.over.add(name)
            self.unknown.discard(name)
            self.left -= self.seconds.get(name, 0.0)
            self.ended[event.status] = self.ended.get(event.status, 0) + 1

    def head(self, moment: float) -> str:
        """Such as ``12 of 30 done · 4 running · 1 failed · about 3 min left``."""
        failed, blocked = self.ended.get("failed", 0), self.ended.get("blocked", 0)
        counts = (
            (len(self.running), "running"),
            (len(self.fetching), "waiting for data"),
            (failed, "failed"),
            (blocked, "blocked"),
        )
        parts = [f"{len(self.over) - failed - blocked:,} of {self.total:,} done"]
        parts += [f"{count:,} {word}" for count, word in counts if count]
        rest = self.rest(moment)
        return " · ".join([*parts, *([f"about {_roughly(rest)} left"] if rest is not None else [])])

    def rest(self, moment: float) -> float | None:
        """The seconds that the run will still take; None where nothing is known of stages, or none is left.

        The longest way to the end bounds it, and so does all the work on as many stages at once as now run.
        """
        if self.unknown or len(self.over) >= self.total:
            return None
        spent = {
            name: min(moment - row.since, self.seconds.get(name, 0.0)) for name, row in self.running.items()
        }
        while self.longest is not None and (self.longest in self.over or self.longest in self.running):
            self.longest = next(self.queue, None)
        ways = [self.ahead.get(name, 0.0) - seconds for name, seconds in spent.items()]
        waiting = self.ahead[self.longest] if self.longest is not None else 0.0
        work = (self.left - sum(spent.values())) / max(1, len(self.running))
        return max([waiting, work, *ways])


def _roughly(seconds: float) -> str:
    if seconds < 55:
        return f"{max(5, 5 * round(seconds / 5))} s"
    minutes = max(1, round(seconds / 60))
    return f"{minutes} min" if minutes < 120 else f"{round(minutes / 60)} h"
