"""The record of a decision: what it changes, from what to what, on which evidence (pure)."""

from __future__ import annotations

from mlops_ci.promotion.context import Context, Setting
from mlops_ci.promotion.record import Hold, Named, Previous, Record, Source, State, Step, Summary
from mlops_ci.promotion.world import Decision
from mlops_ci.rollout import Rollout, Served

_MOVES = ("promote", "ramp", "shadow")


def record_of(decision: Decision, context: Context, setting: Setting) -> Record:
    """The record that rides with a decision; the same bytes for the same facts."""
    last, moves = decision.record, decision.action in _MOVES
    # What changes nothing about the release tells of it what the record before told.
    kept = last if last and last.release.digest == decision.release.digest else None
    step = Step(strategy=decision.strategy, number=decision.step, of=decision.of) if moves else None
    return Record(
        number=decision.number,
        environment=decision.environment,
        model=decision.model,
        action=decision.action,
        before=_state(decision.before, decision, context),
        after=_state(decision.after, decision, context),
        release=_release(decision, context),
        step=step if moves or not kept or decision.action == "rollback" else kept.step,
        source=context.source or (kept.source if kept else Source(commit=decision.release.commit)),
        data=context.data or (kept.data if kept else ()),
        params=context.params or (kept.params if kept else {}),
        evidence=context.evidence or (kept.evidence if kept else Summary(digest=decision.release.evidence)),
        edits=context.edits,
        hold=Hold(reason=decision.hold, by=decision.requested_by) if decision.hold else None,
        reason=decision.reason,
        requested_by=decision.requested_by,
        automatic=decision.automatic,
        tool=setting.tool,
        previous=_previous(last, context),
    )


def _previous(last: Record | None, context: Context) -> Previous | None:
    if last is None:
        return None
    return Previous(number=last.number, digest=context.previous or last.digest, merge=context.merge)


def _state(rollout: Rollout, decision: Decision, context: Context) -> State:
    return State(
        stable=named(rollout.stable, decision, context),
        candidate=named(rollout.candidate, decision, context),
        traffic=rollout.traffic,
        mirror=rollout.mirror,
    )


def named(served: Served | None, decision: Decision, context: Context) -> Named | None:
    """Something that is served, by everything that the decision and the newest record know of it."""
    if served is None:
        return None
    last = decision.record
    known = (_release(decision, context), *((last.after.stable, last.after.candidate) if last else ()))
    found = next((one for one in known if one and served.is_same(Served(one.uri, one.digest))), None)
    return found or Named(digest=served.digest, uri=served.uri)


def _release(decision: Decision, context: Context) -> Named:
    known, last = Named.of(decision.release, context.size), decision.record
    for one in (last.release, last.after.stable, last.after.candidate) if last else ():
        if context.size is None and one and one.digest == known.digest and one.size:
            return known.model_copy(update={"size": one.size})
    return known
