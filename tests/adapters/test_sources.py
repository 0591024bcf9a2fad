"""Tables of every format and place are streamed; what is no table is one clear refusal."""

from __future__ import annotations

import io
import json
import os
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather as pf
import pyarrow.parquet as pq
import pytest

from mlops_ci.adapters.profiling import profile
from mlops_ci.adapters.source import Source
from mlops_ci.adapters.sources import from_bytes, open_source
from mlops_ci.errors import ConfigError

TABLE = pa.table({"x": [1, 2, 3], "name": ["a", "b", None], "y": [0.5, None, 1.5]})


def rows(source: Source, columns: list[str] | None = None) -> list[dict[str, Any]]:
    """All rows as plain values."""
    return [row for batch in source.batches(columns) for row in batch.to_pylist()]


def write_lines(path: Path, values: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(value) + "\n" for value in values))


def _stream(path: Path) -> None:
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, TABLE.schema) as writer:
        writer.write_table(TABLE)


def _codes(path: Path) -> None:
    at = TABLE.schema.get_field_index("name")
    coded = TABLE.set_column(at, "name", TABLE["name"].dictionary_encode())
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, coded.schema) as writer:
        writer.write_table(coded)


WRITERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "parquet": ("t.parquet", lambda path: pq.write_table(TABLE, path)),
    "pq": ("t.pq", lambda path: pq.write_table(TABLE, path, row_group_size=2)),
    "csv": ("t.csv", lambda path: path.write_text("x,name,y\n1,a,0.5\n2,b,\n3,,1.5\n")),
    "tsv": ("t.tsv", lambda path: path.write_text("x\tname\ty\n1\ta\t0.5\n2\tb\t\n3\t\t1.5\n")),
    "jsonl": ("t.jsonl", lambda path: write_lines(path, TABLE.to_pylist())),
    "ndjson": ("t.ndjson", lambda path: write_lines(path, TABLE.to_pylist())),
    "list": ("t.json", lambda path: path.write_text(json.dumps(TABLE.to_pylist()))),
    "lines named json": ("t.json", lambda path: write_lines(path, TABLE.to_pylist())),
    "feather": ("t.feather", lambda path: pf.write_feather(TABLE, str(path))),
    "stream": ("t.arrow", _stream),
    "codes": ("t.ipc", _codes),
}


@pytest.mark.parametrize("format_", WRITERS)
def test_a_table_of_every_format_gives_its_rows(tmp_path: Path, format_: str) -> None:
    name, write = WRITERS[format_]
    write(tmp_path / name)
    source = open_source(name, root=tmp_path)
    assert source.schema().names == ["x", "name", "y"]
    assert rows(source) == TABLE.to_pylist()
    assert rows(source, ["y", "x"]) == TABLE.select(["x", "y"]).to_pylist() or format_ in ("parquet", "pq")
    again = from_bytes((tmp_path / name).read_bytes(), name)
    assert rows(again) == TABLE.to_pylist()
    assert profile(again) == profile(source)
    assert source.notes == ()


def test_parquet_gives_text_as_codes_where_it_is_asked_to(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "t.parquet")
    source = open_source(str(tmp_path / "t.parquet"))
    assert pa.types.is_dictionary(next(source.batches(decode_strings=False)).schema.field("name").type)
    assert next(source.batches()).schema.field("name").type == pa.string()
    assert source.extremes() == {"x": (1.0, 3.0), "y": (0.5, 1.5)}


def test_statistics_are_used_only_where_all_are_there(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "plain.parquet", write_statistics=False)
    assert open_source(str(tmp_path / "plain.parquet")).extremes() == {}
    pq.write_table(pa.table({"x": [1], "n": [{"a": 1, "b": 2}]}), tmp_path / "nested.parquet")
    assert open_source(str(tmp_path / "nested.parquet")).extremes() == {}


