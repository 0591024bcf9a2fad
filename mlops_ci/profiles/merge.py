"""Two profiles of parts of a table as one profile of the whole."""

from __future__ import annotations

from collections import Counter

from mlops_ci.errors import ConfigError
from mlops_ci.profiles import levels, moments
from mlops_ci.profiles.grids import shared
from mlops_ci.profiles.shape import ColumnProfile, Grid, Levels, Profile


def merge(one: Profile, other: Profile) -> Profile:
    """The profile of both tables' rows together; columns are matched by name, in the first one's order.

    Counts are exact. The grid has the coarser bins of both, so it may be coarser than that of a profile
    of all rows at once; where a side has a tail of levels, how many different values the tails hold
    together is an upper bound.

    Raises:
        ConfigError: the tables do not have the same columns of the same kinds.
    """
    ours, theirs = _by_name(one), _by_name(other)
    lone = sorted(ours.keys() ^ theirs.keys())
    if lone:
        raise ConfigError(
            f"profiles of different tables: column {lone[0]!r} stands in one of them only",
            "merge profiles of the same columns",
        )
    return Profile(
        rows=one.rows + other.rows,
        columns=tuple(_column(column, theirs[name]) for name, column in ours.items()),
    )


def _by_name(profile: Profile) -> dict[tuple[str, int], ColumnProfile]:
    """Columns by name and, because a name may stand twice, by how often it stood before."""
    seen: Counter[str] = Counter()
    found = {}
    for column in profile.columns:
        found[column.name, seen[column.name]] = column
        seen[column.name] += 1
    return found


def _column(one: ColumnProfile, other: ColumnProfile) -> ColumnProfile:
    one, other = _same_kind(one, other)
    return ColumnProfile(
        name=one.name,
        type=one.type,
        kind=one.kind,
        rows=one.rows + other.rows,
        nulls=one.nulls + other.nulls,
        nans=one.nans + other.nans,
        infs=one.infs + other.infs,
        moments=moments.join(one.moments, other.moments),
        grid=_grid(one.grid, other.grid),
        levels=_levels(one.levels, other.levels),
        problem=one.problem or other.problem,
    )


def _same_kind(one: ColumnProfile, other: ColumnProfile) -> tuple[ColumnProfile, ColumnProfile]:
    """Both with one kind and type: a part without any value takes the other's."""
    if one.kind == other.kind:
        return one, other
    if one.nulls == one.rows:
        return _empty_like(one, other), other
    if other.nulls == other.rows:
        return one, _empty_like(other, one)
    raise ConfigError(
        f"column {one.name!r} is a {one.kind} in one profile and a {other.kind} in the other",
        "merge profiles of the same columns",
    )


def _empty_like(empty: ColumnProfile, full: ColumnProfile) -> ColumnProfile:
    values = Levels() if full.levels is not None else None
    plain = {"kind": full.kind, "type": full.type, "levels": values, "problem": full.problem}
    return empty.model_copy(update=plain)


def _grid(one: Grid | None, other: Grid | None) -> Grid | None:
    if one is None or other is None:
        return one or other
    left, right = shared(one, other)
    return left.model_copy(
        update={
            "counts": tuple(a + b for a, b in zip(left.counts, right.counts, strict=True)),
            "below": left.below + right.below,
            "above": left.above + right.above,
        }
    )


def _levels(one: Levels | None, other: Levels | None) -> Levels | None:
    if one is None or other is None:
        # A side that gave up counting leaves nothing to add to.
        return None
    counts = Counter(dict(one.counts))
    counts.update(dict(other.counts))
    found = levels.bounded(counts.items())
    return found.model_copy(
        update={
            "tail_levels": found.tail_levels + one.tail_levels + other.tail_levels,
            "tail_rows": found.tail_rows + one.tail_rows + other.tail_rows,
        }
    )
