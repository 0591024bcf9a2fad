"""A classifier that tries to tell current rows from reference rows: what all columns together give away.

Gradient-boosted trees (scikit-learn's ``HistGradientBoostingClassifier``) are trained on which side a row
comes from, and scored on rows that they have not seen (stratified 3-fold). A ROC AUC of 0.5 says that no
row betrays its side; the further above, the more did the tables drift, also where every single column
stayed as it was. The interval is DeLong's (DeLong, DeLong & Clarke-Pearson 1988, in the form of Sun & Xu
2014), of the mean over the folds. A column's loss is how much AUC goes when it is shuffled among the unseen
rows (permutation importance, Breiman 2001).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from mlops_ci.errors import ConfigError
from mlops_ci.evidence import DomainClassifier, Driver, Interval

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    Floats: TypeAlias = npt.NDArray[np.float64]

MOST_ROWS = 20_000
FEWEST_ROWS = 30
FOLDS = 3
MOST_DRIVERS = 5
# What the trees take as categories; the rest is one category of its own.
_MOST_LEVELS = 254
_NORMAL = 1.959963984540054


@dataclass(frozen=True)
class _Rows:
    """The rows of both sides as numbers (missing is NaN), which columns are categories, and the sides."""

    names: tuple[str, ...]
    values: Floats
    categorical: tuple[bool, ...]
    is_current: Floats


def classify(
    reference: pa.Table,
    current: pa.Table,
    *,
    columns: Sequence[str],
    categorical: Collection[str],
    seed: int = 0,
) -> DomainClassifier:
    """How well current rows can be told from reference rows, and by which columns.

    Args:
        reference: rows of the one side; of more than 20,000 a random sample is taken.
        current: rows of the other side, likewise.
        columns: what the classifier may look at; times, nested values, and columns that one side lacks or
            has in another type are left out.
        categorical: columns of numbers that are codes of categories.
        seed: of the sample, the folds, the trees and the shuffling.

    Raises:
        ConfigError: scikit-learn is not installed, a side has fewer than 30 rows, or no column is left.
    """
    _need()
    import numpy as np

    random = np.random.default_rng(seed)
    sides = [_sample(table, random) for table in (reference, current)]
    if min(side.num_rows for side in sides) < FEWEST_ROWS:
        raise ConfigError(
            f"a domain classifier needs at least {FEWEST_ROWS} rows a side",
            "compare more rows, or leave the classifier out",
        )
    rows = _rows(sides[0], sides[1], columns, categorical)
    from threadpoolctl import threadpool_limits

    # On a machine with other work, threads that wait for each other cost several times what they save.
    with threadpool_limits(limits=1):
        aucs, variances, losses = zip(*_folds(rows, random, seed), strict=True)
    auc = math.fsum(aucs) / FOLDS
    half = _NORMAL * math.sqrt(math.fsum(variances)) / FOLDS
    mean_losses = [math.fsum(each) / FOLDS for each in zip(*losses, strict=True)]
    ranked = sorted(zip(mean_losses, rows.names, strict=True), key=lambda one: (-one[0], one[1]))
    return DomainClassifier(
        auc=auc,
        interval=Interval(low=max(0.0, auc - half), high=min(1.0, auc + half)),
        rows=(sides[0].num_rows, sides[1].num_rows),
        drivers=tuple(Driver(column=name, loss=loss) for loss, name in ranked[:MOST_DRIVERS]),
    )


def _need() -> None:
    try:
        import pyarrow
        import sklearn  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise ConfigError(
            f"a domain classifier needs the package {error.name}, which is not installed",
            "pip install 'mlops-ci[checks]'",
        ) from error
    del pyarrow


def _sample(table: pa.Table, random: np.random.Generator) -> pa.Table:
    if table.num_rows <= MOST_ROWS:
        return table
    return table.take(random.choice(table.num_rows, MOST_ROWS, replace=False))


# ---- rows as numbers -------------------------------------------------------------------------------


def _rows(
    reference: pa.Table, current: pa.Table, columns: Sequence[str], categorical: Collection[str]
) -> _Rows:
    """Both tables below each other, as numbers."""
    import numpy as np
    import pyarrow as pa

    names, values, kinds = [], [], []
    for name in columns:
        if any(table.schema.names.count(name) != 1 for table in (reference, current)):
            continue
        one, other = (_plain(table.column(name), coded=name in categorical) for table in (reference, current))
        if one is None or other is None or one.type != other.type:
            continue
        both = pa.concat_arrays([one, other])
        is_text = pa.types.is_string(both.type)
        names.append(name)
        kinds.append(is_text)
        values.append(_codes(both) if is_text else _floats(both))
    if not names:
        raise ConfigError("a domain classifier has no column to look at", "name columns that both sides have")
    sides = np.repeat([0.0, 1.0], [reference.num_rows, current.num_rows])
    return _Rows(tuple(names), np.column_stack(values), tuple(kinds), sides)


def _plain(column: pa.ChunkedArray, *, coded: bool) -> pa.Array | None:
    """A column as floats, or as text where it is a category; None where it is neither."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
        column = column.cast(kind)
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_boolean(kind)
    if is_text or (is_number and coded):
        return column.cast(pa.string()).combine_chunks()
    return column.cast(pa.float64(), safe=False).combine_chunks() if is_number else None


