"""The engines give what numpy gives: counts bit for bit, moments to rounding; and say what they lack."""

from __future__ import annotations

import datetime
import decimal
import importlib.util
import math
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_ci.adapters import engines, profiling
from mlops_ci.errors import ConfigError, ToolError
from mlops_ci.profiles.levels import MOST_LEVELS, TOO_MANY
from mlops_ci.profiles.shape import ColumnProfile, Moments, Profile

ROOT = Path(__file__).parents[2]
DELIVERY = ROOT / "data" / "deliveries" / "013.parquet"


def installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None and importlib.util.find_spec("narwhals") is not None


def java() -> bool:
    return bool(shutil.which("java") or os.environ.get("JAVA_HOME"))


SPARK = pytest.param(
    "spark",
    marks=[
        pytest.mark.slow,
        pytest.mark.spark,
        pytest.mark.skipif(not installed("pyspark"), reason="pyspark is not installed"),
        pytest.mark.skipif(not java(), reason="there is no Java"),
    ],
)
LOCAL = [
    pytest.param(name, marks=pytest.mark.skipif(not installed(name), reason=f"{name} is not installed"))
    for name in ("duckdb", "polars")
]
ENGINES = [*LOCAL, SPARK]
DUCKDB = LOCAL[0]


@pytest.fixture(scope="module")
def spark() -> Iterator[None]:
    """One session of Spark for all its tests, which the engine finds and leaves as it was."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    settings = {
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.session.timeZone": "Asia/Tokyo",
    }
    for key, value in settings.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    yield
    zone, case = (session.conf.get(f"spark.sql.{key}") for key in ("session.timeZone", "caseSensitive"))
    session.stop()
    assert (zone, case) == ("Asia/Tokyo", "false")


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """An engine by its name; Spark's session is started where it is wanted."""
    name: str = request.param
    if name == "spark":
        request.getfixturevalue("spark")
    return name


