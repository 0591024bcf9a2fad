"""What the job of one part hands on: what became of its stages, their lock entries, their small files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from mlops_ci.evidence import StageRun
from mlops_ci.evidence.parts import Document

FILE = "handover.json"
FILES = "files"
MAX_BYTES = 50_000_000


class HandedFile(Document):
    """A file that Git keeps and a stage wrote (``cache: false``): its sha256, its size in bytes."""

    sha256: str
    size: int


class HandOver(Document):
    """One part's result, beside the folder ``files/`` with the files it names.

    ``commit`` is what was checked out and ``base`` the digest of its dvc.lock files: a hand-over of another
    state is refused. ``entries`` maps a dvc.lock to its stages' new entries, as DVC writes them. ``pulled``
    and ``pushed`` are bytes to and from the DVC remote.
    """

    schema_version: Literal[1] = Field(default=1, alias="schema")
    part: str
    commit: str
    base: str
    stages: tuple[str, ...]
    runs: tuple[StageRun, ...] = ()
    entries: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)
    files: Mapping[str, HandedFile] = Field(default_factory=dict)
    pulled: int = 0
    pushed: int = 0
