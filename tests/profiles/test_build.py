"""A profile of any table is right: counts, moments, grids, levels, and what cannot be profiled."""

from __future__ import annotations

import datetime as dt
import decimal
import math
from collections import Counter
from collections.abc import Collection
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mlops_ci.profiles import kinds, levels
from mlops_ci.profiles.build import TWICE, Builder
from mlops_ci.profiles.levels import TOO_MANY, text
from mlops_ci.profiles.shape import ColumnProfile, Grid, Levels, Profile, read

UTC = dt.UTC


def build(
    table: pa.Table,
    *,
    rows: int = 1000,
    categorical: Collection[str] = (),
    like: Profile | None = None,
    extremes: dict[str, tuple[float, float]] | None = None,
) -> Profile:
    """The profile of a table that arrives in batches of so many rows."""
    builder = Builder(table.schema, categorical=categorical, like=like, extremes=extremes)
    batches = table.to_batches(max_chunksize=rows)
    for batch in batches:
        builder.add(batch)
    while wanted := builder.wanted():
        for batch in batches:
            for position in wanted:
                builder.again(position, batch.column(position))
    return builder.finish()


def column(values: Any, type_: pa.DataType | None = None, **options: Any) -> ColumnProfile:
    """The profile of a table with one column, x."""
    array = values if isinstance(values, pa.Array) else pa.array(values, type=type_)
    return build(pa.table({"x": array}), **options).columns[0]


