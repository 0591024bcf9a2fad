"""Tables of per-example predictions: read as arrays, checked, and brought into the same order (pure)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

AnyArray: TypeAlias = "npt.NDArray[Any]"
Frame: TypeAlias = "pd.DataFrame | Mapping[str, Any]"

DEFAULT_SEED = "seed"
# What a value that is not there is called.
MISSING = "(missing)"


class UnusableError(ValueError):
    """A table cannot be used; the message is a reason for the report, not an error of the program."""


class ColumnNames(Protocol):
    """The names of the columns; None where there is no such column.

    ``y_score`` may also be a prefix: ``y_score_<class>``, one a class. Where ``seed`` is None, a column
    ``seed`` counts as it.
    """

    @property
    def y_true(self) -> str:
        """What was true."""
        ...

    @property
    def y_pred(self) -> str:
        """What was predicted."""
        ...

    @property
    def y_score(self) -> str | None:
        """The predicted probability or rank."""
        ...

    @property
    def id(self) -> str | None:
        """What identifies an example."""
        ...

    @property
    def seed(self) -> str | None:
        """The training seed."""
        ...

    @property
    def groups(self) -> tuple[str, ...]:
        """What splits the examples into slices."""
        ...


@dataclass(frozen=True)
class Columns:
    """The usual names of the columns."""

    y_true: str = "y_true"
    y_pred: str = "y_pred"
    y_score: str | None = "y_score"
    id: str | None = None
    seed: str | None = None
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """The examples once, and what each training (seed) answered to them.

    ``scores`` are per training one column, or one a class in the order of ``score_classes``.
    """

    truth: AnyArray
    ids: AnyArray | None
    preds: tuple[AnyArray, ...]
    scores: tuple[AnyArray, ...]
    score_classes: tuple[str, ...]
    groups: Mapping[str, AnyArray]

    @property
    def rows(self) -> int:
        """How many examples there are."""
        return len(self.truth)

    @property
    def seeds(self) -> int:
        """How many trainings answered."""
        return max(len(self.preds), len(self.scores))


# ---- one column --------------------------------------------------------------------------------


def is_text(values: AnyArray) -> bool:
    """Whether a column holds text; everything else is numbers."""
    return values.dtype.kind in "OUS"


def kind(values: AnyArray) -> str:
    """What a column holds, in a reader's words."""
    if is_text(values):
        return "text"
    return "integers" if values.dtype.kind in "iu" else "numbers"


def _column(frame: Frame, name: str, *, complete: bool = True) -> AnyArray:
    """One column as plain numbers or as text; booleans are 0 and 1.

    Raises:
        UnusableError: ``complete``, and a value is missing, NaN or infinite.
    """
    import numpy as np
    import pandas as pd

    series = pd.Series(frame[name])
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.cat.categories.dtype)
    missing = int(series.isna().sum())
    if missing and complete:
        raise UnusableError(f"{name} is missing or NaN in {missing:,} of {len(series):,} rows")
    plain = series.infer_objects()
    if pd.api.types.is_bool_dtype(plain) and not missing:
        return plain.to_numpy(dtype=np.int64)
    if not pd.api.types.is_numeric_dtype(plain) or pd.api.types.is_complex_dtype(plain) or missing:
        return plain.astype(object).where(~plain.isna(), MISSING).astype(str).to_numpy(dtype=object)
    values: AnyArray = plain.to_numpy(dtype=getattr(plain.dtype, "numpy_dtype", None))
    infinite = 0 if values.dtype.kind in "iu" else int((~np.isfinite(values)).sum())
    if infinite and complete:
        raise UnusableError(f"{name} is infinite in {infinite:,} of {len(values):,} rows")
    return values


# ---- one table ---------------------------------------------------------------------------------


def read(frame: Frame, columns: ColumnNames) -> Table:
    """Read and check one table: a pandas DataFrame or a mapping of columns.

    A ``seed`` column means that every example occurs once a training.

    Raises:
        UnusableError: a column is missing, incomplete or does not fit the others.
    """
    import numpy as np

    names = [str(name) for name in frame]
    score_names = _score_columns(names, columns.y_score)
    _refuse_missing(names, score_names, columns)
    whole = Table(
        truth=_column(frame, columns.y_true),
        ids=_column(frame, columns.id) if columns.id else None,
        preds=(_column(frame, columns.y_pred),) if columns.y_pred in names else (),
        scores=_scores(frame, score_names),
        score_classes=tuple(name.removeprefix(f"{columns.y_score}_") for name in score_names),
        groups={
            name: _column(frame, name, complete=False).astype(str) for name in columns.groups if name in names
        },
    )
    _refuse_misfits(whole)
    seed_name = columns.seed or DEFAULT_SEED
    if seed_name not in names:
        _refuse_twins(whole.ids)
        return whole
    seed = _column(frame, seed_name)
    return _by_seed([_take(whole, np.flatnonzero(seed == one)) for one in np.unique(seed)])


