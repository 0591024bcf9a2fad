"""Two tables, column by column: how far each moved, how sure that is, and what could not be compared."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import accumulate, pairwise
from typing import Literal, get_args

from mlops_ci import drift
from mlops_ci.comparing import tails
from mlops_ci.drift import cramers_v, ks, null_rate, pair, unseen
from mlops_ci.drift.pair import Level, Pair
from mlops_ci.evidence import Bins, DriftColumn, DriftScore, LevelShare
from mlops_ci.profiles.privacy import RARE_ROWS
from mlops_ci.profiles.shape import ColumnProfile, Profile
from mlops_ci.writing.figures import distinct, number

Role = Literal["feature", "target", "prediction"]
Labels = Callable[[str, str], str]
# What a bar holds, and the rows of both sides in it.
_Bar = tuple[str, int, int]

# Tables with more columns than this have all scores and both distributions only of the most moved ones.
MANY_COLUMNS = 300
FULL_COLUMNS = 100
MOST_LEVELS = 5
# New levels with a smaller share of the current rows are counted, and not listed.
UNSEEN_SHARE = 0.001
BARS = 20
# So large a share of the rows on each end is drawn in the outermost bars, so that outliers squeeze nothing.
_CLIPPED = 0.005
# A smaller effect need not be seen in the bars.
_MATTERS = 0.05
# A row of a table has at most so many digits where there are many columns.
_DIGITS = 6
# 1.36 = sqrt(-ln(0.05 / 2) / 2), the critical value of the Kolmogorov distribution at 5 %.
_CRITICAL = math.sqrt(-math.log(0.025) / 2)


@dataclass(frozen=True)
class _Column:
    """A column of both sides, and how far it moved."""

    name: str
    role: Role
    pair: Pair
    score: DriftScore | None


def compare(
    reference: Profile,
    current: Profile,
    *,
    roles: Mapping[str, str],
    ignore: Collection[str],
    labels: Labels,
) -> tuple[tuple[DriftColumn, ...], tuple[str, ...], tuple[str, ...]]:
    """Every column of two profiles compared; which were added; which were removed.

    Columns are in the reference's order and found by name; what could not be compared says why. The
    effect is the Kolmogorov-Smirnov distance of numbers and Cramer's V of categories, see docs/drift.md.

    Args:
        reference: what was.
        current: what is.
        roles: ``target`` or ``prediction`` by a column's name; all others are features.
        ignore: names or globs of columns that are left out.
        labels: what may be told of a column's value: (column, value) gives the value itself or a hash.

    Raises:
        ConfigError: an installed package's drift test cannot be used.
    """
    ours, theirs = _by_name(reference, ignore), _by_name(current, ignore)
    added = tuple(name for name in theirs if name not in ours)
    removed = tuple(name for name in ours if name not in theirs)
    found = [
        _column(name, _role(roles.get(name)), ours[name], theirs[name]) for name in ours if name in theirs
    ]
    full = _most_moved(found)
    tests = drift.all_tests()
    columns = (
        _full(one, tests, labels) if place in full else _short(one, labels) for place, one in enumerate(found)
    )
    return tuple(columns), added, removed


def is_ignored(name: str, ignore: Collection[str]) -> bool:
    """Whether a column is named by one of these names or globs."""
    return name in ignore or any(fnmatchcase(name, glob) for glob in ignore)


def detectable(one: Pair) -> float:
    """The smallest effect that so many rows would have shown at the 5 % level.

    Numbers: ``1.36 sqrt(1/n + 1/m)``, the critical distance of the two-sample Kolmogorov-Smirnov test.
    Categories: ``sqrt(lambda / (4 n m / (n + m)))`` with the noncentrality lambda at which a chi-square
    test finds in 80 % of all cases (Cohen 1988, chapter 7).
    """
    n, m = one.rows
    if one.kind == "number":
        return min(1.0, _CRITICAL * math.sqrt(1 / n + 1 / m))
    df = max(1, len(one.groups[0]) - 1)
    return min(1.0, math.sqrt(tails.noncentrality(df) / cramers_v.balanced(n, m)))


# ---- columns ---------------------------------------------------------------------------------------


def _by_name(profile: Profile, ignore: Collection[str]) -> dict[str, ColumnProfile]:
    """The columns by name; of several with one name none can be meant, so the first says that."""
    names = Counter(one.name for one in profile.columns)
    found: dict[str, ColumnProfile] = {}
    for one in profile.columns:
        if one.name in found or is_ignored(one.name, ignore):
            continue
        twice = names[one.name] > 1
        problem = f"{names[one.name]} columns have this name"
        found[one.name] = one.model_copy(update={"problem": problem}) if twice else one
    return found


def _role(told: str | None) -> Role:
    return next((role for role in get_args(Role) if role == told), "feature")


def _column(name: str, role: Role, reference: ColumnProfile, current: ColumnProfile) -> _Column:
    found = pair.pair(reference, current)
    score = None
    if not found.problem:
        score = ks.measure(found) if found.kind == "number" else cramers_v.measure(found)
    return _Column(name, role, found, score)


def _most_moved(columns: Sequence[_Column]) -> set[int]:
    """The places of the columns that are told in full: all, or the most moved ones of very many."""
    places = range(len(columns))
    if len(columns) <= MANY_COLUMNS:
        return set(places)
    by_effect = sorted(places, key=lambda at: -_effect(columns[at]))
    return set(by_effect[:FULL_COLUMNS])


def _effect(column: _Column) -> float:
    return column.score.value if column.score else -1.0


def _full(column: _Column, tests: Mapping[str, drift.DriftTest], labels: Labels) -> DriftColumn:
    """A column with all scores, its moved levels and both distributions."""
    found = column.pair
    short = _told(column, labels)
    if not found.problem:
        short |= {"levels": _moved(column, labels), "bins": _bins(column, labels)}
    return DriftColumn.model_validate(short | {"scores": drift.measured(found, tests) | _together(column)})


def _short(column: _Column, labels: Labels) -> DriftColumn:
    """A column of a table with very many: the effect, its p, and what the decision needs besides."""
    found = column.pair
    told = {key: _rounded(value) for key, value in _told(column, labels).items()}
    scores = {"unseen": unseen.measure(found)} if told.get("unseen") else {}
    scores |= _together(column)
    return DriftColumn.model_validate(told | {"scores": scores})


def _told(column: _Column, labels: Labels) -> dict[str, object]:
    found, score = column.pair, column.score
    told: dict[str, object] = {"name": column.name, "role": column.role, "kind": found.current.kind}
    told |= _nulls(found)
    if score is None:
        return told | {"problem": found.problem}
    return told | {
        "measure": "ks" if found.kind == "number" else "cramers_v",
        "effect": score.value,
        "p": score.p,
        "detectable": detectable(found),
        "shift": _shift(found),
        "unseen": _unseen(column, labels),
        "coarse": _coarse(found),
    }


def _coarse(found: Pair) -> float:
    """The share of a side's rows of which the profiles do not tell how common their level is on the other.

    The larger of both sides. Known is what both name, and what one names where the other names all it has.
    """
    one, other = found.reference.levels, found.current.levels
    if found.kind != "category" or one is None or other is None:
        return 0.0
    n, m = found.rows
    ours = sum(level.reference for level in found.levels if not (level.most or level.fewer))
    theirs = sum(level.current for level in found.levels if not (level.most or level.fewer))
    return max(1 - ours / n, 1 - theirs / m)


def _together(column: _Column) -> dict[str, DriftScore]:
    """The score of all new levels together, where there are any."""
    if column.pair.kind != "category":
        return {}
    found = unseen.together(column.pair)
    return {"unseen_together": found} if found.value else {}


def _rounded(value: object) -> object:
    if isinstance(value, tuple):
        return tuple(_rounded(one) for one in value)
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value


def _nulls(found: Pair) -> dict[str, object]:
    """The shares of missing values on both sides, and the p-value of their difference."""
    sides = (found.reference, found.current)
    if not all(side.rows for side in sides):
        return {}
    rates = tuple(pair.missing(side) / side.rows for side in sides)
    return {"nulls": rates, "null_p": null_rate.measure(found).p}


def _shift(found: Pair) -> float | None:
    """The difference of the means in standard deviations of the reference, where there are any."""
    one, other = found.reference.moments, found.current.moments
    if found.kind != "number" or one is None or other is None or not one.m2:
        return None
    shift = (other.mean - one.mean) / math.sqrt(one.m2 / one.count)
    return shift if math.isfinite(shift) else None


# ---- levels and bars -------------------------------------------------------------------------------


def _share(column: _Column, level: Level, labels: Labels) -> LevelShare:
    n, m = column.pair.rows
    label = labels(column.name, level.value)
    return LevelShare(label=label, reference=level.reference / n, current=level.current / m)


def _moved(column: _Column, labels: Labels) -> tuple[LevelShare, ...]:
    """The levels whose share changed most, at most five; never those that are rare on both sides."""
    n, m = column.pair.rows
    known = [
        (abs(one.reference / n - one.current / m), one)
        for one in column.pair.levels
        if not (one.most or one.fewer) and max(one.reference, one.current) >= RARE_ROWS
    ]
    ranked = sorted(known, key=lambda change: (-change[0], change[1].value))
    return tuple(_share(column, one, labels) for change, one in ranked[:MOST_LEVELS] if change)


def _unseen(column: _Column, labels: Labels) -> tuple[LevelShare, ...]:
    """New levels with at least a thousandth of the current rows, at most five, never rare ones.

    ``reference`` is 0, or the most it can be where the reference names only its most common levels.
    """
    least = max(RARE_ROWS, UNSEEN_SHARE * column.pair.rows[1])
    found = (one for one in unseen.levels(column.pair.levels) if one.current >= least)
    return tuple(_share(column, one, labels) for _, one in zip(range(MOST_LEVELS), found, strict=False))


def _bins(column: _Column, labels: Labels) -> Bins:
    """Both distributions for a picture: at most 20 bars, labelled where values may be shown."""
    number_like = column.pair.kind == "number"
    bars = _number_bars(column.pair, _effect(column)) if number_like else _level_bars(column, labels)
    told, ours, theirs = zip(*bars, strict=True)
    # A callable that changes a harmless text hides this column's values.
    shown = labels(column.name, "0") == "0"
    n, m = column.pair.rows
    return Bins(
        labels=told if shown else (),
        reference=tuple(count / n for count in ours),
        current=tuple(count / m for count in theirs),
    )


def _number_bars(found: Pair, effect: float) -> list[_Bar]:
    """Bars of equal width, or where these would hide an effect that matters, those that show it best.

    The others are bars of about as many rows each, and for sides that do not meet, a bar a side.
    """
    bars = _bars(found, *_equally_wide(found))
    if effect < _MATTERS or 2 * _seen(bars) >= effect:
        return bars
    others = (_bars(found, *_equally_full(found)), _two_bars(found))
    return max((bars, *filter(None, others)), key=_seen)


def _seen(bars: Sequence[_Bar]) -> float:
    """The Kolmogorov-Smirnov distance that the bars show."""
    _, ours, theirs = zip(*bars, strict=True)
    return ks.distance(ours, theirs)


def _bars(found: Pair, edges: Sequence[int], cuts: Sequence[int]) -> list[_Bar]:
    """The fine bins between the edges added up; ``cuts`` are the same edges, but that no end is open."""
    return [
        (label, sum(found.fine[0][left:right]), sum(found.fine[1][left:right]))
        for label, (left, right) in zip(_words(found, edges, cuts), pairwise(edges), strict=True)
    ]


def _both(found: Pair) -> list[int]:
    """The fine counts of both sides together, each side with the same weight, however many rows it has."""
    n, m = found.rows
    return [one * m + other * n for one, other in zip(*found.fine, strict=True)]


def _equally_wide(found: Pair) -> tuple[list[int], list[int]]:
    """At most 20 bars of equal width over the middle 99 % of the rows.

    What lies outside of that is in the first and in the last bar. More rows outside of the fine bins are
    a bar of their own: they lie apart from their neighbours and must not look like these.
    """
    upto = list(accumulate(_both(found)))
    inner, least = range(1, len(upto) - 1), _CLIPPED * upto[-1]
    start = next((at for at in inner if upto[at] > least), 1)
    stop = next((at for at in inner if upto[-1] - upto[at] <= least), inner[-1]) + 1
    below, above = upto[0] > least, upto[-1] - upto[-2] > least
    cuts = [*range(start, stop, -(-(stop - start) // (BARS - below - above))), stop]
    return [0, *cuts[0 if below else 1 : None if above else -1], len(upto)], cuts


def _equally_full(found: Pair) -> tuple[list[int], list[int]]:
    """At most 20 bars of about as many rows each."""
    edges = [0, *pair.cuts(_both(found), BARS)]
    return edges, [1, *edges[1:-1], len(found.fine[0]) - 1]


def _words(found: Pair, edges: Sequence[int], cuts: Sequence[int]) -> list[str]:
    """What each bar holds, in words; the outermost ones are open, but for a single one."""
    # The first of the fine counts is what lies below the bins.
    at = dict(zip(cuts, distinct([found.low + (cut - 1) * found.width for cut in cuts]), strict=True))
    if value := _only_value(found):
        return [f"below {value}"] * (1 in edges) + [value] + [f"above {value}"] * (2 in edges)
    if len(edges) == 2:
        return [f"{at[cuts[0]]} to {at[cuts[-1]]}"]
    inner = [f"{at[low]} to {at[high]}" for low, high in pairwise(edges[1:-1])]
    return [f"below {at[edges[1]]}", *inner, f"{at[edges[-2]]} and more"]


def _only_value(found: Pair) -> str:
    """The value that the only bin holds; nothing where there are more bins, or more values in it."""
    if len(found.fine[0]) > 3:
        return ""
    sides = zip(found.fine, (found.reference.moments, found.current.moments), strict=True)
    ends = {end for fine, moments in sides if moments and fine[1] for end in (moments.low, moments.high)}
    if len(ends) == 1:
        return number(ends.pop())
    # A bin so narrow, next to its own place, is one value to a reader.
    low, high = (float(f"{end:.9g}") for end in (found.low, found.low + found.width))
    return number(low) if low == high else ""


def _two_bars(found: Pair) -> list[_Bar]:
    """A bar a side, where all values of one are below all of the other, in one bin or not."""
    one, other = found.reference.moments, found.current.moments
    if one is None or other is None or not ks.apart(found):
        return []
    n, m = found.rows
    ours, theirs = distinct([one.mean, other.mean])
    bars = [(f"about {ours}", n, 0), (f"about {theirs}", 0, m)]
    return bars if one.high < other.low else bars[::-1]


def _level_bars(column: _Column, labels: Labels) -> Iterator[_Bar]:
    """The most common levels, and all others as the last bar."""
    known = [one for one in column.pair.levels if not (one.most or one.fewer)]
    common = [one for one in known if max(one.reference, one.current) >= RARE_ROWS]
    ranked = sorted(common, key=lambda one: (-one.reference - one.current, one.value))[: BARS - 1]
    for one in ranked:
        yield labels(column.name, one.value), one.reference, one.current
    n, m = column.pair.rows
    rest = (n - sum(one.reference for one in ranked), m - sum(one.current for one in ranked))
    if any(rest):
        yield "other values", *rest
