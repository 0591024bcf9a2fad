"""The numbers of one column in one pass: moments, and counts on a grid that grows with the data."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mlops_ci.profiles import grids, moments
from mlops_ci.profiles.grids import Fine, Frame
from mlops_ci.profiles.shape import BINS, Grid

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]

# The first frame is half as long as it may be, so that it seldom has to grow.
START_BINS = grids.FINE_BINS // 2


class Scratch:
    """Memory that all columns of a builder use in turn, so that it stays in the processor's cache."""

    def __init__(self) -> None:
        self._values: Values | None = None

    def get(self, count: int) -> Values:
        """An array of ``count`` doubles with any content."""
        import numpy as np

        if self._values is None or len(self._values) < count:
            self._values = np.empty(max(count, 1 << 16))
        return self._values[:count]


class NumberCounts:
    """Moments and grid of one column.

    The grid is the canonical one (see ``grids``), or the one of the profile to be compared with; none
    without ``histogram``. A column that an outlier squeezes is to be read once more: ``settle`` says so.
    """

    def __init__(
        self,
        scratch: Scratch,
        *,
        like: Grid | None = None,
        fraction: bool = True,
        histogram: bool = True,
        bins: int = START_BINS,
    ) -> None:
        self._bins = bins
        self.moments = moments.Running()
        self.nans = 0
        self.infs = 0
        self.grid: Grid | None = None
        self._whole = True
        self._fraction = fraction
        self._histogram = histogram
        self._scratch = scratch
        self._fixed = like is not None
        self._fine: Fine | None = None
        self._again: Fine | None = None
        self._search: grids.Search | None = None
        self._around = (math.inf, -math.inf)
        if like is not None:
            self._fine = _empty(grids.frame_of(like))

    def expect(self, low: float, high: float) -> None:
        """What the file says of the column's extremes: saves the growing, is no part of the result."""
        if not self._fixed and math.isfinite(low) and math.isfinite(high) and low <= high:
            self._fine = _empty(_roomy(low, high, self._bins))

    def add(self, values: Values) -> None:
        """Take the values that are not null."""
        if not len(values):
            return
        # Adding zero makes one zero of both: which of -0.0 and 0.0 is less depends on who is asked.
        low, high = float(values.min()) + 0.0, float(values.max()) + 0.0
        if not (math.isfinite(low) and math.isfinite(high)):
            self.add(self._finite(values))
            return
        scratch = self._scratch.get(len(values))
        self.moments.add(values, scratch, low=low, high=high)
        if not self._histogram:
            return
        if self._fraction and self._whole:
            self._whole = _all_whole(values, scratch)
        fine = self._fine if self._fixed and self._fine else self._reach(low, high)
        self._fine = counted(fine, values, scratch, inside=not self._fixed)

    def _finite(self, values: Values) -> Values:
        """Count and drop NaN and infinities."""
        import numpy as np

        finite = np.isfinite(values)
        nans = int(np.isnan(values).sum())
        self.nans += nans
        self.infs += len(values) - nans - int(finite.sum())
        return values[finite]

    def _reach(self, low: float, high: float) -> Fine:
        """Counts on a frame that covers the extremes too, with bins twice as wide as often as needed."""
        if self._fine is None:
            return _empty(_roomy(low, high, self._bins))
        old = self._fine.frame
        if old.low <= low and high < old.high:
            return self._fine
        low = max(min(low, old.low), -moments.LARGEST)
        high = max(high, math.nextafter(old.high, -math.inf))
        return _moved(self._fine, _roomy(low, high, self._bins, least=old.exponent))

    def settle(self) -> bool:
        """After a pass: fix the grid, or say that the column must be counted again."""
        fine, around = (self._again, self._around) if self._again is not None else (self._fine, None)
        if not self.moments.count or fine is None or self.grid is not None:
            return False
        frame, final = fine.frame, True
        if not self._fixed:
            if self._search is None:
                self._search = grids.Search(self.moments.low, self.moments.high, whole=self._whole)
            frame, final = self._search.step(fine, around=around)
        if final:
            self.grid = grids.reduced(fine, frame)
            return False
        self._again, self._around = _empty(frame), (math.inf, -math.inf)
        return True

    def again(self, values: Values) -> None:
        """Take the same values once more, after ``settle`` asked for it."""
        import numpy as np

        if self._again is None:
            return
        values = values[np.isfinite(values)]
        frame = self._again.frame
        inside = values[(values >= frame.low) & (values < frame.high)]
        if len(inside):
            low, high = self._around
            self._around = min(low, float(inside.min())), max(high, float(inside.max()))
        self._again = counted(self._again, values, self._scratch.get(len(values)), inside=False)


def counted(fine: Fine, values: Values, scratch: Values, *, inside: bool) -> Fine:
    """The counts with those of the finite values added. ``inside``: none lies outside the frame."""
    import numpy as np

    frame, length = fine.frame, fine.frame.length
    if not len(values):
        return fine
    with np.errstate(over="ignore"):
        np.multiply(values, frame.scale, out=scratch)
    np.floor(scratch, out=scratch)
    scratch -= frame.first
    if inside:
        fine.counts[:] += np.bincount(scratch.astype(np.int64), minlength=length)
        return fine
    np.clip(scratch, -1, length, out=scratch)
    counts = np.bincount((scratch + 1).astype(np.int64), minlength=length + 2)
    fine.counts[:] += counts[1:-1]
    return Fine(frame, fine.counts, fine.below + int(counts[0]), fine.above + int(counts[-1]))


def _all_whole(values: Values, scratch: Values) -> bool:
    import numpy as np

    np.floor(values, out=scratch)
    return bool((scratch == values).all())


def _empty(frame: Frame) -> Fine:
    import numpy as np

    return Fine(frame, np.zeros(frame.length, dtype=np.int64))


def _roomy(low: float, high: float, bins: int, *, least: int = grids.LEAST_EXPONENT) -> Frame:
    """A frame over low to high with room on both sides, of at least 2048 bins."""
    frame = grids.covering(low, high, bins=bins)
    exponent = max(frame.exponent, least)
    first, last = grids.index(low, exponent), grids.index(high, exponent)
    room = max((last - first) // 4, BINS // 2)
    return Frame(exponent, first - room, last - first + 1 + 2 * room)


def _moved(fine: Fine, frame: Frame) -> Fine:
    """The same counts on a coarser, wider frame."""
    import numpy as np

    counts, first = grids.folded(fine.counts, fine.frame.first, frame.exponent - fine.frame.exponent)
    wider = np.zeros(frame.length, dtype=np.int64)
    start, stop = first - frame.first, first - frame.first + len(counts)
    # Empty bins at the old frame's ends may reach past the new one's.
    left, right = max(start, 0), min(stop, frame.length)
    wider[left:right] = counts[left - start : right - start]
    return Fine(frame, wider)
