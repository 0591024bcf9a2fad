"""Evidence of what main offers against what is live: its differences have intervals against the champion."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from mlops_ci.adapters.dvc import lock_digest
from mlops_ci.adapters.store import Store
from mlops_ci.collect import measuring
from mlops_ci.collect.locking import Outside
from mlops_ci.collect.models import UNREAD, path_at
from mlops_ci.collect.project import Project
from mlops_ci.errors import ConfigError, MlopsError
from mlops_ci.evidence import Evidence, Revision
from mlops_ci.evidence.bounded import bounded
from mlops_ci.session import Session

INDEX = "champions"


@dataclass(frozen=True)
class Compared:
    """Evidence against a live release; None where there can be none, and ``reason`` says why."""

    evidence: Evidence | None = None
    reason: str = ""


def compared(session: Session, model: str, commit: str, *, environment: str = "") -> Compared:
    """Measure the checked-out candidate against the commit of the release that is live.

    Judged by today's rules of the base branch like any evidence (``session.judge``), its findings are what
    a promotion shows. What was measured before is taken from the store: the run of main itself where the
    live model is its base, or an earlier comparison. Nothing of the pipeline runs: the candidate's dvc.lock
    has to be current, and nothing is committed.

    ``model`` is whose evidence is wanted: a new document holds it alone, a stored one may hold others.
    ``commit`` is the live release's, in this repository; a shallow clone fetches it. ``environment`` is where
    it is live, for the report.

    Raises:
        ToolError: the remote failed in a way that leaves nothing to measure.
        ConfigError: the pipeline or its parameters cannot be read at head.
    """
    project = session.project
    if stale := project.dvc.plan().having("run"):
        return Compared(reason=f"dvc.lock is not current: {stale[0].stage} has to run")
    try:
        live = _hash_at(project, model, commit)
    except MlopsError as error:
        return Compared(reason=f"the live release's commit {commit[:10]} cannot be read: {error.message}")
    if live is None:
        return Compared(reason=f"the live release's commit {commit[:10]} has no {model}")
    stores = (session.store, replace(session.store, index=INDEX))
    if found := _stored(session, stores, model, live):
        return Compared(session.accepted(found))
    measured = _measured(session, model, commit, environment)
    if reason := _lost(measured, model):
        return Compared(reason=reason)
    if not session.dry_run and (note := stores[-1].write(measured)):
        session.terminal.say(f"note: {note}")
    return Compared(measured)


def _hash_at(project: Project, model: str, commit: str) -> str | None:
    """What DVC calls the model's bytes at a commit, which a shallow clone fetches; None where it has none.

    Raises:
        MlopsError: the commit is nowhere, or its pipeline cannot be read.
    """
    git = project.git
    if git.resolve(commit) is None and not (git.remote() and git.fetch(commit, depth=1)):
        raise ConfigError("neither this clone nor its remote has it any more")
    graph = project.dvc.graph(commit)
    named = [one for one in project.models(project.dvc.graph(), graph) if one.name == model]
    return next((found for one in named if (found := graph.recorded.get(path_at(one, graph)))), None)


def _stored(session: Session, stores: Iterable[Store], model: str, live: str) -> Evidence | None:
    """What was measured before on this dvc.lock, against the very bytes that are live."""
    digest = lock_digest(session.project.dvc.lock_files())

    def fits(document: Evidence) -> bool:
        bases = [one.base_digest for one in document.models if one.name == model]
        # Somebody's work tree is no commit, though its dvc.lock became one.
        return bases == [live] and not document.repository.dirty and not _lost(document, model)

    return next((found for store in stores if (found := store.find(digest, fits))), None)


def _measured(session: Session, model: str, commit: str, environment: str) -> Evidence:
    """The candidate with the live release's commit as its base, by the rules of today."""
    project = session.project
    # What is wrong with main's own base says nothing of this one.
    notes = tuple(note for note in project.notes if note not in project.revisions.notes)
    how = f"the live release of {environment}" if environment else "the live release"
    revisions = replace(project.revisions, metrics=Revision(commit=commit, how=how), notes=())
    against = replace(project, revisions=revisions, notes=notes, edits=())
    with session.terminal.step(f"Comparing {model} with {how}"):
        found = measuring.measure(
            against,
            session.store,
            Outside(may_write=False),
            only=model,
            timeout=project.policy.timeout.total_seconds(),
        )
    return bounded(session.accepted(found))


def _lost(document: Evidence, model: str) -> str:
    """Why the live release's numbers are not to be had any more; empty where they are."""
    for found in (one for one in document.models if one.name == model):
        predictions = found.predictions
        if predictions and predictions.base_rows is None and predictions.reason.startswith(UNREAD):
            reason = predictions.reason.removeprefix(f"{UNREAD} ").removeprefix(f"{predictions.path} ")
            return f"the live release cannot be measured again: {predictions.path}: {reason}"
        if found.changed and found.metrics and all(one.base is None for one in found.metrics):
            return "the live release cannot be measured again: none of its metrics can be read"
    return ""
