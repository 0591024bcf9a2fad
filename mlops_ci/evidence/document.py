"""The whole document, its canonical form, and how it is read back as untrusted data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Literal

from pydantic import Field, ValidationError

from mlops_ci.errors import ConfigError
from mlops_ci.evidence.models import ModelEvidence
from mlops_ci.evidence.parts import Document, Scalar, Waiver, Where
from mlops_ci.evidence.run import Base, FileChange, Lock, Pace, ParamChange, Repository, StageRun

SCHEMA_VERSION = 1
MAX_BYTES = 4_000_000


class Problem(Document):
    """Something that could not be measured; it reaches the report instead of stopping it."""

    where: Where
    revision: Literal["head", "base"]
    message: str
    hint: str = ""


class PolicyEdit(Document):
    """A rule the pull request edits. It takes effect after the merge, not for this verdict."""

    where: Where
    key: str
    old: Scalar = None
    new: Scalar = None


class Environment(Document):
    """The machine and the versions the numbers were measured with."""

    python: str
    platform: str
    cpu_count: int
    packages: Mapping[str, str] = Field(default_factory=dict)


class Evidence(Document):
    """Everything measured about one candidate, as one document of bounded size.

    ``timings`` are wall seconds per phase. ``digest`` is the sha256 of the canonical JSON.
    """

    schema_version: Literal[1] = Field(default=1, alias="schema")
    created: str
    tool: str
    repository: Repository
    base: Base
    lock: Lock
    stages: tuple[StageRun, ...] = ()
    pace: Pace | None = None
    params: tuple[ParamChange, ...] = ()
    files: tuple[FileChange, ...] = ()
    models: tuple[ModelEvidence, ...] = ()
    problems: tuple[Problem, ...] = ()
    policy_edits: tuple[PolicyEdit, ...] = ()
    environment: Environment
    timings: Mapping[str, float] = Field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()

    def canonical(self) -> bytes:
        """Canonical JSON: sorted keys, no spaces, UTF-8, no NaN. Equal documents give equal bytes."""
        plain = self.model_dump(mode="json", by_alias=True)
        text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        # Half a character (a lone surrogate) in some file of a project must not cost the whole document.
        return text.encode(errors="replace")

    def only(self, model: str) -> Evidence:
        """The same document with the evidence of one model alone."""
        return self.model_copy(update={"models": tuple(one for one in self.models if one.name == model)})

    @property
    def digest(self) -> str:
        """The document's name: ``sha256:`` and the hex digest of its canonical JSON."""
        return "sha256:" + hashlib.sha256(self.canonical()).hexdigest()


# One entry a version left behind: it takes that version's plain dictionary to the next one.
UPGRADES: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}


def read(raw: bytes | str, source: str = "evidence.json") -> Evidence:
    """Read a document of this or any earlier schema version, as untrusted data.

    Raises:
        ConfigError: it is too large, no JSON, of a newer schema, or does not fit the schema.
    """
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"{source}: {len(raw):,} bytes is more than an evidence document may have")
    try:
        return _fitted(_plain(raw, source), source)
    except RecursionError as error:
        raise ConfigError(f"{source}: is nested too deeply") from error


def _plain(raw: bytes | str, source: str) -> dict[str, Any]:
    """The plain dictionary of the newest schema version."""
    try:
        plain = json.loads(raw)
    except ValueError as error:
        raise ConfigError(f"{source}: not JSON ({error})") from error
    version = plain.get("schema") if isinstance(plain, dict) else None
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ConfigError(f"{source}: has no evidence schema version")
    if version > SCHEMA_VERSION:
        raise ConfigError(
            f"{source}: schema {version} is newer than this mlops-ci reads ({SCHEMA_VERSION})",
            "upgrade mlops-ci",
        )
    for step in range(version, SCHEMA_VERSION):
        plain = UPGRADES[step](plain)
    found: dict[str, Any] = plain
    return found


def _fitted(plain: dict[str, Any], source: str) -> Evidence:
    try:
        return Evidence.model_validate_json(json.dumps(plain))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{source}: {place}: {first['msg']}") from error
