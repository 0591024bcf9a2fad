"""Curves and confusion matrices of a report, as data for diagrams, sparklines and small tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mlops_ci.evidence import Plot
from mlops_ci.writing import figures

MOST_CHARTS = 2
CHART_POINTS = 25
SPARK_POINTS = 24
MOST_LABELS = 12


@dataclass(frozen=True)
class Chart:
    """A curve as a diagram: y on one grid of x for both models, ``base`` empty where there is none.

    ``spark`` says the same in a line of text, for a terminal and where no diagram is drawn.
    """

    title: str
    x: str
    y: str
    x_span: tuple[float, float]
    y_span: tuple[float, float]
    head: tuple[float, ...]
    base: tuple[float, ...]
    spark: Spark


@dataclass(frozen=True)
class Spark:
    """A curve as a row of bars; both models share the scale ``low`` to ``high``."""

    title: str
    low: float
    high: float
    head: str
    base: str


@dataclass(frozen=True)
class MatrixRow:
    """Counts of one actual class by predicted class, each with its change (None without a base)."""

    label: str
    cells: tuple[tuple[int, int | None], ...]


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix."""

    title: str
    labels: tuple[str, ...]
    rows: tuple[MatrixRow, ...]


@dataclass(frozen=True)
class Plots:
    """The plots of a model that differ from the base's; ``hidden`` counts those not shown."""

    charts: tuple[Chart, ...] = ()
    sparks: tuple[Spark, ...] = ()
    matrices: tuple[Matrix, ...] = ()
    hidden: int = 0

    @property
    def total(self) -> int:
        """How many are shown."""
        return len(self.charts) + len(self.sparks) + len(self.matrices)


def plots_of(plots: Sequence[Plot], most: int, charts: int = MOST_CHARTS) -> Plots:
    """Diagrams where there are few curves, sparklines where there are many."""
    moved = sorted((p for p in plots if p.head and p.head != p.base), key=lambda p: (p.title, p.id))
    shown = moved[:most]
    curves = [plot for plot in shown if plot.kind == "line"]
    few = len(curves) <= charts
    matrices = [plot for plot in shown if plot.kind == "confusion"]
    drawn = [plot for plot in matrices if len(plot.labels) <= MOST_LABELS]
    return Plots(
        charts=tuple(_chart(plot) for plot in curves if few),
        sparks=tuple(_spark(plot) for plot in curves if not few),
        matrices=tuple(_matrix(plot) for plot in drawn),
        hidden=len(moved) - len(shown) + len(matrices) - len(drawn),
    )


def _name(plot: Plot) -> str:
    return plot.title or plot.id


def _on_grid(plot: Plot, steps: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    low, high = figures.span(plot.head, plot.base, axis=0)
    head = figures.resampled(plot.head, low, high, steps)
    return head, figures.resampled(plot.base, low, high, steps) if plot.base else ()


def _chart(plot: Plot) -> Chart:
    head, base = _on_grid(plot, CHART_POINTS)
    low, high = min(head + base), max(head + base)
    # A flat line needs an axis with some height.
    margin = (high - low) * 0.05 or abs(high) * 0.05 or 1.0
    return Chart(
        title=_name(plot),
        x=plot.x,
        y=plot.y,
        x_span=_apart(*figures.span(plot.head, plot.base, axis=0)),
        y_span=(_rounded(low - margin), _rounded(high + margin)),
        head=tuple(map(_rounded, head)),
        base=tuple(map(_rounded, base)),
        spark=_spark(plot),
    )


def _apart(low: float, high: float) -> tuple[float, float]:
    return (low, high) if low < high else (low, low + 1.0)


def _rounded(value: float) -> float:
    """Five significant digits: a diagram shows no more, and the comment has a size."""
    return 0.0 if value == 0 else round(value, 4 - math.floor(math.log10(abs(value))))


def _spark(plot: Plot) -> Spark:
    head, base = _on_grid(plot, SPARK_POINTS)
    low, high = min(head + base), max(head + base)
    return Spark(
        title=_name(plot),
        low=low,
        high=high,
        head=figures.sparkline(head, low, high),
        base=figures.sparkline(base, low, high) if base else "",
    )


def _matrix(plot: Plot) -> Matrix:
    same_shape = len(plot.base) == len(plot.head)
    rows = []
    for index, counts in enumerate(plot.head):
        before = plot.base[index] if same_shape else ()
        cells = [
            (round(count), round(count - before[at]) if at < len(before) else None)
            for at, count in enumerate(counts)
        ]
        label = plot.labels[index] if index < len(plot.labels) else str(index)
        rows.append(MatrixRow(label=label, cells=tuple(cells)))
    width = max((len(counts) for counts in plot.head), default=0)
    labels = [*plot.labels, *map(str, range(len(plot.labels), width))][:width]
    return Matrix(title=_name(plot), labels=tuple(labels), rows=tuple(rows))
