"""What stages have done and dvc.lock does not say yet: one file a stage, which the parent takes in."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from mlops_ci.adapters import dvc_lock_file, dvc_locks, files
from mlops_ci.adapters.dvc_errors import translated
from mlops_ci.adapters.dvc_graph import Loaded, content_hash

OFTEN = 0.25  # seconds between two writes of a dvc.lock, at least


@dataclass(frozen=True)
class Entry:
    """What one stage did.

    ``text`` is its entry in ``file`` (a dvc.lock), under ``name``; of a stage in a .dvc file of its own it is
    the whole file. ``before`` is the digest of the entry it started from. ``outs`` and ``deps`` are path ->
    hash, ``ignore`` what Git is not to track. Paths are relative to the top of Git.
    """

    stage: str
    status: str
    file: str
    name: str
    text: str
    before: str
    outs: Mapping[str, str] = field(default_factory=dict)
    deps: Mapping[str, str] = field(default_factory=dict)
    ignore: Sequence[str] = ()


def folder(repo: Any) -> Path:
    """Where the journal of a repository lies."""
    return Path(repo.tmp_dir) / "mlops-ci" / "journal"


def new_file(repo: Any, number: int) -> Path:
    """A name for the next entry; those of later stages, and of later runs, sort after it."""
    return folder(repo) / f"{time.time_ns():020}-{number:06}.json"


def write(path: Path, entry: Entry) -> None:
    """Write an entry in one step.

    Raises:
        ToolError: it cannot be written.
    """
    files.write(path, json.dumps(asdict(entry)).encode())


def read(path: Path) -> Entry | None:
    """An entry; None where there is none."""
    try:
        return Entry(**json.loads(path.read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def digest(text: str | None) -> str:
    """A short name for what an entry said; empty where there was none."""
    return hashlib.sha256(text.encode()).hexdigest()[:32] if text else ""


def is_left(repo: Any) -> bool:
    """Whether a run did not come to its end here."""
    return any(folder(repo).glob("*.json"))


@dataclass
class Writer:
    """Takes in what stages did and brings dvc.lock up to date, several stages at a time."""

    loaded: Loaded
    order: Sequence[str]
    added: dict[str, set[str]] = field(default_factory=dict)
    pending: dict[str, dict[str, str]] = field(default_factory=dict)
    entries: dict[str, Mapping[str, str]] = field(default_factory=dict)
    ignore: list[tuple[int, str]] = field(default_factory=list)
    ignored: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    written: float = 0.0
    took: float = 0.0

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Each stage's place in a serial run."""
        return {stage: place for place, stage in enumerate(self.order)}

    def before(self, stage: str) -> str:
        """The digest of the entry that a stage has now."""
        file, name = self.place(stage)
        return digest(self._there(file).get(name)) if name else digest(self._text(file))

    def place(self, stage: str) -> tuple[str, str]:
        """The file that has a stage's entry, and its name there; empty in a .dvc file."""
        item, dvcfile = self.loaded.stages[stage], self.loaded.graph.by_name[stage].dvcfile
        return (
            (dvcfile.removesuffix(".yaml") + ".lock", item.name) if hasattr(item, "name") else (dvcfile, "")
        )

    def take(self, entry: Entry) -> None:
        """Remember what a stage did, to be written with the next ``flush``."""
        self.pending.setdefault(entry.file, {})[entry.name] = entry.text
        if not entry.before:
            self.added.setdefault(entry.file, set()).add(entry.name)
        self.ignore.extend((self.places[entry.stage], path) for path in entry.ignore)

    @property
    def is_due(self) -> bool:
        """Whether it is time to write: not for each of many small stages."""
        return bool(self.pending) and time.monotonic() - self.written > max(OFTEN, 5 * self.took)

    def flush(self, wait: float | None = None) -> None:
        """Write what was taken in.

        Raises:
            ToolError: a ``dvc`` command holds the lock for too long, or a file cannot be written.
            ConfigError: somebody made a dvc.lock unreadable meanwhile.
        """
        if not self.pending:
            return
        start, lock = time.monotonic(), dvc_locks.shared(self.loaded.repo)
        with translated():
            if isinstance(lock, dvc_locks.SharedLock):
                lock.lock(wait)
            else:
                lock.lock()
            try:
                self._write()
            finally:
                lock.unlock()
        self.written = time.monotonic()
        self.took = self.written - start

    def _write(self) -> None:
        context = self.loaded.repo.scm_context
        self._ignore(context)
        for file, chunks in list(self.pending.items()):
            path = Path(self.loaded.top) / file
            if "" in chunks:
                files.write(path, chunks[""].encode())
            else:
                dvc_lock_file.put(path, chunks, order=self._names(file), added=self.added.get(file, ()))
            context.track_file(str(path))
            del self.pending[file]

    def _ignore(self, context: Any) -> None:
        """Have Git ignore outputs, as DVC does; what this run adds comes in the order of a serial one."""
        for place, name in sorted(self.ignore):
            file = str(Path(self.loaded.top, name).with_name(".gitignore"))
            before = _lines(file)
            context.ignore(f"{self.loaded.top}/{name}")
            if len(after := _lines(file)) == len(before) + 1:
                self.ignored.setdefault(file, []).append((place, after[-1]))
        # They are not to be taken back by an error that comes later.
        context.ignored_paths.clear()
        self.ignore.clear()
        for file, ours in self.ignored.items():
            lines, wanted = _lines(file), [line for _, line in sorted(ours, key=lambda one: one[0])]
            if lines[-len(ours) :] == [line for _, line in ours] != wanted:
                files.write(
                    Path(file), "".join([*lines[: -len(ours)], *wanted]).encode(errors="surrogateescape")
                )
                ours.sort(key=lambda one: one[0])

    def _names(self, file: str) -> list[str]:
        """The names of the file's stages in the order of a serial run."""
        places = (self.place(stage) for stage in self.order)
        return [name for where, name in places if where == file]

    def _there(self, file: str) -> Mapping[str, str]:
        if file not in self.entries:
            self.entries[file] = dvc_lock_file.read(Path(self.loaded.top) / file).entries
        return self.entries[file]

    def _text(self, file: str) -> str:
        return (Path(self.loaded.top) / file).read_text(encoding="utf-8")

    # ---- what an unfinished run left -------------------------------------------------------------

    def recover(self) -> bool:
        """Take in the journal of an unfinished run: what holds still; tells whether anything was written.

        What such runs added to a dvc.lock is known again, to be put in order with what is added now.
        """
        known = self.loaded.graph.by_name
        found = [entry for path in sorted(folder(self.loaded.repo).glob("*.json")) if (entry := read(path))]
        latest: dict[str, str] = {}
        for entry in found:
            if entry.stage not in known or self.place(entry.stage) != (entry.file, entry.name):
                continue
            if not entry.before:
                self.added.setdefault(entry.file, set()).add(entry.name)
            now = latest.get(entry.stage) or self.before(entry.stage)
            if now != entry.before or now == digest(entry.text) or not self._lies_there(entry):
                continue
            latest[entry.stage] = digest(entry.text)
            self.take(entry)
        if not self.pending:
            return False
        self.flush()
        self.entries.clear()
        return True

    def _lies_there(self, entry: Entry) -> bool:
        items = {self.loaded.path(out): out for out in self.loaded.stages[entry.stage].outs}
        return set(items) == set(entry.outs) and all(
            content_hash(items[path]) == value for path, value in entry.outs.items()
        )

    def finish(self, *, whole: bool) -> None:
        """The run came to its end: everything is in dvc.lock, the journal is not needed any more.

        Where it was not the ``whole`` pipeline, what it added to a dvc.lock stays known.
        """
        self.flush()
        for path in sorted(folder(self.loaded.repo).glob("*")):
            if whole or (entry := read(path)) is None or entry.before:
                path.unlink(missing_ok=True)


def _lines(file: str) -> list[str]:
    try:
        return Path(file).read_bytes().decode(errors="surrogateescape").splitlines(keepends=True)
    except FileNotFoundError:
        return []
