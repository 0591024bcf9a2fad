"""The canonical grid depends on the values alone, and grids are brought side by side without loss."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_ci.profiles import grids
from mlops_ci.profiles.grids import Fine, Frame
from mlops_ci.profiles.shape import BINS, Grid

Values = npt.NDArray[np.float64]


def plain(values: Values, frame: Frame) -> Grid:
    """The grid by its definition, value by value."""
    at = [grids.index(value, frame.exponent) - frame.first for value in values.tolist()]
    counts = [0] * frame.length
    for one in at:
        if 0 <= one < frame.length:
            counts[one] += 1
    return Grid(
        exponent=frame.exponent,
        first=frame.first,
        counts=tuple(counts),
        below=sum(one < 0 for one in at),
        above=sum(one >= frame.length for one in at),
    )


def fine(values: Values, frame: Frame) -> Fine:
    """The same as an array."""
    grid = plain(values, frame)
    return Fine(frame, np.array(grid.counts, dtype=np.int64), grid.below, grid.above)


def settled(values: Values, *, bins: int = grids.FINE_BINS, around: bool = True) -> tuple[Grid, int]:
    """The canonical grid of values, and how many passes it took."""
    low, high = float(values.min()), float(values.max())
    whole = bool((values == np.floor(values)).all())
    frame, final, passes = grids.covering(low, high, bins=bins), False, 0
    counts = fine(values, frame)
    search = grids.Search(low, high, whole=whole)
    while not final:
        counts, passes = fine(values, frame), passes + 1
        inside = values[(values >= frame.low) & (values < frame.high)]
        near = (float(inside.min()), float(inside.max())) if around else None
        frame, final = search.step(counts, around=near)
    return grids.reduced(counts, frame), passes


def sample(name: str) -> Values:
    """A column of one shape."""
    random = np.random.default_rng(7)
    normal = random.normal(size=2000)
    shapes = {
        "normal": normal,
        "lognormal": np.exp(2 * normal),
        "outlier": np.append(normal, 1e308),
        "outliers both ways": np.append(normal, [1e300, -1e300, 1e100]),
        "far from zero": normal + 1e9,
        "mostly one value": np.where(np.arange(2000) % 400 == 0, normal, 0.1),
        "whole": np.round(100 * normal),
        "whole with an outlier": np.append(np.round(normal), 1e15),
        "whole with a near outlier": np.append(np.round(normal), 5000.0),
        "as fine as a double": np.append(2.0**39 + random.uniform(0.1, 0.9, 2000), 1e300),
        "a sentinel": np.append(normal, np.full(100, 99999.0)),
        "zeros, some numbers and a sentinel": np.concatenate(
            [np.zeros(1600), normal[:350] + 50, np.full(50, 1e9)]
        ),
        "half a wide tail": np.concatenate([np.zeros(1200), np.exp(4 * normal[:800])]),
        "whole with a sentinel": np.append(np.round(100 * normal), np.full(40, 999999.0)),
        "two values": np.array([0.0, 1.0]),
        "constant": np.full(10, 0.1),
        "zero": np.zeros(3),
        "everything a double can": np.array([-1.7e308, 1.7e308]),
        "as small as a double can": np.array([5e-324, -5e-324]),
    }
    return shapes[name]


SHAPES = (
    "normal",
    "lognormal",
    "outlier",
    "outliers both ways",
    "far from zero",
    "mostly one value",
    "whole",
    "whole with an outlier",
    "whole with a near outlier",
    "as fine as a double",
    "a sentinel",
    "zeros, some numbers and a sentinel",
    "half a wide tail",
    "whole with a sentinel",
    "two values",
    "constant",
    "zero",
    "everything a double can",
    "as small as a double can",
)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_canonical_grid_does_not_depend_on_the_way_to_it(shape: str) -> None:
    values = sample(shape)
    one, _ = settled(values)
    assert one == settled(values, bins=BINS)[0]
    assert one == settled(values, bins=1 << 16, around=False)[0]
    assert one == plain(values, grids.frame_of(one))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_canonical_grid_is_small_and_leaves_out_little(shape: str) -> None:
    values = sample(shape)
    grid, passes = settled(values)
    assert 1 <= len(grid.counts) <= BINS
    assert sum(grid.counts) + grid.below + grid.above == len(values)
    squeezed = shape in ("a sentinel", "zeros, some numbers and a sentinel", "whole with a sentinel")
    outside = 20 if squeezed else 200
    assert grid.below <= len(values) // outside
    assert grid.above <= len(values) // outside
    assert passes <= 8


def test_an_outlier_does_not_squeeze_the_rest_into_one_bin() -> None:
    grid, _ = settled(sample("outlier"))
    assert grid.above == 1
    assert max(grid.counts) < 60


def test_a_sentinel_in_many_rows_does_not_squeeze_the_rest_either() -> None:
    grid, _ = settled(sample("a sentinel"))
    assert (grid.below, grid.above) == (0, 100)
    assert max(grid.counts) < 40
    grid, _ = settled(sample("zeros, some numbers and a sentinel"))
    assert (grid.below, grid.above) == (0, 50)
    assert sorted(grid.counts)[-1] == 1600
    assert sorted(grid.counts)[-2] < 20
    grid, _ = settled(sample("whole with a sentinel"))
    assert (grid.exponent, grid.above) == (0, 40)


def test_an_earlier_frame_is_counted_again_where_the_last_one_left_values_out() -> None:
    values = np.concatenate([np.zeros(1000), np.random.default_rng(1).normal(50, 1, 150), np.full(20, 1e15)])
    grid, passes = settled(values, bins=BINS)
    assert grid == settled(values)[0]
    assert (grid.above, passes > 2) == (20, True)


def test_whole_numbers_get_bins_of_their_own() -> None:
    grid, _ = settled(np.array([3.0, 4.0, 4.0, 7.0]))
    assert Grid(exponent=0, first=3, counts=(1, 2, 0, 0, 1)) == grid


# Between 1e-90 and 1e200 no product of a value and a power of two underflows.
_NUMBERS = st.floats(-1e200, 1e200).map(lambda value: value if abs(value) > 1e-90 else 0.0)


@given(st.lists(_NUMBERS, min_size=1, max_size=300))
@settings(max_examples=60, deadline=None)
def test_any_finite_values_reach_a_grid(values: list[float]) -> None:
    array = np.array(values)
    grid, _ = settled(array)
    assert grid == settled(array, bins=3000)[0]
    assert sum(grid.counts) + grid.below + grid.above == len(values)


def test_indices_are_exact_where_doubles_are_not() -> None:
    assert grids.index(1e308, -1000) == int(1e308) << 1000
    assert grids.index(-0.5, 0) == -1
    assert math.isinf(grids.edge(1 << 40, 1020))
    assert -math.inf == grids.edge(-(1 << 40), 1020)
    frame = Frame(-2, 4, 4)
    assert (frame.scale, frame.low, frame.high) == (4.0, 1.0, 2.0)


def test_counts_come_from_a_database_as_pairs() -> None:
    found = grids.sparse(Frame(0, 10, 3), [(9, 1), (10, 2), (12, 3), (13, 4)])
    assert (found.counts.tolist(), found.below, found.above, found.total) == ([2, 0, 3], 1, 4, 10)


def test_folding_keeps_every_count() -> None:
    counts = np.array([1, 2, 3, 4, 5], dtype=np.int64)
    assert _plain_fold(grids.folded(counts, -3, 1)) == ([1, 5, 9], -2)
    assert _plain_fold(grids.folded(counts, -3, 80)) == ([1 + 2 + 3, 4 + 5], -1)
    assert _plain_fold(grids.folded(counts, 3, 80)) == ([15], 0)


def _plain_fold(found: tuple[grids.Counts, int]) -> tuple[list[int], int]:
    return found[0].tolist(), found[1]


@given(
    st.integers(-3, 3),
    st.integers(-3, 3),
    st.integers(1, 400),
    st.integers(1, 400),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=80, deadline=None)
def test_shared_grids_are_those_of_the_values(
    left_scale: int, right_scale: int, left_count: int, right_count: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    one = random.normal(size=left_count) * 10.0**left_scale
    other = random.normal(size=right_count) * 10.0**right_scale
    # Without zooming nothing is outside, so that every shared grid is exact.
    ours, theirs = (
        plain(values, grids.covering(float(values.min()), float(values.max()))) for values in (one, other)
    )
    left, right = grids.shared(ours, theirs)
    assert (left.exponent, left.first, len(left.counts)) == (right.exponent, right.first, len(right.counts))
    assert plain(one, grids.frame_of(left)) == left
    assert plain(other, grids.frame_of(right)) == right
    assert len(left.counts) <= BINS


def test_shared_grids_end_where_one_side_does_not_know_more() -> None:
    ours = Grid(exponent=0, first=0, counts=(5, 5, 5, 5), below=1, above=2)
    theirs = Grid(exponent=0, first=-2, counts=(1, 1, 1, 1, 1, 1, 1, 1))
    left, right = grids.shared(ours, theirs)
    assert ours == left
    assert Grid(exponent=0, first=0, counts=(1, 1, 1, 1), below=2, above=2) == right


def test_a_bin_that_is_known_in_part_goes_outside() -> None:
    ours = Grid(exponent=0, first=1, counts=(1, 2, 3, 4), below=1, above=1)
    theirs = Grid(exponent=1, first=0, counts=(1, 1, 1))
    left, right = grids.shared(ours, theirs)
    assert Grid(exponent=1, first=1, counts=(5,), below=2, above=5) == left
    assert Grid(exponent=1, first=1, counts=(1,), below=1, above=1) == right


def test_a_grid_inside_one_bin_of_the_other_stays_there() -> None:
    ours = Grid(exponent=-4, first=17, counts=(3, 3), below=1, above=1)
    theirs = Grid(exponent=2, first=-2, counts=(1, 2, 3, 4))
    left, right = grids.shared(ours, theirs)
    assert Grid(exponent=2, first=0, counts=(6,), below=1, above=1) == left
    assert Grid(exponent=2, first=0, counts=(3,), below=3, above=4) == right


@pytest.mark.parametrize("gap", [0, 5])
def test_sides_that_lie_apart_are_told_apart(gap: int) -> None:
    ours = Grid(exponent=0, first=0, counts=(50, 50), above=1)
    theirs = Grid(exponent=0, first=2 + gap, counts=(40, 60), below=1)
    left, right = grids.shared(ours, theirs)
    assert (left.first, len(left.counts)) == (right.first, len(right.counts))
    assert sum(left.counts) + left.below + left.above == 101
    assert left.below == 100
    assert right.below == 1


def test_far_ranges_share_wider_bins() -> None:
    ours = Grid(exponent=-10, first=0, counts=(1,) * 1024)
    theirs = Grid(exponent=-10, first=1 << 30, counts=(1,) * 1024)
    left, right = grids.shared(ours, theirs)
    assert left.exponent == 10
    assert (left.counts[0], right.counts[-1]) == (1024, 1024)


def test_counts_coarser_than_the_grid_are_counted_again() -> None:
    values = np.arange(2000.0)
    low, high = 0.0, 1999.0
    counts = fine(values, Frame(1, 0, 1000))
    frame, final = grids.canonical(counts, low, high, whole=True)
    assert (frame, final) == (Frame(0, 0, 2000), False)
    assert grids.canonical(fine(values, frame), low, high, whole=True) == (frame, True)
