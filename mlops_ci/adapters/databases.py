"""The rows of a database query as Arrow batches, streamed through SQLAlchemy."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_ci.adapters.source import first_line
from mlops_ci.errors import ConfigError, ToolError

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy.engine import URL, Connection, Engine

ROWS = 65_536
# Seconds until an unreachable server is given up; drivers name the option differently.
_CONNECT_SECONDS = 10
_CONNECT_ARGUMENT = {
    "psycopg": "connect_timeout",
    "psycopg2": "connect_timeout",
    "pymysql": "connect_timeout",
    "mysqldb": "connect_timeout",
    "mysqlconnector": "connection_timeout",
    "pg8000": "timeout",
}
# What to install where SQLAlchemy's dialect wants a module by another name.
_PACKAGES = {
    "MySQLdb": "mysqlclient",
    "psycopg": "'psycopg[binary]'",
    "psycopg2": "psycopg2-binary",
    "mysql": "mysql-connector-python",
    "snowflake": "snowflake-sqlalchemy",
    "bigquery": "sqlalchemy-bigquery",
    "redshift": "sqlalchemy-redshift",
    "clickhouse": "clickhouse-sqlalchemy",
    "databricks": "databricks-sqlalchemy",
    "duckdb": "duckdb-engine",
}
_FORM = "its form is dialect+driver://user:password@host:port/database; special characters are %-encoded"
_READ = "write one SELECT (or WITH ... SELECT) that only reads"
# Comments, then text and quoted names: nothing in them is a keyword or the end of a statement.
_COMMENT = r"--[^\n]*|/\*.*?\*/"
_QUOTED = r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$"
_QUIET = re.compile(f"(?P<comment>{_COMMENT})|{_QUOTED}", re.DOTALL)
_WRITES = re.compile(
    r"(?<![.\w])(insert|update|delete|merge|into|truncate|drop|alter|create|grant)\b", re.IGNORECASE
)
# What SQLAlchemy would take for a parameter of its own.
_COLON = re.compile(r"(?<![:\w\\]):(?=\w)")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def batches(url: str, query: str, *, rows: int = ROWS) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """The schema and the rows of one SELECT, at most ``rows`` at a time, through a server-side cursor.

    Decimals become float64 (their scale may differ from row to row), UUIDs text. A column that is
    empty at first gets its type from its first value that is there.

    Raises:
        ConfigError: the URL, a variable in it, the driver or the query is wrong, or a type changes.
        ToolError: the database does not answer.
    """
    statement = single_select(query)
    engine = _engine(url)
    stream = _stream(engine, statement, rows)
    return next(stream), stream


def over_files(query: str, root: Path, *, rows: int = ROWS) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """The schema and the rows of one SELECT over files below ``root``, by DuckDB in memory.

    Raises:
        ConfigError: DuckDB is not installed, or refuses the query.
    """
    try:
        import duckdb
    except ImportError as error:
        raise ConfigError(
            "sql: without data.database a query over files needs DuckDB", "pip install 'mlops-ci[duckdb]'"
        ) from error
    statement = single_select(query)
    connection = duckdb.connect()
    try:
        folder = str(root.resolve()).replace("'", "''")
        connection.execute(f"SET file_search_path = '{folder}'")
        reader: Any = connection.sql(f"FROM ({statement}\n)").to_arrow_reader(rows)
    except duckdb.Error as error:
        raise ConfigError(
            f"sql: DuckDB refuses the query: {first_line(error)}",
            "name files in quotation marks, relative to the repository, or set data.database",
        ) from error
    return reader.schema, iter(reader)


def single_select(query: str) -> str:
    """The query without comments around it; the user's rights in the database are what really protects it.

    Raises:
        ConfigError: it is not one single SELECT or WITH that only reads.
    """
    if "\\'" in query:
        raise ConfigError("sql: the query has a backslash before a quote", "double a quote within text: ''")
    bare = _QUIET.sub(lambda found: (" " if found["comment"] else "'") * len(found.group()), query)
    first = re.match(r"[(\s]*(\w*)", bare)
    word = first.group(1) if first else ""
    if word.lower() not in {"select", "with"}:
        raise ConfigError(f"sql: the query starts with {word or bare.strip()[:9]!r}, not with SELECT", _READ)
    body, _, rest = bare.partition(";")
    if rest.strip(" \t\r\n;"):
        raise ConfigError("sql: the query has more than one statement", _READ)
    if written := _WRITES.search(body):
        verb = written.group(1).upper()
        raise ConfigError(
            f"sql: the query has the word {verb}, and only reading is allowed",
            f"{_READ}; a column of that name stands in quotation marks",
        )
    return query[: len(body.rstrip())].strip()


def expand(url: str, environment: Mapping[str, str], key: str = "data.database") -> str:
    """The URL with every ``${NAME}`` replaced from the environment, as it is written there.

    Raises:
        ConfigError: a variable is not set; the message names it and nothing of the URL.
    """
    missing = sorted({name for name in _VARIABLE.findall(url) if not environment.get(name)})
    if missing:
        raise ConfigError(
            f"{key}: the environment has no {', '.join(missing)}",
            "set it in the job's `env:` from a secret of the repository",
        )
    return _VARIABLE.sub(lambda found: environment[found.group(1)], url)


# ---- the connection ----------------------------------------------------------------------------


def _engine(url: str) -> Engine:
    try:
        from sqlalchemy import create_engine
        from sqlalchemy.exc import ArgumentError, NoSuchModuleError
        from sqlalchemy.pool import NullPool
    except ModuleNotFoundError as error:
        raise ConfigError(f"sql: sources need {error.name}", "pip install 'mlops-ci[sql]'") from error
    address = _address(url)
    try:
        driver = address.get_dialect().driver
        option = _CONNECT_ARGUMENT.get(driver)
        return create_engine(
            address, poolclass=NullPool, connect_args={option: _CONNECT_SECONDS} if option else {}
        )
    except NoSuchModuleError as error:
        package = _PACKAGES.get(
            address.get_backend_name(), f"(the SQLAlchemy dialect of {address.drivername})"
        )
        raise ConfigError(
            f"data.database: SQLAlchemy knows no database {address.drivername!r}", f"pip install {package}"
        ) from error
    except ModuleNotFoundError as error:
        name = (error.name or "").partition(".")[0]
        raise ConfigError(
            f"data.database: {address.drivername} needs {name}, which is not installed",
            f"pip install {_PACKAGES.get(name, name)}",
        ) from error
    except (ArgumentError, TypeError, ValueError) as error:
        raise ConfigError(f"data.database: {_shown(address)} cannot be used", _FORM) from error


def _address(url: str) -> URL:
    """The URL, checked: an SQLite file that does not exist is not made."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        address = make_url(expand(url, os.environ))
    except (ArgumentError, ValueError) as error:
        raise ConfigError("data.database: is no URL of a database", _FORM) from error
    file = address.database or ""
    if (
        address.get_backend_name() == "sqlite"
        and file not in {"", ":memory:"}
        and not file.startswith("file:")
        and not Path(file).is_file()
    ):
        raise ConfigError(f"data.database: there is no file {file}", "check the path in the URL")
    return address


