"""An iterator that works ahead in a thread of its own, for work that leaves the interpreter's lock."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

One = TypeVar("One")
_END = object()


class _Worker(Generic[One]):
    """Fills a short queue until the source ends, fails, or nobody wants more."""

    def __init__(self, source: Iterator[One], most: int) -> None:
        self._source = source
        self._ready: queue.Queue[object] = queue.Queue(maxsize=most)
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            for one in self._source:
                self._ready.put(one)
                if self._stop.is_set():
                    break
        except BaseException as error:
            self._error = error
        finally:
            # A generator is closed by the thread that ran it.
            close = getattr(self._source, "close", None)
            if close:
                close()
            self._ready.put(_END)

    def __iter__(self) -> Iterator[One]:
        while (one := self._ready.get()) is not _END:
            yield one  # type: ignore[misc]
        if self._error is not None:
            raise self._error

    def end(self) -> None:
        """Let the thread end and wait for it."""
        self._stop.set()
        while self._thread.is_alive():
            try:
                self._ready.get(timeout=0.05)
            except queue.Empty:
                continue
        self._thread.join()


@contextmanager
def ahead(source: Iterator[One], *, most: int = 2) -> Iterator[Iterator[One]]:
    """Iterate while a thread prepares the next items, at most so many.

    An error of the source is raised where the items are used; leaving the block ends the thread.
    """
    worker = _Worker(source, most)
    try:
        yield iter(worker)
    finally:
        worker.end()
