"""Two profiles as one Drift: columns compared, renamed ones noticed, values hidden that may not be told."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import product

from mlops_ci.comparing import drifting
from mlops_ci.evidence import Drift, DriftColumn
from mlops_ci.profiles.privacy import Privacy
from mlops_ci.profiles.shape import ColumnProfile, Profile

# More columns than these on a side are another table, not renamed ones.
_MOST_RENAMED = 40
# A renamed column differs by no more than this, in the unit of its effect, and not significantly.
_SAME_EFFECT = 0.05
_SAME_P = 0.01
_SAME_NULLS = 0.02
# So many characters of a name, and so many added, removed or ignored names, are told.
MOST_CHARACTERS = 200
MOST_NAMES = 300
_DIGITS = 8


@dataclass(frozen=True)
class Scope:
    """What is compared and what may be told: roles by column, columns (or globs) to ignore, privacy."""

    roles: Mapping[str, str] = field(default_factory=dict)
    ignore: Collection[str] = ()
    privacy: Privacy = field(default_factory=Privacy)


@dataclass(frozen=True)
class Named:
    """A profile and how a reader is told where it comes from."""

    profile: Profile
    name: str


def drift(name: str, reference: Named, current: Named, scope: Scope) -> Drift:
    """Every column of both profiles compared, with what was added, removed, ignored and seemingly renamed."""
    columns, added, removed = drifting.compare(
        reference.profile,
        current.profile,
        roles=scope.roles,
        ignore=scope.ignore,
        labels=scope.privacy.label,
    )
    ignored = _ignored(reference.profile, current.profile, scope.ignore)
    return Drift(
        name=name,
        reference=reference.name,
        current=current.name,
        rows=(reference.profile.rows, current.profile.rows),
        columns=tuple(
            one.model_copy(update={"name": short(one.name)}) if len(one.name) > MOST_CHARACTERS else one
            for one in columns
        ),
        added=tuple(map(short, added[:MOST_NAMES])),
        removed=tuple(map(short, removed[:MOST_NAMES])),
        unnamed=(max(0, len(added) - MOST_NAMES), max(0, len(removed) - MOST_NAMES)),
        ignored=tuple(map(short, ignored[:MOST_NAMES])),
        ignored_unnamed=max(0, len(ignored) - MOST_NAMES),
        renamed=tuple(
            (short(one), short(other))
            for one, other in renamed(reference.profile, current.profile, removed, added)
        ),
    )


def _ignored(reference: Profile, current: Profile, ignore: Collection[str]) -> list[str]:
    """The columns of either side that are left out, in the reference's order."""
    names = dict.fromkeys(one.name for side in (reference, current) for one in side.columns)
    return [name for name in names if drifting.is_ignored(name, ignore)]


def short(name: str) -> str:
    """A column's name of at most 200 characters; a hash at its end keeps long ones apart."""
    if len(name) <= MOST_CHARACTERS:
        return name
    end = "…" + sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
    return name[: MOST_CHARACTERS - len(end)] + end


def renamed(
    reference: Profile, current: Profile, removed: Collection[str], added: Collection[str]
) -> tuple[tuple[str, str], ...]:
    """Pairs (old, new) of a removed and an added column with the same type and distribution.

    Where several would fit, the closest do, each column once.
    """
    if len(removed) > _MOST_RENAMED or len(added) > _MOST_RENAMED:
        return ()
    before = {column.name: column for column in reference.columns if column.name in removed}
    after = {column.name: column for column in current.columns if column.name in added}
    found = []
    for old, new in product(before.values(), after.values()):
        if (distance := _distance(old, new)) is not None:
            found.append((distance, old.name, new.name))
    pairs: dict[str, str] = {}
    for _, one, other in sorted(found):
        if one not in pairs and other not in pairs.values():
            pairs[one] = other
    return tuple(pairs.items())


def _distance(old: ColumnProfile, new: ColumnProfile) -> float | None:
    """How far apart two columns are, None where they are surely not the same one."""
    if (old.kind, old.type) != (new.kind, new.type) or not old.rows or not new.rows:
        return None
    before = Profile(rows=old.rows, columns=(old,))
    after = Profile(rows=new.rows, columns=(new.model_copy(update={"name": old.name}),))
    (column, *_), _, _ = drifting.compare(before, after, roles={}, ignore=(), labels=lambda _, value: value)
    return column.effect if _is_same(column) else None


def _is_same(column: DriftColumn) -> bool:
    before, after = column.nulls or (0.0, 0.0)
    return (
        column.effect is not None
        and column.effect <= _SAME_EFFECT
        and (column.p is None or column.p >= _SAME_P)
        and abs(after - before) <= _SAME_NULLS
        and not column.unseen
    )
