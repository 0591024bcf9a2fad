"""Whether a branch touches anything that a model, its measurement or its judgement depends on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from mlops_ci.collect.project import Project
from mlops_ci.config import Model
from mlops_ci.errors import MlopsError
from mlops_ci.pipeline import Graph

# Files of these names, wherever they are, and the workflows that `mlops-ci init` writes.
_OURS = (
    "*/dvc.yaml",
    "*/dvc.lock",
    "*.dvc",
    "*/.dvc/*",
    "*/.dvcignore",
    "*/mlops-ci.yaml",
    "*/.github/workflows/mlops-ci*.y*ml",
)


def is_touched(project: Project) -> bool:
    """Whether the work tree differs from the base in such a file, or a stage has to run in any case.

    True where there is no base to tell it by.

    Raises:
        ConfigError: the pipeline or its models cannot be read.
    """
    base = project.revisions.metrics
    if base is None:
        return True
    files = tuple(project.git.changed_lines(base.commit))
    if any(fnmatchcase(f"/{file}", pattern) for file in files for pattern in _OURS):
        return True
    graph = project.dvc.graph()
    try:
        before = project.dvc.graph(base.commit)
    except MlopsError:
        return True
    known = (
        *_of_pipeline(graph),
        *_of_pipeline(before),
        *_of_judgement(project, project.models(graph, before)),
    )
    return concern(files, known) or not project.dvc.plan().is_current


def concern(files: Iterable[str], known: Iterable[str]) -> bool:
    """Whether one of the files is a known path, lies in one, or fits one that is a glob."""
    paths = {path.rstrip("/") for path in known}
    return any(
        path in (".", file) or file.startswith(f"{path}/") or fnmatchcase(file, path)
        for file in files
        for path in paths
    )


def _of_pipeline(graph: Graph) -> Iterator[str]:
    """What stages read and write, and what is declared beside them."""
    for stage in graph.stages:
        yield from (dep.path for dep in stage.deps)
        yield from (out.path for out in stage.outs)
        yield from (*stage.params, *stage.recorded_params)
    yield from graph.sources
    yield from graph.metrics
    yield from (plot.file for plot in graph.plots)
    yield from (artifact.path for artifact in graph.artifacts)


def _of_judgement(project: Project, models: Iterable[Model]) -> Iterator[str]:
    """What the configuration names: tables, schemas, predictions, and the words of reports."""
    folder = project.dvc.root.relative_to(project.git.root)
    for config in (project.policy, project.own):
        yield (folder / config.templates).as_posix()
    for model in models:
        tables = model.data
        named = (model.predictions, tables.train, tables.test, tables.production, tables.schema_path)
        yield from (path for path in named if path and not path.startswith("sql:"))
