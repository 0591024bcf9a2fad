"""Entries of dvc.lock out of one clone and into another, with the .gitignore lines that belong to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mlops_ci.adapters import dvc_lock_file
from mlops_ci.adapters.dvc_errors import translated
from mlops_ci.adapters.dvc_journal import Entry, Writer
from mlops_ci.errors import ConfigError

# dvc.lock -> the stage's name there -> its entry, as text.
Entries = Mapping[str, Mapping[str, str]]


def read(writer: Writer, stages: Iterable[str]) -> dict[str, dict[str, str]]:
    """The entries that stages have now, those that have one."""
    found: dict[str, dict[str, str]] = {}
    locks: dict[str, Mapping[str, str]] = {}
    for path, name in map(writer.place, stages):
        if name and path not in locks:
            locks[path] = dvc_lock_file.read(Path(writer.loaded.top) / path).entries
        if name in locks.get(path, ()):
            found.setdefault(path, {})[name] = locks[path][name]
    return found


def said(entries: Entries) -> dict[str, dict[str, Any]]:
    """What the texts of entries say.

    Raises:
        ConfigError: one is not an entry, or not the one of its name.
    """
    return {
        path: {name: _meaning(path, name, text) for name, text in texts.items()}
        for path, texts in entries.items()
    }


def _meaning(path: str, name: str, text: str) -> Any:
    found = dvc_lock_file.meaning(text)
    if list(found) != [name]:
        raise ConfigError(f"{path}: what was handed over for {name} is not one entry of that name")
    return found[name]


def put(writer: Writer, entries: Entries, stages: Iterable[str]) -> None:
    """Write entries into the dvc.lock files, and have Git ignore the stages' outputs as DVC does.

    Raises:
        ConfigError: an entry is not what DVC writes; ToolError: a file cannot be written.
    """
    places = {writer.place(stage): stage for stage in stages}
    for (path, name), stage in places.items():
        if name in entries.get(path, ()):
            writer.take(Entry(stage, "ran", path, name, entries[path][name], writer.before(stage)))
    with translated():
        for stage in stages:
            writer.loaded.stages[stage].ignore_outs()
    writer.flush()
