"""An order of a person on GitHub: by hand in the promote workflow, or in a comment that starts it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from mlops_ci.adapters.actions import Runner
from mlops_ci.config.values import NAME
from mlops_ci.errors import ConfigError
from mlops_ci.promotion import marks
from mlops_ci.promotion.history import PREVIOUS, VERIFIED
from mlops_ci.writing.visible import one_line

Action = Literal["promote", "rollback", "hold", "unhold"]
ACTIONS: tuple[Action, ...] = get_args(Action)
# The inputs of the promote workflow: what a comment is handed on by.
ORDER, TARGET, TO, REASON, BY = "order", "target", "to", "reason", "by"
MAX_REASON = 500

_TARGET = re.compile(rf"{NAME.pattern}(?:/{NAME.pattern})?")
_WHOLE_TARGET = re.compile(rf"{NAME.pattern}/{NAME.pattern}")
_RELEASE = re.compile(rf"{PREVIOUS}|{VERIFIED}|(?:sha256:)?[0-9a-f]{{6,64}}", re.IGNORECASE)
_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}(?:\[bot\])?")
_GROUP = "group-"


@dataclass(frozen=True)
class Order:
    """What somebody asked for; ``target`` is ENVIRONMENT/MODEL, empty where a promotion is of all.

    ``to`` is where a rollback goes: previous, last-verified, or the begin of a digest or commit.
    """

    action: Action
    target: str = ""
    to: str = ""
    reason: str = ""
    by: str = ""

    @property
    def inputs(self) -> dict[str, str]:
        """The order as inputs of the promote workflow, as ``read`` takes them."""
        told = {ORDER: self.action, TARGET: self.target, TO: self.to, REASON: self.reason, BY: self.by}
        return {name: value for name, value in told.items() if value}


EVERYTHING = Order("promote")


def read(runner: Runner) -> Order | None:
    """The order that the promote workflow was started by hand with; None where it was not.

    Who gave it is who started the workflow; a bot did so for the person that it names.

    Raises:
        ConfigError: it is no order, or lacks what it needs.
    """
    inputs = runner.payload.get("inputs")
    if runner.event != "workflow_dispatch" or not isinstance(inputs, dict) or not inputs.get(ORDER):
        return None
    told = {name: one_line(inputs.get(name) or "").strip() for name in (ORDER, TARGET, TO, REASON)}
    order = Order(_action(told[ORDER]), told[TARGET], told[TO], told[REASON], _person(runner, inputs))
    return checked(replace(order, to=order.to or (PREVIOUS if order.action == "rollback" else "")))


def said(action: Action, words: Sequence[str], *, by: str, branch: str = "") -> Order:
    """The order in the words of a comment: ``[ENVIRONMENT/MODEL] [--to RELEASE] [REASON...]``.

    ``branch`` is the branch of the pull request that it stands under: a promotion's own names the target.

    Raises:
        ConfigError: it lacks what it needs.
    """
    rest, target, to = list(words), "", PREVIOUS if action == "rollback" else ""
    while rest:
        if not target and _WHOLE_TARGET.fullmatch(rest[0]):
            target = rest.pop(0)
        elif rest[0] == "--to":
            # Alone it is no release either, and that is said.
            to, rest = (rest[1:2] or rest)[0], rest[2:]
        else:
            break
    target = target or ("" if action == "promote" else proposed(branch))
    return checked(Order(action, target, to, one_line(" ".join(rest)).strip(), by))


def proposed(branch: str) -> str:
    """The target that a promotion's branch is about; empty where it is another's or a group's."""
    target = branch.removeprefix(marks.PREFIX)
    single = branch.startswith(marks.PREFIX) and not target.partition("/")[2].startswith(_GROUP)
    return target if single and _WHOLE_TARGET.fullmatch(target) else ""


def _action(told: str) -> Action:
    for action in ACTIONS:
        if action == told:
            return action
    raise ConfigError("the input `order` is none", f"choose one of {', '.join(ACTIONS)}")


def checked(order: Order) -> Order:
    """The order, if it is one; no message repeats a foreign word, for it may become a comment of ours."""
    action, named = order.action, f"{'an' if order.action == 'unhold' else 'a'} {order.action}"
    if action != "promote" and not order.target:
        raise ConfigError(f"{named} needs its target", "name it: ENVIRONMENT/MODEL")
    if order.target and not _TARGET.fullmatch(order.target):
        raise ConfigError(f"the target of {named} is none", "write ENVIRONMENT/MODEL")
    if order.to and action != "rollback":
        raise ConfigError(f"{named} goes to no other release", "`to` belongs to a rollback")
    if order.to and not _RELEASE.fullmatch(order.to):
        hint = f"write {PREVIOUS}, {VERIFIED}, or six or more digits of its digest or commit"
        raise ConfigError("what the rollback should go to is no release", hint)
    if action in ("rollback", "hold") and not any(sign.isalnum() for sign in order.reason):
        raise ConfigError(f"{named} needs a reason", "say why, for example: scores are all zero since noon")
    if len(order.reason) > MAX_REASON:
        raise ConfigError(f"the reason has {len(order.reason)} characters", f"{MAX_REASON} are enough")
    return order


def _person(runner: Runner, inputs: Mapping[str, object]) -> str:
    """Who gave the order: nobody but a bot, which a comment's answer comes from, speaks for others."""
    sender = runner.payload.get("sender")
    told = sender if isinstance(sender, dict) else {}
    login = str(told.get("login") or runner.environ.get("GITHUB_ACTOR", ""))
    by = str(inputs.get(BY) or "").strip()
    if told.get("type") != "Bot" or not by:
        return login
    if not _LOGIN.fullmatch(by):
        raise ConfigError("the input `by` is no name of an account", "leave it empty")
    return by
