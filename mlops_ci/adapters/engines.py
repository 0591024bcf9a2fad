"""A profile by another engine: DuckDB, Polars or Spark run the same expressions and give the same numbers."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_ci.adapters import databases, engine_columns, engine_frames
from mlops_ci.adapters.engine_frames import MICROSECONDS, Engine
from mlops_ci.adapters.engine_spool import Planned, plain_type, planned, spool
from mlops_ci.adapters.source import Source
from mlops_ci.profiles.shape import ColumnProfile, Profile

if TYPE_CHECKING:
    import narwhals as nw

# So many columns go into one query: planning takes longer than running it where there are many.
_TOGETHER = 32


def profile(
    source: Source | str,
    *,
    engine: str,
    categorical: Collection[str] = (),
    like: Profile | None = None,
    database: str = "",
    root: Path | None = None,
) -> Profile:
    """The profile of a table, equal to the numpy engine's: counts exactly, moments to rounding.

    Local Parquet files are read by the engine itself. Anything else (CSV, a query, a store), and columns
    of types on whose values engines differ (decimals, nanoseconds, durations), go through a temporary
    Parquet file. ``sql:`` without a database is a query that DuckDB runs over files.

    Args:
        source: a source, or its text as in the configuration.
        engine: duckdb, polars or spark.
        categorical: columns that are counted by value whatever their type.
        like: a profile whose grids are used, so that the comparison is exact.
        database: the URL that ``sql:`` sources ask.
        root: where relative paths start; default: the working directory.

    Raises:
        ConfigError: the engine is unknown or not installed, or the source cannot be read.
        ToolError: the engine failed, or what holds the source does not answer.
    """
    with tempfile.TemporaryDirectory(prefix="mlops-ci-") as name:
        folder = Path(name)
        with engine_frames.opened(engine, folder) as opened:
            table, place = _table(source, opened, folder, database, root or Path())
            if table.stored is not None:
                return table.stored
            files = local_files(table, place)
            return _profiled(table, files, opened, folder, set(categorical), like)


def _table(
    source: Source | str, engine: Engine, folder: Path, database: str, root: Path
) -> tuple[Source, Path | None]:
    """The open source, and where on this machine its files are."""
    from mlops_ci.adapters import sources

    if isinstance(source, Source):
        return source, _place(source.text, root)
    if source.startswith("sql:") and not database:
        target = folder / "query.parquet"
        engine_frames.copy(engine, databases.single_select(source.removeprefix("sql:")), target, root)
        return sources.open_source(str(target)), target
    return sources.open_source(source, root=root, database=database), _place(source, root)


def _place(text: str, root: Path) -> Path | None:
    return None if not text or text.startswith("sql:") or "://" in text else root / text


def _profiled(
    table: Source,
    files: Sequence[str],
    engine: Engine,
    folder: Path,
    categorical: Collection[str],
    like: Profile | None,
) -> Profile:
    """The profile, of what the engine reads by itself and of what is spooled for it."""
    plan = planned(table.schema(), categorical)
    if not plan:
        return Profile(rows=sum(batch.num_rows for batch in table.batches()))
    names = {one.name for one in plan}
    # Polars does not open a file with a name that stands twice.
    near = _near(plan, engine) if files and len(names) == len(plan) else []
    far = [one for one in plan if one not in near]
    parts = [(part, partial(_native, engine, files), MICROSECONDS) for part in _together(near)]
    if far:
        spooled = [str(spool(table, far, folder / "columns.parquet"))]
        parts += [(part, partial(_spooled, engine, spooled), 1.0) for part in _together(far)]
    others = {one.name: one for one in like.columns if one.name in names} if like else {}
    rows, found = 0, dict[int, ColumnProfile]()
    for part, frame, ticks in parts:
        rows, profiles = engine_columns.profiled(frame(part), part, engine.collect, others, ticks=ticks)
        found.update(zip((one.position for one in part), profiles, strict=True))
    return Profile(rows=rows, columns=tuple(found[at] for at in range(len(plan))))


def _near(plan: Sequence[Planned], engine: Engine) -> list[Planned]:
    """The columns that the engine reads as Arrow does."""
    # DuckDB takes names that differ in case for one column.
    folded = Counter(one.name.casefold() for one in plan)
    return [one for one in plan if folded[one.name.casefold()] == 1 and engine.reads(one.name, one.type)]


def _together(plan: Sequence[Planned]) -> list[Sequence[Planned]]:
    return [plan[at : at + _TOGETHER] for at in range(0, len(plan), _TOGETHER)]


def local_files(table: Source, place: Path | None) -> tuple[str, ...]:
    """The Parquet files of a source that an engine can read by itself, none where it cannot.

    A folder counts where its files have one schema and its path has no ``key=value`` parts.
    """
    if place is not None and place.is_file() and _is_parquet(place):
        return (str(place),)
    if place is None or not place.is_dir():
        return ()
    import pyarrow.parquet as pq

    files = sorted(path for path in place.rglob("*") if path.is_file())
    inside = [path.relative_to(place).parts for path in files]
    if not files or any("=" in part or part.startswith((".", "_")) for parts in inside for part in parts):
        return ()
    wanted = table.schema()
    same = all(_is_parquet(path) and pq.read_schema(path).equals(wanted) for path in files)
    return tuple(map(str, files)) if same else ()


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _native(engine: Engine, files: Sequence[str], near: Sequence[Planned]) -> nw.LazyFrame[Any]:
    """The files as the engine reads them: numbers as float64, points in time in microseconds."""
    import narwhals as nw

    def column(one: Planned) -> nw.Expr:
        value = nw.col(one.name)
        return (value.cast(nw.Float64) if one.asked else value).alias(one.key)

    times = [one.name for one in near if one.kind == "time"]
    return engine.frame(files, {one.name: one.type for one in near}, times).select(*map(column, near))


def _spooled(engine: Engine, files: Sequence[str], far: Sequence[Planned]) -> nw.LazyFrame[Any]:
    return engine.frame(files, {one.key: plain_type(one) for one in far}, ())
