"""Annotated tags in GTO's format, made and pushed; one that is there is never moved."""

from __future__ import annotations

from collections.abc import Sequence

from mlops_ci.adapters import git_push
from mlops_ci.adapters.git import BOT_EMAIL, Git
from mlops_ci.errors import ToolError
from mlops_ci.promotion.registry import GitTag


def sync(
    git: Git, tags: Sequence[GitTag], *, dry_run: bool = False
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Make the missing tags and push what the remote lacks; gives those, and a note for each left out.

    The same history gives the same tag objects, dates included, so that two clones never differ.

    Raises:
        ToolError: the remote cannot be reached, or refuses.
    """
    here = set(git.run("for-each-ref", "--format=%(refname:strip=2)", "refs/tags").stdout.split())
    known = [one for one in tags if one.name in here or git.resolve(one.commit)]
    notes = tuple(
        f"no tag {one.name}: this clone does not have the commit {one.commit[:10]}"
        for one in tags
        if one not in known
    )
    there = _of_remote(git) if git.remote() else here
    new = [one for one in known if one.name not in there]
    if dry_run:
        return tuple(one.name for one in new), notes
    for one in new:
        if one.name not in here:
            _make(git, one)
    if new and git.remote():
        _push(git, [one.name for one in new])
    return tuple(one.name for one in new), notes


def _make(git: Git, tag: GitTag) -> None:
    who = {
        "GIT_COMMITTER_NAME": "mlops-ci",
        "GIT_COMMITTER_EMAIL": BOT_EMAIL,
        "GIT_COMMITTER_DATE": tag.when.isoformat(),
    }
    git.run(
        "tag",
        "--annotate",
        "--no-sign",
        "--file=-",
        tag.name,
        tag.commit,
        env=who,
        stdin=tag.message.encode(),
    )


def _of_remote(git: Git) -> set[str]:
    done = git.remotely(
        "ls-remote", "--quiet", "--tags", "--refs", git.remote(), push=True, timeout=git_push.PATIENCE
    )
    if done.code != 0:
        raise _refused(git, done.stderr)
    return {line.partition("refs/tags/")[2] for line in done.stdout.splitlines()}


def _push(git: Git, names: Sequence[str]) -> None:
    refs = [f"refs/tags/{name}:refs/tags/{name}" for name in names]
    done = git.remotely(
        "push", "--quiet", "--no-verify", git.remote(), *refs, push=True, timeout=git_push.PATIENCE
    )
    if done.code != 0:
        raise _refused(git, done.stderr)


def _refused(git: Git, said: str) -> ToolError:
    return ToolError(
        git_push.refusal(git, "tags", said).message,
        "give the token `contents: write`, or set promotion.registry.tags: false",
    )