def exact(values: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[float, float]:
    """Mean and sum of squared differences with no rounding to speak of."""
    mean = math.fsum(values) / len(values)
    return mean, math.fsum((value - mean) ** 2 for value in values.tolist())


@pytest.mark.parametrize("offset", [0.0, 1e9])
@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_moments_are_exact_to_nine_digits(offset: float, rows: int) -> None:
    values = np.random.default_rng(1).normal(size=3000) + offset
    found = column(values, rows=rows).moments
    mean, m2 = exact(values)
    assert found is not None
    assert (3000, values.min(), values.max()) == (found.count, found.low, found.high)
    assert mean == pytest.approx(found.mean, rel=1e-12)
    assert m2 == pytest.approx(found.m2, rel=1e-9)


def test_how_rows_are_cut_changes_no_count() -> None:
    random = np.random.default_rng(2)
    table = pa.table(
        {
            "heavy": random.standard_cauchy(5000),
            "grows": np.exp(np.arange(5000) / 100.0),
            "name": pa.array([f"n{i % 17}" for i in range(5000)]),
        }
    )
    one, other = build(table, rows=5000), build(table, rows=13, extremes={"heavy": (-1e9, 1e9)})
    for left, right in zip(one.columns, other.columns, strict=True):
        assert (left.grid, left.levels, left.nulls) == (right.grid, right.levels, right.nulls)


def test_missing_and_not_finite_values_are_counted_apart() -> None:
    values = [1.0, None, math.nan, math.inf, -math.inf, 3.0]
    found = column(values)
    assert (found.rows, found.nulls, found.nans, found.infs) == (6, 1, 1, 2)
    assert found.moments is not None
    assert tuple(found.moments.model_dump().values()) == (2, 1.0, 3.0, 2.0, 2.0)
    assert Grid(exponent=0, first=1, counts=(1, 0, 1)) == found.grid


@pytest.mark.parametrize("values", [[], [None, None], [math.nan, math.inf, None]])
def test_without_a_finite_value_there_is_no_distribution(values: list[float | None]) -> None:
    found = column(values, pa.float64())
    assert (found.moments, found.grid, found.problem) == (None, None, "")
    assert len(values) == found.rows
    assert values.count(None) == found.nulls


def test_a_column_of_no_type_has_no_value() -> None:
    found = column([None, None])
    assert (found.kind, found.rows, found.nulls, found.problem) == ("other", 2, 2, "null in every row")


def test_the_largest_doubles_have_a_mean_and_a_bounded_spread() -> None:
    found = column([1.5e308, -1.5e308, 1.5e308, 1.0], rows=1).moments
    assert found is not None
    assert pytest.approx(found.mean) == 3.75e307
    assert found.m2 == 1.7976931348623157e308
    again = column([1.5e308, -1.5e308, 1.5e308, 1.0]).moments
    assert again is not None
    assert again.m2 == found.m2
    assert again.mean == pytest.approx(found.mean)


def test_an_outlier_is_read_once_more() -> None:
    values = np.append(np.random.default_rng(3).normal(size=2000), [1e308, math.nan])
    grid = column(values, rows=1).grid
    assert grid is not None
    assert (grid.above, sum(grid.counts)) == (1, 2000)
    assert grid.exponent == -7


def test_a_reference_gives_its_grid() -> None:
    reference = build(pa.table({"x": [0.5, 1.5, 2.5], "name": ["a", "b", "c"]}))
    current = pa.table({"x": [-1.0, 1.6, 99.0, math.nan], "name": ["a", "z", "z", "z"]})
    found = build(current, like=reference).columns[0].grid
    frame = reference.columns[0].grid
    assert frame is not None
    assert found is not None
    assert (frame.exponent, frame.first, len(frame.counts)) == (
        found.exponent,
        found.first,
        len(found.counts),
    )
    assert (found.below, sum(found.counts), found.above) == (1, 1, 1)


def test_a_reference_of_another_kind_gives_nothing() -> None:
    reference = build(pa.table({"x": ["a"]}))
    assert Grid(exponent=0, first=5, counts=(1,)) == column([5], like=reference).grid
    assert column([None, None], pa.float64(), like=build(pa.table({"x": [1.0]}))).grid is None


@pytest.mark.parametrize(
    "type_",
    [
        pa.int8(),
        pa.uint8(),
        pa.int16(),
        pa.int64(),
        pa.uint64(),
        pa.float16(),
        pa.float32(),
        pa.decimal128(9, 2),
        pa.decimal256(50, 0),
        pa.duration("s"),
        pa.time32("s"),
        pa.time64("ns"),
    ],
)
def test_numbers_of_every_type(type_: pa.DataType) -> None:
    values = [1, 2, 2, 5]
    plain = pa.array(values) if pa.types.is_integer(type_) or pa.types.is_floating(type_) else None
    array = (
        plain.cast(type_) if plain is not None else pa.array([_of(one, type_) for one in values], type=type_)
    )
    found = column(array)
    assert (found.kind, found.problem) == ("number", "")
    assert Grid(exponent=0, first=1, counts=(1, 2, 0, 0, 1)) == found.grid


def _of(seconds: int, type_: pa.DataType) -> Any:
    if pa.types.is_decimal(type_):
        return decimal.Decimal(seconds)
    return dt.timedelta(seconds=seconds) if pa.types.is_duration(type_) else dt.time(second=seconds)


@pytest.mark.parametrize(
    ("array", "seconds"),
    [
        (pa.array([dt.date(1970, 1, 2)]), 86400.0),
        (pa.array([dt.date(1970, 1, 2)], type=pa.date64()), 86400.0),
        (pa.array([dt.datetime(1970, 1, 1, 1, 0, 0, 500000)]), 3600.5),
        (pa.array([1_500_000_000], type=pa.timestamp("ns", "Europe/Rome")), 1.5),
        (pa.array([dt.datetime(1970, 1, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=1)))]), 3600.0),
    ],
)
def test_points_in_time_are_seconds_in_utc(array: pa.Array, seconds: float) -> None:
    found = column(array)
    assert (found.kind, found.grid, found.problem) == ("time", None, "")
    assert found.moments is not None
    assert (seconds, seconds, seconds) == (found.moments.low, found.moments.high, found.moments.mean)


