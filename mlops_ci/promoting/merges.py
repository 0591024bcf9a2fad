"""How the last promotion of a branch was merged, as its forge tells it: for the record of the next one."""

from __future__ import annotations

from collections.abc import Iterable

from mlops_ci.forge import Promotions, PullRequest, approvals
from mlops_ci.promotion.record import Approval, Merge


def last(forge: Promotions, pulls: Iterable[PullRequest], branch: str) -> Merge | None:
    """The newest merge of a branch, out of pull requests newest first; None where it was never merged.

    Approvals count where they were given to the commit that was merged.

    Raises:
        ToolError: the forge refuses or cannot be reached.
    """
    merged = next((pull for pull in pulls if pull.head == branch and pull.state == "merged"), None)
    if merged is None:
        return None
    whole = forge.pull_request(merged.number)
    said = approvals(forge.reviews(merged.number), whole.head_commit)
    return Merge(
        pull_request=whole.number,
        url=whole.url,
        merged_by=whole.merged_by,
        merged_at=whole.merged_at,
        commit=whole.merge_commit,
        approvals=tuple(Approval(user=one.user, at=one.at, commit=one.commit) for one in said),
    )