def _shown(address: URL) -> str:
    return address.render_as_string(hide_password=True)


@contextmanager
def connected(engine: Engine) -> Iterator[Connection]:
    """A connection that refuses to write, where the database can be told so.

    Raises:
        ToolError: the database does not answer.
    """
    from sqlalchemy.exc import DBAPIError

    try:
        connection = engine.connect()
        _read_only(connection)
    except DBAPIError as error:
        raise ToolError(
            f"{_shown(engine.url)}: the database does not answer: {_reason(error, engine)}",
            "check that it runs, that this machine may reach it, and the user and password",
        ) from error
    with closing(connection):
        yield connection


def _read_only(connection: Connection) -> None:
    """Ask the server to refuse writing, where it can be asked."""
    match connection.dialect.name:
        case "postgresql":
            connection.execution_options(postgresql_readonly=True)
        case "sqlite":
            connection.exec_driver_sql("PRAGMA query_only = ON")
        case "mysql" | "mariadb":
            connection.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")
        case _:
            pass


def _reason(error: Exception, engine: Engine) -> str:
    """The driver's own first line, without the password should the driver have printed it."""
    text = str(getattr(error, "orig", None) or error).strip()
    line = text.splitlines()[0] if text else type(error).__name__
    password = engine.url.password
    return line.replace(str(password), "***") if password else line


@contextmanager
def _told(engine: Engine) -> Iterator[None]:
    """The database's refusals as this program's errors."""
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    try:
        yield
    except DBAPIError as error:
        reason = _reason(error, engine)
        if error.connection_invalidated:
            raise ToolError(
                f"{_shown(engine.url)}: the connection was lost: {reason}", "run it again"
            ) from error
        raise ConfigError(
            f"sql: the database refuses the query: {reason}", "run the query in the database's own client"
        ) from error
    except SQLAlchemyError as error:
        raise ConfigError(
            f"sql: the query cannot be run: {_reason(error, engine)}", "check the query"
        ) from error


