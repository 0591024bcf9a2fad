"""How a promotion was merged, as its forge tells it: for the record of the next one, and for the audit."""

from __future__ import annotations

from collections.abc import Iterable

from mlops_ci.forge import Promotions, PullRequest, approvals
from mlops_ci.promotion import marker
from mlops_ci.promotion.record import Approval, Merge


def of_record(forge: Promotions, pulls: Iterable[PullRequest], digest: str) -> Merge | None:
    """The merge that brought a record, by the digest of its bytes; None where no pull request of ours did.

    Raises:
        ToolError: the forge refuses or cannot be reached.
    """
    for pull in pulls:
        told = marker.read(pull.body) if pull.state == "merged" else None
        if told is not None and digest in told.records:
            return of(forge, pull.number)
    return None


def of(forge: Promotions, number: int) -> Merge:
    """How a pull request was merged; approvals count where they were given to the commit that was.

    Raises:
        ToolError: the forge refuses or cannot be reached.
    """
    whole = forge.pull_request(number)
    said = approvals(forge.reviews(number), whole.head_commit)
    return Merge(
        pull_request=whole.number,
        url=whole.url,
        merged_by=whole.merged_by,
        merged_at=whole.merged_at,
        commit=whole.merge_commit,
        approvals=tuple(Approval(user=one.user, at=one.at, commit=one.commit) for one in said),
    )
