"""Where a range ends: at a bound that the values show, else as far out as the next draw may reach.

The next table of the same source has a greatest value of its own. How far it lies out is told by the tail,
that is by the distance from the 50th value to the last: for tails as heavy as those of a t distribution of 4
degrees, its greatest value stays within 7 such distances in more than 99 of 100 draws (Weissman, Estimation
of parameters and large quantiles based on the k largest observations, 1978, gives 5.4 for 199 of 200 where
the distance is the expected one; a single draw's may be shorter).
``benchmarks/schema_rates.py`` measures it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]

# So many of the outermost values tell what a tail is like, and as many equal ones are a bound.
OUTER = 50
# How far a range goes beyond the 50th value, in distances from there to the last; on a scale of ratios for
# positive values, whichever is further.
REACH, POWER = 7.0, 2.0
# Where the outer values lie evenly, on average in the middle between the 50th and the last, the tail is cut
# off, and the next draw hardly goes further. Of tails that thin out, a quarter of the way is usual.
EVEN = 0.42
# A bound of 0 is safe where the least value is so many distances away from it.
FAR = 2.0
# From where on a column is skewed: its mean is so much closer to the least value than to the greatest.
SKEWED = 2.0


def _none() -> Any:
    import numpy as np

    return np.empty(0)


@dataclass
class Tails:
    """The outermost values on both sides of a column that is seen batch by batch."""

    count: int = 0
    total: float = 0.0
    lowest: Values = field(default_factory=_none)
    highest: Values = field(default_factory=_none)

    def add(self, values: Values) -> None:
        """Take finite values."""
        import numpy as np

        self.count += len(values)
        # Halves: a sum of the largest numbers is no number.
        self.total += float((values / max(1, len(values))).sum()) * len(values)
        self.highest = _outer(self.highest, values)
        self.lowest = np.negative(_outer(np.negative(self.lowest), np.negative(values)))


def _outer(kept: Values, values: Values) -> Values:
    """The greatest values of both."""
    import numpy as np

    if len(kept) == OUTER:
        values = values[values > kept.min()]
    both = np.concatenate([kept, values])
    return both if len(both) <= OUTER else np.partition(both, len(both) - OUTER)[-OUTER:]


@dataclass(frozen=True)
class End:
    """One end of a range; ``hard`` where the values show it, so that it is not rounded."""

    value: float
    hard: bool = False


def ends(tails: Tails, *, whole: bool, steep: tuple[float, float] = (0.0, 0.0)) -> tuple[End, End]:
    """The least and the greatest value to expect of the next draw.

    ``steep`` is, for each side where 50 rows have the same last value though far more have the one before
    it, the step between the two: such values get rarer outwards, and there is no bound.
    """
    import numpy as np

    least, greatest = float(tails.lowest.min()), float(tails.highest.max())
    few = max(1, min(OUTER, tails.count // 2))
    tops = np.sort(tails.highest)[-few:]
    downs = np.sort(np.negative(tails.lowest))[-few:]
    high, cut_above = _end(tops, positive=least >= 0, width=greatest - least, step=steep[1])
    low, cut_below = _end(downs, positive=greatest <= 0, width=greatest - least, step=steep[0])
    low = End(-low.value, low.hard)
    mean = tails.total / tails.count
    up, down = greatest - mean, mean - least
    if least >= 0 > low.value and (whole or cut_below or up > SKEWED * down or _is_far(downs)):
        low = End(0.0, hard=True)
    if greatest <= 0 < high.value and (whole or cut_above or down > SKEWED * up or _is_far(tops)):
        high = End(0.0, hard=True)
    if least >= 0 and greatest <= 1 < high.value and cut_above:
        high = End(1.0, hard=True)
    return low, high


def _is_far(tops: Values) -> bool:
    """Whether 0 lies much further out than the last of these values."""
    return -float(tops[-1]) >= FAR * float(tops[-1] - tops[0])


def _end(tops: Values, *, positive: bool, width: float, step: float) -> tuple[End, bool]:
    """The upper end that these greatest values tell, and whether the tail is cut off there."""
    import numpy as np

    last, first = float(tops[-1]), float(tops[0])
    enough = len(tops) == OUTER
    if enough and first == last and not step:
        return End(last, hard=True), True
    gap = step or last - first or width
    with np.errstate(over="ignore"):
        if enough and not step and float((tops / len(tops)).sum()) - first >= EVEN * gap:
            return End(last + gap), True
        reached = np.float64(first) + REACH * np.float64(gap)
        if positive and first > 0:
            reached = max(reached, first * (np.float64(last) / first) ** POWER)
    return End(float(reached)), False
