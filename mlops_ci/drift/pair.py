"""What every drift test gets to see: both profiles of a column, brought to the same bins or levels."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from mlops_ci.profiles.grids import edge, shared
from mlops_ci.profiles.shape import ColumnProfile, Grid, Kind, Levels

# Quantile groups of numbers: enough to see a moved part, few enough that chance does not fill them.
GROUPS = 20
# Under so many expected rows the chi-square distribution is a poor one (Cochran 1954).
LEAST_EXPECTED = 5

_NO_GRID = Grid(exponent=0, first=0, counts=(0,))

Sides = tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True)
class Level:
    """A category and its rows on both sides.

    ``most``: the reference has at most so many, ``fewer``: the current side has.
    """

    value: str
    reference: int
    current: int
    most: bool = False
    fewer: bool = False


@dataclass(frozen=True)
class Pair:
    """One column of two tables.

    ``kind`` says what can be compared: number, category, or time and other where the values cannot be,
    and ``problem`` says why. ``rows`` are the values that are there on both sides.

    ``fine`` are the counts on shared fine bins of width ``width`` from ``low`` on (numbers), what lies
    below them first and what lies above them last. ``groups`` are the counts of at most 20 groups: of
    numbers as equal as can be in the reference, or each of its values where it has few; of categories
    the levels, those with fewer than 5 expected rows on a side pooled into the last one. ``levels`` are
    the levels before pooling.
    """

    reference: ColumnProfile
    current: ColumnProfile
    kind: Kind
    problem: str = ""
    rows: tuple[int, int] = (0, 0)
    fine: Sides = ((), ())
    low: float = 0.0
    width: float = 0.0
    groups: Sides = ((), ())
    levels: tuple[Level, ...] = field(default=(), repr=False)


def pair(reference: ColumnProfile, current: ColumnProfile) -> Pair:
    """Both profiles of a column on shared bins, or with the reason why the values cannot be compared."""
    kind, problem = _comparable(reference, current)
    if problem:
        return Pair(reference, current, kind, problem, (values(reference), values(current)))
    found = Pair(reference, current, kind, "", (_counted(reference), _counted(current)))
    if kind == "number":
        return _numbers(found, reference.grid or _NO_GRID, current.grid or _NO_GRID)
    return _categories(found, reference.levels or Levels(), current.levels or Levels())


def values(profile: ColumnProfile) -> int:
    """How many values are there: rows that are neither null nor NaN nor infinite."""
    return profile.rows - missing(profile)


def missing(profile: ColumnProfile) -> int:
    """How many rows have no value that can be compared: null, NaN or infinite."""
    return profile.nulls + profile.nans + profile.infs


def shares(counts: Sequence[int]) -> tuple[float, ...]:
    """Counts as shares of their sum; zeros where there is nothing."""
    total = sum(counts) or 1
    return tuple(count / total for count in counts)


def both_shares(sides: Sides) -> Iterator[tuple[float, float]]:
    """The shares of each group on both sides."""
    return zip(shares(sides[0]), shares(sides[1]), strict=True)


def filled(sides: Sides) -> Iterator[tuple[float, float]]:
    """The shares of each group, where an empty group counts half a row: for tests that take logarithms."""
    totals = (sum(sides[0]), sum(sides[1]))
    for column in zip(*sides, strict=True):
        one, other = (max(count, 0.5) / total for count, total in zip(column, totals, strict=True))
        yield one, other


def finite(value: float) -> float:
    """A value that JSON can hold: the largest number in place of an infinite one."""
    return min(value, sys.float_info.max)


# ---- what can be compared --------------------------------------------------------------------------


_WORDS = {"number": "a number", "category": "a category", "time": "a time", "other": "something else"}


def _comparable(reference: ColumnProfile, current: ColumnProfile) -> tuple[Kind, str]:
    """The kind that is compared, or ``other`` (``time``) and why the values are not."""
    problem = next(_problems(reference, current), "")
    if problem:
        return "time" if reference.kind == current.kind == "time" else "other", problem
    return reference.kind, ""


def _problems(reference: ColumnProfile, current: ColumnProfile) -> Iterator[str]:
    """Why the values cannot be compared, the first reason first."""
    sides = (("reference", reference), ("current", current))
    yield from (f"the {side} table has no rows" for side, one in sides if not one.rows)
    yield from (
        f"every value is missing or infinite in the {side} table" for side, one in sides if values(one) < 1
    )
    if reference.kind != current.kind:
        yield f"was {_WORDS[reference.kind]}, is {_WORDS[current.kind]}"
    if reference.kind == "time":
        yield "points in time move by nature"
    yield from (f"{one.problem} (in the {side} table)" for side, one in sides if one.problem)
    if reference.kind == "other":
        yield f"values of type {reference.type} are not compared"
    if reference.kind == "number":
        yield from (f"the {side} profile has no histogram of it" for side, one in sides if not _counted(one))
    if reference.kind == "category":
        yield from (f"the {side} profile has no levels of it" for side, one in sides if not _counted(one))
    if _names_rows(reference) and _names_rows(current):
        yield "nearly every value is another one: an identifier?"
    if _counts_up(reference) and _counts_up(current):
        yield "whole numbers without gap or repetition: a counter such as a row's number"


def _counted(profile: ColumnProfile) -> int:
    """How many values the histogram or the levels hold; a stored profile may say anything."""
    if profile.kind == "number":
        grid = profile.grid
        return grid.below + sum(grid.counts) + grid.above if grid else 0
    levels = profile.levels
    return sum(count for _, count in levels.counts) + levels.tail_rows if levels else 0


def _names_rows(profile: ColumnProfile) -> bool:
    """Whether nine of ten values are different, and there are more of them than a profile names."""
    levels = profile.levels
    if levels is None or not levels.tail_levels:
        return False
    return 10 * (len(levels.counts) + levels.tail_levels) >= 9 * _counted(profile)


def _counts_up(profile: ColumnProfile) -> bool:
    """Whether the values can only be all whole numbers from the lowest to the highest, each once.

    Among whole numbers of one range and count, an even spread has just this mean and this variance.
    """
    moments = profile.moments
    if moments is None or moments.count < GROUPS:
        return False
    count, low, high = moments.count, moments.low, moments.high
    even = count * (count * count - 1) / 12
    return (
        high - low == count - 1
        and float(low).is_integer()
        and math.isclose(moments.mean, (low + high) / 2, rel_tol=1e-9, abs_tol=1e-6)
        and math.isclose(moments.m2, even, rel_tol=1e-9)
    )


# ---- numbers ---------------------------------------------------------------------------------------


def _numbers(found: Pair, one: Grid, other: Grid) -> Pair:
    left, right = shared(one, other)
    fine = (
        (left.below, *left.counts, left.above),
        (right.below, *right.counts, right.above),
    )
    groups = _each_value(fine) or _quantiles(fine)
    low, width = edge(left.first, left.exponent), edge(1, left.exponent)
    return replace(found, fine=fine, low=low, width=width, groups=groups)


def _each_value(fine: Sides) -> Sides | None:
    """The few values (or bins) of the reference as a group each, and all others as the last one."""
    used = [place for place, count in enumerate(fine[0]) if count]
    if len(used) >= GROUPS:
        return None
    kept = [tuple(side[place] for place in used) for side in fine]
    rest = sum(fine[1]) - sum(kept[1])
    return ((*kept[0], 0), (*kept[1], rest)) if rest else (kept[0], kept[1])


def _quantiles(fine: Sides) -> Sides:
    ends = list(cuts(fine[0], GROUPS))
    return _summed(fine[0], ends), _summed(fine[1], ends)


def cuts(counts: Sequence[int], groups: int) -> Iterator[int]:
    """Where each group ends, so that no group has less than its part of the rows unless there are no more."""
    total, held, wanted = sum(counts), 0, 1
    for place, count in enumerate(counts):
        held += count
        if held * groups >= wanted * total and held < total:
            yield place + 1
            wanted = held * groups // total + 1
    yield len(counts)


def _summed(counts: Sequence[int], cuts: Iterable[int]) -> tuple[int, ...]:
    found, start = [], 0
    for stop in cuts:
        found.append(sum(counts[start:stop]))
        start = stop
    return tuple(found)


# ---- categories ------------------------------------------------------------------------------------


def _categories(found: Pair, one: Levels, other: Levels) -> Pair:
    levels = tuple(_aligned(one, other))
    tails = (one.tail_rows, other.tail_rows)
    return replace(found, groups=_pooled(levels, found.rows, tails), levels=levels)


def _aligned(reference: Levels, current: Levels) -> Iterator[Level]:
    """The levels of both sides with their rows.

    A level that one side does not name has no rows there, unless that side has a tail: in it a level has
    at most as many rows as the rarest one that the side names, and that bound stands for them.
    """
    ours, theirs = dict(reference.counts), dict(current.counts)
    bound = min(theirs.values(), default=0) if current.tail_levels else 0
    for value, count in reference.counts:
        yield Level(value, count, theirs.get(value, bound), fewer=value not in theirs and bool(bound))
    bound = min(ours.values(), default=0) if reference.tail_levels else 0
    for value, count in current.counts:
        if value not in ours:
            yield Level(value, bound, count, most=bool(bound))


def _pooled(levels: Sequence[Level], rows: tuple[int, int], tails: tuple[int, int]) -> Sides:
    """The counts of the levels; what is rare or not known on both sides is one group, the last.

    Levels that one side alone names are a group for each side, as far as they must have moved.
    """
    share = min(rows) / sum(rows)
    kept = [(one.reference, one.current) for one in levels if not (one.most or one.fewer)]
    gone = _beyond([(one.reference, one.current) for one in levels if one.fewer], rows, tails[1])
    new = _beyond([(one.current, one.reference) for one in levels if one.most], rows[::-1], tails[0])
    kept = [one for one in (*kept, gone, new[::-1]) if sum(one) * share >= LEAST_EXPECTED]
    rest = (rows[0] - sum(one for one, _ in kept), rows[1] - sum(other for _, other in kept))
    if 0 < sum(rest) * share < LEAST_EXPECTED and kept:
        rarest = min(range(len(kept)), key=lambda place: (sum(kept[place]), -place))
        one, other = kept.pop(rarest)
        rest = (rest[0] + one, rest[1] + other)
    both = [*kept, rest] if any(rest) else kept
    return tuple(one for one, _ in both), tuple(other for _, other in both)


def _beyond(named: Sequence[tuple[int, int]], rows: tuple[int, int], tail: int) -> tuple[int, int]:
    """Rows of levels that are common on the side that names them, and the most that the other's tail has.

    Of the levels (rows, bound), the most common first, as many as show the largest difference. A level is
    named because it had many rows, by chance too, or missing from a small
    side: two standard errors of each count, in the smaller side's rows, are taken off.
    """
    noise = max(1.0, rows[0] / rows[1])
    best, found, sure, bounds = 0.0, (0, 0), 0.0, 0
    for count, bound in sorted(named, reverse=True):
        sure += max(0.0, count - 2 * math.sqrt(count * noise))
        bounds = min(bounds + bound, tail)
        if (beyond := sure / rows[0] - bounds / rows[1]) > best:
            best, found = beyond, (int(sure), bounds)
    return found
