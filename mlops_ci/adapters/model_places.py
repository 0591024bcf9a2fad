"""Where a model store may be: a folder, a bucket, or beside the data in the DVC remote."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from mlops_ci.adapters import buckets
from mlops_ci.adapters.dvc_errors import NoRemoteError, remote_trouble
from mlops_ci.adapters.dvc_store import FOLDER, Store
from mlops_ci.errors import ConfigError, ToolError

BLOCK = 8 << 20
MAX_DOCUMENT = 64_000_000
# Whole files are written here first where a store can rename; what a killed run left may be removed.
DRAFTS = "drafts"
INSTALL = "pip install 'mlops-ci[promotion]'"
_SHAPES = "write s3://BUCKET/FOLDER, gs://BUCKET/FOLDER or a folder"


@dataclass(frozen=True)
class Place:
    """A folder of some file system; names below it are relative and separated by slashes.

    ``address`` is how the addresses of its files begin. ``trouble`` gives a block in which whatever the
    file system raises becomes one line. ``kind``: folder, bucket or remote.
    """

    fs: Any
    path: str
    address: str
    kind: str
    trouble: Callable[[str], AbstractContextManager[None]]

    def uri(self, name: str) -> str:
        """The address of a file below."""
        place = self._at(name)
        return Path(place).as_uri() if self.kind == "folder" else f"{self.address}/{name}"

    def name_of(self, uri: str) -> str:
        """The name below of an address; empty where it is not below."""
        if not uri.startswith(f"{self.address}/"):
            return ""
        inner = uri.removeprefix(f"{self.address}/")
        return unquote(inner) if self.kind == "folder" else inner

    def read(self, name: str) -> bytes | None:
        """A small document, or None where it is not there.

        Raises:
            ToolError: it cannot be read, or is far too large for a document.
        """
        with self.trouble(f"reading {self.uri(name)}"):
            try:
                with self.fs.open(self._at(name), "rb") as file:
                    raw = bytes(file.read(MAX_DOCUMENT + 1))
            except FileNotFoundError:
                return None
        if len(raw) > MAX_DOCUMENT:
            raise ToolError(f"{self.uri(name)}: is too large to be one of our documents", "remove it")
        return raw

    def document(self, name: str) -> dict[str, Any]:
        """A JSON object; empty where there is none, or it is damaged: whoever needs it writes it anew."""
        try:
            plain = json.loads(self.read(name) or b"{}")
        except (ValueError, RecursionError):
            return {}
        return plain if isinstance(plain, dict) else {}

    def sizes(self, name: str) -> dict[str, int]:
        """The bytes of a file, as ``{"": bytes}``, or of all files below a folder by their relative names."""
        place = self._at(name)
        with self.trouble(f"looking at {self.uri(name)}"):
            try:
                found = self.fs.info(place)
            except FileNotFoundError:
                return {}
            if found["type"] != "directory":
                return {"": int(found["size"] or 0)}
            # DVC's own file systems list names alone.
            listed = (self.fs.fs if self.kind == "remote" else self.fs).find(place, detail=True)
        start = len(place.rstrip("/")) + 1
        return {str(path)[start:]: int(info["size"] or 0) for path, info in listed.items()}

    def hashed(self, name: str) -> tuple[str, int]:
        """The sha256 and the number of bytes of a file, read block by block.

        Raises:
            ToolError: it is not there, or cannot be read.
        """
        digest, size = hashlib.sha256(), 0
        with self.trouble(f"reading {self.uri(name)}"):
            try:
                with self.fs.open(self._at(name), "rb") as file:
                    while block := file.read(BLOCK):
                        digest.update(block)
                        size += len(block)
            except FileNotFoundError as error:
                raise ToolError(f"{self.uri(name)}: is gone", "publish the model again") from error
        return digest.hexdigest(), size

    def write(self, name: str, raw: bytes) -> None:
        """Write a small document whole or, where the store can rename, not at all.

        Raises:
            ToolError: it cannot be written.
        """
        with self._written(name) as place:
            self.fs.pipe_file(place, raw)

    def put(self, source: Path, name: str) -> None:
        """Copy a file of this machine there, block by block, like ``write``.

        Raises:
            ToolError: it cannot be written.
        """
        with self._written(name) as place:
            if self.kind != "bucket":
                self.fs.put_file(str(source), place)
                return
            # put_file would make an empty object for every folder on the way.
            with source.open("rb") as read, self.fs.open(place, "wb") as write:
                while block := read.read(BLOCK):
                    write.write(block)

    @contextmanager
    def _written(self, name: str) -> Iterator[str]:
        """Where to write a file; a draft that becomes it at the end, where the store can rename."""
        place = self._at(name)
        with self.trouble(f"writing {self.uri(name)}"):
            if self.kind == "remote":
                self.fs.makedirs(self.fs.parent(place), exist_ok=True)
            if self.kind != "folder":
                yield place
                return
            draft = self._at(f"{DRAFTS}/{secrets.token_hex(16)}")
            for needed in (Path(draft).parent, Path(place).parent):
                needed.mkdir(parents=True, exist_ok=True)
            try:
                yield draft
                Path(draft).replace(place)
            except BaseException:
                with suppress(OSError):
                    Path(draft).unlink()
                raise

    def _at(self, name: str) -> str:
        if any(part in ("", ".", "..") for part in name.split("/")) or "\\" in name:
            raise ConfigError(f"{name!r} is no name in a model store", "name the file otherwise")
        return f"{self.path.rstrip('/')}/{name}"


def place(address: str, top: Path, store: Store) -> Place:
    """The place of an address; without one it is beside the data in the default DVC remote.

    Relative folders are relative to ``top``.

    Raises:
        ConfigError: the address is none, what reads it is not installed, or there is no DVC remote.
        ToolError: a bucket's region cannot be found out.
    """
    if not address:
        return _remote(store)
    scheme, separator, rest = address.partition("://")
    if not separator:
        return folder(top / Path(address).expanduser())
    if f"{scheme}://" in buckets.SCHEMES:
        return bucket(address)
    if scheme == "file" and rest.startswith("/"):
        return folder(Path(unquote(urlsplit(address).path)))
    raise ConfigError(f"{address}: is no address of a model store", _SHAPES)


def elsewhere(address: str) -> Place:
    """The place of an address that a record names although the store of today is another one.

    Raises:
        ConfigError: it is not one that is read from here.
    """
    if address.startswith("file:///"):
        return folder(Path(unquote(urlsplit(address).path)))
    if address.startswith(buckets.SCHEMES):
        return bucket(address)
    raise ConfigError(f"{address}: is not the model store, and cannot be read from here", _SHAPES)


def folder(path: Path) -> Place:
    """A folder of this machine, which need not be there yet."""
    import fsspec

    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - links stay: a manifest names the mount, not its target
    return Place(fsspec.filesystem("file"), str(absolute), absolute.as_uri(), "folder", _disk_trouble)


def bucket(address: str) -> Place:
    """A folder in a bucket.

    Raises:
        ConfigError: the address is malformed, or pyarrow is missing.
        ToolError: the bucket's region cannot be found out.
    """
    from fsspec.implementations.arrow import ArrowFSWrapper

    opened, path = buckets.opened(address, INSTALL)

    @contextmanager
    def trouble(_doing: str) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            raise buckets.refusal(address, path.partition("/")[0], error) from error

    return Place(
        ArrowFSWrapper(opened, skip_instance_cache=True), path, address.rstrip("/"), "bucket", trouble
    )


def _remote(store: Store) -> Place:
    try:
        remote = store.remote()
    except NoRemoteError as error:
        raise ConfigError(
            "there is no place for the bytes of models: no default DVC remote and no promotion.store",
            "dvc remote add --default NAME URL, or set promotion.store in mlops-ci.yaml",
        ) from error
    path = str(remote.fs.join(remote.path, FOLDER, "models"))
    if remote.fs.protocol == "local":
        return folder(Path(path))

    def trouble(doing: str) -> AbstractContextManager[None]:
        return remote_trouble(f"{doing} in the DVC remote {remote.name}")

    return Place(remote.fs, path, str(remote.fs.unstrip_protocol(path)), "remote", trouble)


@contextmanager
def _disk_trouble(doing: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ToolError(
            f"{doing}: {error.strerror or error}",
            "look at the folder's permissions and its space, or choose another one as promotion.store",
        ) from error