def nasty(rows: int = 3_000) -> pa.Table:
    """Every type, with what breaks profiles: gaps, NaN, infinities, outliers, zones, one value, none."""
    random = np.random.default_rng(7)
    gaps = random.random(rows) < 0.1

    def holed(values: Any, kind: pa.DataType | None = None) -> pa.Array:
        return pa.array(values, kind, mask=gaps)

    floats = random.normal(1e6, 1.0, rows)
    floats[::50], floats[1::50], floats[2::50] = math.nan, math.inf, -math.inf
    heavy = random.lognormal(0, 2, rows)
    heavy[7] = 1e300
    moments = [
        datetime.datetime(2026, 3, 28, 20) + datetime.timedelta(hours=i, microseconds=i) for i in range(rows)
    ]
    words = np.array(["a", "b", "é", "", "日本", "O'Neill", 'x"y', "a b"])
    microseconds = pa.array(moments, pa.timestamp("us"))
    return pa.table(
        {
            "whole": holed(random.integers(-50, 50, rows)),
            "tiny": holed(random.integers(0, 200, rows).astype(np.uint8)),
            "huge": pa.array([2**64 - 1 - i for i in range(rows)], pa.uint64()),
            "large": holed(random.integers(-(2**62), 2**62, rows)),
            "floats": holed(floats),
            "single": holed(random.normal(size=rows).astype(np.float32)),
            "half": holed(random.normal(size=rows).astype(np.float16)),
            "heavy": holed(heavy),
            "extreme": pa.array([1e308, -1e308, 1e-308, -1e-308, 5e-324] * (rows // 5)),
            "zeros": pa.array([0.0, -0.0] * (rows // 2)),
            "edges": pa.array(np.arange(rows) / 8),
            "wholes": pa.array(np.arange(rows) * 3.0),
            "even": holed(random.random(rows) < 0.3),
            "text": holed(words[random.integers(0, 8, rows)]),
            "coded": holed(words[random.integers(0, 8, rows)]).dictionary_encode(),
            "many": pa.array([f"v{i % 1_500}" for i in range(rows)]),
            "code": holed(random.integers(0, 9, rows)),
            "floatcode": holed(np.where(random.random(rows) < 0.1, math.nan, random.integers(0, 9, rows) / 2)),
            "day": holed(np.arange(rows).astype("datetime64[D]")),
            "daycode": holed((np.arange(rows) % 5).astype("datetime64[D]")),
            "moment": microseconds,
            "zoned": microseconds.cast(pa.timestamp("us", "Europe/Berlin")),
            "nano": holed(np.arange(rows).astype("datetime64[ns]")),
            "coarse": holed((np.arange(rows) * 86_400_000 - 10**12).astype("datetime64[ms]")),
            "exact": pa.array([decimal.Decimal(i) / 8 for i in range(rows)], pa.decimal128(12, 3)),
            "length": pa.array([datetime.timedelta(seconds=i / 4) for i in range(rows)], pa.duration("us")),
            "clock": pa.array([datetime.time(i % 24) for i in range(rows)], pa.time64("us")),
            "one": pa.array([3.5] * rows),
            "onetext": pa.array(["x"] * rows),
            "none": pa.nulls(rows),
            "nonumber": pa.array([None] * rows, pa.float64()),
            "notext": pa.array([None] * rows, pa.string()),
            "allnan": pa.array([math.nan] * rows),
            "nested": pa.array([[i] for i in range(rows)]),
            "binary": pa.array([b"x", None] * (rows // 2), pa.binary()),
            "a name with.dots and 'quotes'": pa.array(np.arange(rows)),
            "Case": pa.array(np.arange(rows)),
            "case": pa.array(np.arange(rows) * 2),
            "^case$": pa.array(np.arange(rows) * 3),
        }
    )  # fmt: skip


CATEGORICAL = ("code", "floatcode", "daycode")


def written(folder: Path, table: pa.Table, name: str = "table.parquet") -> str:
    folder.mkdir(parents=True, exist_ok=True)
    # The numpy engine only saves time by statistics; those of half floats are bytes.
    known = [one for one in table.column_names if one != "half"]
    pq.write_table(table, folder / name, row_group_size=1_000, write_statistics=known)
    return str(folder / name)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(tmp_path_factory.mktemp("nasty"), nasty())


def assert_same(expected: Profile, actual: Profile) -> None:
    """Equal in everything but rounding: a mean is compared in units of its column's spread."""
    assert actual.rows == expected.rows
    assert [one.name for one in actual.columns] == [one.name for one in expected.columns]
    for one, other in zip(expected.columns, actual.columns, strict=True):
        assert counted(other) == counted(one)
        assert_near(one.moments, other.moments)


def counted(one: ColumnProfile) -> ColumnProfile:
    return one.model_copy(update={"moments": None})


def assert_near(expected: Moments | None, actual: Moments | None) -> None:
    if expected is None or actual is None:
        assert actual == expected
        return
    assert (actual.count, actual.low, actual.high) == (expected.count, expected.low, expected.high)
    spread = math.sqrt(expected.m2 / expected.count)
    assert actual.mean == pytest.approx(expected.mean, rel=1e-9, abs=1e-9 * spread)
    assert actual.m2 == pytest.approx(expected.m2, rel=1e-9, abs=1e-9 * spread)


def column(profile: Profile, name: str) -> ColumnProfile:
    return next(one for one in profile.columns if one.name == name)


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_the_nasty_table_has_numpys_profile(table: str, engine: str) -> None:
    expected = profiling.profile(table, categorical=CATEGORICAL)
    actual = engines.profile(table, engine=engine, categorical=CATEGORICAL)
    assert_same(expected, actual)


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_a_delivery_has_numpys_profile(engine: str) -> None:
    codes = ("SEX", "RAC1P", "RELP", "MAR")
    expected = profiling.profile(str(DELIVERY), categorical=codes)
    assert_same(expected, engines.profile(str(DELIVERY), engine=engine, categorical=codes))


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_the_grids_of_a_reference_are_used(tmp_path: Path, engine: str) -> None:
    random = np.random.default_rng(1)
    reference = written(
        tmp_path, pa.table({"x": random.normal(0, 1, 900), "new": ["a"] * 900}), "one.parquet"
    )
    current = written(
        tmp_path, pa.table({"x": random.normal(1, 9, 900), "new": random.random(900)}), "two.parquet"
    )
    like = profiling.profile(reference)
    found = engines.profile(current, engine=engine, like=like)
    assert_same(profiling.profile(current, like=like), found)
    grid, old = column(found, "x").grid, column(like, "x").grid
    assert grid is not None
    assert old is not None
    assert (grid.exponent, grid.first, len(grid.counts)) == (old.exponent, old.first, len(old.counts))
    assert grid.below + sum(grid.counts) + grid.above == 900


@pytest.mark.parametrize("engine", LOCAL, indirect=True)
def test_counts_are_those_of_the_rows(tmp_path: Path, engine: str) -> None:
    """Against numpy itself, not against our other engine."""
    values = np.array([0.5, 1.5, 1.75, -2.0, 8.0, math.nan, math.inf])
    path = written(tmp_path, pa.table({"x": pa.array([*values, None]), "c": [*"aabbbc", None, None]}))
    found = engines.profile(path, engine=engine)
    x, c = found.columns
    assert (found.rows, x.nulls, x.nans, x.infs, c.nulls) == (8, 1, 1, 1, 2)
    finite = values[np.isfinite(values)]
    assert x.moments is not None
    assert x.moments.mean == pytest.approx(finite.mean(), rel=1e-12)
    assert x.moments.m2 == pytest.approx(((finite - finite.mean()) ** 2).sum(), rel=1e-12)
    assert x.grid is not None
    edges = (x.grid.first + np.arange(len(x.grid.counts) + 1)) * 2.0**x.grid.exponent
    counts, _ = np.histogram(finite, edges)
    assert list(x.grid.counts) == counts.tolist()
    assert c.levels is not None
    assert c.levels.counts == (("b", 3), ("a", 2), ("c", 1))


@pytest.mark.parametrize("engine", LOCAL, indirect=True)
@pytest.mark.parametrize("scale", [1e-300, 1e-3, 1.0, 1e9, 1e150, 1e300])
def test_moments_are_right_at_every_size(tmp_path: Path, engine: str, scale: float) -> None:
    values = np.random.default_rng(3).normal(3.0, 1.0, 2_000) * scale
    path = written(tmp_path, pa.table({"x": values}))
    assert_same(profiling.profile(path), engines.profile(path, engine=engine))


@pytest.mark.parametrize("engine", LOCAL, indirect=True)
def test_too_many_levels_and_long_texts_are_named(tmp_path: Path, engine: str) -> None:
    ids = [f"id{i}" for i in range(MOST_LEVELS + 1)]
    long = ["x" * 1_001] * len(ids)
    path = written(tmp_path, pa.table({"id": ids, "long": long}))
    found = engines.profile(path, engine=engine)
    assert [one.problem for one in found.columns] == [TOO_MANY, ""]
    assert found.columns[0].levels is None
    long_levels = found.columns[1].levels
    assert long_levels is not None
    assert [count for _, count in long_levels.counts] == [len(ids)]
    assert_same(profiling.profile(path), found)


@pytest.mark.parametrize("engine", LOCAL, indirect=True)
def test_no_row_and_no_column(tmp_path: Path, engine: str) -> None:
    empty = written(tmp_path, nasty().slice(0, 0), "empty.parquet")
    assert_same(profiling.profile(empty), engines.profile(empty, engine=engine))


@pytest.mark.parametrize("engine", LOCAL, indirect=True)
def test_many_columns_are_asked_in_several_queries(tmp_path: Path, engine: str) -> None:
    values = np.arange(20.0)
    path = written(tmp_path, pa.table({f"x{i}": values * i for i in range(70)}))
    assert_same(profiling.profile(path), engines.profile(path, engine=engine))


@pytest.mark.parametrize("engine", LOCAL, indirect=True)
def test_names_that_stand_twice(tmp_path: Path, engine: str) -> None:
    table = pa.Table.from_arrays(
        [pa.array([1, 2]), pa.array([3, 4]), pa.array(["a", "b"])], names=["x", "x", "y"]
    )
    path = written(tmp_path, table)
    assert_same(profiling.profile(path), engines.profile(path, engine=engine))


@pytest.mark.parametrize("engine", LOCAL, indirect=True)
def test_text_formats_go_through_a_temporary_file(tmp_path: Path, engine: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text("n,f,s,d\n1,0.5,a,2026-01-01\n2,,b,2026-01-02\n,2.5,,\n")
    assert_same(profiling.profile(str(path)), engines.profile(str(path), engine=engine))


@pytest.mark.parametrize("engine", LOCAL, indirect=True)
def test_a_folder_of_one_schema_is_read_by_the_engine(tmp_path: Path, engine: str) -> None:
    from mlops_ci.adapters.sources import open_source

    for at in range(3):
        written(tmp_path / "t", pa.table({"x": np.arange(10) + at, "s": ["a"] * 10}), f"{at}.parquet")
    folder = tmp_path / "t"
    files = engines.local_files(open_source(str(folder)), folder)
    assert files == tuple(str(folder / f"{at}.parquet") for at in range(3))
    assert_same(profiling.profile(str(folder)), engines.profile(str(folder), engine=engine))


@pytest.mark.parametrize("engine", LOCAL, indirect=True)
def test_partitions_and_mixed_schemas_are_not(tmp_path: Path, engine: str) -> None:
    from mlops_ci.adapters.sources import open_source

    parts, mixed = tmp_path / "parts", tmp_path / "mixed"
    for year in (2025, 2026):
        written(parts / f"year={year}", pa.table({"x": [1.0, year]}))
    written(mixed, pa.table({"x": [1]}), "a.parquet")
    written(mixed, pa.table({"x": [1.5]}), "b.parquet")
    for folder in (parts, mixed):
        assert engines.local_files(open_source(str(folder)), folder) == ()
        assert_same(profiling.profile(str(folder)), engines.profile(str(folder), engine=engine))


@pytest.mark.parametrize("engine", LOCAL, indirect=True)
def test_a_stored_profile_is_itself(tmp_path: Path, table: str, engine: str) -> None:
    stored = profiling.profile(table)
    (tmp_path / "t.profile.json").write_bytes(stored.to_json())
    assert engines.profile(str(tmp_path / "t.profile.json"), engine=engine) == stored


@pytest.mark.parametrize("engine", LOCAL, indirect=True)
def test_a_query_of_a_database(tmp_path: Path, engine: str) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(tmp_path / "d.db")) as connection, connection:
        connection.execute("CREATE TABLE t (x INTEGER, s TEXT)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", [(1, "a"), (2, None), (None, "b")])
    url = f"sqlite:///{tmp_path / 'd.db'}"
    found = engines.profile("sql:SELECT * FROM t", engine=engine, database=url)
    assert_same(profiling.profile("sql:SELECT * FROM t", database=url), found)
    assert [one.nulls for one in found.columns] == [1, 1]


# ---- queries over files ------------------------------------------------------------------------


@pytest.mark.parametrize("engine", [DUCKDB], indirect=True)
def test_duckdb_runs_a_query_over_files(tmp_path: Path, engine: str) -> None:
    written(tmp_path, pa.table({"x": [1, 2, 3, 4]}), "t.parquet")
    query = "sql:SELECT x, x % 2 = 0 AS even FROM 't.parquet' WHERE x > 1 -- why;"
    found = engines.profile(query, engine=engine, root=tmp_path)
    assert found.rows == 3
    assert column(found, "even").levels is not None
    moments = column(found, "x").moments
    assert moments is not None
    assert (moments.low, moments.high) == (2.0, 4.0)


@pytest.mark.parametrize("engine", [DUCKDB], indirect=True)
def test_duckdb_refuses_a_wrong_query(tmp_path: Path, engine: str) -> None:
    with pytest.raises(ConfigError) as found:
        engines.profile("sql:SELECT * FROM 'nothing.parquet'", engine=engine, root=tmp_path)
    assert found.value.message.startswith("sql: DuckDB refuses the query: IO Error: No files found")
    with pytest.raises(ConfigError, match="starts with 'COPY', not with SELECT"):
        engines.profile("sql:COPY t TO 'x'", engine=engine, root=tmp_path)


@pytest.mark.parametrize("engine", [LOCAL[1]], indirect=True)
def test_other_engines_need_a_database_for_a_query(engine: str) -> None:
    with pytest.raises(ConfigError) as found:
        engines.profile("sql:SELECT 1", engine=engine)
    assert found.value.message == "sql: engine polars runs no query over files"
    assert found.value.hint == "set `data.database`, or choose engine duckdb"


# ---- what is missing or broken -----------------------------------------------------------------


class _Refusing:
    """Finds none of these modules, as if they were not installed."""

    def __init__(self, name: str) -> None:
        self._name = name

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.partition(".")[0] == self._name:
            raise ModuleNotFoundError(f"No module named {name!r}", name=self._name)


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Make a module impossible to import: ``without("duckdb")``."""

    def run(name: str) -> None:
        for loaded in [one for one in sys.modules if one.partition(".")[0] == name]:
            monkeypatch.delitem(sys.modules, loaded)
        monkeypatch.setattr(sys, "meta_path", [_Refusing(name), *sys.meta_path])

    return run


@pytest.mark.parametrize(
    ("name", "module"),
    [("duckdb", "duckdb"), ("polars", "polars"), ("spark", "pyspark"), ("duckdb", "narwhals")],
)
def test_an_engine_that_is_not_installed(without: Callable[[str], None], name: str, module: str) -> None:
    without(module)
    with pytest.raises(ConfigError) as found:
        engines.profile("any.parquet", engine=name)
    assert found.value.message == f"engine {name} needs {module}, which is not installed"
    assert found.value.hint == f"pip install 'mlops-ci[{name}]'"


def test_an_engine_that_does_not_exist() -> None:
    with pytest.raises(ConfigError) as found:
        engines.profile("any.parquet", engine="dask")
    assert found.value.message == "there is no engine 'dask'"
    assert found.value.hint == "choose numpy, duckdb, polars, spark"


@pytest.mark.parametrize("engine", LOCAL, indirect=True)
def test_a_file_that_is_not_there(tmp_path: Path, engine: str) -> None:
    with pytest.raises(ConfigError, match="is not there"):
        engines.profile("nothing.parquet", engine=engine, root=tmp_path)


@pytest.mark.parametrize("engine", LOCAL, indirect=True)
def test_what_an_engine_chokes_on_is_its_own_first_line(tmp_path: Path, engine: str) -> None:
    """A page in the middle of the file is broken; its footer is not."""
    path = Path(written(tmp_path, pa.table({"x": np.random.default_rng(0).random(50_000)})))
    raw = bytearray(path.read_bytes())
    raw[4:200_000] = b"\xff" * (200_000 - 4)
    path.write_bytes(bytes(raw))
    with pytest.raises(ToolError) as found:
        engines.profile(str(path), engine=engine)
    assert found.value.message.startswith(f"engine {engine}: ")
    assert "\n" not in found.value.message
    assert found.value.hint == "use `engine: numpy`, or look at the table with the engine's own tool"


@pytest.mark.parametrize("engine", [DUCKDB], indirect=True)
def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    import tempfile

    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.chdir(tmp_path)
    path = written(tmp_path / "in", pa.table({"x": [decimal.Decimal("0.5")]}))
    engines.profile(path, engine=engine)
    assert list(folder.iterdir()) == []
    assert sorted(one.name for one in tmp_path.iterdir()) == ["in", "temporary"]
