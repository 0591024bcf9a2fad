"""Running stages: each in a forked child with DVC imported already, only what must run, nothing else."""

from __future__ import annotations

import json
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from mlops_ci import pipeline
from mlops_ci.adapters import process, withheld
from mlops_ci.adapters.dvc_errors import chain, remote_trouble, translate
from mlops_ci.adapters.dvc_graph import Loaded, content_hash
from mlops_ci.adapters.files import locked
from mlops_ci.errors import ConfigError, MlopsError, ToolError
from mlops_ci.evidence import StageRun
from mlops_ci.pipeline import Capacity, Execution, Graph, Known, Schedule, Stage, Step

LOCK_WAIT = 30.0  # seconds to wait for DVC's repository lock; it is never held while a command runs
LOCK_POLL = 0.02

Status = Literal["ran", "restored", "cached", "failed", "blocked"]


@dataclass(frozen=True)
class StageEvent:
    """Progress: a stage started, still runs (``line`` is the last it printed), or has ended."""

    stage: str
    status: Literal["started", "running", "ran", "restored", "cached", "failed", "blocked"]
    seconds: float = 0.0
    line: str = ""


def _unheard(_event: StageEvent) -> None:
    """Nobody listens."""


def _plainly(_stage: str) -> Execution:
    """A stage of which nothing is said."""
    return Execution()


@dataclass(frozen=True)
class Settings:
    """How stages are run: who hears of it, what there is to share, how each stage is run, how long each
    took last time (seconds), and the folder where logs are kept (None: only failures' last lines).
    """

    on_event: Callable[[StageEvent], None] = _unheard
    capacity: Capacity = field(default_factory=Capacity)
    execution: Callable[[str], Execution] = _plainly
    seconds: Mapping[str, float] = field(default_factory=dict)
    logs: Path | None = None


def run(loaded: Loaded, known: Known, wanted: Iterable[str], settings: Settings) -> tuple[StageRun, ...]:
    """Bring the wanted stages up to date; ``known`` is kept up to date with what they write.

    A failing stage blocks what it feeds; the independent rest is finished.

    Raises:
        ToolError: data could not be fetched, the disk is full, or DVC's lock is held by another process.
    """
    with tempfile.TemporaryDirectory(prefix="mlops-ci-run-") as folder:
        runner = _Runner(loaded, known, frozenset(wanted), settings, Path(folder))
        try:
            runner.run()
        except BaseException:
            runner.stop()
            raise
    return runner.result()


@dataclass
class _Running:
    child: process.Child
    step: Step
    answer: Path


