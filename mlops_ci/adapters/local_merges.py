"""What the embedded forge does in the repository that it lies in: look at branches, and merge."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mlops_ci.adapters.git import Git
from mlops_ci.errors import ToolError


def heads(folder: Path) -> dict[str, str]:
    """The branches of a .git folder -> their commits; none where it is no repository."""
    listed = Git(folder).run(
        "for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", "refs/heads", check=False
    )
    if listed.code != 0:
        return {}
    return {name: sha for sha, _, name in (line.partition(" ") for line in listed.stdout.splitlines())}


def holds(folder: Path, commit: str, other: str) -> bool:
    """Whether a commit has another one in its history."""
    return Git(folder).run("merge-base", "--is-ancestor", other, commit, check=False).code == 0


def arrival(folder: Path, base: str, head: str) -> tuple[str, str]:
    """The commit of a branch's own line that brought another one there, and who made it.

    A fast-forward made none: then it is the other one itself, and nobody.
    """
    git = Git(folder)
    walk = ("rev-list", "--first-parent", "--ancestry-path", "--reverse", f"{head}..{base}")
    first = next(iter(git.run(*walk).stdout.splitlines()), head)
    if first == head or git.resolve(f"{first}^1") == head:
        return head, ""
    return first, git.run("show", "--no-patch", "--format=%cn", first).stdout.strip()


def message(folder: Path, commit: str) -> str:
    """The message of a commit."""
    return Git(folder).message(commit)


def merged(folder: Path, one: str, other: str) -> str | None:
    """The tree of a merge of two commits; None where they conflict."""
    done = Git(folder).run("merge-tree", "--write-tree", one, other, check=False)
    return done.stdout.split()[0] if done.code == 0 else None


def squash(folder: Path, head: str, base: str, text: str, identity: Mapping[str, str]) -> str:
    """Put what a commit changes on a branch as one commit of its own; gives that commit.

    Raises:
        ToolError: it conflicts, the branch is checked out in a work tree there, or it moved meanwhile.
    """
    git = Git(folder)
    tip = heads(folder).get(base)
    if tip is None:
        raise ToolError(f"there is no branch {base} to merge into")
    bare = git.run("rev-parse", "--is-bare-repository").stdout.strip() == "true"
    if not bare and git.branch() == base:
        raise ToolError(
            f"{base} is checked out beside {folder}, so nothing is merged into it behind your back",
            f"merge it there: `git merge --squash {head[:10]}`, then commit",
        )
    tree = merged(folder, tip, head)
    if tree is None:
        raise ToolError(f"{head[:10]} does not merge into {base}: it conflicts", "build it anew on the base")
    made = git.run("commit-tree", tree, "-p", tip, stdin=text.encode(), env=identity).stdout.strip()
    git.run("update-ref", f"refs/heads/{base}", made, tip)
    return made
