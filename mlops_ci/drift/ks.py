"""Kolmogorov-Smirnov: the largest distance between both cumulative distributions.

``D = max |F_reference(x) - F_current(x)|`` over the edges of the shared fine bins (at most 2048). The rows'
own D can only be larger, by what happens inside of one bin: on average ``0.58 sqrt(s (1/n + 1/m))`` with the
bin's share s of the rows (Broadie, Glasserman & Kou 1997), a few percent of the standard error of D. Where
the ranges do not meet, D is 1. p by the limit distribution (Kolmogorov 1933, Smirnov 1939) with Stephens'
correction for small samples.
"""

from __future__ import annotations

from itertools import accumulate

from mlops_ci.comparing import tails
from mlops_ci.drift.pair import Pair
from mlops_ci.evidence import DriftScore
from mlops_ci.profiles.shape import Kind

KINDS: frozenset[Kind] = frozenset({"number"})
UNIT = "a share of the rows, 0 to 1"


def measure(pair: Pair) -> DriftScore:
    """The distance of a column's numbers, with its p-value."""
    value = 1.0 if apart(pair) else distance(*pair.fine)
    return DriftScore(value=value, p=tails.kolmogorov(value, *pair.rows))


def distance(reference: tuple[int, ...], current: tuple[int, ...]) -> float:
    """The largest difference of two cumulative distributions on the same bins, a share."""
    n, m = sum(reference), sum(current)
    # Whole numbers up to the last step, so that equal distributions differ by nothing at all.
    both = zip(accumulate(reference), accumulate(current), strict=True)
    return max(abs(one * m - other * n) for one, other in both) / (n * m)


def apart(pair: Pair) -> bool:
    """Whether every value of one side is below every value of the other, however fine the bins are."""
    one, other = pair.reference.moments, pair.current.moments
    return one is not None and other is not None and (one.high < other.low or other.high < one.low)
