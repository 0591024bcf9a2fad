"""Queries as Arrow batches: types, refusals, and what a database that is not there says."""

from __future__ import annotations

import datetime
import decimal
import importlib.util
import os
import shutil
import socket
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from mlops_ci.adapters import databases, process
from mlops_ci.errors import ConfigError, ToolError

Refuse = Callable[..., None]

QUERY = "SELECT id, name, score, note FROM people ORDER BY id"


@pytest.fixture
def url(tmp_path: Path) -> str:
    """An SQLite file with five people."""
    path = tmp_path / "people.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE people (id INTEGER, name TEXT, score REAL, note TEXT)")
        connection.executemany(
            "INSERT INTO people VALUES (?, ?, ?, ?)",
            [
                (1, "Ann", 0.5, None),
                (2, None, None, None),
                (3, "Zoë", 2.0, None),
                (4, "", 1.0, "x"),
                (5, "e", 0.0, None),
            ],
        )
    return f"sqlite:///{path}"


def table(url: str, query: str, *, rows: int = databases.ROWS) -> pa.Table:
    schema, batches = databases.batches(url, query, rows=rows)
    return pa.Table.from_batches(batches, schema=schema)


def refused(url: str, query: str, *, rows: int = databases.ROWS) -> tuple[str, str]:
    with pytest.raises(ConfigError) as found:
        table(url, query, rows=rows)
    return found.value.message, found.value.hint


def values(url: str, expression: str) -> list[Any]:
    plain: list[Any] = table(url, f"SELECT {expression} AS x")["x"].to_pylist()
    return plain


@pytest.mark.parametrize("rows", [1, 2, 5, 100])
def test_rows_and_types_do_not_depend_on_the_size_of_a_batch(url: str, rows: int) -> None:
    found = table(url, QUERY, rows=rows)
    assert found.to_pydict() == {
        "id": [1, 2, 3, 4, 5],
        "name": ["Ann", None, "Zoë", "", "e"],
        "score": [0.5, None, 2.0, 1.0, 0.0],
        "note": [None, None, None, "x", None],
    }
    expected = [("id", pa.int64()), ("name", pa.string()), ("score", pa.float64()), ("note", pa.string())]
    assert pa.schema(expected) == found.schema


def test_a_batch_has_as_many_rows_as_asked(url: str) -> None:
    _, batches = databases.batches(url, QUERY, rows=2)
    assert [batch.num_rows for batch in batches] == [2, 2, 1]


def test_no_row_still_has_the_columns(url: str) -> None:
    found = table(url, "SELECT id, name FROM people WHERE id > 9")
    assert (found.column_names, found.num_rows) == (["id", "name"], 0)


def test_a_column_without_a_value_has_no_type(url: str) -> None:
    assert pa.null() == table(url, "SELECT id, NULL AS never FROM people").schema.field("never").type


def test_stopping_early_frees_the_database(url: str) -> None:
    _, batches = databases.batches(url, QUERY, rows=1)
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=0)) as connection, connection:
        connection.execute("DELETE FROM people")


def test_whole_numbers_stay_in_a_column_of_fractions(tmp_path: Path) -> None:
    url = mixed(tmp_path, [0.5, 1, 2.5])
    assert table(url, "SELECT x FROM t", rows=1)["x"].to_pylist() == [0.5, 1.0, 2.5]


def mixed(tmp_path: Path, values: list[object]) -> str:
    """A column without a type: SQLite keeps every value as it came."""
    path = tmp_path / "mixed.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE t (x)")
        connection.executemany("INSERT INTO t VALUES (?)", [(value,) for value in values])
    return f"sqlite:///{path}"


def test_a_type_that_changes_between_batches_is_named(tmp_path: Path) -> None:
    found = refused(mixed(tmp_path, [1, 2, "three"]), "SELECT x FROM t", rows=2)
    assert found == (
        "sql: column 'x' was int64 and is string in the rows from 3 on",
        "give it one type in the query: CAST(x AS ...)",
    )


def test_types_that_do_not_go_together_in_one_batch_are_named(tmp_path: Path) -> None:
    message, hint = refused(mixed(tmp_path, [1, "two"]), "SELECT x FROM t")
    assert message.startswith("sql: column 'x' holds values that do not go together: ")
    assert hint == "give it one type in the query: CAST(x AS ...)"


def test_the_types_of_a_driver_become_arrows() -> None:
    import uuid

    one = uuid.UUID(int=1)
    zone = datetime.timezone(datetime.timedelta(hours=2))
    moment = datetime.datetime(2026, 7, 1, 12, tzinfo=zone)
    winter = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)
    rows = [(decimal.Decimal("1.50"), one, memoryview(b"x"), moment), (None, None, None, winter)]
    columns = databases.plain_columns(rows, ("a", "b", "c", "d"))
    assert [[1.5, None], [str(one), None], [b"x", None], [moment, winter]] == columns
    array = databases.typed("d", columns[3], None)
    assert pa.timestamp("us", "UTC") == array.type
    assert [moment.astimezone(datetime.UTC), winter] == array.to_pylist()


