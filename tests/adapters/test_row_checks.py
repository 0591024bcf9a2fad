"""The user's own checks: counted, and nothing they do reaches further than a reason."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from mlops_ci.adapters.row_checks import RowChecks

CODE = """\
import os
import sys
import time

import pandas as pd


def positive(values):
    print("a check may print")
    return values > 0


def adults(rows):
    return rows["age"] >= 18


def never(rows):
    return False


def missing(values):
    return pd.array([True, None, False, True], dtype="boolean")


def few(values):
    return [True]


def words(values):
    return ["yes"] * len(values)


def raises(values):
    raise ValueError(f"secret {values.iloc[0]}")


def changes(rows):
    rows["age"] = 0
    return True


def dies(rows):
    os._exit(3)


def hangs(rows):
    time.sleep(60)


number = 3
"""
BATCH = pa.RecordBatch.from_pydict({"age": [17, 18, -1, 40]})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "rules.py").write_text(CODE)
    (tmp_path / "broken.py").write_text("def f(:\n")
    (tmp_path / "ends.py").write_text("raise SystemExit('secret')\n")
    return tmp_path


def asked(folder: Path, *checks: tuple[str, str], batches: int = 1, limit: float = 60.0) -> RowChecks:
    with RowChecks(checks, folder, limit=limit) as found:
        for _ in range(batches):
            found.add(BATCH)
    return found


def test_rows_are_counted_over_batches(folder: Path) -> None:
    pandera = ("age", "own.rules:never")
    pairs = [("age", "own.rules:positive"), ("", "own.rules:adults"), pandera, ("age", "own.rules:missing")]
    found = asked(folder, *pairs, batches=2)
    assert found.failing == dict(zip(pairs, [2, 4, 8, 2], strict=True))
    assert found.problems == {}


def test_a_pandera_check_is_a_check(folder: Path) -> None:
    (folder / "checks.py").write_text("import pandera.pandas as pa\nadult = pa.Check.ge(18)\n")
    found = asked(folder, ("age", "checks:adult"))
    assert (found.failing, found.problems) == ({("age", "checks:adult"): 2}, {})


def test_one_check_does_not_change_the_rows_of_the_next(folder: Path) -> None:
    found = asked(folder, ("", "own.rules:changes"), ("", "own.rules:adults"))
    assert [*found.failing.values()] == [0, 2]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("own.nothing:f", "cannot be imported: No module named 'own.nothing'"),
        ("broken:f", "cannot be imported: SyntaxError"),
        ("ends:f", "cannot be imported: SystemExit at ends.py:1"),
        ("own.rules:nothing", "own.rules has no nothing"),
        ("own.rules:number", "is no function"),
        ("own.rules:few", "gives 1 answers for 4 rows"),
        ("own.rules:words", "gives str instead of true or false"),
        ("own.rules:raises", "raises ValueError at own/rules.py:34"),
    ],
)
def test_what_is_wrong_with_a_check_is_told_without_values(folder: Path, name: str, problem: str) -> None:
    found = asked(folder, ("age", name), ("", "own.rules:adults"), batches=2)
    assert found.problems == {("age", name): problem}
    assert found.failing["", "own.rules:adults"] == 4


def test_a_column_that_is_not_there(folder: Path) -> None:
    found = asked(folder, ("x", "own.rules:positive"))
    assert found.problems == {("x", "own.rules:positive"): "there is no column x"}


def test_a_check_that_ends_the_process(folder: Path) -> None:
    found = asked(folder, ("", "own.rules:dies"), ("", "own.rules:adults"), batches=2)
    said = "the process of the checks ended with exit code 3"
    assert found.problems == dict.fromkeys(found.checks, said)


def test_a_check_that_hangs(folder: Path) -> None:
    found = asked(folder, ("", "own.rules:hangs"), limit=4.0)
    assert [*found.problems.values()] == ["the process of the checks gave no answer within 4 s"]


def test_without_checks_no_process_starts(folder: Path) -> None:
    assert asked(folder).failing == {}
