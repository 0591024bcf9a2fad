"""The model's pipeline run again from scratch in a clean clone, compared with what this run recorded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from math import fsum
from typing import cast

from mlops_ci.adapters.dvc import FromScratch
from mlops_ci.collect import models, running, values
from mlops_ci.collect.context import Context
from mlops_ci.collect.values import UnreadableError
from mlops_ci.errors import MlopsError
from mlops_ci.evidence import Reproduction, Rerun, RerunMetric, StageRun
from mlops_ci.gates.reproducibility import Options
from mlops_ci.pipeline import Stage, producer_of, upstream


def measure(context: Context) -> Reproduction | None:
    """Every output's hash and every metric of a second run, made from the commit and its raw inputs alone.

    None where the gate's key ``run`` is off. Models that share stages share one second run. Trouble of the
    second run, a failing stage among it, is the Reproduction's ``problem``.
    """
    if cast(Options, context.options("reproducibility")).run == "off":
        return None
    commit = context.project.revisions.candidate
    own = frozenset(context.found.stages)
    if reason := _hindrance(context, own):
        return Reproduction(commit=commit, problem=reason)
    if named := _workspace_path(context, own):
        place, stage = named
        said = f"{place} names this workspace by its absolute path, which is no part of the commit"
        return Reproduction(commit=commit, failed=stage, problem=said)
    settings = running.settings(context.project.own)
    try:
        again = context.project.dvc.from_scratch(commit, own | _others(context), settings=settings)
    except MlopsError as error:
        return Reproduction(commit=commit, problem=error.message)
    return _compared(context, again, own)


def _hindrance(context: Context, own: frozenset[str]) -> str:
    """Why nothing can be run again, or an empty text."""
    if not own:
        return "no stage of the pipeline makes the model"
    if context.project.dirty:
        return "the work tree had changes that are not committed, so no commit is what was measured"
    if broken := sorted(own & context.sources.head.broken):
        return f"the stage {broken[0]} did not finish the first time"
    return ""


def _others(context: Context) -> frozenset[str]:
    """The stages of the other changed models that are run again too, so that one second run is enough."""
    project, sources = context.project, context.sources
    found = project.models(sources.head.graph, sources.base.graph if sources.base else None)
    stages: set[str] = set()
    for model in found:
        options = cast(Options, project.policy.gate_options("reproducibility", model.name))
        if model.name != context.model.name and options.run != "off":
            outline = models.outline(model, sources, alone=False)
            stages.update(outline.stages if outline.changed else ())
    return frozenset(stages)


# ---- what a clean clone cannot show ------------------------------------------------------------


def _workspace_path(context: Context, own: frozenset[str]) -> tuple[str, str] | None:
    """The first place (``file:line``) in declared code that names the workspace itself, and its stage.

    Such a path leads out of the clone to the very files that it must do without.
    """
    git, graph = context.project.git, context.sources.head.graph
    for name in sorted(own):
        stage = graph.by_name[name]
        files = [stage.dvcfile, *stage.params, *(dep.path for dep in stage.deps)]
        roots = {str(git.root), str(git.root.resolve())}
        words = [word for root in sorted(roots) for word in ("-e", f"{root}/")]
        places = [f":(top,literal){file}" for file in dict.fromkeys(files) if not _is_outside(file)]
        commit = context.project.revisions.candidate
        done = git.run("grep", "-n", "-I", "-F", *words, commit, "--", *places, check=False)
        if done.stdout:
            _, file, line = done.stdout.splitlines()[0].split(":", 3)[:3]
            return f"{file}:{line}", name
    return None


def _is_outside(file: str) -> bool:
    return file.startswith(("/", "../")) or "://" in file


# ---- the second run against the first ----------------------------------------------------------


def _compared(context: Context, again: FromScratch, own: frozenset[str]) -> Reproduction:
    graph = context.sources.head.graph
    needed = own.union(upstream(graph, own))
    runs = [run for run in again.runs if run.name in needed]
    found = Reproduction(commit=again.commit, seconds=round(fsum(run.seconds or 0.0 for run in runs), 3))
    failed = next((run for run in runs if run.status == "failed"), None)
    if failed is not None:
        said = {"failed": failed.name, "problem": failure(failed, again)}
        return found.model_copy(update=said)
    ran = [graph.by_name[run.name] for run in runs if run.status == "ran" and run.name in graph.by_name]
    if not ran:
        return found.model_copy(update={"problem": "none of the model's stages can be run: they are frozen"})
    compared = {
        "outputs": tuple(outputs(ran, again)),
        "metrics": tuple(_metrics(context, again, ran)),
        "kept": _kept(context, {stage.name for stage in ran}),
    }
    return found.model_copy(update=compared)


def _kept(context: Context, ran: set[str]) -> tuple[str, ...]:
    """The stages that write the model, its predictions or its metrics and did not run again."""
    graph, found = context.sources.head.graph, context.found
    own = frozenset(found.stages)
    made = {file for file in graph.metrics if (maker := producer_of(graph, file)) and maker.name in own}
    paths = {*models.prediction_files(context.model, graph, own), *made, *filter(None, (found.path,))}
    makers = (producer_of(graph, path) for path in paths)
    return tuple(sorted({maker.name for maker in makers if maker} - ran))


def failure(run: StageRun, again: FromScratch) -> str:
    """Why a stage of the second run failed, without the clone's folder."""
    last = f"; the last line of its log: {run.tail[-1]}" if run.tail else ""
    said = f"the stage {run.name} failed: {run.error}{last}"
    return said.replace(f"{again.top}/", "").replace(again.top, ".")


def outputs(ran: Iterable[Stage], again: FromScratch) -> Iterator[Rerun]:
    """The outputs of stages that ran again, each with both hashes."""
    for stage in ran:
        for out in stage.outs:
            now = again.graph.recorded.get(out.path)
            yield Rerun(path=out.path, stage=stage.name, recorded=out.recorded or "", again=now or "")


def _metrics(context: Context, again: FromScratch, ran: Iterable[Stage]) -> Iterator[RerunMetric]:
    """The model's metrics, both times as the stages wrote them: without the trainings of other seeds."""
    names = {stage.name for stage in ran}
    graph = context.sources.head.graph
    made = {file for file in graph.metrics if (maker := producer_of(graph, file)) and maker.name in names}
    second = {file: numbers(again.files.get(file), file) for file in made}
    for metric in context.found.metrics:
        files = sorted(file for file in made if file == metric.file or fnmatchcase(file, metric.file))
        first = _mean([_first(context, file).get(metric.name) for file in files])
        repeated = _mean([second[file].get(metric.name) for file in files])
        if first is not None or repeated is not None:
            yield RerunMetric(name=metric.name, file=metric.file, first=first, again=repeated)


def _first(context: Context, file: str) -> dict[str, float]:
    found = context.sources.reader.values(context.sources.head, file)
    return {} if isinstance(found, str) else found.numbers


def numbers(raw: bytes | None, file: str) -> dict[str, float]:
    """The numbers of a metrics file; none where the second run wrote none, or nothing that can be read."""
    try:
        return {} if raw is None else values.parse(raw, file).numbers
    except UnreadableError:
        return {}


def _mean(found: list[float | None]) -> float | None:
    """The mean over the files of a matrix; None where one of them lacks the number."""
    known = [value for value in found if value is not None]
    return fsum(known) / len(known) if known and len(known) == len(found) else None
