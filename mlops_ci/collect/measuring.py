"""Measuring: the pipeline is run, read and compared; one Evidence document comes out."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from mlops_ci import __version__
from mlops_ci.adapters.store import Store
from mlops_ci.collect import changes, checks, live, locking, models, running, timing
from mlops_ci.collect.context import Context
from mlops_ci.collect.handing import Spread
from mlops_ci.collect.locking import Outside
from mlops_ci.collect.project import Project
from mlops_ci.collect.reading import Reader, Side, SideName
from mlops_ci.collect.repeats import Repeats, repeat, seed_param
from mlops_ci.collect.running import Watch, unwatched
from mlops_ci.config import Model
from mlops_ci.errors import MlopsError
from mlops_ci.evidence import (
    Environment,
    Evidence,
    FileChange,
    Lock,
    ModelEvidence,
    Pace,
    ParamChange,
    Problem,
    Repository,
    StageRun,
    Where,
)
from mlops_ci.pipeline import Plan

_PACKAGES = "dvc numpy pandas scipy scikit-learn mlflow torch tensorflow xgboost lightgbm"
PACKAGES = tuple(_PACKAGES.split())


@dataclass
class Clock:
    """Wall seconds per phase of the run."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count the block's time under a name."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - begun, 3)


@dataclass(frozen=True)
class Candidate:
    """The pipeline after its run: what had to run, what ran, both graphs; ``only``: the one model wanted.

    ``jobs`` is how many CPUs the stages shared, ``joined`` what other jobs ran of it.
    """

    plan: Plan
    runs: tuple[StageRun, ...]
    lock: Lock
    head: Side
    base: Side | None
    problems: tuple[Problem, ...]
    only: str = ""
    jobs: float = 1.0
    joined: Spread | None = None


