"""How promotions were merged, as their forge says it now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mlops_ci.adapters.git import Git
from mlops_ci.audit.links import Unseen
from mlops_ci.audit.trails import Filed, Trail
from mlops_ci.errors import MlopsError
from mlops_ci.forge import Promotions
from mlops_ci.promoting import merges, sites
from mlops_ci.promotion import marks
from mlops_ci.promotion.record import Merge


def told(
    git: Git, environ: Mapping[str, str], wanted: Sequence[Trail], *, every: bool
) -> Mapping[str, Merge | Unseen]:
    """Path of the log -> the merge: of every record, or only of those of which no later one tells it."""
    asked = [one for trail in wanted for one in _asked(trail, every=every)]
    if not asked:
        return {}
    try:
        forge = sites.forge_of(git, environ)
        numbers = _numbers(forge, asked)
    except MlopsError as error:
        return {one.file.path: Unseen(f"who approved is not in Git yet: {error.message}") for one in asked}
    return {one.file.path: _merge(forge, numbers.get(one.file.path)) for one in asked}


def _numbers(forge: Promotions, asked: Sequence[Filed]) -> Mapping[str, int]:
    """Path of the log -> the pull request: by the commit's subject, else by what the forge merged as it."""
    brought = {one.file.path: one.brought for one in asked if one.brought}
    found = {path: commit.pull_request for path, commit in brought.items()}
    if None in found.values():
        merged = {pull.merge_commit: pull.number for pull in forge.promotions(marks.PREFIX)}
        found = {path: number or merged.get(brought[path].sha) for path, number in found.items()}
    return {path: number for path, number in found.items() if number}


def _asked(trail: Trail, *, every: bool) -> Iterator[Filed]:
    for at, one in enumerate(trail.filed):
        following = trail.records[at + 1].previous if at + 1 < len(trail.records) else None
        if every or following is None or following.merge is None:
            yield one


def _merge(forge: Promotions, number: int | None) -> Merge | Unseen:
    if number is None:
        return Unseen("the forge knows no pull request that was merged as the commit that brought it")
    try:
        return merges.of(forge, number)
    except MlopsError as error:
        return Unseen(f"pull request {number}: {error.message}")
