"""Wasserstein-1: how far values moved on average, in standard deviations of the reference.

``integral |F_reference(x) - F_current(x)| dx / sigma`` (Kantorovich 1942), by trapezoids on the shared fine
bins; values outside of them count as if they lay on the edge. Where the reference is constant, sigma is that
of both sides together. The difference of the means is never more, so it stands in where it is.
"""

from __future__ import annotations

import math
from itertools import accumulate

from mlops_ci.drift.pair import Pair, finite
from mlops_ci.evidence import DriftScore
from mlops_ci.profiles.shape import Kind, Moments

KINDS: frozenset[Kind] = frozenset({"number"})
UNIT = "standard deviations of the reference, 0 and more"


def measure(pair: Pair) -> DriftScore:
    """The mean distance that a column's numbers moved."""
    one, other = pair.reference.moments, pair.current.moments
    if one is None or other is None:
        return DriftScore(value=0.0)
    apart = abs(other.mean - one.mean)
    sigma = math.sqrt(one.m2 / one.count) or math.sqrt(_together(one, other))
    if not sigma:
        return DriftScore(value=0.0)
    return DriftScore(value=finite(max(_moved(pair), apart) / sigma))


def _moved(pair: Pair) -> float:
    """The area between both cumulative distributions, in the column's own unit."""
    n, m = pair.rows
    steps = zip(accumulate(pair.fine[0]), accumulate(pair.fine[1]), strict=True)
    gaps = [one / n - other / m for one, other in steps][:-1]
    return math.fsum(map(_between, gaps, gaps[1:])) * pair.width


def _between(left: float, right: float) -> float:
    """The mean size of a gap that runs in a line from ``left`` to ``right``."""
    if left * right >= 0:
        return abs(left + right) / 2
    return (left * left + right * right) / (2 * abs(left - right))


def _together(one: Moments, other: Moments) -> float:
    """The variance of both sides as one sample (Chan, Golub & LeVeque 1983)."""
    rows = one.count + other.count
    between = (other.mean - one.mean) ** 2 * one.count / rows * other.count
    return (one.m2 + other.m2 + between) / rows
