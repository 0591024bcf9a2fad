"""Workspaces: made from one template, run by DVC itself or by us, and what lies in them afterwards."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import yaml

from tests.chaos.forks import Fork
from tests.chaos.pipelines import Pipeline

STEP = Path(__file__).with_name("step")
OURS = {".git", ".dvc", "dvc.lock", ".gitignore"}


def template(folder: Path) -> Path:
    """An empty Git and DVC repository to copy."""
    shutil.rmtree(folder, ignore_errors=True)
    for args in (
        ("git", "init", "--quiet", "--initial-branch=main"),
        (sys.executable, "-m", "dvc", "init", "--quiet"),
    ):
        folder.mkdir(exist_ok=True)
        subprocess.run(args, cwd=folder, check=True, env={**os.environ, **environ(folder.parent, 0)})
    return folder


def environ(home: Path, turn: int) -> dict[str, str]:
    """What is set for everything that runs in a workspace whose commands have this home."""
    return {
        "CHAOS_HOME": str(home),
        "CHAOS_TURN": str(turn),
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(home / "site"),
        "DVC_GLOBAL_CONFIG_DIR": str(home / "global"),
        "DVC_SYSTEM_CONFIG_DIR": str(home / "system"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }


@dataclass
class Ground:
    """One workspace, and beside it the home of its commands: their log and what goes wrong with them."""

    folder: Path
    turn: int = 0

    @property
    def top(self) -> Path:
        return self.folder / "repo"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @classmethod
    def make(cls, folder: Path, source: Path) -> Ground:
        """A copy of a repository with a home of its own."""
        found = cls(folder)
        for name in ("delay", "fail", "kill", "hang"):
            (found.home / name).mkdir(parents=True)
        shutil.copy(STEP, found.home / "step")
        shutil.copytree(source, found.top, symlinks=True)
        return found

    def fork(self, task: Any, name: str) -> Fork:
        """Start a task in the workspace."""
        return Fork.start(task, self.home / f"{name}.json", environ(self.home, self.turn), self.top)

    def slow(self, pipeline: Pipeline, chance: Random) -> None:
        """Every command takes up to 80 ms, another time each time."""
        for step in pipeline.steps:
            (self.home / "delay" / step.name).write_text(f"{chance.uniform(0, 0.08):.3f}\n")

    def log(self, kind: str, turn: int | None = None) -> list[str]:
        """The names of the stages whose commands started, ended, or failed, in one turn or ever."""
        path = self.home / "log"
        lines = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
        return [name for said, when, name in lines if said == kind and turn in (None, int(when))]

    # ---- what lies there -------------------------------------------------------------------

    def locks(self) -> dict[str, bytes]:
        """Every dvc.lock by its folder."""
        found = {
            path.parent: path.read_bytes()
            for path in (self.top / "dvc.lock", self.top / "sub" / "dvc.lock")
            if path.exists()
        }
        return {"" if folder == self.top else folder.name: raw for folder, raw in found.items()}

    def entries(self) -> dict[str, dict[str, Any]]:
        """Every entry of every dvc.lock, by the stage's address."""
        found = {}
        for folder, raw in self.locks().items():
            for name, entry in (loaded(raw).get("stages") or {}).items():
                found[f"{folder}/dvc.yaml:{name}" if folder else name] = entry
        return found

    def files(self) -> dict[str, bytes]:
        """Every file but Git's, DVC's and the lists of what Git ignores."""
        return {
            path.relative_to(self.top).as_posix(): path.read_bytes()
            for path in _walk(self.top)
            if path.name not in OURS
        }

    def ignored(self) -> dict[str, set[str]]:
        """The lines of every .gitignore."""
        found = (path for path in _walk(self.top) if path.name == ".gitignore")
        return {path.relative_to(self.top).as_posix(): set(path.read_text().split()) for path in found}

    def temporary(self) -> set[str]:
        """What lies in DVC's folder for temporary files."""
        tmp = self.top / ".dvc" / "tmp"
        return {path.relative_to(tmp).as_posix() for path in tmp.rglob("*") if path.is_file()}

    def busy(self) -> Any:
        """The paths that DVC's rwlock says are in use."""
        path = self.top / ".dvc" / "tmp" / "rwlock"
        found = json.loads(path.read_text() or "{}") if path.exists() else {}
        return {kind: paths for kind, paths in found.items() if paths}

    def objects(self) -> dict[str, Path]:
        """The objects of the cache by their hashes.

        DVC believes those that are write-protected; it hashes any other before it takes it, so what it had
        only half copied when it was killed is none.
        """
        cache = self.top / ".dvc" / "cache" / "files" / "md5"
        found = {path.parent.name + path.name: path for path in cache.glob("??/*") if path.suffix != ".tmp"}
        return {value: path for value, path in found.items() if _is_protected(path) or is_sound(value, path)}

    def run_cache(self) -> Iterator[Mapping[str, Any]]:
        """The records of DVC's run cache that can be read."""
        for path in (self.top / ".dvc" / "cache" / "runs").glob("??/*/*"):
            try:
                found = loaded(path.read_bytes())
            except yaml.YAMLError:
                continue
            if isinstance(found, dict):
                yield found


