"""Population stability index: the symmetric relative entropy of both sides' shares, in nats.

``sum (q - p) ln(q / p)`` over at most 20 groups of the reference's quantiles, or over the levels; an empty
group counts half a row. Without drift it is about ``(1/n + 1/m)`` times a chi-square variable of K - 1
degrees of freedom (Yurdakul 2018), which gives p: the usual limits of 0.1 and 0.25 know no rows.
"""

from __future__ import annotations

import math

from mlops_ci.comparing import tails
from mlops_ci.drift.pair import Pair, filled
from mlops_ci.evidence import DriftScore
from mlops_ci.profiles.shape import Kind

KINDS: frozenset[Kind] = frozenset({"number", "category"})
UNIT = "nats, 0 and more"


def measure(pair: Pair) -> DriftScore:
    """The index of a column, with its p-value."""
    both = list(filled(pair.groups))
    value = math.fsum((q - p) * math.log(q / p) for p, q in both)
    n, m = pair.rows
    return DriftScore(value=value, p=tails.chi_square(value / (1 / n + 1 / m), len(both) - 1))
