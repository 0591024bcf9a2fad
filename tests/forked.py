"""Processes of mlops-ci without the seconds that an interpreter and its imports take: forked from one that has them.

    done = forked.run("pr", "--json", cwd=clone, env=environ)     # as subprocess.run([python, "-m", "mlops_ci", ...])

Each is a process of its own, with its own folder, environment, output, signals and end. What they are forked from has
imported mlops-ci and has done nothing with it. That a new interpreter does the same is held by tests/test_cli.py, the demo
and the plays with act.
"""

from __future__ import annotations

import atexit
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping
from contextlib import ExitStack
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

# Imported by a verb when it needs them, and slow to import.
_SLOW = (
    *(
        "dvc.lock",
        "dvc.repo.experiments",
        "dvc.repo.plots",
        "dvc.repo.reproduce",
        "dvc.scm",
        "scmrepo.git.backend.dulwich",
    ),
    *("pandas", "psutil", "pyarrow.parquet", "pygit2", "rich.live", "scipy.stats"),
)

_ends = ExitStack()


class Process:
    """A started process; the part of subprocess.Popen that tests need, for what it prints as text."""

    def __init__(self, words: list[str], cwd: Path, env: Mapping[str, str] | None) -> None:
        self._files = [tempfile.TemporaryFile("w+b") for _ in range(2)]  # noqa: SIM115 - closed by communicate()
        self._line = socket.socket(socket.AF_UNIX)
        self._line.connect(_source())
        told = {"words": words, "cwd": str(cwd), "env": dict(os.environ if env is None else env)}
        fds = [file.fileno() for file in self._files]
        socket.send_fds(self._line, [b"!"], fds)
        self._line.sendall(json.dumps(told).encode() + b"\n")
        self._answers = self._line.makefile("r")
        self.pid = int(self._answers.readline())
        self.returncode: int | None = None

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        os.kill(self.pid, number)

    def communicate(self) -> tuple[str, str]:
        """Wait for the end; gives standard output and standard error."""
        self.returncode = int(self._answers.readline())
        self._answers.close()
        self._line.close()
        said = []
        for file in self._files:
            with file:
                file.seek(0)
                said.append(file.read().decode())
        return said[0], said[1]


def start(*args: str, cwd: Path, env: Mapping[str, str] | None = None) -> Process:
    """Start `mlops-ci ARGS`; without ``env`` it has ours."""
    return Process(["mlops-ci", *args], cwd, env)


def start_script(text: str, *, cwd: Path, env: Mapping[str, str] | None = None) -> Process:
    """Start what `python -c TEXT` would."""
    return Process(["-c", text], cwd, env)


def run(*args: str, cwd: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run `mlops-ci ARGS` to its end."""
    started = start(*args, cwd=cwd, env=env)
    out, err = started.communicate()
    assert started.returncode is not None
    return subprocess.CompletedProcess([*args], started.returncode, out, err)


@cache
def _source() -> str:
    """The address of what is forked; it ends with this process."""
    folder = tempfile.TemporaryDirectory(prefix="forked-")
    address = f"{folder.name}/socket"
    _ends.callback(folder.cleanup)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.forked", address],
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.stdout.close()
    _ends.callback(process.wait)
    _ends.callback(process.stdin.close)
    return address


def end() -> None:
    """End what is forked; before the session does, so that its measurements count."""
    _ends.close()
    _source.cache_clear()


# ---- what is forked -----------------------------------------------------------------------------


class Source:
    """Waits for orders, forks a process for each, and tells its caller its number and how it ended."""

    def __init__(self, address: str) -> None:
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(address)
        self.listener.listen(64)
        self.running: dict[int, socket.socket] = {}
        self.ended, ending = os.pipe()
        for end in (self.ended, ending):
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(ending)

    def serve(self) -> None:
        """Go on until standard input is closed."""
        while True:
            ready, _, _ = select.select([self.listener, self.ended, sys.stdin], [], [])
            if self.ended in ready:
                os.read(self.ended, 4096)
                self._reap()
            if self.listener in ready:
                self._fork(self.listener.accept()[0])
            if sys.stdin in ready:
                return

    def _reap(self) -> None:
        for pid in list(self.running):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                with self.running.pop(pid) as line:
                    line.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())

    def _fork(self, line: socket.socket) -> None:
        _, fds, _, _ = socket.recv_fds(line, 1, 2)
        with line.makefile("r") as orders:
            told = json.loads(orders.readline())
        pid = os.fork()
        if pid == 0:
            _become(told, *fds)
        for fd in fds:
            os.close(fd)
        self.running[pid] = line
        line.sendall(f"{pid}\n".encode())


def _become(told: dict[str, Any], out: int, errors: int) -> NoReturn:
    """In the child: what a new interpreter would be, but for what is imported."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for source, target in ((os.open(os.devnull, os.O_RDONLY), 0), (out, 1), (errors, 2)):
        os.dup2(source, target)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.chdir(told["cwd"])
    os.environ.clear()
    os.environ.update(told["env"])
    sys.path[0], sys.argv = told["cwd"], told["words"]
    code = 0
    try:
        _do(told["words"])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _do(words: list[str]) -> None:
    if words[0] == "-c":
        exec(compile(words[1], "<string>", "exec"), {"__name__": "__main__"})
    else:
        import_module("mlops_ci.cli").main()


def main(address: str) -> None:
    """Import everything, and serve."""
    import mlops_ci
    from tests import measured

    measured.begin()

    for module in pkgutil.walk_packages(mlops_ci.__path__, "mlops_ci."):
        # Workers and __main__ are programs.
        if not module.name.endswith(("__main__", "_worker")):
            import_module(module.name)
    for name in _SLOW:
        import_module(name)
    _compile_templates()
    source = Source(address)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    os.dup2(2, 1)
    source.serve()


def _compile_templates() -> None:
    from mlops_ci import report
    from mlops_ci.report import conclusions, html

    for made, kind in (
        (report._built_in(), ".md.j2"),
        (conclusions._built_in(), ".md.j2"),
        (html._environment(), ".html.j2"),
    ):
        for name in made.list_templates():
            if name.endswith(kind):
                made.get_template(name)


if __name__ == "__main__":
    main(sys.argv[1])
