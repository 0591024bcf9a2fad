"""Signals that come while something is to be done whole."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from mlops_ci.adapters.held_signals import delayed, held


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def within(act: Callable[[], None]) -> None:
    with delayed():
        act()


def test_ctrl_c_is_heeded_when_the_block_is_done() -> None:
    done = []

    def act() -> None:
        interrupt()
        done.append("whole")

    with pytest.raises(KeyboardInterrupt):
        within(act)
    assert done == ["whole"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_signal_that_an_inner_block_caught_waits_for_the_outer_one() -> None:
    done = []

    def act() -> None:
        with held(signal.SIGINT) as caught:
            interrupt()
        for number in caught:
            signal.raise_signal(number)
        done.append("whole")

    with pytest.raises(KeyboardInterrupt):
        within(act)
    assert done == ["whole"]


def test_an_error_in_the_block_does_not_lose_the_signal() -> None:
    def act() -> None:
        interrupt()
        raise ValueError("broken")

    with pytest.raises(KeyboardInterrupt) as caught:
        within(act)
    assert isinstance(caught.value.__context__, ValueError)
