"""Kullback-Leibler divergence of the current side from the reference, in nats.

``sum q ln(q / p)`` with the shares p of the reference and q of the current side (Kullback & Leibler 1951),
over the same groups as PSI; an empty group counts half a row.
"""

from __future__ import annotations

import math

from mlops_ci.drift.pair import Pair, filled
from mlops_ci.evidence import DriftScore
from mlops_ci.profiles.shape import Kind

KINDS: frozenset[Kind] = frozenset({"number", "category"})
UNIT = "nats, 0 and more"


def measure(pair: Pair) -> DriftScore:
    """The divergence of a column."""
    # With half rows the shares need not add up to 1, which could push a sum near 0 below it.
    total = math.fsum(q * math.log(q / p) for p, q in filled(pair.groups))
    return DriftScore(value=max(0.0, total))
