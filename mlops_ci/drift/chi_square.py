"""Chi-square test of homogeneity: whether both sides are drawn from one distribution of categories.

``sum (observed - expected)^2 / expected`` over both sides and all levels (Pearson 1900), with levels of
fewer than 5 expected rows pooled (Cochran 1954). It grows with the rows: a guard against chance, no effect.
"""

from __future__ import annotations

import math

from mlops_ci.comparing import tails
from mlops_ci.drift.pair import Pair, Sides
from mlops_ci.evidence import DriftScore
from mlops_ci.profiles.shape import Kind

KINDS: frozenset[Kind] = frozenset({"category"})
UNIT = "the statistic; its degrees of freedom are the levels less one"


def measure(pair: Pair) -> DriftScore:
    """The statistic of a column's categories, with its p-value."""
    value = statistic(pair.groups)
    return DriftScore(value=value, p=tails.chi_square(value, len(pair.groups[0]) - 1))


def statistic(sides: Sides) -> float:
    """Pearson's statistic of a table of two rows; no column may be empty."""
    n, m = map(sum, sides)
    terms = ((one * m - other * n) ** 2 / (one + other) for one, other in zip(*sides, strict=True))
    return math.fsum(terms) / (n * m)
