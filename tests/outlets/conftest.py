"""A GitHub with a memory behind the scripted one, and a terminal whose lines are kept."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mlops_ci.adapters.github import GitHub
from mlops_ci.outlets.notes import Notes
from tests.adapters.github_double import Double, running
from tests.adapters.github_world import World


@pytest.fixture
def double() -> Iterator[Double]:
    with running() as started:
        yield started


@pytest.fixture
def world(double: Double) -> World:
    """What is on GitHub."""
    return World.of(double)


@pytest.fixture
def github(double: Double) -> GitHub:
    """A client that never sleeps."""
    return double.github()


@pytest.fixture
def said() -> list[str]:
    """What the notes said."""
    return []


@pytest.fixture
def notes(said: list[str]) -> Notes:
    return Notes(said.append)