def test_a_folder_is_one_table(tmp_path: Path) -> None:
    folder = tmp_path / "all"
    for year, place in ((2023, "north%20side"), (2024, "__HIVE_DEFAULT_PARTITION__")):
        part = folder / f"year={year}" / f"place={place}"
        part.mkdir(parents=True)
        pq.write_table(pa.table({"x": [year % 100]}), part / "part-0.parquet")
    (folder / "year=2024" / "place=east").mkdir()
    pq.write_table(pa.table({"x": [0.5], "new": ["n"]}), folder / "year=2024" / "place=east" / "b.parquet")
    (folder / "_SUCCESS").write_text("")
    (folder / ".hidden.parquet").write_text("no table")
    (folder / "notes.txt").write_text("no table")
    source = open_source("all", root=tmp_path)
    assert rows(source) == [
        {"x": 23.0, "new": None, "year": 2023, "place": "north side"},
        {"x": 24.0, "new": None, "year": 2024, "place": None},
        {"x": 0.5, "new": "n", "year": 2024, "place": "east"},
    ]
    assert rows(source, ["year"]) == [{"year": 2023}, {"year": 2024}, {"year": 2024}]
    found = profile(source)
    assert [(one.name, one.kind, one.nulls) for one in found.columns] == [
        ("x", "number", 0),
        ("new", "category", 2),
        ("year", "number", 0),
        ("place", "category", 1),
    ]


def test_a_folder_of_equal_files_is_read_as_it_is(tmp_path: Path) -> None:
    for name in ("a.parquet", "b.parquet"):
        pq.write_table(TABLE, tmp_path / name)
    assert rows(open_source(str(tmp_path))) == 2 * TABLE.to_pylist()
    assert profile(str(tmp_path)).rows == 6


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ({"x": [1]}, {"x": ["a"]}, "column 'x' is int64 in a.parquet and string in b.parquet"),
        ({"x": [1]}, {"x": [b"a"]}, "column 'x' is int64 in a.parquet and binary in b.parquet"),
    ],
)
def test_files_that_do_not_fit_together_are_named(
    tmp_path: Path, one: dict[str, list[Any]], other: dict[str, list[Any]], words: str
) -> None:
    pq.write_table(pa.table(one), tmp_path / "a.parquet")
    pq.write_table(pa.table(other), tmp_path / "b.parquet")
    with pytest.raises(ConfigError, match=words):
        open_source(str(tmp_path)).schema()


def test_a_partition_named_like_a_column_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x=1").mkdir()
    pq.write_table(TABLE, tmp_path / "x=1" / "a.parquet")
    with pytest.raises(ConfigError, match="column 'x' stands in the files and in the folders' names"):
        open_source(str(tmp_path)).schema()


def test_a_name_that_stands_twice_in_one_of_many_files_is_refused(tmp_path: Path) -> None:
    twice = pa.table([pa.array([1]), pa.array([2])], names=["x", "x"])
    for name in ("a.parquet", "b.parquet"):
        pq.write_table(twice, tmp_path / name)
    with pytest.raises(ConfigError, match="column 'x' stands twice"):
        open_source(str(tmp_path)).schema()


def test_a_name_that_stands_twice_is_profiled_and_named(tmp_path: Path) -> None:
    twice = pa.table([pa.array([1.0] * 400), pa.array([0.5] * 399 + [1e300])], names=["x", "x"])
    pq.write_table(twice, tmp_path / "t.parquet")
    found = profile(str(tmp_path / "t.parquet"))
    assert [one.problem for one in found.columns] == ["the name stands more than once in the table"] * 2
    assert [one.grid.above if one.grid else None for one in found.columns] == [0, 1]


def test_a_stored_profile_stands_for_its_table(tmp_path: Path) -> None:
    stored = profile(from_bytes(*_parquet()))
    (tmp_path / "t.profile.json").write_bytes(stored.to_json())
    source = open_source("t.profile.json", root=tmp_path)
    assert source.stored == stored == profile(source)
    for refused in (source.schema, source.batches, lambda: source.sample(1)):
        with pytest.raises(ConfigError, match="is a stored profile, and rows are needed here"):
            refused()


