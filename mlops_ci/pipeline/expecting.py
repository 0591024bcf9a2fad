"""How long stages will take, by how long they took (pure)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from mlops_ci.pipeline.graph import Graph, order


def filled(stages: Collection[str], seconds: Mapping[str, float]) -> dict[str, float]:
    """The seconds of each of the stages: as long as last time, what is new as long as most stages take.

    Where that is not known of any, the new ones are left out. 0 stands for what has nothing to do.
    """
    took = sorted(filter(None, seconds.values()))
    if not took:
        return {name: 0.0 for name in stages if name in seconds}
    return {name: seconds.get(name, took[len(took) // 2]) for name in stages}


def ways(graph: Graph, seconds: Mapping[str, float]) -> dict[str, float]:
    """For each stage the seconds from its start to the end of the pipeline; one without ``seconds`` has 0."""
    found: dict[str, float] = {}
    for name in reversed(order(graph)):
        after = max((found[reader] for reader in graph.feeds_to[name]), default=0.0)
        found[name] = after + seconds.get(name, 0.0)
    return found
