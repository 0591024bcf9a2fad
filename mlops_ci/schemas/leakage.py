"""Target leakage: a column that alone tells the target is the target in disguise."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from mlops_ci.evidence import DataRule
from mlops_ci.schemas import types
from mlops_ci.schemas.keys import hashed
from mlops_ci.writing.figures import number

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    Floats = npt.NDArray[np.float64]
    Codes = npt.NDArray[np.int64]

ROWS = 100_000
# Fewer rows, or fewer of a class, say nothing: any column tells them apart by chance.
FEW = 50
FEW_OF_CLASS = 10
CLASSES = 50
_CODES = 20
_BINS = 100
_PRIOR = 1.0


@dataclass(frozen=True)
class Thresholds:
    """From where a column is the target in disguise: an AUC, and a correlation."""

    auc: float = 0.999
    correlation: float = 0.9999


@dataclass(frozen=True)
class Target:
    """The target as numbers; of classes the codes."""

    task: Literal["classes", "number"]
    values: Floats
    codes: Codes


def rules(
    table: pa.Table,
    target: str,
    features: Sequence[str],
    *,
    categorical: Collection[str] = (),
    thresholds: Thresholds | None = None,
) -> tuple[DataRule, ...]:
    """One rule a feature, on a sample of the rows of at most 100,000.

    For classes the score is an AUC (macro average, one class against the rest), for a number the
    greater of Pearson's and Spearman's correlation, without its sign. A feature scores by its order,
    and by the mean target of its levels or of 100 quantile bins, learned on one half of the rows and
    scored on the other, so that an identifier does not score.
    """
    limits = thresholds or Thresholds()
    found = _target(table, target, categorical)
    if isinstance(found, str):
        return (DataRule(rule="leakage", column=target, ok=False, problem=found),)
    target_, kept = found
    return tuple(_rule(kept, name, target_, limits) for name in features if name in kept.column_names)


def _target(table: pa.Table, name: str, categorical: Collection[str]) -> tuple[Target, pa.Table] | str:
    """The target and the rows that have one, or why nothing can be said."""
    import pyarrow.compute as pc

    if name not in table.column_names:
        return f"the table has no target column {name}"
    there = pc.is_valid(table[name])
    if types.word(table.schema.field(name).type) == "number":
        there = pc.and_(there, pc.fill_null(pc.is_finite(table[name]), fill_value=False))
    kept = table.filter(there)
    if kept.num_rows < FEW:
        return f"only {kept.num_rows:,} rows have a label"
    found = _coded(kept[name].combine_chunks(), is_category=name in categorical)
    return found if isinstance(found, str) else (found, kept)


def _coded(column: Any, *, is_category: bool) -> Target | str:
    """The labels as numbers, or why they cannot be judged."""
    import numpy as np

    kind = types.word(column.type)
    classes, codes = np.unique(hashed([column]), return_inverse=True)
    if len(classes) == 1:
        return "every label is the same"
    is_category = is_category or kind in ("text", "boolean") or (kind == "integer" and len(classes) <= _CODES)
    if is_category and len(classes) > CLASSES:
        return f"the target has {len(classes):,} classes; up to {CLASSES} are looked at"
    if is_category:
        return Target("classes", codes.astype(np.float64), codes.astype(np.int64))
    if kind not in types.COUNTED:
        return f"the target is of type {kind}"
    return Target("number", column.cast("float64").to_numpy(zero_copy_only=False), codes.astype(np.int64))


def _rule(table: pa.Table, name: str, target: Target, limits: Thresholds) -> DataRule:
    kind = types.word(table.schema.field(name).type)
    if kind in types.NESTED or kind in ("binary", types.EMPTY):
        what = "has no value" if kind == types.EMPTY else f"is of type {kind}"
        return DataRule(
            rule="leakage", column=name, ok=False, problem=f"the column {what}, so it was not judged"
        )
    column = table[name].combine_chunks()
    score = (
        _class_score(column, kind, target)
        if target.task == "classes"
        else _number_score(column, kind, target)
    )
    most = limits.auc if target.task == "classes" else limits.correlation
    measure = "AUC" if target.task == "classes" else "correlation"
    return DataRule(
        rule="leakage",
        column=name,
        ok=score < most,
        expected=f"{measure} below {most}",
        # Rounding must not say that a limit is reached that is not.
        found=f"{measure} {number(score, 5)} alone",
        value=score,
    )


# ---- scores ------------------------------------------------------------------------------------


def _class_score(column: Any, kind: str, target: Target) -> float:
    import numpy as np

    levels = _levels(column, kind)
    order = _order(column, kind)
    classes = [
        one for one in range(int(target.codes.max()) + 1) if (target.codes == one).sum() >= FEW_OF_CLASS
    ]
    if len(classes) < 2:
        return 0.5
    scores = []
    for one in classes:
        truth = target.codes == one
        by_level = auc(truth, encoded(levels, truth.astype(np.float64)))
        by_order = auc(truth, order) if order is not None else 0.5
        scores.append(max(by_level, by_order, 1 - by_order))
    return float(np.mean(scores))


def _number_score(column: Any, kind: str, target: Target) -> float:
    scores = [abs(correlation(encoded(_levels(column, kind), target.values), target.values))]
    order = _order(column, kind)
    if order is not None:
        scores.append(abs(correlation(order, target.values)))
        scores.append(abs(correlation(ranks(order), ranks(target.values))))
    return max(scores)


def _order(column: Any, kind: str) -> Floats | None:
    """The values as numbers where they have an order; missing ones at the mean, infinities at the ends."""
    import numpy as np

    if kind not in (*types.COUNTED, *types.TIMES, "boolean", "duration"):
        return None
    if kind in (*types.TIMES, "duration"):
        column = column.cast("int32" if str(column.type).startswith("date32") else "int64")
    values = np.asarray(column.cast("float64").to_numpy(zero_copy_only=False), np.float64)
    finite = values[np.isfinite(values)]
    if not len(finite):
        return None
    return np.nan_to_num(
        values, nan=float(finite.mean()), posinf=float(finite.max()), neginf=float(finite.min())
    )


def _levels(column: Any, kind: str) -> Codes:
    """The values as codes: of each its own, of many numbers that of its quantile bin; missing is one too."""
    import numpy as np

    distinct, codes = np.unique(hashed([column]), return_inverse=True)
    order = _order(column, kind)
    if order is None or len(distinct) <= _BINS:
        return codes.astype(np.int64)
    edges = np.unique(np.quantile(order, np.linspace(0, 1, _BINS + 1)[1:-1]))
    binned = np.searchsorted(edges, order, side="right")
    return np.where(np.asarray(column.is_null(nan_is_null=True)), -1, binned).astype(np.int64) + 1


def encoded(levels: Codes, target: Floats) -> Floats:
    """The mean target of every row's level, from the other half of the rows (even and odd ones).

    A level that the other half lacks gets the mean of all. One imagined row of the mean is added to each
    level.
    """
    import numpy as np

    result = np.empty(len(levels), np.float64)
    most = int(levels.max()) + 1 if len(levels) else 0
    for half in (0, 1):
        told, asked = slice(1 - half, None, 2), slice(half, None, 2)
        mean = float(target[told].mean())
        sums = np.bincount(levels[told], weights=target[told], minlength=most)
        counts = np.bincount(levels[told], minlength=most)
        result[asked] = ((sums + _PRIOR * mean) / (counts + _PRIOR))[levels[asked]]
    return result


def ranks(values: Floats) -> Floats:
    """Ranks from 1, equal values sharing their mean rank."""
    import numpy as np

    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[place], np.float64)


def auc(truth: npt.NDArray[np.bool_], scores: Floats) -> float:
    """The area under the ROC curve by ranks (Mann-Whitney, ties count half)."""
    positive = int(truth.sum())
    negative = len(truth) - positive
    total = float(ranks(scores)[truth].sum())
    return (total - positive * (positive + 1) / 2) / (positive * negative)


def correlation(one: Floats, other: Floats) -> float:
    """Pearson's correlation; 0 where a side is constant."""
    import numpy as np

    # Scaled first, so that squares of 1e200 do not overflow.
    a, b = (side / (np.abs(side).max() or 1.0) for side in (one, other))
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum() / size) if size > 0 else 0.0
