"""How long stages take: what the base's run measured, what the cache saved, and how this run went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum

from mlops_ci import evidence
from mlops_ci.adapters.dvc import lock_digest
from mlops_ci.adapters.store import Store
from mlops_ci.collect.project import Project
from mlops_ci.errors import MlopsError
from mlops_ci.evidence import Evidence, Pace, StageRun
from mlops_ci.pipeline import Plan


def durations(project: Project, store: Store) -> Mapping[str, float]:
    """Stage name -> seconds that its command took when it last ran: here, else by the base's evidence.

    Empty where nothing is known: an unreachable remote is reported where it matters.
    """
    return {**_at_base(project, store), **_here(project)}


def _at_base(project: Project, store: Store) -> Mapping[str, float]:
    base = project.revisions.metrics
    if base is None:
        return {}
    try:
        earlier = store.find(lock_digest(project.dvc.lock_files(base.commit)))
    except MlopsError:
        # A figure for order and the reader's pleasure: no run waits for it.
        return {}
    return {} if earlier is None else took(earlier)


def _here(project: Project) -> Mapping[str, float]:
    """By what this clone measured last."""
    written = project.output / "evidence.json"
    try:
        return took(evidence.read(written.read_bytes(), str(written)))
    except (OSError, MlopsError):
        return {}


def took(earlier: Evidence) -> Mapping[str, float]:
    """Stage name -> seconds that its command took, as an earlier document tells it."""
    known = {run.name: run.seconds if run.status == "ran" else run.saved for run in earlier.stages}
    return {name: seconds for name, seconds in known.items() if seconds is not None}


def expected(plan: Plan, seconds: Mapping[str, float]) -> Mapping[str, float]:
    """Stage name -> seconds that it should take now: 0 where it has nothing to do; without those unknown."""
    found = {step.stage: 0.0 for step in plan.steps}
    for step in plan.having("run", "maybe"):
        del found[step.stage]
        if step.stage in seconds:
            found[step.stage] = seconds[step.stage]
    return found


def with_savings(runs: Sequence[StageRun], seconds: Mapping[str, float]) -> tuple[StageRun, ...]:
    """The runs, those that the cache spared with how long they took when they last ran."""
    return tuple(
        run.model_copy(update={"saved": seconds.get(run.name)})
        if run.status in ("cached", "restored")
        else run
        for run in runs
    )


def pace(
    runs: Sequence[StageRun], *, jobs: float, wall: float, pulled: int = 0, pushed: int = 0
) -> Pace | None:
    """How the run went on this machine, None where no command ran.

    ``jobs`` is how many CPUs there were to share, ``wall`` how long it took as a whole (seconds), ``pulled``
    and ``pushed`` what went from and to the DVC remote (bytes).
    """
    spent = [run.seconds or 0.0 for run in runs if run.status in ("ran", "failed")]
    if not spent and not pulled and not pushed:
        return None
    return Pace(
        jobs=max(1, int(jobs)),
        wall=round(wall, 3),
        work=round(fsum(spent), 3),
        pulled=pulled,
        pushed=pushed,
    )
