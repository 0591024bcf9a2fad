"""Processes: run a tool and take its output, or fork a task of our own whose output goes to a log."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from mlops_ci.adapters import withheld
from mlops_ci.adapters.held_signals import held
from mlops_ci.adapters.process_text import clean, tail
from mlops_ci.errors import ToolError

__all__ = ["Child", "Outcome", "Piped", "Result", "clean", "forked", "run", "tail", "wait"]

GRACE = 5.0  # seconds between SIGTERM and SIGKILL
TICK = 0.2  # seconds between looks at a running task
MAX_LOG = 16_000_000  # bytes of a log that are kept

_PR_SET_PDEATHSIG = 1  # of prctl(2)


@dataclass(frozen=True)
class Result:
    """What a tool answered; ``raw`` are the bytes behind ``stdout``."""

    stdout: str
    stderr: str
    code: int
    raw: bytes = b""


@dataclass(frozen=True)
class Outcome:
    """How a forked task ended; a negative ``code`` is the signal that ended it."""

    code: int
    timed_out: bool
    seconds: float


def run(
    args: Sequence[str],
    *,
    cwd: Path | str,
    env: Mapping[str, str] | None = None,
    input: bytes | None = None,
    timeout: float | None = None,
    check: bool = True,
    on_line: Callable[[str], None] | None = None,
) -> Result:
    """Run a tool to its end, without a shell; ``env`` is added to our own environment.

    ``on_line`` gets each line of its standard error as it comes: the progress of long work.

    Raises:
        ToolError: the tool is not there, failed (with ``check``), or ran into the timeout.
    """
    tool = str(args[0])
    try:
        process = subprocess.Popen(
            [str(arg) for arg in args],
            cwd=cwd,
            env=withheld.inherited(env or {}),
            stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        raise _not_started(tool, Path(cwd), error) from error
    listener = _Listener(process, on_line) if on_line else None
    try:
        stdout, stderr = process.communicate(input, timeout=timeout)
    except subprocess.TimeoutExpired as error:
        _end_tool(process)
        raise ToolError(
            f"{_brief(args)}: timed out after {timeout:g} s", "is it waiting for input?"
        ) from error
    except BaseException:
        _end_tool(process)
        raise
    errors = listener.heard() if listener else stderr
    result = Result(_text(stdout), _text(errors), process.returncode, stdout)
    if check and result.code != 0:
        said = " | ".join(clean(result.stderr or result.stdout)[-3:]) or "it said nothing"
        raise ToolError(f"{_brief(args)} failed with exit code {result.code}: {said}")
    return result


class Piped:
    """A started child that runs foreign code: what it is sent, what it answers, and how it ended.

    Its errors go to ``log``.
    """

    def __init__(
        self, args: Sequence[str], *, cwd: Path, log: Path, env: Mapping[str, str] | None = None
    ) -> None:
        """Start it in a session of its own; ``env`` is added to our environment without the job's own part.

        Raises:
            ToolError: it is not there or may not be run.
        """
        with log.open("ab") as errors:
            try:
                self._process = subprocess.Popen(
                    [str(arg) for arg in args],
                    cwd=cwd,
                    env={**withheld.without(os.environ), **(env or {})},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    start_new_session=True,
                )
            except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
                raise _not_started(str(args[0]), cwd, error) from error
        assert self._process.stdin is not None  # noqa: S101 - both were asked for
        assert self._process.stdout is not None  # noqa: S101
        self.log = log
        self.stdin, self.stdout = self._process.stdin, self._process.stdout
        for pipe in (self.stdin, self.stdout):
            os.set_blocking(pipe.fileno(), False)

    def code(self, seconds: float = 0.0) -> int | None:
        """The exit code where it ends within ``seconds``, else None; keeps the log within its bounds."""
        _cap(self.log)
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(seconds)
        return None

    def end(self) -> None:
        """End it with everything it started; more than once does no harm."""
        _end_tool(self._process)


class _Listener(threading.Thread):
    """Reads a tool's standard error while the caller reads the rest."""

    def __init__(self, process: subprocess.Popen[bytes], on_line: Callable[[str], None]) -> None:
        super().__init__(daemon=True)
        self._pipe, process.stderr = process.stderr, None
        self._on_line = on_line
        self._lines: list[bytes] = []
        self.start()

    def run(self) -> None:
        """Pass every line on until the tool closes the pipe."""
        for line in self._pipe or ():
            self._lines.append(line)
            for shown in clean(_text(line)):
                self._on_line(shown)

    def heard(self) -> bytes:
        """Everything, once the tool has ended."""
        self.join()
        if self._pipe is not None:
            self._pipe.close()
        return b"".join(self._lines)


