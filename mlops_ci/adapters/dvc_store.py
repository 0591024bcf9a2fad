"""What DVC keeps: objects in the cache and the remote, and our documents beside them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlops_ci.adapters import files
from mlops_ci.adapters.dvc_errors import (
    MissingFileError,
    NoRemoteError,
    TooLargeError,
    remote_trouble,
    translated,
)
from mlops_ci.adapters.dvc_remote_errors import without_secrets
from mlops_ci.errors import ConfigError, MlopsError, ToolError

FOLDER = "mlops-ci"
MAX_TREE = 100_000_000


class Store:
    """The cache of a DVC repository and its default remote; nothing here touches the workspace."""

    def __init__(self, repo: Any) -> None:
        self._repo = repo
        self._trees: dict[str, dict[str, str] | None] = {}
        self._remotes: dict[str, Any] = {}
        self.pulled = 0  # bytes that came out of remotes
        self.pushed = 0  # bytes that went to them

    # ---- objects ---------------------------------------------------------------------------

    def read(self, value: str, path: str, limit: int | None = None) -> bytes:
        """The bytes of an object by its hash: from the cache, else from the remote.

        Raises:
            TooLargeError: it has more than ``limit`` bytes.
            ToolError: neither has it, or the remote cannot be reached.
        """
        # A listing that was made by hand may name any file of this machine in place of an object.
        is_object = "/" not in value
        raw = self._cached(value, path, limit) if is_object else None
        if raw is None and is_object:
            raw = self._fetched(value, path, limit)
        if raw is None:
            raise ToolError(
                f"{path}: neither the DVC cache nor the remote has it ({value[:8]})",
                "whoever made it runs `dvc push`",
            )
        return raw

    def tree(self, value: str) -> Mapping[str, str] | None:
        """Relative path -> hash of a tracked directory; None where nobody has its listing."""
        if value not in self._trees:
            try:
                raw = self.read(value, "a directory listing", MAX_TREE)
            except MlopsError:
                self._trees[value] = None
            else:
                self._trees[value] = listed(raw)
        return self._trees[value]

    def inside(self, value: str, relpath: str) -> str | None:
        """The hash of a file or folder inside a tracked directory; None where that cannot be known."""
        tree = self.tree(value)
        if tree is None or relpath in tree:
            return tree[relpath] if tree else None
        below = {
            name.removeprefix(f"{relpath}/"): found
            for name, found in tree.items()
            if name.startswith(f"{relpath}/")
        }
        return _directory_hash(below) if below else "absent"

    def caches(self) -> Iterator[Any]:
        """The places of this machine that hold objects: today's, and that of DVC 2.x."""
        yield self._repo.cache.local
        yield self._repo.cache.legacy

    def _cached(self, value: str, path: str, limit: int | None) -> bytes | None:
        with translated():
            for odb in self.caches():
                place = odb.oid_to_path(value)
                if odb.fs.exists(place):
                    return _content(odb.fs, place, path, limit)
        return None

    def _fetched(self, value: str, path: str, limit: int | None) -> bytes | None:
        for remote, odb in self.remotes():
            with remote_trouble(f"{path}: reading from the DVC remote {remote.name} ({address(remote)})"):
                place = odb.oid_to_path(value)
                if value in self.existing(odb, {value}):
                    raw = _content(odb.fs, place, path, limit)
                    self.pulled += len(raw)
                    self._keep(_verified(raw, value, path, odb.hash_name), value, odb.hash_name)
                    return raw
        return None

    def _keep(self, raw: bytes, value: str, hash_name: str) -> None:
        """Put what came out of a remote into the cache, so that it comes once; old hashes are not checked."""
        if hash_name != "md5":
            return
        cache = self.cache()
        place = Path(cache.oid_to_path(value))
        # Reading needs no cache that can be written.
        with suppress(ToolError):
            files.write(place, raw)
            cache.protect(str(place))

    def cache(self, legacy: bool = False) -> Any:
        """The place of this machine that holds today's objects, or those of DVC 2.x."""
        return self._repo.cache.legacy if legacy else self._repo.cache.local

    # ---- the remote ------------------------------------------------------------------------

    def remotes(self) -> Iterator[tuple[Any, Any]]:
        """The default remote with the places in it that hold objects: today's, and that of DVC 2.x."""
        remote = self._remote_or_none()
        if remote is not None:
            yield remote, remote.odb
            yield remote, remote.legacy_odb

    def odb(self, remote: Any, legacy: bool = False) -> Any:
        """The place in a remote that holds today's objects, or those of DVC 2.x."""
        return remote.legacy_odb if legacy else remote.odb

    def remote(self, name: str = "") -> Any:
        """A DVC remote by its name, or the default one.

        Raises:
            NoRemoteError: there is no default remote.
        """
        if name not in self._remotes:
            with translated():
                self._remotes[name] = self._repo.cloud.get_remote(name or None)
        return self._remotes[name]

    def has_remote(self) -> bool:
        """Whether a default remote is configured."""
        return self._remote_or_none() is not None

    def addresses(self) -> tuple[tuple[str, str], ...]:
        """Every configured remote with its address, the default one first."""
        with translated():
            config = self._repo.config
        default = config.get("core", {}).get("remote", "")
        named = ((name, str(remote.get("url", ""))) for name, remote in config.get("remote", {}).items())
        return tuple(sorted(named, key=lambda pair: (pair[0] != default, pair[0])))

    def _remote_or_none(self) -> Any:
        try:
            return self.remote()
        except NoRemoteError:
            return None

    def missing(self, outs: Iterable[Any]) -> tuple[Any, ...] | None:
        """The outputs whose objects their remote lacks; None without a remote. Needs no data."""
        if not self.has_remote():
            return None
        found = []
        groups: dict[tuple[str, bool], list[Any]] = {}
        for out in outs:
            groups.setdefault((out.remote or "", out.hash_name == "md5-dos2unix"), []).append(out)
        for (name, legacy), members in groups.items():
            remote = self.remote(name)
            odb = remote.legacy_odb if legacy else remote.odb
            there = self.existing(odb, {out.hash_info.value for out in members})
            whole = [out for out in members if out.hash_info.value in there]
            inside = {out.hash_info.value: self._files_of(out) for out in whole}
            there |= self.existing(odb, {oid for oids in inside.values() for oid in oids})
            found += [
                out
                for out in members
                if out.hash_info.value not in there or not inside[out.hash_info.value] <= there
            ]
        return tuple(found)

    def has(self, value: str) -> bool:
        """Whether the default remote, or without one the cache, has an object, a folder's files included.

        Raises:
            ToolError: the remote cannot be reached.
        """
        places = [odb for _, odb in self.remotes()] if self.has_remote() else list(self.caches())
        tree = self.tree(value) if value.endswith(".dir") else None
        wanted = {value, *(tree or {}).values()}
        for odb in places:
            wanted -= self.existing(odb, wanted)
        return not wanted

    def _files_of(self, out: Any) -> set[str]:
        tree = self.tree(out.hash_info.value) if out.hash_info.isdir else None
        return set(tree.values()) if tree else set()

    def existing(self, odb: Any, oids: Collection[str]) -> set[str]:
        """Which objects are at a place.

        Raises:
            ToolError: it cannot be asked.
        """
        with remote_trouble(f"asking {odb.fs.unstrip_protocol(odb.path)} what it has"):
            if odb.fs.protocol == "local":
                return {oid for oid in oids if odb.fs.exists(odb.oid_to_path(oid))}
            if odb.fs.protocol in ("http", "https"):
                return _existing_by_http(odb, sorted(oids))
            return set(odb.oids_exist(list(oids))) if oids else set()

    # ---- documents beside the data ---------------------------------------------------------

    def write(self, name: str, content: bytes) -> None:
        """Keep a document in the default remote, under ``mlops-ci/``.

        Raises:
            NoRemoteError: there is no default remote.
            ToolError: it cannot be written there.
        """
        remote = self.remote()
        with remote_trouble(f"writing {name} to the DVC remote {remote.name} ({address(remote)})"):
            place = self._place(remote, name)
            remote.fs.makedirs(remote.fs.parent(place), exist_ok=True)
            if remote.fs.protocol != "local":
                remote.fs.pipe_file(place, content)
                return
            # A folder that several jobs share: nobody may see half a document.
            draft = f"{place}.{hashlib.sha256(content).hexdigest()[:12]}.part"
            remote.fs.pipe_file(draft, content)
            remote.fs.mv(draft, place)

    def read_document(self, name: str, limit: int | None = None) -> bytes | None:
        """A document out of the default remote, or None where it is not there."""
        remote = self.remote()
        with remote_trouble(f"reading {name} from the DVC remote {remote.name} ({address(remote)})"):
            place = self._place(remote, name)
            return _content(remote.fs, place, name, limit) if _is_there(remote.fs, place) else None

    def documents(self, prefix: str = "") -> tuple[str, ...]:
        """The names of all documents below a folder of ``mlops-ci/``, sorted."""
        remote = self.remote()
        with remote_trouble(f"listing the DVC remote {remote.name} ({address(remote)})"):
            top = remote.fs.join(remote.path, FOLDER)
            folder = self._place(remote, prefix) if prefix else top
            if not remote.fs.exists(folder):
                return ()
            names = [remote.fs.relpath(found, top) for found in remote.fs.find(folder)]
            return tuple(sorted(name for name in names if not name.endswith(".part")))

    def _place(self, remote: Any, name: str) -> str:
        parts = name.split("/")
        if any(part in ("", ".", "..") for part in parts):
            raise ConfigError(f"{name!r} is no name for a document in the DVC remote")
        return str(remote.fs.join(remote.path, FOLDER, *parts))


