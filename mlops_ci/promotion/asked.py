"""What people ask for beside promotions: rollbacks, holds and their ends (pure)."""

from __future__ import annotations

from mlops_ci.promotion import words
from mlops_ci.promotion.deciding import Target, called, decision, edited, named, said, unreadable
from mlops_ci.promotion.world import Asked, Decision, Wait
from mlops_ci.rollout import Release, Rollout


def by_hand(target: Target, asked: Asked) -> Decision | Wait:
    """The pull request that does what was asked for, or why there is none."""
    if blocked := unreadable(target):
        return blocked
    if asked.action == "rollback":
        return _rollback(target, asked)
    if blocked := edited(target):
        return blocked
    return _hold(target, asked) if asked.action == "hold" else _unhold(target, asked)


def _rollback(target: Target, asked: Asked) -> Decision | Wait:
    """One step back to a release; neither soak, freeze nor verdict stand in the way."""
    release, before = asked.release, target.before
    if release is None:
        problem = asked.problem or "no release is known to go back to"
        return target.wait(f"{said(asked)}, but {problem}", blocked=True)
    if refused := _no_way_back(target, release):
        return target.wait(f"{said(asked)}, but {refused}", blocked=True)
    bad = before.stable if before.is_idle else before.candidate
    return decision(
        target,
        "rollback",
        release,
        Rollout(stable=release.served),
        automatic=target.rules.merge == "auto",
        hold=asked.reason or f"rolled back from {called(target.live, bad)}",
    )


def _no_way_back(target: Target, release: Release) -> str:
    """Why a rollback to this release makes no sense, or nothing."""
    name, before, record = words.release_name(release), target.before, target.record
    where = target.live.environment
    if release.served.is_same(before.stable) and before.is_idle:
        return f"{where} serves {name} already: there is nothing to roll back"
    if release.served.is_same(before.candidate) and not before.is_idle:
        return f"{name} is what is being ramped up: going back means to what is still stable"
    bad = words.rolled_back(record) if record and record.action == "rollback" else None
    if record and bad and bad.digest == release.digest:
        return (
            f"{words.hold_name(record)} took {name} away; if it is good after all, end the hold with "
            f"`mlops-ci unhold {target.name}` and promote it"
        )
    return ""


def _hold(target: Target, asked: Asked) -> Decision | Wait:
    record, release = target.record, _live_release(target)
    if record and record.hold:
        return target.wait(f"{said(asked)}, but {words.hold_name(record)} holds it already", blocked=True)
    if release is None:
        reason = f"{said(asked)}, but nothing is live there whose digest is known"
        return target.wait(reason, blocked=True)
    return decision(target, "hold", release, target.before, hold=asked.reason or "held by hand")


def _unhold(target: Target, asked: Asked) -> Decision | Wait:
    record, release = target.record, _live_release(target)
    if record is None or record.hold is None or release is None:
        return target.wait(f"{said(asked)}, but nothing holds {target.name}", blocked=True)
    return decision(target, "unhold", release, target.before)


def _live_release(target: Target) -> Release | None:
    """What a record without a change is about: the release on its way, else the stable one."""
    if target.ramping:
        return target.ramping
    stable = target.before.stable
    if stable is None or not stable.digest:
        return None
    known = named(target.live, stable)
    model = target.live.model
    return known.release(model) if known else Release(model, stable.digest, stable.uri, commit="")
