"""What promotions, ramps and rollbacks WOULD change: live targets, releases, rules -> decisions (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlops_ci.promotion.asked import by_hand
from mlops_ci.promotion.deciding import Target, said
from mlops_ci.promotion.due import due
from mlops_ci.promotion.world import (
    Asked,
    Decision,
    Health,
    Live,
    Offered,
    Plan,
    Rules,
    Wait,
    World,
)

__all__ = ["Asked", "Decision", "Health", "Live", "Offered", "Plan", "Rules", "Wait", "World", "plan"]

# A pull request of more models than this is read by nobody, and its text has a limit.
MOST_IN_A_GROUP = 50
_FIRST = {"rollback": 0, "hold": 1, "unhold": 1, "ramp": 2}


def plan(world: World, rules: Mapping[str, Rules]) -> Plan:
    """What should be open now; the same for the same world, however often it is asked."""
    live = {(one.environment, one.model): one for one in world.targets}
    asked = {(one.environment, one.model): one for one in world.asked}
    found: list[Decision | Wait] = []
    for place, one in live.items():
        if one.environment not in rules:
            reason = f"mlops-ci.yaml has no environment {one.environment} any more"
            found.append(Wait(*place, reason, blocked=True))
            continue
        target = Target(one, rules[one.environment], world, live, asked.get(place))
        found.append(_found(target))
    found += [_nowhere(one) for place, one in asked.items() if place not in live]
    decisions = [one for one in found if isinstance(one, Decision)]
    kept, rest = _within(decisions, world, list(rules))
    waits = [one for one in found if isinstance(one, Wait)]
    return Plan(tuple(kept), (*waits, *rest))


def _found(target: Target) -> Decision | Wait:
    asked = target.asked
    return by_hand(target, asked) if asked and asked.action != "promote" else due(target)


def _nowhere(asked: Asked) -> Wait:
    words = f"{said(asked)}: there is no such target; `mlops-ci status` shows those there are"
    return Wait(asked.environment, asked.model, words, blocked=True)


def _within(
    decisions: Sequence[Decision], world: World, order: Sequence[str]
) -> tuple[list[Decision], list[Wait]]:
    """As many decisions as pull requests may be open; a group is one.

    First what somebody asked for, then ramps, then what is open already, so that nothing is closed only to
    make room; then the environments in their order.
    """
    place = {name: at for at, name in enumerate(order)}

    def rank(one: Decision) -> tuple[int, bool, int, str]:
        return (_FIRST.get(one.action, 3), one.id not in world.open, place[one.environment], one.model)

    seats: dict[tuple[str, str], int] = {}
    kept, rest = [], []
    for one in sorted(decisions, key=rank):
        seat = (one.environment, f"group {one.group}" if one.group else one.model)
        taken = seats.get(seat, 0)
        if taken == MOST_IN_A_GROUP:
            reason = f"waits until the pull request of the group {one.group} is merged: it is full"
            rest.append(Wait(one.environment, one.model, reason))
        elif taken or len(seats) < world.limit:
            seats[seat] = taken + 1
            kept.append(one)
        else:
            rest.append(Wait(one.environment, one.model, _full(world.limit)))
    return sorted(kept, key=lambda one: (place[one.environment], one.model)), rest


def _full(limit: int) -> str:
    many = f"{limit} of our pull requests are" if limit != 1 else "one of our pull requests is"
    return f"waits until there is room: {many} open, as many as `promotion.limit` allows"
