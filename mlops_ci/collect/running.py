"""How this repository's stages are run: by its mlops-ci.yaml, on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from mlops_ci.adapters import machine
from mlops_ci.adapters.dvc import Settings, StageEvent
from mlops_ci.config import Config, StageSettings
from mlops_ci.config.source import printable, suggestion
from mlops_ci.pipeline import Execution, Graph, Resources, resources

# Shows a run while it lasts: given the pipeline and the seconds that its stages should take.
Watch = Callable[[Graph, Mapping[str, float]], AbstractContextManager[Callable[[StageEvent], None]]]


@contextmanager
def unwatched(_graph: Graph, _seconds: Mapping[str, float]) -> Iterator[Callable[[StageEvent], None]]:
    """Nobody looks at the run."""
    yield lambda _event: None


def settings(
    config: Config,
    *,
    jobs: float | None = None,
    timeout: float | None = None,
    seconds: Mapping[str, float] | None = None,
    on_event: Callable[[StageEvent], None] | None = None,
    logs: Path | None = None,
) -> Settings:
    """Everything a run needs to know; ``timeout`` (seconds) is for stages of which the file says none.

    ``jobs`` is how many stages that keep one CPU busy run at once; default: as many as there are CPUs.
    """
    plain = Execution(timeout=timeout or config.timeout.total_seconds())
    told = {name: _execution(one, plain) for name, one in config.stages.items()}
    return Settings(
        on_event=on_event or (lambda _event: None),
        capacity=machine.capacity(jobs),
        execution=lambda stage: resources.of(stage, told, plain),
        seconds=seconds or {},
        logs=logs,
    )


def notes(config: Config, graph: Graph) -> tuple[str, ...]:
    """What of the key ``stages`` stands for no stage, a line each, with what may have been meant."""
    names = tuple(graph.by_name)
    known = list(dict.fromkeys([*map(resources.plain, names), *names]))
    return tuple(
        f"stages.{printable(name)} stands for no stage of this pipeline; {suggestion(name, known)}"
        for name in resources.unfitting(config.stages, names)
    )


def _execution(one: StageSettings, plain: Execution) -> Execution:
    wants = one.resources
    return Execution(
        resources=Resources(wants.cpu, wants.memory, wants.gpu, wants.exclusive, wants.runner or ""),
        timeout=one.timeout.total_seconds() if one.timeout else plain.timeout,
        retries=one.retries,
    )
