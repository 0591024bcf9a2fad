"""Hellinger distance: the length between the roots of both sides' shares.

``sqrt(sum (sqrt(p) - sqrt(q))^2 / 2)`` (Hellinger 1909), over at most 20 groups of the reference's
quantiles, or over the levels.
"""

from __future__ import annotations

import math

from mlops_ci.drift.pair import Pair, both_shares
from mlops_ci.evidence import DriftScore
from mlops_ci.profiles.shape import Kind

KINDS: frozenset[Kind] = frozenset({"number", "category"})
UNIT = "0 (equal) to 1 (nothing in common)"


def measure(pair: Pair) -> DriftScore:
    """The distance of a column's shares."""
    squares = ((math.sqrt(p) - math.sqrt(q)) ** 2 for p, q in both_shares(pair.groups))
    return DriftScore(value=min(1.0, math.sqrt(math.fsum(squares) / 2)))
