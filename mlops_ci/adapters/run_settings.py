"""How stages are run, and what is heard of them while they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from mlops_ci.adapters import dvc_locks
from mlops_ci.pipeline import Capacity, Execution


@dataclass(frozen=True)
class StageEvent:
    """Progress: a stage waits for its data, started (which ``attempt``), still runs (``line`` is the last it
    printed), or has ended. No stage: the run itself is waiting, and ``line`` says for what.
    """

    stage: str
    status: Literal[
        "waiting", "fetching", "started", "running", "ran", "restored", "cached", "failed", "blocked"
    ]
    seconds: float = 0.0
    line: str = ""
    attempt: int = 1


WAITING = StageEvent(
    "",
    "waiting",
    line=f"another run is at work in this folder; waiting for its end, at most {dvc_locks.WAIT:g} s",
)


def _unheard(_event: StageEvent) -> None:
    """Nobody listens."""


def _plainly(_stage: str) -> Execution:
    """A stage of which nothing is said."""
    return Execution()


@dataclass(frozen=True)
class Settings:
    """How stages are run: who hears of it, what there is to share, how each stage is run, how long each
    took last time (seconds), and the folder where logs are kept (None: only failures' last lines).

    ``bring_back``: outputs of stages that are up to date come into the workspace where the cache has them.
    """

    on_event: Callable[[StageEvent], None] = _unheard
    capacity: Capacity = field(default_factory=Capacity)
    execution: Callable[[str], Execution] = _plainly
    seconds: Mapping[str, float] = field(default_factory=dict)
    logs: Path | None = None
    bring_back: bool = False
