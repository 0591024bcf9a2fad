"""The engines beside numpy: how each opens Parquet files as a lazy frame, and how its answer is fetched."""

from __future__ import annotations

import importlib
import os
import re
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from mlops_ci.adapters.source import first_line
from mlops_ci.errors import ConfigError, ToolError

if TYPE_CHECKING:
    import narwhals as nw
    import pyarrow as pa

# What each engine is imported as, and the extra that brings it.
MODULES: dict[str, tuple[str, str]] = {
    "duckdb": ("duckdb", "duckdb"),
    "polars": ("polars", "polars"),
    "spark": ("pyspark", "spark"),
}
# Seconds since 1970 are asked for in whole microseconds.
MICROSECONDS = 1e6


class Engine(Protocol):
    """One engine, open for one profile."""

    name: str

    def frame(
        self, files: Sequence[str], types: Mapping[str, pa.DataType], times: Collection[str]
    ) -> nw.LazyFrame[Any]:
        """These columns of the files as one lazy table.

        ``types`` has the columns as Arrow reads them; those in ``times`` come as whole microseconds since
        1970 (UTC).
        """
        ...

    def collect(self, frame: nw.LazyFrame[Any]) -> pa.Table:
        """Run a query; its answer is small."""
        ...

    def reads(self, name: str, kind: pa.DataType) -> bool:
        """Whether the engine reads a column of this name and type from Parquet as Arrow reads it."""
        ...

    def close(self) -> None:
        """Give back what the engine holds."""
        ...


@contextmanager
def opened(name: str, folder: Path) -> Iterator[Engine]:
    """An engine by its name; ``folder`` is where it may put what does not fit into memory.

    Raises:
        ConfigError: there is no such engine, or it is not installed.
        ToolError: the engine failed.
    """
    if name not in MODULES:
        raise ConfigError(f"there is no engine {name!r}", f"choose numpy, {', '.join(MODULES)}")
    module = _installed(name)
    makers: dict[str, Callable[[ModuleType, Path], Engine]] = {
        "duckdb": _DuckDB,
        "polars": _Polars,
        "spark": _Spark,
    }
    with _told(name):
        engine = makers[name](module, folder)
        try:
            yield engine
        finally:
            engine.close()


def _installed(name: str) -> ModuleType:
    module, extra = MODULES[name]
    for wanted in ("pyarrow", "narwhals", module):
        try:
            found = importlib.import_module(wanted)
        except ModuleNotFoundError as error:
            raise ConfigError(
                f"engine {name} needs {error.name}, which is not installed",
                f"pip install 'mlops-ci[{extra}]'",
            ) from error
    return found


def copy(engine: Engine, query: str, target: Path, root: Path) -> None:
    """Write what a query over files gives as Parquet; file names are relative to ``root``.

    Raises:
        ConfigError: the engine runs no such queries, or refuses this one.
    """
    if not isinstance(engine, _DuckDB):
        raise ConfigError(
            f"sql: engine {engine.name} runs no query over files",
            "set `data.database`, or choose engine duckdb",
        )
    engine.copy(query, target, root)


@contextmanager
def _told(name: str) -> Iterator[None]:
    """What an engine raises, as this program's error with the engine's own first line."""
    try:
        yield
    except Exception as error:
        origin = type(error).__module__.partition(".")[0].lstrip("_")
        if origin not in {"duckdb", "polars", "pyspark", "py4j", "narwhals"}:
            raise
        line = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
        hint = "use `engine: numpy`, or look at the table with the engine's own tool"
        raise ToolError(f"engine {name}: {line[:300]}", hint) from error


def _plain(kind: Any) -> bool:
    """Types that every engine reads as Arrow does: whole numbers, floats, booleans, text, days, moments."""
    import pyarrow.types as pat

    if pat.is_dictionary(kind):
        return bool(pat.is_string(kind.value_type) or pat.is_large_string(kind.value_type))
    if pat.is_timestamp(kind):
        return bool(kind.unit != "ns")
    numbers = pat.is_integer(kind) or pat.is_float32(kind) or pat.is_float64(kind) or pat.is_boolean(kind)
    return bool(numbers or pat.is_string(kind) or pat.is_large_string(kind) or pat.is_date32(kind))


class _DuckDB:
    """DuckDB in this process, in memory, spilling into the given folder."""

    name = "duckdb"

    def __init__(self, duckdb: ModuleType, folder: Path) -> None:
        self._error: type[Exception] = duckdb.Error
        self._connection = duckdb.connect(
            config={
                "threads": os.cpu_count() or 1,
                "temp_directory": str(folder / "duckdb"),
                "preserve_insertion_order": "false",
                # Nothing is fetched from the network behind the user's back.
                "autoinstall_known_extensions": "false",
            }
        )
        self._connection.execute("SET enable_progress_bar = false")

    def frame(
        self, files: Sequence[str], types: Mapping[str, pa.DataType], times: Collection[str]
    ) -> nw.LazyFrame[Any]:
        import narwhals as nw

        relation = self._connection.read_parquet(list(files), hive_partitioning=False)
        # narwhals has no expression for points in time on DuckDB.
        asked = (
            f"epoch_us({_quoted(one)}) AS {_quoted(one)}" if one in times else _quoted(one) for one in types
        )
        relation = relation.project(", ".join(asked))
        lazy: nw.LazyFrame[Any] = nw.from_native(relation)
        return lazy

    def collect(self, frame: nw.LazyFrame[Any]) -> pa.Table:
        return frame.collect(backend="pyarrow").to_arrow()

    def reads(self, name: str, kind: pa.DataType) -> bool:
        return _plain(kind) and '"' not in name

    def copy(self, query: str, target: Path, root: Path) -> None:
        # Set as text: DuckDB takes no parameter there.
        self._connection.execute(f"SET file_search_path = {_text(str(root))}")
        try:
            self._connection.execute(f"COPY ({query}\n) TO {_text(str(target))} (FORMAT parquet)")
        except self._error as error:
            raise ConfigError(
                f"sql: DuckDB refuses the query: {first_line(error)}",
                "name files in quotation marks, relative to the repository, or set `data.database`",
            ) from error

    def close(self) -> None:
        self._connection.close()


