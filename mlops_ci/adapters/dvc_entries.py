"""Entries of dvc.lock out of one clone and into another, with the .gitignore lines that belong to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from mlops_ci import pipeline
from mlops_ci.adapters import dvc_lock_file
from mlops_ci.adapters.dvc_errors import translated
from mlops_ci.adapters.dvc_graph import Loaded

# dvc.lock -> the stage's name there -> its entry, as text.
Entries = Mapping[str, Mapping[str, str]]


def read(loaded: Loaded, top: Path, stages: Iterable[str]) -> dict[str, dict[str, str]]:
    """The entries that stages have now, those that have one."""
    found: dict[str, dict[str, str]] = {}
    locks: dict[str, Mapping[str, str]] = {}
    for name in stages:
        path = _lock(loaded.graph.by_name[name].dvcfile)
        if path not in locks:
            locks[path] = dvc_lock_file.read(top / path).entries
        inner = name.rpartition(":")[2]
        if inner in locks[path]:
            found.setdefault(path, {})[inner] = locks[path][inner]
    return found


def said(entries: Entries) -> dict[str, dict[str, Any]]:
    """What the texts of entries say.

    Raises:
        ConfigError: one is not an entry, or not the one of its name.
    """
    return {
        path: {name: dvc_lock_file.single(path, name, chunk) for name, chunk in chunks.items()}
        for path, chunks in entries.items()
    }


def put(loaded: Loaded, top: Path, entries: Entries, stages: Iterable[str]) -> None:
    """Write entries into the dvc.lock files, and have Git ignore the stages' outputs as DVC does.

    Raises:
        ConfigError: an entry is not what DVC writes; ToolError: a file cannot be written.
    """
    sequence = [name.rpartition(":")[2] for name in pipeline.order(loaded.graph)]
    with translated(), loaded.repo.lock:
        for path, chunks in entries.items():
            added = chunks.keys() - dvc_lock_file.read(top / path).entries.keys()
            dvc_lock_file.put(top / path, chunks, order=sequence, added=added)
        for name in stages:
            loaded.stages[name].ignore_outs()


def _lock(dvcfile: str) -> str:
    return str(PurePosixPath(dvcfile).with_name("dvc.lock"))
