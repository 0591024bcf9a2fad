"""Total variation: the share of rows that would have to move to make both sides equal.

``sum |p - q| / 2`` over at most 20 groups of the reference's quantiles, or over the levels.
"""

from __future__ import annotations

import math

from mlops_ci.drift.pair import Pair, both_shares
from mlops_ci.evidence import DriftScore
from mlops_ci.profiles.shape import Kind

KINDS: frozenset[Kind] = frozenset({"number", "category"})
UNIT = "a share of the rows, 0 to 1"


def measure(pair: Pair) -> DriftScore:
    """The share of rows that moved."""
    return DriftScore(value=min(1.0, math.fsum(abs(p - q) for p, q in both_shares(pair.groups)) / 2))
