"""What is done to a run: each attack runs the pipeline once, one way or another, and says what must come of it."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

import psutil

from tests.chaos import ground as tasks
from tests.chaos.forks import Fork
from tests.chaos.ground import Ground, OurRun
from tests.chaos.pipelines import Pipeline

TIMEOUT = 5.0  # seconds for a stage that hangs


@dataclass
class Turn:
    """One turn of a trial: where it happens, and by whose dice."""

    ground: Ground
    pipeline: Pipeline
    chance: Random
    cpu: float
    hit: bool = True

    def ours(self, name: str = "ours", **settings: Mapping[str, Any]) -> Fork:
        """Start our run."""
        task = OurRun(
            self.ground.home,
            self.ground.turn,
            self.cpu,
            settings.get("timeouts", {}),
            settings.get("retries", {}),
        )
        return self.ground.fork(task, f"{name}-{self.ground.turn}")

    def wait_for_moment(self, run: Fork) -> bool:
        """Sleep until a random moment of a run: after so long, or when so much has happened; False if it ended."""
        kind = self.chance.choice(("time", "start", "start", "end", "end", "told"))
        count = self.chance.randint(1, max(1, len(self.pipeline.steps) - 1))
        deadline = time.monotonic() + self.chance.uniform(0.0, 0.6)
        extra = self.chance.choice((0.0, self.chance.uniform(0, 0.01), self.chance.uniform(0, 0.05)))
        while not run.ended():
            come = (
                time.monotonic() > deadline
                if kind == "time"
                else len(self.ground.log(kind, self.ground.turn)) >= count
            )
            if come:
                time.sleep(extra)
                self.hit = not run.ended()
                return self.hit
            time.sleep(0.001)
        self.hit = False
        return False

    def sabotaged(self, how: str) -> str:
        """Let one stage's command go wrong once, the next time that it starts; gives the stage's address."""
        step = self.chance.choice(self.pipeline.steps)
        (self.ground.home / how / step.name).touch()
        return step.address

    def repaired(self, how: str, address: str) -> bool:
        """Take back what did not happen; whether it did happen."""
        flag = self.ground.home / how / self.pipeline.by_address[address].name
        self.hit = not flag.exists()
        flag.unlink(missing_ok=True)
        return self.hit


@dataclass(frozen=True)
class Came:
    """What came of a turn: the results of the runs that had to end by themselves, and which stages had to fail
    (None: at most one of them). ``codes`` of runs that may be interrupted; ``times`` a command may start.
    """

    results: tuple[Any, ...] = ()
    failed: Collection[str] | None = ()
    complaints: tuple[str, ...] = ()
    times: int = 1
    by_dvc: bool = False
    refusals: int = 0
    outputs: tuple[str, ...] = field(default=(), repr=False)


def _finished(
    *runs: Fork, failed: Collection[str] | None = (), times: int = 1, refusals: int = 0, by_dvc: bool = False
) -> Came:
    """The runs had to come to their end."""
    results, complaints = [], []
    for run in runs:
        result = run.result()
        if result is None:
            complaints.append(f"the run ended with {run.code}: {run.output()}")
        else:
            results.append(result)
    return Came(tuple(results), failed, tuple(complaints), times, by_dvc, refusals)


def _killed(run: Fork) -> Came:
    """The run may have been killed, or have come to its end before."""
    result = run.result()
    wrong = (
        ()
        if run.code in (0, -signal.SIGKILL)
        else (f"killed, the run ended with {run.code}: {run.output()}",)
    )
    return Came((result,) if result else (), complaints=wrong)


def nothing(turn: Turn) -> Came:
    """No attack."""
    return _finished(turn.ours())


def kill_run(turn: Turn) -> Came:
    """SIGKILL for the process that runs the pipeline."""
    run = turn.ours()
    if turn.wait_for_moment(run):
        run.send(signal.SIGKILL)
    return _killed(run)


def kill_group(turn: Turn) -> Came:
    """SIGKILL for it and for everything below it, at once."""
    run = turn.ours()
    if turn.wait_for_moment(run):
        below = run.children() + run.commands()
        run.send(signal.SIGKILL, group=True)
        for found in below:
            _kill(found)
    return _killed(run)


def kill_child(turn: Turn) -> Came:
    """SIGKILL for the process of one stage."""
    return _kill_below(turn, Fork.children)


def kill_command(turn: Turn) -> Came:
    """SIGKILL for one process that a stage's command has started."""
    return _kill_below(turn, Fork.commands)


