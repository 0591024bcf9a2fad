"""What a stage takes while it runs, what the machine has, and how a stage is run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

_GLOB = frozenset("*?[")


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
    """How a stage is run by what is said of it, the nearest first.

    For ``train@lin`` that is its own name, a glob with ``@`` in it, the plain name ``train``, any other glob;
    of several globs the first one that fits.
    """
    if stage in settings:
        return settings[stage]
    fitting = [glob for glob in settings if _GLOB & set(glob) and fnmatchcase(stage, glob)]
    near = [glob for glob in fitting if "@" in glob.rpartition(":")[2]]
    name = plain(stage)
    found = [*near, *([name] if name in settings else []), *fitting]
    return settings[found[0]] if found else default


def plain(stage: str) -> str:
    """The name of a stage without the item of its matrix or foreach."""
    file, colon, name = stage.rpartition(":")
    return f"{file}{colon}{name.partition('@')[0]}"


def unfitting(names: Iterable[str], stages: Collection[str]) -> tuple[str, ...]:
    """Those of the names and globs that stand for no stage."""
    known = {*stages, *map(plain, stages)}
    return tuple(
        name
        for name in names
        if name not in known and not (_GLOB & set(name) and any(fnmatchcase(stage, name) for stage in stages))
    )
