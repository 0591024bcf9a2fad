"""The profile of two parts is the profile of the whole."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from mlops_ci.errors import ConfigError
from mlops_ci.profiles import moments
from mlops_ci.profiles.grids import shared
from mlops_ci.profiles.levels import TOO_MANY
from mlops_ci.profiles.merge import merge
from mlops_ci.profiles.shape import Grid, Levels, Moments, Profile
from tests.profiles.test_build import build


def table(count: int, seed: int) -> pa.Table:
    random = np.random.default_rng(seed)
    return pa.table(
        {
            "x": pa.array(random.normal(size=count), mask=random.random(count) < 0.1),
            "whole": random.integers(0, 50, count),
            "name": [f"n{i}" for i in random.integers(0, 20, count)],
        }
    )


def test_two_parts_are_the_whole() -> None:
    one, other = table(3000, 1), table(2000, 2)
    found, whole = merge(build(one), build(other)), build(pa.concat_tables([one, other]))
    assert whole.rows == found.rows
    for left, right in zip(found.columns, whole.columns, strict=True):
        assert (left.nulls, left.levels, left.kind) == (right.nulls, right.levels, right.kind)
        if left.grid and right.grid and left.moments and right.moments:
            ours, theirs = shared(left.grid, right.grid)
            assert ours == theirs
            assert right.moments.mean == pytest.approx(left.moments.mean, rel=1e-12)
            assert right.moments.m2 == pytest.approx(left.moments.m2, rel=1e-12)


def test_an_empty_part_adds_nothing() -> None:
    full, empty = build(table(100, 1)), build(table(0, 1))
    assert full == merge(full, empty) == merge(empty, full)


def test_a_part_without_values_takes_the_others_kind() -> None:
    full = build(pa.table({"x": ["a", "b"], "y": [1, 2]}))
    empty = build(pa.table({"x": pa.nulls(3), "y": pa.nulls(3)}))
    for found in (merge(full, empty), merge(empty, full)):
        assert (found.columns[0].kind, found.columns[0].rows, found.columns[0].nulls) == ("category", 5, 3)
        assert Levels(counts=(("a", 1), ("b", 1))) == found.columns[0].levels
        assert Grid(exponent=0, first=1, counts=(1, 1)) == found.columns[1].grid


def test_a_part_that_gave_up_gives_up_the_whole() -> None:
    found = merge(
        build(pa.table({"x": [str(i) for i in range(100_001)]})), build(pa.table({"x": ["a"]}))
    ).columns[0]
    assert (found.levels, found.problem) == (None, TOO_MANY)


def test_tails_are_added() -> None:
    one, other = (build(pa.table({"x": [f"{i:05d}" for i in range(1200)]})) for _ in range(2))
    levels = merge(one, other).columns[0].levels
    assert levels is not None
    assert (levels.tail_levels, levels.tail_rows, levels.counts[0]) == (400, 400, ("00000", 2))


def test_different_tables_are_refused() -> None:
    one = build(pa.table({"x": [1]}))
    with pytest.raises(ConfigError, match="'y'"):
        merge(one, build(pa.table({"x": [1], "y": [1]})))
    with pytest.raises(ConfigError, match="'x' is a number in one profile and a category in the other"):
        merge(one, build(pa.table({"x": ["a"]})))


def test_names_that_stand_twice_are_matched_in_order() -> None:
    twice = build(pa.table([pa.array([1]), pa.array(["a"])], names=["x", "x"]))
    assert [one.rows for one in merge(twice, twice).columns] == [2, 2]


def test_moments_of_nothing() -> None:
    one = Moments(count=1, low=2.0, high=2.0, mean=2.0, m2=0.0)
    assert one == moments.join(None, one) == moments.join(one, None)
    assert moments.join(None, None) is None


def test_the_spread_of_the_largest_doubles_is_bounded() -> None:
    one, other = (Moments(count=1, low=x, high=x, mean=x, m2=0.0) for x in (1.7e308, -1.7e308))
    found = moments.join(one, other)
    assert found is not None
    assert (found.mean, found.m2, found.count) == (0.0, moments.LARGEST, 2)
    assert math.isfinite(found.low)


def test_profiles_without_columns() -> None:
    assert Profile(rows=3) == merge(Profile(rows=1), Profile(rows=2))
