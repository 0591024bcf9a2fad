"""Edge rows: missing, zero, extreme, huge and unseen values, one row alone, columns turned (pure)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from mlops_ci.comparing.asking import Answer, Failure, Said, Trial, moves, number_columns, put, untried
from mlops_ci.evidence import CheckResult

if TYPE_CHECKING:
    import pandas as pd


SINGLE_ROWS = 5
MOST_COLUMNS = 50  # that are tried one by one
UNSEEN = "a category that no row has"
# Far outside of anything, yet not outside of a 32-bit float; and the largest 32-bit integer.
HUGE, HUGE_INTEGER = 1e30, 2**31 - 1
ROUNDING = 1e-6
_NAMED = 3


@dataclass(frozen=True)
class Rows:
    """A few rows to change, the whole table that says what is usual, and its columns of codes."""

    edges: pd.DataFrame
    table: pd.DataFrame
    categorical: Collection[str] = ()


# ---- the edges ---------------------------------------------------------------------------------


def _column_by_column(
    check: str, tables: Sequence[tuple[str, pd.DataFrame]], what: str, nothing: str
) -> Trial:
    if not tables:
        return untried(check, nothing)
    names = [name for name, _ in tables]
    return Trial(check, tuple(table for _, table in tables), partial(_per_column, check, names, what))


def _per_column(check: str, names: Sequence[str], what: str, said: Said) -> CheckResult:
    """A prediction that is not finite, or a crash, is wrong; a clean error is an answer too."""
    pairs = list(zip(names, said, strict=True))
    raised = [name for name, one in pairs if isinstance(one, Failure)]
    broken = [name for name, one in pairs if isinstance(one, Answer) and one.missing()]
    crashed = next((one.reason for one in said if isinstance(one, Failure) and one.crashed), "")
    rows = sum(one.rows for one in said if isinstance(one, Answer))
    share = 1 - len(raised) / len(names)
    if crashed:
        return CheckResult(check=check, ok=False, detail=crashed, value=share, rows=rows)
    if broken:
        detail = f"predictions are missing, NaN or infinite with {what} in {_named(broken)}"
        return CheckResult(check=check, ok=False, detail=detail, value=share, rows=rows)
    if raised:
        reason = next(one.reason for one in said if isinstance(one, Failure))
        detail = f"{what} in {_named(raised)} raise an error ({len(raised)} of {len(names)} tried): {reason}"
        return CheckResult(check=check, ok=True, detail=detail, value=share, rows=rows)
    return CheckResult(check=check, ok=True, detail=f"{rows:,} rows", value=share, rows=rows)


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _in_each(
    edges: pd.DataFrame, columns: Sequence[str], value: Callable[[str], Any]
) -> list[tuple[str, pd.DataFrame]]:
    """One table a column, and of very many columns one for all that are left."""
    tables = [(name, put(edges, name, value(name))) for name in columns[:MOST_COLUMNS]]
    rest = columns[MOST_COLUMNS:]
    if rest:
        changed = edges
        for name in rest:
            changed = put(changed, name, value(name))
        tables.append((f"{len(rest):,} further columns at once", changed))
    return tables


def _nulls(rows: Rows) -> Trial:
    tables = _in_each(rows.edges, [str(name) for name in rows.table.columns], lambda _: None)
    return _column_by_column("edge:nulls", tables, "missing values", "there is no column")


def _zeros(rows: Rows) -> Trial:
    tables = _in_each(rows.edges, number_columns(rows.table), lambda _: 0)
    return _column_by_column("edge:zeros", tables, "zeros", "there is no column of numbers")


def _huge(rows: Rows) -> Trial:
    def value(name: str) -> float:
        return HUGE if getattr(rows.table[name].dtype, "kind", "O") == "f" else HUGE_INTEGER

    tables = _in_each(rows.edges, number_columns(rows.table), value)
    return _column_by_column("edge:huge", tables, "huge numbers", "there is no column of numbers")


def _unseen(rows: Rows) -> Trial:
    numbers = number_columns(rows.table)

    def value(name: str) -> Any:
        return rows.table[name].max() + 1 if name in numbers else UNSEEN

    texts = [
        str(name)
        for name, kind in rows.table.dtypes.items()
        if kind == "category" or _is_text(rows.table[name])
    ]
    codes = [name for name in numbers if name in rows.categorical and rows.table[name].notna().any()]
    tables = _in_each(rows.edges, [*texts, *codes], value)
    return _column_by_column("edge:unseen", tables, "unseen categories", "there is no column of categories")


def _is_text(column: pd.Series[Any]) -> bool:
    from pandas.api.types import is_string_dtype

    return bool(is_string_dtype(column.dtype)) and isinstance(column.dropna().iloc[:1].max(), str)


def _extremes(rows: Rows) -> Trial:
    """Values that the table has: an error here is an error on rows that come."""
    import pandas as pd

    names = [name for name in number_columns(rows.table) if rows.table[name].notna().any()]
    if not names:
        return untried("edge:extremes", "there is no column of numbers")
    one = rows.edges.iloc[:1]
    ends = [put(one, name, end) for name in names for end in (rows.table[name].min(), rows.table[name].max())]
    asked = pd.concat(ends, ignore_index=True)
    return Trial("edge:extremes", (asked,), partial(_answered, "edge:extremes"))


def _answered(check: str, said: Said) -> CheckResult:
    (one,) = said
    if isinstance(one, Failure):
        return CheckResult(check=check, ok=False, detail=one.reason)
    missing = one.missing()
    if missing:
        detail = f"{missing:,} of {one.rows:,} predictions are missing, NaN or infinite"
        return CheckResult(check=check, ok=False, detail=detail, rows=one.rows)
    return CheckResult(check=check, ok=True, detail=f"{one.rows:,} rows", rows=one.rows)


def _one_row(rows: Rows) -> Trial:
    few = rows.edges.iloc[:SINGLE_ROWS]
    singles = tuple(few.iloc[[at]].reset_index(drop=True) for at in range(len(few)))
    return Trial("edge:one_row", (few, *singles), _alone)


def _alone(said: Said) -> CheckResult:
    """A row alone gets the prediction that it gets among others, but for rounding."""
    together, *singles = said
    failed = next((one for one in said if isinstance(one, Failure)), None)
    if failed is not None or isinstance(together, Failure):
        return CheckResult(check="edge:one_row", ok=False, detail=failed.reason if failed else "")
    alone = [one for one in singles if isinstance(one, Answer)]
    other = sum(moves(_row(together, at), one).max() > ROUNDING for at, one in enumerate(alone))
    detail = f"{len(alone)} rows asked one by one"
    if other:
        detail = f"{other} of {len(alone)} rows get another prediction alone than among others"
    return CheckResult(check="edge:one_row", ok=not other, detail=detail, rows=len(alone))


def _row(answer: Answer, at: int) -> Answer:
    part = slice(at, at + 1)
    return Answer(
        labels=None if answer.labels is None else answer.labels[part],
        numbers=None if answer.numbers is None else answer.numbers[part],
        score=None if answer.score is None else answer.score[part],
    )


def _reordered(rows: Rows) -> Trial:
    turned = rows.edges[list(reversed(rows.edges.columns))]
    return Trial("edge:reordered", (rows.edges, turned), _same_or_refused, in_order=True)


def _same_or_refused(said: Said) -> CheckResult:
    """Columns in another order: the same predictions or a clean error, never silently other ones."""
    result = partial(CheckResult, check="edge:reordered")
    first, turned = said
    if isinstance(first, Failure):
        return result(ok=False, detail=first.reason)
    if isinstance(turned, Failure):
        if turned.crashed:
            return result(ok=False, detail=turned.reason)
        return result(ok=True, detail=f"an error says so: {turned.reason}", rows=first.rows)
    other = int((moves(first, turned) > ROUNDING).sum())
    detail = f"{first.rows:,} rows, the order of the columns does not matter"
    if other:
        detail = f"{other:,} of {first.rows:,} rows silently get another prediction"
    return result(ok=not other, detail=detail, rows=first.rows)


EDGES: dict[str, Callable[[Rows], Trial]] = {
    "nulls": _nulls,
    "zeros": _zeros,
    "extremes": _extremes,
    "huge": _huge,
    "unseen": _unseen,
    "one_row": _one_row,
    "reordered": _reordered,
}