def _walk(top: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(top):
        folders[:] = [name for name in folders if name not in (".git", ".dvc")]
        yield from (Path(folder, name) for name in names)


def _is_protected(path: Path) -> bool:
    return not path.stat().st_mode & 0o222


def is_sound(value: str, path: Path) -> bool:
    """Whether an object of the cache is what its name says."""
    return hashlib.md5(path.read_bytes()).hexdigest() == value.removesuffix(".dir")


def loaded(raw: bytes) -> Any:
    """YAML as plain values."""
    return yaml.load(raw, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


# ---- tasks for forks -------------------------------------------------------------------------


def serially(target: str | None = None) -> int:
    """DVC's own run of everything or of one stage with what feeds it, one stage after another."""
    from dvc.repo import Repo

    with Repo() as repo:
        return len(repo.reproduce(targets=[target]) if target else repo.reproduce(all_pipelines=True))


def status() -> Any:
    """What DVC says has changed."""
    from dvc.repo import Repo

    with Repo() as repo:
        return repo.status()


def planned() -> dict[str, list[str]]:
    """What our plan would run, with its reasons."""
    from mlops_ci.adapters.dvc import Dvc

    dvc = Dvc.open(Path.cwd())
    try:
        return {
            step.stage: list(step.reasons) for step in dvc.plan().steps if step.action in ("run", "maybe")
        }
    finally:
        dvc.close()


@dataclass(frozen=True)
class OurRun:
    """Our run of everything, as the command line does it; every stage told as done goes to the log."""

    home: Path
    turn: int
    cpu: float
    timeouts: Mapping[str, float]
    retries: Mapping[str, int]

    def __call__(self) -> dict[str, Any]:
        from mlops_ci.adapters.dvc import Dvc, Settings
        from mlops_ci.errors import MlopsError
        from mlops_ci.pipeline import Capacity, Execution

        signal.signal(signal.SIGTERM, _interrupt)
        execution = {
            name: Execution(timeout=self.timeouts.get(name), retries=self.retries.get(name, 0))
            for name in {*self.timeouts, *self.retries}
        }
        settings = Settings(
            on_event=self._hear,
            capacity=Capacity(cpu=self.cpu),
            execution=lambda stage: execution.get(stage, Execution()),
        )
        try:
            dvc = Dvc.open(Path.cwd())
            try:
                runs = dvc.run(settings=settings)
            finally:
                dvc.close()
        except MlopsError as error:
            return {"refused": f"{error.message} ({error.hint})", "code": error.exit_code}
        return {
            "stages": {run.name: run.status for run in runs},
            "errors": {run.name: run.error for run in runs if run.error},
        }

    def _hear(self, event: Any) -> None:
        if event.status in ("ran", "restored"):
            with (self.home / "log").open("a") as file:
                file.write(f"told {self.turn} {event.stage}\n")


def _interrupt(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt
