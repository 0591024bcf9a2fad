"""`mlops-ci data`: a schema is inferred and reviewed, a table is held to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from mlops_ci import cli
from mlops_ci.adapters import process
from mlops_ci.evidence import TableCheck
from tests.conftest import RunGit
from tests.e2e.conftest import Call, call

__all__ = ["call"]

ROWS: dict[str, Any] = {
    "id": list(range(200)),
    "sex": ["f", "m"] * 100,
    "age": [one % 90 for one in range(200)],
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    save(ROWS)
    return tmp_path


def save(columns: dict[str, Any], name: str = "people.parquet") -> None:
    pq.write_table(pa.table(columns), name)


def run(*args: str) -> int:
    return cli.run(["data", *args])


SCHEMA = """\
version: 1
rows: {min: 1}
further_columns: false
columns:
  age: {type: integer, min: 0, max: 113}
  id: {type: integer, unique: true}
  sex: {type: text, allowed: [f, m]}
"""


def test_infer_writes_a_schema_that_the_table_keeps(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("infer", "people.parquet") == 0
    assert capsys.readouterr().out == "schemas/people.yaml: 3 columns. Review it, and commit it.\n"
    assert (folder / "schemas/people.yaml").read_text().endswith(SCHEMA)
    assert run("check", "people.parquet") == 0
    assert capsys.readouterr().out == "people.parquet: 200 rows keep all 10 rules of schemas/people.yaml\n"


def test_infer_never_overwrites(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = folder / "schemas/people.yaml"
    run("infer", "people.parquet")
    assert run("infer", "people.parquet") == 0
    assert capsys.readouterr().out.endswith("schemas/people.yaml is up to date\n")
    place.write_text(place.read_text().replace("max: 113", "max: 60"))
    before = place.read_text()
    assert run("infer", "people.parquet") == 2
    out, err = capsys.readouterr()
    assert "-  age: {type: integer, min: 0, max: 60}\n+  age: {type: integer, min: 0, max: 113}\n" in out
    assert "schemas/people.yaml: exists and would change as shown" in err
    assert place.read_text() == before
    assert run("infer", "people.parquet", "--dry-run") == 0
    assert "+  age: {type: integer, min: 0, max: 113}" in capsys.readouterr().out


def test_dry_run_writes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("infer", "people.parquet", "--dry-run", "--sensitive", "sex", "--categorical", "age") == 0
    out = capsys.readouterr().out
    assert "  sex: {type: text}\n" in out
    assert "  age: {type: integer, min: 0, max: 113}\n" in out
    assert not (folder / "schemas").exists()
    run("infer", "people.parquet")
    capsys.readouterr()
    assert run("infer", "people.parquet", "--dry-run") == 0
    assert capsys.readouterr().out == "schemas/people.yaml is up to date\n"


def test_infer_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("infer", "people.parquet", "-o", "a.yaml", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["path"], document["written"]) == ("a.yaml", True)
    assert document["schema"]["columns"]["sex"] == {"type": "text", "allowed": ["f", "m"]}


def test_what_a_schema_cannot_name_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save({**ROWS, "gone": pa.nulls(200)})
    assert run("infer", "people.parquet") == 0
    assert "note: left out: gone: has no value at all" in capsys.readouterr().err


def test_check_names_every_broken_rule_in_a_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("infer", "people.parquet")
    ages = [150] * 7 + ROWS["age"][7:]
    save({"id": [*range(198), 5, 5], "sex": ["x"] * 6 + ["m"] * 194, "age": pa.array(ages), "new": [1] * 200})
    capsys.readouterr()
    assert run("check", "people.parquet", "-o", "reports/schema.json") == 1
    lines = capsys.readouterr().out.splitlines()
    found = TableCheck.model_validate_json((folder / "reports/schema.json").read_text())
    broken = [(rule.rule, rule.column, rule.failing) for rule in found.rules if not rule.ok]
    assert broken == [
        ("added", "new", None),
        ("range", "age", 7),
        ("unique", "id", 2),
        ("allowed", "sex", 6),
    ]
    assert len(lines) == 5
    assert lines[-1] == "people.parquet: 4 rules are broken of 11 in schemas/people.yaml"


def test_values_are_told_only_where_they_may_be(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("infer", "people.parquet")
    save({**ROWS, "sex": ["x"] * 6 + ["m"] * 194})
    for options, shown in (
        ((), False),
        (("--show-values",), True),
        (("--show-values", "--sensitive", "sex"), False),
    ):
        capsys.readouterr()
        assert run("check", "people.parquet", *options, "--json") == 1
        (rule,) = [one for one in json.loads(capsys.readouterr().out)["rules"] if not one["ok"]]
        assert (rule["found"] == "x in 6 rows") is shown
        assert rule["found"].endswith(" in 6 rows")


def test_the_users_own_checks(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "own.py").write_text("def old(rows):\n    return rows['age'] > 20\n\ndef bad(v):\n    1 / 0\n")
    schema = SCHEMA.replace("columns:\n", 'checks: ["own:old"]\ncolumns:\n').replace(
        "113}", '113, checks: ["own:bad"]}'
    )
    (folder / "s.yaml").write_text(schema)
    assert run("check", "people.parquet", "--schema", "s.yaml") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == (
        "people.parquet breaks own:old in 62 of 200 rows: expected true for every row, found 62 rows with false."
    )
    assert (
        lines[1] == "people.parquet: age: own:bad could not be checked: raises ZeroDivisionError at own.py:5"
    )


def test_a_csv_with_one_word_among_its_numbers(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("infer", "people.parquet")
    pa.csv.write_csv(pa.table({**ROWS, "age": ["n/b", *map(str, ROWS["age"][1:])]}), "people.csv")
    capsys.readouterr()
    assert run("check", "people.csv") == 1
    assert (
        "expected integer, found text; 1 value of 200 cannot be read as integer." in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["check", "people.parquet"], "schemas/people.yaml: there is no such schema"),
        (["check", "people.parquet", "--schema", "."], ".: cannot be read"),
        (["check", "people.parquet", "--schema", "bad.yaml"], "bad.yaml:2: columns.a.type: expected integer"),
        (["check", "people.parquet", "--dry-run"], "--dry-run says nothing to `data check`"),
        (["infer", "people.parquet", "--schema", "x"], "--schema says nothing to `data infer`"),
        (["infer", "absent.parquet"], "absent.parquet: is not there"),
        (["infer", "empty.parquet"], "the table has no rows"),
        (["infer", "people.parquet", "--categorical", "x"], "--categorical: the table has no column x"),
        (["learn", "people.parquet"], "'learn' is not one of 'infer', 'check'"),
    ],
)
def test_misuse_is_one_line(
    folder: Path, args: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bad.yaml").write_text("columns:\n  a: {type: x}\n")
    save({"a": pa.array([], pa.int64())}, "empty.parquet")
    assert run(*args) == 2
    assert said in capsys.readouterr().err


def test_a_table_at_a_revision(git_repo: Path, commit: RunGit, call: Call) -> None:
    (git_repo / "kept").mkdir()
    for name in ("people.csv", "kept/one.csv"):
        (git_repo / name).write_text("x\n" + "1\n" * 9)
    commit(git_repo)
    git_repo.joinpath("people.csv").write_text("y\n")
    for table in ("people.csv@HEAD", "people.csv@main", "kept@HEAD"):
        name = table.partition("@")[0].rstrip("/").removesuffix(".csv")
        inferred = call(git_repo, "data", "infer", table)
        assert inferred.code == 0, inferred.err
        checked = call(git_repo, "data", "check", table, "--json").document
        assert (checked["path"], checked["table"]) == (table, Path(table.partition("@")[0]).name)
        assert checked["schema_path"] == f"schemas/{name}.yaml"
        assert (checked["rows"], checked["checked"], checked["broken"]) == (9, 3, 0)
    head = (git_repo / "schemas/people.yaml").read_text().splitlines()[0]
    assert head.startswith("# What people.csv must look like, ")
    # A revision's own slash is no part of the name.
    process.run(["git", "branch", "try/more"], cwd=git_repo)
    assert call(git_repo, "data", "infer", "people.csv@try/more", "--dry-run").code == 0
    kept = call(git_repo, "data", "check", "people.csv@try/more")
    assert kept.out == "people.csv@try/more: 9 rows keep all 3 rules of schemas/people.yaml\n"
    unknown = call(git_repo, "data", "check", "people.csv@v9")
    assert (unknown.code, unknown.out) == (2, "")
    assert unknown.err.startswith("mlops-ci: people.csv@v9: there is no such file, and 'v9' is no commit, ")


def test_a_query_has_no_name(folder: Path) -> None:
    from mlops_ci.commands.data import _default
    from mlops_ci.errors import ConfigError

    with pytest.raises(ConfigError):
        _default("sql:SELECT 1", "-o")
    assert _default("s3://bucket/people/", "-o") == Path("schemas/people.yaml")


SETTINGS = """\
version: 1
defaults:
  data:
    sensitive: [se*, gone]
    show_values: true
    categorical: [age, absent]
