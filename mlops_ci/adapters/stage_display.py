"""The stages of a run while it lasts: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from mlops_ci.adapters.dvc_run import StageEvent
from mlops_ci.adapters.terminal import Terminal
from mlops_ci.pipeline import Graph
from mlops_ci.writing.visible import one_line


@contextmanager
def stages(
    terminal: Terminal, graph: Graph, seconds: Mapping[str, float]
) -> Iterator[Callable[[StageEvent], None]]:
    """Show the run of a pipeline; the function it gives takes every event of the runner."""

    def show(event: StageEvent) -> None:
        if event.status not in ("started", "running", "cached"):
            took = f" · {event.seconds:.1f} s" if event.seconds else ""
            terminal.say(f"  {event.status:<8} {one_line(event.stage)}{took}")

    yield show