@pytest.mark.parametrize(
    ("array", "counts"),
    [
        (pa.array(["b", "a", None, "b"]), (("b", 2), ("a", 1))),
        (pa.array(["b", "a", None, "b"], type=pa.large_string()), (("b", 2), ("a", 1))),
        (pa.array(["é", "z", "z", "é"]), (("z", 2), ("é", 2))),
        (pa.array([True, False, True]), (("true", 2), ("false", 1))),
        (pa.array(["x", None, "x"]).dictionary_encode(), (("x", 2),)),
        (pa.DictionaryArray.from_arrays(pa.array([0, 1, 1, 2]), pa.array(["x", None, "x"])), (("x", 2),)),
        (pa.DictionaryArray.from_arrays(pa.array([0, 1, 1]), pa.array([10, 20])), (("20", 2), ("10", 1))),
        (pa.array([], type=pa.string()), ()),
    ],
)
def test_categories_are_counted_by_their_text(array: pa.Array, counts: tuple[tuple[str, int], ...]) -> None:
    found = column(array)
    assert found.kind == "category"
    assert Levels(counts=counts) == found.levels
    assert len(array) == found.nulls + sum(count for _, count in counts)


@pytest.mark.parametrize(
    ("array", "first", "other"),
    [
        (pa.array([17, 17, -3]), ("17", 2), (0, 0)),
        (pa.array([17.0, 17.0, -0.5, math.nan, math.inf]), ("17", 2), (1, 1)),
        (pa.array([dt.date(2024, 2, 29)]), ("2024-02-29", 1), (0, 0)),
        (pa.array([decimal.Decimal("1.50")]), ("1.50", 1), (0, 0)),
    ],
)
def test_codes_are_counted_where_it_is_said(
    array: pa.Array, first: tuple[str, int], other: tuple[int, int]
) -> None:
    found = column(array, categorical={"x"})
    assert found.levels is not None
    assert first == found.levels.counts[0]
    assert other == (found.nans, found.infs)


def test_a_value_has_one_text() -> None:
    values = [True, 1, 1.0, -0.0, 0.1, 1e300, "1", dt.datetime(2024, 1, 2, tzinfo=UTC)]
    texts = ["true", "1", "1", "0", "0.1", "1e+300", "1", "2024-01-02T00:00:00+00:00"]
    assert texts == [text(value) for value in values]


def test_more_than_a_thousand_levels_leave_a_tail() -> None:
    names = [f"{i:05d}" for i in range(1500)] + ["often"] * 3
    found = column(names).levels
    assert found is not None
    assert list(found.counts[:2]) == [("often", 3), ("00000", 1)]
    assert (len(found.counts), found.tail_levels, found.tail_rows) == (1000, 501, 501)


@pytest.mark.parametrize("rows", [60_000, 200_000])
def test_an_identifier_is_no_category(rows: int) -> None:
    found = column([str(i) for i in range(120_000)], rows=rows)
    assert (found.kind, found.levels, found.problem) == ("category", None, TOO_MANY)
    assert found.rows == 120_000


def test_a_long_text_is_a_level_named_by_its_hash() -> None:
    found = column(["x" * 1001, "y", "y"], rows=1)
    assert found.levels == Levels(counts=(("y", 2), ("#cbe4a2e86e808c9b", 1)))
    assert (found.kind, found.problem) == ("category", "")


@pytest.mark.parametrize(
    ("array", "problem"),
    [
        (pa.array([[1], None]), "nested values (list<item: int64>) are not profiled"),
        (pa.array([{"a": 1}, None]), "nested values (struct<a: int64>) are not profiled"),
        (pa.array([b"x", None]), "binary values are not profiled"),
        (pa.array([b"x", None], type=pa.binary(1)), "binary values are not profiled"),
        (
            pa.array([(1, 2, 3), None], type=pa.month_day_nano_interval()),
            "values of type month_day_nano_interval are not profiled",
        ),
    ],
)
def test_what_cannot_be_profiled_says_so_and_counts_nulls(array: pa.Array, problem: str) -> None:
    found = column(array, categorical={"x"})
    assert ("other", problem, 2, 1) == (found.kind, found.problem, found.rows, found.nulls)


