"""One model's evidence: its metrics on both sides, its predictions compared, its plots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from itertools import takewhile
from pathlib import PurePosixPath
from statistics import fmean
from typing import TYPE_CHECKING

from mlops_ci import pipeline
from mlops_ci.adapters import tables
from mlops_ci.collect import plots
from mlops_ci.collect.reading import Reader, Side
from mlops_ci.collect.repeats import Repeats
from mlops_ci.comparing import predictions, scores
from mlops_ci.config import Model
from mlops_ci.errors import ConfigError
from mlops_ci.evidence import Metric, ModelEvidence, Plot, Predictions
from mlops_ci.pipeline import Graph, Out, PlotSpec, Stage
from mlops_ci.profiles.privacy import Privacy

if TYPE_CHECKING:
    import pandas as pd

MAX_PLOTS = 12
UNREAD = "the base's"  # begins the reason why predictions that the base has could not be read


@dataclass(frozen=True)
class Sources:
    """Where a model's numbers come from: both sides and, for ``seeds: N``, the repeated trainings.

    ``changed`` are the stages that something feeds which differs from the base.
    """

    reader: Reader
    head: Side
    base: Side | None
    changed: frozenset[str]
    repeats: Repeats = field(default_factory=Repeats)


def outline(model: Model, sources: Sources, *, alone: bool) -> ModelEvidence:
    """A model's identity, stages and metrics. ``alone``: there is no other, so every metric is its own."""
    head = sources.head
    path = path_at(model, head.graph)
    stage = pipeline.producer_of(head.graph, path) if path else None
    stages = _stages(head.graph, stage)
    out, before = _out(head.graph, path), _base_out(model, sources)
    own = stages or _fallback(model, head.graph)
    metrics = tuple(_metrics(model, sources, stages, alone=alone))
    return ModelEvidence(
        name=model.name,
        path=path,
        dvcfile=model.dvcfile,
        stage=stage.name if stage else "",
        digest=out.recorded if out else None,
        base_digest=before.recorded if before else None,
        size=out.size if out else None,
        changed=bool(own & (sources.changed | head.broken)) or _differs(model, sources, own, metrics),
        stages=tuple(sorted(own)),
        metrics=metrics,
    )


def compare(found: ModelEvidence, model: Model, sources: Sources) -> ModelEvidence:
    """The outline with plots and, where predictions exist, intervals, floors and slices."""
    own = frozenset(found.stages)
    drawn = found.model_copy(update={"plots": tuple(_plots(model, sources, own))[:MAX_PLOTS]})
    paths = prediction_files(model, sources.head.graph, own)
    if not paths or any(is_broken(sources.head, path) for path in paths):
        return drawn
    head = frames(sources, sources.head, paths)
    if isinstance(head, str):
        reason = f"{paths[0]} {head}"
        return drawn.model_copy(update={"predictions": Predictions(path=paths[0], reason=reason)})
    try:
        result = predictions.compare(
            head,
            base_frames(model, sources),
            found.metrics,
            columns=model.columns,
            label=group_labels(model, model.columns.groups),
            path=_canonical(paths),
            time_ordered=model.floor == "last_value",
        )
    except ConfigError as error:
        # A base installation has no scipy: the report goes on without intervals and says what to install.
        reason = f"{error.message}: {error.hint}"
        return drawn.model_copy(update={"predictions": Predictions(path=paths[0], reason=reason)})
    return drawn.model_copy(
        update={
            "predictions": result.predictions,
            "comparisons": result.comparisons,
            "floors": result.floors,
            "slices": result.slices,
        }
    )


def group_labels(model: Model, groups: Collection[str]) -> Callable[[str, str], str]:
    """How the groups of these columns may be called.

    Who names a column as groups wants to read of them; a sensitive one stays hashed.
    """
    return Privacy(sensitive=model.data.sensitive, show_values=groups).label


def seeded_files(model: Model, graph: Graph) -> tuple[str, ...]:
    """The metrics and predictions that every repeated training writes anew."""
    stages = _stages_of(model, graph)
    metrics = [file for file in graph.metrics if _made_by(graph, file, stages)]
    return (*metrics, *prediction_files(model, graph, stages))


# ---- metrics -----------------------------------------------------------------------------------


def _metrics(model: Model, sources: Sources, stages: frozenset[str], *, alone: bool) -> Iterator[Metric]:
    """One Metric per key of every metrics file, head's order first, then what only base has."""
    head_groups = dict(_metric_groups(sources.head.graph, stages, alone=alone))
    base_groups: dict[str, tuple[str, ...]] = {}
    if sources.base:
        at_base = _stages_of(model, sources.base.graph)
        base_groups = dict(_metric_groups(sources.base.graph, at_base, alone=alone))
    for name in sorted(head_groups.keys() | base_groups.keys()):
        yield from _file_metrics(model, sources, name, head_groups.get(name, ()), base_groups.get(name, ()))


