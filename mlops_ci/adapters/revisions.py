"""Which commits a candidate is compared with and judged by, found in Git and deepened where needed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mlops_ci.adapters import merge_queue
from mlops_ci.adapters.git import MAX_DEEPEN, Git
from mlops_ci.errors import ConfigError, ToolError
from mlops_ci.evidence import Revision

_PULL = re.compile(r"^refs/pull/(\d+)/(merge|head)$", re.ASCII)


@dataclass(frozen=True)
class Revisions:
    """The candidate's commit, what its metrics are compared with, and whose rules judge it.

    ``head`` is the pull request's own tip where HEAD is the forge's merge commit.
    """

    candidate: str
    head: str
    branch: str
    base_branch: str
    pull_request: int | None
    metrics: Revision | None
    policy: Revision | None
    notes: tuple[str, ...] = ()


def find(git: Git, environ: Mapping[str, str], *, base: str = "") -> Revisions:
    """Name the revisions of this checkout.

    The base branch is ``base``, else what the runner says, else the remote's default.
    Metrics: the first parent of a pull request's merge ref, else the merge base; on the base branch
    itself, the commit before. Policy: the tip of the base branch.

    Raises:
        ConfigError: no commit yet, or the base is named but not known.
        ToolError: the remote cannot be reached while a shallow clone is deepened.
    """
    candidate = git.head()
    pull = _PULL.match(environ.get("GITHUB_REF", ""))
    branch = environ.get("GITHUB_HEAD_REF", "") or git.branch()
    named = base or told_base(environ)
    stale = _refreshed(git, named) if named and in_ci(environ) else ""
    base_branch, tip = _tip(git, named)
    parents = git.parents(candidate)
    merged = _is_forges_merge(git, environ, candidate, tip)
    metrics: Revision | None
    if merged:
        for parent in parents:
            _fetch_parent(git, parent)
        how = "first parent of the pull request's merge ref"
        metrics, note = Revision(commit=parents[0], ref="", how=how), ""
    else:
        metrics, note = _ancestor(git, candidate, tip, base_branch)
    return Revisions(
        candidate=candidate,
        head=parents[1] if merged else candidate,
        branch=branch,
        base_branch=base_branch,
        pull_request=int(pull.group(1)) if pull else None,
        metrics=metrics,
        policy=Revision(commit=tip, ref=base_branch, how=f"tip of {base_branch}") if tip else None,
        notes=tuple(filter(None, (note, stale))),
    )


def told_base(environ: Mapping[str, str]) -> str:
    """The base branch of the pull request or merge queue entry that the runner runs for; else empty.

    A branch that is only named like the queue's says nothing: whoever pushed it would choose their own rules.
    """
    if environ.get("GITHUB_EVENT_NAME") == "merge_group":
        entry = merge_queue.queued(environ.get("GITHUB_REF", ""))
        return entry.base if entry else ""
    return environ.get("GITHUB_BASE_REF", "")


def own_commit(git: Git, environ: Mapping[str, str]) -> str:
    """The commit that a run is about: the pull request's own tip where HEAD is the runner's merge commit.

    Raises:
        ConfigError: there is no commit yet.
    """
    candidate = git.head()
    return git.parents(candidate)[1] if _is_forges_merge(git, environ, candidate, None) else candidate


def default_tip(git: Git) -> str | None:
    """The newest known commit of the branch that pull requests usually go to."""
    return _tip(git, "")[1]


def default_branch(git: Git) -> str:
    """The branch that pull requests usually go to; empty where none is known."""
    return _tip(git, "")[0]


def _tip(git: Git, named: str) -> tuple[str, str | None]:
    """The base branch and its newest commit; an unnamed base that does not exist is no mistake."""
    remote = git.remote()
    for branch in [named] if named else _usual(git, remote):
        for ref in (f"refs/remotes/{remote}/{branch}" if remote else "", f"refs/heads/{branch}"):
            if ref and (tip := git.resolve(ref)):
                return branch, tip
        if named and remote and git.fetch(f"+refs/heads/{named}:refs/remotes/{remote}/{named}", depth=1):
            return named, git.resolve(f"refs/remotes/{remote}/{named}")
    if named and (commit := git.resolve(named)):
        return named, commit
    if named:
        raise ConfigError(
            f"the base {named!r} is not a branch or commit of this repository",
            "name an existing branch with --base, or fetch it first",
        )
    return "", None


def _usual(git: Git, remote: str) -> list[str]:
    """The branches a pull request usually goes to, the remote's own default first."""
    default = git.run("symbolic-ref", "--quiet", f"refs/remotes/{remote}/HEAD", check=False).stdout.strip()
    return [name for name in (default.removeprefix(f"refs/remotes/{remote}/"), "main", "master") if name]