def _is_there(fs: Any, place: str) -> bool:
    """Whether a file is there; the plug-in for the web takes trouble for a no unless it is told not to."""
    return bool(fs.fs.exists(place, strict=True) if fs.protocol in ("http", "https") else fs.exists(place))


def _existing_by_http(odb: Any, oids: Sequence[str]) -> set[str]:
    """Which objects a web server has."""
    # The first one alone: where the server cannot be asked at all, that is known at once.
    first = [_is_there(odb.fs, odb.oid_to_path(oid)) for oid in oids[:1]]
    with ThreadPoolExecutor(max_workers=odb.fs.jobs) as pool:
        rest = pool.map(lambda oid: _is_there(odb.fs, odb.oid_to_path(oid)), oids[1:])
        return {oid for oid, there in zip(oids, [*first, *rest], strict=True) if there}


def address(remote: Any) -> str:
    """Where a remote is, without secrets."""
    return without_secrets(str(remote.fs.unstrip_protocol(remote.path)))


def _content(fs: Any, place: str, path: str, limit: int | None) -> bytes:
    if limit is not None and (size := fs.size(place) or 0) > limit:
        raise TooLargeError(f"{path}: {size:,} bytes are more than the {limit:,} that are read")
    try:
        with fs.open(place, "rb") as file:
            return bytes(file.read())
    except FileNotFoundError as error:
        raise MissingFileError(f"{path}: gone while it was read") from error


def _verified(raw: bytes, value: str, path: str, hash_name: str) -> bytes:
    """What came over the network must be what was asked for; a legacy hash ignores line ends."""
    found = hashlib.md5(raw, usedforsecurity=False).hexdigest()
    if hash_name == "md5" and found != value.removesuffix(".dir"):
        raise ToolError(f"{path}: the DVC remote's object {value[:8]} is damaged", "push it again")
    return raw


def listed(raw: bytes) -> dict[str, str]:
    """Relative path -> hash of the files in the listing of a tracked directory."""
    return {entry["relpath"]: _entry_hash(entry) for entry in json.loads(raw)}


def _entry_hash(entry: Mapping[str, Any]) -> str:
    return str(entry.get("md5") or entry.get("etag") or entry.get("checksum") or "")


def _directory_hash(files: Mapping[str, str]) -> str:
    """DVC's hash of a directory."""
    entries = [{"md5": value, "relpath": name} for name, value in sorted(files.items())]
    raw = json.dumps(entries, sort_keys=True).encode()
    return hashlib.md5(raw, usedforsecurity=False).hexdigest() + ".dir"
