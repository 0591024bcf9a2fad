"""`mlops-ci drift` on files: what drifted is named, bad input is one clear line and the right exit code."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from tests.conftest import RunGit
from tests.e2e.conftest import Answer, Call, call

__all__ = ["call"]

ROWS = 3000


def table(seed: int = 0, rows: int = ROWS, **columns: Any) -> pa.Table:
    """Three columns that do not drift, and what else is asked for."""
    chance = np.random.default_rng(seed)
    plain = {
        "age": chance.normal(40, 10, rows),
        "town": chance.choice(["north", "south", "east"], rows),
        "kids": chance.integers(0, 4, rows),
    }
    return pa.table({**plain, **columns})


def save(folder: Path, name: str, content: pa.Table) -> str:
    """Write a table by its suffix; gives its name."""
    path = folder / name
    if path.suffix == ".csv":
        pa.csv.write_csv(content, path)
    else:
        pq.write_table(content, path)
    return name


@pytest.fixture
def compare(tmp_path: Path, call: Call) -> Any:
    """Save two tables and compare them: ``compare(one, other, "--json")``."""

    def run(reference: pa.Table | str, current: pa.Table | str, *options: str) -> Answer:
        names = [
            one if isinstance(one, str) else save(tmp_path, f"{name}.parquet", one)
            for name, one in (("before", reference), ("after", current))
        ]
        return call(tmp_path, "drift", *names, *options)

    return run


def outcomes(answer: Answer) -> dict[str, str]:
    return {one["name"]: one["outcome"] for one in answer.document["decisions"]}


def sentences(answer: Answer) -> dict[str, str]:
    return {one["name"]: one["sentence"] for one in answer.document["decisions"]}


# ---- what is told ------------------------------------------------------------------------------


def test_no_drift_is_one_line_and_exit_code_0(compare: Any) -> None:
    answer = compare(table(0), table(1))
    assert answer.code == 0
    assert answer.out.split("\n")[:3] == [
        "0 of 3 columns drifted: after.parquet (3,000 rows) against before.parquet (3,000 rows)",
        "",
        "Stable: 3 columns",
    ]


def test_a_moved_column_is_named_first_with_its_numbers(compare: Any) -> None:
    chance = np.random.default_rng(5)
    moved = table(1, age=chance.normal(45, 10, ROWS), town=chance.choice(["north", "south", "west"], ROWS))
    answer = compare(table(0), moved, "--show-values")
    lines = answer.out.split("\n")
    assert answer.code == 1
    assert lines[0].startswith("2 of 3 columns drifted: ")
    assert lines[2].split()[:4] == ["column", "effect", "limit", "missing"]
    assert "west 0 → 3" in answer.out
    assert "(new)" in answer.out
    assert "KS 0.2" in answer.out
    assert "Stable: 1 column\n" in answer.out


def test_values_are_hashed_unless_they_may_be_shown(compare: Any, tmp_path: Path) -> None:
    moved = table(1, town=["north"] * ROWS)
    hidden = compare(table(0), moved)
    assert "north" not in hidden.out
    assert "#" in hidden.out
    assert "told as hashes" in hidden.out
    assert "north" in compare(table(0), moved, "--show-values").out
    (tmp_path / "mlops-ci.yaml").write_text(
        "version: 1\ndefaults: {data: {sensitive: [town], ignore: [kids]}}\n"
    )
    sensitive = compare(table(0), moved, "--show-values", "--json")
    assert "north" not in sensitive.out
    assert sensitive.err == "mlops-ci.yaml: defaults.data says sensitive, ignore\n"
    assert sorted(outcomes(sensitive)) in (["age", "town"], ["age", "kids", "town"])


def test_the_document_has_evidence_decisions_and_exit_code(compare: Any) -> None:
    answer = compare(table(0), table(1, age=np.zeros(ROWS)), "--json", "--target", "town")
    document = answer.document
    assert (answer.code, document["exit_code"], document["verdict"]) == (1, 1, "drifted")
    assert document["drift"]["rows"] == [ROWS, ROWS]
    assert {c["name"]: c["role"] for c in document["drift"]["columns"]} == {
        "age": "feature",
        "town": "target",
        "kids": "feature",
    }
    assert outcomes(answer)["age"] == "drifted"


def test_codes_are_categories_where_it_is_said(compare: Any) -> None:
    answer = compare(table(0), table(1), "--json", "--categorical", "kids")
    kinds = {c["name"]: c["kind"] for c in answer.document["drift"]["columns"]}
    assert kinds == {"age": "number", "town": "category", "kids": "category"}


def test_a_page_is_written_whole(compare: Any, tmp_path: Path) -> None:
    answer = compare(table(0), table(1, age=np.zeros(ROWS)), "--html", "out/page.html")
    assert answer.code == 1
    page = (tmp_path / "out" / "page.html").read_text()
    assert "age" in page
    assert page.rstrip().endswith("</html>")


def test_a_stored_profile_is_as_good_as_its_table(compare: Any, tmp_path: Path) -> None:
    from mlops_ci.adapters import profiling, sources

    one, other = table(0), table(1, age=np.random.default_rng(3).normal(45, 10, ROWS))
    whole = compare(one, other, "--json").document
    profile = profiling.profile(sources.open_source("before.parquet", root=tmp_path))
    (tmp_path / "before.profile.json").write_bytes(profile.to_json())
    (tmp_path / "before.parquet").unlink()
    stored = compare("before.profile.json", "after.parquet", "--json").document
    assert stored["drift"]["columns"] == whole["drift"]["columns"]
    assert stored["decisions"] == whole["decisions"]


def test_codes_of_a_stored_profile_are_codes_in_the_table(compare: Any, tmp_path: Path) -> None:
    from mlops_ci.adapters import profiling, sources

    save(tmp_path, "before.parquet", table(0))
    profile = profiling.profile(sources.open_source("before.parquet", root=tmp_path), categorical=("kids",))
    (tmp_path / "before.profile.json").write_bytes(profile.to_json())
    answer = compare("before.profile.json", table(1), "--json")
    assert outcomes(answer) == {"age": "stable", "town": "stable", "kids": "stable"}


def test_a_classifier_names_what_tells_the_rows_apart(compare: Any) -> None:
    answer = compare(
        table(0), table(1, age=np.random.default_rng(3).normal(60, 10, ROWS)), "--json", "--classifier"
    )
    found = answer.document["drift"]["classifier"]
    assert found["auc"] > 0.8
    assert found["drivers"][0]["column"] == "age"


def test_a_table_at_a_revision(dvc_repo: Path, commit: RunGit, call: Call) -> None:
    save(dvc_repo, "t.csv", table(0))
    commit(dvc_repo, "first")
    save(dvc_repo, "t.csv", table(1, age=np.random.default_rng(3).normal(45, 10, ROWS)))
    answer = call(dvc_repo, "drift", "t.csv@HEAD", "t.csv", "--json")
    assert (answer.code, outcomes(answer)["age"]) == (1, "drifted")
    assert call(dvc_repo, "drift", "t.csv@HEAD", "t.csv@HEAD").code == 0


def test_a_folder_at_a_branch_of_the_remote(git_repo: Path, commit: RunGit, git: RunGit, call: Call) -> None:
    (git_repo / "kept").mkdir()
    save(git_repo, "kept/one.csv", table(0))
    commit(git_repo, "first")
    git(git_repo, "update-ref", "refs/remotes/origin/main", "HEAD")
    save(git_repo, "kept/one.csv", table(1, age=np.random.default_rng(3).normal(45, 10, ROWS)))
    answer = call(git_repo, "drift", "kept@origin/main", "kept")
    assert answer.code == 1
    assert answer.out.startswith(
        "1 of 3 columns drifted: kept (3,000 rows) against kept@origin/main (3,000 rows)\n"
    )


# ---- names that were typed ---------------------------------------------------------------------


def test_ignored_columns_are_named(compare: Any) -> None:
    one, other = table(0, year=[2015] * ROWS), table(1, group_a=[1] * ROWS)
    answer = compare(one, other, "--ignore", "year,group_*")
    assert answer.code == 0
    assert answer.out.split("\n")[2:] == [
        "Stable: 3 columns",
        "",
        "Not compared, as asked: year, group_a",
        "",
        "Values are told as hashes; --show-values shows those that mlops-ci.yaml does not call sensitive.",
        "",
    ]
    found = compare("before.parquet", "after.parquet", "--ignore", "year,group_*", "--json").document["drift"]
    assert (found["ignored"], found["ignored_unnamed"]) == (["year", "group_a"], 0)
    assert (found["added"], found["removed"]) == ([], [])


def test_what_the_configuration_ignores_is_named_too(compare: Any, tmp_path: Path) -> None:
    (tmp_path / "mlops-ci.yaml").write_text(
        "version: 1\ndefaults: {data: {ignore: [kids, gone*], id: age, categorical: [gone], target: gone}}\n"
    )
    answer = compare(table(0), table(1))
    assert "\nNot compared, as asked: age, kids\n" in answer.out
    assert answer.err == "mlops-ci.yaml: defaults.data says categorical, ignore\n"


def test_of_many_ignored_columns_the_first_are_named(compare: Any) -> None:
    many: dict[str, Any] = {f"c{at:03d}": [1.0] * ROWS for at in range(320)}
    answer = compare(table(0, **many), table(1, **many), "--ignore", "c*")
    names = "c000, c001, c002, c003, c004, c005, c006, c007"
    assert f"\nNot compared, as asked: {names} and 312 more\n" in answer.out


@pytest.mark.parametrize(
    ("options", "notes"),
    [
        (("--categorical", "kids", "--ignore", "t*", "--target", "age"), []),
        (
            ("--categorical", "kid,x"),
            [
                "--categorical names kid, which is no column of either table; did you mean kids?",
                "--categorical names x, which is no column of either table",
            ],
        ),
        (
            ("--ignore", "AGE,z*"),
            [
                "--ignore names AGE, which is no column of either table; did you mean age?",
                "--ignore names z*, which matches no column of either table",
            ],
        ),
        (
            ("--target", "twon"),
            ["--target names twon, which is no column of either table; did you mean town?"],
        ),
        (("--categorical", "fresh", "--ignore", "fresh"), []),
    ],
)
def test_a_name_that_no_table_has_is_told(compare: Any, options: tuple[str, ...], notes: list[str]) -> None:
    answer = compare(table(0), table(1, fresh=[1] * ROWS), *options)
    assert answer.code == 0
    assert answer.err == "".join(f"note: {note}\n" for note in notes)


def test_where_every_column_is_ignored_nothing_is_green(compare: Any) -> None:
    answer = compare(table(0), table(1), "--ignore", "*")
    refused(answer, 2, "after.parquet: every column is ignored, so nothing is compared with before.parquet")


# ---- columns that differ -----------------------------------------------------------------------


def test_added_removed_and_renamed_columns_are_named(compare: Any) -> None:
    one = table(0, old=np.random.default_rng(7).exponential(3, ROWS), gone=["x"] * ROWS)
    other = table(1, new=np.random.default_rng(8).exponential(3, ROWS), fresh=np.arange(ROWS) % 7 * 1.5)
    answer = compare(one, other)
    assert answer.code == 1
    assert answer.out.startswith("0 of 3 columns drifted, 2 are gone: after.parquet")
    assert "old is gone and new is new: old looks renamed to new" in answer.out
    assert "Not in after.parquet: old, gone" in answer.out
    assert "Only in after.parquet: new, fresh" in answer.out


def test_the_order_of_columns_does_not_matter(compare: Any) -> None:
    one = table(0)
    assert compare(one, one.select(["kids", "town", "age"])).code == 0


def test_a_retyped_column_is_named(compare: Any) -> None:
    answer = compare(table(0), table(1, age=["old"] * ROWS), "--json")
    assert (answer.code, answer.document["verdict"]) == (1, "drifted")
    assert outcomes(answer)["age"] == "unjudged"
    assert sentences(answer)["age"]


def test_every_kind_of_value_gets_an_answer(compare: Any) -> None:
    """Nothing is dropped: each column has a decision, those that cannot be judged with a reason."""
    n = ROWS
    odd: dict[str, Any] = {
        "nothing": pa.array([None] * n, pa.float64()),
        "constant": [3.0] * n,
        "one_word": ["same"] * n,
        "infinite": [float("inf"), 1.0, 2.0, 3.0, float("nan"), 5.0] * (n // 6),
        "huge": [1e308, -1e308, 0.0] * (n // 3),
        "nested": [[1, 2]] * n,
        "record": [{"a": 1}] * n,
        "truth": [True, False] * (n // 2),
        "money": pa.array([Decimal("1.25"), Decimal("2.50")] * (n // 2)),
        "raw": [b"\x00\xff"] * n,
        "day": pa.array([18000, 18001] * (n // 2), pa.date32()),
        "moment": pa.array([0, 10**9] * (n // 2), pa.timestamp("us", "Europe/Berlin")),
        "span": pa.array([1, 2] * (n // 2), pa.duration("s")),
        "row": range(n),
    }
    answer = compare(table(0, **odd), table(1, **odd), "--json")
    assert answer.code == 0, answer.out
    found = outcomes(answer)
    assert sorted(found) == sorted([*odd, "age", "town", "kids"])
    silent = {name for name, what in found.items() if what == "unjudged" and not sentences(answer)[name]}
    assert silent == set()
    for name in ("nothing", "nested", "record", "raw", "day", "moment", "row"):
        assert (name, found[name]) == (name, "unjudged")
    for name in ("constant", "one_word", "infinite", "huge", "truth", "money"):
        assert (name, found[name]) == (name, "stable")


def test_mixed_types_in_a_csv_are_text(compare: Any, tmp_path: Path) -> None:
    lines = ["a,b", *(f"{n},{n % 3}" for n in range(2000)), *("x,y" for _ in range(10))]
    (tmp_path / "mixed.csv").write_text("\n".join(lines))
    answer = compare("mixed.csv", "mixed.csv", "--json")
    assert answer.code == 0
    assert sorted(outcomes(answer)) == ["a", "b"]


def test_columns_of_the_same_name_are_told(compare: Any) -> None:
    column = pa.array([1.0, 2.0] * 500)
    twice = pa.Table.from_arrays([column, column, column], names=["a", "a", "b"])
    answer = compare(twice, twice, "--json")
    assert answer.code in (0, 2)
    assert "a" in answer.out + answer.err


@pytest.mark.slow
def test_ten_thousand_columns(compare: Any) -> None:
    chance = np.random.default_rng(0)
    # Few values each: it is the columns that are many, and every cut between two values takes its time.
    columns = {f"c{index}": chance.integers(0, 9, 300) + 0.5 for index in range(10_000)}
    answer = compare(pa.table(columns), pa.table(columns), "--json")
    assert answer.code == 0
    assert len(outcomes(answer)) == 10_000
    text = compare("before.parquet", "after.parquet")
    assert len(text.out) < 6_000


@pytest.mark.slow
def test_a_million_levels(compare: Any) -> None:
    many = pa.table({"user": pa.array(np.arange(1_000_000)).cast(pa.string())})
    answer = compare(many, many, "--json")
    assert answer.code == 0
    assert outcomes(answer)["user"] == "unjudged"
    assert "100,000" in sentences(answer)["user"]


# ---- input that cannot be used -----------------------------------------------------------------


def refused(answer: Answer, code: int, *words: str) -> None:
    """Nothing on standard output, one clear line and perhaps a hint, and the exit code."""
    lines = answer.err.rstrip("\n").split("\n")
    assert (answer.code, answer.out) == (code, "")
    assert len([line for line in lines if line.startswith("mlops-ci: ")]) == 1
    assert len(lines) <= 2
    for word in words:
        assert word in lines[0]


def test_a_side_without_rows_is_refused(compare: Any) -> None:
    refused(compare(table(0), table(1, rows=0)), 2, "after.parquet", "no rows")
    refused(compare(table(0, rows=0), table(1)), 2, "before.parquet", "no rows")


def test_two_tables_without_a_common_column(compare: Any) -> None:
    refused(compare(pa.table({"a": [1.0, 2.0]}), pa.table({"b": ["x", "y"]})), 2, "shares no column")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.parquet", b""),
        ("empty.csv", b""),
        ("not.parquet", b"hello, I am text\n" * 10),
        ("odd.xyz", b"a,b\n1,2\n"),
        ("bad.jsonl", b'{"a": 1}\n{"a": \n'),
        ("fake.profile.json", b'{"schema": 1, "rows": -'),
        ("semicolon.csv", b"a;b;c\n1;2;3\n4;5;6\n"),
    ],
)
def test_a_file_that_is_no_table(compare: Any, tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    refused(compare(name, table(1)), 2, name)


def test_a_truncated_file(compare: Any, tmp_path: Path) -> None:
    save(tmp_path, "cut.parquet", table(0))
    raw = (tmp_path / "cut.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(raw[: len(raw) // 2])
    refused(compare("cut.parquet", table(1)), 2, "cut.parquet")


def test_a_missing_side(compare: Any) -> None:
    refused(compare(table(0), "nowhere.parquet"), 2, "nowhere.parquet")
    refused(compare(table(0), "nofolder/"), 2, "nofolder")
    refused(compare(table(0), "before.parquet@main"), 2, "git")


def test_an_unknown_revision(compare: Any, git_repo: Path, call: Call, commit: RunGit) -> None:
    save(git_repo, "t.parquet", table(0))
    commit(git_repo)
    refused(call(git_repo, "drift", "t.parquet@v9", "t.parquet"), 2, "v9", "no commit")
    refused(call(git_repo, "drift", "u.parquet@main", "t.parquet"), 2, "u.parquet@main: is not in Git")


def test_a_database_that_is_down_or_a_wrong_query(compare: Any, tmp_path: Path) -> None:
    pytest.importorskip("sqlalchemy", reason="the extra sql is not installed")
    down = compare(table(0), "sql:SELECT 1 AS a", "--database", f"sqlite:///{tmp_path}/no/where.db")
    assert down.code in (2, 3)
    refused(down, down.code)
    (tmp_path / "here.db").touch()
    wrong = compare(table(0), "sql:SELECT nothing FROM nowhere", "--database", "sqlite:///here.db")
    assert wrong.code in (2, 3)
    refused(wrong, wrong.code)
    refused(compare(table(0), "sql:SELECT nothing FROM nowhere"), 2, "DuckDB refuses the query")


def test_an_unknown_engine(compare: Any) -> None:
    refused(compare(table(0), table(1), "--engine", "pandas"), 2, "--engine pandas")


def test_a_broken_configuration(compare: Any, tmp_path: Path) -> None:
    (tmp_path / "mlops-ci.yaml").write_text("version: 1\ndefaults: {data: {categorial: [a]}}\n")
    refused(compare(table(0), table(1)), 2, "categorial")


def test_hostile_names_cannot_steer_the_terminal(compare: Any) -> None:
    name = "a\x1b[31m\u202eb\nc"
    one, other = ({name: np.random.default_rng(0).normal(mean, 1, ROWS)} for mean in (0.0, 1.0))
    answer = compare(pa.table(one), pa.table(other))
    assert answer.code == 1
    assert "\x1b" not in answer.out
    assert "\u202e" not in answer.out
    assert (
        json.loads(compare("before.parquet", "after.parquet", "--json").out)["drift"]["columns"][0]["name"]
        == name
    )


# ---- real data ---------------------------------------------------------------------------------

CENSUS = Path(__file__).parents[2] / "data"
CODES = "SCHL,MAR,RELP,DIS,ESP,CIT,MIG,MIL,ANC,NATIVITY,DEAR,DEYE,DREM,SEX,RAC1P,employed"


@pytest.mark.slow
@pytest.mark.skipif(not CENSUS.is_dir(), reason="the example's data are not here")
@pytest.mark.parametrize("delivery", range(13, 27))
def test_deliveries_of_2016_flag_nothing(delivery: int, call: Call, tmp_path: Path) -> None:
    answer = census(call, tmp_path, delivery)
    assert [name for name, what in outcomes(answer).items() if what == "drifted"] == []
    assert answer.code == 0


@pytest.mark.slow
@pytest.mark.skipif(not CENSUS.is_dir(), reason="the example's data are not here")
@pytest.mark.parametrize("delivery", [40, 41, 42])
def test_the_dormitories_are_found(delivery: int, call: Call, tmp_path: Path) -> None:
    answer = census(call, tmp_path, delivery)
    assert (answer.code, outcomes(answer)["RELP"]) == (1, "drifted")
    columns = {column["name"]: column for column in answer.document["drift"]["columns"]}
    moved = columns["RELP"]["levels"]
    assert moved[0]["label"] == "17"
    assert columns["RELP"]["effect"] > 0.3


def census(call: Call, folder: Path, delivery: int) -> Answer:
    return call(
        folder,
        "drift",
        str(CENSUS / "2015.parquet"),
        str(CENSUS / "deliveries" / f"{delivery:03d}.parquet"),
        "--json",
        "--show-values",
        *("--categorical", CODES, "--ignore", "id,year", "--target", "employed"),
    )
