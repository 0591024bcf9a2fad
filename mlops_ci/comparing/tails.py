"""Upper tails of distributions and Fisher's exact test, by the standard library alone.

``scipy.stats`` has all of them, but importing it takes longer than comparing two tables of a million rows.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

_TINY = 1e-300
_PRECISION = 1e-16
# A probability within rounding of the observed one counts as equal to it, as in scipy and R.
_EQUAL = 1 + 1e-7


def kolmogorov(distance: float, n: int, m: int) -> float:
    """The p-value of a two-sample Kolmogorov-Smirnov distance between samples of ``n`` and ``m`` rows.

    The limit distribution at ``(sqrt(e) + 0.12 + 0.11 / sqrt(e)) * distance`` with ``e = n m / (n + m)``,
    Stephens' correction for small samples (Stephens 1970, J. R. Stat. Soc. B 32). With ties, as in whole
    numbers or in bins, it is too large rather than too small.
    """
    root = math.sqrt(n / (n + m) * m)
    size = (root + 0.12 + 0.11 / root) * distance
    if size < 0.2:
        return 1.0
    if size < 1.18:
        # The same function by Jacobi's identity, which converges fast where the series below is slow.
        terms = (math.exp(-(((2 * k - 1) * math.pi / size) ** 2) / 8) for k in range(1, 5))
        return max(0.0, 1 - math.sqrt(2 * math.pi) / size * math.fsum(terms))
    terms = ((-1) ** (k - 1) * math.exp(-2 * (k * size) ** 2) for k in range(1, 6))
    return min(1.0, max(0.0, 2 * math.fsum(terms)))


def chi_square(value: float, df: int) -> float:
    """The probability that a chi-square variable of ``df`` degrees of freedom is at least ``value``.

    The incomplete gamma function Q(df/2, value/2): its series below the mean, Lentz's continued fraction
    above (Press et al., Numerical Recipes, section 6.2).
    """
    if df < 1 or value <= 0:
        return 1.0
    a, x = df / 2, value / 2
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1:
        return min(1.0, max(0.0, 1 - front * _series(a, x)))
    return min(1.0, front * _fraction(a, x))


def _series(a: float, x: float) -> float:
    term = total = 1 / a
    step = 0
    while term > total * _PRECISION:
        step += 1
        term *= x / (a + step)
        total += term
    return total


def _fraction(a: float, x: float) -> float:
    b = x + 1 - a
    c, d = 1 / _TINY, 1 / b
    total, change, step = d, 0.0, 0
    while abs(change - 1) > _PRECISION * 10:
        step += 1
        an = -step * (step - a)
        b += 2
        d = 1 / _nonzero(an * d + b)
        c = _nonzero(b + an / c)
        change = d * c
        total *= change
    return total


def _nonzero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def normal(size: float) -> float:
    """The two-sided p-value of a standard normal value."""
    return math.erfc(abs(size) / math.sqrt(2))


def two_shares(hits: tuple[int, int], rows: tuple[int, int]) -> float:
    """The two-sided p-value of equal shares ``hits / rows`` on both sides.

    The pooled two-proportion z-test; Fisher's exact test (as in scipy and R: all tables at most as
    likely) where one of the four expected counts is under 5. 1 where nothing can differ.
    """
    total, size = sum(hits), sum(rows)
    if not all(rows) or total in (0, size):
        return 1.0
    share = total / size
    if min(rows) * min(share, 1 - share) < 5:
        return _fisher(hits, rows)
    se = math.sqrt(share * (1 - share) * (1 / rows[0] + 1 / rows[1]))
    return normal((hits[0] / rows[0] - hits[1] / rows[1]) / se)


def _fisher(hits: tuple[int, int], rows: tuple[int, int]) -> float:
    total = sum(hits)
    if total > sum(rows) - total:
        hits = (rows[0] - hits[0], rows[1] - hits[1])
        total = sum(hits)
    side = 0 if rows[0] <= rows[1] else 1
    few, many = rows[side], rows[1 - side]
    whole = _log_choose(few + many, total)
    low, high = max(0, total - many), min(total, few)
    chances = [
        math.exp(_log_choose(few, k) + _log_choose(many, total - k) - whole) for k in range(low, high + 1)
    ]
    limit = chances[hits[side] - low] * _EQUAL
    return min(1.0, math.fsum(one for one in chances if one <= limit))


def all_current(hits: int, rows: tuple[int, int]) -> float:
    """The chance that ``hits`` rows drawn from (reference, current) ``rows`` are all current ones."""
    if hits > rows[1]:
        return 0.0
    return min(1.0, math.exp(_log_choose(rows[1], hits) - _log_choose(sum(rows), hits)))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


@lru_cache(maxsize=4096)
def noncentrality(df: int, alpha: float = 0.05, power: float = 0.8) -> float:
    """The noncentrality at which a chi-square test at level ``alpha`` finds with this ``power``.

    By the cube root's normal approximation (Wilson & Hilferty 1931, Abdel-Aty 1954), so that the power
    is right within 0.02; exact but for the far tail at one degree of freedom.
    """
    if df == 1:
        return (NormalDist().inv_cdf(1 - alpha / 2) + NormalDist().inv_cdf(power)) ** 2
    spread = 2 / (9 * df)
    critical = df * (1 - spread + NormalDist().inv_cdf(1 - alpha) * math.sqrt(spread)) ** 3
    wanted = NormalDist().inv_cdf(1 - power)
    low, high = 0.0, 100.0 + 10 * df
    for _ in range(60):
        middle = (low + high) / 2
        size = df + middle
        spread = 2 * (1 + middle / size) / (9 * size)
        if ((critical / size) ** (1 / 3) - 1 + spread) / math.sqrt(spread) > wanted:
            low = middle
        else:
            high = middle
    return high
