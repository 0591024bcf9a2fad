"""What the plan looks at and what it says, as data: targets, rules, what people asked, decisions, waits."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel

from mlops_ci.promotion.record import Action, Record
from mlops_ci.rollout import Release, Rollout
from mlops_ci.strategies import Strategy


@dataclass(frozen=True)
class Rules:
    """What the base branch allows in one environment.

    ``frozen`` says in words why nothing new is proposed now, empty where it is; ``frozen_until`` is when that
    ends, None where it does not by itself.
    """

    name: str
    strategy: Strategy
    options: BaseModel
    strategy_name: str = "direct"
    after: str = ""
    soak: timedelta = timedelta()
    step_soak: timedelta = timedelta()
    approvals: int = 0
    merge: Literal["manual", "auto"] = "manual"
    ramp: Literal["manual", "auto"] = "auto"
    verdict: Literal["passed", "warned"] = "warned"
    group: str = ""
    frozen: str = ""
    frozen_until: datetime | None = None


@dataclass(frozen=True)
class Health:
    """What a health source says of a release in an environment.

    ``since``: since when it is known to be live and healthy, None where it is not. ``source`` is in words;
    where none is configured it is empty, and soak counts from the merge.
    """

    source: str = ""
    since: datetime | None = None
    problem: str = ""


@dataclass(frozen=True)
class Live:
    """One target, an environment of a model, as the base branch says it.

    ``rollout`` is None where there is no manifest, or it cannot be read: ``problem`` says why. ``merged`` is
    when the newest record came to the base branch, ``stable_since`` when the one did that made the stable
    release stable (default: ``merged``). ``arrived`` is the action by which what is live came, where a hold
    or its end was recorded since (default: that of the record).
    """

    environment: str
    model: str
    manifest: str
    rollout: Rollout | None = None
    record: Record | None = None
    merged: datetime | None = None
    health: Health = Health()
    problem: str = ""
    stable_since: datetime | None = None
    arrived: Action | None = None


@dataclass(frozen=True)
class Offered:
    """What the model repository's main offers for the first environments; ``problem`` says why nothing.

    ``verdict`` is passed, warned, refused or incomplete, by the rules on the base branch today; ``problem``
    is then its first reason.
    """

    model: str
    release: Release | None = None
    verdict: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Asked:
    """What a person asked for: a promotion by hand, a rollback, a hold or its end.

    ``release`` is the one to promote or to go back to; ``problem`` says why there is none. ``verdict`` is
    that of a release which main does not offer.
    """

    action: Literal["promote", "rollback", "hold", "unhold"]
    environment: str
    model: str
    by: str = ""
    reason: str = ""
    release: Release | None = None
    verdict: str = ""
    problem: str = ""


@dataclass(frozen=True)
class World:
    """Everything the plan looks at.

    ``refused``: ids of proposals that a person closed without merging, with their numbers where these are
    known. ``open``: ids of those that are open now; they keep their place where more than ``limit`` pull
    requests would be open.
    """

    targets: Sequence[Live]
    offered: Mapping[str, Offered]
    now: datetime
    refused: Collection[str] = frozenset()
    asked: Sequence[Asked] = ()
    open: Collection[str] = frozenset()
    limit: int = 1000


@dataclass(frozen=True)
class Decision:
    """One pull request that should be open: what its target becomes, and why.

    ``path`` are all rollouts from this one to the last. ``automatic``: it merges itself once the forge's
    own protection passes; it was approved as a plan in the first pull request, or the rules say so.
    ``asked``: a person asks for it.
    """

    environment: str
    model: str
    action: Action
    release: Release
    before: Rollout
    after: Rollout
    record: Record | None
    number: int
    step: int = 1
    of: int = 1
    path: tuple[Rollout, ...] = ()
    automatic: bool = False
    hold: str = ""
    reason: str = ""
    requested_by: str = ""
    notes: tuple[str, ...] = ()
    manifest: str = ""
    strategy: str = ""
    group: str = ""
    step_soak: timedelta = timedelta()
    health: str = ""
    ramp: Literal["manual", "auto"] = "auto"
    approvals: int = 0
    asked: bool = False

    @property
    def id(self) -> str:
        """What a pull request is about: the same for the same change; a closed one means no to it."""
        share = f"{self.after.traffic}.{self.after.mirror}.{self.step}"
        return f"{self.environment}/{self.model}/{self.action}/{self.release.short}/{share}"

    @property
    def needed(self) -> int:
        """How many have to approve it; the later steps of a plan were approved with the first."""
        return 0 if self.action == "ramp" and self.ramp == "auto" else self.approvals

    @property
    def target(self) -> str:
        """``environment/model``."""
        return f"{self.environment}/{self.model}"


@dataclass(frozen=True)
class Wait:
    """A target for which no pull request should be open now, and why; ``until`` where that is known.

    ``blocked``: a person has to do something first. ``done``: there is nothing to wait for, what should be
    live is live.
    """

    environment: str
    model: str
    reason: str
    until: datetime | None = None
    blocked: bool = False
    done: bool = False


@dataclass(frozen=True)
class Plan:
    """What should be open, and what waits; every target is in one of the two."""

    decisions: tuple[Decision, ...] = ()
    waits: tuple[Wait, ...] = field(default=())
