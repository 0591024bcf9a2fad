"""`mlops-ci profile` writes a table's profile beside it, and names what could not be profiled."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_ci.adapters import process
from mlops_ci.commands.profile import profile
from mlops_ci.errors import ConfigError
from mlops_ci.profiles.shape import read
from tests.conftest import RunGit
from tests.e2e.conftest import Call, call

__all__ = ["call"]


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


# ---- whose profile it is -----------------------------------------------------------------------


def test_a_profile_that_may_be_of_another_table_is_not_overwritten(table: str) -> None:
    assert profile(table) == 0
    Path("data/train.csv").write_text("y\n1\n")
    before = Path("data/train.profile.json").read_bytes()
    for one, other in (("data/train.csv", table), (table, "data/train.csv")):
        with pytest.raises(ConfigError) as raised:
            profile(one)
        assert raised.value.message == (
            f"data/train.profile.json: is there already, and may be the profile of {other}"
        )
        assert raised.value.hint == f"say where to write, for example --output {one}.profile.json"
    assert Path("data/train.profile.json").read_bytes() == before
    assert profile("data/train.csv", output=Path("data/train.csv.profile.json")) == 0
    Path("data/train.profile.json").unlink()
    assert profile(table) == 0


@pytest.mark.parametrize(
    ("other", "refused"),
    [
        ("train.md", False),
        ("train.csv.md5", False),
        ("train/notes.md", False),
        ("trainer.csv", False),
        ("train.csv.dvc", True),
        ("train.jsonl", True),
        ("train/year=2024/one.csv", True),
    ],
)
def test_only_another_table_of_that_name_stands_in_the_way(table: str, other: str, *, refused: bool) -> None:
    assert profile(table) == 0
    path = Path("data") / other
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text("y\n1\n")
    if refused:
        with pytest.raises(ConfigError, match="may be the profile of data/train"):
            profile(table)
    else:
        assert profile(table) == 0


def test_a_stage_that_runs_again_overwrites_its_own_profile(
    dvc_repo: Path, commit: RunGit, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(dvc_repo)
    Path("t.csv").write_text("x\n1\n")
    Path("dvc.yaml").write_text(
        "stages:\n  profile:\n    cmd: mlops-ci profile t.parquet\n"
        "    deps: [t.parquet]\n    outs: [t.profile.json]\n"
    )
    for rows in (2, 3):
        pq.write_table(pa.table({"x": list(range(rows))}), "t.parquet")
        process.run(["dvc", "repro", "--quiet"], cwd=dvc_repo)
        assert read(Path("t.profile.json").read_bytes(), "t").rows == rows
    commit(dvc_repo, "two tables")
    pq.write_table(pa.table({"x": list(range(4))}), "t.parquet")
    assert call(dvc_repo, "run").code == 0
    assert read(Path("t.profile.json").read_bytes(), "t").rows == 4


# ---- an earlier revision -----------------------------------------------------------------------


def test_the_profile_of_an_earlier_revision(git_repo: Path, commit: RunGit, call: Call) -> None:
    (git_repo / "t.csv").write_text("x\n1\n2\n")
    commit(git_repo)
    (git_repo / "t.csv").write_text("x\n1\n")
    found = call(git_repo, "profile", "t.csv@HEAD")
    assert (found.code, found.out, found.err) == (
        2,
        "",
        "mlops-ci: t.csv@HEAD: t.profile.json is for the table of the work tree\n"
        "  → say where to write with --output FILE\n",
    )
    assert not (git_repo / "t.profile.json").exists()
    written = call(git_repo, "profile", "t.csv@HEAD", "--output", "before.profile.json", "--categorical", "X")
    assert written.code == 0
    assert written.out.splitlines()[1:] == [
        "  --categorical names X, which is no column of this table; did you mean x?"
    ]
    assert read((git_repo / "before.profile.json").read_bytes(), "t").rows == 2


def test_a_profile_of_a_profile_is_refused(table: str) -> None:
    profile(table)
    with pytest.raises(ConfigError, match="is a profile already"):
        profile("data/train.profile.json")
