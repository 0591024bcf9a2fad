"""Running stages: each in a forked child that has DVC already, only what must run, nothing else."""

from __future__ import annotations

import contextlib
import json
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_ci import pipeline
from mlops_ci.adapters import dvc_fetch, dvc_journal, dvc_locks, dvc_stage, held_signals, process, stage_logs
from mlops_ci.adapters.dvc_ahead import Ahead
from mlops_ci.adapters.dvc_facts import Facts, blockers
from mlops_ci.adapters.dvc_graph import Loaded
from mlops_ci.adapters.dvc_journal import Entry, Writer
from mlops_ci.adapters.dvc_stage import StageTask
from mlops_ci.adapters.dvc_store import Store
from mlops_ci.adapters.run_settings import Settings, StageEvent
from mlops_ci.errors import ConfigError, MlopsError, ToolError
from mlops_ci.evidence import StageRun
from mlops_ci.pipeline import Known, Schedule, Step
from mlops_ci.pipeline.scheduling import Slot

SAYING = 1.0  # seconds between two words about a stage that runs


def run(
    loaded: Loaded, known: Known, wanted: Iterable[str], settings: Settings, store: Store, writer: Writer
) -> tuple[StageRun, ...]:
    """Bring the wanted stages up to date; ``known`` is kept up to date with what they write.

    A failing stage blocks what it feeds; the independent rest is finished. ``store`` counts what is fetched.

    Raises:
        ToolError: data could not be fetched, the disk is full, or DVC's lock is held by another process;
            stages that ran then came to their end first.
    """
    with tempfile.TemporaryDirectory(prefix="mlops-ci-run-") as folder:
        runner = _Runner(Facts(loaded, known), frozenset(wanted), settings, store, writer, Path(folder))
        try:
            runner.run()
            if settings.bring_back:
                runner.bring_back()
        except BaseException:
            runner.stop()
            raise
    return runner.result()


@dataclass
class _Running:
    slot: Slot
    step: Step
    attempt: int
    child: process.Child
    journal: Path
    answer: Path


@dataclass
class _Fetching:
    """The lane beside the CPUs: which stages wait for data, and what is being fetched for some of them.

    While it fetches ahead of need, ``stages`` is empty.
    """

    waiting: dict[str, tuple[str, ...]] = field(default_factory=dict)
    child: process.Child | None = None
    stages: tuple[str, ...] = ()
    answer: Path = Path()
    batch: int = 1


