"""Data for stages that will surely run, but still wait for what feeds them: fetched while nothing else is."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from mlops_ci import pipeline
from mlops_ci.adapters import dvc_fetch
from mlops_ci.adapters.dvc_facts import Facts
from mlops_ci.adapters.dvc_store import Store
from mlops_ci.pipeline import Plan, Schedule
from mlops_ci.pipeline.graph import holder


@dataclass
class Ahead:
    """What can be fetched early, a stage at a time, so that who needs data at once does not wait long.

    A stage that may turn out not to have to run gets nothing, and nothing is fetched that a stage of this run
    may write anew. Each stage is looked at once.
    """

    facts: Facts
    wanted: Collection[str]
    store: Store
    todo: deque[str] | None = None

    @cached_property
    def plan(self) -> Plan:
        """What was known of the run when the first stage was looked at; what is sure stays so."""
        known = self.facts.known
        return pipeline.plan(
            self.facts.loaded.graph,
            known.present,
            inside=known.inside,
            same_code=known.same_code,
            runs_code=known.runs_code,
        )

    def next(self, schedule: Schedule, settled: Collection[str], bad: Collection[str]) -> tuple[str, ...]:
        """The paths to fetch now; empty where there are none.

        ``settled`` are the stages that were decided about already, ``bad`` those that did not finish: what
        they feed does not run.
        """
        if self.todo is None:
            self.todo = deque(schedule.coming())
        if not self.todo:
            return ()
        blocked = frozenset(pipeline.downstream(self.facts.loaded.graph, bad))
        while self.todo:
            name = self.todo.popleft()
            if name not in settled and name not in blocked and (paths := self._paths(name)):
                return paths
        return ()

    def stop(self) -> None:
        """Fetch nothing early any more."""
        self.todo = deque()

    def _paths(self, name: str) -> tuple[str, ...]:
        loaded, needs = self.facts.loaded, self.facts.needs(name)
        # The plan is made only where there is anything to fetch.
        if not needs or not dvc_fetch.lacking(loaded, self.store, needs) or not self._surely_runs(name):
            return ()
        paths = tuple(path for path in needs if not self._moves(path))
        return paths if paths and dvc_fetch.lacking(loaded, self.store, paths) else ()

    def _surely_runs(self, name: str) -> bool:
        """Whether it runs whatever those before it write: a parameters file may be among that."""
        params = self.facts.loaded.graph.by_name[name].params
        return self.plan.by_stage[name].action == "run" and not any(map(self._moves, params))

    def _moves(self, path: str) -> bool:
        """Whether a stage of this run writes a path, or may do so."""
        return any(
            one in self.wanted and self.plan.by_stage[one].action in ("run", "maybe")
            for one in self._writers(path)
        )

    def _writers(self, path: str) -> Iterator[str]:
        graph = self.facts.loaded.graph
        owner = holder(graph.producers, path)
        found: Iterable[str] = [owner] if owner else graph.within.get(path, ())
        return (graph.producers[one] for one in found if one in graph.producers)
