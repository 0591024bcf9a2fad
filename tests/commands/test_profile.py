"""`mlops-ci profile` writes a table's profile beside it, and names what could not be profiled."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_ci.commands.profile import profile
from mlops_ci.errors import ConfigError
from mlops_ci.profiles.shape import read


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A table in the current folder's data folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    columns = {"x": [1, 1, 2], "tags": [[1], [], None]}
    pq.write_table(pa.table(columns), tmp_path / "data" / "train.parquet")
    return "data/train.parquet"


def test_the_profile_lies_beside_the_table(table: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert profile(table) == 0
    raw = Path("data/train.profile.json").read_bytes()
    found = read(raw, "train.profile.json")
    assert [(one.name, one.kind) for one in found.columns] == [("x", "number"), ("tags", "other")]
    assert capsys.readouterr().out == (
        f"data/train.profile.json: 3 rows, 2 columns, {len(raw) - 1} bytes\n"
        "  tags: nested values (list<element: int64>) are not profiled\n"
    )


def test_the_same_table_gives_the_same_bytes(table: str) -> None:
    profile(table, output=Path("one.json"))
    profile(table, output=Path("new/folder/other.json"))
    assert Path("one.json").read_bytes() == Path("new/folder/other.json").read_bytes()


def test_codes_are_categories_where_it_is_said(table: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert profile(table, categorical="x, ", json=True) == 0
    found = read(Path("data/train.profile.json").read_bytes(), "train.profile.json")
    assert found.columns[0].levels is not None
    assert found.columns[0].levels.counts == (("1", 2), ("2", 1))
    document = json.loads(capsys.readouterr().out)
    assert document["profile"] == "data/train.profile.json"
    assert (document["rows"], document["columns"], document["notes"]) == (3, 2, [])
    assert [one["column"] for one in document["problems"]] == ["tags"]


def test_how_a_table_had_to_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.jsonl").write_text('{"x": 1}\n{"x": "a"}\n')
    assert profile("t.jsonl") == 0
    assert "  column 'x' holds values of several kinds; read as text\n" in capsys.readouterr().out


def test_a_column_that_is_not_there_is_told(table: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert profile(table, categorical="z") == 0
    assert "  --categorical names z, which is no column of this table\n" in capsys.readouterr().out


def test_a_folder_has_its_profile_beside_it(table: str) -> None:
    assert profile("data") == 0
    assert Path("data.profile.json").exists()
    assert profile("data/") == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"table": "data/trian.parquet"}, "data/trian.parquet: is not there"),
        ({"engine": "abacus"}, "there is no engine 'abacus'"),
        ({"table": "sql:SELECT 1"}, "sql:SELECT 1: there is no folder beside it"),
    ],
)
def test_misuse_is_told_and_writes_nothing(table: str, options: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError) as raised:
        profile(**{"table": table, **options})  # type: ignore[arg-type]
    assert raised.value.message == words
    assert not Path("data/train.profile.json").exists()


def test_a_profile_of_a_profile_is_refused(table: str) -> None:
    profile(table)
    with pytest.raises(ConfigError, match="is a profile already"):
        profile("data/train.profile.json")