class Child:
    """A forked task in a process group of its own, its output and errors going to ``log``."""

    def __init__(self, pid: int, log: Path, watch: int) -> None:
        self.pid = pid
        self.log = log
        self.started = time.monotonic()
        self.timed_out = False
        self._watch = watch
        self._code: int | None = None

    @classmethod
    def fork(cls, task: Callable[[], int], *, log: Path) -> Child:
        """Start ``task`` in a copy of this process; its return value becomes the exit code."""
        log.parent.mkdir(parents=True, exist_ok=True)
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o644)
        watch, alive = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        with held(signal.SIGINT, signal.SIGTERM) as caught, warnings.catch_warnings():
            # Python >= 3.12 warns where other threads exist; ours (a progress display) hold nothing
            # that the task uses.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
            if pid == 0:
                os.close(watch)
                _become_task(task, out, parent, caught)
        os.close(out)
        os.close(alive)
        child = cls(pid, log, watch)
        for number in caught:
            child.stop()
            signal.raise_signal(number)
        return child

    @property
    def seconds(self) -> float:
        """Wall time since the start."""
        return time.monotonic() - self.started

    def poll(self) -> int | None:
        """The exit code where the task has ended, else None."""
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._ended(status)
            else:
                _cap(self.log)
        return self._code

    def stop(self) -> None:
        """End the whole group: SIGTERM, then SIGKILL to whatever is left."""
        if self.poll() is None:
            self._signal(signal.SIGTERM)
            deadline = time.monotonic() + GRACE
            while self.poll() is None and time.monotonic() < deadline:
                wait([self], 0.05)
        self._signal(signal.SIGKILL)
        if self._code is None:
            self._ended(os.waitpid(self.pid, 0)[1])

    def _signal(self, number: int) -> None:
        if not _signal_group(self.pid, number) and self._code is None:
            # A task that has only just been forked has no group of its own yet.
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _ended(self, status: int) -> None:
        self._code = os.waitstatus_to_exitcode(status)
        os.close(self._watch)
        _cap(self.log)

    def watched(self) -> int | None:
        """The pipe that becomes readable when the task ends; None once it has."""
        return self._watch if self._code is None else None


def wait(children: Sequence[Child], seconds: float) -> None:
    """Sleep until one of the children ends, at most ``seconds``."""
    # Not select(): it takes no more than 1,023 open files.
    poll, watched = select.poll(), 0
    for child in children:
        if (pipe := child.watched()) is not None:
            poll.register(pipe, select.POLLIN)
            watched += 1
    if watched:
        poll.poll(seconds * 1000)


def forked(
    task: Callable[[], int],
    *,
    log: Path,
    timeout: float | None = None,
    on_tick: Callable[[], None] | None = None,
) -> Outcome:
    """Run ``task`` in a forked copy of this process and wait for it.

    Whatever ends the waiting (Ctrl-C, a timeout) ends the task's whole process group first.
    """
    child = Child.fork(task, log=log)
    try:
        while (code := child.poll()) is None:
            if timeout is not None and child.seconds > timeout:
                child.timed_out = True
                child.stop()
                continue
            if on_tick is not None:
                on_tick()
            rest = TICK if timeout is None else max(0.0, min(TICK, timeout - child.seconds + 0.001))
            wait([child], rest)
    except BaseException:
        child.stop()
        raise
    return Outcome(code, child.timed_out, child.seconds)


def _become_task(task: Callable[[], int], out: int, parent: int, caught: Sequence[int]) -> NoReturn:
    """In the child: an own session, output to the log, never back into the parent's code.

    ``caught`` are the signals that came before it could heed them.
    """
    try:
        code = _run_task(task, out, parent, caught)
        # From here on a signal would lead out of the task.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os._exit(code & 0xFF)
    finally:
        # Only where that was disturbed: a copy of the parent must never go on with the parent's work.
        os.kill(os.getpid(), signal.SIGKILL)


def _run_task(task: Callable[[], int], out: int, parent: int, caught: Sequence[int]) -> int:
    code = 70
    try:
        os.environ.pop(withheld.PUSHING, None)
        os.setsid()
        _end_with(parent)
        signal.signal(signal.SIGTERM, _leave)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        for number in caught:
            _leave(number)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (out, 1), (out, 2)):
            os.dup2(source, target)
        sys.stdout = open(1, "w", encoding="utf-8", errors="replace", buffering=1, closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", errors="replace", buffering=1, closefd=False)  # noqa: SIM115
        code = task()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:
        traceback.print_exc()
    with suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    return code


def _leave(*_: object) -> NoReturn:
    """SIGTERM unwinds the task, so that it lets go of its locks; a second one does not break into that."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(128 + signal.SIGTERM)


def _end_with(parent: int) -> None:
    """Where the kernel can tell: nothing of the task goes on once its parent was killed.

    The signal must be one that can be handled: SIGKILL would leave the task's own children behind.
    """
    if sys.platform != "linux":
        return
    import ctypes

    signal.signal(signal.SIGUSR1, _vanish)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGUSR1), 0, 0, 0)
    if os.getppid() != parent:
        _vanish()  # it died before we asked to be told


def _vanish(*_: object) -> None:
    os.killpg(0, signal.SIGKILL)


def _cap(log: Path) -> None:
    """Keep the head and the tail of a log that has grown too large; the writer appends after it."""
    try:
        with log.open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            if size <= MAX_LOG:
                return
            part = MAX_LOG // 4
            file.seek(size - part)
            end = file.read(part)
            file.seek(part)
            file.write(b"\n[... %d bytes left out ...]\n" % (size - 2 * part) + end)
            file.truncate()
    except FileNotFoundError:
        return


def _end_tool(process: subprocess.Popen[bytes]) -> None:
    _signal_group(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    _signal_group(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def _signal_group(group: int, number: int) -> bool:
    """Whether there is such a group; one that is gone is what we want; macOS answers EPERM for a zombie."""
    try:
        with suppress(PermissionError):
            os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True


def _not_started(tool: str, cwd: Path, error: OSError) -> ToolError:
    if not cwd.is_dir():
        return ToolError(f"{tool}: the folder {cwd} does not exist")
    if isinstance(error, PermissionError):
        return ToolError(f"{tool}: may not be run ({error.strerror})")
    return ToolError(f"{tool}: not found on PATH", f"install {tool}, or add its folder to PATH")


def _brief(args: Sequence[str]) -> str:
    """The tool and its verb; further arguments may be long or secret."""
    words = [str(arg) for arg in args[1:] if not str(arg).startswith("-") and "=" not in str(arg)]
    return " ".join([Path(str(args[0])).name, *words[:1]])


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", errors="replace")
