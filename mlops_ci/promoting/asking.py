"""What people ask for: a target in words, the release of a rollback, the orders behind open pull requests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from mlops_ci.adapters import git_batch
from mlops_ci.errors import ConfigError, MlopsError
from mlops_ci.promoting import reading
from mlops_ci.promoting.ordered import Action, Order
from mlops_ci.promoting.reading import Standing, Target
from mlops_ci.promotion import history, record
from mlops_ci.promotion.plan import Asked

if TYPE_CHECKING:
    from mlops_ci.promoting.looking import Ground

ASKED: tuple[Action, ...] = ("rollback", "hold", "unhold")


def target(text: str, known: Iterable[Target]) -> Target:
    """The target that ``ENVIRONMENT/MODEL`` names; the model may be left out where there is one.

    Raises:
        ConfigError: there is no such target.
    """
    targets = sorted(known)
    environment, _, model = text.partition("/")
    fitting = [one for one in targets if one[0] == environment and model in ("", one[1])]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise ConfigError(
            f"{text!r} stands for {len(fitting)} targets: say which model", f"name one of {_names(fitting)}"
        )
    there = [one for one in targets if one[0] == environment] or targets
    hint = (
        f"there are {_names(there)}"
        if targets
        else "declare `environments:` in mlops-ci.yaml, on the base branch"
    )
    raise ConfigError(f"there is no target {text!r}; a target is ENVIRONMENT/MODEL", hint)


def _names(targets: Sequence[Target]) -> str:
    names = [f"{environment}/{model}" for environment, model in targets]
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def asked(order: Order, ground: Ground) -> tuple[Asked, ...]:
    """What an order asks for, ready for the plan; a promotion of everything asks for nothing.

    Raises:
        ConfigError: there is no such target, or nothing to go back to.
        ToolError: the store cannot be reached.
    """
    if not order.target:
        return ()
    where = target(order.target, ground.live)
    if order.action == "rollback":
        return (_rollback(order, ground, where),)
    return (Asked(order.action, *where, by=order.by, reason=order.reason),)


def _rollback(order: Order, ground: Ground, where: Target) -> Asked:
    """A rollback that can be done: it goes to a release whose bytes are still there."""
    records = reading.log(ground.of(where[0]).site, where)
    release = history.release_to(records, order.to or history.PREVIOUS).release(where[1])
    gone = "" if ground.store.exists(release) else "its bytes are not in the model store"
    if problem := gone or ground.store.verify(release):
        raise ConfigError(
            f"{'/'.join(where)} cannot go back to {release.short}: {problem}",
            "name another release with --to, or publish its bytes again from its commit",
        )
    return Asked("rollback", *where, by=order.by, reason=order.reason, release=release)


def reopened(standing: Standing, branches: Iterable[tuple[Target, str]]) -> tuple[Asked, ...]:
    """What the open pull requests of people's asking are for, out of the records on their branches.

    ``branches`` are targets with the commit that their branch ends in. A branch whose record cannot be
    read asks for nothing.
    """
    found = []
    for where, commit in branches:
        path = record.current_path(*where)
        text = git_batch.texts(standing.site.git, commit, [path])[path]
        try:
            told = record.read(text, path) if text else None
        except MlopsError:
            continue
        if told is None or (told.environment, told.model) != where or told.action not in ASKED:
            continue
        found.append(
            Asked(
                told.action,
                *where,
                by=told.requested_by,
                reason=told.reason,
                release=told.release.release(where[1]),
            )
        )
    return tuple(found)
