"""A cache that is kept between runs must not grow for ever: only what some revisions name stays."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from mlops_ci.adapters.dvc_store import Store, listed
from mlops_ci.pipeline import Graph

_PLACE = re.compile(r"(?:files/md5/)?([0-9a-f]{2})/([0-9a-f]{30}(?:\.dir)?)")


def named(store: Store, graphs: Iterable[Graph]) -> set[str]:
    """The hashes that revisions name, with the files of those folders whose listings are in the cache."""
    found = {
        value
        for graph in graphs
        for recorded in (graph.recorded, graph.sources)
        for value in recorded.values()
        if value is not None
    }
    inside = (listed(raw) for value in found if (raw := _listing(store, value)) is not None)
    return found.union(*(tree.values() for tree in inside))


def trim(store: Store, keep: set[str]) -> int:
    """Remove every object from the cache that is not to be kept, and run records that lead to one.

    Gives the bytes that were freed. Links and files of other names stay.
    """
    root = Path(store.cache(legacy=True).path)
    freed = 0
    for place in root.rglob("*"):
        found = _PLACE.fullmatch(place.relative_to(root).as_posix())
        if found and place.is_file() and not place.is_symlink() and "".join(found.groups()) not in keep:
            freed += place.stat().st_size
            place.unlink()
    for left in root.glob("incoming-*"):
        shutil.rmtree(left)
    for record in (root / "runs").glob("*/*/*"):
        if not _leads_to(record, keep):
            record.unlink()
    return freed


def _listing(store: Store, value: str) -> bytes | None:
    if not value.endswith(".dir"):
        return None
    places = (Path(odb.oid_to_path(value)) for odb in store.caches())
    return next((place.read_bytes() for place in places if place.is_file()), None)


def _leads_to(record: Path, keep: set[str]) -> bool:
    """Whether all outputs of a run that DVC remembers are kept; what cannot be read leads nowhere."""
    try:
        said: Any = yaml.safe_load(record.read_bytes())
    except yaml.YAMLError:
        return False
    outs = said.get("outs", []) if isinstance(said, Mapping) else None
    return isinstance(outs, list) and all(
        isinstance(out, Mapping) and str(out.get("md5")) in keep for out in outs
    )
