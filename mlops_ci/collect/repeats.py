"""Trainings repeated with other seeds (``seeds: 3``): how much a number moves by chance alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlops_ci import pipeline
from mlops_ci.adapters import tables
from mlops_ci.adapters.dvc import Dvc
from mlops_ci.collect import values
from mlops_ci.collect.reading import SideName
from mlops_ci.config import Model
from mlops_ci.errors import ConfigError, ToolError
from mlops_ci.pipeline import Graph

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Repeats:
    """What the repeated trainings wrote: side -> file -> the bytes of each repetition."""

    written: Mapping[SideName, Mapping[str, tuple[bytes, ...]]] = field(default_factory=dict)

    def numbers(self, side: SideName, path: str) -> dict[str, tuple[float, ...]]:
        """A metrics file's numbers by key, one value a repetition."""
        found: dict[str, tuple[float, ...]] = {}
        for raw in self.written.get(side, {}).get(path, ()):
            for key, number in values.parse(raw, path).numbers.items():
                found[key] = (*found.get(key, ()), number)
        return found

    def tables(self, side: SideName, path: str) -> list[pd.DataFrame]:
        """A predictions file's tables, one a repetition."""
        return [tables.read(raw, path) for raw in self.written.get(side, {}).get(path, ())]


@dataclass(frozen=True)
class SeedParam:
    """The parameter that seeds a model's training: its file, its dotted key and its present value."""

    file: str
    key: str
    value: int


def seed_param(model: Model, graph: Graph) -> SeedParam:
    """The configured parameter, else the one integer that is named like a seed and feeds the model.

    Raises:
        ConfigError: none or several fit.
    """
    stage = pipeline.producer_of(graph, model.path) if model.path else None
    feeding = {s.name for s in graph.stages}
    if stage is not None:
        feeding = {stage.name, *pipeline.upstream(graph, [stage.name])}
    configured = model.seeds.param if model.seeds else None
    found = sorted(
        {
            (file, key, value)
            for s in graph.stages
            if s.name in feeding
            for file, keys in s.params.items()
            for whole, tree in keys.items()
            for key, value in pipeline.leaves(whole, tree)
            if isinstance(value, int) and _is_seed(key, configured)
        }
    )
    if len(found) == 1:
        return SeedParam(*found[0])
    several = ", ".join(key for _, key, _ in found)
    raise ConfigError(
        f"models.{model.name}.seeds: "
        + (
            f"several parameters could be the seed: {several}"
            if found
            else "no parameter named seed feeds it"
        ),
        "name it: seeds: {count: 3, param: train.seed}",
    )


def _is_seed(key: str, configured: str | None) -> bool:
    return key == configured if configured else key.rpartition(".")[2].lower() in pipeline.SEEDS


def repeat(
    dvc: Dvc, rev: str | None, param: SeedParam, count: int, files: Iterable[str]
) -> dict[str, tuple[bytes, ...]]:
    """Train ``count - 1`` more times, each in a work tree of its own that shares DVC's cache."""
    paths = tuple(files)
    written: dict[str, tuple[bytes, ...]] = dict.fromkeys(paths, ())
    for step in range(1, count):
        with dvc.seeded_copy({param.file: {param.key: param.value + step}}, commit=rev) as copy:
            _run(copy, paths, param.value + step)
            for path in paths:
                written[path] = (*written[path], copy.read(path))
    return written


def _run(copy: Dvc, paths: Iterable[str], seed: int) -> None:
    graph = copy.graph()
    makers = {stage.name for path in paths if (stage := pipeline.producer_of(graph, path))}
    failed = next((run for run in copy.run(makers) if run.status == "failed"), None)
    if failed is not None:
        raise ToolError(
            f"the training with seed {seed} failed in the stage {failed.name}: {failed.error}",
            "take `seeds:` out of mlops-ci.yaml to go on without the spread over seeds",
        )
