"""The canonical dyadic grid of a column: the rule that every engine follows, and grids side by side.

A frame of exponent ``e`` has bins ``[i * 2**e, (i + 1) * 2**e)``. Scaling by a power of two is exact in
binary floating point, so ``floor(x * 2**-e)`` is the same index on every engine, and the index at a
coarser exponent is the finer one shifted right.

The canonical frame of ``n`` finite values is a function of the values alone:

1. ``full`` is the frame of the smallest exponent that covers [min, max] with at most 2048 bins;
2. the central values are the order statistics ``k`` and ``n - 1 - k`` (from 0), with ``k = n // 200`` at
   first: 0.5 % of the values lie outside on each side. Where they span at least 614 bins of ``full``, or a
   finer exponent is not allowed, ``full`` is canonical;
3. otherwise (outliers squeeze the rest) the exponent is the smallest at which the central values span at
   most 1228 bins, and the frame reaches over as many bins again on each side while that gives at most 2048,
   but not past min and max. What lies outside is counted as ``below`` and ``above``.

A sentinel such as 99999 in more than 0.5 % of the rows squeezes the rest all the same. Therefore frames
are made so for wider and wider trims (0.5, 1, 2, 5, 10, 25 % on each side) as long as the innermost values
span fewer than 32 bins, and a frame may be finer still. The innermost values are those of the widest trim
that are not all one (an atom, such as many zeros, needs one bin only). Canonical is the first frame on which
they span 32 bins, else the last one, of the first trim and of those that a gap sets off: on the frame before,
the central values span at least 16 times (from 10 % on: 64 times) as many bins as these. A wide tail has no
such gap, and is not cut off.

An exponent is allowed if it is at least -1000, at least 0 where all values are whole numbers, and if the
indices of the covered values stay below 2**40 (a bin is never finer than the values' own precision).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_ci.profiles.shape import BINS, Grid

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Counts = npt.NDArray[np.int64]

# So many bins a count on the way to the canonical grid may have.
FINE_BINS = 1 << 15
LEAST_EXPONENT = -1000
MOST_INDEX = 1 << 40
# One value in so many lies outside the central values on each side; the next where those are squeezed.
OUTSIDE = (200, 100, 50, 20, 10, 4)
# The innermost values have at least so many bins, about 2 % of the rows each.
INNERMOST = 32
# What a trim must gain in fineness; a trim that leaves out much must gain much.
GAINS = (0, 16, 16, 16, 64, 64)
# The central values get at most three fifths of the grid, and by zooming at least half of that.
CENTRAL = BINS * 3 // 5
SQUEEZED = CENTRAL // 2


@dataclass(frozen=True)
class Frame:
    """Where the bins of a grid lie: ``length`` bins of width 2**exponent, from index ``first`` on."""

    exponent: int
    first: int
    length: int

    @property
    def scale(self) -> float:
        """What a value is multiplied with, before ``floor``, to get its index; exact."""
        return 2.0**-self.exponent

    @property
    def low(self) -> float:
        """The lower edge; values under it are ``below``."""
        return edge(self.first, self.exponent)

    @property
    def high(self) -> float:
        """The upper edge; values from it on are ``above``. Infinite where no double is large enough."""
        return edge(self.first + self.length, self.exponent)


@dataclass(frozen=True)
class Fine:
    """Counts on a frame of any length, on the way to the canonical grid."""

    frame: Frame
    counts: Counts
    below: int = 0
    above: int = 0

    @property
    def total(self) -> int:
        """How many finite values were counted."""
        return self.below + int(self.counts.sum()) + self.above


def sparse(frame: Frame, pairs: Iterable[tuple[int, int]]) -> Fine:
    """Counts from pairs of bin index and count, as a database groups them by ``floor(x * scale)``."""
    import numpy as np

    counts = np.zeros(frame.length, dtype=np.int64)
    below = above = 0
    for at, count in pairs:
        if at < frame.first:
            below += count
        elif at >= frame.first + frame.length:
            above += count
        else:
            counts[at - frame.first] += count
    return Fine(frame, counts, below, above)


def edge(at: int, exponent: int) -> float:
    """The value ``at * 2**exponent``, infinite where it is too large for a double."""
    try:
        return math.ldexp(at, exponent)
    except OverflowError:
        return math.inf if at > 0 else -math.inf


def index(value: float, exponent: int) -> int:
    """The bin of a finite value: ``floor(value * 2**-exponent)``, of any size."""
    scaled = value * 2.0**-exponent
    if math.isinf(scaled):
        over, under = value.as_integer_ratio()
        return (over << -exponent) // under
    return math.floor(scaled)


def covering(low: float, high: float, *, whole: bool = False, bins: int = BINS) -> Frame:
    """The finest allowed frame of at most ``bins`` bins that covers the finite values low to high.

    ``whole``: all values between are whole numbers, so a bin is never narrower than 1.
    """
    half = high / 2 - low / 2
    width = math.frexp(half)[1] - bins.bit_length() if half > 0 else LEAST_EXPONENT
    size = math.frexp(max(abs(low), abs(high)))[1] - MOST_INDEX.bit_length()
    exponent = max(0 if whole else LEAST_EXPONENT, width, size if low or high else LEAST_EXPONENT)
    while True:
        first, last = index(low, exponent), index(high, exponent)
        if last - first < bins and max(abs(first), abs(last)) < MOST_INDEX:
            return Frame(exponent, first, last - first + 1)
        exponent += 1


class Search:
    """The search for the canonical frame of one column, pass by pass.

    Args:
        low: the smallest finite value.
        high: the largest.
        whole: whether every finite value is a whole number.
    """

    def __init__(self, low: float, high: float, *, whole: bool) -> None:
        self._low, self._high, self._whole = low, high, whole
        # The frame of every trim so far, and how many bins of it the central values of each trim span.
        self._frames: list[Frame] = []
        self._spans: list[tuple[int, ...]] = []
        self._found: Frame | None = None

    def step(self, fine: Fine, *, around: tuple[float, float] | None = None) -> tuple[Frame, bool]:
        """The canonical frame and True, or the frame to count on next and False.

        Counts on the asked frame can be ``reduced`` to the canonical one: they are as fine and reach as far.

        Args:
            fine: counts of all finite values (at least one), to begin with on a frame of at least 2048 bins
                that covers [low, high] (``covering`` gives one), then on the frame that was asked for.
            around: the smallest and largest value inside the bins of ``fine``; saves passes, never changes
                the answer.
        """
        if self._found is not None:
            return self._found, True
        least = 0 if self._whole else LEAST_EXPONENT
        for trim in range(len(self._frames), len(OUTSIDE)):
            frame, final = canonical(
                fine, self._low, self._high, whole=self._whole, around=around, outside=OUTSIDE[trim]
            )
            if not final:
                return frame, False
            spans = tuple(_span(fine, frame.exponent, one) for one in OUTSIDE)
            self._frames.append(frame)
            self._spans.append(spans)
            if spans[trim] == 1 or spans[-1] >= INNERMOST or frame.exponent == least:
                break
        at = self._best(least)
        self._found = self._frames[at]
        # Counts that leave nothing out can be reduced to any frame.
        return self._found, at == len(self._frames) - 1 or not (fine.below or fine.above)

    def _best(self, least: int) -> int:
        """The first trim that tells the innermost values apart, else the last that a gap sets off."""
        last = len(self._frames) - 1
        # Central values of the last trim that are all one need no bins.
        innermost = last - 1 if last and self._spans[last][last] == 1 else last
        best = 0
        for at in range(innermost + 1):
            before = self._spans[max(at - 1, 0)]
            if before[max(at - 1, 0)] >= GAINS[at] * before[at]:
                best = at
                if self._frames[at].exponent == least or self._spans[at][innermost] >= INNERMOST:
                    break
        return best


def _span(fine: Fine, exponent: int, outside: int) -> int:
    """How many bins of an exponent, no finer than the counts, the central values span."""
    first, last = central(fine, outside)
    shift = exponent - fine.frame.exponent
    return (last >> shift) - (first >> shift) + 1


def canonical(
    fine: Fine,
    low: float,
    high: float,
    *,
    whole: bool,
    around: tuple[float, float] | None = None,
    outside: int = OUTSIDE[0],
) -> tuple[Frame, bool]:
    """The frame of one trim and True, or the frame to count on next and False.

    Counts on the asked frame can be ``reduced`` to the canonical one: they are as fine and reach as far.

    Args:
        fine: counts of all finite values (at least one), to begin with on a frame of at least 2048 bins that
            covers [low, high] (``covering`` gives one), then on the frame this function asked for.
        low: the smallest finite value.
        high: the largest.
        whole: whether every finite value is a whole number.
        around: the smallest and largest value inside the bins of ``fine``; saves passes, never changes
            the answer.
        outside: one value in so many lies outside the central ones on each side.
    """
    full = covering(low, high, whole=whole)
    least = 0 if whole else LEAST_EXPONENT
    (first, last), exponent = central(fine, outside), fine.frame.exponent
    if exponent <= full.exponent:
        shift = full.exponent - exponent
        if (last >> shift) - (first >> shift) + 1 >= SQUEEZED or full.exponent == least:
            return full, True
    if exponent > least and _may_be_finer(first, last):
        return _closer(Frame(exponent, first, last - first + 1), least, around), False
    if exponent < least:
        first, last, exponent = first >> (least - exponent), last >> (least - exponent), least
    while not _fits(first, last):
        first, last, exponent = first >> 1, last >> 1, exponent + 1
    if exponent >= full.exponent:
        # Counts that are coarser than that cannot be reduced to it.
        return full, fine.frame.exponent <= full.exponent
    span = last - first + 1
    reach = min(span, (BINS - span) // 2)
    start = max(index(low, exponent), first - reach)
    stop = min(index(high, exponent), last + reach)
    return Frame(exponent, start, stop - start + 1), True


def central(fine: Fine, outside: int = OUTSIDE[0]) -> tuple[int, int]:
    """The bins (absolute indices) of the two order statistics that bound the central values."""
    import numpy as np

    rank = fine.total // outside
    # searchsorted on the right: the first bin up to which more than `rank` values were counted.
    upto = np.cumsum(fine.counts) + fine.below
    last_rank = fine.total - 1 - rank
    first, last = (int(np.searchsorted(upto, at, side="right")) for at in (rank, last_rank))
    return fine.frame.first + first, fine.frame.first + last


def _fits(first: int, last: int) -> bool:
    """Whether the central values may have these bins: few enough, and no finer than a double is."""
    return last - first < CENTRAL and max(abs(first), abs(last)) < MOST_INDEX


def _may_be_finer(first: int, last: int) -> bool:
    """Whether the central values, somewhere in these bins, could fit at half the width."""
    return 2 * (last - first) - 1 < CENTRAL and 2 * max(abs(first), abs(last)) - 1 < MOST_INDEX


def _closer(bins: Frame, least: int, around: tuple[float, float] | None) -> Frame:
    """A finer frame over these bins, or over the part of them that holds values, and their neighbourhood.

    It reaches as far again to both sides, which the canonical frame will at most.
    """
    third = FINE_BINS // 3
    if around and (bins.low < around[0] or around[1] < bins.high):
        low, high = max(bins.low, around[0]), min(bins.high, around[1])
        # A negative value whose product underflows is counted in the bin right of zero.
        near = covering(min(low, high), high, whole=not least, bins=third)
        if near.exponent < bins.exponent:
            return _widened(near)
    shift = min((third // bins.length).bit_length() - 1, bins.exponent - least)
    return _widened(Frame(bins.exponent - shift, bins.first << shift, bins.length << shift))


def _widened(frame: Frame) -> Frame:
    return Frame(frame.exponent, frame.first - frame.length, 3 * frame.length)


def reduced(fine: Fine, frame: Frame) -> Grid:
    """Fine counts on a coarser (or equal) frame; exact where the fine frame's edges are its edges too.

    Values that the fine frame has as ``below`` or ``above`` must lie outside ``frame`` as well.
    """
    import numpy as np

    counts, first = folded(fine.counts, fine.frame.first, frame.exponent - fine.frame.exponent)
    start, stop = frame.first - first, frame.first + frame.length - first
    inner = np.zeros(frame.length, dtype=np.int64)
    left, right = max(start, 0), min(stop, len(counts))
    if left < right:
        inner[left - start : right - start] = counts[left:right]
    return Grid(
        exponent=frame.exponent,
        first=frame.first,
        counts=tuple(inner.tolist()),
        below=fine.below + int(counts[: max(start, 0)].sum()),
        above=fine.above + int(counts[max(stop, 0) :].sum()),
    )


def folded(counts: Counts, first: int, shift: int) -> tuple[Counts, int]:
    """Counts on bins 2**shift times as wide, with the new first index."""
    import numpy as np

    if not shift:
        return counts, first
    start, stop = first >> shift, (first + len(counts) - 1) >> shift
    if shift >= 62:
        # Wider than any count is long: at most two bins, left and right of zero or of one edge.
        split = (stop << shift) - first if stop > start else len(counts)
        parts = [int(counts[:split].sum()), int(counts[split:].sum())]
        return np.array(parts[: stop - start + 1], dtype=np.int64), start
    # Where each new bin begins in the old counts; the first may begin before them.
    begins = np.arange(0, (stop - start + 1) << shift, 1 << shift, dtype=np.int64) + (
        (start << shift) - first
    )
    np.maximum(begins, 0, out=begins)
    return np.add.reduceat(counts, begins), start


def frame_of(grid: Grid) -> Frame:
    """Where the bins of a stored grid lie."""
    return Frame(grid.exponent, grid.first, len(grid.counts))


def shared(one: Grid, other: Grid) -> tuple[Grid, Grid]:
    """Both grids on the same bins: same exponent, same first, same length of at most 2048.

    Exact, but for one case: where one side's values outside its grid may lie anywhere among the other's
    bins and nothing else is left to compare on, they count as lying outside the shared bins. That can
    move at most the share of ``below`` and ``above``: 1 % on a canonical grid, more where many values are
    a sentinel.
    """
    exponent = max(one.exponent, other.exponent)
    while True:
        left, right = _coarse(one, exponent), _coarse(other, exponent)
        frame = _common(left, right, exponent)
        if frame.length <= BINS:
            return reduced(left, frame), reduced(right, frame)
        exponent += 1


def _coarse(grid: Grid, exponent: int) -> Fine:
    """The grid at a coarser exponent; an outer bin that it knows only in part goes outside."""
    import numpy as np

    counts: Sequence[int] = grid.counts
    shift = exponent - grid.exponent
    bins, first = folded(np.array(counts, dtype=np.int64), grid.first, shift)
    cut_low = bool(grid.below) and (first << shift) < grid.first
    cut_high = bool(grid.above) and ((first + len(bins)) << shift) > grid.first + len(counts)
    if len(bins) <= cut_low + cut_high:
        cut_low = cut_high = False
    kept = bins[cut_low : len(bins) - cut_high]
    below = grid.below + (int(bins[0]) if cut_low else 0)
    above = grid.above + (int(bins[-1]) if cut_high else 0)
    return Fine(Frame(exponent, first + cut_low, len(kept)), kept, below, above)


def _common(left: Fine, right: Fine, exponent: int) -> Frame:
    """The bins that both sides know: as far as the wider one, but not past an edge with values outside."""
    frames = (left.frame, right.frame)
    ends = [frame.first + frame.length for frame in frames]
    hard_low = [one.frame.first for one in (left, right) if one.below]
    hard_high = [one.frame.first + one.frame.length for one in (left, right) if one.above]
    low = max(hard_low) if hard_low else min(frame.first for frame in frames)
    high = min(hard_high) if hard_high else max(ends)
    if high <= low:
        # The sides lie apart, each with stray values towards the other: the gap tells them apart.
        low, high = high, max(low, high + 1)
    return Frame(exponent, low, high - low)