def in_ci(environ: Mapping[str, str]) -> bool:
    """Whether this is a CI job: every hosted runner sets the variable ``CI``."""
    return environ.get("CI", "").lower() not in ("", "0", "false")


def _refreshed(git: Git, branch: str) -> str:
    """Bring the base branch up to date: old rules must not judge in a clone that is kept between jobs."""
    remote = git.remote()
    if not remote:
        return ""
    tracking = f"refs/remotes/{remote}/{branch}"
    known = git.resolve(tracking) is not None
    try:
        # A depth would cut off history that this clone already has.
        git.fetch(f"+refs/heads/{branch}:{tracking}", depth=None if known or not git.is_shallow() else 1)
    except ToolError as error:
        if not known:
            raise
        return f"{branch} could not be fetched, so the rules are those this clone knows: {error.message}"
    return ""


def _is_forges_merge(git: Git, environ: Mapping[str, str], candidate: str, tip: str | None) -> bool:
    """Whether the checked-out merge is the forge's own and not one that the author made on the branch.

    The runner names the commit it was started for; without that, the first parent must be of the base.
    """
    pull = _PULL.match(environ.get("GITHUB_REF", ""))
    parents = git.parents(candidate)
    if pull is None or pull.group(2) != "merge" or len(parents) != 2:
        return False
    if started_for := environ.get("GITHUB_SHA", ""):
        return started_for == candidate
    return tip is not None and (parents[0] == tip or git.merge_base(parents[0], tip) == parents[0])


def _fetch_parent(git: Git, parent: str) -> None:
    """A parent of the forge's merge commit, fetched alone where the clone was cut before it."""
    if git.resolve(parent) is None and not git.fetch(parent, depth=1):
        raise ConfigError(
            f"the merge commit's parent {parent[:10]} is neither in this shallow clone nor on the remote",
            "check out with fetch-depth: 2 or more",
        )


def _ancestor(git: Git, candidate: str, tip: str | None, base_branch: str) -> tuple[Revision | None, str]:
    """What a branch started from, or why there is nothing to compare with."""
    if tip is None:
        return None, "no base branch was found, so there is nothing to compare with"
    common = _merge_base(git, candidate, tip, base_branch)
    if common is None:
        return None, f"this branch shares no history with {base_branch}: there is nothing to compare with"
    if common != candidate:
        return Revision(commit=common, ref=base_branch, how=f"merge base with {base_branch}"), ""
    if git.is_dirty() or git.branch() not in ("", base_branch):
        return Revision(commit=candidate, ref=base_branch, how="the last commit"), ""
    return _commit_before(git, candidate, base_branch)


def _commit_before(git: Git, candidate: str, base_branch: str) -> tuple[Revision | None, str]:
    parents = git.parents(candidate)
    if not parents:
        return None, "this is the first commit, so there is nothing to compare with"
    if git.resolve(parents[0]) is None:
        git.fetch(candidate, depth=2)
    if git.resolve(parents[0]) is None:
        return None, "the commit before this one is not in this shallow clone: nothing to compare with"
    return Revision(commit=parents[0], ref=base_branch, how=f"the commit before it on {base_branch}"), ""


def _merge_base(git: Git, candidate: str, tip: str, base_branch: str) -> str | None:
    """The merge base; a shallow clone is deepened step by step until both sides meet."""
    common = git.merge_base(candidate, tip)
    step = 16
    while common is None and git.remote() and git.is_shallow() and step <= MAX_DEEPEN:
        theirs = f"+refs/heads/{base_branch}:refs/remotes/{git.remote()}/{base_branch}"
        if not git.fetch(theirs, candidate, deepen=step):
            git.fetch(theirs, git.branch() or "HEAD", deepen=step)
        common = git.merge_base(candidate, tip)
        step *= 2
    return common
