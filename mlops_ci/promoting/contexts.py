"""What a decision's pull request tells beside the decision: the edit, the owners, the last merge."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mlops_ci import codeowners
from mlops_ci.errors import ManifestError
from mlops_ci.evidence import Evidence
from mlops_ci.forge import approvals
from mlops_ci.manifests import contract, crds
from mlops_ci.promoting import judging, lineage, reading
from mlops_ci.promoting.looking import View
from mlops_ci.promoting.reading import Standing
from mlops_ci.promotion import marks, record
from mlops_ci.promotion.compose import branch_of, edits_of
from mlops_ci.promotion.context import Context
from mlops_ci.promotion.record import Approval, Merge
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
    found = Context(
        previous=_previous(standing, decision),
        merge=_merge(view, standing, decision),
        reviewers=_reviewers(standing, decision),
        size=view.offering.sizes.get(decision.model),
    )
    if decision.action not in _STILL:
        found = _edited(view, standing, decision, found)
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


def _previous(standing: Standing, decision: Decision) -> str:
    """The sha256 of the newest record as it stands."""
    text = standing.texts.get(record.current_path(decision.environment, decision.model))
    return record.digest(text) if text else ""


def _reviewers(standing: Standing, decision: Decision) -> tuple[str, ...]:
    """The owners of the manifest, by the base branch's CODEOWNERS."""
    site = standing.site
    _, text = codeowners.found(lambda path: site.git.show(site.head, path))
    return codeowners.owners(text, decision.manifest)


def _merge(view: View, standing: Standing, decision: Decision) -> Merge | None:
    """How the newest record was merged, as the forge tells it; None where no pull request did it."""
    if decision.record is None:
        return None
    branch, pulls = branch_of(decision), view.ground.pulls_of(decision.environment)
    merged = next((one for one in pulls if one.head == branch and one.state == "merged"), None)
    if merged is None or not marks.id_of(merged.body):
        return None
    forge = standing.site.forge
    whole = forge.pull_request(merged.number)
    said = approvals(forge.reviews(merged.number), merged.head_commit)
    return Merge(
        pull_request=whole.number,
        url=whole.url,
        merged_by=whole.merged_by,
        merged_at=whole.merged_at,
        commit=whole.merge_commit,
        approvals=tuple(Approval(user=one.user, at=one.at, commit=one.commit) for one in said),
    )
