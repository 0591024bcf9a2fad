"""Branches of the remote that we write: where they are, and whether anybody else has touched them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mlops_ci.adapters import git_batch, git_commit, git_push, process
from mlops_ci.adapters.git import Git
from mlops_ci.errors import ToolError

_LOST = re.compile(r"not our ref|unadvertised object|couldn't find remote ref")


@dataclass(frozen=True)
class Tip:
    """The newest commit of a branch; ``person`` made it, empty where it is ours as we wrote it."""

    commit: str
    person: str = ""


def heads(git: Git, *patterns: str) -> dict[str, str]:
    """The remote's branches that fit a pattern (``*`` takes slashes too) -> their commits, by one request.

    Raises:
        ToolError: the remote cannot be reached.
    """
    wanted = [f"refs/heads/{pattern}" for pattern in patterns]
    done = git.remotely(
        "ls-remote", "--quiet", git_push.remote(git), *wanted, push=True, timeout=git_push.PATIENCE
    )
    if done.code != 0:
        raise _trouble("the branches of the remote cannot be listed", done)
    lines = (line.split("\t", 1) for line in done.stdout.splitlines())
    # A pattern is taken for the end of a name.
    return {ref.removeprefix("refs/heads/"): sha for sha, ref in lines if ref.startswith("refs/heads/")}


def tips(git: Git, branches: Mapping[str, str]) -> dict[str, Tip]:
    """Whether the newest commits of branches are ours, untouched; those that this clone lacks are fetched.

    Ours: made by `git_commit.commit_files`, its tree the one that it names. The commits below it are not
    looked at: nobody can put one there without making ours anew, and a base may have been rewritten.

    Raises:
        ToolError: the remote cannot be reached.
    """
    known = git_batch.commits(git, branches.values())
    if missing := {name: sha for name, sha in branches.items() if sha not in known}:
        _fetch(git, missing.values())
        known |= git_batch.commits(git, missing.values())
    return {name: Tip(sha, _person(known.get(sha))) for name, sha in branches.items()}


def _person(commit: git_batch.Commit | None) -> str:
    if commit is None:
        return "somebody"
    if git_commit.is_ours(commit):
        return ""
    # A commit of ours that was amended names us as its author still.
    names = [commit.author, commit.committer]
    return next((name for name in names if name not in ("", git_commit.BOT, "GitHub")), "somebody")


def _fetch(git: Git, shas: Iterable[str]) -> None:
    # In a whole clone a fetch of limited depth would make it a shallow one.
    depth = ["--depth=1"] if git.is_shallow() else []
    done = git.remotely(
        *("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", *depth, git_push.remote(git), *shas),
        push=True,
        timeout=git_push.PATIENCE,
    )
    # A branch that moved meanwhile has lost its commit. Any other failure says nothing of who made it.
    if done.code != 0 and not _LOST.search(done.stderr):
        raise _trouble("branches of the remote cannot be fetched", done)


def _trouble(what: str, done: process.Result) -> ToolError:
    said = process.clean(done.stderr)
    return ToolError(
        f"{what}: {said[-1].strip() if said else 'no message'}", "check the remote and its credentials"
    )
