"""Signals that are heeded a little later: a handler must not raise just anywhere."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def delayed() -> Iterator[None]:
    """What asks us to end is heeded when the block is done, so that the block is done whole."""
    caught: list[int] = []
    try:
        with held(signal.SIGINT, signal.SIGTERM) as caught:
            yield
    finally:
        for number in caught:
            signal.raise_signal(number)


@contextmanager
def held(*numbers: signal.Signals) -> Iterator[list[int]]:
    """Take signals down while the block lasts, for later: what a handler raises in a fork, Python drops."""
    caught: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield caught
        return
    before = {number: signal.signal(number, lambda found, _frame: caught.append(found)) for number in numbers}
    try:
        yield caught
    finally:
        # SIGINT last: what waits raises as soon as its handler is back.
        for number, handler in reversed(before.items()):
            # None: not set from Python, so it cannot be set back from there either.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
