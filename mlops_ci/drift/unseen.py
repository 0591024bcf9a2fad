"""Unseen categories: the share of the current rows with the most common level that the reference lacks.

p is the chance that all the rows of a level fall on the current side, were both sides one (hypergeometric,
Fisher 1922), times the number of levels (Bonferroni), since the most common one was picked. Where the
reference names only its most common levels, a new one may have as many rows there as the rarest of them.
"""

from __future__ import annotations

from collections.abc import Iterable

from mlops_ci.comparing import tails
from mlops_ci.drift.pair import Level, Pair
from mlops_ci.evidence import DriftScore
from mlops_ci.profiles.shape import Kind, Levels

KINDS: frozenset[Kind] = frozenset({"category"})
UNIT = "a share of the values that are there, 0 to 1"


def measure(pair: Pair) -> DriftScore:
    """The share of the most common unseen level, with its p-value; 0 where there is none."""
    found = levels(pair.levels)
    if not found:
        return DriftScore(value=0.0, p=1.0)
    first = found[0]
    if first.most:
        p = tails.two_shares((first.reference, first.current), pair.rows)
    else:
        p = tails.all_current(first.current, pair.rows)
    share = first.current / pair.rows[1]
    if share <= first.reference / pair.rows[0]:
        p = 1.0
    return DriftScore(value=share, p=min(1.0, p * len(pair.levels)))


def together(pair: Pair) -> DriftScore:
    """The share of the current rows with any level that the reference lacks, beyond what is expected.

    Expected is the share of the reference's rows whose level it has only once (Good 1953, Biometrika 40);
    p is that of the two shares. 0 where the reference does not name all its levels.
    """
    named = pair.reference.levels or Levels()
    theirs = pair.current.levels or Levels()
    if named.tail_levels:
        return DriftScore(value=0.0, p=1.0)
    ours, has = dict(named.counts), dict(theirs.counts)
    rare = min(has.values(), default=0)
    # Levels of the reference that the current side does not name may be in its tail.
    known = sum(count for value, count in theirs.counts if value in ours)
    known += min(theirs.tail_rows, rare * sum(value not in has for value in ours))
    once = sum(count == 1 for count in ours.values())
    new = pair.rows[1] - known
    value = new / pair.rows[1] - once / pair.rows[0]
    if value <= 0:
        return DriftScore(value=0.0, p=1.0)
    return DriftScore(value=value, p=tails.two_shares((once, new), pair.rows))


def levels(all_levels: Iterable[Level]) -> list[Level]:
    """The levels that only the current side has (or the reference's tail), most common first."""
    found = [one for one in all_levels if one.current and (one.most or not one.reference)]
    return sorted(found, key=lambda one: (-one.current, one.value))
