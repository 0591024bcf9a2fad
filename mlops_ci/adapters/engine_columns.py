"""Column profiles from an engine's answers: which pass is needed next, and what its counts say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlops_ci.adapters.engine_spool import Planned
from mlops_ci.profiles import grids, kinds, levels
from mlops_ci.profiles.grids import Frame
from mlops_ci.profiles.shape import BINS, ColumnProfile, Grid, Levels, Moments

if TYPE_CHECKING:
    import narwhals as nw

    from mlops_ci.adapters.engine_passes import Collect, Counts

# Bins of the first count: four times as fine as the canonical grid, so that most columns need no second.
_FIRST_BINS = 4 * BINS


def profiled(
    frame: nw.LazyFrame[Any],
    plan: Sequence[Planned],
    collect: Collect,
    like: Mapping[str, ColumnProfile],
    *,
    ticks: float,
) -> tuple[int, list[ColumnProfile]]:
    """The rows of a frame and the profiles of its planned columns, in the plan's order.

    ``like`` has the columns of the profile to be compared with, whose grids are used; ``ticks`` is how many
    units of the frame's points in time make a second.
    """
    from mlops_ci.adapters import engine_passes as passes

    rows = passes.rows(frame, collect)
    asked = [one.key for one in plan if one.asked]
    counts = passes.counts(frame, asked, [one.key for one in plan if not one.asked], collect)
    moments = passes.moments(
        frame, {one.key: counts[one.key] for one in plan if one.kind in ("number", "time")}, collect
    )
    grid = _grids(frame, [one for one in plan if one.kind == "number"], counts, like, collect)
    profiles = []
    for one in plan:
        found = counts[one.key]
        named, problem = _levels(frame, one, collect) if one.kind == "category" else (None, "")
        profiles.append(
            ColumnProfile(
                name=one.name,
                type=kinds.word(one.type),
                kind=one.kind,
                rows=rows,
                nulls=rows - found.values,
                nans=found.nans,
                infs=found.infs,
                moments=_moments(found, moments.get(one.key), ticks if one.kind == "time" else 1.0),
                grid=grid.get(one.key),
                levels=named,
                problem=one.problem or problem,
            )
        )
    return rows, profiles


def _moments(found: Counts, spread: tuple[float, float] | None, unit: float) -> Moments | None:
    """Moments in seconds where ``unit`` is how many ticks make one.

    Divided here, because Polars multiplies with the reciprocal, which is another double.
    """
    if spread is None or found.low is None or found.high is None:
        return None
    mean, m2 = spread
    return Moments(
        count=found.finite,
        low=found.low / unit,
        high=found.high / unit,
        mean=mean / unit,
        m2=m2 / unit / unit,
    )


def _grids(
    frame: nw.LazyFrame[Any],
    plan: Sequence[Planned],
    counts: Mapping[str, Counts],
    like: Mapping[str, ColumnProfile],
    collect: Collect,
) -> dict[str, Grid]:
    """The canonical grid of every column, pass by pass until none needs another, or the given one."""
    from mlops_ci.adapters import engine_passes as passes

    fixed = {one.key: grids.frame_of(grid) for one in plan if (grid := _given(one, like))}
    bounds: dict[str, tuple[float, float, bool]] = {}
    for one in plan:
        found = counts[one.key]
        if found.low is not None and found.high is not None:
            bounds[one.key] = (found.low, found.high, not one.fraction or not found.fractions)
    pending = {
        key: fixed.get(key) or grids.covering(low, high, bins=_FIRST_BINS)
        for key, (low, high, _) in bounds.items()
    }
    search = {key: grids.Search(low, high, whole=whole) for key, (low, high, whole) in bounds.items()}
    settled: dict[str, Grid] = {}
    first = True
    while pending:
        answers = passes.bins(frame, pending, collect)
        again: dict[str, Frame] = {}
        for key, answer in answers.items():
            fine = grids.sparse(pending[key], answer.pairs)
            around = None if first else answer.around
            wanted, final = fine.frame, True
            if key not in fixed:
                wanted, final = search[key].step(fine, around=around)
            if final:
                settled[key] = grids.reduced(fine, wanted)
            else:
                again[key] = wanted
        pending, first = again, False
    return settled


def _given(one: Planned, like: Mapping[str, ColumnProfile]) -> Grid | None:
    # A name that stands twice says not which of both is meant.
    other = None if one.problem else like.get(one.name)
    return other.grid if other is not None and other.kind == "number" else None


def _levels(frame: nw.LazyFrame[Any], one: Planned, collect: Collect) -> tuple[Levels | None, str]:
    """The value counts of a column, or why it has none."""
    from mlops_ci.adapters import engine_passes as passes

    pairs = passes.levels(frame, one.key, number=one.floats, most=levels.MOST_LEVELS, collect=collect)
    if len(pairs) > levels.MOST_LEVELS:
        return None, levels.TOO_MANY
    counts: Counter[str] = Counter()
    for value, count in pairs:
        counts[levels.named(value)] += count
    return levels.bounded(counts.items()), ""
