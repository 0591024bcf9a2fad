"""A share of trials and how sure it is, for the benchmarks that count hits."""

from __future__ import annotations

from scipy import stats


def exact(hits: int, tries: int) -> tuple[float, float]:
    """The exact 95 % interval of a share (Clopper & Pearson 1934)."""
    found = stats.binomtest(hits, tries).proportion_ci(0.95, method="exact")
    return float(found.low), float(found.high)


def told(hits: int, tries: int) -> str:
    """A share with its interval, in one width."""
    low, high = exact(hits, tries)
    return f"{hits:4d} of {tries:4d} = {hits / tries:6.1%} [{low:5.1%}, {high:6.1%}]"