@dataclass
class _Runner:
    loaded: Loaded
    known: Known
    wanted: frozenset[str]
    settings: Settings
    folder: Path
    done: dict[str, StageRun] = field(default_factory=dict)
    running: dict[str, _Running] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)
    said: float = 0.0

    @property
    def graph(self) -> Graph:
        return self.loaded.graph

    def run(self) -> None:
        """Start every stage as soon as what feeds it has ended and there is room for it; wait for all."""
        executions = {name: self.settings.execution(name) for name in self.wanted}
        resources = {name: execution.resources for name, execution in executions.items()}
        schedule = Schedule(self.graph, self.wanted, self.settings.capacity, resources, self.settings.seconds)
        while not schedule.is_over:
            while (slot := schedule.next()) is not None:
                self._start(slot.stage)
                self._release(schedule)
            if self.running:
                process.wait([entry.child for entry in self.running.values()], process.TICK)
                self._look()
                self._release(schedule)

    def stop(self) -> None:
        """End every running stage with all its processes."""
        for entry in self.running.values():
            entry.child.stop()

    def result(self) -> tuple[StageRun, ...]:
        return tuple(self.done[name] for name in pipeline.order(self.graph) if name in self.done)

    def _release(self, schedule: Schedule) -> None:
        """Tell the schedule which stages have ended since the last look."""
        for name in self.ended:
            schedule.ended(name)
        self.ended.clear()

    def _start(self, name: str) -> None:
        blockers = [s for s in self.graph.feeds[name] if s in self.done and _is_bad(self.done[s])]
        if blockers:
            reasons = tuple(f"{blocker} did not finish" for blocker in blockers)
            self._end(StageRun(name=name, status="blocked", reasons=reasons))
            return
        stage = self.graph.by_name[name]
        step = pipeline.check(self.graph, stage, self.known)
        if step.action != "run":
            self._end(StageRun(name=name, status="cached", reasons=step.reasons))
            return
        number = len(self.done) + len(self.running)
        answer, log = self.folder / f"{number}.json", self.folder / f"{number}.log"
        task = _Task(self.loaded.repo.root_dir, self._address(stage), self._needs(stage), answer)
        self.settings.on_event(StageEvent(name, "started"))
        self.running[name] = _Running(process.Child.fork(task, log=log), step, answer)

    def _address(self, stage: Stage) -> str:
        """The stage as DVC finds it from its root, also where a file has the same name."""
        item = self.loaded.stages[stage.name]
        file = os.path.relpath(item.path, self.loaded.repo.root_dir)
        return f"{file}:{item.name}" if hasattr(item, "name") else file

    def _needs(self, stage: Stage) -> tuple[str, ...]:
        """The tracked data a stage reads that is not in the workspace, seen from the DVC root."""
        root = self.loaded.repo.root_dir
        paths = [
            path
            for dep in stage.deps
            for path in (self.graph.within.get(dep.path) or ())
            + ((dep.path,) if pipeline.is_tracked(self.graph, dep.path) else ())
        ]
        missing = (path for path in paths if self.known.present.get(path) is None)
        return tuple(os.path.relpath(f"{self.loaded.top}/{path}", root) for path in missing)

    def _look(self) -> None:
        """See which stages have ended, and end those that took too long."""
        for name, entry in list(self.running.items()):
            child, timeout = entry.child, self.settings.execution(name).timeout
            if child.poll() is None and timeout is not None and child.seconds > timeout:
                child.timed_out = True
                child.stop()
            if child.poll() is not None:
                del self.running[name]
                self._end(self._outcome(name, entry))
        if self.running and time.monotonic() - self.said > 1.0:
            self.said = time.monotonic()
            for name, entry in self.running.items():
                line = " ".join(process.tail(entry.child.log, 1))
                self.settings.on_event(StageEvent(name, "running", entry.child.seconds, line))

    def _outcome(self, name: str, entry: _Running) -> StageRun:
        answer = _read_answer(entry.answer, entry.child.poll() or 0)
        seconds = round(entry.child.seconds, 3)
        status: Status = answer.get("status", "failed")
        error = str(answer.get("error", ""))
        if entry.child.timed_out:
            status, error = "failed", f"timed out after {self.settings.execution(name).timeout:g} s"
        elif answer.get("fatal"):
            kind = ToolError if answer["fatal"] == ToolError.exit_code else ConfigError
            raise kind(f"stage {name}: {error}", str(answer.get("hint", "")))
        if status == "failed":
            tail = process.tail(entry.child.log)
            return StageRun(
                name=name,
                status="failed",
                reasons=entry.step.reasons,
                seconds=seconds,
                error=error,
                tail=tail,
            )
        self._refresh(name)
        return StageRun(name=name, status=status, reasons=entry.step.reasons, seconds=seconds)

    def _refresh(self, name: str) -> None:
        """Learn what the stage wrote, for itself and for what reads it."""
        present, recorded = self.known.present, self.known.recorded
        item = self.loaded.stages[name]
        for out in item.outs:
            path = self.loaded.path(out)
            recorded[path] = present[path] = content_hash(out)
        for dep in item.deps:
            path = self.loaded.path(dep)
            if present.get(path) is None and pipeline.is_tracked(self.graph, path):
                present[path] = content_hash(dep)  # it was fetched
        for reader in self.graph.feeds_to[name]:
            for dep in self.loaded.stages[reader].deps:
                path = self.loaded.path(dep)
                maker = pipeline.producer_of(self.graph, path)
                if path in self.graph.within or (maker is not None and maker.name == name):
                    present[path] = content_hash(dep)

    def _end(self, run: StageRun) -> None:
        self.done[run.name] = run
        self.ended.append(run.name)
        self.settings.on_event(StageEvent(run.name, run.status, run.seconds or 0.0, run.error))


def _is_bad(run: StageRun) -> bool:
    return run.status in ("failed", "blocked")


def _read_answer(path: Path, code: int) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return {"status": "failed", "error": f"the stage ended with {how} before it was done"}
    return found


