"""One target with all that is known of it, and what the parts of a decision have in common (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mlops_ci.promotion import words
from mlops_ci.promotion.record import Action, Named, Record
from mlops_ci.promotion.world import Asked, Decision, Live, Rules, Wait, World
from mlops_ci.rollout import Release, Rollout, Served
from mlops_ci.strategies import path

_ASKED = {
    "promote": "a promotion was asked for",
    "rollback": "a rollback was asked for",
    "hold": "a hold was asked for",
    "unhold": "the end of the hold was asked for",
}


@dataclass(frozen=True)
class Target:
    """An environment of a model; ``others`` are all targets by environment and model."""

    live: Live
    rules: Rules
    world: World
    others: Mapping[tuple[str, str], Live]
    asked: Asked | None = None

    @property
    def name(self) -> str:
        """``environment/model``."""
        return f"{self.live.environment}/{self.live.model}"

    @property
    def record(self) -> Record | None:
        """The newest record."""
        return self.live.record

    @property
    def before(self) -> Rollout:
        """What is live: the manifest's word, with what it hides filled from the record."""
        return believed(self.live)

    @property
    def ramping(self) -> Release | None:
        """The release that is on its way by steps, where the record says so."""
        return on_its_way(self.live) if fits(self.live) else None

    def wait(
        self, reason: str, *, until: datetime | None = None, blocked: bool = False, done: bool = False
    ) -> Wait:
        """Nothing is to be open now, and why."""
        return Wait(self.live.environment, self.live.model, reason, until, blocked, done)


def said(asked: Asked) -> str:
    """What was asked for, and by whom."""
    return _ASKED[asked.action] + (f" by {asked.by}" if asked.by else "")


# ---- what is live ----------------------------------------------------------------------------------


def fits(live: Live) -> bool:
    """Whether the manifest says what the record says; without a record it does."""
    if live.record is None or live.rollout is None:
        return True
    return live.rollout.fits(live.record.after.rollout)


def believed(live: Live) -> Rollout:
    """The rollout with hidden parts and missing digests filled from the record."""
    rollout = live.rollout or Rollout(None)
    if live.record is None:
        return rollout
    after = live.record.after.rollout
    known = (*after.served, live.record.release.release(live.model).served)

    def filled(served: Served | None) -> Served | None:
        return next((one for one in known if one.is_same(served)), served)

    hidden = rollout.with_stable(after.stable)
    return replace(hidden, stable=filled(hidden.stable), candidate=filled(hidden.candidate))


def on_its_way(live: Live) -> Release | None:
    """The candidate that the newest record is about; what merely stands idle in a slot is none."""
    record = live.record
    if record is None or record.after.candidate is None:
        return None
    candidate = record.after.candidate
    return candidate.release(live.model) if candidate.digest == record.release.digest else None


def named(live: Live, served: Served) -> Named | None:
    """All that the newest record knows of something that is served."""
    record = live.record
    known = (record.after.stable, record.after.candidate, record.release) if record else ()
    return next((one for one in known if one and Served(one.uri, one.digest).is_same(served)), None)


def called(live: Live, served: Served | None) -> str:
    """What is served, with its version where the record knows it."""
    known = named(live, served) if served else None
    return words.release_name(known) if known else words.served_name(served)


# ---- obstacles -------------------------------------------------------------------------------------


def unreadable(target: Target) -> Wait | None:
    """A manifest or a record that cannot be read, or that hides what only a record could tell."""
    live = target.live
    if live.problem or live.rollout is None:
        return target.wait(live.problem or f"there is no manifest {live.manifest}", blocked=True)
    if target.before.stable is None and live.rollout.candidate is not None:
        return target.wait(
            f"{live.manifest} does not name the stable release during its canary, and there is no record "
            "that does: end the canary first",
            blocked=True,
        )
    return None


def edited(target: Target) -> Wait | None:
    """A manifest that somebody changed without a record."""
    record, rollout = target.record, target.live.rollout
    if record is None or rollout is None or fits(target.live):
        return None
    return target.wait(
        f"the manifest {target.live.manifest} does not say what the record says: somebody edited it by hand. "
        f"It says {words.rollout_name(rollout)}; the record, {words.rollout_name(record.after.rollout)}. "
        f"Put it back; or `mlops-ci promote {target.name}` proposes what is due from there",
        blocked=True,
    )


