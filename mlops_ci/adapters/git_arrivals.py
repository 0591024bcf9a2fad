"""When files came to a branch: one walk over its first parents, whatever was merged, squashed or pushed."""

from __future__ import annotations

from datetime import datetime

from mlops_ci.adapters.git import Git

_COMMIT = "\x01"


def arrivals(git: Git, head: str, folder: str) -> dict[str, datetime]:
    """Path -> when its present content came to the branch that ends in ``head``, below a folder.

    The time is the committer's of the branch's own commit: of the merge where there was one.
    """
    done = git.run(
        "log", "--first-parent", "--diff-merges=first-parent", "--no-renames", "--name-only", "-z",
        f"--format={_COMMIT}%cI", head, "--", f"{folder}/",
    )  # fmt: skip
    found: dict[str, datetime] = {}
    for entry in done.stdout.split(_COMMIT)[1:]:
        moment, *paths = entry.replace("\n", "\0").split("\0")
        for path in filter(None, paths):
            found.setdefault(path, datetime.fromisoformat(moment))
    return found


def newest_touching(git: Git, head: str, paths: tuple[str, ...]) -> str:
    """The newest commit of a branch itself that changed one of the paths; ``head`` where none did."""
    if not paths:
        return head
    walk = ("log", "-1", "--first-parent", "--diff-merges=first-parent", "--no-patch", "--format=%H")
    done = git.run(*walk, head, "--", *paths)
    return done.stdout.strip() or head
