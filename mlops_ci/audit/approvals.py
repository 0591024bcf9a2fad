"""Who approved and merged a promotion: enough people, of the owners, and that very commit (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mlops_ci.audit.links import Link, Unseen, numbers, says
from mlops_ci.audit.trails import Filed, Trail
from mlops_ci.promotion.record import Merge

NAME = "approvals"


@dataclass(frozen=True)
class Asked:
    """What the rules ask of a promotion today: how many approvals, and of whom; no owners: of anybody.

    ``teams``: an owner is a team or an address, whose members nobody here can name.
    """

    approvals: int = 0
    owners: frozenset[str] = frozenset()
    teams: bool = False


def check(trail: Trail, asked: Asked, told: Mapping[str, Merge | Unseen]) -> Iterator[Link]:
    """The merges of a target; ``told`` is what the forge says now by path, else the next record tells."""
    well: list[int] = []
    unknown: dict[str, list[int]] = {}
    for at, one in enumerate(trail.filed):
        merge = _merge(trail, at, told)
        if isinstance(merge, Unseen):
            unknown.setdefault(merge.reason, []).append(one.record.number)
            continue
        wrong = list(_wrong(one, merge, asked))
        for sentence in wrong:
            said = f"record {one.record.number} (pull request {merge.pull_request}): {sentence}"
            yield says(trail.target, NAME, "broken")(said, where=one.file.path, commit=merge.commit)
        if not wrong:
            well.append(one.record.number)
    if well:
        need = f"with {_counted(asked.approvals)} or more" if asked.approvals else "no approval is asked for"
        yield says(trail.target, NAME, "ok")(f"{numbers(well)}: merged, {need}")
    for reason, which in unknown.items():
        yield says(trail.target, NAME, "unknown")(f"{numbers(which)}: {reason}")


def _merge(trail: Trail, at: int, told: Mapping[str, Merge | Unseen]) -> Merge | Unseen:
    live = told.get(trail.filed[at].file.path)
    if isinstance(live, Merge):
        return live
    following = trail.records[at + 1].previous if at + 1 < len(trail.records) else None
    if following and following.merge:
        return following.merge
    return live or Unseen("who approved and merged is not in Git yet: the next record of this target tells")


def _wrong(one: Filed, merge: Merge, asked: Asked) -> Iterator[str]:
    if not merge.merged_at:
        yield "the forge does not say that it was merged"
    brought = one.brought
    if merge.commit and brought is not None and brought.sha != merge.commit:
        yield f"it was merged as {merge.commit[:10]}, and the record came with {brought.short}"
    good = {approval.user.lower() for approval in merge.approvals if _is_of(one, approval.commit)}
    stale = [approval.user for approval in merge.approvals if not _is_of(one, approval.commit)]
    if stale and len(good) < asked.approvals:
        yield f"{' and '.join(stale)} approved another commit than the one that was merged"
    if asked.owners and not asked.teams:
        good &= asked.owners
    if len(good) < asked.approvals:
        whose = " of the owners" if asked.owners else ""
        yield f"{_counted(len(good))}{whose}, and {_counted(asked.approvals)} asked for"


def _counted(many: int) -> str:
    return f"{many} approval" if many == 1 else f"{many} approvals"


def _is_of(one: Filed, commit: str) -> bool:
    """Whether an approval is of the commit that was merged; after a squash or a rebase nobody can tell."""
    merged = one.made if one.brought is not None and len(one.brought.parents) > 1 else None
    return not commit or merged is None or merged.sha == commit
