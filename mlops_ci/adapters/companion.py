"""A long-lived child that answers each line it is sent with one line, and may hang or die at any time."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlops_ci.adapters import process
from mlops_ci.errors import ToolError

MAX_ANSWER = 64_000_000  # bytes of one answer


class Companion:
    """The child and the unread rest of what it said; ``log`` gets its errors and whatever it prints."""

    def __init__(
        self, args: Sequence[str], *, cwd: Path, log: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self._child = process.Piped(args, cwd=cwd, log=log, env=env)
        self._rest = b""
        self._lost = ""

    @property
    def lost(self) -> str:
        """Why it is gone, as the first question without an answer found it; empty while it answers."""
        return self._lost

    def ask(self, line: bytes, *, timeout: float) -> bytes:
        """Send a line and wait for the answer, at most ``timeout`` seconds.

        Raises:
            ToolError: it has ended, gave no answer in time or said too much, and is gone now; with its
                last words.
        """
        if self._lost:
            # That we ended it is no news of the child: what made us end it is.
            raise ToolError(self._lost)
        deadline = time.monotonic() + timeout
        code = self._child.code()
        answer = None
        if code is None and self._sent(memoryview(line + b"\n"), deadline):
            answer = self._received(deadline)
        if answer is not None:
            return answer
        late = time.monotonic() >= deadline
        # A closed pipe comes a moment before the exit code.
        code = self._child.code(0.0 if late else process.GRACE)
        self._child.end()
        if code is not None:
            said = ending(code)
        else:
            said = f"gave no answer within {timeout:g} s" if late else "closed its pipe or said too much"
        last = process.tail(self._child.log, 1)
        self._lost = f"{said}; the last it said: {last[0]}" if last else said
        raise ToolError(self._lost)

    def end(self) -> None:
        """End it with everything it started; more than once does no harm."""
        self._child.end()

    def _sent(self, rest: memoryview, deadline: float) -> bool:
        pipe = self._child.stdin.fileno()
        while rest:
            _, ready, _ = select.select([], [pipe], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                return False
            try:
                rest = rest[os.write(pipe, rest) :]
            except BrokenPipeError:
                return False
        return True

    def _received(self, deadline: float) -> bytes | None:
        """The next line, or None where the child ended, is late or says too much."""
        pipe, parts, size = self._child.stdout.fileno(), [self._rest], len(self._rest)
        while b"\n" not in parts[-1]:
            ready, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
            chunk = os.read(pipe, 1 << 20) if ready else b""
            parts.append(chunk)
            size += len(chunk)
            if not chunk or size > MAX_ANSWER:
                return None
        answer, _, self._rest = b"".join(parts).partition(b"\n")
        return answer


def ending(code: int) -> str:
    """How a process ended, in words: ``ended with exit code 3``, ``was ended by SIGSEGV``."""
    if code >= 0:
        return f"ended with exit code {code}"
    name = signal.Signals(-code).name
    often = " (as happens when memory runs out)" if name == "SIGKILL" else ""
    return f"was ended by {name}{often}"