def frozen(target: Target) -> Wait | None:
    """A time in which nothing new is proposed."""
    rules = target.rules
    return target.wait(rules.frozen, until=rules.frozen_until) if rules.frozen else None


def soaking(target: Target, live: Live, since: datetime | None, needed: timedelta, what: str) -> Wait | None:
    """What has not been live and healthy for long enough; ``what`` is its name in the sentence."""
    health, now = live.health, target.world.now
    if health.source and health.since is None:
        problem = f": {health.problem}" if health.problem else ""
        return target.wait(f"waits until {health.source} says that {what} is live and healthy{problem}")
    if not needed:
        return None
    start = max(one for one in (since, health.since) if one) if since or health.since else None
    if start is None:
        return target.wait(f"it is not known since when {what} is live, so it cannot soak", blocked=True)
    left = start + needed - now
    if left <= timedelta():
        return None
    how = (
        f"{health.source} says that it is healthy since {words.moment(start, now)}"
        if health.source
        else "it counts from the merge, for no health source is configured"
    )
    return target.wait(f"waits for {what} to soak {words.span(left)} more; {how}", until=start + needed)


# ---- decisions -------------------------------------------------------------------------------------


def proposal(target: Target, release: Release) -> Decision | Wait:
    """The next step on the way to a release, unless a person said no to it."""
    rules, before, ramp = target.rules, target.before, target.ramping
    try:
        ahead = path(rules.strategy, before, release.served, rules.options)
        whole = path(rules.strategy, Rollout(before.stable), release.served, rules.options)
    except ValueError as error:
        return target.wait(f"the strategy {rules.strategy_name} cannot be followed: {error}", blocked=True)
    if not ahead:
        reason = f"nothing to promote: the strategy {rules.strategy_name} has no step from what is live"
        return target.wait(reason)
    goes_on = ramp is not None and ramp.digest == release.digest
    of = max(len(whole), len(ahead))
    made = decision(
        target,
        "shadow" if ahead[0].mirror else "ramp" if goes_on else "promote",
        release,
        ahead[0],
        step=of - len(ahead) + 1,
        of=of,
        path=ahead,
        automatic=rules.merge == "auto" or (rules.ramp == "auto" and goes_on),
        group=rules.group,
    )
    return _unless_closed(target, made)


def decision(
    target: Target,
    action: Action,
    release: Release,
    after: Rollout,
    *,
    step: int = 1,
    of: int = 1,
    path: tuple[Rollout, ...] = (),
    automatic: bool = False,
    hold: str = "",
    group: str = "",
) -> Decision:
    """A decision about a target, with all that the target itself tells."""
    asked, record = target.asked, target.record
    return Decision(
        environment=target.live.environment,
        model=target.live.model,
        action=action,
        release=release,
        before=target.before,
        after=after,
        record=record,
        number=record.number + 1 if record else 1,
        step=step,
        of=of,
        path=path or (after,),
        automatic=automatic,
        hold=hold,
        reason=asked.reason if asked else "",
        requested_by=asked.by if asked else "",
        notes=_notes(target),
        manifest=target.live.manifest,
        strategy=target.rules.strategy_name if action in ("promote", "ramp", "shadow") else "",
        group=group,
        step_soak=target.rules.step_soak,
        health=target.live.health.source,
        ramp=target.rules.ramp,
        approvals=target.rules.approvals,
        asked=asked is not None,
    )


def _notes(target: Target) -> tuple[str, ...]:
    """What a reviewer should know of how things stand."""
    rollout, record = target.live.rollout, target.record
    if record is None or rollout is None or fits(target.live):
        return ()
    return (
        f"The manifest was edited by hand since record {record.number}: it says "
        f"{words.rollout_name(rollout)}, and not {words.rollout_name(record.after.rollout)}. "
        "Merging this takes that as the state before.",
    )


def _unless_closed(target: Target, made: Decision) -> Decision | Wait:
    refused = target.world.refused
    if target.asked or made.id not in refused:
        return made
    number = f" (#{refused[made.id]})" if isinstance(refused, Mapping) and refused[made.id] else ""
    return target.wait(
        f"a pull request for this was closed without merging{number}, so it is not proposed again; "
        f"`mlops-ci promote {target.name}` asks for it anew",
        blocked=True,
    )