# ---- the query ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("SELECT 1", "SELECT 1"),
        (" select 1 ; ", "select 1"),
        ("SELECT 1 -- the end;", "SELECT 1"),
        ("/* why */ SELECT 1", "/* why */ SELECT 1"),
        ("(SELECT 1)", "(SELECT 1)"),
        ("WITH a AS (SELECT 1) SELECT * FROM a", "WITH a AS (SELECT 1) SELECT * FROM a"),
        ("SELECT ';drop table x', \"delete\", `update`", "SELECT ';drop table x', \"delete\", `update`"),
        ("SELECT t.update, deleted FROM t", "SELECT t.update, deleted FROM t"),
        ("SELECT 'it''s; x';;", "SELECT 'it''s; x'"),
        ("SELECT $$;insert$$", "SELECT $$;insert$$"),
    ],
)
def test_one_select_is_taken_as_it_is(query: str, kept: str) -> None:
    assert kept == databases.single_select(query)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("DROP TABLE people", "sql: the query starts with 'DROP', not with SELECT"),
        ("", "sql: the query starts with '', not with SELECT"),
        ("; SELECT 1", "sql: the query starts with '; SELECT ', not with SELECT"),
        ("SELECT 1; DELETE FROM people", "sql: the query has more than one statement"),
        ("SELECT 1 /* ; */ ; SELECT 2", "sql: the query has more than one statement"),
        ("WITH a AS (DELETE FROM p RETURNING *) SELECT * FROM a", "sql: the query has the word DELETE, and only reading is allowed"),
        ("SELECT * INTO copy FROM people", "sql: the query has the word INTO, and only reading is allowed"),
        ("SELECT 'C:\\'; DROP TABLE people --'", "sql: the query has a backslash before a quote"),
    ],
)  # fmt: skip
def test_what_is_not_one_select_is_refused(query: str, reason: str) -> None:
    with pytest.raises(ConfigError) as found:
        databases.single_select(query)
    assert reason == found.value.message
    assert found.value.hint


def test_colons_and_percent_signs_are_the_querys_own(url: str) -> None:
    assert values(url, "'12:30 :name 100%'") == ["12:30 :name 100%"]


def test_nothing_can_be_written(url: str) -> None:
    """Even where the word gets past the check, the connection itself refuses."""
    from sqlalchemy import create_engine
    from sqlalchemy.exc import OperationalError

    engine = create_engine(url)
    with (
        databases.connected(engine) as connection,
        pytest.raises(OperationalError, match="readonly database"),
    ):
        connection.exec_driver_sql("DELETE FROM people")


def test_a_wrong_query_says_what_the_database_says(url: str) -> None:
    assert refused(url, "SELECT * FROM persons") == (
        "sql: the database refuses the query: no such table: persons",
        "run the query in the database's own client",
    )


def test_a_query_that_fails_on_the_way_is_refused_too(tmp_path: Path) -> None:
    url = mixed(tmp_path, ["{}", "{}", "{"])
    with pytest.raises(ConfigError, match="malformed JSON"):
        table(url, "SELECT json(x) AS j FROM t", rows=1)


def test_columns_of_one_name_are_refused(url: str) -> None:
    assert refused(url, "SELECT id, id FROM people") == (
        "sql: the query gives more than one column named id",
        "name them apart with AS",
    )


# ---- the address -------------------------------------------------------------------------------


