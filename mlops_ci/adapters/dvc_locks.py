"""DVC's locks as one run of ours uses them: its stages share them, everybody else is kept out as DVC does."""

from __future__ import annotations

import fcntl
import json
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, Any

from mlops_ci.adapters import files
from mlops_ci.errors import ToolError

WAIT = 30.0  # seconds to wait for what another process holds; DVC's own three are too few
POLL = 0.02
# How our stages call themselves in DVC's list of who reads and writes what.
MARK = "mlops-ci: stage"
# What the file of our own lock says until a run has come to its end.
AT_WORK = "at work\n"


class SharedLock:
    """DVC's lock of a repository, held by our stages together; a ``dvc`` command waits for all of them.

    It has the methods of DVC's own, which would let one stage hash at a time.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None
        # Who has computed for hours does not lose that to somebody's long ``dvc pull``.
        self.is_patient = False

    @property
    def is_locked(self) -> bool:
        """Whether this process holds it."""
        return self._file is not None

    def lock(self, wait: float | None = None) -> None:
        """Take it, waiting for a ``dvc`` command that is at work.

        Raises:
            dvc.lock.LockError: it went on for too long.
        """
        from dvc.lock import FAILED_TO_LOCK_MESSAGE, LockError

        file = self._path.open("a")
        seconds = WAIT if wait is None else wait
        if not _took_within(file, fcntl.LOCK_SH, math.inf if self.is_patient else seconds):
            file.close()
            raise LockError(FAILED_TO_LOCK_MESSAGE)
        self._file = file

    def unlock(self) -> None:
        """Let go of it."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> None:
        self.lock()

    def __exit__(self, *_: object) -> None:
        self.unlock()


def shared(repo: Any) -> Any:
    """The lock of a repository as our stages take it; one that is a hard link cannot be shared."""
    return SharedLock(Path(repo.lock.lockfile)) if type(repo.lock).__name__ == "Lock" else repo.lock


@contextmanager
def running(repo: Any, on_wait: Callable[[], None] = lambda: None) -> Iterator[str]:
    """Keep other runs of ours out of this workspace, until the last of our processes has ended.

    Calls ``on_wait`` once where there is one to wait for. Gives what ``last_run`` said before: AT_WORK where
    that run broke off.

    Raises:
        ToolError: another run is at work.
    """
    path = _run_lock(repo)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        if not _took(file, fcntl.LOCK_EX):
            on_wait()
            if not _took_within(file, fcntl.LOCK_EX, WAIT):
                raise ToolError(
                    "another run of this pipeline is at work in this folder", "wait until it has ended"
                )
        before = last_run(repo)
        path.write_text(AT_WORK)
        yield before
        # Not where it broke off: then the next run looks whether anything is left, as after a kill.
        path.write_text(f"{time.time_ns()}\n")


def last_run(repo: Any) -> str:
    """When the last run ended, or that it did not: another answer says that there was one meanwhile."""
    try:
        return _run_lock(repo).read_text()
    except FileNotFoundError:
        return ""


def _run_lock(repo: Any) -> Path:
    return Path(repo.tmp_dir) / "mlops-ci" / "run.lock"


def _took_within(file: IO[str], how: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not _took(file, how):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL)
    return True


def _took(file: IO[str], how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


# ---- who reads and writes which path -------------------------------------------------------------


@contextmanager
def paths(repo: Any, stage: str, read: Sequence[str], write: Sequence[str]) -> Iterator[None]:
    """Tell other DVC processes what a stage reads and writes, as DVC itself does.

    Raises:
        dvc.lock.LockError: another process is at work on one of the paths.
    """
    import dvc.rwlock

    info = {"pid": os.getpid(), "cmd": f"{MARK} {stage}"}
    tmp = Path(repo.tmp_dir)

    def take(table: dict[str, Any]) -> None:
        dvc.rwlock._check_blockers(repo.tmp_dir, table, info, mode="write", waiters=[*read, *write])
        dvc.rwlock._check_blockers(repo.tmp_dir, table, info, mode="read", waiters=list(write))
        dvc.rwlock._acquire_read(table, info, read)
        dvc.rwlock._acquire_write(table, info, write)

    _insist(lambda: _edit(tmp, take))
    # What DVC takes on top, step by step, this process holds already.
    own, dvc.rwlock.rwlock = dvc.rwlock.rwlock, lambda *_args, **_kwargs: nullcontext()
    try:
        yield
    finally:
        dvc.rwlock.rwlock = own
        _edit(tmp, lambda table: _forget(table, lambda one: one == info))


def forget(repo: Any, pid: int | None = None) -> None:
    """Take away what a killed stage left in DVC's list: all of ours, or those of one process."""

    def ours(one: dict[str, Any]) -> bool:
        return str(one.get("cmd", "")).startswith(MARK) and pid in (None, one.get("pid"))

    tmp = Path(repo.tmp_dir)
    if (tmp / "rwlock").exists():
        _edit(tmp, lambda table: _forget(table, ours))


def _insist(act: Callable[[], None]) -> None:
    from dvc.lock import LockError

    deadline = time.monotonic() + WAIT
    while True:
        try:
            return act()
        except LockError:
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL)


def _edit(tmp: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change DVC's list in one step: DVC itself may be killed when half of it is written."""
    from collections import defaultdict

    with files.locked(tmp / "rwlock.lock"):
        try:
            found = json.loads((tmp / "rwlock").read_bytes())
        except (FileNotFoundError, ValueError):
            # What broke off was of a process that does not live any more: it holds nothing.
            found = {}
        table = {
            "write": defaultdict(dict, found.get("write", {})),
            "read": defaultdict(list, found.get("read", {})),
        }
        change(table)
        text = json.dumps({kind: entries for kind, entries in table.items() if entries})
        # Always the same name, which the lock allows: one that a killed process left is written over.
        temporary = tmp / "rwlock.new"
        temporary.write_text(text)
        temporary.replace(tmp / "rwlock")


def _forget(table: dict[str, Any], is_gone: Callable[[dict[str, Any]], bool]) -> None:
    for path, one in list(table["write"].items()):
        if is_gone(one):
            del table["write"][path]
    for path, readers in list(table["read"].items()):
        table["read"][path] = [one for one in readers if not is_gone(one)]
        if not table["read"][path]:
            del table["read"][path]