def test_an_extension_type_is_profiled_as_what_it_is_stored_as() -> None:
    stored = pa.array([1, None, 3], type=pa.int8())
    found = column(pa.ExtensionArray.from_storage(pa.bool8(), stored))
    assert (found.kind, found.nulls) == ("number", 1)


def test_a_name_that_stands_twice_is_named_twice() -> None:
    table = pa.table([pa.array([1, 2]), pa.array([3.5, 1e300])], names=["x", "x"])
    one, other = build(table, extremes={"x": (1, 2)}, like=build(table)).columns
    assert (one.problem, other.problem) == (TWICE, TWICE)
    assert Grid(exponent=0, first=1, counts=(1, 1)) == one.grid


def test_arrays_are_read_from_where_they_begin() -> None:
    array = pa.array([None, *range(30), None], type=pa.float64())
    for start in range(12):
        part = array.slice(start, 21)
        expected = [value for value in part.to_pylist() if value is not None]
        assert expected == kinds.numbers(part).tolist()
    assert kinds.numbers(pa.array([], type=pa.float64())).tolist() == []


def test_a_table_without_columns_or_rows_is_a_profile() -> None:
    assert Profile(rows=0) == build(pa.table({}))
    found = build(pa.schema([("x", pa.int64()), ("y", pa.string())]).empty_table())
    assert ((0, 0), (None, Levels())) == (
        tuple(c.nulls for c in found.columns),
        tuple(c.levels for c in found.columns),
    )


def test_a_long_type_is_cut() -> None:
    type_ = pa.struct([(f"field_{i}", pa.int64()) for i in range(50)])
    assert len(kinds.word(type_)) == 80
    assert kinds.word(pa.dictionary(pa.int32(), pa.large_string())) == "string"


def test_a_profile_is_stored_and_read_back() -> None:
    found = build(pa.table({"x": [1.5, None], "name": ["ä", "b"], "at": [dt.date(2024, 1, 1)] * 2}))
    assert found == read(found.to_json(), "x.profile.json")
    assert Counter(["number", "category", "time"]) == Counter(one.kind for one in found.columns)


def test_a_column_that_was_not_asked_for_again_does_not_change() -> None:
    table = pa.table({"x": [1.0, 2.0], "name": ["a", "b"]})
    builder = Builder(table.schema, extremes={"x": (math.nan, 1.0)})
    for batch in table.to_batches():
        builder.add(batch)
    assert builder.wanted() == {}
    builder.again(0, table["x"].chunk(0))
    builder.again(1, table["name"].chunk(0))
    assert builder.finish() == build(table)


def test_codes_that_stay_the_same_are_added() -> None:
    table = pa.table({"x": pa.array(["b", "a", "b", "b"]).dictionary_encode()})
    assert build(table, rows=1).columns[0].levels == Levels(counts=(("b", 3), ("a", 1)))


def test_many_columns_are_profiled_as_few_are() -> None:
    values = pa.array(np.exp(2 * np.random.default_rng(9).normal(size=400)))
    many = build(pa.table([values] * 1001, names=[f"c{i}" for i in range(1001)]), rows=150)
    assert {one.grid for one in many.columns} == {column(values).grid}


def test_what_python_cannot_hold_is_a_level_all_the_same() -> None:
    """Text that is not UTF-8, a day after the year 9999, a moment of an unknown zone."""
    broken = pa.Array.from_buffers(
        pa.string(), 2, [None, pa.py_buffer(np.array([0, 1, 3], np.int32)), pa.py_buffer(b"a\xff\xfe")]
    )
    assert levels.plain(broken) == ["a", "\\xff\\xfe"]
    far = pa.array([0, 4_000_000], pa.int32()).cast(pa.date32())
    assert levels.plain(far) == [dt.date(1970, 1, 1), 4_000_000]
    lost = pa.array([5], pa.timestamp("s", tz="Nowhere/At_All"))
    assert levels.plain(lost) == [5]
