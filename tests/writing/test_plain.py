"""Text for a terminal: aligned, on one line a row, and without anything a terminal would obey."""

from __future__ import annotations

from mlops_ci.writing import plain


def test_rows_are_aligned_and_the_last_column_runs_on() -> None:
    rows = [("column", "effect", "why"), ("age", "0.1", "it " + "m" * 60), ("n" * 50, "", "")]
    long = "n" * 26 + "…" + "n" * 13
    assert plain.aligned(rows, 2).split("\n") == [
        f"  column{' ' * 34}  effect  why",
        f"  age{' ' * 37}  0.1     it {'m' * 60}",
        f"  {long}",
    ]
    assert plain.aligned([]) == ""


def test_foreign_text_cannot_steer_the_terminal() -> None:
    assert plain.cell(" a\x1b[31mb\nc\u202e ") == "ab c\ufffd"
