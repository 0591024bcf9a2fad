"""What is asked of every engine in the same words: counts, moments, bins and levels, through narwhals.

Numbers are float64 and bins are floor(x * 2**-e): comparing, scaling by a power of two and ``floor`` are
exact in binary floating point, so every engine gives the same counts.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw

if TYPE_CHECKING:
    import pyarrow as pa

    from mlops_ci.profiles.grids import Frame

    Collect = Callable[[nw.LazyFrame[Any]], pa.Table]

# From here on every float64 is a whole number.
_WHOLE_FROM = 2.0**53


@dataclass(frozen=True)
class Counts:
    """The first pass over one column; ``low`` to ``fractions`` are None where there is no finite value.

    ``fractions`` counts the finite values that are not whole.
    """

    values: int
    nans: int = 0
    infs: int = 0
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    fractions: int = 0

    @property
    def finite(self) -> int:
        """How many values are neither missing, NaN nor infinite."""
        return self.values - self.nans - self.infs


def rows(frame: nw.LazyFrame[Any], collect: Collect) -> int:
    """How many rows there are."""
    return int(collect(frame.select(nw.len().alias("rows")))["rows"][0].as_py())


def counts(
    frame: nw.LazyFrame[Any], numbers: Sequence[str], others: Sequence[str], collect: Collect
) -> dict[str, Counts]:
    """The first pass: numbers (float64 columns) get everything, the others the count of their values."""
    asked = [part for name in numbers for part in _first(name, number=True)]
    asked += [part for name in others for part in _first(name, number=False)]
    row = collect(frame.select(*asked)).to_pylist()[0]
    return {name: _counts(row, name) for name in (*numbers, *others)}


def _first(name: str, *, number: bool) -> list[nw.Expr]:
    value = nw.col(name)
    parts = [value.count().alias(f"{name}_values")]
    if not number:
        return parts
    finite = _finite(name)
    # Spark's floor gives a whole number of 64 bits, so that it must not see a larger one.
    small = nw.when(finite.abs() < _WHOLE_FROM).then(finite)
    fraction = small != small.floor()
    return [
        *parts,
        _times(value.is_nan()).alias(f"{name}_nans"),
        finite.count().alias(f"{name}_finite"),
        finite.min().alias(f"{name}_low"),
        finite.max().alias(f"{name}_high"),
        finite.mean().alias(f"{name}_mean"),
        _times(fraction).alias(f"{name}_fractions"),
    ]


def _counts(row: Mapping[str, Any], name: str) -> Counts:
    values = int(row[f"{name}_values"])
    if f"{name}_nans" not in row:
        return Counts(values)
    # A sum over no row is NULL in SQL and 0 elsewhere; DuckDB sums whole numbers as decimals.
    nans, finite = int(row[f"{name}_nans"] or 0), int(row[f"{name}_finite"])
    if not finite:
        return Counts(values, nans, values - nans)
    low, high, mean = (float(row[f"{name}_{what}"]) for what in ("low", "high", "mean"))
    # Adding 0.0 makes one zero of both: engines do not agree which of -0.0 and 0.0 is less.
    return Counts(
        values, nans, values - nans - finite, low + 0.0, high + 0.0, mean, int(row[f"{name}_fractions"] or 0)
    )


def moments(
    frame: nw.LazyFrame[Any], found: Mapping[str, Counts], collect: Collect
) -> dict[str, tuple[float, float]]:
    """Mean and sum of squared differences from it, of the finite values: the corrected two-pass sums.

    Values are scaled by a power of two (exact) where their squares could overflow. Chan, Golub, LeVeque:
    Algorithms for Computing the Sample Variance (1983).
    """
    scales = {name: _scale(one) for name, one in found.items() if one.finite}
    shifts = {name: _about(frame, found[name], name, scale, collect) for name, scale in scales.items()}
    asked = []
    for name, scale in scales.items():
        away = _finite(name) * scale - shifts[name]
        asked += [away.sum().alias(f"{name}_sum"), (away * away).sum().alias(f"{name}_squares")]
    row = collect(frame.select(*asked)).to_pylist()[0] if asked else {}
    result = {}
    for name, scale in scales.items():
        total, squares = float(row[f"{name}_sum"]), float(row[f"{name}_squares"])
        count = found[name].finite
        mean = (shifts[name] + total / count) / scale
        m2 = max(squares - total * total / count, 0.0) / scale / scale
        result[name] = (_between(mean, found[name]), min(m2, sys.float_info.max))
    return result


def _between(mean: float, one: Counts) -> float:
    """The mean, which rounding may have carried past the extremes of a constant column."""
    return min(
        max(mean, one.low if one.low is not None else mean), one.high if one.high is not None else mean
    )


def _scale(one: Counts) -> float:
    """1, or the power of two that brings very large values near 1."""
    largest = max(abs(one.low or 0.0), abs(one.high or 0.0))
    return 1.0 if largest < 2.0**480 else 2.0 ** -math.frexp(largest)[1]


def _about(frame: nw.LazyFrame[Any], one: Counts, name: str, scale: float, collect: Collect) -> float:
    """The scaled mean as the first pass has it; asked again, scaled, where that overflowed."""
    if scale == 1.0 and one.mean is not None and math.isfinite(one.mean):
        return one.mean
    mean = (_finite(name) * scale).mean().alias("mean")
    return float(collect(frame.select(mean))["mean"][0].as_py())


@dataclass(frozen=True)
class Binned:
    """A column's values by bin: pairs of index and count, and the extremes of the values in the frame.

    What lies outside the frame is counted in the index before its first or after its last.
    """

    pairs: tuple[tuple[int, int], ...]
    around: tuple[float, float] | None


def bins(frame: nw.LazyFrame[Any], frames: Mapping[str, Frame], collect: Collect) -> dict[str, Binned]:
    """How many finite values lie in each bin of each column's frame."""
    names = list(frames)
    parts = [_grouped(frame, name, at, frames[name]) for at, name in enumerate(names)]
    table = collect(nw.concat(parts, how="vertical") if len(parts) > 1 else parts[0])
    groups: list[list[tuple[int, int, float, float]]] = [[] for _ in names]
    columns = (table[name].to_pylist() for name in ("column", "bin", "count", "low", "high"))
    for at, index, count, low, high in zip(*columns, strict=True):
        if index is not None:
            groups[at].append((int(index), int(count), low, high))
    return {name: _binned(found, frames[name]) for name, found in zip(names, groups, strict=True)}


