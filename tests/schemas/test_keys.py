"""Rows as hashes: equal rows are equal whatever their columns' types, others are not."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mlops_ci.schemas.keys import Keys, hashed

DAY = dt.date(2026, 1, 1)
MOMENT = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pa.array([1, None], pa.int8()), pa.array([1, None], pa.int64())),
        (pa.array([1, 2]), pa.array([1.0, 2.0])),
        (pa.array([0.0]), pa.array([-0.0])),
        (pa.array([None, 1.0]), pa.array([float("nan"), 1.0])),
        (pa.array(["a", None, "b"]), pa.array(["a", None, "b"]).dictionary_encode()),
        (pa.array(["a"]), pa.array(["a"], pa.large_string())),
        (pa.array([True, False]), pa.array([1, 0])),
        (pa.array([None, None]), pa.array([None, None], pa.string())),
        (pa.array([None], pa.dictionary(pa.int8(), pa.string())), pa.array([None])),
        (pa.array([Decimal("1.10"), None]), pa.array([Decimal("1.1"), None])),
        (pa.array([MOMENT], pa.timestamp("us", "UTC")), pa.array([MOMENT], pa.timestamp("ns", "Asia/Tokyo"))),
        (pa.array([DAY], pa.date32()), pa.array([DAY], pa.date64())),
    ],
)
def test_equal_values_have_equal_hashes(one: Any, other: Any) -> None:
    assert hashed([one]).tolist() == hashed([other]).tolist()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([pa.array([1])], [pa.array([2])]),
        ([pa.array([1.5])], [pa.array([1.0])]),
        ([pa.array([None], pa.int64())], [pa.array([0])]),
        ([pa.array([None], pa.string())], [pa.array([""])]),
        ([pa.array([1]), pa.array([2])], [pa.array([2]), pa.array([1])]),
        ([pa.array([[1, 2]])], [pa.array([[2, 1]])]),
        ([pa.array([2**53 + 1])], [pa.array([2**53])]),
    ],
)
def test_other_values_have_other_hashes(one: list[Any], other: list[Any]) -> None:
    assert hashed(one).tolist() != hashed(other).tolist()


def test_no_column_has_no_row() -> None:
    assert hashed([]).tolist() == []


def test_repeated_rows_are_counted_over_batches() -> None:
    keys = Keys()
    for batch in ([1, 2, 3], [3, 4], [1, 1]):
        keys.add(hashed([pa.array(batch)]))
    assert (keys.seen, keys.kept, keys.scale, keys.repeated) == (7, 7, 1, 3)


def test_a_long_table_is_looked_at_through_a_sieve() -> None:
    keys = Keys(most=1_000)
    for start in range(0, 40_000, 4_000):
        # Every value stands twice, in two batches.
        keys.add(hashed([pa.array(np.arange(start, start + 4_000) % 20_000)]))
    assert keys.seen == 40_000
    assert keys.kept <= 1_000
    assert keys.scale == 64
    assert keys.repeated == pytest.approx(20_000, rel=0.25)
