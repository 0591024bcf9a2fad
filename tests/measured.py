"""Measuring coverage where tests fork and start processes: each child measures itself, alone and cheaply."""

from __future__ import annotations

import os
import posix
from pathlib import Path

import coverage

ROOT = Path(__file__).parents[1]

_exit = [os._exit]


def _as_it_was() -> None:
    if os._exit is not posix._exit:
        _exit[0], os._exit = os._exit, posix._exit


def _as_measured() -> None:
    os._exit = _exit[0]


def begin() -> None:
    """To be called once in a process, before it forks or starts anything."""
    # Coverage saves at os._exit, and a forked task would save its parents' measurements too: seconds after thousands
    # of tests, into a database that the parent holds open. It forks with the plain one, and coverage, which starts
    # anew in every child, measures the child alone.
    os.register_at_fork(before=_as_it_was, after_in_parent=_as_measured)
    # Relative, a forked child would take it for one in the folder where it was forked: a repository under test.
    os.environ.setdefault("COVERAGE_FILE", f"{ROOT}/.coverage")
    _write_down_what_was_run()


def _write_down_what_was_run() -> None:
    """Every process but pytest's own leaves out the list of files that nobody ran: 0.2 s each, and one list is enough."""
    measuring = coverage.Coverage.current()
    if measuring is not None and "COVERAGE_PROCESS_CONFIG" in os.environ:
        # Both are read when a child starts; what is measured here has begun with what they were before.
        measuring.config.source = None
        measuring.config.run_include = [f"{ROOT}/mlops_ci/*"]
        os.environ["COVERAGE_PROCESS_CONFIG"] = measuring.config.serialize()
