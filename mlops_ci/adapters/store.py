"""The evidence store: documents by their digest, found again by the dvc.lock they were measured on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mlops_ci import evidence
from mlops_ci.adapters import files
from mlops_ci.adapters.dvc import Dvc
from mlops_ci.errors import ConfigError, ToolError
from mlops_ci.evidence import Evidence

_DOCUMENTS = "evidence"


@dataclass(frozen=True)
class Store:
    """Beside the model bytes in the DVC remote, and in a folder where there is none or it is read-only.

    A document is content-addressed, so writing it twice is harmless; ``locks/<lock digest>/<digest>``
    leads from a dvc.lock to every document measured on it. Another ``index`` than ``locks`` is for documents
    that must not be taken for those.
    """

    dvc: Dvc
    folder: Path
    index: str = "locks"

    def write(self, document: Evidence) -> str:
        """Keep a document; gives a note where only the local folder could be written, else nothing."""
        names = self._names(document)
        content = document.canonical()
        for name, raw in zip(names, (content, b""), strict=True):
            files.write(self.folder / name, raw)
        try:
            if not self.dvc.store.has_remote():
                return "there is no DVC remote, so the evidence is kept in this clone only"
            for name, raw in zip(names, (content, b""), strict=True):
                self.dvc.remote_write(name, raw)
        except ToolError as error:
            return f"the evidence is kept in this clone only: {error.message}"
        return ""

    def find(
        self, lock_digest: str, accept: Callable[[Evidence], bool] = lambda _document: True
    ) -> Evidence | None:
        """The newest acceptable document measured on a dvc.lock, from the folder or the remote, or None.

        Raises:
            ToolError: the remote cannot be reached.
        """
        prefix = f"{self.index}/{_bare(lock_digest)}"
        names = {path.name for path in (self.folder / prefix).glob("*") if path.is_file()}
        if not names and self.dvc.store.has_remote():
            names = {name.rpartition("/")[2] for name in self.dvc.remote_list(prefix)}
        read = (self._read(name) for name in sorted(names))
        found = [document for document in read if document is not None and accept(document)]
        return max(found, key=lambda document: (document.created, document.digest), default=None)

    def _names(self, document: Evidence) -> tuple[str, str]:
        name = _bare(document.digest)
        return (
            f"{_DOCUMENTS}/{name[:2]}/{name}.json",
            f"{self.index}/{_bare(document.lock.digest)}/{name}",
        )

    def _read(self, name: str) -> Evidence | None:
        """A document whose bytes are what its name says; anything else is no evidence."""
        path = f"{_DOCUMENTS}/{name[:2]}/{name}.json"
        local = self.folder / path
        raw = local.read_bytes() if local.is_file() else None
        if raw is None and self.dvc.store.has_remote():
            raw = self.dvc.remote_read(path)
        if raw is None:
            return None
        try:
            document = evidence.read(raw, path)
        except ConfigError:
            return None
        return document if _bare(document.digest) == name else None


def _bare(digest: str) -> str:
    return digest.removeprefix("sha256:")
