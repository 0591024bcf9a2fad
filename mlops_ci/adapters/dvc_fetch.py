"""Fetching: a forked task that brings what stages read from the remote into DVC's cache, and says what it moved."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_ci.adapters import files
from mlops_ci.adapters.dvc_errors import remote_trouble
from mlops_ci.errors import MlopsError


@dataclass(frozen=True)
class FetchTask:
    """Bring the objects of ``needs`` (paths from the DVC root: outputs, sources, or files inside of them) into
    the cache. ``answer`` gets JSON: ``bytes`` moved, or ``error``, ``hint`` and ``fatal`` (our exit code).

    For ``Child.fork``: ``repo`` is the parent's, already open.
    """

    repo: Any
    needs: tuple[str, ...]
    answer: Path

    def __call__(self) -> int:
        """In the child; always ends with 0, what happened is in the answer."""
        os.chdir(self.repo.root_dir)
        for name in ("dvc", "dvc_data", "dvc_objects"):
            logging.getLogger(name).setLevel(logging.ERROR)
        files.write(self.answer, json.dumps(self._fetch()).encode())
        return 0

    def _fetch(self) -> Mapping[str, Any]:
        from dvc.exceptions import CheckoutError, FileTransferError

        names = ", ".join(self.needs[:5])
        try:
            with remote_trouble(f"fetching {names}"):
                moved = self.repo.fetch(targets=list(self.needs))
        except MlopsError as error:
            gone = isinstance(error.__cause__, CheckoutError | FileTransferError)
            message = f"the DVC remote does not have {names}" if gone else f"{names}: {error.message}"
            return {"error": message, "hint": error.hint, "fatal": error.exit_code}
        return {"bytes": 0, "files": moved}
