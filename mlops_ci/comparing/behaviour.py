"""What a model is tried with, and what its answers say: samples, edges, invariance, direction (pure).

The idea of testing behaviour by invariance and direction is CheckList's (Ribeiro et al., ACL 2020).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from mlops_ci.comparing import edges
from mlops_ci.comparing.asking import (
    Answer,
    Failure,
    Said,
    Trial,
    moves,
    number_columns,
    put,
    spread,
    untried,
)
from mlops_ci.evidence import CheckResult
from mlops_ci.writing.absent import meant

if TYPE_CHECKING:
    import pandas as pd

EDGE_ROWS = 20
MOST_LEVELS = 50
STEPS = 11  # quantiles along which a direction is tried


@dataclass(frozen=True)
class Wanted:
    """What is tried; see the options of the gate ``model``."""

    rows: int = 200
    edges: tuple[str, ...] = ()
    invariant: tuple[str, ...] = ()
    increasing: tuple[str, ...] = ()
    decreasing: tuple[str, ...] = ()
    tolerance: float = 1e-6
    min_share: float = 1.0


def trials(
    table: pd.DataFrame,
    features: Sequence[str],
    wanted: Wanted,
    *,
    categorical: Collection[str] = (),
    by_name: bool = True,
) -> Iterator[Trial]:
    """The trials of a model that takes ``features`` of the test table, in the order of the report.

    ``by_name``: it knows its columns by their names. Levels, extremes and quantiles are those of the
    whole table; the rows that are asked are spread evenly over it.
    """
    rows = spread(table, wanted.rows)
    sample = rows[list(features)]
    yield Trial("sample", (sample, sample), partial(_sample, len(sample), wanted.tolerance))
    rows_at_edges = edges.Rows(spread(sample, EDGE_ROWS), table[list(features)], categorical)
    for name in wanted.edges:
        if name == "reordered" and not by_name:
            yield untried("edge:reordered", "the model names no columns, so it takes them by their place")
        else:
            yield edges.EDGES[name](rows_at_edges)
    for column in wanted.invariant:
        yield _invariant(column, sample, table, wanted)
    for column in wanted.increasing:
        yield _direction("increasing", column, sample, table, wanted)
    for column in wanted.decreasing:
        yield _direction("decreasing", column, sample, table, wanted)


# ---- the sample --------------------------------------------------------------------------------


def _sample(rows: int, tolerance: float, said: Said) -> CheckResult:
    first, again = said
    if isinstance(first, Failure):
        return CheckResult(check="sample", ok=False, detail=first.reason, rows=rows)
    result = partial(CheckResult, check="sample", rows=rows)
    if first.rows != rows:
        return result(ok=False, detail=f"{first.rows:,} predictions for {rows:,} rows")
    missing = first.missing()
    share = 1 - missing / rows
    if missing:
        return result(
            ok=False, value=share, detail=f"{missing:,} of {rows:,} predictions are missing, NaN or infinite"
        )
    other = int((moves(first, again) > tolerance).sum())
    if other:
        return result(
            ok=False,
            value=share,
            detail=f"{other:,} of {rows:,} rows get another prediction when they are asked again",
        )
    return result(ok=True, value=share, detail=f"{rows:,} rows, all predictions are finite and repeat")


# ---- behaviour ---------------------------------------------------------------------------------


def _invariant(column: str, sample: pd.DataFrame, table: pd.DataFrame, wanted: Wanted) -> Trial:
    """Every level of the column is put into every row of the sample."""
    check = f"invariant:{column}"
    if column not in table.columns:
        return untried(check, f"the test table has no such column{meant(column, map(str, table.columns))}")
    if column not in sample.columns:
        detail = "the model is not shown this column"
        return Trial(check, (), lambda _: CheckResult(check=check, ok=True, detail=detail))
    tables = [sample, *(put(sample, column, level) for level in _levels(table[column]))]
    return Trial(check, tuple(tables), partial(_keeps, check, wanted))


def _levels(column: pd.Series[Any]) -> list[Any]:
    """The column's levels, the most frequent first; of a column of many numbers its quantiles."""
    found = column.value_counts()
    if len(found) <= MOST_LEVELS:
        return [*found.index]
    grid = _grid(column)
    return grid if len(grid) > 1 else [*found.index[:MOST_LEVELS]]


def _grid(column: pd.Series[Any]) -> list[Any]:
    """Quantiles of a column of numbers, each a value that it has; none of other columns."""
    import numpy as np

    if not number_columns(column.to_frame("column")):
        return []
    shares = np.linspace(0, 1, STEPS)
    return [*dict.fromkeys(column.dropna().quantile(shares, interpolation="nearest"))]


def _keeps(check: str, wanted: Wanted, said: Said) -> CheckResult:
    import numpy as np

    first, *rest = said
    failed = next((one for one in said if isinstance(one, Failure)), None)
    if failed is not None or isinstance(first, Failure):
        return CheckResult(check=check, ok=False, detail=failed.reason if failed else "")
    furthest = np.max([np.zeros(first.rows), *(moves(first, one) for one in rest)], axis=0)
    moved = int((furthest > wanted.tolerance).sum())
    share = 1 - moved / first.rows
    detail = f"{first.rows:,} rows with {len(rest)} values keep their predictions"
    if moved:
        most = "" if first.fine is None else f", at most by {furthest.max():.3g}"
        detail = f"{moved:,} of {first.rows:,} predictions change{most}, over {len(rest)} values"
    return CheckResult(check=check, ok=share >= wanted.min_share, detail=detail, value=share, rows=first.rows)


def _direction(kind: str, column: str, sample: pd.DataFrame, table: pd.DataFrame, wanted: Wanted) -> Trial:
    """The sample's rows with the column's quantiles, lowest first."""
    check = f"{kind}:{column}"
    if column not in table.columns:
        return untried(check, f"the test table has no such column{meant(column, map(str, table.columns))}")
    if column not in sample.columns:
        detail = "the model is not shown this column"
        return Trial(check, (), lambda _: CheckResult(check=check, ok=True, detail=detail))
    grid = _grid(table[column])
    if len(grid) < 2:
        return untried(check, "the column has no two numbers to go along")
    tables = tuple(put(sample, column, value) for value in grid)
    return Trial(check, tables, partial(_follows, check, -1.0 if kind == "decreasing" else 1.0, wanted))


def _follows(check: str, sign: float, wanted: Wanted, said: Said) -> CheckResult:
    import numpy as np

    failed = next((one for one in said if isinstance(one, Failure)), None)
    if failed is not None:
        return CheckResult(check=check, ok=False, detail=failed.reason)
    found = [one.fine for one in said if isinstance(one, Answer)]
    scores = [one[:, -1] for one in found if one is not None and one.shape[1] <= 2]
    if len(scores) < len(said):
        return CheckResult(
            check=check, ok=None, detail="the model gives no single score that has a direction"
        )
    steps = sign * np.diff(np.array(scores), axis=0)
    worst = steps.min(axis=0)
    wrong = int((~(worst >= -wanted.tolerance)).sum())
    rows = len(worst)
    share = 1 - wrong / rows
    detail = f"{rows:,} rows along {len(scores)} values"
    if wrong:
        way = "falls" if sign > 0 else "rises"
        most = f", at most by {-worst.min():.3g}"
        if not np.isfinite(worst).all():
            way, most = f"{way} or is NaN", ""
        detail = f"the score {way} for {wrong:,} of {rows:,} rows{most}"
    return CheckResult(check=check, ok=share >= wanted.min_share, detail=detail, value=share, rows=rows)
