"""How numbers, sizes, durations and curves are written in a report."""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate

from mlops_ci.evidence import Scalar

MINUS = "\u2212"
_BARS = "▁▂▃▄▅▆▇█"
# Lists with fewer items on both sides together are shown whole.
FEW_ITEMS = 8
_SIZES = ("B", "kB", "MB", "GB", "TB", "PB")

Points = Sequence[tuple[float, ...]]


def number(value: float, digits: int = 4) -> str:
    """A number with ``digits`` significant digits: 0.9031, 12,345, 1.2e-05."""
    if not math.isfinite(value):
        return str(value).replace("-", MINUS)
    if value == 0:
        return "0"
    size = abs(float(value))
    if size < 1e-4 or size >= 1e12:
        shown = f"{size:.{max(min(digits, 3), digits - 1) - 1}e}"
        mantissa, _, exponent = shown.partition("e")
        shown = f"{_trimmed(mantissa)}e{exponent}"
    elif size.is_integer():
        shown = f"{size:,.0f}"
    else:
        shown = f"{size:,.{max(0, digits - 1 - math.floor(math.log10(size)))}f}"
    return (MINUS if value < 0 else "") + shown


def distinct(values: Sequence[float]) -> list[str]:
    """Numbers with four significant digits, or with as many as tell them apart."""
    apart = len(set(values))
    told: list[str] = []
    for digits in range(4, 18):
        told = [number(float(f"{value:.{digits}g}"), digits) for value in values]
        if len(set(told)) == apart:
            break
    return told


def _trimmed(decimal: str) -> str:
    return decimal.rstrip("0").rstrip(".") if "." in decimal else decimal


def change(value: float) -> str:
    """A difference with its sign and three significant digits: +0.0031."""
    if value == 0:
        return "0"
    shown = number(abs(value), 3)
    return ("+" if value > 0 else MINUS) + (shown if "e" in shown else _trimmed(shown))


def axis(value: float) -> str:
    """A number as Mermaid's parser reads it: no exponent, no thousands, a plain minus."""
    return _trimmed(f"{value:.12f}")


def count(value: int) -> str:
    """A whole number with thousands: 12,345."""
    return f"{value:,}".replace("-", MINUS)


def percent(share: float, digits: int = 4) -> str:
    """A share as a percentage without its sign: 95, 99.9."""
    return _trimmed(f"{share * 100:.{digits}g}") if 0 < share * 100 < 1e3 else _trimmed(f"{share * 100:.0f}")


def size(count_of_bytes: int) -> str:
    """Bytes as people read them: 812 B, 1.2 MB."""
    value, unit = float(count_of_bytes), 0
    # 999.95 would be rounded up to four digits.
    while value >= 999.95 and unit < len(_SIZES) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.0f} {_SIZES[0]}" if unit == 0 else f"{_trimmed(f'{value:.1f}')} {_SIZES[unit]}"


def money(amount: float) -> str:
    """An amount of money: 1,234.50, 0.84; less than a hundredth as a number."""
    return number(amount, 2) if 0 < amount < 0.01 else f"{amount:,.2f}"


