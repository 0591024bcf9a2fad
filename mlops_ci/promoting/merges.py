"""How a promotion was merged, as its forge tells it: for the next record, and for who audits."""

from __future__ import annotations

from collections.abc import Iterable

from mlops_ci.forge import Promotions, PullRequest, approvals
from mlops_ci.promotion import marker
from mlops_ci.promotion.record import Approval, Merge


def bringing(pulls: Iterable[PullRequest], record: str) -> PullRequest | None:
    """The merged pull request that brought the record of a digest; None where none of them did.

    The branch does not tell: a target goes by its own, by that of its group, and by both in turn.
    """
    return next((pull for pull in pulls if pull.state == "merged" and record in _records(pull)), None)


def _records(pull: PullRequest) -> tuple[str, ...]:
    told = marker.read(pull.body)
    return told.records if told else ()


def of(forge: Promotions, number: int) -> Merge:
    """The merge of a pull request; approvals count where they were given to the commit that was merged.

    Raises:
        ToolError: the forge refuses or cannot be reached.
    """
    pull = forge.pull_request(number)
    said = approvals(forge.reviews(number), pull.head_commit)
    return Merge(
        pull_request=number,
        url=pull.url,
        merged_by=pull.merged_by,
        merged_at=pull.merged_at,
        commit=pull.merge_commit,
        approvals=tuple(Approval(user=one.user, at=one.at, commit=one.commit) for one in said),
    )