def _binned(groups: Sequence[tuple[int, int, float, float]], frame: Frame) -> Binned:
    inside = [one for one in groups if frame.first <= one[0] < frame.first + frame.length]
    around = (min(one[2] for one in inside), max(one[3] for one in inside)) if inside else None
    return Binned(tuple((index, count) for index, count, _, _ in groups), around)


def _grouped(frame: nw.LazyFrame[Any], name: str, at: int, grid: Frame) -> nw.LazyFrame[Any]:
    value = _finite(name)
    scaled = value * grid.scale
    stop = float(grid.first + grid.length)
    # Clipped before floor and cast: a value far outside has an index that no whole number type holds.
    upper = nw.when(scaled >= stop).then(nw.lit(stop)).otherwise(scaled)
    under = scaled < float(grid.first)
    held = nw.when(under).then(nw.lit(float(grid.first - 1))).otherwise(upper).floor()
    # Few steps: DuckDB binds the whole query anew at each. What is not finite becomes the bin null.
    return (
        frame.select(
            nw.lit(at).cast(nw.Int64).alias("column"), held.cast(nw.Int64).alias("bin"), value.alias("value")
        )
        .group_by("column", "bin")
        .agg(
            nw.len().cast(nw.Int64).alias("count"),
            nw.col("value").min().alias("low"),
            nw.col("value").max().alias("high"),
        )
    )


def levels(
    frame: nw.LazyFrame[Any], name: str, *, number: bool, most: int, collect: Collect
) -> list[tuple[Any, int]]:
    """The distinct values of a column with their counts; more than ``most`` where there are more.

    ``number``: NaN and infinities, which are counted elsewhere, are left out.
    """
    table = collect(
        frame.select(value=_finite(name) if number else nw.col(name))
        .group_by("value")
        .agg(nw.len().cast(nw.Int64).alias("count"))
        .head(most + 2)
    )
    pairs = zip(table["value"].to_pylist(), table["count"].to_pylist(), strict=True)
    return [(value, count) for value, count in pairs if value is not None]


def _finite(name: str) -> nw.Expr:
    return nw.when(nw.col(name).is_finite()).then(nw.col(name))


def _times(condition: nw.Expr) -> nw.Expr:
    return condition.cast(nw.Int64).sum()