def _parquet(table: pa.Table = TABLE) -> tuple[bytes, str]:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue(), "t.parquet"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("t.parquet", b"", "is empty"),
        ("t.csv", b"", "is empty"),
        ("t.csv", b"\n\n", "is empty"),
        ("t.jsonl", b"\n\n", "is empty"),
        ("t.parquet", b"x,y\n1,2\n", "is no Parquet file, it does not begin like one"),
        ("t.parquet", b"PARE" + bytes(100), "is encrypted"),
        ("t.parquet", _parquet()[0][:-20], "is no readable Parquet file"),
        ("t.arrow", b"ARROW1\0\0" + bytes(50), "is no readable Arrow file"),
        ("t.feather", b"FEA1" + bytes(50), "is a Feather file of version 1"),
        ("t.csv", _parquet()[0], "is binary, no text"),
        ("t.jsonl", _parquet()[0], "is binary, no text"),
        ("t.csv", b"x;y\n1;2\n", "the header has semicolons and no commas: the wrong delimiter?"),
        ("t.tsv", b"x,y\n1,2\n", "the header has commas and no tabs: the wrong delimiter?"),
        ("t.csv", b"x,y\n1,2\n1\n", "row 3: expected 2 columns, got 1 (the header is row 1, "),
        ("t.csv", b"x,y\n" + 2_000_000 * b"1,2\n" + b"1\n", "row 2,000,002: expected 2 columns, got 1 (the"),
        ("t.csv", b"x,y\n" + 20_000 * b"1,2\n" + bytes(100), "line 20,002, byte 80,005 is NUL, which text"),
        ("t.csv", b"x,y\n" + 20_000 * b"1,2\n" + bytes(1 << 23), "line 20,002, byte 80,005 is NUL, which"),
        ("t.csv", b'x,y\n1,"' + 3_000_000 * b"3,z\n", "a row has more than 4,194,304 bytes"),
        ("t.csv", b"x,y\n1,a\n2,Z\xfcrich\n", "is not UTF-8: line 3, byte 12 is 0xfc"),
        ("t.csv", b"x,stra\xdfe\n1,2\n", "is not UTF-8: line 1, byte 7 is 0xdf"),
        (
            "t.csv",
            b"x,y\n" + 1_000_000 * b"12345,a\n" + b"1,\xfc\n",
            "line 1,000,002, byte 8,000,007 is 0xfc",
        ),
        ("t.csv", "x,y\n1,2\n".encode("utf-16"), "is not UTF-8: line 1, byte 1 is 0xff"),
        ("t.jsonl", b'{"x": 1}\n{"x": ', "line 2 is no JSON object: Expecting value"),
        ("t.jsonl", b'{"x": 1}\n[1]\n', "line 2 is no JSON object"),
        ("t.jsonl", 2_000_000 * b'{"x": 1}\n' + b"[1]\n", "line 2,000,001 is no JSON object"),
        (
            "t.jsonl",
            2_000_000 * b'{"x": 1}\n' + b'{"x": KEY}\n',
            "line 2,000,001 is no JSON object: Expecting",
        ),
        ("t.jsonl", b'{"x": 1}\n' * 20_000 + bytes(100), "line 20,001 is no JSON object: Expecting value"),
        ("t.jsonl", b'{"x": "a"}\n{"x": "\xff"}\n', "is not UTF-8: line 2, byte 19 is 0xff"),
        ("t.jsonl", b'{"x": 1, "x": 2}\n', "JSON parse error: Column(/x) was specified twice"),
        ("t.json", b'[{"x": "\xff"}]', "is not UTF-8: line 1, byte 9 is 0xff"),
        ("t.json", b'["x"]', "row 1 is no JSON object"),
        ("t.json", b"[1, ", "is no readable JSON file"),
        ("t.json", b"3", "is neither a list of objects nor a stored profile"),
        ("t.profile.json", b'{"schema": 9, "rows": 1}', "is no profile: schema"),
        ("t.xlsx", b"PK", "has the suffix .xlsx, which is no table's"),
        ("table", b"PK", "has the suffix (none), which is no table's"),
    ],
)
def test_what_is_no_table_is_one_clear_refusal(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError) as raised:
        profile(open_source(name, root=tmp_path))
    assert words in raised.value.message
    assert raised.value.message.startswith(name)
    assert "\n" not in raised.value.message
    assert "block size" not in raised.value.message
    assert " in row " not in raised.value.message
    assert raised.value.hint