def test_variables_come_from_the_environment(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEOPLE", url.removeprefix("sqlite:///"))
    assert table("sqlite:///${PEOPLE}", QUERY).num_rows == 5


def test_a_missing_variable_is_named_and_nothing_else_of_the_url() -> None:
    assert databases.expand("postgresql://u:${PW}@h/d", {"PW": "geheim"}) == "postgresql://u:geheim@h/d"
    with pytest.raises(ConfigError) as found:
        databases.expand("postgresql://u:topsecret@${HOST}/${NAME}", {})
    assert found.value.message == "data.database: the environment has no HOST, NAME"


@pytest.mark.parametrize(
    ("url", "message", "hint"),
    [
        ("nonsense", "data.database: is no URL of a database", "its form is dialect+driver://"),
        ("http://u:topsecret@h:port/x", "data.database: is no URL of a database", "its form is dialect+driver://"),
        ("nosuch://u:topsecret@h/x", "data.database: SQLAlchemy knows no database 'nosuch'", "pip install "),
        ("snowflake://u:topsecret@h/x", "data.database: SQLAlchemy knows no database 'snowflake'", "pip install snowflake-sqlalchemy"),
        ("sqlite:///nowhere/x.db", "data.database: there is no file nowhere/x.db", "check the path"),
    ],
)  # fmt: skip
def test_a_wrong_url_is_said_without_its_password(url: str, message: str, hint: str) -> None:
    found = refused(url, "SELECT 1")
    assert message == found[0]
    assert found[1].startswith(hint)
    assert "topsecret" not in "".join(found)


class _Refusing:
    """Finds none of these modules, as if they were not installed."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.partition(".")[0] in self._names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name.partition(".")[0])


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Refuse:
    """Make modules impossible to import: ``without("sqlalchemy")``."""

    def run(*names: str) -> None:
        for loaded in [name for name in sys.modules if name.partition(".")[0] in names]:
            monkeypatch.delitem(sys.modules, loaded)
        monkeypatch.setattr(sys, "meta_path", [_Refusing(*names), *sys.meta_path])

    return run


def test_a_missing_driver_is_named_with_its_package(without: Refuse) -> None:
    without("psycopg", "pymysql")
    found = refused("postgresql+psycopg://u:topsecret@h/d", "SELECT 1")
    assert found == (
        "data.database: postgresql+psycopg needs psycopg, which is not installed",
        "pip install 'psycopg[binary]'",
    )
    assert refused("mysql+pymysql://u@h/d", "SELECT 1")[1] == "pip install pymysql"


def test_missing_sqlalchemy_is_named_with_the_extra(without: Refuse) -> None:
    without("sqlalchemy")
    assert refused("sqlite://", "SELECT 1") == ("sql: sources need sqlalchemy", "pip install 'mlops-ci[sql]'")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("no database" * 100)
    message, _ = refused(f"sqlite:///{tmp_path / 'x.db'}", "SELECT * FROM t")
    assert message == "sql: the database refuses the query: file is not a database"


# ---- PostgreSQL --------------------------------------------------------------------------------

DRIVER = next((name for name in ("psycopg", "psycopg2", "pg8000") if importlib.util.find_spec(name)), None)
needs_driver = pytest.mark.skipif(DRIVER is None, reason="no driver of PostgreSQL is installed")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@needs_driver
def test_a_database_that_is_down_is_a_tools_failure() -> None:
    with pytest.raises(ToolError) as found:
        table(f"postgresql+{DRIVER}://u:topsecret@127.0.0.1:{free_port()}/d", "SELECT 1")
    assert "the database does not answer: " in found.value.message
    assert "topsecret" not in found.value.message + found.value.hint


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """A server of our own on loopback; gives its URL."""
    if not (shutil.which("initdb") and shutil.which("pg_ctl")):
        pytest.skip("initdb and pg_ctl are not on PATH")
    as_user: list[str] = []
    # Not below pytest's own folder, which only this user may enter.
    root = Path(tempfile.mkdtemp(prefix="postgres-"))
    if os.geteuid() == 0:
        # PostgreSQL refuses to run as root.
        if not shutil.which("setpriv"):
            pytest.skip("the server does not run as root, and setpriv is not on PATH")
        as_user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        os.chown(root, 65534, 65534)
    data, port = root / "data", free_port()
    (root / "password").write_text("topsecret")
    if as_user:
        os.chown(root / "password", 65534, 65534)
    process.run([*as_user, "initdb", "--no-sync", "-A", "scram-sha-256", "-U", "u", f"--pwfile={root / 'password'}", "-D", str(data)], cwd=root)  # fmt: skip
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories='' -c fsync=off"
    control = [*as_user, "pg_ctl", "-D", str(data), "-l", str(root / "log"), "-o", options, "-w"]
    process.run([*control, "start"], cwd=root)
    try:
        yield f"postgresql+{DRIVER}://u:topsecret@127.0.0.1:{port}/postgres"
    finally:
        process.run([*control, "-m", "immediate", "stop"], cwd=root)
        shutil.rmtree(root)


@needs_driver
@pytest.mark.slow
def test_postgres_types_are_right_in_every_batch(postgres: str) -> None:
    query = """
        SELECT i::bigint AS whole, (i / 4.0)::numeric(10, 2) AS exact, (i / 4.0)::float8 AS fraction,
               CASE WHEN i > 2 THEN 't' || i END AS late, i % 2 = 0 AS even, date '2026-01-01' + i AS day,
               timestamptz '2026-03-28 12:00+00' + i * interval '1 day' AS moment, NULL::text AS nothing
        FROM generate_series(1, 5) AS i ORDER BY i
    """
    whole, small = table(postgres, query), table(postgres, query, rows=2)
    assert whole == small
    assert whole["exact"].to_pylist() == [0.25, 0.5, 0.75, 1.0, 1.25]
    assert whole["late"].to_pylist() == [None, None, "t3", "t4", "t5"]
    assert [datetime.date(2026, 1, 1 + i) for i in range(1, 6)] == whole["day"].to_pylist()
    assert pa.timestamp("us", "UTC") == whole.schema.field("moment").type
    types = [pa.int64(), pa.float64(), pa.float64(), pa.string(), pa.bool_(), pa.date32()]
    assert types == whole.schema.types[:6]


@needs_driver
@pytest.mark.slow
def test_postgres_says_what_is_wrong(postgres: str) -> None:
    message, _ = refused(postgres, "SELECT nothing FROM pg_class")
    assert message == 'sql: the database refuses the query: column "nothing" does not exist'
    with pytest.raises(ToolError) as found:
        table(postgres.replace("topsecret", "wrongword"), "SELECT 1")
    assert "password authentication failed" in found.value.message
    assert "wrongword" not in found.value.message


@needs_driver
@pytest.mark.slow
def test_postgres_is_asked_in_a_transaction_that_cannot_write(postgres: str) -> None:
    assert values(postgres, "current_setting('transaction_read_only')") == ["on"]
