"""When files came to a branch: one walk over its first parents, whatever was merged, squashed or pushed."""

from __future__ import annotations

from datetime import datetime

from mlops_ci.adapters import git_history
from mlops_ci.adapters.git import Git


def arrivals(git: Git, head: str, folder: str) -> dict[str, datetime]:
    """Path -> when its present content came to the branch that ends in ``head``, below a folder.

    The time, in UTC, is the committer's of the branch's own commit: of the merge where there was one. Of a
    file that is gone it is when it went.
    """
    found: dict[str, datetime] = {}
    for commit in git_history.own(git, head, [folder]):
        for change in commit.changes:
            found.setdefault(change.path, commit.committed)
    return found


def newest_touching(git: Git, head: str, paths: tuple[str, ...]) -> str:
    """The newest commit of a branch itself that changed one of the paths; ``head`` where none did."""
    if not paths:
        return head
    walk = ("log", "-1", "--first-parent", "--diff-merges=first-parent", "--no-patch", "--format=%H")
    done = git.run(*walk, head, "--", *paths)
    return done.stdout.strip() or head