def _refuse_missing(names: Sequence[str], score_names: Sequence[str], columns: ColumnNames) -> None:
    if len(set(names)) < len(names):
        raise UnusableError("two columns have the same name")
    for needed in (columns.y_true, columns.id, columns.seed):
        if needed is not None and needed not in names:
            raise UnusableError(f"there is no column {needed}; there are {_some(names) or 'none'}")
    if columns.y_pred not in names and not score_names:
        raise UnusableError(
            f"there is neither a column {columns.y_pred} nor {columns.y_score or 'a score column'}"
        )


def _score_columns(names: Sequence[str], score: str | None) -> list[str]:
    if score is None:
        return []
    return [score] if score in names else [name for name in names if name.startswith(f"{score}_")]


def _scores(frame: Frame, names: Sequence[str]) -> tuple[AnyArray, ...]:
    import numpy as np

    found = [_column(frame, name) for name in names]
    for name, values in zip(names, found, strict=True):
        if is_text(values):
            raise UnusableError(f"{name} is text, not numbers")
    as_floats = [values if values.dtype.kind == "f" else values.astype(np.float64) for values in found]
    if not as_floats:
        return ()
    if len({len(values) for values in as_floats}) > 1:
        raise UnusableError("the columns differ in length")
    return (as_floats[0],) if len(as_floats) == 1 else (np.stack(as_floats, axis=1),)


def _refuse_misfits(table: Table) -> None:
    if not table.rows:
        raise UnusableError("there are no rows")
    if any(is_text(values) != is_text(table.truth) for values in table.preds):
        raise UnusableError(f"y_pred is {kind(table.preds[0])}, y_true is {kind(table.truth)}")
    others = (
        *table.preds,
        *table.scores,
        *table.groups.values(),
        *(() if table.ids is None else (table.ids,)),
    )
    if any(len(values) != table.rows for values in others):
        raise UnusableError("the columns differ in length")


def _refuse_twins(ids: AnyArray | None) -> None:
    import numpy as np

    if ids is not None and (twins := len(ids) - len(np.unique(ids))):
        raise UnusableError(f"the id column is not unique: {twins:,} rows repeat an id")


def _take(table: Table, rows: npt.NDArray[np.intp]) -> Table:
    return replace(
        table,
        truth=table.truth[rows],
        ids=None if table.ids is None else table.ids[rows],
        preds=tuple(values[rows] for values in table.preds),
        scores=tuple(values[rows] for values in table.scores),
        groups={name: values[rows] for name, values in table.groups.items()},
    )


def _by_seed(tables: Sequence[Table]) -> Table:
    """One table of several trainings on the same examples."""
    _refuse_twins(tables[0].ids)
    rest = [in_order_of(tables[0], table, "the first seed", "another seed") for table in tables[1:]]
    return replace(
        tables[0],
        preds=tuple(values for table in (tables[0], *rest) for values in table.preds),
        scores=tuple(values for table in (tables[0], *rest) for values in table.scores),
    )


# ---- two tables --------------------------------------------------------------------------------


def in_order_of(head: Table, base: Table, here: str = "head", there: str = "base") -> Table:
    """The base's table in head's order: by id where both have one, else as it stands.

    Raises:
        UnusableError: they are not the same examples; the message names what differs.
    """
    if is_text(head.truth) != is_text(base.truth):
        raise UnusableError(f"y_true is {kind(head.truth)} at {here}, {kind(base.truth)} at {there}")
    if head.rows != base.rows:
        raise UnusableError(f"{head.rows:,} rows at {here}, {base.rows:,} at {there}")
    if head.ids is not None and base.ids is not None:
        base = _take(base, _places(head.ids, base.ids, here, there))
    if differing := int((head.truth != base.truth).sum()):
        raise UnusableError(f"y_true differs in {differing:,} of {head.rows:,} rows")
    return base


def _places(head: AnyArray, base: AnyArray, here: str, there: str) -> npt.NDArray[np.intp]:
    """Where each of head's ids stands in base's."""
    import numpy as np

    if is_text(head) != is_text(base):
        raise UnusableError(f"the id is {kind(head)} at {here}, {kind(base)} at {there}")
    order = np.argsort(base, kind="stable")
    places = order[np.minimum(np.searchsorted(base[order], head), len(base) - 1)]
    if strange := int((base[places] != head).sum()):
        raise UnusableError(f"{strange:,} of {len(head):,} ids at {here} are not at {there}")
    return places


def digest(table: Table) -> str:
    """The name of an evaluation set: sha256 over its sorted examples (id and truth), whatever the answers."""
    truth = [str(value) for value in table.truth.tolist()]
    ids = [""] * len(truth) if table.ids is None else [str(value) for value in table.ids.tolist()]
    lines = sorted(f"{one}\x1f{other}" for one, other in zip(ids, truth, strict=True))
    return "sha256:" + hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _some(names: Sequence[str], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