def _kill_below(turn: Turn, whom: Callable[[Fork], list[psutil.Process]]) -> Came:
    run = turn.ours()
    turn.hit = False
    moment = turn.wait_for_moment(run)
    turn.hit = False
    if moment:
        for _ in range(200):
            found = whom(run)
            if found or run.ended():
                break
            time.sleep(0.001)
        if found:
            _kill(turn.chance.choice(found))
            turn.hit = True
    return _finished(run, failed=None)


def _kill(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        process.kill()


def interrupt(turn: Turn) -> Came:
    """Ctrl-C."""
    return _asked_to_end(turn, signal.SIGINT)


def terminate(turn: Turn) -> Came:
    """SIGTERM, as CI ends a job."""
    return _asked_to_end(turn, signal.SIGTERM)


def _asked_to_end(turn: Turn, number: int) -> Came:
    run = turn.ours()
    begun = time.monotonic()
    if turn.wait_for_moment(run):
        begun = time.monotonic()
        run.send(number)
    result, complaints = run.result(), []
    # Before it has a handler of its own, SIGTERM ends it as any process.
    if run.code not in (0, 130, -signal.SIGTERM):
        complaints.append(f"asked to end, the run ended with {run.code}: {run.output()}")
    if turn.hit and time.monotonic() - begun > 20:
        complaints.append("asked to end, the run went on for more than 20 s")
    return Came((result,) if result else (), complaints=tuple(complaints))


def stage_fails(turn: Turn) -> Came:
    """A command fails once, having written half of its output."""
    return _goes_wrong(turn, "fail")


def stage_killed(turn: Turn) -> Came:
    """A command is killed once, having written half of its output."""
    return _goes_wrong(turn, "kill")


def stage_hangs(turn: Turn) -> Came:
    """A command hangs and runs into its timeout."""
    return _goes_wrong(turn, "hang")


def _goes_wrong(turn: Turn, how: str) -> Came:
    address = turn.sabotaged(how)
    run = turn.ours(timeouts={address: TIMEOUT} if how == "hang" else {})
    run.wait()
    return _finished(run, failed=(address,) if turn.repaired(how, address) else ())


def stage_retried(turn: Turn) -> Came:
    """A command fails once and is tried again."""
    address = turn.sabotaged("fail")
    run = turn.ours(retries={address: 1})
    run.wait()
    turn.repaired("fail", address)
    return _finished(run, times=2)


def two_runs(turn: Turn) -> Came:
    """Two of our runs at once in one workspace: the second waits, or says that it cannot."""
    first = turn.ours("first")
    time.sleep(turn.chance.choice((0.0, turn.chance.uniform(0, 0.2))))
    return _finished(first, turn.ours("second"), refusals=1)


def two_runs_one_killed(turn: Turn) -> Came:
    """Two at once, and the first is killed."""
    first = turn.ours("first")
    time.sleep(turn.chance.uniform(0, 0.05))
    second = turn.ours("second")
    if turn.wait_for_moment(first):
        first.send(signal.SIGKILL)
    came, killed = _finished(second, refusals=1, times=2), _killed(first)
    return Came((*came.results, *killed.results), (), (*came.complaints, *killed.complaints), 2, refusals=1)


def status_beside(turn: Turn) -> Came:
    """`dvc status` while we run; it may say that DVC is busy, we go on."""
    run = turn.ours()
    if turn.wait_for_moment(run):
        turn.ground.fork(tasks.status, f"status-{turn.ground.turn}").wait()
    return _finished(run)


def dvc_between(turn: Turn) -> Came:
    """DVC's own run of one stage and what feeds it, with nothing of ours beside it."""
    address = turn.chance.choice(turn.pipeline.steps).address
    other = turn.ground.fork(lambda: tasks.serially(address), f"dvc-{turn.ground.turn}")
    code = other.wait()
    wrong = () if code == 0 else (f"DVC's own run after ours ended with {code}: {other.output()}",)
    return Came(complaints=wrong, by_dvc=True)


ATTACKS: Mapping[str, Callable[[Turn], Came]] = {
    found.__name__: found
    for found in (
        kill_run,
        kill_group,
        kill_child,
        kill_command,
        interrupt,
        terminate,
        stage_fails,
        stage_killed,
        stage_hangs,
        stage_retried,
        two_runs,
        two_runs_one_killed,
        status_beside,
        dvc_between,
    )
}
WEIGHTS = {
    "kill_run": 4,
    "kill_group": 2,
    "kill_child": 2,
    "kill_command": 2,
    "two_runs": 2,
    "stage_hangs": 0.7,
}
