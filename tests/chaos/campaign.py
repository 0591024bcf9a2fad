"""Many trials, each in a fork of a process that has DVC imported; what they found, counted."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.chaos import pipelines
from tests.chaos.forks import Fork, preload
from tests.chaos.ground import Ground, OurRun, environ, serially, status, template
from tests.chaos.trial import Report, clear, trial


@dataclass
class Campaign:
    """Trials with the seeds ``first``, ``first`` + 1, ... in ``folder``, ``workers`` at once.

    ``kinds``: each trial has one attack of these kinds only, one kind after the other; none: all are random.
    """

    folder: Path
    first: int
    runs: int
    workers: int = 1
    keep: bool = False
    kinds: Sequence[str] = ()

    def play(self) -> Iterator[Report]:
        """Run all; gives each report as it comes."""
        source = template(self.folder / "template")
        _warm(self.folder, source)
        waiting = list(range(self.first + self.runs - 1, self.first - 1, -1))
        running: dict[int, Fork] = {}
        while waiting or running:
            while waiting and len(running) < self.workers:
                seed = waiting.pop()
                running[seed] = self._start(seed, source)
            for seed, fork in [(seed, fork) for seed, fork in running.items() if fork.ended()]:
                del running[seed]
                yield self._ended(seed, fork)
            time.sleep(0.005)

    def _start(self, seed: int, source: Path) -> Fork:
        place = self.folder / f"seed-{seed}"
        clear(place)
        place.mkdir()
        forced = [self.kinds[(seed - self.first) % len(self.kinds)]] if self.kinds else []
        return Fork.start(
            lambda: asdict(trial(seed, place, source, forced)),
            self.folder / f"seed-{seed}.json",
            environ(place, 0),
            place,
        )

    def _ended(self, seed: int, fork: Fork) -> Report:
        found = fork.result()
        report = (
            Report(**found)
            if found
            else Report(seed, complaints=[f"the trial broke with {fork.code}: {fork.output()}"])
        )
        if not (report.complaints and self.keep):
            clear(self.folder / f"seed-{seed}")
            for suffix in (".json", ".out"):
                fork.answer.with_suffix(suffix).unlink(missing_ok=True)
        return report


def _warm(folder: Path, source: Path) -> None:
    """Import what runs import, by letting a fork do all of it once."""
    from random import Random

    ground = Ground.make(folder / "warm", source)
    pipeline = pipelines.generated(Random(0))
    pipeline.write(ground.top)

    def everything() -> None:
        os.environ.update(environ(ground.home, 0))
        os.chdir(ground.top)
        serially()
        status()
        OurRun(ground.home, 0, 1.0, {}, {})()

    preload(everything, folder, environ(ground.home, 0))
    clear(ground.folder)


@dataclass
class Summary:
    """Counts over all reports."""

    runs: int = 0
    attacks: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    failed: list[int] = field(default_factory=list)
    stages: int = 0
    commands: int = 0
    seconds: float = 0.0

    def add(self, report: Report) -> None:
        self.runs += 1
        self.attacks.update(report.attacks)
        self.missed.update(report.missed)
        self.stages += report.stages
        self.commands += report.commands
        self.seconds += report.seconds
        if report.complaints:
            self.failed.append(report.seed)

    def text(self) -> str:
        """A few lines for a person."""
        kinds = "\n".join(f"  {name:22} {count:5}" for name, count in sorted(self.attacks.items()))
        return (
            f"{self.runs} runs, {sum(self.attacks.values())} attacks that hit ({sum(self.missed.values())} came too late), "
            f"{self.stages} stages, {self.commands} commands, {self.seconds / max(1, self.runs):.1f} s a run\n{kinds}\n"
            f"{len(self.failed)} failed{': seeds ' + ', '.join(map(str, self.failed[:50])) if self.failed else ''}"
        )
