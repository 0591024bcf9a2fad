"""Profiling streams a source once, passes its errors on, and hands other engines their work."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_ci.adapters.ahead import ahead
from mlops_ci.adapters.profiling import profile
from mlops_ci.adapters.sources import open_source
from mlops_ci.errors import ConfigError
from mlops_ci.profiles.shape import Profile


def write(path: Path, **columns: object) -> str:
    pq.write_table(pa.table(columns), path, row_group_size=1000)
    return str(path)


def test_the_profile_does_not_depend_on_the_file(tmp_path: Path) -> None:
    values = np.random.default_rng(5).standard_cauchy(5000)
    path = write(tmp_path / "t.parquet", x=values, name=[f"n{i % 7}" for i in range(5000)])
    table = pq.read_table(path)
    pq.write_table(table, tmp_path / "other.parquet", row_group_size=5000, use_dictionary=False)
    one, other = profile(path), profile(str(tmp_path / "other.parquet"))
    for left, right in zip(one.columns, other.columns, strict=True):
        assert (left.grid, left.levels, left.nulls) == (right.grid, right.levels, right.nulls)
    assert one.to_json() == profile(path).to_json()


def test_a_reference_gives_its_grids(tmp_path: Path) -> None:
    reference = profile(write(tmp_path / "one.parquet", x=[0.5, 1.5, 2.5]))
    current = profile(write(tmp_path / "two.parquet", x=[1e9, 1.0]), like=reference)
    one, other = reference.columns[0].grid, current.columns[0].grid
    assert one is not None
    assert other is not None
    assert (one.exponent, one.first, len(one.counts)) == (other.exponent, other.first, len(other.counts))
    assert other.above == 1


def test_an_unknown_engine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no engine 'abacus'"):
        profile(write(tmp_path / "t.parquet", x=[1]), engine="abacus")


def test_another_engine_gives_the_same_counts(tmp_path: Path) -> None:
    pytest.importorskip("polars", reason="Polars is not installed")
    path = write(tmp_path / "t.parquet", x=[0.5, None, 2.5], code=[1, 1, 2])
    ours = profile(path, categorical=["code"])
    theirs = profile(open_source(path), engine="polars", categorical=["code"])
    assert [(one.grid, one.levels, one.nulls) for one in ours.columns] == [
        (one.grid, one.levels, one.nulls) for one in theirs.columns
    ]


def test_a_stored_profile_needs_no_engine(tmp_path: Path) -> None:
    (tmp_path / "t.profile.json").write_bytes(Profile(rows=3).to_json())
    assert profile(str(tmp_path / "t.profile.json"), engine="duckdb") == Profile(rows=3)


def test_ten_thousand_columns(tmp_path: Path) -> None:
    columns = {f"c{i}": [0.5, i, None] for i in range(10_000)}
    found = profile(write(tmp_path / "t.parquet", **columns))
    assert len(found.columns) == 10_000
    assert {one.nulls for one in found.columns} == {1}


def test_working_ahead_keeps_order_and_ends() -> None:
    with ahead(iter(range(100))) as items:
        assert list(items) == list(range(100))


def test_leaving_early_closes_the_source_in_its_own_thread() -> None:
    closed = []

    def source() -> Iterator[int]:
        try:
            yield from range(1000)
        finally:
            closed.append(threading.current_thread())

    with ahead(source()) as items:
        assert next(items) == 0
    assert len(closed) == 1
    assert closed[0] is not threading.main_thread()


def test_an_error_of_the_source_is_raised_where_its_items_are_used() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise ConfigError("broken")

    with ahead(source()) as items, pytest.raises(ConfigError, match="broken"):
        assert list(items) == [1]
