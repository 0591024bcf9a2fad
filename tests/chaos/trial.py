"""One trial: a pipeline, a state to start from, attacks, checks after each, and a last run undisturbed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from tests.chaos import attacks, checks, forks, pipelines
from tests.chaos.attacks import ATTACKS, WEIGHTS, Came, Turn
from tests.chaos.checks import State
from tests.chaos.ground import Ground, planned, serially, status

SETTLED = 5.0  # seconds after a run's end in which everything it had started must be gone


@dataclass
class Report:
    """What came of one trial; attacks that came too late to hit anything are ``missed``."""

    seed: int
    attacks: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    stages: int = 0
    commands: int = 0
    seconds: float = 0.0


def trial(seed: int, folder: Path, template: Path, forced: Sequence[str] = ()) -> Report:
    """Run one trial in a folder of its own, with one to three random attacks or those that are ``forced``.

    Must be called in a fork that nothing else shares.
    """
    forks.adopt()
    begun = time.monotonic()
    running = _Trial(seed, folder, template, forced)
    try:
        running.play()
    except Exception as error:
        running.report.complaints.append(f"the trial itself broke: {error!r}")
        raise
    finally:
        running.report.seconds = time.monotonic() - begun
    return running.report


class _Trial:
    def __init__(self, seed: int, folder: Path, template: Path, forced: Sequence[str]) -> None:
        self.chance = Random(seed)
        self.report = Report(seed)
        self.folder = folder
        pipeline = pipelines.generated(self.chance)
        self.state = State.of(pipeline)
        self.serial = Ground.make(folder / "serial", template)
        pipeline.write(self.serial.top)
        if self.chance.random() < 0.5:
            self._run_serially("before")
            pipeline = pipeline.rebuilt(self.chance).edited(self.chance)
            pipeline.write(self.serial.top)
            self.state.change(pipeline)
        self.ours = Ground.make(folder / "ours", self.serial.top)
        self.in_order = True
        names, weights = list(ATTACKS), [WEIGHTS.get(name, 1) for name in ATTACKS]
        self.attacks = forced or self.chance.choices(names, weights, k=self.chance.randint(1, 3))
        self.report.stages = len(pipeline.steps)

    def play(self) -> None:
        """Attacks, then the last run, held against a serial one."""
        for number, name in enumerate(self.attacks):
            if number and self.chance.random() < 0.2:
                self.state.change(self.state.pipeline.edited(self.chance))
                self.state.pipeline.write(self.ours.top)
            self._turn(name)
            if self.report.complaints:
                return
        self._turn("nothing")
        if not self.report.complaints:
            self._compare()
        self.report.commands = len(self.ours.log("start"))

    def _turn(self, name: str) -> None:
        self.ours.turn += 1
        self.ours.slow(self.state.pipeline, self.chance)
        done = checks.computed(self.ours, self.state)
        turn = Turn(self.ours, self.state.pipeline, self.chance, self.chance.choice((1.0, 2.0, 3.0, 8.0)))
        came = ATTACKS[name](turn) if name in ATTACKS else attacks.nothing(turn)
        left = forks.left_running(SETTLED)
        self.state.after(self.ours)
        self.in_order = self.in_order and not came.by_dvc
        if name in ATTACKS:
            (self.report.attacks if turn.hit else self.report.missed).append(name)
        found = list(self._complaints(came, done))
        if left:
            found.append(f"still running after the run's end: {left}")
        self.report.complaints += [f"turn {self.ours.turn}, {name}: {complaint}" for complaint in found]

    def _complaints(self, came: Came, done: frozenset[str]) -> Iterator[str]:
        yield from came.complaints
        yield from checks.lock_is_true(self.ours, self.state)
        yield from checks.cache_is_sound(self.ours)
        # A command of DVC's own run may start again: it looks for no journal of ours.
        if not came.by_dvc:
            yield from checks.nothing_again(self.ours, self.state, done, came.times)
        refused = [result for result in came.results if "refused" in result]
        if len(refused) > came.refusals:
            yield f"a run refused: {[result['refused'] for result in refused]}"
        for result in came.results:
            if "refused" not in result:
                yield from checks.result_is_right(self.ours, self.state, result, came.failed)

    def _compare(self) -> None:
        """The last run's outcome beside DVC's own serial run of the same."""
        self.state.pipeline.write(self.serial.top)
        self._run_serially("after")
        found = [*checks.same_as_serial(self.ours, self.serial, self.in_order)]
        found += self._says_current()
        found += checks.nothing_left(self.ours, self.serial)
        self.report.complaints += [f"at the end: {complaint}" for complaint in found]

    def _says_current(self) -> Iterator[str]:
        always = {step.address for step in self.state.pipeline.steps if step.always}
        plan: dict[str, Any] | None = self.ours.fork(planned, "plan").result()
        rest = (
            None
            if plan is None
            else {
                name: why
                for name, why in plan.items()
                if name not in always | self.state.pipeline.below(always)
            }
        )
        if rest or plan is None:
            yield f"the plan is not empty: {rest}"
        said = self.ours.fork(status, "status").result()
        if said is None or set(said) - always:
            yield f"dvc status says: {said}"

    def _run_serially(self, name: str) -> None:
        run = self.serial.fork(serially, name)
        if run.wait() != 0:
            raise RuntimeError(f"DVC's own run ended with {run.code}: {run.output()}")


def clear(folder: Path) -> None:
    """Remove a trial's folder."""
    shutil.rmtree(folder, ignore_errors=True)
