"""Where a table stands: at the base's own path, and read by what makes the model of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from mlops_ci.adapters.sources import is_address
from mlops_ci.collect import models
from mlops_ci.collect.context import Context
from mlops_ci.evidence import DataRule
from mlops_ci.pipeline import Graph, Stage, producer_of, upstream


def rules(context: Context, name: str, path: str) -> Iterator[DataRule]:
    """What is broken about the place of a table; nothing where it is in order."""
    before = getattr(context.ruled_data(), name)
    if before and before != path:
        yield DataRule(rule="moved", ok=False, expected=before, found=path)
    if name == "production" or is_address(path):
        return
    makers = _makers(context, name)
    graph = context.sources.head.graph
    if makers and not is_read(graph, makers, path):
        whose = "of the model" if name == "train" else "behind the predictions"
        problem = f"data.{name} is {path}, but no stage {whose} reads it"
        yield DataRule(rule="read", ok=False, problem=problem)


def _makers(context: Context, name: str) -> tuple[Stage, ...]:
    """The stages that must have read a table: the model's own, or those that write its predictions."""
    graph, found = context.sources.head.graph, context.found
    if name == "train":
        return (graph.by_name[found.stage],) if found.stage in graph.by_name else ()
    paths = models.prediction_files(context.model, graph, frozenset(found.stages))
    return tuple(filter(None, (producer_of(graph, path) for path in paths)))


def is_read(graph: Graph, makers: tuple[Stage, ...], table: str) -> bool:
    """Whether a stage, or one that feeds it, has a table among its dependencies, or makes it itself.

    A folder that holds the table, or a file in the table where that is a folder, counts as the table.
    """
    names = {stage.name for stage in makers}
    # What feeds a frozen stage fed it when it ran.
    thawed = replace(graph, stages=tuple(replace(stage, frozen=False) for stage in graph.stages))
    feeding = names.union(upstream(thawed, names))
    read = [dep.path for stage in graph.stages if stage.name in feeding for dep in stage.deps]
    made = [out.path for stage in makers for out in stage.outs]
    return any(_touches(path, table) for path in (*read, *made))


def _touches(path: str, table: str) -> bool:
    one, other = PurePosixPath(path), PurePosixPath(table)
    return one.is_relative_to(other) or other.is_relative_to(one)
