"""What a decision's pull request tells beside the decision: the edit, the owners, the last merge."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mlops_ci import codeowners
from mlops_ci.errors import ManifestError
from mlops_ci.evidence import Evidence
from mlops_ci.manifests import contract, crds
from mlops_ci.promoting import judging, lineage, merges, reading
from mlops_ci.promoting.looking import View
from mlops_ci.promoting.reading import Standing
from mlops_ci.promotion import record
from mlops_ci.promotion.compose import edits_of
from mlops_ci.promotion.context import Context
from mlops_ci.promotion.record import Merge
from mlops_ci.promotion.world import Decision, Plan, Wait

_MOVES = ("promote", "ramp", "shadow")
_STILL = ("hold", "unhold")


@dataclass(frozen=True)
class Told:
    """A decision with its context; ``refused`` says why its evidence does not let it pass here."""

    decision: Decision
    context: Context
    document: Evidence | None = None
    refused: str = ""


def told(view: View, decision: Decision) -> Told:
    """Everything that the pull request of a decision needs.

    Raises:
        ManifestError: the manifest cannot say what was decided.
        ToolError: Git, the forge or the store fails.
    """
    standing = view.ground.of(decision.environment)
    previous = _previous(standing, decision)
    found = Context(
        previous=previous,
        merge=_merge(view, standing, decision, previous),
        reviewers=_reviewers(standing, decision),
        size=_size(view, decision),
    )
    if decision.action not in _STILL:
        found = _edited(view, standing, decision, found)
    if decision.action == "rollback":
        return Told(decision, _as_promoted(standing, decision, found))
    if decision.action not in _MOVES:
        return Told(decision, found)
    found = lineage.traced(view, decision, found)
    weighed = judging.weighed(view, decision)
    context = replace(found, evidence=weighed.summary, unknown=(*found.unknown, *weighed.unknown))
    return Told(decision, context, weighed.document, weighed.refused)


def possible(view: View) -> View:
    """The view without decisions that no manifest can say: they wait, and the reason is told.

    Raises:
        ToolError: Git fails.
    """
    kept: list[Decision] = []
    waits = list(view.plan.waits)
    for decision in view.plan.decisions:
        try:
            if decision.action not in _STILL:
                _edited(view, view.ground.of(decision.environment), decision, Context())
            kept.append(decision)
        except ManifestError as error:
            waits.append(cannot(decision, error))
    return replace(view, plan=Plan(tuple(kept), tuple(waits)))


def cannot(decision: Decision, error: ManifestError) -> Wait:
    """A decision that its manifest cannot say."""
    hint = f"; {error.hint}" if error.hint else ""
    return Wait(decision.environment, decision.model, f"{error.message}{hint}", blocked=True)


def _edited(view: View, standing: Standing, decision: Decision, found: Context) -> Context:
    """The manifest as it will be, held to the contract of its kind and to the repository's own schemas."""
    before = standing.texts.get(decision.manifest)
    if before is None:
        raise ManifestError(f"{decision.manifest}: is not there")
    kind, options = reading.kind_of(view.ground.config, decision.environment, before)
    after = kind.write(before, decision.after, options)
    contract.check(before, after)
    crds.check(after, view.schemas(decision.environment))
    edits = edits_of(decision.manifest, before, after)
    return replace(
        found, text=after, before=before, edits=edits, notes=kind.notes(after, decision.after, options)
    )


def _size(view: View, decision: Decision) -> int | None:
    """The bytes of the very release: as published now, else as a record tells."""
    offered = view.offering.offered.get(decision.model)
    newest = offered.release if offered else None
    if newest and newest.digest == decision.release.digest and decision.model in view.offering.sizes:
        return view.offering.sizes[decision.model]
    records = [live.record for live in view.ground.live.values() if live.record]
    known = [one for record in records for one in (record.release, record.after.stable) if one]
    return next((one.size for one in known if one.digest == decision.release.digest and one.size), None)


def _as_promoted(standing: Standing, decision: Decision, found: Context) -> Context:
    """What the log told of a release when it was promoted here: a rollback measures nothing anew."""
    log = reading.log(standing.site, (decision.environment, decision.model))
    told = [one for one in log if one.release.digest == decision.release.digest and one.evidence.metrics]
    if not told:
        return found
    last = told[-1]
    return replace(
        found,
        evidence=last.evidence,
        source=last.source,
        data=last.data,
        params=last.params,
        size=last.release.size,
    )


def _previous(standing: Standing, decision: Decision) -> str:
    """The sha256 of the newest record as it stands."""
    text = standing.texts.get(record.current_path(decision.environment, decision.model))
    return record.digest(text) if text else ""


def _reviewers(standing: Standing, decision: Decision) -> tuple[str, ...]:
    """The owners of the manifest, by the base branch's CODEOWNERS."""
    return codeowners.owners(standing.owners, decision.manifest)


def _merge(view: View, standing: Standing, decision: Decision, previous: str) -> Merge | None:
    """How the newest record was merged, as the forge tells it; None where no pull request did it."""
    merged = merges.bringing(view.ground.pulls_of(decision.environment), previous) if previous else None
    return merges.of(standing.site.forge, merged.number) if merged else None
