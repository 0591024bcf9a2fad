"""The bytes of a model on this machine, checked against DVC's hash and hashed anew."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mlops_ci.adapters.dvc import Dvc
from mlops_ci.adapters.dvc_errors import remote_trouble, translated
from mlops_ci.adapters.dvc_store import MAX_TREE
from mlops_ci.adapters.model_places import BLOCK
from mlops_ci.errors import ConfigError, ToolError

# Where an object lies is made of its hash, so a text that is none might lead anywhere on this machine.
_HASH = re.compile(r"[0-9a-f]{32}(?:\.dir)?")


class LostError(ToolError):
    """Nobody has these bytes any more, or what there is of them is damaged."""


@dataclass(frozen=True)
class File:
    """A file of a model: where it lies here, and what is in it."""

    source: Path
    sha256: str
    size: int


@dataclass(frozen=True)
class Bytes:
    """All files of a model by their relative names; a model that is one file has the name ``""``."""

    files: Mapping[str, File]

    @property
    def digest(self) -> str:
        """``sha256:`` of the file's bytes, or of the folder's canonical listing."""
        return digest({name: (file.sha256, file.size) for name, file in self.files.items()})

    @property
    def size(self) -> int:
        """All bytes."""
        return sum(file.size for file in self.files.values())


def digest(files: Mapping[str, tuple[str, int]]) -> str:
    """The digest of a model by its files, relative name -> sha256 and size; a single file is named ``""``.

    A folder's is the sha256 of the JSON list of ``{"path", "sha256", "size"}``, sorted by path, with sorted
    keys, without spaces, in UTF-8.
    """
    if set(files) == {""}:
        return f"sha256:{files[''][0]}"
    listed = [{"path": path, "sha256": sha, "size": size} for path, (sha, size) in sorted(files.items())]
    text = json.dumps(listed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


@contextmanager
def gathered(dvc: Dvc, path: str, value: str, *, remotely: bool = False) -> Iterator[Bytes]:
    """The bytes of an output by DVC's hash: in the cache, the work tree, or fetched from the remote.

    ``remotely`` looks nowhere but in the remote. What had to be fetched lies in a temporary folder until the
    block ends.

    Raises:
        ConfigError: the hash is none of DVC's, or a listing names what is no file of the folder.
        ToolError: nobody has them, or what there is is damaged.
    """
    if not _HASH.fullmatch(value):
        raise ConfigError(f"{path}: {value!r} is no md5 of DVC", "make it again with `dvc repro`")
    with tempfile.TemporaryDirectory(prefix="mlops-ci-model-") as scratch:
        if not value.endswith(".dir"):
            yield Bytes({"": _found(dvc, path, value, Path(scratch) / "model", remotely)})
            return
        files = {}
        for number, (name, inner) in enumerate(sorted(_listing(dvc, path, value).items())):
            files[name] = _found(dvc, f"{path}/{name}", inner, Path(scratch) / str(number), remotely)
        yield Bytes(files)


def _listing(dvc: Dvc, path: str, value: str) -> Mapping[str, str]:
    """What is in a folder, by DVC; a listing that was made by hand must not lead out of it."""
    raw = dvc.store.read(value, path, MAX_TREE)
    if f"{hashlib.md5(raw, usedforsecurity=False).hexdigest()}.dir" != value:
        raise LostError(f"{path}: the listing of the folder is damaged ({value[:8]})", "`dvc push` it again")
    try:
        found = {str(entry["relpath"]): str(entry["md5"]) for entry in json.loads(raw)}
    except (ValueError, TypeError, KeyError):
        found = {"": ""}
    if not all(map(_HASH.fullmatch, found.values())):
        raise ConfigError(
            f"{path}: the listing of the folder is none of DVC ({value[:8]})", "make the model again"
        )
    for name in found:
        if any(part in ("", ".", "..") for part in name.split("/")) or PurePosixPath(name).is_absolute():
            raise ConfigError(f"{path}: names a file outside of the folder", "make the model again")
    if not found:
        raise ConfigError(f"{path}: is an empty folder, which is no model", "run its stage again")
    return found


def _found(dvc: Dvc, path: str, value: str, scratch: Path, remotely: bool) -> File:
    """The first place that has exactly these bytes: a damaged cache costs a download, not a release."""
    damaged = False
    for source, exact in () if remotely else _here(dvc, path, value):
        md5, file = _hashed(source)
        if md5 == value or not exact:
            return file
        damaged = True
    for exact in _fetched(dvc, path, value, scratch):
        md5, file = _hashed(scratch)
        if md5 == value or not exact:
            return file
        damaged = True
    if damaged:
        raise LostError(
            f"{path}: what DVC keeps of it is damaged ({value[:8]})", "run its stage again and `dvc push`"
        )
    raise LostError(
        f"{path}: neither the DVC cache nor the remote has it ({value[:8]})",
        "whoever made it runs `dvc push`",
    )


def _here(dvc: Dvc, path: str, value: str) -> Iterator[tuple[Path, bool]]:
    """Files of this machine that may be it, and whether their md5 must be the hash.

    The hash of DVC 2.x ignored line ends. The work tree's file need not be the one that is asked for, so it
    must fit. Outputs that are not cached are nowhere else.
    """
    for odb in dvc.store.caches():
        place = Path(odb.oid_to_path(value))
        if place.is_file():
            yield place, odb.hash_name == "md5"
    tree = dvc.top / path
    if tree.is_file() and _hashed(tree)[0] == value:
        yield tree, True


def _fetched(dvc: Dvc, path: str, value: str, scratch: Path) -> Iterator[bool]:
    """Fetch what may be it out of the remote; gives whether its md5 must be the hash."""
    for remote, odb in dvc.store.remotes():
        place = odb.oid_to_path(value)
        with remote_trouble(f"{path}: reading from the DVC remote {remote.name}"):
            if not odb.fs.exists(place):
                continue
            odb.fs.get_file(place, str(scratch))
        yield odb.hash_name == "md5"


def _hashed(path: Path) -> tuple[str, File]:
    md5, sha, size = hashlib.md5(usedforsecurity=False), hashlib.sha256(), 0
    with translated(), path.open("rb") as file:
        while block := file.read(BLOCK):
            md5.update(block)
            sha.update(block)
            size += len(block)
    return md5.hexdigest(), File(path, sha.hexdigest(), size)
