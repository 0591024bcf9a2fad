"""Runs as a process of its own: the user's checks of rows, one JSON line for each batch asked.

It knows nothing of mlops_ci. What a check prints goes to standard error. An exception is told by its
type and place alone: its text may hold values.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import IO, Any


class UnusableError(Exception):
    """A check cannot be loaded, or its answer cannot be counted; the text says why, without values."""


def find(name: str) -> Callable[[Any], Any]:
    """The function that ``module:function`` names.

    Raises:
        UnusableError: there is no such module or function, or it cannot be called.
    """
    module, _, path = name.partition(":")
    try:
        found: Any = import_module(module)
    except ImportError as error:
        raise UnusableError(f"cannot be imported: {error}") from error
    except BaseException as error:
        raise UnusableError(f"cannot be imported: {place(error)}") from error
    for part in path.split("."):
        if not hasattr(found, part):
            raise UnusableError(f"{module} has no {path}")
        found = getattr(found, part)
    if not callable(found):
        raise UnusableError("is no function")
    check: Callable[[Any], Any] = found
    return check


def place(error: BaseException) -> str:
    """An exception by its type and by the last line of the user's code that it went through."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(Path.cwd())]
    if not own:
        return type(error).__name__
    return f"{type(error).__name__} at {Path(own[-1].filename).relative_to(Path.cwd())}:{own[-1].lineno}"


def failing(check: Callable[[Any], Any], rows: Any) -> int:
    """How many rows a check says false to; one answer for all counts for all. Missing counts as true.

    A pandera Check answers with an object of its own, which says what failed.

    Raises:
        UnusableError: the answer is neither true or false nor one of these for every row.
    """
    import numpy as np
    import pandas as pd

    answer = check(rows)
    if hasattr(answer, "check_passed"):
        answer = answer.check_output
    if isinstance(answer, bool | np.bool_):
        return 0 if answer else len(rows)
    found = pd.Series(np.asarray(answer).ravel() if not isinstance(answer, pd.Series) else answer.to_numpy())
    if len(found) != len(rows):
        raise UnusableError(f"gives {len(found):,} answers for {len(rows):,} rows")
    if not pd.api.types.is_bool_dtype(found.dropna().infer_objects()) and len(found.dropna()):
        raise UnusableError(f"gives {found.dtype} instead of true or false")
    return int((~found.dropna().astype(bool)).sum())


class Worker:
    """The checks, loaded once; ``checks`` are (column, module:function) pairs, the column empty for rows."""

    def __init__(self, checks: list[list[str]]) -> None:
        self._found: list[tuple[str, Callable[[Any], Any]]] = []
        self.problems: dict[int, str] = {}
        for number, (column, name) in enumerate(checks):
            check: Callable[[Any], Any] = len
            try:
                check = find(name)
            except UnusableError as error:
                self.problems[number] = str(error)
            self._found.append((column, check))

    def count(self, rows: Any) -> list[int]:
        """How many rows of a DataFrame break each check; one with a problem is not asked again."""
        return [self._count(number, rows) for number in range(len(self._found))]

    def _count(self, number: int, rows: Any) -> int:
        column, check = self._found[number]
        if number in self.problems:
            return 0
        try:
            return failing(check, rows[column].copy() if column else rows.copy())
        except UnusableError as error:
            self.problems[number] = str(error)
        except BaseException as error:
            self.problems[number] = f"raises {place(error)}"
        return 0


def answers(requests: Iterator[bytes]) -> Iterator[bytes]:
    """First the checks are loaded, then every batch (base64 of Arrow IPC) is counted."""
    import pyarrow as pa

    worker = Worker(json.loads(next(requests)))
    yield json.dumps({"failing": [], "problems": worker.problems}).encode() + b"\n"
    for line in requests:
        with pa.ipc.open_stream(base64.b64decode(line)) as stream:
            found = worker.count(stream.read_all().to_pandas())
        yield json.dumps({"failing": found, "problems": worker.problems}).encode() + b"\n"


def _private_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Our ends of the pipes, out of the reach of what a check prints or reads."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, replies


def main() -> None:
    """Answer until the pipe is closed."""
    requests, replies = _private_pipes()
    sys.path.insert(0, str(Path.cwd()))
    for answer in answers(iter(requests)):
        replies.write(answer)
        replies.flush()


if __name__ == "__main__":
    main()