@pytest.mark.parametrize(("encoding", "named"), [("latin-1", "latin1"), ("utf-16", "utf16")])
def test_how_another_encoding_is_mended(tmp_path: Path, encoding: str, named: str) -> None:
    (tmp_path / "la t.csv").write_bytes("x,city\n1,Zürich\n".encode(encoding))
    with pytest.raises(ConfigError) as raised:
        profile(open_source("la t.csv", root=tmp_path))
    assert raised.value.hint.startswith(f"write it as UTF-8: `iconv -f {named} -t utf8 'la t.csv'`")


def test_a_character_between_two_blocks_is_one(tmp_path: Path) -> None:
    filler = "x,y\n" + "1,a\n" * ((1 << 20) - 2) + "1,"
    path = tmp_path / "t.csv"
    path.write_bytes(f"{filler}{'ü' * 9}\n".encode() + b"2,\xff\n")
    with pytest.raises(ConfigError) as raised:
        profile(str(path))
    line, byte = (1 << 20) + 1, len(filler) + 2 * 9 + 1 + 3
    assert raised.value.message == f"{path}: is not UTF-8: line {line:,}, byte {byte:,} is 0xff"


def test_a_page_that_is_damaged_is_a_refusal(tmp_path: Path) -> None:
    raw = bytearray(_parquet(pa.table({"x": list(range(10_000))}))[0])
    raw[40:4000] = bytes(3960)
    (tmp_path / "t.parquet").write_bytes(raw)
    with pytest.raises(ConfigError, match=r"t\.parquet: is no readable Parquet file"):
        profile(open_source("t.parquet", root=tmp_path))


def test_a_missing_table_is_told_with_the_name_that_was_meant(tmp_path: Path) -> None:
    (tmp_path / "train.parquet").write_bytes(_parquet()[0])
    with pytest.raises(ConfigError) as raised:
        open_source("trian.parquet", root=tmp_path)
    assert (raised.value.message, raised.value.hint) == (
        "trian.parquet: is not there",
        "did you mean 'train.parquet'?",
    )
    with pytest.raises(ConfigError, match="is not there"):
        open_source("no/such/folder/x.csv", root=tmp_path)


def test_a_folder_without_tables_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("none")
    with pytest.raises(ConfigError, match="is a folder without any table"):
        open_source(str(tmp_path))


def test_a_type_that_changes_after_the_first_block_is_widened(tmp_path: Path) -> None:
    lines = ["whole,mixed,late,text", *(f"{i},{i},,text{'x' * 40}" for i in range(100_000)), "0.5,word,7,x"]
    path = tmp_path / "t.csv"
    path.write_bytes("\n".join(lines).encode())
    source = open_source(str(path))
    assert [str(type_) for type_ in source.schema().types] == ["double", "string", "double", "string"]
    assert source.notes == ("column 'mixed' begins with other values than text; read as text",)
    assert [one.kind for one in profile(source).columns] == ["number", "category", "number", "category"]


def test_a_column_that_stands_twice_and_changes_its_type_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x,x\n" + "1000000000,2\n" * 400_000 + "word,2\n")
    with pytest.raises(ConfigError, match="column 'x' stands twice and changes its type"):
        open_source(str(path)).schema()


