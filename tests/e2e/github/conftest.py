"""The stand as a fixture: everything is real but GitHub's own machines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .stand import Stand

MakeStand = Callable[..., Stand]


@pytest.fixture
def make_stand(tmp_path: Path) -> Iterator[MakeStand]:
    """Start a stand with settings of its own; at the end nobody may have broken GitHub's description."""
    started: list[Stand] = []

    def make(**settings: Any) -> Stand:
        stand = Stand.start(tmp_path / f"stand-{len(started)}", **settings)
        started.append(stand)
        return stand

    yield make
    for stand in started:
        stand.close()
    assert [violation for stand in started for violation in stand.gateway.violations] == []


@pytest.fixture
def stand(make_stand: MakeStand) -> Stand:
    """A stand with the repository acme/model."""
    return make_stand()
