"""Cramer's V: how strongly a category tells on which side a row stands, whatever the number of rows.

``V = sqrt(phi2 / min(k - 1, 1))`` with Bergsma's correction for the bias of chance (Bergsma 2013, J. Korean
Stat. Soc. 42), and as if both sides had equally many rows: ``phi2 = sum (p - q)^2 / (2 (p + q))`` over the
shares p and q of each level, where the correction counts ``4 n m / (n + m)`` rows. With ``n = m`` that is
Bergsma's V; with a large reference and a small current table the plain V would shrink towards 0, although
the same shares moved.
"""

from __future__ import annotations

import math

from mlops_ci.comparing import tails
from mlops_ci.drift.pair import Pair, Sides, both_shares
from mlops_ci.evidence import DriftScore
from mlops_ci.profiles.shape import Kind

KINDS: frozenset[Kind] = frozenset({"category"})
UNIT = "0 (equal shares) to 1 (no level in common)"


def measure(pair: Pair) -> DriftScore:
    """The effect of a column's categories, with the p-value of the chi-square test."""
    return DriftScore(value=effect(pair.groups), p=_p(pair.groups))


def effect(sides: Sides) -> float:
    """The corrected V of a table of two rows; no column may be empty."""
    rows, levels = balanced(sum(sides[0]), sum(sides[1])), len(sides[0])
    if levels < 2 or rows <= 2:
        return 0.0
    phi2 = math.fsum((p - q) ** 2 / (2 * (p + q)) for p, q in both_shares(sides))
    corrected = max(0.0, phi2 - (levels - 1) / (rows - 1))
    columns = levels - (levels - 1) ** 2 / (rows - 1)
    least = min(columns - 1, 1 - 1 / (rows - 1))
    return min(1.0, math.sqrt(corrected / least)) if least > 0 else 0.0


def balanced(n: int, m: int) -> float:
    """How many rows, half on each side, would know the difference of two shares as well."""
    return 4 * n / (n + m) * m


def _p(sides: Sides) -> float:
    n, m = map(sum, sides)
    terms = ((p - q) ** 2 / (p * n + q * m) for p, q in both_shares(sides))
    return tails.chi_square(math.fsum(terms) * n * m, len(sides[0]) - 1)