def test_json_lines_of_several_kinds_are_text(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    write_lines(path, [{"x": 1}, {"x": "a", "y": True}, {"x": None}, {"x": [1, "ä"]}])
    source = open_source(str(path))
    assert rows(source) == [
        {"x": "1", "y": None},
        {"x": "a", "y": True},
        {"x": None, "y": None},
        {"x": '[1, "ä"]', "y": None},
    ]
    assert source.notes == ("column 'x' holds values of several kinds; read as text",)


def test_json_lines_that_change_after_the_first_block(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    filler = "z" * 100
    first = [{"x": i, "y": True, "f": filler} for i in range(80_000)]
    write_lines(path, [*first, {"x": 0.5, "y": "word", "f": filler, "n": {"a": 1}}])
    source = open_source(str(path))
    assert [(one.name, one.kind, one.nulls) for one in profile(source).columns] == [
        ("x", "number", 0),
        ("y", "category", 0),
        ("f", "category", 0),
        ("n", "other", 80_000),
    ]
    assert source.notes == ("column 'y' holds values of several kinds; read as text",)


def test_a_list_of_several_kinds_is_text(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text('[{"x": 1}, {"x": "a"}]')
    source = open_source("t.json", root=tmp_path)
    assert rows(source) == [{"x": "1"}, {"x": "a"}]
    assert source.notes == ("column 'x' holds values of several kinds; read as text",)


def test_a_sample_is_drawn_evenly_and_repeats(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": range(200_000)}), tmp_path / "t.parquet", row_group_size=10_000)
    source = open_source(str(tmp_path / "t.parquet"))
    drawn = source.sample(2_000, seed=3)
    values = drawn["x"].to_pylist()
    assert len(set(values)) == 2_000
    assert values == sorted(values)
    assert abs(sum(values) / 2_000 - 100_000) < 5 * 57_735 / 2_000**0.5
    assert drawn.equals(source.sample(2_000, seed=3))
    assert not drawn.equals(source.sample(2_000, seed=4))
    assert source.sample(10**6).num_rows == 200_000


def test_a_query_is_a_source(tmp_path: Path) -> None:
    pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed")
    import sqlite3

    with sqlite3.connect(tmp_path / "x.db") as base:
        base.execute("create table t (x integer, name text)")
        base.executemany("insert into t values (?, ?)", [(1, "a"), (2, None)])
    base.close()
    source = open_source("sql:SELECT x, name FROM t ORDER BY x", database=f"sqlite:///{tmp_path / 'x.db'}")
    assert source.schema().names == ["x", "name"]
    assert rows(source) == [{"x": 1, "name": "a"}, {"x": 2, "name": None}]
    assert rows(source, ["name"]) == [{"name": "a"}, {"name": None}]
    assert profile(source).rows == 2


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl", ".arrow"])
def test_three_gigabytes_of_nothing_are_not_read_into_memory(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"t{suffix}"
    with path.open("wb") as file:
        os.truncate(file.fileno(), 3 << 30)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ConfigError):
        profile(str(path))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


@pytest.mark.slow
def test_a_header_and_three_gigabytes_of_nothing_are_not_read_into_memory(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    with path.open("wb") as file:
        file.write(b"x,y\n" + b"1,2\n" * 100_000)
        os.truncate(file.fileno(), 3 << 30)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ConfigError):
        profile(str(path))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000


@pytest.mark.parametrize("cell", ['"a', 'b,"2\n3'])
def test_a_quotation_mark_that_nothing_closes_loses_no_row_silently(tmp_path: Path, cell: str) -> None:
    (tmp_path / "q.csv").write_text("x,name\n" + "1,a\n" * 50 + f"2,{cell}\n" + "3,b\n" * 50)
    with pytest.raises(ConfigError) as raised:
        profile(open_source("q.csv", root=tmp_path))
    assert raised.value.message in (
        "q.csv: a quotation mark is not closed, so rows behind it would be lost",
        "q.csv: row 52: expected 2 columns, got 3 (the header is row 1, empty lines are not counted)",
    )


def test_the_refusal_of_a_row_does_not_quote_it(tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text("x,name\n1,a\n2,SECRET,4111\n")
    with pytest.raises(ConfigError) as raised:
        profile(open_source("q.csv", root=tmp_path))
    assert raised.value.message == (
        "q.csv: row 3: expected 2 columns, got 3 (the header is row 1, empty lines are not counted)"
    )


def test_a_query_without_a_database_reads_files(tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    pq.write_table(TABLE, tmp_path / "t.parquet")
    source = open_source("sql:SELECT x, name FROM 't.parquet' WHERE x > 1;", root=tmp_path)
    assert source.schema().names == ["x", "name"]
    assert rows(source) == [{"x": 2, "name": "b"}, {"x": 3, "name": None}]
    assert rows(source, ["x"]) == [{"x": 2}, {"x": 3}]
    with pytest.raises(ConfigError, match="DuckDB refuses the query: IO Error: No files found"):
        open_source("sql:SELECT * FROM 'u.parquet'", root=tmp_path).schema()
