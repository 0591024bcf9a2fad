"""Work in forked copies of this process, which has DVC imported already; nothing of it comes back but JSON."""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import psutil

_PR_SET_CHILD_SUBREAPER = 36  # of prctl(2): what our children leave behind becomes ours
LONGEST = 120.0  # seconds that anything here may take before it counts as hanging


@dataclass
class Fork:
    """A forked copy at work; ``answer`` is the file its result goes to."""

    pid: int
    answer: Path
    code: int | None = None

    @classmethod
    def start(cls, task: Callable[[], Any], answer: Path, environ: Mapping[str, str], cwd: Path) -> Fork:
        """Fork; the task's result is written as JSON, and its output goes to a file beside that."""
        sys.stdout.flush()
        sys.stderr.flush()
        answer.unlink(missing_ok=True)
        pid = os.fork()
        if pid == 0:
            _work(task, answer, environ, cwd)
        return cls(pid, answer)

    def ended(self) -> bool:
        """Whether it has ended; sets ``code`` (negative: the signal)."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code is not None

    def wait(self) -> int:
        """Wait for its end; what hangs is killed and has the code of that."""
        deadline = time.monotonic() + LONGEST
        while not self.ended():
            if time.monotonic() > deadline:
                self.send(signal.SIGKILL)
                return -999
            time.sleep(0.002)
        assert self.code is not None
        return self.code

    def result(self) -> Any:
        """What the task gave; None where it did not get to its end."""
        self.wait()
        return json.loads(self.answer.read_bytes()) if self.answer.exists() else None

    def send(self, number: int, group: bool = False) -> None:
        """Send a signal to it, or to its group."""
        with suppress(ProcessLookupError):
            (os.killpg if group else os.kill)(self.pid, number)

    def children(self) -> list[psutil.Process]:
        """Its direct children: the stages at work."""
        return _below(self.pid, deep=False)

    def commands(self) -> list[psutil.Process]:
        """What its stages have started."""
        direct = {child.pid for child in self.children()}
        return [found for found in _below(self.pid, deep=True) if found.pid not in direct]

    def output(self) -> str:
        """The end of what it printed."""
        log = self.answer.with_suffix(".out")
        return log.read_text(errors="replace")[-3000:] if log.exists() else ""


def _below(pid: int, deep: bool) -> list[psutil.Process]:
    try:
        return list(psutil.Process(pid).children(recursive=deep))
    except psutil.NoSuchProcess:
        return []


def _work(task: Callable[[], Any], answer: Path, environ: Mapping[str, str], cwd: Path) -> NoReturn:
    code = 70
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        out = os.open(answer.with_suffix(".out"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(out, 1)
        os.dup2(out, 2)
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
        os.environ.update(environ)
        os.chdir(cwd)
        part = answer.with_suffix(".part")
        part.write_text(json.dumps(task()))
        part.rename(answer)
        code = 0
    except KeyboardInterrupt:
        code = 130
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def adopt() -> None:
    """From here on, this process inherits whatever its children leave running."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def left_running(seconds: float) -> list[str]:
    """Wait until nothing runs below this process any more; what still does then is killed and named."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return []
        if time.monotonic() > deadline:
            break
        time.sleep(0.005)
    found = [" ".join(child.cmdline()) or child.name() for child in _below(os.getpid(), deep=True)]
    for child in _below(os.getpid(), deep=True):
        with suppress(psutil.NoSuchProcess):
            child.kill()
    return found


def preload(task: Callable[[], Any], folder: Path, environ: Mapping[str, str]) -> None:
    """Import here whatever a task imports in a fork, so that every later fork finds it there."""

    def names() -> list[str]:
        task()
        return list(sys.modules)

    for name in Fork.start(names, folder / "modules.json", environ, folder).result() or ():
        with suppress(Exception):
            importlib.import_module(name)
