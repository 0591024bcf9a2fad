"""Which of two reports stays, by commit and time."""

from __future__ import annotations

import pytest

from mlops_ci.adapters.github import GitHub
from mlops_ci.outlets.order import Order
from mlops_ci.report.marker import marker
from tests.adapters.github_double import REPOSITORY, Double, Reply
from tests.adapters.github_world import World

OLD, NEW, OTHER = "a" * 40, "b" * 40, "c" * 40
EARLY, LATE = "2026-01-01T00:00:00.000000Z", "2026-01-02T00:00:00.000000Z"


def newer(github: GitHub, commit: str, standing: tuple[str, str], ours: tuple[str, str]) -> bool:
    """Whether the standing report counts as newer than ours, which is about ``commit``."""
    order = Order(github, 7, commit, lambda _: None)
    ranks = [order(marker(commit=about, created=created)) for about, created in (standing, ours)]
    return (ranks[0] or "") > (ranks[1] or "")


@pytest.mark.parametrize(
    ("standing", "ours", "stays"),
    [
        # An earlier commit is run again.
        ((NEW, EARLY), (OLD, LATE), True),
        # The head's own run after an earlier commit's.
        ((OLD, LATE), (NEW, EARLY), True),
        ((OLD, EARLY), (NEW, LATE), False),
        # The same commit, run again.
        ((NEW, EARLY), (NEW, LATE), False),
        ((NEW, LATE), (NEW, EARLY), True),
        # Neither is the head: a commit was pushed that nobody has reported on.
        ((OTHER, EARLY), (OLD, LATE), False),
        ((OTHER, LATE), (OLD, EARLY), True),
    ],
)
def test_the_heads_report_stays_and_else_the_later_one(
    world: World, github: GitHub, standing: tuple[str, str], ours: tuple[str, str], stays: bool
) -> None:
    world.opened(7, "topic", NEW)
    assert newer(github, ours[0], standing, ours) is stays


def test_the_head_is_asked_for_once_and_only_where_another_commit_was_reported_on(
    double: Double, world: World, github: GitHub
) -> None:
    world.opened(7, "topic", NEW)
    order = Order(github, 7, NEW, lambda _: None)
    assert order(marker(commit=NEW, created=EARLY)) == EARLY
    assert (order("somebody's words"), double.lines) == (None, [])
    for _ in range(2):
        assert order(marker(commit=OLD, created=LATE)) == LATE
    assert double.lines == [f"GET /repos/{REPOSITORY}/pulls/7"]


def test_where_the_head_cannot_be_asked_for_the_times_count(double: Double, github: GitHub) -> None:
    double.on("GET", f"/repos/{REPOSITORY}/pulls/7", Reply(404))
    said: list[str] = []
    order = Order(github, 7, OLD, said.append)
    assert order(marker(commit=NEW, created=EARLY)) == EARLY
    assert [line.partition(": GET")[0] for line in said] == [
        "note: the pull request's head could not be asked for"
    ]