def _file_metrics(
    model: Model, sources: Sources, name: str, head_files: Sequence[str], base_files: Sequence[str]
) -> Iterator[Metric]:
    stage = pipeline.producer_of(sources.head.graph, head_files[0]) if head_files else None
    head = _numbers(sources, sources.head, head_files)
    base = _numbers(sources, sources.base, base_files) if sources.base else {}
    stale = stage is not None and stage.name in sources.head.broken
    for key in sorted(head.keys() | base.keys()):
        if model.metrics and not any(model.claims(file, key) for file in (name, *head_files, *base_files)):
            continue
        mine, theirs = head.get(key, ((), "missing")), base.get(key, ((), ""))
        if stale and stage:
            mine = ((), f"the stage {stage.name} did not finish")
        yield Metric(
            name=key,
            file=name,
            stage=stage.name if stage else "",
            head=fmean(mine[0]) if mine[0] else None,
            base=fmean(theirs[0]) if theirs[0] else None,
            direction=scores.direction(key or PurePosixPath(name).stem),
            problem=mine[1],
            base_problem=theirs[1],
            seeds=mine[0] if len(mine[0]) > 1 else (),
            base_seeds=theirs[0] if len(theirs[0]) > 1 else (),
        )


def _numbers(sources: Sources, side: Side, files: Sequence[str]) -> dict[str, tuple[tuple[float, ...], str]]:
    """Key -> its values, one a seed, and what is wrong where there is none."""
    found: dict[str, tuple[tuple[float, ...], str]] = {}
    for values in (sources.reader.values(side, file) for file in files):
        if isinstance(values, str):
            continue
        for key, number in values.numbers.items():
            found[key] = ((*found.get(key, ((), ""))[0], number), "")
        for key, problem in values.broken.items():
            found[key] = ((), problem)
    for file in files:
        for key, numbers in sources.repeats.numbers(side.name, file).items():
            if key in found and found[key][0]:
                found[key] = ((*found[key][0], *numbers), "")
    return found


