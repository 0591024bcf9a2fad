"""Missing values: the difference of their shares, current less reference.

Null, NaN and infinite count as missing. p of the pooled two-proportion z-test, or of Fisher's exact test
(Fisher 1922) where one of the expected counts is under 5.
"""

from __future__ import annotations

from mlops_ci.comparing import tails
from mlops_ci.drift.pair import Pair, missing
from mlops_ci.evidence import DriftScore
from mlops_ci.profiles.shape import Kind

KINDS: frozenset[Kind] = frozenset({"number", "category", "time", "other"})
UNIT = "a share of the rows, -1 to 1"


def measure(pair: Pair) -> DriftScore:
    """How much larger the share of missing values is, with its p-value; 0 where a table has no rows."""
    hits = (missing(pair.reference), missing(pair.current))
    rows = (pair.reference.rows, pair.current.rows)
    before, after = (hit / max(1, size) for hit, size in zip(hits, rows, strict=True))
    return DriftScore(value=after - before if all(rows) else 0.0, p=tails.two_shares(hits, rows))
