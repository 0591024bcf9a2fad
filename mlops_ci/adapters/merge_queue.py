"""The branches of GitHub's merge queue: which pull request one tries, on which base."""

from __future__ import annotations

import re
from dataclasses import dataclass

_QUEUE = re.compile(r"(?:refs/heads/)?gh-readonly-queue/(.+)/pr-(\d+)-([0-9a-f]{40,64})", re.ASCII)


@dataclass(frozen=True)
class Queued:
    """The merge queue's branch: which pull request it tries, on which base."""

    base: str
    number: int
    base_commit: str


def queued(ref: str) -> Queued | None:
    """What a ref of the merge queue says; None where it is another ref."""
    found = _QUEUE.fullmatch(ref)
    return Queued(found[1], int(found[2]), found[3]) if found else None
