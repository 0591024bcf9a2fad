"""What a stage takes while it runs, what the machine has, and how a stage is run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Resources:
    """What one stage takes: CPUs (0.1 for one that mostly waits), memory in bytes, whole GPUs.

    ``exclusive``: nothing else runs beside it. ``runner`` is the label of the CI runner it needs, empty: any.
    """

    cpu: float = 1.0
    memory: int = 0
    gpu: int = 0
    exclusive: bool = False
    runner: str = ""


@dataclass(frozen=True)
class Capacity:
    """What stages that run at once share: CPUs, memory in bytes (0: not counted), the GPUs by their ids."""

    cpu: float = 1.0
    memory: int = 0
    gpus: tuple[str, ...] = ()


@dataclass(frozen=True)
class Execution:
    """How one stage is run: what it takes, how long it may run (seconds; None: as long as it wants), and
    how often it is tried again where its command failed.
    """

    resources: Resources = field(default_factory=Resources)
    timeout: float | None = None
    retries: int = 0


def of(stage: str, settings: Mapping[str, Execution], default: Execution) -> Execution:
    """How a stage is run by what is said of it: by its name, by that of its matrix, else by a glob.

    ``train@lin`` is looked up as itself, then as ``train``; of several globs the first one that fits counts.
    """
    plain = stage.partition("@")[0]
    for name in (stage, plain):
        if name in settings:
            return settings[name]
    return next((found for glob, found in settings.items() if fnmatchcase(stage, glob)), default)