def duration(seconds: float) -> str:
    """Seconds as people read them: 0.4 s, 41 s, 1 min 12 s, 2 h 5 min."""
    if seconds < 9.95:
        return f"{_trimmed(f'{seconds:.1f}')} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return _two(whole // 60, "min", whole % 60, "s")
    minutes = round(seconds / 60)
    return _two(minutes // 60, "h", minutes % 60, "min")


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    first = f"{large:,} {large_unit}"
    return f"{first} {small} {small_unit}" if small else first


def moment(seconds: float) -> str:
    """A short time as people read it: 850 ns, 12.3 µs, 4.56 ms, 1.2 s."""
    for factor, unit in ((1e9, "ns"), (1e6, "µs"), (1e3, "ms")):
        if seconds * factor < 999.5:
            return f"{_trimmed(number(seconds * factor, 3))} {unit}"
    return duration(seconds)


def chance(p: float) -> str:
    """A p-value: below a thousandth nobody needs its digits."""
    return "<0.001" if p < 0.001 else _trimmed(f"{p:.2g}" if p < 0.1 else f"{p:.2f}")


def scalar(value: Scalar) -> str:
    """A parameter's value as its file would write it: 0.4, true, null, "" for empty text."""
    if isinstance(value, str):
        return value or '""'
    return json.dumps(value)


def differing(old: Scalar, new: Scalar) -> tuple[str, str]:
    """Two values of one parameter; of two long lists only the items that one has and the other not.

    ``["AGE", "SEX", "RACE"]`` and ``["AGE", "SEX"]`` give ``[… "RACE"]`` and ``[…]``.
    """
    before, after = _items(old), _items(new)
    if len(before) + len(after) <= FEW_ITEMS or not set(before) & set(after) or set(before) == set(after):
        return scalar(old), scalar(new)
    return _rest(before, after), _rest(after, before)


def _items(value: Scalar) -> list[str]:
    """The items of a list that is written as JSON text; nothing for anything else."""
    try:
        found = json.loads(value) if isinstance(value, str) and value.startswith("[") else None
    except ValueError:
        return []
    return [json.dumps(item, ensure_ascii=False) for item in found] if isinstance(found, list) else []


def _rest(items: list[str], other: list[str]) -> str:
    only = ", ".join(item for item in items if item not in other)
    return f"[… {only}]" if only else "[…]"


def short(name: str) -> str:
    """The first characters of a commit or digest, enough to find it again."""
    kind, colon, digits = name.rpartition(":")
    return f"{kind}{colon}{digits[:12]}" if colon else name[:8]


def span(*curves: Points, axis: int = 1) -> tuple[float, float]:
    """The smallest and the largest value of all curves on one axis (0 is x)."""
    values = [point[axis] for curve in curves for point in curve]
    return min(values), max(values)


def resampled(points: Points, low: float, high: float, steps: int) -> tuple[float, ...]:
    """A curve's y at ``steps`` equally spaced x; held flat outside of its own points.

    Diagrams and sparklines have no x of their own, so curves meet on one grid.
    """
    ordered = sorted((point[0], point[1]) for point in points)
    width = (high - low) / (steps - 1)
    return tuple(_interpolated(ordered, low + width * step) for step in range(steps))


def _interpolated(ordered: Sequence[tuple[float, float]], x: float) -> float:
    right = bisect_left(ordered, (x, -math.inf))
    if right == len(ordered):
        return ordered[-1][1]
    if right == 0 or ordered[right][0] == x:
        return ordered[right][1]
    (x0, y0), (x1, y1) = ordered[right - 1], ordered[right]
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)


def condensed(shares: Sequence[float], width: int) -> tuple[float, ...]:
    """A histogram's shares in at most ``width`` bins; their sum stays, a bin may be split in proportion."""
    if len(shares) <= width:
        return tuple(shares)
    made = [0.0] * width
    for index, share in enumerate(shares):
        left, right = index * width / len(shares), (index + 1) * width / len(shares)
        first = int(left)
        inside = min(right, first + 1.0) - left
        made[first] += share * inside / (right - left)
        if first + 1 < width:
            made[first + 1] += share * (1 - inside / (right - left))
    return tuple(made)


def sparklines(reference: Sequence[float], current: Sequence[float], width: int = 12) -> tuple[str, str]:
    """Two distributions on the same bins as rows of at most ``width`` bars, on one scale."""
    steps = [one - other for one, other in zip(reference, current, strict=False)]
    sides = condensed(reference, width), condensed(current, width)
    if 2 * _distance(one - other for one, other in zip(*sides, strict=False)) < _distance(steps):
        # The move is one between neighbours that share a bar: those are drawn, and all others at the ends.
        gaps = [abs(gap) for gap in accumulate(steps)]
        start = min(max(0, gaps.index(max(gaps)) - width // 2 + 1), len(steps) - width)
        sides = _window(reference, start, width), _window(current, start, width)
    top = max((*sides[0], *sides[1]), default=0.0)
    return sparkline(sides[0], 0.0, top), sparkline(sides[1], 0.0, top)


def _distance(steps: Iterable[float]) -> float:
    """The largest difference of two cumulative distributions, of the differences of their shares."""
    return max(map(abs, accumulate(steps)), default=0.0)


def _window(shares: Sequence[float], start: int, width: int) -> tuple[float, ...]:
    """So many bins from ``start`` on; the first and the last hold what lies outside as well."""
    stop = start + width
    return sum(shares[: start + 1]), *shares[start + 1 : stop - 1], sum(shares[stop - 1 :])


def sparkline(values: Sequence[float], low: float, high: float) -> str:
    """Values as a row of bars on the scale from ``low`` to ``high``."""
    width = (high - low) or 1.0
    top = len(_BARS) - 1
    return "".join(_BARS[round(min(1.0, max(0.0, (value - low) / width)) * top)] for value in values)
