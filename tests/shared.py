"""What takes long to make and is only looked at or copied: made once a session, by whichever worker needs it first."""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from mlops_ci.adapters import files

T = TypeVar("T")


def folder(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder of the session's, filled by ``make``; nobody may change it."""
    top = factory.getbasetemp()
    top = top.parent if "PYTEST_XDIST_WORKER" in os.environ else top
    found, made = top / f"shared-{name}", top / f"shared-{name}.made"
    with files.locked(top / f"shared-{name}.lock"):
        if not made.exists():
            # A worker that failed has left its half.
            shutil.rmtree(found, ignore_errors=True)
            found.mkdir()
            make(found)
            made.touch()
    return found


def value(factory: pytest.TempPathFactory, name: str, make: Callable[[], T]) -> T:
    """What ``make`` gives, plain data."""

    def write(place: Path) -> None:
        (place / "value").write_bytes(pickle.dumps(make()))

    found: T = pickle.loads((folder(factory, name, write) / "value").read_bytes())
    return found
