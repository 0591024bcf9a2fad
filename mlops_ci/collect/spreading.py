"""Whether a run is spread over several runners: by its plan, how long stages took, and what they need."""

from __future__ import annotations

from collections.abc import Collection

from mlops_ci import pipeline
from mlops_ci.adapters.store import Store
from mlops_ci.collect import running, timing
from mlops_ci.collect.handing import base_of
from mlops_ci.collect.project import Project
from mlops_ci.errors import ConfigError
from mlops_ci.handover import FanOut
from mlops_ci.pipeline import Fan, Machine

NO_REMOTE = "there is no DVC remote, by which jobs could hand on what they wrote"
HINT = "add one with `dvc remote add -d`, or take `resources: {runner: ...}` out of mlops-ci.yaml"


def spread(
    project: Project, store: Store, *, runners: int, overhead: float, usual: Collection[str], kept: str = ""
) -> FanOut:
    """How the run of the checked-out commit is spread over ``runners`` at once.

    ``overhead`` is what a job costs beside its stages (seconds), ``usual`` the labels of the machine that
    jobs without a label get. ``kept`` says why nothing is to be spread, where there is a reason.

    Raises:
        ConfigError: a stage needs another runner, which cannot be had so.
    """
    dvc = project.dvc
    plan, settings = dvc.plan(), running.settings(project.own)
    moving = tuple(step.stage for step in plan.having("run", "maybe"))
    wants = {name: settings.execution(name).resources for name in moving}
    labels = {name: one.runner for name, one in wants.items() if one.runner and one.runner not in usual}
    if not kept and not dvc.store.has_remote():
        if labels:
            raise ConfigError(f"{next(iter(labels))} needs another runner, and {NO_REMOTE}", HINT)
        kept = NO_REMOTE
    if kept:
        found = Fan(rest=moving, why=kept)
    else:
        found = pipeline.fan(
            dvc.graph(),
            plan,
            timing.durations(project, store),
            labels,
            runners=runners,
            overhead=overhead,
            machine=Machine(settings.capacity, wants),
        )
    commit = project.git.head()
    return FanOut.of(found, commit, base_of(dvc, project.git, commit))
