"""The bytes of released models by their sha256: copied, checked, found again; and their evidence."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from mlops_ci import evidence
from mlops_ci.adapters import model_bytes, model_places
from mlops_ci.adapters.dvc import Dvc
from mlops_ci.adapters.model_bytes import Bytes
from mlops_ci.adapters.model_places import Place
from mlops_ci.errors import ConfigError, MlopsError, ToolError
from mlops_ci.evidence import Evidence
from mlops_ci.rollout import Release

_MODEL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_ADDRESS = re.compile(r"(?P<root>.+)/(?P<name>[^/]+/sha256-(?P<hex>[0-9a-f]{64})/[^/]+)")


@dataclass(frozen=True)
class Published:
    """A model as the store has it, or would have it.

    ``digest`` is of its bytes, ``uri`` what a manifest names, ``md5`` what DVC calls it; ``size`` in bytes,
    ``files`` counts them. ``new``: the store did not have it before.
    """

    model: str
    digest: str
    uri: str
    size: int
    files: int
    md5: str
    new: bool


@dataclass(frozen=True)
class ModelStore:
    """A content-addressed store of models; docs/releases.md says what lies where.

    ``MODEL/sha256-HEX/NAME`` is the model and ``NAME.manifest.json`` beside it, written last, says that it is
    whole. ``MODEL/by-md5/MD5.json`` leads from DVC's hash to both.
    """

    place: Place
    dvc: Dvc

    @classmethod
    def of(cls, address: str, dvc: Dvc) -> ModelStore:
        """The store of an address: s3://, gs://, file:// or a folder; empty: in the default DVC remote.

        Raises:
            ConfigError: it is no address, what reads it is not installed, or there is no DVC remote.
        """
        return cls(model_places.place(address, dvc.top, dvc.store), dvc)

    # ---- publishing ------------------------------------------------------------------------

    def publish(self, model: str, path: str, md5: str) -> Published:
        """Copy a model there unless it is there; what was copied is read back and compared.

        ``path`` is the output and ``md5`` its hash in dvc.lock. Published again it costs three requests and
        no byte of the model.

        Raises:
            ToolError: nobody has the bytes, they are damaged, or the store cannot be written or does not
                give back what was written.
        """
        known = self.published(model, md5)
        if known is not None and known.uri == self.place.uri(_named(model, known.digest, path)):
            return known
        with model_bytes.gathered(self.dvc, path, md5) as found:
            name = _named(model, found.digest, path)
            self._copy(name, found)
            self._complete(name, md5, found)
            return self._told(name, found.digest, md5, _sizes(found), new=True)

    def would_publish(self, model: str, path: str, md5: str) -> Published:
        """What ``publish`` would give; nothing is written.

        Raises:
            ToolError: nobody has the bytes, or the store does not answer.
        """
        known = self.published(model, md5)
        if known is not None and known.uri == self.place.uri(_named(model, known.digest, path)):
            return known
        with model_bytes.gathered(self.dvc, path, md5) as found:
            return self._told(_named(model, found.digest, path), found.digest, md5, _sizes(found), new=True)

    def published(self, model: str, md5: str) -> Published | None:
        """A model as it was published before, whole and with the right sizes; None where it has to be copied.

        Raises:
            ToolError: the store does not answer.
        """
        index = self.place.document(_index(model, md5))
        digest, file = str(index.get("digest", "")), str(index.get("name", ""))
        if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest) or not file or "/" in file:
            return None
        name = _named(model, digest, file)
        manifest = self.place.document(_manifest(name))
        sizes = _listed(manifest)
        if manifest.get("md5") != md5 or not sizes or self.place.sizes(name) != sizes:
            return None
        return self._told(name, digest, md5, sizes, new=False)

    def _copy(self, name: str, found: Bytes) -> None:
        for inner, file in found.files.items():
            target = f"{name}/{inner}" if inner else name
            self.place.put(file.source, target)
            if self.place.hashed(target) != (file.sha256, file.size):
                raise ToolError(
                    f"{self.place.uri(target)}: the store does not give back what was written",
                    "run it again; if it stays, the store or the way to it is broken",
                )

    def _complete(self, name: str, md5: str, found: Bytes) -> None:
        """Say that it is whole, then where it is found."""
        listed = [
            {"path": inner, "sha256": file.sha256, "size": file.size} for inner, file in found.files.items()
        ]
        manifest = {"digest": found.digest, "md5": md5, "size": found.size, "files": listed}
        self.place.write(_manifest(name), _json(manifest))
        model, _, file = name.split("/")
        self.place.write(_index(model, md5), _json({"digest": found.digest, "name": file}))

    def _told(self, name: str, digest: str, md5: str, sizes: Mapping[str, int], *, new: bool) -> Published:
        model = name.split("/", maxsplit=1)[0]
        return Published(model, digest, self.place.uri(name), sum(sizes.values()), len(sizes), md5, new)

    # ---- what is there ---------------------------------------------------------------------

    def exists(self, release: Release) -> bool:
        """Whether a release is there, whole and with the right sizes, at the address that it names.

        Raises:
            ConfigError: its address is no place in a model store that is read from here.
            ToolError: the store does not answer.
        """
        place, name = self._place_of(release)
        sizes = _listed(place.document(_manifest(name)))
        return bool(sizes) and place.sizes(name) == sizes

    def verify(self, release: Release) -> str:
        """What is wrong with the bytes of a release, read whole and hashed anew; empty where nothing is."""
        try:
            place, name = self._place_of(release)
            inside = place.sizes(name)
            if not inside:
                return f"{release.uri}: there is nothing"
            files = {inner: place.hashed(f"{name}/{inner}" if inner else name) for inner in inside}
        except MlopsError as error:
            return error.message
        found = model_bytes.digest(files)
        if found != release.digest:
            return f"{release.uri}: the bytes are {found[:19]}…, not {release.digest[:19]}…"
        return ""

    def _place_of(self, release: Release) -> tuple[Place, str]:
        """Where the release's own address is: here, or in the store of the time when it was published."""
        found = _ADDRESS.fullmatch(release.uri)
        if found is None or f"sha256:{found['hex']}" != release.digest:
            raise ConfigError(
                f"{release.uri}: is no address of {release.digest[:19]}… in a model store",
                "promote a release that `mlops-ci publish` published",
            )
        name = self.place.name_of(release.uri)
        if name:
            return self.place, name
        other = model_places.elsewhere(found["root"])
        return other, other.name_of(release.uri)

    # ---- evidence --------------------------------------------------------------------------

    def write_evidence(self, document: Evidence) -> str:
        """Keep the whole evidence of a release for good; gives its digest. One that is there stays.

        Raises:
            ToolError: the store cannot be written.
        """
        name = _evidence(document.digest)
        raw = document.canonical()
        if self.place.read(name) != raw:
            self.place.write(name, raw)
        return document.digest

    def read_evidence(self, digest: str) -> Evidence:
        """The evidence of that digest, checked.

        Raises:
            ToolError: it is not there, or its bytes are others than its name says.
            ConfigError: it is of a newer schema.
        """
        name = _evidence(digest)
        raw = self.place.read(name)
        if raw is None:
            raise ToolError(
                f"{self.place.uri(name)}: there is no such evidence", "is promotion.store the right store?"
            )
        if "sha256:" + hashlib.sha256(raw).hexdigest() != digest:
            raise ToolError(
                f"{self.place.uri(name)}: was changed: its bytes do not have that digest",
                "restore it from a backup, or measure again with `mlops-ci run`",
            )
        return evidence.read(raw, self.place.uri(name))


