"""What a model is asked and what it answers: the words that its trials are made of (pure)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops_ci.evidence import CheckResult

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Answer:
    """Predictions, one entry a row: labels (None for nothing) or numbers, and scores where there are any."""

    labels: tuple[str | None, ...] | None = None
    numbers: NDArray[np.float64] | None = None
    score: NDArray[np.float64] | None = None

    @property
    def rows(self) -> int:
        """How many rows were answered."""
        given = self.labels if self.labels is not None else self.numbers
        return 0 if given is None else len(given)

    @property
    def fine(self) -> NDArray[np.float64] | None:
        """What can be compared finely: the score, else the numbers; None where there are only labels."""
        return self.score if self.score is not None else self.numbers

    def missing(self) -> int:
        """The rows whose prediction or score is missing, NaN or infinite."""
        import numpy as np

        bad = np.zeros(self.rows, dtype=bool)
        for part in (self.numbers, self.score):
            if part is not None and len(part) == self.rows:
                bad |= ~np.isfinite(part).all(axis=1)
        if self.labels is not None:
            bad |= np.array([label is None for label in self.labels], dtype=bool)
        return int(bad.sum())


@dataclass(frozen=True)
class Failure:
    """No predictions: the model's error in one line; ``crashed`` where its process was lost by it."""

    reason: str
    crashed: bool = False


Said = Sequence[Answer | Failure]


@dataclass(frozen=True)
class Trial:
    """One check: the tables the model is asked with, and what its answers to them say.

    ``in_order`` gives the model the columns as they stand.
    """

    check: str
    tables: tuple[pd.DataFrame, ...]
    judge: Callable[[Said], CheckResult]
    in_order: bool = False


def untried(check: str, why: str) -> Trial:
    """A check that does not apply, and why."""
    return Trial(check, (), lambda _: CheckResult(check=check, ok=None, detail=why))


def number_columns(table: pd.DataFrame) -> list[str]:
    """The columns of numbers; truth values are none."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    return [
        str(name) for name, kind in table.dtypes.items() if is_numeric_dtype(kind) and not is_bool_dtype(kind)
    ]


def put(table: pd.DataFrame, column: str, value: Any) -> pd.DataFrame:
    """A copy whose column holds one value; its type stays where the value has room in it."""
    import pandas as pd

    changed, old = table.copy(), table[column]
    if isinstance(old.dtype, pd.CategoricalDtype) and value is not None:
        levels = [*old.cat.categories, *([] if value in old.cat.categories else [value])]
        changed[column] = pd.Categorical([value] * len(table), categories=levels, ordered=old.cat.ordered)
    elif value is None and isinstance(old.dtype, pd.CategoricalDtype):
        changed[column] = pd.Categorical([None] * len(table), categories=old.cat.categories)
    elif value is None:
        missing = float("nan") if column in number_columns(table) else None
        changed[column] = pd.Series([missing] * len(table), index=table.index, dtype=_with_room(old))
    else:
        kept = pd.Series([value] * len(table), index=table.index)
        changed[column] = kept.astype(old.dtype) if _fits(value, old) else kept
    return changed


def _with_room(old: pd.Series[Any]) -> Any:
    """A type with room for a missing value: whole numbers become decimal ones, as a reader makes them."""
    kind = old.dtype
    return {"i": "float64", "u": "float64", "b": "object"}.get(getattr(kind, "kind", "O"), kind)


def _fits(value: Any, old: pd.Series[Any]) -> bool:
    import numpy as np

    kind = getattr(old.dtype, "kind", "O")
    if kind in "iu":
        bounds = np.iinfo(str(old.dtype).lower())
        return float(value).is_integer() and bounds.min <= value <= bounds.max
    return True


def spread(table: pd.DataFrame, count: int) -> pd.DataFrame:
    """At most so many rows, evenly over the table: the same ones every time."""
    import numpy as np

    places = np.linspace(0, len(table) - 1, min(count, len(table))).round().astype(int)
    return table.iloc[places].reset_index(drop=True)


def moves(one: Answer, other: Answer | Failure) -> NDArray[np.float64]:
    """How far each row's prediction moved: the largest change of a score; 1 where a label changed.

    An answer that fails, or has other rows, moved infinitely far.
    """
    import numpy as np

    if isinstance(other, Failure) or other.rows != one.rows:
        return np.full(one.rows, np.inf)
    before, after = one.fine, other.fine
    if before is not None and after is not None:
        if before.shape != after.shape:
            return np.full(one.rows, np.inf)
        same = (before == after) | (np.isnan(before) & np.isnan(after))
        with np.errstate(invalid="ignore"):
            apart = np.where(same, 0.0, np.abs(before - after))
        moved: NDArray[np.float64] = np.where(np.isnan(apart), np.inf, apart).max(axis=1)
        return moved
    return np.array([float(x != y) for x, y in zip(one.labels or (), other.labels or (), strict=True)])
