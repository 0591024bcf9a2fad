"""The lock closes the loop: what is judged is what main will hold, or the report says what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from mlops_ci import trailers
from mlops_ci.adapters import git_push, merge_queue, revisions
from mlops_ci.adapters.dvc import Dvc, lock_digest
from mlops_ci.adapters.revisions import Revisions
from mlops_ci.collect.project import Project
from mlops_ci.errors import MlopsError, ToolError
from mlops_ci.evidence import Lock, StageReason, StageRun
from mlops_ci.pipeline import Action, Graph, Plan

MAX_PATCH = 60_000
FORK = "A fork's run has a token that only reads, so `lock: commit` is `lock: report` here."


@dataclass(frozen=True)
class Outside:
    """What the run may do beyond its own workspace: only a CI job commits and pushes, never a dry run.

    ``from_fork``: the pull request is a fork's, whose run cannot push.
    """

    may_write: bool
    from_fork: bool = False

    @classmethod
    def of(cls, environ: Mapping[str, str], *, dry_run: bool, from_fork: bool = False) -> Outside:
        """A CI job that is no dry run may."""
        return cls(not dry_run and revisions.in_ci(environ), from_fork)


def describe(project: Project, plan: Plan, runs: Iterable[StageRun], outside: Outside) -> Lock:
    """The lock after the run: verified, committed, or proposed as a patch, by the base branch's rules."""
    digest = lock_digest(project.dvc.lock_files())
    committed = digest_at(project, project.revisions.candidate)
    base = project.revisions.metrics
    stale, comment_only = _reasons(plan, "run", "maybe"), _reasons(plan, "comment-only")
    if digest != committed and not (stale or comment_only):
        stale = _uncommitted(project)
    found = Lock(
        mode=project.policy.lock,
        digest=digest,
        committed=committed,
        base=digest_at(project, base.commit) if base else "",
        stale=stale,
        comment_only=comment_only,
    )
    failed = any(run.status in ("failed", "blocked") for run in runs)
    if found.mode == "commit" and outside.from_fork:
        found = found.model_copy(update={"mode": "report", "note": FORK if _written(project) else ""})
    if found.mode == "commit":
        return _committed(project, found, outside, failed=failed)
    if found.mode == "verify":
        return _verified(project, found)
    return found if failed else found.model_copy(update={"patch": _patch(project, _written(project))})


def files_to_commit(dvc: Dvc, graph: Graph, changed: Iterable[str]) -> tuple[str, ...]:
    """Of the changed files, those a run writes and Git keeps: locks, small outputs, .gitignore lines."""
    outs = [out for stage in graph.stages for out in stage.outs]
    kept = {out.path for out in outs if not out.cache} | set(dvc.lock_files())
    ignores = {str(PurePosixPath(out.path).parent / ".gitignore") for out in outs}
    return tuple(
        sorted(
            path
            for path in changed
            if path in kept or path in ignores or any(str(p) in kept for p in PurePosixPath(path).parents)
        )
    )


def _verified(project: Project, found: Lock) -> Lock:
    """Current and pushed: the remote is asked only where the lock is current."""
    if found.stale:
        return found.model_copy(update={"patch": _patch(project, _written(project))})
    try:
        missing = project.dvc.missing_in_remote()
    except ToolError as error:
        return found.model_copy(update={"note": f"the remote could not be asked: {error.message}"})
    if missing is None:
        return found.model_copy(update={"note": "no DVC remote is configured"})
    return found.model_copy(update={"pushed": not missing, "missing": missing[:50]})


def _committed(project: Project, found: Lock, outside: Outside, *, failed: bool) -> Lock:
    if failed:
        return found.model_copy(update={"note": "a stage failed, so nothing was committed"})
    paths = _written(project)
    if not paths:
        return found.model_copy(update={"pushed": True})
    reason = _why_not(project, found, outside)
    if not reason:
        try:
            return found.model_copy(update={"commit": _commit(project, found, paths), "pushed": True})
        except MlopsError as error:
            reason = f"{error.message}; {error.hint}" if error.hint else error.message
    return found.model_copy(update={"note": reason, "patch": _patch(project, paths)})


def _why_not(project: Project, found: Lock, outside: Outside) -> str:
    """Why the lock cannot be committed to the branch; empty where it can."""
    if not outside.may_write:
        return "outside CI nothing is committed or pushed"
    if reason := _no_branch(project.revisions):
        return reason
    if _is_behind(project):
        return f"{project.revisions.base_branch} moved on: bring the branch up to date with it first"
    if trailers.LOCK in trailers.read(project.git.message(project.revisions.head)):
        names = ", ".join(reason.stage for reason in found.stale) or "a stage"
        return f"the last commit is such a commit already and {names} changed again: it does not reproduce"
    return ""


def _no_branch(found: Revisions) -> str:
    """Why there is no branch to write to; empty where there is one."""
    if not found.branch:
        return "HEAD is detached and the runner does not name the branch"
    if merge_queue.queued(found.branch):
        return "a merge queue's branch is not written: bring the pull request's own up to date"
    if found.branch == found.base_branch:
        return f"{found.branch} is the base branch: only a pull request's branch is written"
    return ""


def _is_behind(project: Project) -> bool:
    """Whether a merge was measured whose base side the branch lacks: its lock would not fit the branch.

    On the branch it would name inputs the branch does not have, and conflict with the base's own lock.
    """
    found = project.revisions
    if found.candidate == found.head or found.metrics is None:
        return False
    git = project.git
    if git.merge_base(found.metrics.commit, found.head) == found.metrics.commit:
        return False
    locks = set(project.dvc.lock_files())
    changed = git.run("diff", "--name-only", "-z", found.head, found.candidate).stdout.split("\0")
    return bool(locks & set(changed))


def _commit(project: Project, found: Lock, paths: Iterable[str]) -> str:
    """Push the outputs first, so that no commit ever names bytes that the remote lacks."""
    project.dvc.push()
    stages = "\n".join(f"- {reason.stage}: {'; '.join(reason.reasons)}" for reason in found.stale)
    message = trailers.write(
        "Update dvc.lock to what was measured",
        stages,
        {trailers.LOCK: found.digest, trailers.MEASURED: project.revisions.candidate},
    )
    commit = project.git.commit_onto(project.revisions.head, paths, message)
    return git_push.push(project.git, commit, project.revisions.branch, expected=project.revisions.head)


def _written(project: Project) -> tuple[str, ...]:
    """What this run wrote and Git keeps."""
    return files_to_commit(project.dvc, project.dvc.graph(), project.git.changed_files())


def _patch(project: Project, paths: Iterable[str]) -> str:
    text = project.git.diff(paths)
    return text if len(text) <= MAX_PATCH else ""


def digest_at(project: Project, commit: str) -> str:
    """A commit's lock digest; empty where its pipeline cannot be read, which the report says elsewhere."""
    try:
        return lock_digest(project.dvc.lock_files(commit))
    except MlopsError:
        return ""


def _uncommitted(project: Project) -> tuple[StageReason, ...]:
    """Stages whose entry in the work tree's dvc.lock is not the commit's: somebody ran them, uncommitted."""
    before = project.dvc.graph(project.revisions.candidate).by_name
    return tuple(
        StageReason(stage=stage.name, reasons=("ran already, but dvc.lock is not committed",))
        for stage in project.dvc.graph().stages
        if stage.name not in before or stage.outs != before[stage.name].outs
    )


def _reasons(plan: Plan, *actions: Action) -> tuple[StageReason, ...]:
    return tuple(StageReason(stage=step.stage, reasons=step.reasons) for step in plan.having(*actions))