def _named(model: str, digest: str, path: str) -> str:
    """The model's name in the store: a model server wants the file's own, for it tells the format."""
    return f"{_folder(model)}/{digest.replace(':', '-')}/{PurePosixPath(path).name}"


def _index(model: str, md5: str) -> str:
    return f"{_folder(model)}/by-md5/{md5}.json"


def _folder(model: str) -> str:
    if not _MODEL.fullmatch(model):
        raise ConfigError(f"{model!r} is no name for a model in a store", "letters, digits, . _ and -")
    return model


def _manifest(name: str) -> str:
    return f"{name}.manifest.json"


def _evidence(digest: str) -> str:
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        raise ConfigError(f"{digest!r} is no digest of evidence")
    return f"evidence/{digest.replace(':', '-')}.json"


def _sizes(found: Bytes) -> dict[str, int]:
    return {inner: file.size for inner, file in found.files.items()}


def _listed(manifest: Mapping[str, Any]) -> dict[str, int]:
    """Name -> bytes as a manifest tells them; empty where it is damaged."""
    try:
        return {str(one["path"]): int(one["size"]) for one in manifest.get("files", ())}
    except (TypeError, KeyError, ValueError):
        return {}


def _json(plain: Mapping[str, Any]) -> bytes:
    return (json.dumps(plain, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
