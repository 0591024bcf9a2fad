"""How two profiles of a column are brought together, and what says that they cannot be."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from mlops_ci.drift import cramers_v, unseen, wasserstein
from mlops_ci.drift.pair import Level, pair
from mlops_ci.evidence import DriftScore
from mlops_ci.profiles.shape import ColumnProfile, Grid, Levels, Moments
from tests.drift.samples import column, paired, random


def levels(rows: int, *counts: tuple[str, int], tail: tuple[int, int] = (0, 0)) -> ColumnProfile:
    """A category with these value counts, and so many levels and rows in the tail."""
    found = Levels(counts=counts, tail_levels=tail[0], tail_rows=tail[1])
    return ColumnProfile(name="x", type="string", kind="category", rows=rows, levels=found)


@pytest.mark.parametrize(
    ("reference", "current", "kind", "problem"),
    [
        ([1.5, 2.5], ["a", "b"], "other", "was a number, is a category"),
        (["a"], pa.array([1], pa.timestamp("s")), "other", "was a category, is a time"),
        (pa.array([1], pa.date32()), pa.array([2], pa.date32()), "time", "points in time move by nature"),
        (
            list(range(100)),
            list(range(100, 400)),
            "other",
            "whole numbers without gap or repetition: a counter such as a row's number",
        ),
        (list(range(100)), [7] * 100, "number", ""),
        ([float(at * at) for at in range(100)], [1.0] * 20, "number", ""),
        (list(range(19)), list(range(19)), "number", ""),
        ([True, False], [True, True], "category", ""),
    ],
)
def test_what_is_compared(reference: Any, current: Any, kind: str, problem: str) -> None:
    found = paired(reference, current)
    assert (found.kind, found.problem) == (kind, problem)


def test_a_problem_of_the_profile_is_told_with_its_side() -> None:
    good = levels(10, ("a", 10))
    bad = good.model_copy(update={"problem": "more than 100,000 different values: an identifier?"})
    assert (
        pair(good, bad).problem == "more than 100,000 different values: an identifier? (in the current table)"
    )


def test_nested_values_are_not_compared() -> None:
    assert paired([[1], [2]], [[1], [3]]).kind == "other"
    plain = ColumnProfile(name="x", type="map", kind="other", rows=3)
    assert pair(plain, plain).problem == "values of type map are not compared"


@pytest.mark.parametrize(("kind", "what"), [("number", "no histogram"), ("category", "no levels")])
def test_a_profile_that_holds_nothing_is_told(kind: Any, what: str) -> None:
    empty = ColumnProfile(name="x", type="?", kind=kind, rows=3)
    assert pair(empty, empty).problem == f"the reference profile has {what} of it"


def test_numbers_lie_on_the_same_bins_whatever_lies_outside() -> None:
    found = paired([*(float(at) for at in range(1000)), 1e300], [at / 2 + 0.25 for at in range(1000)])
    assert [sum(side) for side in found.fine] == [1001, 1000]
    assert len(found.fine[0]) == len(found.fine[1])
    assert found.fine[0][-1] == 1
    assert found.width < 10


def test_one_heavy_value_is_a_group_of_its_own() -> None:
    values = [0.0] * 500 + [at / 100 for at in range(1, 501)]
    groups = paired(values, values).groups
    assert (groups[0][0], sum(groups[0])) == (500, 1000)
    assert len(groups[0]) <= 20


def test_the_outer_values_of_a_hand_made_profile_count() -> None:
    moments = Moments(count=5, low=0, high=9, mean=4, m2=50)
    grid = Grid(exponent=0, first=3, counts=(1, 1), below=1, above=2)
    side = ColumnProfile(name="x", type="double", kind="number", rows=5, moments=moments, grid=grid)
    found = pair(side, side)
    assert found.fine == ((1, 1, 1, 2), (1, 1, 1, 2))
    assert (found.low, found.width) == (3.0, 1.0)


# ---- categories ------------------------------------------------------------------------------------


def test_rare_levels_are_one_group() -> None:
    found = pair(
        levels(106, ("a", 60), ("b", 40), ("c", 4), ("d", 2)),
        levels(105, ("a", 50), ("b", 45), ("e", 5), ("c", 5)),
    )
    assert found.groups == ((60, 40, 6), (50, 45, 10))
    assert len(found.levels) == 5


def test_a_rare_rest_takes_the_rarest_level_with_it() -> None:
    found = pair(levels(102, ("a", 60), ("b", 40), ("c", 2)), levels(101, ("a", 50), ("b", 50), ("c", 1)))
    assert found.groups == ((60, 42), (50, 51))


def test_nothing_but_rare_levels_is_one_group() -> None:
    found = pair(levels(3, ("a", 2), ("b", 1)), levels(2, ("c", 2)))
    assert found.groups == ((3,), (2,))


def test_a_level_in_the_tail_is_not_known_and_pooled() -> None:
    found = pair(
        levels(200, ("a", 100), ("b", 50), tail=(10, 50)),
        levels(300, ("a", 150), ("new", 60), tail=(20, 90)),
    )
    assert found.groups == ((100, 100), (150, 150))
    assert found.levels == (
        Level("a", 100, 150),
        Level("b", 50, 60, fewer=True),
        Level("new", 50, 60, most=True),
    )


@pytest.mark.parametrize(
    ("rows", "share", "is_sure"),
    [(60, 0.2, True), (60, 0.5, False)],
    ids=["more than it can have had", "fewer"],
)
def test_a_new_level_may_have_been_in_the_tail(rows: int, share: float, is_sure: bool) -> None:
    """The reference names its two most common levels: a third has at most as many rows as the second."""
    second = round(300 * share / 2)
    found = pair(
        levels(300, ("a", 300 - 2 * second), ("b", second), tail=(3, second)),
        levels(300, ("a", 300 - rows), ("new", rows)),
    )
    score = unseen.measure(found)
    assert score.value == 0.2
    assert score.p is not None
    assert (score.p < 0.05) is is_sure


def test_numbers_without_moments_have_moved_by_nobody_knows_what() -> None:
    grid = Grid(exponent=0, first=0, counts=(5, 5))
    side = ColumnProfile(name="x", type="double", kind="number", rows=10, grid=grid)
    assert wasserstein.measure(pair(side, side)).value == 0.0


def test_the_column_is_found_again_by_its_profile() -> None:
    assert column([1.5, 2.5]).kind == "number"
    assert column([1, 2], categorical=True).kind == "category"


def test_levels_that_are_all_replaced_are_seen_through_the_tails() -> None:
    """A level that the other side does not name has at most as many rows there as the rarest it names."""
    found = paired(["a", "b", "c"] * 1000, [f"z{at}" for at in range(3000)])
    assert found.groups == ((2810, 190), (3, 2997))
    one, other = ([f"{side}{at}" for at in random().integers(0, 1500, 20_000)] for side in "ln")
    effect = cramers_v.measure(paired(one, other)).value
    assert 0.1 < effect < 0.2


def test_many_new_levels_count_together() -> None:
    found = paired(["a"] * 1000, ["a"] * 960 + [f"new{at}" for at in range(40)])
    assert unseen.together(found).value == 0.04
    assert unseen.together(paired(["a", "b"], ["b", "a"])) == DriftScore(value=0.0, p=1.0)


def test_a_reference_with_a_tail_does_not_name_what_is_new() -> None:
    many = [f"level{at}" for at in range(3000)]
    assert unseen.together(paired(many, ["a"] * 100)) == DriftScore(value=0.0, p=1.0)