def _metric_groups(
    graph: Graph, stages: frozenset[str], *, alone: bool
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Metrics files of a model; those that differ only in a training seed are one group."""
    grouped: set[str] = set()
    for files in _seed_metrics(graph):
        if alone or _made_by(graph, files[0], stages):
            yield _canonical(files), files
        grouped.update(files)
    for file in graph.metrics:
        if file not in grouped and (alone or _made_by(graph, file, stages)):
            yield file, (file,)


# ---- predictions and plots ---------------------------------------------------------------------


def prediction_files(model: Model, graph: Graph, own: frozenset[str]) -> tuple[str, ...]:
    """The configured files (a glob gives one a seed), else an output that is named after predictions."""
    outs = [out.path for stage in graph.stages if stage.name in own for out in stage.outs]
    if model.predictions:
        found = [path for path in outs if fnmatchcase(path, model.predictions)] or [model.predictions]
    else:
        found = [path for path in outs if _looks_like_predictions(path)][:1]
    return _siblings(graph, found[0]) if len(found) == 1 else tuple(found)


def _siblings(graph: Graph, path: str) -> tuple[str, ...]:
    """The same output of every training that differs only in its seed; the path alone where there is none."""
    for group in pipeline.seed_groups(graph):
        for member in group:
            places = [out.path for out in member.outs]
            if path in places:
                index = places.index(path)
                return tuple(one.outs[index].path for one in group if index < len(one.outs))
    return (path,)


def _looks_like_predictions(path: str) -> bool:
    pure = PurePosixPath(path)
    return "prediction" in pure.stem.lower() and pure.suffix.lower() in tables.SUFFIXES


def frames(sources: Sources, side: Side, paths: Sequence[str]) -> pd.DataFrame | str:
    """One table; several files, or repeated trainings, are put under each other with a ``seed`` column."""
    read: list[pd.DataFrame] = []
    for path in paths:
        found = sources.reader.table(side, path)
        if isinstance(found, str):
            return found
        read.append(found)
    for path in paths:
        read.extend(sources.repeats.tables(side.name, path))
    if len(read) == 1:
        return read[0]
    import pandas as pd

    return pd.concat([frame.assign(seed=index) for index, frame in enumerate(read)], ignore_index=True)


def base_frames(model: Model, sources: Sources) -> pd.DataFrame | str:
    """The base's predictions as one table, or why there is none."""
    if sources.base is None:
        return "there is no base to compare with"
    graph = sources.base.graph
    stages = _stages_of(model, graph) or frozenset(s.name for s in graph.stages)
    paths = prediction_files(model, graph, stages)
    if not paths or not any(_out(graph, path) for path in paths):
        return "the base has no predictions"
    found = frames(sources, sources.base, paths)
    return f"{UNREAD} {paths[0]} {found}" if isinstance(found, str) else found


def _plots(model: Model, sources: Sources, own: frozenset[str]) -> Iterator[Plot]:
    before = {_plot_key(spec) for spec in _plot_specs(sources, sources.base)} if sources.base else set()
    for spec in _plot_specs(sources, sources.head):
        if spec.dvcfile != model.dvcfile and not _made_by(sources.head.graph, spec.file, own):
            continue
        if is_broken(sources.head, spec.file):
            continue
        head = sources.reader.rows(sources.head, spec.file)
        known = sources.base is not None and _plot_key(spec) in before
        base = sources.reader.rows(sources.base, spec.file) if sources.base and known else []
        yield from plots.build(spec, head, base)


def _plot_key(spec: PlotSpec) -> tuple[str, str, tuple[str, ...]]:
    return spec.file, spec.x, spec.y


def _plot_specs(sources: Sources, side: Side) -> list[PlotSpec]:
    """Every plot once, folders as their tables; a name that stands for several files gets the file's too."""
    found: dict[tuple[str, str, tuple[str, ...]], PlotSpec] = {}
    for spec in side.graph.plots:
        if _is_table(spec.file):
            found.setdefault(_plot_key(spec), spec)
        elif not PurePosixPath(spec.file).suffix:
            for file in filter(_is_table, sources.reader.dvc.files(spec.file, side.rev)):
                one = replace(spec, file=file)
                found.setdefault(_plot_key(one), one)
    names = Counter((spec.dvcfile, spec.id) for spec in found.values())
    return [spec if names[spec.dvcfile, spec.id] == 1 else _named_by_file(spec) for spec in found.values()]


def _named_by_file(spec: PlotSpec) -> PlotSpec:
    title = spec.title or PurePosixPath(spec.id).stem
    return replace(spec, id=f"{spec.id}:{spec.file}", title=f"{title}: {PurePosixPath(spec.file).stem}")


def _is_table(path: str) -> bool:
    return PurePosixPath(path).suffix.lower() in (".csv", ".tsv", ".json", ".yaml", ".yml")


# ---- the graph ---------------------------------------------------------------------------------


def path_at(model: Model, graph: Graph) -> str:
    """Where a model's bytes stand in this graph: its artifact may have another path at the base."""
    if not model.artifact:
        return model.path
    names = ((a.path, a.dvcfile, a.name) for a in graph.artifacts)
    return next((path for path, *rest in names if rest == [model.dvcfile, model.artifact]), "")


def _fallback(model: Model, graph: Graph) -> frozenset[str]:
    """A model without an artifact is its dvc.yaml; one whose artifact is gone has no stages."""
    if model.artifact and not path_at(model, graph):
        return frozenset()
    return frozenset(stage.name for stage in graph.stages)


def _stages_of(model: Model, graph: Graph) -> frozenset[str]:
    path = path_at(model, graph)
    return _stages(graph, pipeline.producer_of(graph, path) if path else None)


def _stages(graph: Graph, stage: Stage | None) -> frozenset[str]:
    """What feeds the model, what makes it, and what is made of it; its trainings with other seeds too."""
    if stage is None:
        return frozenset()
    names = _related(graph, {stage.name})
    for group in pipeline.seed_groups(graph):
        members = {member.name for member in group}
        if members & names:
            names |= _related(graph, members)
    return frozenset(names)


def _related(graph: Graph, names: set[str]) -> set[str]:
    return names.union(pipeline.upstream(graph, names), pipeline.downstream(graph, names))


def _made_by(graph: Graph, path: str, stages: frozenset[str]) -> bool:
    stage = pipeline.producer_of(graph, path)
    return stage is not None and stage.name in stages


def is_broken(side: Side, path: str) -> bool:
    """Whether a file is an output of a stage that failed or did not run, so that it is stale."""
    return _made_by(side.graph, path, side.broken)


def _out(graph: Graph, path: str) -> Out | None:
    return next((out for stage in graph.stages for out in stage.outs if out.path == path), None)


def _base_out(model: Model, sources: Sources) -> Out | None:
    return _out(sources.base.graph, path_at(model, sources.base.graph)) if sources.base else None


def _differs(model: Model, sources: Sources, own: frozenset[str], metrics: Sequence[Metric]) -> bool:
    """Whether results differ from the base's although nothing declared does: another lock, or a hand."""
    if sources.base is None:
        return False
    at_base = _stages_of(model, sources.base.graph) or _fallback(model, sources.base.graph)
    if _results(sources.head.graph, own) != _results(sources.base.graph, at_base):
        return True
    return any(metric.head != metric.base or metric.problem for metric in metrics)


def _results(graph: Graph, stages: frozenset[str]) -> dict[str, str | None]:
    """What the stages wrote, by dvc.lock."""
    return {out.path: out.recorded for stage in graph.stages if stage.name in stages for out in stage.outs}


def _seed_metrics(graph: Graph) -> Iterator[tuple[str, ...]]:
    """Metrics files that stand for one another in a matrix over seeds, one tuple a file."""
    for group in pipeline.seed_groups(graph):
        outs = [[out.path for out in stage.outs if out.metric] for stage in group]
        yield from zip(*outs, strict=False)


def _canonical(paths: Sequence[str]) -> str:
    """``metrics/0.json, metrics/1.json`` -> ``metrics/*.json``; one path stays as it is."""
    if len(paths) == 1:
        return paths[0]
    start = _common_start(paths)
    end = _common_start([path[len(start) :][::-1] for path in paths])[::-1]
    return f"{start}*{end}"


def _common_start(texts: Sequence[str]) -> str:
    same = takewhile(lambda column: len(set(column)) == 1, zip(*texts, strict=False))
    return "".join(column[0] for column in same)
