"""The geometry of the page's pictures: distributions, intervals and curves as SVG coordinates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mlops_ci.evidence import Bins, GroupMetric, Interval
from mlops_ci.report.plots import Chart

WIDTH, HEIGHT = 320, 72
RANGE_WIDTH = 180
CURVE_HEIGHT = 180
FEW_LABELS = 8
# The words of limits as the gates write them: `min 0.75, max drop 0.01`, `max 0.1`, `max_ratio 1.2`.
# A share of the base, such as `max drop 5%`, has no place of its own on the scale.
_NUMBER = r"(\d+(?:\.\d+)?(?:e[-+]?\d+)?)(?![\d.]|\s*%)"
_CHANGE = re.compile(rf"\bmax (drop|rise) {_NUMBER}")
_BOUND = re.compile(rf"(?:^|, )(?:max|min|max_ratio) {_NUMBER}")


@dataclass(frozen=True)
class Distribution:
    """Both sides on shared bins: bars as one path, the outline as another; ``top`` is the highest share.

    ``labels`` stand below: of few bins all, of many the first, the middle and the last.
    """

    bars: str
    outline: str
    top: float
    labels: tuple[str, ...]
    spread: bool
    most: tuple[str, float, float]
    count: int


@dataclass(frozen=True)
class Range:
    """A value with its interval on a line of its own; all x in the picture's units, None where unknown."""

    dot: float
    low: float | None
    high: float | None
    mark: float | None
    limits: tuple[float, ...]
    base: float | None = None


@dataclass(frozen=True)
class Curve:
    """Two curves on one grid as the points of SVG polylines; ``base`` is empty where there is none."""

    head: str
    base: str


class Drawings:
    """What the templates of the page draw with; every method gives coordinates, never markup."""

    width, height, range_width, curve_height = WIDTH, HEIGHT, RANGE_WIDTH, CURVE_HEIGHT

    @staticmethod
    def distribution(bins: Bins) -> Distribution:
        """Bars are the current side, the outline is the reference; at most 200 bins are drawn."""
        count = max(1, len(bins.current))
        top = max((*bins.reference, *bins.current), default=0.0) or 1.0
        labels = bins.labels if len(bins.labels) == count else ()
        ends = (labels[0], labels[count // 2], labels[-1]) if len(labels) > FEW_LABELS else labels
        gaps = [abs(now - was) for was, now in zip(bins.reference, bins.current, strict=False)]
        worst = gaps.index(max(gaps)) if gaps else 0
        name = labels[worst] if labels else f"bin {worst + 1}"
        return Distribution(
            bars=_bars(bins.current, top),
            outline=_outline(bins.reference, top),
            top=top,
            labels=ends,
            spread=len(labels) <= FEW_LABELS,
            most=(name, bins.reference[worst], bins.current[worst]) if gaps else (name, 0.0, 0.0),
            count=count,
        )

    @staticmethod
    def difference(delta: float | None, interval: Interval | None, limit: str) -> Range | None:
        """A metric's difference around zero; a limit is on the side of the loss that it bounds."""
        if delta is None:
            return None
        found = _CHANGE.search(limit)
        bounds = (float(found[2]) * (-1 if found[1] == "drop" else 1),) if found else ()
        reach = max(map(abs, (delta, *_ends(interval), *bounds))) * 1.12 or 1.0
        return _range(delta, interval, (-reach, reach), mark=0.0, limits=bounds)

    @staticmethod
    def ratio(value: float | None, interval: Interval | None, limit: str) -> Range | None:
        """A ratio around one."""
        if value is None:
            return None
        bounds = _bounds(limit)
        shown = (value, *_ends(interval), *bounds)
        reach = max(0.1, *(abs(one - 1) for one in shown)) * 1.12
        return _range(value, interval, (1 - reach, 1 + reach), mark=1.0, limits=bounds)

    @staticmethod
    def disparity(value: float | None, interval: Interval | None, limit: str, kind: str) -> Range | None:
        """A difference between groups from 0, a ratio up to 1."""
        if value is None:
            return None
        bounds = _bounds(limit)
        shown = (value, *_ends(interval), *bounds)
        low, high = (min(0.0, *shown), max(shown)) if kind == "difference" else (min(shown), max(1.0, *shown))
        mark = 0.0 if kind == "difference" else 1.0
        return _range(value, interval, _padded(low, high), mark=mark, limits=bounds)

    @staticmethod
    def groups(metric: GroupMetric) -> dict[str, Range]:
        """Every group of a metric on one scale, so that they can be compared by eye."""
        known = [one for one in metric.groups if one.value is not None]
        shown = [
            number
            for one in known
            for number in (one.value, one.base, *_ends(one.interval))
            if number is not None
        ]
        span = _padded(min(shown), max(shown)) if shown else (0.0, 1.0)
        return {
            one.group: _range(one.value, one.interval, span, base=one.base)
            for one in known
            if one.value is not None
        }

    @staticmethod
    def curve(chart: Chart) -> Curve:
        """A curve of head and base, on the chart's own spans."""
        return Curve(_points(chart.head, chart.y_span), _points(chart.base, chart.y_span))


def _bars(shares: Sequence[float], top: float) -> str:
    step = WIDTH / max(1, len(shares))
    gap = min(2.0, step / 6)
    return "".join(
        f"M{_x(index * step + gap)} {HEIGHT}v-{_x(share / top * HEIGHT)}h{_x(step - 2 * gap)}V{HEIGHT}z"
        for index, share in enumerate(shares)
        if share > 0
    )


def _outline(shares: Sequence[float], top: float) -> str:
    step = WIDTH / max(1, len(shares))
    steps = (
        f"V{_x(HEIGHT - share / top * (HEIGHT - 1))}H{_x((index + 1) * step)}"
        for index, share in enumerate(shares)
    )
    return f"M0 {HEIGHT}{''.join(steps)}V{HEIGHT}" if shares else ""


def _x(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _ends(interval: Interval | None) -> tuple[float, ...]:
    return (interval.low, interval.high) if interval else ()


def _bounds(limit: str) -> tuple[float, ...]:
    return tuple(float(found[1]) for found in _BOUND.finditer(limit))


def _padded(low: float, high: float) -> tuple[float, float]:
    margin = (high - low) * 0.08 or abs(high) * 0.08 or 1.0
    return low - margin, high + margin


def _range(
    value: float,
    interval: Interval | None,
    span: tuple[float, float],
    *,
    mark: float | None = None,
    limits: Iterable[float] = (),
    base: float | None = None,
) -> Range:
    def at(number: float) -> float:
        return round((number - span[0]) / (span[1] - span[0]) * RANGE_WIDTH, 1)

    return Range(
        dot=at(value),
        low=at(interval.low) if interval else None,
        high=at(interval.high) if interval else None,
        mark=at(mark) if mark is not None else None,
        limits=tuple(map(at, limits)),
        base=at(base) if base is not None else None,
    )


def _points(values: Sequence[float], span: tuple[float, float]) -> str:
    step = WIDTH / max(1, len(values) - 1)
    height = (span[1] - span[0]) or 1.0
    return " ".join(
        f"{_x(index * step)},{_x(CURVE_HEIGHT - (value - span[0]) / height * CURVE_HEIGHT)}"
        for index, value in enumerate(values)
    )