def measure(
    project: Project,
    store: Store,
    outside: Outside,
    *,
    only: str = "",
    timeout: float | None = None,
    jobs: float | None = None,
    watch: Watch = unwatched,
    logs: Path | None = None,
    joined: Spread | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Evidence:
    """Run what must run, compare it with the base, and put everything measured into one document.

    A failing stage, an unreadable metric or a base that cannot be read is evidence too, not an error.
    ``only`` is the name of the one model to compare; empty: all. ``jobs`` is how many CPUs the stages share,
    by default the machine's; ``watch`` shows them while they run, ``logs`` is the folder for what they print.
    ``joined`` is what other jobs ran of it: that is taken in, and only the rest is run here.

    Raises:
        ConfigError: the pipeline or its parameters cannot be read at head.
        ToolError: DVC or its remote failed in a way that leaves nothing to judge.
    """
    clock = Clock()
    # The moment it began: of two runs at once the one for the newer commit began later.
    moment = now()
    with clock.phase("plan"):
        base, problems = _base(project)
        # A model that no dvc.yaml declares is said before anything runs.
        graph = project.dvc.graph()
        project.models(graph, base.graph if base else None)
        plan = project.dvc.plan()
        seconds = timing.durations(project, store)
    with clock.phase("run"):
        with watch(graph, timing.expected(plan, seconds)) as on_event:
            settings = running.settings(
                project.own, jobs=jobs, timeout=timeout, seconds=seconds, on_event=on_event, logs=logs
            )
            runs = joined.run(project.dvc, plan, settings) if joined else project.dvc.run(settings=settings)
        if project.policy.lock != "verify":
            # What was verified must stay as the author committed it; elsewhere the run brings it up to date.
            cached = [run.name for run in runs if run.status == "cached"]
            project.dvc.restamp(plan.to_restamp(cached))
    with clock.phase("lock"):
        runs = timing.with_savings(runs, seconds)
        lock = locking.describe(project, plan, runs, outside)
    broken = frozenset(run.name for run in runs if run.status in ("failed", "blocked"))
    head = Side("head", None, project.dvc.graph(), broken)
    candidate = Candidate(
        plan, runs, lock, head, base, problems, only, jobs=settings.capacity.cpu, joined=joined
    )
    return _document(project, candidate, clock, moment)


def _base(project: Project) -> tuple[Side | None, tuple[Problem, ...]]:
    """The base's graph; where it cannot be read, why."""
    found = project.revisions.metrics
    if found is None:
        return None, ()
    try:
        return Side("base", found.commit, project.dvc.graph(found.commit)), ()
    except MlopsError as error:
        problem = Problem(
            where=Where(file="dvc.yaml"), revision="base", message=error.message, hint=error.hint
        )
        return None, (problem,)


def _document(project: Project, candidate: Candidate, clock: Clock, moment: datetime) -> Evidence:
    reader = Reader(project.dvc)
    with clock.phase("changes"):
        params, files = _changes(project, candidate)
    changed = _changed_stages(candidate, params, files)
    measured = tuple(_models(project, candidate, reader, changed, clock))
    return Evidence(
        created=moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        tool=f"mlops-ci {__version__}",
        repository=Repository(
            name=project.name,
            commit=project.revisions.head,
            branch=project.revisions.branch,
            pull_request=project.revisions.pull_request,
            dirty=project.dirty,
        ),
        base=project.base,
        lock=candidate.lock,
        stages=candidate.runs,
        params=params,
        files=files,
        models=measured,
        problems=(*candidate.problems, *reader.problems),
        policy_edits=project.edits,
        environment=_environment(),
        timings=dict(clock.seconds),
        pace=_pace(project, candidate, clock),
    )


def _pace(project: Project, candidate: Candidate, clock: Clock) -> Pace | None:
    """How the run went; what the comparison pulled is counted too."""
    pace = timing.pace(
        candidate.runs,
        jobs=candidate.jobs,
        wall=clock.seconds["run"],
        pulled=project.dvc.pulled,
        pushed=project.dvc.pushed,
    )
    return candidate.joined.pace(pace) if candidate.joined else pace


def _changes(
    project: Project, candidate: Candidate
) -> tuple[tuple[ParamChange, ...], tuple[FileChange, ...]]:
    if candidate.base is None or candidate.base.rev is None:
        return (), ()
    graph = candidate.head.graph
    texts = {
        file: text
        for file in {f for s in graph.stages for f in s.params} | {s.dvcfile for s in graph.stages}
        if (text := _read_text(project, file)) is not None
    }
    sides = changes.Sides(
        head=graph,
        base=candidate.base.graph,
        changed=project.git.changed_lines(candidate.base.rev),
        texts=texts,
        comment_only=frozenset(path for step in candidate.plan.steps for path in step.stamps),
    )
    return changes.params(sides), changes.files(sides)


def _read_text(project: Project, file: str) -> str | None:
    path = project.git.root / file
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None


def _changed_stages(
    candidate: Candidate, params: tuple[ParamChange, ...], files: tuple[FileChange, ...]
) -> frozenset[str]:
    """Stages that something feeds which differs from the base, and those that had to run."""
    fed = {name for change in params for name in change.feeds}
    fed |= {name for change in files if not change.comment_only for name in change.feeds}
    return frozenset(fed | {run.name for run in candidate.runs if run.status != "cached"})


def _models(
    project: Project, candidate: Candidate, reader: Reader, changed: frozenset[str], clock: Clock
) -> Iterator[ModelEvidence]:
    found = project.models(candidate.head.graph, candidate.base.graph if candidate.base else None)
    for model in (one for one in found if candidate.only in ("", one.name)):
        sources = models.Sources(reader, candidate.head, candidate.base, changed)
        with clock.phase("compare"):
            sources, compared = _compared(project, model, sources, alone=len(found) == 1)
        if compared.changed:
            context = Context(project, model, sources, compared)
            compared = checks.measure(context, clock.phase)
            compared, problems = live.told(project, compared, live.table_of(project, model))
            reader.problems += problems
        yield compared


def _compared(
    project: Project, model: Model, sources: models.Sources, *, alone: bool
) -> tuple[models.Sources, ModelEvidence]:
    """A model against its base; where it changed and seeds are asked for, after training with them."""
    outline = models.outline(model, sources, alone=alone)
    if not outline.changed:
        return sources, outline
    if model.seeds and not sources.head.broken:
        sources = _repeated(project, model, sources)
        outline = models.outline(model, sources, alone=alone)
    return sources, models.compare(outline, model, sources)


def _repeated(project: Project, model: Model, sources: models.Sources) -> models.Sources:
    """Train a changed model with more seeds, on both sides."""
    written: dict[SideName, Mapping[str, tuple[bytes, ...]]] = {}
    count = model.seeds.count if model.seeds else 1
    for side in (side for side in (sources.head, sources.base) if side):
        param = seed_param(model, side.graph)
        files = models.seeded_files(model, side.graph)
        written[side.name] = repeat(project.dvc, side.rev, param, count, files)
    return replace(sources, repeats=Repeats(written))


def _environment() -> Environment:
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return Environment(
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        cpu_count=os.cpu_count() or 1,
        packages=versions,
    )
