"""Which group of the evaluation set is the worst: one answer for the gate and for the report (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mlops_ci import significance
from mlops_ci.evidence import Direction, Slice
from mlops_ci.judging import limits
from mlops_ci.judging.limits import Effect, SliceLimit

ALPHA = 0.05


@dataclass(frozen=True)
class Ranked:
    """A group with what the base says of it; ``lost``: by more than is allowed, and surely.

    ``judged`` is False for a small group and where nobody knows which way is good.
    """

    group: Slice
    direction: Direction | None
    judged: bool
    effect: Effect | None = None
    lost: bool = False

    @property
    def order(self) -> tuple[bool, bool, float, str, str, str]:
        """Sure losses come first, the largest before the others; then the weakest values."""
        value = -self.group.head if self.direction == "lower" else self.group.head
        score = self.effect.gain if self.lost and self.effect else value
        return (
            not self.lost,
            not self.judged,
            score,
            self.group.column,
            self.group.level,
            self.group.metric,
        )


def worst_first(
    groups: Iterable[Slice],
    directions: Mapping[str, Direction | None],
    limit: SliceLimit | None = None,
    alpha: float = ALPHA,
) -> list[Ranked]:
    """The groups, the worst first; their losses are one family of tests."""
    limit = limit or SliceLimit()
    ranked = [_ranked(one, directions.get(one.metric), limit, alpha) for one in groups]
    tested = [one.effect for one in ranked if one.effect]
    adjusted = iter(significance.adjusted([effect.p_allowed for effect in tested]))
    told = [
        Ranked(one.group, one.direction, one.judged, one.effect, one.effect.exceeds(next(adjusted), alpha))
        if one.effect
        else one
        for one in ranked
    ]
    return sorted(told, key=lambda one: one.order)


def _ranked(group: Slice, direction: Direction | None, limit: SliceLimit, alpha: float) -> Ranked:
    judged = direction is not None and group.rows >= limit.min_rows
    if not judged or direction is None or group.comparison is None:
        return Ranked(group, direction, judged)
    allowed = limits.allowed_drop(limit, group.base or 0.0)
    return Ranked(group, direction, judged, limits.effect(group.comparison, direction, allowed, alpha))