"""


def test_what_mlops_ci_yaml_says_of_columns_holds_for_infer(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "mlops-ci.yaml").write_text(SETTINGS)
    save({**ROWS, "age": [one % 3 for one in range(200)]})
    assert run("infer", "people.parquet") == 0
    said = capsys.readouterr().err
    assert said == "mlops-ci.yaml: defaults.data says categorical, sensitive, show_values\n"
    written = (folder / "schemas/people.yaml").read_text()
    assert "  sex: {type: text}\n" in written
    assert "  age: {type: integer, allowed: [0, 1, 2]}\n" in written


def test_what_mlops_ci_yaml_says_of_columns_holds_for_check(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("infer", "people.parquet")
    (folder / "mlops-ci.yaml").write_text(SETTINGS)
    save({**ROWS, "sex": ["NARWHAL"] * 6 + ["m"] * 194, "age": [777] * 6 + ROWS["age"][6:]})
    capsys.readouterr()
    assert run("check", "people.parquet", "--show-values") == 1
    out = capsys.readouterr().out
    assert "NARWHAL" not in out
    assert "one of 2 values, found #" in out
    assert "6 values outside: 777 in 6 rows" in out


def test_a_broken_mlops_ci_yaml_is_misuse(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "mlops-ci.yaml").write_text("version: 1\ndefaults: {data: {sensitve: [a]}}\n")
    assert run("infer", "people.parquet") == 2
    assert "sensitve" in capsys.readouterr().err
    assert not (folder / "schemas").exists()


def test_many_columns_that_break_one_rule_are_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("infer", "people.parquet")
    save({**ROWS, **{f"n{one}": ROWS["age"] for one in range(8)}})
    capsys.readouterr()
    assert run("check", "people.parquet") == 1
    assert capsys.readouterr().out == (
        "people.parquet: 8 columns break the rule added: n0, n1, n2, n3, n4 and 3 more.\n"
        "people.parquet: 8 rules are broken of 18 in schemas/people.yaml\n"
    )


def test_a_renamed_column_is_asked_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("infer", "people.parquet")
    save({"ID": ROWS["id"], "sex": ROWS["sex"], "ages": ROWS["age"], "other": ROWS["age"]})
    capsys.readouterr()
    assert run("check", "people.parquet") == 1
    refused = "is not in the schema, which allows no further columns"
    assert capsys.readouterr().out.splitlines()[:5] == [
        "people.parquet: age is missing; did you mean ages, which is there?",
        "people.parquet: id is missing; did you mean ID, which is there?",
        f"people.parquet: ID {refused}; did you mean id?",
        f"people.parquet: ages {refused}; did you mean age?",
        f"people.parquet: other {refused}.",
    ]


def test_codes_and_flags_in_text_are_told_how_to_mend(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save({"zip_": ["10115"] * 50 + ["20095"] * 50, "flag": [True, False] * 50}, "t.parquet")
    run("infer", "t.parquet")
    Path("t.csv").write_text("zip_,flag\n" + "10115,1\n" * 100)
    capsys.readouterr()
    assert run("check", "t.csv") == 1
    assert capsys.readouterr().out.splitlines()[:4] == [
        "t.csv: flag breaks the rule type in 100 of 100 rows: expected boolean, found integer.",
        "t.csv: zip_ breaks the rule type in 100 of 100 rows: expected text, found integer.",
        "  0 and 1 are no true and false: write them so, or say `type: integer, allowed: [0, 1]` of flag in"
        " the schema",
        "  a file of text does not say that digits are codes: write the table as Parquet, or say"
        " `type: integer` of zip_ in the schema (and `--categorical zip_` to infer, profile and drift)",
    ]


def test_how_a_table_was_read_is_noted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "all").mkdir()
    save({"id": [1], "AGE": [3]}, "all/a.parquet")
    save({"id": [2], "age": [4]}, "all/b.parquet")
    run("infer", "all")
    note = "note: 1 of 2 files lack columns 'AGE', 'age'; read as missing values there\n"
    assert capsys.readouterr().err == note
    assert run("check", "all") == 0
    assert capsys.readouterr().err == note
