"""From a source to its profile: streamed once, decoding and counting at the same time."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from mlops_ci.adapters.ahead import ahead
from mlops_ci.adapters.source import Source
from mlops_ci.adapters.sources import open_source
from mlops_ci.errors import ConfigError
from mlops_ci.profiles.build import Builder

if TYPE_CHECKING:
    from mlops_ci.profiles.shape import Profile

ENGINES = ("numpy", "duckdb", "polars", "spark")


def profile(
    source: Source | str,
    *,
    engine: str = "numpy",
    categorical: Collection[str] = (),
    like: Profile | None = None,
    database: str = "",
) -> Profile:
    """The profile of a table; of a stored profile, the profile itself.

    Args:
        source: an open source, or what ``sources.open_source`` takes.
        engine: numpy reads in this process; duckdb, polars and spark give the same counts.
        categorical: columns of numbers that are codes of categories.
        like: the profile it will be compared with; its grids are used, so that comparing is exact.
        database: URL of the database that a ``sql:`` source asks.

    Raises:
        ConfigError: the table cannot be read, or the engine is not known or not installed.
        ToolError: what holds the table does not answer.
    """
    if engine not in ENGINES:
        raise ConfigError(f"there is no engine {engine!r}", f"engines are {', '.join(ENGINES)}")
    where = source if isinstance(source, str) else source.text
    if engine != "numpy" and where.startswith("sql:"):
        return _elsewhere(where, engine, categorical, like, database)
    opened = open_source(source, database=database) if isinstance(source, str) else source
    if opened.stored is not None:
        return opened.stored
    if engine != "numpy" and where:
        return _elsewhere(where, engine, categorical, like, database)
    return _streamed(opened, categorical, like)


def _elsewhere(
    text: str, engine: str, categorical: Collection[str], like: Profile | None, database: str
) -> Profile:
    from mlops_ci.adapters import engines

    return engines.profile(text, engine=engine, categorical=categorical, like=like, database=database)


def _streamed(source: Source, categorical: Collection[str], like: Profile | None) -> Profile:
    schema = source.schema()
    builder = Builder(schema, categorical=categorical, like=like, extremes=source.extremes())
    with ahead(source.batches(decode_strings=False)) as batches:
        for batch in batches:
            builder.add(batch)
    twice = len(set(schema.names)) < len(schema)
    while wanted := builder.wanted():
        # By name a column that stands twice cannot be asked for alone.
        names = None if twice else list(wanted.values())
        for batch in source.batches(names, decode_strings=False):
            for order, position in enumerate(wanted):
                builder.again(position, batch.column(position if twice else order))
    return builder.finish()