# ---- the rows ----------------------------------------------------------------------------------


def _stream(engine: Engine, statement: str, rows: int) -> Iterator[Any]:
    """First the schema, then the batches; the connection closes with the last one."""
    from sqlalchemy import text

    clause = text(_COLON.sub(r"\\:", statement))
    with connected(engine) as connection, _told(engine):
        result = connection.execution_options(stream_results=True, yield_per=rows).execute(clause)
        with closing(result):
            names = _distinct(tuple(result.keys()))
            parts = result.partitions(rows)
            first = next(parts, [])
            columns = plain_columns(first, names)
            schema = _schema(columns, names, lambda name: _first_value(engine, statement, name))
            yield schema
            done = 0
            part: Sequence[Any] = first
            while part:
                yield _batch(columns, schema, done)
                done += len(part)
                part = next(parts, [])
                columns = plain_columns(part, names)


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(
            f"sql: the query gives more than one column named {', '.join(twice)}", "name them apart with AS"
        )
    return names


def plain_columns(rows: Sequence[Any], names: tuple[str, ...]) -> list[list[Any]]:
    """The values by column, as Arrow knows them: decimals as floats, UUIDs and other objects as text."""
    if not rows:
        return [[] for _ in names]
    return [_plain(list(column)) for column in zip(*rows, strict=True)]


def _plain(values: list[Any]) -> list[Any]:
    kinds = set(map(type, values))
    convert = {kind: how for kind in kinds if (how := _conversion(kind))}
    return (
        [convert[type(value)](value) if type(value) in convert else value for value in values]
        if convert
        else values
    )


@cache
def _conversion(kind: type) -> Any:
    import datetime
    import decimal

    if issubclass(kind, decimal.Decimal):
        return float
    if issubclass(kind, memoryview):
        return bytes
    known = (bool, int, float, str, bytes, list, tuple, dict, type(None))
    moments = (datetime.date, datetime.time, datetime.timedelta)
    return None if issubclass(kind, known + moments) else str


def _schema(columns: list[list[Any]], names: tuple[str, ...], later: Any) -> pa.Schema:
    """Types from the first rows; a column without a value there is asked for its first value."""
    import pyarrow as pa

    fields = []
    for name, values in zip(names, columns, strict=True):
        array = typed(name, values, None)
        if values and pa.types.is_null(array.type):
            array = typed(name, later(name), None)
        fields.append(pa.field(name, array.type))
    return pa.schema(fields)


def _first_value(engine: Engine, statement: str, name: str) -> list[Any]:
    """The first value of a column that is there, over a connection of its own; nothing where none is."""
    from sqlalchemy import column, select, text
    from sqlalchemy.exc import DBAPIError

    clause = text(_COLON.sub(r"\\:", statement)).columns(column(name)).subquery("rows_of_query")
    wanted = clause.c[name]
    with connected(engine) as connection:
        try:
            found = connection.execution_options(stream_results=True).execute(
                select(wanted).where(wanted.is_not(None)).limit(1)
            )
            row = found.first()
        except DBAPIError:
            # A dialect that cannot put this query into another one: the column's type is found on the way.
            return []
    return _plain([row[0]]) if row else []


def typed(name: str, values: list[Any], kind: Any, done: int = 0) -> Any:
    """One column as an Arrow array; ``kind`` is its type so far, ``done`` the rows before these."""
    import pyarrow as pa

    try:
        array = pa.array(values)
        if pa.types.is_timestamp(array.type) and array.type.tz:
            # A driver gives the offset of the first row, which changes with daylight saving.
            array = array.cast(pa.timestamp("us", "UTC"))
        if kind is None or array.type == kind:
            return array
        if pa.types.is_null(array.type) or (pa.types.is_integer(array.type) and pa.types.is_floating(kind)):
            return array.cast(kind)
        problem = f"was {kind} and is {array.type} in the rows from {done + 1:,} on"
    except (pa.ArrowException, OverflowError, ValueError, TypeError) as error:
        problem = f"holds values that do not go together: {str(error).splitlines()[0]}"
    raise ConfigError(
        f"sql: column {name!r} {problem}", f"give it one type in the query: CAST({name} AS ...)"
    )


def _batch(columns: list[list[Any]], schema: pa.Schema, done: int) -> pa.RecordBatch:
    import pyarrow as pa

    arrays = [
        typed(field.name, values, field.type, done) for field, values in zip(schema, columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
