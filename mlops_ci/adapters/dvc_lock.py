"""dvc.lock: its digest, new hashes for stages that did not have to run, and code that means the same."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from mlops_ci.adapters import dvc_lock_file
from mlops_ci.adapters.dvc_errors import translated
from mlops_ci.adapters.dvc_graph import Loaded
from mlops_ci.adapters.git import Git
from mlops_ci.errors import ConfigError
from mlops_ci.pipeline import Step

MAX_HISTORY = 50


def lock_digest(files: Mapping[str, bytes]) -> str:
    """One digest over what all dvc.lock files say; their formatting does not matter.

    Raises:
        ConfigError: one of them is not YAML.
    """
    parsed = {path: _parse(path, raw) for path, raw in files.items()}
    text = json.dumps(parsed, sort_keys=True, separators=(",", ":"), default=str)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def lock_paths(loaded: Loaded) -> tuple[str, ...]:
    """Where the dvc.lock of every dvc.yaml with stages belongs."""
    files = {stage.dvcfile for stage in loaded.graph.stages if stage.dvcfile.endswith("dvc.yaml")}
    return tuple(sorted(str(PurePosixPath(file).with_name("dvc.lock")) for file in files))


def restamp(loaded: Loaded, steps: Iterable[Step]) -> tuple[str, ...]:
    """Give dvc.lock the new hashes of the steps' ``stamps``; runs nothing, needs no data.

    Gives the dvc.lock files that were written.
    """
    chunks: dict[str, dict[str, str]] = {}
    with translated(), loaded.repo.lock:
        for step in steps:
            item = loaded.stages[step.stage]
            for dep in item.deps:
                if loaded.path(dep) in step.stamps:
                    dep.save()
            _put_aside(loaded, item, step, chunks)
        for file, found in chunks.items():
            dvc_lock_file.put(Path(loaded.top) / file, found)
    return tuple(sorted(chunks))


def _put_aside(loaded: Loaded, item: Any, step: Step, chunks: dict[str, dict[str, str]]) -> None:
    """The stage's new entry; a stage in a .dvc file of its own has its hashes there."""
    from dvc.stage.serialize import to_single_stage_lockfile

    if not hasattr(item, "name"):
        item.dump()
    elif step.stamps:
        file = str(PurePosixPath(loaded.graph.by_name[step.stage].dvcfile).with_name("dvc.lock"))
        entry = to_single_stage_lockfile(item)
        chunks.setdefault(file, {})[item.name] = dvc_lock_file.render(item.name, entry)


def _parse(path: str, raw: bytes) -> Any:
    try:
        return yaml.load(raw, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except yaml.YAMLError as error:
        raise ConfigError(
            f"{path}: not YAML: {' '.join(str(error).split())}",
            "take the version of one side and run `dvc repro`",
        ) from error


class SameCode:
    """Tells whether a Python file, or a folder of them, means the same as an earlier version.

    The version is found among the last commits that touch it, by the hash dvc.lock recorded.
    """

    def __init__(self, git: Git) -> None:
        self._git = git
        self._answers: dict[tuple[str, str], bool] = {}

    def __call__(self, path: str, recorded: str) -> bool:
        """Whether ``path`` differs from its recorded version in comments and layout only."""
        if (path, recorded) not in self._answers:
            self._answers[path, recorded] = self._compare(path, recorded)
        return self._answers[path, recorded]

    def _compare(self, path: str, recorded: str) -> bool:
        if recorded.endswith(".dir") or PurePosixPath(path).suffix != ".py":
            return False
        now = _meaning((self._git.root / path).read_bytes())
        if now is None:
            return False
        return any(_meaning(raw) == now for raw in self._versions(path) if recorded in hashes(raw))

    def _versions(self, path: str) -> Iterable[bytes]:
        """The file as the last commits that touch it have it, the newest first."""
        listed = self._git.run(
            "log", "-n", str(MAX_HISTORY), "--format=%H", "--no-renames", "HEAD", "--", path, check=False
        )
        names = [f"{commit}:{path}" for commit in listed.stdout.split()]
        if "\n" in path or not names:
            return ()
        asked = ("\n".join(names) + "\n").encode()
        return _batch(self._git.run("cat-file", "--batch", stdin=asked).raw)


def _batch(raw: bytes) -> Iterable[bytes]:
    """The contents in an answer of ``git cat-file --batch``; what is missing is left out."""
    place = 0
    while place < len(raw):
        end = raw.index(b"\n", place)
        words = raw[place:end].split()
        place = end + 1
        if len(words) == 3 and words[1] == b"blob":
            size = int(words[2])
            yield raw[place : place + size]
            place += size + 1


def hashes(raw: bytes) -> tuple[str, str]:
    """The hash of today's DVC, and that of 2.x, which took the line ends as Unix has them."""
    return _md5(raw), _md5(raw.replace(b"\r\n", b"\n"))


def _md5(raw: bytes) -> str:
    return hashlib.md5(raw, usedforsecurity=False).hexdigest()


def _meaning(raw: bytes) -> str | None:
    """The syntax tree without places; docstrings count, a program can read them."""
    try:
        return ast.dump(ast.parse(raw))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
