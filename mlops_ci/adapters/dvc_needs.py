"""Which data of DVC stands behind a path: whole outputs and sources, or files inside of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from mlops_ci.adapters.dvc_graph import Loaded
from mlops_ci.pipeline import Plan
from mlops_ci.pipeline.graph import holder


@dataclass(frozen=True)
class Part:
    """An output or a source (``out`` is DVC's, ``path`` ours), or what lies at ``inner`` inside of it."""

    out: Any
    path: str
    inner: str = ""

    @property
    def value(self) -> str:
        """The hash of the whole."""
        return str(self.out.hash_info.value)

    @property
    def name(self) -> str:
        """The path that is wanted."""
        return f"{self.path}/{self.inner}" if self.inner else self.path

    def files(self, tree: Mapping[str, str]) -> dict[str, str]:
        """Path -> hash of the files that are wanted, of those that the whole has."""
        pure = PurePosixPath(self.inner)
        return {
            f"{self.path}/{name}": value
            for name, value in tree.items()
            if pure == PurePosixPath(name) or not self.inner or pure in PurePosixPath(name).parents
        }


@dataclass(frozen=True)
class Needs:
    """What a run has to bring: hash -> path, and their size in bytes as far as dvc.lock tells.

    A file inside of a tracked folder counts with the folder's hash. ``digest`` is of what is needed, sha256;
    the same needs have the same one, whatever lies in the cache.
    """

    objects: Mapping[str, str]
    digest: str
    bytes: int


def parts(loaded: Loaded, paths: Iterable[str]) -> tuple[Part, ...]:
    """What DVC keeps of the paths: each itself, inside a tracked folder, or as a folder around several.

    What is not tracked, or has no hash yet, is left out.
    """
    outs = loaded.outs
    found: dict[tuple[str, str], Part] = {}
    for path in paths:
        for owner, inner in _owners(loaded, outs, path):
            if outs[owner].hash_info and outs[owner].use_cache:
                found[owner, inner] = Part(outs[owner], owner, inner)
    whole = {path for path, inner in found if not inner}
    return tuple(part for (path, inner), part in found.items() if not inner or path not in whole)


def _owners(loaded: Loaded, outs: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    owner = holder(outs, path)
    if owner is not None:
        yield owner, "" if owner == path else path[len(owner) + 1 :]
    for below in loaded.graph.within.get(path, ()):
        yield below, ""


def needs(loaded: Loaded, plan: Plan) -> Needs:
    """What the stages read that must run or may have to, but for what surely comes out of the run itself."""
    stages, running = loaded.graph.by_name, {step.stage for step in plan.having("run")}
    written = {out.path for name in running for out in stages[name].outs}
    going = [step.stage for step in plan.having("run", "maybe")]
    paths = dict.fromkeys(dep.path for name in going for dep in stages[name].deps)
    wanted = [part for part in parts(loaded, paths) if part.path not in written]
    listed = sorted((part.value, part.name) for part in wanted)
    sizes = {part.value: int((part.out.meta.size if part.out.meta else None) or 0) for part in wanted}
    return Needs(
        objects=dict(reversed(listed)),
        digest="sha256:" + hashlib.sha256(json.dumps(listed).encode()).hexdigest(),
        bytes=sum(sizes.values()),
    )