def _floats(values: pa.Array) -> Floats:
    import numpy as np

    found: Floats = values.to_numpy(zero_copy_only=False).astype(np.float64)
    return found


def _codes(values: pa.Array) -> Floats:
    """Each text's rank among the most common ones, all others as one more, missing as NaN."""
    import numpy as np

    encoded = values.dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    common = np.argsort(-np.bincount(codes[codes >= 0], minlength=1), kind="stable")
    rank = np.empty(len(common) + 1)
    rank[common] = np.minimum(np.arange(len(common)), _MOST_LEVELS)
    rank[-1] = np.nan
    found: Floats = rank[codes]
    return found


# ---- the trees -------------------------------------------------------------------------------------


def _folds(
    rows: _Rows, random: np.random.Generator, seed: int
) -> Iterator[tuple[float, float, tuple[float, ...]]]:
    """Of each fold: the AUC on unseen rows, its variance, and what each column's shuffling costs."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedKFold

    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    for seen, unseen in folds.split(rows.values, rows.is_current):
        model = HistGradientBoostingClassifier(
            categorical_features=list(rows.categorical), class_weight="balanced", random_state=seed
        )
        model.fit(rows.values[seen], rows.is_current[seen])
        test, sides = rows.values[unseen], rows.is_current[unseen]
        auc, variance = _auc(sides, _score(model, test))
        yield auc, variance, tuple(_losses(model, test, sides, auc, random))


def _losses(
    model: Any, test: Floats, sides: Floats, auc: float, random: np.random.Generator
) -> Iterator[float]:
    for place in range(test.shape[1]):
        shuffled = test.copy()
        shuffled[:, place] = random.permutation(shuffled[:, place])
        yield auc - _auc(sides, _score(model, shuffled))[0]


def _score(model: Any, rows: Floats) -> Floats:
    found: Floats = model.predict_proba(rows)[:, 1]
    return found


def _auc(is_current: Floats, scores: Floats) -> tuple[float, float]:
    """The area under the ROC curve and DeLong's variance of it, both from mid-ranks."""
    import numpy as np

    ours, theirs = scores[is_current == 0], scores[is_current == 1]
    n, m = len(ours), len(theirs)
    ranks = _midranks(np.concatenate([theirs, ours]))
    # How often a row beats the rows of the other side; ties count half.
    wins = (ranks[:m] - _midranks(theirs)) / n
    losses = 1 - (ranks[m:] - _midranks(ours)) / m
    return float(wins.mean()), float(wins.var(ddof=1) / m + losses.var(ddof=1) / n)


def _midranks(values: Floats) -> Floats:
    """Ranks from 1; equal values share the mean of theirs."""
    import numpy as np

    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    upto = np.cumsum(counts)
    found: Floats = (upto - (counts - 1) / 2)[place]
    return found