# ---- in the child --------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Task:
    """What the forked child does: fetch what the stage reads, run it, write the answer down."""

    root: str
    address: str
    needs: tuple[str, ...]
    answer: Path

    def __call__(self) -> int:
        os.chdir(self.root)
        for name in ("dvc", "dvc_data", "dvc_objects"):
            logging.getLogger(name).setLevel(logging.ERROR)
        answer: dict[str, Any]
        try:
            answer = {"status": self._reproduce()}
        except _FetchError as error:
            answer = {"error": error.message, "hint": error.hint, "fatal": error.exit_code}
        except MlopsError as error:
            fatal = error.exit_code if isinstance(error, ToolError) else 0
            answer = {"error": error.message, "hint": error.hint, "fatal": fatal}
        except OSError as error:
            answer = {"error": _one_line(error), "fatal": ToolError.exit_code}
        if answer.get("fatal") == 0:
            answer["status"] = "failed"
        self.answer.write_text(json.dumps(answer), encoding="utf-8")
        return 0

    def _reproduce(self) -> str:
        from dvc.exceptions import DvcException
        from dvc.repo import Repo

        _wait_longer_for_locks()
        _thaw()
        _withhold()
        ran = _notice_commands()
        with Repo(self.root) as repo:
            self._fetch(repo)
            try:
                done = repo.reproduce(targets=[self.address], single_item=True)
            except DvcException as error:
                raise _stage_error(error) from error
        if not done:
            return "cached"
        return "ran" if ran else "restored"

    def _fetch(self, repo: Any) -> None:
        """Pull what is missing, one stage at a time: DVC refuses two pulls of the same data."""
        from dvc.exceptions import CheckoutError, FileTransferError

        if not self.needs:
            return
        with locked(Path(repo.tmp_dir) / "mlops-ci.pull"):
            needs = [path for path in self.needs if not Path(path).is_file()]
            names = ", ".join(needs[:5])
            try:
                with remote_trouble(f"fetching {names}"):
                    if needs:
                        repo.pull(targets=needs)
            except MlopsError as error:
                gone = isinstance(error.__cause__, CheckoutError | FileTransferError)
                message = f"the DVC remote does not have {names}" if gone else f"{names}: {error.message}"
                raise _FetchError(message, error.hint, error.exit_code) from error


class _FetchError(MlopsError):
    """What a stage reads could not be fetched; that is not the stage's failure."""

    def __init__(self, message: str, hint: str, exit_code: int) -> None:
        super().__init__(message, hint)
        self.exit_code = exit_code


def _wait_longer_for_locks() -> None:
    """Stages that run at once take turns with DVC's lock; its own three seconds are too few."""
    import dvc.lock

    def lock(self: Any) -> None:
        deadline = time.monotonic() + LOCK_WAIT
        while True:
            try:
                self._do_lock()
            except dvc.lock.LockError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(LOCK_POLL)
            else:
                return

    dvc.lock.Lock.lock = lock


def _thaw() -> None:
    """A frozen stage is only run because its outputs are not its own any more.

    DVC would take whatever lies there over into dvc.lock, a metric edited by hand too.
    """
    import dvc.stage

    original = dvc.stage.Stage.reproduce

    def reproduce(stage: Any, *args: Any, **kwargs: Any) -> Any:
        stage.frozen = False
        return original(stage, *args, **kwargs)

    dvc.stage.Stage.reproduce = reproduce


def _withhold() -> None:
    """A command gets the environment without the job's own part; DVC itself, which fetches, keeps it."""
    import dvc.stage.run

    original = dvc.stage.run.prepare_kwargs

    def prepare_kwargs(*args: Any, **kwargs: Any) -> Any:
        found = original(*args, **kwargs)
        return {**found, "env": withheld.without(found["env"])}

    dvc.stage.run.prepare_kwargs = prepare_kwargs


def _notice_commands() -> list[str]:
    """The stages whose command really runs; DVC does not say when it takes the run cache."""
    import dvc.stage.run

    ran: list[str] = []
    original = dvc.stage.run.cmd_run

    def cmd_run(stage: Any, *args: Any, **kwargs: Any) -> Any:
        ran.append(stage.addressing)
        return original(stage, *args, **kwargs)

    dvc.stage.run.cmd_run = cmd_run
    return ran


def _stage_error(error: Exception) -> MlopsError:
    """A failing stage is the pipeline's own; trouble around it (lock, disk) is a ToolError."""
    causes = list(chain(error))
    for cause in causes:
        if type(cause).__name__ == "LockError":
            return translate(cause)
    for cause in causes:
        if type(cause).__name__ == "StageCmdFailedError":
            return ConfigError(_one_line(cause))
        if isinstance(cause, OSError) and not isinstance(cause, FileNotFoundError):
            return ToolError(_one_line(cause), "free some space, or check the permissions")
    inner = [cause for cause in causes if type(cause).__name__ != "ReproductionError"]
    return translate(inner[-1] if inner else error)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
