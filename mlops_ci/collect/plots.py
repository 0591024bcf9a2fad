"""Plots as a comment can show them: curves thinned to a few points, confusion matrices as counts (pure)."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from mlops_ci.collect import values
from mlops_ci.evidence import Plot
from mlops_ci.pipeline import PlotSpec

MAX_POINTS = 40
MAX_LABELS = 12

Row = Mapping[str, Any]
Points = tuple[tuple[float, ...], ...]


def rows(raw: bytes, path: str) -> Sequence[Row]:
    """The rows of a plot's data file: CSV, TSV, or the (first) list of mappings in JSON or YAML.

    Raises:
        UnreadableError: the file holds no such table.
    """
    suffix = PurePosixPath(path).suffix.lower()
    if suffix in (".csv", ".tsv"):
        if len(raw) > values.MAX_BYTES:
            raise values.UnreadableError(f"is {len(raw) / 1e6:.1f} MB, too large to draw in a comment")
        text = raw.decode("utf-8-sig", errors="replace")
        return list(csv.DictReader(io.StringIO(text), delimiter="\t" if suffix == ".tsv" else ","))
    found = _first_table(values.load(raw, path))
    if found is None:
        raise values.UnreadableError("holds no list of points")
    return found


def build(spec: PlotSpec, head: Sequence[Row], base: Sequence[Row]) -> tuple[Plot, ...]:
    """One Plot per y column, head and base side by side; none where there is nothing to draw."""
    if spec.template.startswith("confusion"):
        plot = _confusion(spec, head, base)
        return (plot,) if plot else ()
    columns = spec.y or _last_numeric(head)
    return tuple(plot for column in columns if (plot := _line(spec, column, head, base)))


def _line(spec: PlotSpec, column: str, head: Sequence[Row], base: Sequence[Row]) -> Plot | None:
    points = _points(head, spec.x, column)
    if len(points) < 2:
        return None
    several = len(spec.y) > 1
    title = spec.title or PurePosixPath(spec.id).stem
    return Plot(
        id=f"{spec.id}:{column}" if several else spec.id,
        title=f"{title}: {column}" if several else title,
        kind="line",
        x=spec.x or "step",
        y=column,
        head=points,
        base=_points(base, spec.x, column),
    )


def _points(table: Sequence[Row], x: str, y: str) -> Points:
    pairs = []
    for index, row in enumerate(table):
        across, up = (_number(row.get(x)) if x else float(index)), _number(row.get(y))
        if across is not None and up is not None:
            pairs.append((across, up))
    return tuple(_thin(pairs))


def _thin(pairs: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most MAX_POINTS, evenly spaced in the file's order, the first and the last always kept."""
    if len(pairs) <= MAX_POINTS:
        return pairs
    last = len(pairs) - 1
    return [pairs[round(step * last / (MAX_POINTS - 1))] for step in range(MAX_POINTS)]


def _confusion(spec: PlotSpec, head: Sequence[Row], base: Sequence[Row]) -> Plot | None:
    actual, predicted = spec.x, (spec.y[0] if spec.y else "")
    counts, before = _pairs(head, actual, predicted), _pairs(base, actual, predicted)
    labels = sorted({label for pair in (*counts, *before) for label in pair})
    if not labels or len(labels) > MAX_LABELS:
        return None
    return Plot(
        id=spec.id,
        title=spec.title or PurePosixPath(spec.id).stem,
        kind="confusion",
        x=actual,
        y=predicted,
        labels=tuple(labels),
        head=_matrix(counts, labels),
        base=_matrix(before, labels) if before else (),
    )


def _pairs(table: Sequence[Row], actual: str, predicted: str) -> Counter[tuple[str, str]]:
    return Counter(
        (str(row[actual]), str(row[predicted])) for row in table if actual in row and predicted in row
    )


def _matrix(counts: Counter[tuple[str, str]], labels: Iterable[str]) -> Points:
    names = list(labels)
    return tuple(tuple(float(counts[row, column]) for column in names) for row in names)


def _first_table(content: Any) -> Sequence[Row] | None:
    if isinstance(content, list) and content and all(isinstance(item, dict) for item in content):
        return content
    if isinstance(content, dict):
        found = (_first_table(value) for value in content.values())
        return next((table for table in found if table is not None), None)
    return None


def _last_numeric(table: Sequence[Row]) -> tuple[str, ...]:
    names = [name for name in (table[0] if table else ()) if _number(table[0][name]) is not None]
    return tuple(names[-1:])


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
