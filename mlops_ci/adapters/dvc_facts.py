"""What a run learns while it lasts: what stages wrote, what they lack, and what must run by it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from mlops_ci import pipeline
from mlops_ci.adapters.dvc_graph import Loaded, content_hash, is_params, params_now
from mlops_ci.adapters.dvc_journal import Entry
from mlops_ci.pipeline import Known, Stage, Step
from mlops_ci.pipeline.graph import holder


@dataclass
class Facts:
    """The plan's knowledge, kept up to date stage by stage without looking at the others."""

    loaded: Loaded
    known: Known
    # Outputs that this run has written, and paths of other outputs that were looked at since.
    moved: set[str] = field(default_factory=set)
    looked: set[str] = field(default_factory=set)

    def step(self, name: str) -> Step:
        """Whether the stage must run, now that what feeds it is settled."""
        graph = self.loaded.graph
        stage = graph.by_name[name]
        if self.moved:
            stage = self._looked_at(stage)
        return pipeline.check(graph, stage, self.known)

    def needs(self, name: str) -> tuple[str, ...]:
        """The tracked data that a stage reads and that is not in the workspace."""
        graph, present = self.loaded.graph, self.known.present
        return tuple(
            path
            for dep in graph.by_name[name].deps
            for path in (
                *graph.within.get(dep.path, ()),
                *((dep.path,) if pipeline.is_tracked(graph, dep.path) else ()),
            )
            if present.get(path) is None
        )

    def gone(self, names: Iterable[str]) -> tuple[str, ...]:
        """The outputs of stages that DVC keeps and that are not in the workspace."""
        outs = (out for name in names for out in self.loaded.graph.by_name[name].outs)
        return tuple(out.path for out in outs if out.cache and self.known.present.get(out.path) is None)

    def learn(self, entry: Entry) -> None:
        """A stage has written its outputs, and everything it reads lies there."""
        for path, value in entry.outs.items():
            self.known.recorded[path] = self.known.present[path] = value
            self.moved.add(path)
        for path, value in entry.deps.items():
            self.known.present.setdefault(path, value)
            if self.known.present[path] is None:
                self.known.present[path] = value

    def _looked_at(self, stage: Stage) -> Stage:
        """Look at what the stage reads inside of, or around, outputs that this run has written."""
        items = None
        for dep in stage.deps:
            if dep.path in self.looked or not self._is_moved(dep.path):
                continue
            items = items or {self.loaded.path(item): item for item in self.loaded.stages[stage.name].deps}
            self.known.present[dep.path] = content_hash(items[dep.path])
            self.looked.add(dep.path)
        if any(holder(self.loaded.graph.producers, file) in self.moved for file in stage.params):
            now = params_now(self.loaded, [d for d in self.loaded.stages[stage.name].deps if is_params(d)])
            return replace(stage, params=now)
        return stage

    def _is_moved(self, path: str) -> bool:
        graph = self.loaded.graph
        if path in graph.producers:
            return False
        return holder(graph.producers, path) in self.moved or any(
            part in self.moved for part in graph.within.get(path, ())
        )


def blockers(graph: pipeline.Graph, name: str, bad: set[str]) -> Iterator[str]:
    """Of the stages that feed a stage, those that did not finish."""
    return (source for source in graph.feeds[name] if source in bad)
