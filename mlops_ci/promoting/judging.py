"""The evidence of a promotion: its release against what is live in that environment, by today's rules."""

from __future__ import annotations

from dataclasses import dataclass

from mlops_ci.adapters.dvc import lock_digest
from mlops_ci.errors import MlopsError
from mlops_ci.evidence import Evidence, Verdict
from mlops_ci.promoting import champion
from mlops_ci.promoting.lineage import is_mains, records_of
from mlops_ci.promoting.looking import View
from mlops_ci.promoting.offering import outcome
from mlops_ci.promotion.record import Named, Summary
from mlops_ci.promotion.summary import against, summary_of
from mlops_ci.promotion.world import Decision
from mlops_ci.reporting import Judged

_OLDER = "This is not main's newest release, so it was not measured again: its metrics are those on record."
_NAMELESS = "the commit of what is live here is not recorded"
_BEHIND = "this checkout is behind main"


@dataclass(frozen=True)
class Weighed:
    """The evidence in short and whole, where there is one; what is not known; why it may not pass here."""

    summary: Summary | None
    document: Evidence | None = None
    unknown: tuple[str, ...] = ()
    refused: str = ""


def weighed(view: View, decision: Decision) -> Weighed:
    """The candidate against what is live: measured again where it can be, else as the records told."""
    main = view.ground.main.judged
    live = decision.record.after.stable if decision.record else None
    if main is None or not is_mains(view, decision):
        return Weighed(_recorded(view, decision, live), unknown=(_OLDER,))
    if live is None or live.digest == decision.release.digest:
        return _judged(view, decision, main, None)
    document, why = _measured(view, decision, live)
    judged = view.ground.session.judge(document) if document else main
    unknown = (f"Nothing was compared with what is live here: {why}.",) if why else ()
    return _judged(view, decision, judged, live, unknown)


def _measured(view: View, decision: Decision, live: Named) -> tuple[Evidence | None, str]:
    """The evidence against the live release, or why there is none."""
    session, main = view.ground.session, view.ground.main
    if not live.commit:
        return None, _NAMELESS
    if lock_digest(session.project.dvc.lock_files()) != main.lock:
        return None, _BEHIND
    try:
        told = champion.compared(session, decision.model, live.commit, environment=decision.environment)
    except MlopsError as error:
        return None, error.message
    return told.evidence, told.reason


def _judged(
    view: View, decision: Decision, judged: Judged, live: Named | None, unknown: tuple[str, ...] = ()
) -> Weighed:
    verdict = outcome(judged, decision.model)
    based = live is not None and any(
        one.name == decision.model and one.base_digest == live.md5 for one in judged.evidence.models
    )
    summary = summary_of(
        judged.evidence,
        judged.findings,
        verdict,
        decision.model,
        digest=judged.digest,
        champion=live.digest if live and based else "",
    )
    if live is not None and not based:
        summary = against(summary, _measured_as_live(decision, live), live.digest)
    return Weighed(summary, judged.evidence, unknown, _refused(view, decision, verdict))


def _refused(view: View, decision: Decision, verdict: Verdict) -> str:
    """Why this verdict is not good enough here, or nothing."""
    where = decision.environment
    good = ("passed",) if view.rules[where].verdict == "passed" else ("passed", "warned")
    if verdict.outcome.value in good:
        return ""
    first = f": {verdict.reasons[0].sentence}" if verdict.reasons else ""
    return f"its evidence against what is live in {where} is {verdict.outcome.value}{first}"


def _recorded(view: View, decision: Decision, live: Named | None) -> Summary | None:
    """What the records say of a release that main does not offer any more, beside what is live."""
    known = next(iter(records_of(view, decision)), None)
    if known is None:
        return None
    measured = _measured_as_live(decision, live) if live else None
    return against(known.evidence, measured, live.digest if live else "")


def _measured_as_live(decision: Decision, live: Named) -> Summary | None:
    """What the newest record tells of what is live, where that is what it promoted."""
    own = decision.record
    return own.evidence if own and own.release.digest == live.digest else None
