"""dvc.yaml as a graph: what feeds what, which stages must run and why, in which order (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Dep:
    """A dependency; ``recorded`` is its hash in dvc.lock (None: never ran), ``md5`` or ``md5.dir``."""

    path: str
    recorded: str | None = None


@dataclass(frozen=True)
class Out:
    """An output; ``plot`` holds the plot's properties where it is one; size in bytes."""

    path: str
    recorded: str | None = None
    cache: bool = True
    push: bool = True
    metric: bool = False
    plot: Mapping[str, Any] | None = None
    size: int | None = None
    files: int | None = None


@dataclass(frozen=True)
class Stage:
    """A resolved stage. ``name`` is DVC's address (``train@lin``, ``sub/dvc.yaml:train@lin``).

    Paths are relative to the repository root, POSIX. ``params`` maps file -> key -> value now,
    ``recorded_params`` the same as dvc.lock has it. ``matrix`` are the item's own dimensions.
    """

    name: str
    dvcfile: str
    cmd: str = ""
    cmd_changed: bool = False
    deps: tuple[Dep, ...] = ()
    outs: tuple[Out, ...] = ()
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    recorded_params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    frozen: bool = False
    always_changed: bool = False
    never_ran: bool = False
    matrix: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Artifact:
    """An entry of ``artifacts:`` in a dvc.yaml: a model or a dataset with a name."""

    name: str
    path: str
    dvcfile: str
    type: str = ""


@dataclass(frozen=True)
class PlotSpec:
    """A plot as dvc.yaml declares it: where its points are and how they are drawn."""

    id: str
    file: str
    dvcfile: str = ""
    x: str = ""
    y: tuple[str, ...] = ()
    template: str = ""
    title: str = ""


@dataclass(frozen=True)
class Graph:
    """Every pipeline of the repository at one revision.

    ``sources`` are the hashes of files that a .dvc file tracks; ``metrics`` are all metrics files,
    those under a top-level ``metrics:`` included; ``vars`` maps nothing but is kept out: DVC resolves it.
    """

    stages: tuple[Stage, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    artifacts: tuple[Artifact, ...] = ()
    metrics: tuple[str, ...] = ()
    plots: tuple[PlotSpec, ...] = ()
