"""Training rows among the test rows: by their id, and by equal features beyond what chance explains."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops_ci.evidence import DataRule
from mlops_ci.schemas.keys import Keys, hashed, identities
from mlops_ci.schemas.said import count
from mlops_ci.schemas.values import readable
from mlops_ci.writing.figures import percent

if TYPE_CHECKING:
    import pyarrow as pa

# So many standard errors must lie between the share of repeated rows and what the training rows say.
SIGMAS = 4.0


@dataclass(frozen=True)
class Overlap:
    """How many test rows are training rows too, and how many rows there were."""

    shared: int
    rows: int


class Rows:
    """The rows of one table as hashes of the given columns, batch by batch.

    A single column is read as an id: the same number in text is the same, and a row without one is
    nobody's twin. Several columns are features: broken numbers are compared to 6 significant digits, so
    that a copied row with a trace of noise is still a copy.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = tuple(columns)
        self.keys = Keys()

    def add(self, batch: pa.RecordBatch) -> None:
        """Add a batch that has all the columns."""
        parts: list[Any] = [batch.column(name) for name in self.columns]
        with readable(", ".join(self.columns[:5])):
            hashes = identities(parts[0]) if len(parts) == 1 else hashed(parts, near=True)
        self.keys.add(hashes)
        self.keys.seen += batch.num_rows - len(hashes)


def overlap(train: Rows, test: Rows) -> Overlap:
    """How many test rows equal a training row; counts are scaled up where tables are very long."""
    import numpy as np

    scale = max(train.keys.scale, test.keys.scale)
    train.keys.thin(scale)
    test.keys.thin(scale)
    known, asked = np.unique(train.keys.hashes()), test.keys.hashes()
    return Overlap(int(np.isin(asked, known).sum()) * scale, test.keys.seen)


def twins(table: Rows) -> float:
    """The share of rows that have an equal one in their own table."""
    import numpy as np

    found = table.keys.hashes()
    if not len(found):
        return 0.0
    _, counts = np.unique(found, return_counts=True)
    return float(counts[counts > 1].sum() / len(found))


def ids(found: Overlap, column: str) -> DataRule:
    """No row of the test table may be the same example as a training row."""
    shared, rows = found.shared, found.rows
    return DataRule(
        rule="duplicates",
        column=column,
        ok=not shared,
        failing=shared,
        expected="no id of a training row",
        found=f"{count(shared, 'test row')} of {rows:,} with one" if shared else "none",
        value=shared / rows if rows else 0.0,
    )


def features(found: Overlap, train: Rows) -> DataRule:
    """No more test rows may equal a training row than training rows equal each other.

    Short rows of categories repeat by chance: if the test rows were drawn like the training rows, the
    share of them with a twin among the training rows is at most the share of training rows with a twin
    among themselves. ``value`` is the share beyond that and beyond 4 standard errors (binomial, both
    sides); it is 0 where chance explains everything.
    """
    share, natural = (found.shared / found.rows if found.rows else 0.0), twins(train)
    chance = f"about {percent(natural)} %" if natural else "none"
    excess = max(0.0, share - natural - SIGMAS * _error(share, found.rows, natural, train.keys.kept))
    rows = f"{count(found.shared, 'test row')} of {found.rows:,} ({percent(share)} %)"
    return DataRule(
        rule="duplicates",
        ok=not excess,
        failing=found.shared,
        expected=f"{chance}, as among the training rows themselves",
        found=f"{rows} equal to a training row",
        value=excess,
    )


def _error(share: float, rows: int, natural: float, others: int) -> float:
    """The standard error of the difference of two shares, pooled: sqrt(p (1 - p) (1/n + 1/m))."""
    if not rows or not others:
        return 0.0
    pooled = (share * rows + natural * others) / (rows + others)
    return math.sqrt(pooled * (1 - pooled) * (1 / rows + 1 / others))