class _Polars:
    """Polars, lazily and streaming."""

    name = "polars"

    def __init__(self, polars: ModuleType, folder: Path) -> None:
        self._polars = polars
        del folder

    def frame(
        self, files: Sequence[str], types: Mapping[str, pa.DataType], times: Collection[str]
    ) -> nw.LazyFrame[Any]:
        import narwhals as nw

        pl = self._polars
        scan = pl.scan_parquet(list(files), hive_partitioning=False, glob=False)
        asked = (pl.col(one).dt.timestamp("us") if one in times else pl.col(one) for one in types)
        lazy: nw.LazyFrame[Any] = nw.from_native(scan.select(asked))
        return lazy

    def collect(self, frame: nw.LazyFrame[Any]) -> pa.Table:
        # A union of one scan with itself would otherwise be read once and kept whole in memory.
        flags = self._polars.QueryOptFlags(comm_subplan_elim=False)
        return frame.collect(backend="pyarrow", engine="streaming", optimizations=flags).to_arrow()

    def reads(self, name: str, kind: pa.DataType) -> bool:
        # Polars takes such a name for a pattern.
        return _plain(kind) and not (name.startswith("^") and name.endswith("$"))

    def close(self) -> None:
        """Nothing is held."""


class _Spark:
    """PySpark: the session that is there, or a local one that this process starts and ends."""

    name = "spark"

    def __init__(self, pyspark: ModuleType, folder: Path) -> None:
        sql = importlib.import_module(f"{pyspark.__name__}.sql")
        self._functions = importlib.import_module(f"{pyspark.__name__}.sql.functions")
        active = sql.SparkSession.getActiveSession()
        self._own = active is None
        self._session = active or _session(sql.SparkSession, folder)
        self._before = {key: self._session.conf.get(key, None) for key in _SPARK_NEEDS}
        for key, value in _SPARK_NEEDS.items():
            self._session.conf.set(key, value)

    def frame(
        self, files: Sequence[str], types: Mapping[str, pa.DataType], times: Collection[str]
    ) -> nw.LazyFrame[Any]:
        import narwhals as nw

        functions = self._functions
        # With a schema Spark does not stumble over other columns of types that it does not have.
        schema = ", ".join(f"`{name}` {_spark_type(kind)}" for name, kind in types.items())
        places = (Path(file).absolute().as_uri() for file in files)
        frame = self._session.read.schema(schema).parquet(*places)
        for name in times:
            moment = functions.col(name).cast("timestamp")
            frame = frame.withColumn(name, functions.unix_micros(moment))
        lazy: nw.LazyFrame[Any] = nw.from_native(frame)
        return lazy

    def collect(self, frame: nw.LazyFrame[Any]) -> pa.Table:
        return frame.collect(backend="pyarrow").to_arrow()

    def reads(self, name: str, kind: pa.DataType) -> bool:
        import pyarrow as pa

        # Spark has no unsigned type of 64 bits, and dots in a name mean nested fields to it.
        return _plain(kind) and kind != pa.uint64() and re.fullmatch(r"\w+", name) is not None

    def close(self) -> None:
        if self._own:
            self._session.stop()
            return
        for key, value in self._before.items():
            if value is None:
                self._session.conf.unset(key)
            else:
                self._session.conf.set(key, value)


def _spark_type(kind: Any) -> str:
    """Spark's word for a type that ``reads`` lets through."""
    import pyarrow.types as pat

    if pat.is_timestamp(kind):
        return "timestamp" if kind.tz else "timestamp_ntz"
    return _SPARK_TYPES.get(str(kind), "string")


# Unsigned whole numbers are read into the next larger type.
_SPARK_TYPES = {
    "bool": "boolean",
    "int8": "tinyint",
    "int16": "smallint",
    "int32": "int",
    "int64": "bigint",
    "uint8": "smallint",
    "uint16": "int",
    "uint32": "bigint",
    "float": "float",
    "double": "double",
    "date32[day]": "date",
}
_SPARK_NEEDS = {
    # Days and moments without a zone are UTC, as in Arrow; names that differ in case are different.
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.caseSensitive": "true",
}


_ERRORS_ONLY = """\
rootLogger.level = error
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %p %c{1}: %m%n
"""


def _session(builder: Any, folder: Path) -> Any:
    """A local session that listens on loopback alone, shows no page and logs errors only."""
    quiet = folder / "log4j2.properties"
    quiet.write_text(_ERRORS_ONLY)
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={quiet.as_uri()}",
        "spark.local.dir": str(folder),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        # A handful of groups from one machine: two hundred tasks would only wait for each other.
        "spark.sql.shuffle.partitions": str(os.cpu_count() or 1),
    }
    made = builder.builder.appName("mlops-ci").master("local[*]")
    for key, value in settings.items():
        made = made.config(key, value)
    try:
        with warnings.catch_warnings():
            # That pandas is newer than it knows: no part of this asks for pandas.
            warnings.simplefilter("ignore")
            return made.getOrCreate()
    except RuntimeError as error:
        raise ConfigError(
            "engine spark: Java did not start", "install Java 17 or later and set JAVA_HOME"
        ) from error


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
