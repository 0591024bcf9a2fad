"""A plan in words and as a document: what runs and why, what runs at once, what the remote lacks."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

from mlops_ci.pipeline.graph import Graph, waves
from mlops_ci.pipeline.planning import Plan, Step

WIDTH = 13
MOST_NAMES = 6


@dataclass(frozen=True)
class Told:
    """A plan with its graph, and the tracked paths whose data the remote lacks (None: nobody asked)."""

    graph: Graph
    plan: Plan
    missing: tuple[str, ...] | None = None

    @property
    def waves(self) -> tuple[tuple[str, ...], ...]:
        """The stages that run or may have to, in groups that can run at the same time."""
        moving = {step.stage for step in self.plan.having("run", "maybe")}
        return waves(self.graph, moving)

    def document(self) -> dict[str, Any]:
        """The plan for machines: ``steps``, ``waves`` and ``missing``."""
        return {
            "steps": [asdict(step) for step in self.plan.steps],
            "waves": [list(wave) for wave in self.waves],
            "missing": None if self.missing is None else list(self.missing),
        }

    def text(self) -> str:
        """The plan for a person: every step with its reasons, then the waves, then what is missing."""
        parts = ["\n".join(_step(step) for step in self.plan.steps)]
        if any(len(wave) > 1 for wave in self.waves) or len(self.waves) > 1:
            parts.append("\n".join(_wave(at, wave) for at, wave in enumerate(self.waves, start=1)))
        if self.missing is not None:
            parts.append(_missing(self.missing))
        return "\n\n".join(part for part in parts if part)


def lacking(graph: Graph, plan: Plan, missing: Collection[str]) -> tuple[str, ...]:
    """Of the paths that the remote lacks, those that count: not what a `run` stage makes anew."""
    anew = {out.path for step in plan.having("run") for out in graph.by_name[step.stage].outs}
    return tuple(sorted(set(missing) - anew))


def _step(step: Step) -> str:
    return f"{step.action:<{WIDTH}} {step.stage}" + "".join(f"\n{'':<{WIDTH}}   {r}" for r in step.reasons)


def _wave(number: int, wave: tuple[str, ...]) -> str:
    more = f" and {len(wave) - MOST_NAMES:,} more" if len(wave) > MOST_NAMES else ""
    return f"{f'wave {number}':<{WIDTH}} {', '.join(wave[:MOST_NAMES])}{more}"


def _missing(missing: tuple[str, ...]) -> str:
    if not missing:
        return "the DVC remote has the data of everything that dvc.lock names"
    heading = "the DVC remote lacks data that dvc.lock names; whoever made it runs `dvc push`:"
    return "\n".join([heading, *(f"  {path}" for path in missing)])