@dataclass
class _Runner:
    facts: Facts
    wanted: frozenset[str]
    settings: Settings
    store: Store
    writer: Writer
    folder: Path
    steps: dict[str, Step] = field(default_factory=dict)
    done: dict[str, StageRun] = field(default_factory=dict)
    bad: set[str] = field(default_factory=set)
    running: dict[str, _Running] = field(default_factory=dict)
    fetching: _Fetching = field(default_factory=_Fetching)
    trouble: MlopsError | None = None
    said: float = 0.0
    forks: int = 0
    is_tracked: Callable[[str], bool] | None = None

    @property
    def loaded(self) -> Loaded:
        return self.facts.loaded

    def run(self) -> None:
        """Start every stage as soon as what feeds it has ended and there is room for it; wait for all."""
        resources = {name: self.settings.execution(name).resources for name in self.wanted}
        graph, seconds = self.loaded.graph, self.settings.seconds
        self.schedule = Schedule(graph, self.wanted, self.settings.capacity, resources, seconds)
        self.ahead = Ahead(self.facts, self.wanted, self.store)
        with contextlib.ExitStack() as self.stack:
            self._work()
        if self.fetching.child is not None:
            # It was for stages that do not run now: what feeds them failed.
            self.fetching.child.stop()
        self.writer.flush()
        if self.trouble is not None:
            raise self.trouble

    def _work(self) -> None:
        while not self.schedule.is_over:
            if self.trouble is None:
                self._advance()
            if children := self._children():
                process.wait(children, process.TICK)
                self._look()
            elif self.trouble is not None:
                break
            if self.writer.is_due:
                self._flush()

    def _children(self) -> list[process.Child]:
        """Those that are waited for; what is fetched early does not keep up a run that is over."""
        lane = self.fetching
        found = [entry.child for entry in self.running.values()]
        if lane.child is not None and (lane.stages or self.trouble is None):
            found.append(lane.child)
        return found

    def bring_back(self) -> None:
        """Put outputs that were deleted back, where the cache has them; no remote is asked."""
        gone = self.facts.gone(name for name, run in self.done.items() if run.status == "cached")
        dvc_fetch.check_out(
            self.loaded, [path for path in gone if not dvc_fetch.lacking(self.loaded, self.store, (path,))]
        )

    def stop(self) -> None:
        """End every running stage with all its processes; what was done by then is kept."""
        if self.fetching.child is not None:
            self.fetching.child.stop()
        for name, entry in self.running.items():
            entry.child.stop()
            dvc_locks.forget(self.loaded.repo, entry.child.pid)
            if (found := dvc_journal.read(entry.journal)) is not None and found.stage == name:
                self.writer.take(found)
        # What cannot be written now stays in the journal; the error that stopped the run is told.
        with contextlib.suppress(MlopsError):
            self.writer.flush(wait=1.0)

    def result(self) -> tuple[StageRun, ...]:
        return tuple(self.done[name] for name in pipeline.order(self.loaded.graph) if name in self.done)

    # ---- what starts -----------------------------------------------------------------------------

    def _advance(self) -> None:
        """Decide about stages that nothing feeds any more, and start what there is room for."""
        while names := self.schedule.arrived():
            for name in names:
                self._decide(name)
        self._fetch()
        while (slot := self.schedule.next()) is not None:
            self._start(slot, 1)
        if self.running and self.fetching.child is None:
            self._bring(self.ahead.next(self.schedule, self.steps, self.bad))

    def _decide(self, name: str) -> None:
        if reasons := tuple(f"{one} did not finish" for one in blockers(self.loaded.graph, name, self.bad)):
            self._end(StageRun(name=name, status="blocked", reasons=reasons))
            self.schedule.skip(name)
            return
        step = self.steps[name] = self.facts.step(name)
        if step.action != "run":
            self._end(StageRun(name=name, status="cached", reasons=step.reasons))
            self.schedule.skip(name)
        elif (needs := self.facts.needs(name)) and dvc_fetch.lacking(self.loaded, self.store, needs):
            self.fetching.waiting[name] = needs
            self.settings.on_event(StageEvent(name, "fetching"))
        else:
            self.schedule.admit(name)

    def _start(self, slot: Slot, attempt: int) -> None:
        name, self.forks = slot.stage, self.forks + 1
        repo = self.loaded.repo
        journal, answer = dvc_journal.new_file(repo, self.forks), self.folder / f"{self.forks}.json"
        if self.is_tracked is None:
            # Where nothing has to run, this would be for nothing.
            self.is_tracked = self.stack.enter_context(dvc_stage.warm(repo))
        task = StageTask(
            loaded=self.loaded,
            name=name,
            place=self.writer.place(name),
            before=self.writer.before(name),
            needs=self.facts.needs(name),
            gpus=slot.gpus,
            is_tracked=self.is_tracked,
            journal=journal,
            answer=answer,
        )
        log = stage_logs.path(self.settings.logs or self.folder, name)
        if attempt > 1:
            with contextlib.suppress(FileNotFoundError):
                log.replace(log.with_suffix(f".attempt-{attempt - 1}.log"))
        # The child opens its own: a database must not be carried over a fork.
        repo.state.close()
        self.settings.on_event(StageEvent(name, "started", attempt=attempt))
        # A stage that nobody knows of would run on after a Ctrl-C.
        with held_signals.delayed():
            child = process.Child.fork(task, log=log)
            self.running[name] = _Running(slot, self.steps[name], attempt, child, journal, answer)

    def _fetch(self) -> None:
        """Fetch for the stages that wait, in the order in which they came: for one, then for more at once."""
        lane = self.fetching
        if lane.child is not None or not lane.waiting:
            return
        lane.stages = tuple(lane.waiting)[: lane.batch]
        lane.batch *= 2
        self._bring(tuple(dict.fromkeys(path for name in lane.stages for path in lane.waiting[name])))

    def _bring(self, paths: tuple[str, ...]) -> None:
        """Begin to fetch what stands behind the paths, if any."""
        if not paths:
            return
        lane, self.forks = self.fetching, self.forks + 1
        lane.answer = self.folder / f"{self.forks}.json"
        self.loaded.repo.state.close()
        task = dvc_fetch.FetchTask(self.loaded, paths, lane.answer)
        with held_signals.delayed():
            lane.child = process.Child.fork(task, log=self.folder / f"{self.forks}.fetching")

    # ---- what has ended --------------------------------------------------------------------------

    def _look(self) -> None:
        """See which children have ended, and end those that took too long."""
        for name, entry in list(self.running.items()):
            child, timeout = entry.child, self.settings.execution(name).timeout
            if child.poll() is None and timeout is not None and child.seconds > timeout:
                child.timed_out = True
                child.stop()
            if child.poll() is not None:
                del self.running[name]
                self._outcome(name, entry)
        if self.fetching.child is not None and self.fetching.child.poll() is not None:
            self._fetched(self.fetching.child)
        if self.running and time.monotonic() - self.said > SAYING:
            self.said = time.monotonic()
            for name, entry in self.running.items():
                line = " ".join(process.tail(entry.child.log, 1))
                event = StageEvent(name, "running", entry.child.seconds, line, entry.attempt)
                self.settings.on_event(event)

    def _outcome(self, name: str, entry: _Running) -> None:
        found = dvc_journal.read(entry.journal)
        if entry.child.poll() != 0:
            dvc_locks.forget(self.loaded.repo, entry.child.pid)
        if found is not None:
            self._succeeded(name, entry, found)
            return
        answer = _read_answer(entry.answer, entry.child.poll() or 0)
        error = str(answer.get("error", ""))
        execution = self.settings.execution(name)
        if entry.child.timed_out:
            error, answer = f"timed out after {execution.timeout:g} s", {"again": True}
        if answer.get("fatal"):
            self._give_up(name, answer)
        elif answer.get("again") and entry.attempt <= execution.retries and self.trouble is None:
            self._start(entry.slot, entry.attempt + 1)
        else:
            self._failed(name, entry, error)

    def _succeeded(self, name: str, entry: _Running, found: Entry) -> None:
        self.writer.take(found)
        self.facts.learn(found)
        self.schedule.ended(name)
        self._end(
            StageRun(
                name=name,
                status="restored" if found.status == "restored" else "ran",
                reasons=entry.step.reasons,
                seconds=round(entry.child.seconds, 3),
                attempts=entry.attempt,
            )
        )

    def _failed(self, name: str, entry: _Running, error: str) -> None:
        self.schedule.ended(name)
        self._end(
            StageRun(
                name=name,
                status="failed",
                reasons=entry.step.reasons,
                seconds=round(entry.child.seconds, 3),
                error=error,
                tail=process.tail(entry.child.log),
                attempts=entry.attempt,
            )
        )

    def _fetched(self, child: process.Child) -> None:
        lane, lane_child = self.fetching, child
        answer = _read_answer(lane.answer, lane_child.poll() or 0)
        self.store.pulled += int(answer.get("bytes", 0))
        stages, lane.child, lane.stages = lane.stages, None, ()
        if stages and answer.get("error"):
            self._give_up(stages[0], {"fatal": ToolError.exit_code, **answer})
        elif answer.get("error"):
            # Not needed yet: if it is, the stage's own fetching tells what is wrong.
            self.ahead.stop()
        elif not stages:
            # A stage may have come to wait for just this.
            waiting = lane.waiting.items()
            stages = tuple(
                name for name, needs in waiting if not dvc_fetch.lacking(self.loaded, self.store, needs)
            )
        for name in stages:
            del lane.waiting[name]
            self.schedule.admit(name)

    def _give_up(self, name: str, answer: Mapping[str, Any]) -> None:
        """Nothing more is started; what runs comes to its end, and then this is told."""
        kind = ToolError if answer["fatal"] == ToolError.exit_code else ConfigError
        self.trouble = self.trouble or kind(f"stage {name}: {answer['error']}", str(answer.get("hint", "")))

    def _flush(self) -> None:
        """Write what has ended. Where that cannot be done now it can wait, the journal has it: a ``dvc``
        command holds the lock, or somebody is editing dvc.lock. What still fails at the end is told then.
        """
        try:
            self.writer.flush(wait=0.0)
        except MlopsError:
            self.writer.written = time.monotonic()

    def _end(self, run: StageRun) -> None:
        self.done[run.name] = run
        if run.status in ("failed", "blocked"):
            self.bad.add(run.name)
        self.settings.on_event(StageEvent(run.name, run.status, run.seconds or 0.0, run.error, run.attempts))


def _read_answer(path: Path, code: int) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return {"error": f"the stage ended with {how} before it was done"}
    return found
