"""Text for a terminal: aligned, on one line a row, and without anything a terminal would obey."""

from __future__ import annotations

import pytest

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


@pytest.mark.parametrize(
    ("bins", "steps", "expected"),
    [
        ((0.5, 0.5), 3, (0.5, 0.5)),
        ((0.1, 0.2, 0.3, 0.4), 2, (0.3, 0.7)),
        ((0.3, 0.3, 0.4), 2, (0.45, 0.55)),
    ],
)
def test_bins_are_brought_to_fewer(bins: tuple[float, ...], steps: int, expected: tuple[float, ...]) -> None:
    assert plain.shares(bins, steps) == pytest.approx(expected)
