"""Jensen-Shannon distance, base 2: the root of the mean entropy between each side and both together.

``sqrt((KL(p | m) + KL(q | m)) / 2)`` with ``m = (p + q) / 2`` (Lin 1991, Endres & Schindelin 2003), over at
most 20 groups of the reference's quantiles, or over the levels. Many groups and few rows make it large
without any drift, therefore so few groups.
"""

from __future__ import annotations

import math

from mlops_ci.drift.pair import Pair, Sides, both_shares
from mlops_ci.evidence import DriftScore
from mlops_ci.profiles.shape import Kind

KINDS: frozenset[Kind] = frozenset({"number", "category"})
UNIT = "0 (equal) to 1 (nothing in common)"


def measure(pair: Pair) -> DriftScore:
    """The distance of a column's shares."""
    return DriftScore(value=distance(pair.groups))


def distance(sides: Sides) -> float:
    """The distance of two rows of counts on the same groups."""
    terms = (_part(p, p + q) + _part(q, p + q) for p, q in both_shares(sides))
    return math.sqrt(min(1.0, max(0.0, math.fsum(terms) / 2)))


def _part(share: float, both: float) -> float:
    return share * math.log2(2 * share / both) if share else 0.0
