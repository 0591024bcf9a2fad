"""What is due at a target: the next step of a ramp, or the release that it should take over (pure)."""

from __future__ import annotations

from dataclasses import replace

from mlops_ci.promotion import words
from mlops_ci.promotion.deciding import (
    Target,
    believed,
    called,
    edited,
    fits,
    frozen,
    on_its_way,
    proposal,
    soaking,
    unreadable,
)
from mlops_ci.promotion.world import Asked, Decision, Live, Wait
from mlops_ci.rollout import Release

_VERDICTS = {
    "": "is not known: run `mlops-ci run` on main",
    "refused": "is refused",
    "incomplete": "is incomplete: a required check could not be made",
    "warned": "has warnings, and {environment} takes only what passed",
}


def due(target: Target) -> Decision | Wait:
    """The pull request that is due, or what it waits for."""
    by_hand = target.asked is not None
    blocked = unreadable(target) or (None if by_hand else edited(target)) or _held(target)
    if blocked:
        return blocked
    if target.ramping:
        return _next_step(target, target.ramping)
    if not by_hand and (blocked := _stranger(target)):
        return blocked
    wanted = _wanted(target)
    return wanted if isinstance(wanted, Wait) else _begin(target, wanted)


def _held(target: Target) -> Wait | None:
    """A hold stops everything but what people ask for; a promotion by hand has to end it first."""
    record = target.record
    if record is None or record.hold is None:
        return None
    return target.wait(f"{words.held(record)}; `mlops-ci unhold {target.name}` ends that", blocked=True)


def _stranger(target: Target) -> Wait | None:
    """A candidate that gets requests, and that no record knows."""
    before = target.before
    if before.is_idle:
        return None
    return target.wait(
        f"{target.live.manifest} gives requests to a candidate that no record knows: "
        f"{words.rollout_name(before)}. End that; or "
        f"`mlops-ci promote {target.name}` proposes what is due from there",
        blocked=True,
    )


def _begin(target: Target, release: Release) -> Decision | Wait:
    """The first step of a release, or the only one."""
    before = target.before
    if release.served.is_same(before.stable) and before.is_idle:
        ahead = _upstream_ramp(target)
        return target.wait(
            f"nothing to promote: {target.live.environment} already serves {words.release_name(release)}"
            + ahead,
            done=not ahead,
        )
    return frozen(target) or proposal(target, release)


def _next_step(target: Target, release: Release) -> Decision | Wait:
    """The next step of a ramp; a newer release waits until it ends."""
    live, record = target.live, target.record
    waiting = _newer(target, release)
    if waiting and target.asked:
        return target.wait(waiting)
    verdict = _verdict_of(target, release)
    if verdict in ("refused", "incomplete"):
        return target.wait(
            f"the ramp of {words.release_name(release)} stops: by the rules of today its evidence "
            f"{_VERDICTS[verdict]}; `mlops-ci rollback {target.name}` goes back",
            blocked=True,
        )
    at = f"step {record.step.number} of {record.step.of} " if record and record.step else ""
    what = f"{at}({words.share_name(target.before)})" if at else words.share_name(target.before)
    found: Decision | Wait = (
        soaking(target, live, live.merged, target.rules.step_soak, what)
        or frozen(target)
        or proposal(target, release)
    )
    if not waiting:
        return found
    if isinstance(found, Wait):
        return replace(found, reason=f"{found.reason}. {waiting}")
    return replace(found, notes=(*found.notes, f"{waiting}."))


def _newer(target: Target, ramping: Release) -> str:
    """What a newer release, or another one that was asked for, has to wait for."""
    wanted = _wanted(target)
    known = (ramping.digest, target.before.stable.digest if target.before.stable else "")
    if isinstance(wanted, Wait) or wanted.digest in known:
        return ""
    name = words.release_name(ramping)
    return f"{words.release_name(wanted)} waits until the ramp of {name} has ended or is rolled back"


# ---- which release ---------------------------------------------------------------------------------


def _wanted(target: Target) -> Release | Wait:
    """The release that the target should take over: asked for, out of the environment before, or main's."""
    asked = target.asked
    if asked and asked.release:
        return _asked(target, asked, asked.release)
    return _from_before(target) if target.rules.after else _from_main(target)


def _asked(target: Target, asked: Asked, release: Release) -> Release | Wait:
    known = _verdict_of(target, release) or asked.verdict
    return _refused(target, known, words.release_name(release)) or release


def _from_main(target: Target) -> Release | Wait:
    model = target.live.model
    offered = target.world.offered.get(model)
    if offered is None:
        return target.wait(f"main has no model {model}", blocked=True)
    name = f"main's release {words.release_name(offered.release)}" if offered.release else "main's release"
    if offered.verdict and (refused := _refused(target, offered.verdict, name, offered.problem)):
        return refused
    if offered.release is None or not offered.verdict:
        problem = f": {offered.problem}" if offered.problem else ""
        return target.wait(f"main offers no release of {model}{problem}", blocked=True)
    return offered.release


def _from_before(target: Target) -> Release | Wait:
    """The release that is stable and soaked in the environment before."""
    name, model = target.rules.after, target.live.model
    live = target.others.get((name, model))
    if live is None:
        return target.wait(f"{model} does not go to {name}, which comes before", blocked=True)
    if live.problem or live.rollout is None or not fits(live):
        return target.wait(f"what {name} serves is not known: see {name}/{model}", blocked=True)
    stable = live.record.after.stable if live.record else None
    if live.record is None or stable is None:
        return target.wait(f"waits until a release was promoted to {name}{_progress(live)}")
    release = stable.release(model)
    if release.served.is_same(target.before.stable):
        return release
    if (live.arrived or live.record.action) == "rollback" and not target.asked:
        return target.wait(f"{name} was rolled back to {words.release_name(release)}: that does not move on")
    what = f"{words.release_name(release)} in {name}"
    since = live.stable_since or live.merged
    return (
        soaking(target, live, since, target.rules.soak, what)
        or _refused(target, _verdict_of(target, release), words.release_name(release))
        or release
    )


def _verdict_of(target: Target, release: Release) -> str:
    """The verdict on a release: by today's rules where main offers it, else as it was promoted before."""
    offered = target.world.offered.get(target.live.model)
    if offered and offered.release and offered.release.digest == release.digest and offered.verdict:
        return offered.verdict
    places = ((target.rules.after, target.live.model), (target.live.environment, target.live.model))
    records = [live.record for place in places if (live := target.others.get(place))]
    told = [one.evidence.verdict for one in records if one and one.release.digest == release.digest]
    return next(filter(None, told), "")


def _refused(target: Target, verdict: str, name: str, problem: str = "") -> Wait | None:
    """Evidence that these rules do not let pass."""
    good = ("passed",) if target.rules.verdict == "passed" else ("passed", "warned")
    if verdict in good:
        return None
    why = _VERDICTS.get(verdict, f"is {verdict}").format(environment=target.live.environment)
    return target.wait(f"the evidence of {name} {why}{f': {problem}' if problem else ''}", blocked=True)


def _upstream_ramp(target: Target) -> str:
    """What is on its way in the environment before, where that is why nothing is due here."""
    live = target.others.get((target.rules.after, target.live.model))
    return _progress(live) if live else ""


def _progress(live: Live) -> str:
    release, record = on_its_way(live), live.record
    if release is None or record is None:
        return ""
    step = record.step
    at = f"step {step.number} of {step.of}" if step else words.share_name(believed(live))
    return f"; {called(live, release.served)} is at {at} in {live.environment}"
