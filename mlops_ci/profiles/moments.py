"""Mean and spread of values that arrive in parts, without the loss of digits of a sum of squares."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING

from mlops_ci.profiles.shape import Moments

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]

LARGEST = sys.float_info.max
# From here on a sum of squares may overflow; such values are measured 2**-600 as large.
_HUGE = 1e145
_SHRINK = 600


class Running:
    """Moments of values that arrive in parts.

    Everything is measured from the centre of the first part, so that a small spread on a large mean
    keeps its digits however small the parts are.
    """

    def __init__(self) -> None:
        self.count = 0
        self.low = math.inf
        self.high = -math.inf
        self._centre = 0.0
        self._mean = self._m2 = 0.0

    def add(self, values: Values, scratch: Values, *, low: float, high: float) -> None:
        """Take at least one value, all finite, from ``low`` to ``high``; ``scratch`` is as long."""
        import numpy as np

        huge = max(abs(low), abs(high)) > _HUGE
        if not self.count and not huge:
            self._centre = low / 2 + high / 2
        count = len(values)
        if huge:
            mean, m2 = _of_huge(values)
            mean -= self._centre
        else:
            np.subtract(values, self._centre, out=scratch)
            total = float(scratch.sum())
            mean, squares = total / count, float(np.einsum("i,i->", scratch, scratch))
            m2 = max(squares - total * mean, 0.0)
        self._mean, self._m2 = _together(self.count, self._mean, self._m2, count, mean, m2)
        self.count += count
        self.low, self.high = min(self.low, low), max(self.high, high)

    def finish(self) -> Moments | None:
        """The moments of everything so far, None where there is nothing."""
        if not self.count:
            return None
        mean = min(max(self._centre + self._mean, self.low), self.high)
        return Moments(count=self.count, low=self.low, high=self.high, mean=mean, m2=self._m2)


def _of_huge(values: Values) -> tuple[float, float]:
    """Mean and sum of squared differences of values whose squares are too large for a double."""
    import numpy as np

    small = np.ldexp(values, -_SHRINK)
    mean = float(small.mean())
    m2 = float(((small - mean) ** 2).sum())
    return _scaled(mean, _SHRINK), _scaled(m2, 2 * _SHRINK)


def _scaled(value: float, exponent: int) -> float:
    """``value * 2**exponent``, at most the largest double."""
    try:
        return math.ldexp(value, exponent)
    except OverflowError:
        return math.copysign(LARGEST, value)


def _together(
    count: int, mean: float, m2: float, added: int, added_mean: float, added_m2: float
) -> tuple[float, float]:
    """Mean and sum of squared differences of two parts together.

    Chan, Golub and LeVeque, Updating formulae and a pairwise algorithm for computing sample variances
    (1979), equation 2.1. A sum of squares too large for a double is the largest double.
    """
    if not count:
        return added_mean, added_m2
    share = added / (count + added)
    # Halves, because the difference of two doubles may be too large for one.
    half = added_mean / 2 - mean / 2
    between = half * half * (4.0 * count * share)
    return mean + half * share + half * share, min(m2 + added_m2 + between, LARGEST)


def join(one: Moments | None, other: Moments | None) -> Moments | None:
    """Moments of both parts together."""
    if one is None or other is None:
        return one or other
    mean, m2 = _together(one.count, one.mean, one.m2, other.count, other.mean, other.m2)
    low, high = min(one.low, other.low), max(one.high, other.high)
    count = one.count + other.count
    return Moments(count=count, low=low, high=high, mean=min(max(mean, low), high), m2=m2)
