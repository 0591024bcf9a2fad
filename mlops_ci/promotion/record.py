"""The promotion record: what one promotion changed, on what evidence, asked for by whom.

It rides in the commit that changes the manifest, twice with the same bytes: as ``promotions/<environment>/
<model>.yaml``, the newest, and below ``promotions/log/``, where nothing is ever changed. Each names the
sha256 of the one before it, so the log is a chain.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mlops_ci.errors import ConfigError
from mlops_ci.rollout import Release, Rollout, Served

SCHEMA: Literal["mlops-ci/promotion/v1"] = "mlops-ci/promotion/v1"
FOLDER = "promotions"
_ODD_BREAKS = re.compile("[\x85\u2028\u2029]")
Action = Literal["promote", "ramp", "shadow", "rollback", "hold", "unhold"]


class Part(BaseModel):
    """A frozen piece of a record; unknown keys are refused, so that a forgery cannot hide."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True, ser_json_inf_nan="constants"
    )


class Named(Part):
    """A release, by everything that is known of it; see ``rollout.Release``.

    ``digest`` is empty where somebody put it there whose address names none; a promoted one has it.
    """

    digest: str = Field(pattern=r"^(sha256:[0-9a-f]{64})?$")
    uri: str
    version: str = ""
    commit: str = ""
    lock: str = ""
    md5: str = ""
    evidence: str = ""
    size: int | None = None

    @classmethod
    def of(cls, release: Release, size: int | None = None) -> Named:
        """The release as a record names it."""
        return cls(
            digest=release.digest,
            uri=release.uri,
            version=release.version,
            commit=release.commit,
            lock=release.lock,
            md5=release.md5,
            evidence=release.evidence,
            size=size,
        )

    def release(self, model: str) -> Release:
        """The release of a model."""
        return Release(
            model=model,
            digest=self.digest,
            uri=self.uri,
            commit=self.commit,
            version=self.version,
            lock=self.lock,
            md5=self.md5,
            evidence=self.evidence,
        )


class State(Part):
    """What is live after the promotion, the hidden stable release included; percents of requests."""

    stable: Named | None = None
    candidate: Named | None = None
    traffic: int = Field(default=0, ge=0, le=100)
    mirror: int = Field(default=0, ge=0, le=100)

    @property
    def rollout(self) -> Rollout:
        """The same as a rollout."""

        def served(named: Named | None) -> Served | None:
            return Served(named.uri, named.digest) if named else None

        return Rollout(served(self.stable), served(self.candidate), self.traffic, self.mirror)


class Step(Part):
    """Where in its strategy the promotion is: step ``number`` of ``of``, counted from 1."""

    strategy: str
    number: int = Field(ge=1)
    of: int = Field(ge=1)


class Source(Part):
    """The model repository at the release's commit, and what made it."""

    repository: str = ""
    commit: str = ""
    pull_requests: tuple[int, ...] = ()
    stage: str = ""
    output: str = ""
    dvcfile: str = ""


class Input(Part):
    """Data that a release was made of, by DVC's hash."""

    path: str
    md5: str
    size: int | None = None


class Metric(Part):
    """A metric of the candidate and of the champion (what was live), with the interval of the difference.

    ``direction`` says which way is good, higher or lower; empty where nobody knows.
    """

    name: str
    file: str = ""
    candidate: float | None = None
    champion: float | None = None
    low: float | None = None
    high: float | None = None
    direction: str = ""


class Judgement(Part):
    """What a gate said, in one sentence."""

    gate: str
    subject: str
    status: str
    sentence: str


class Accepted(Part):
    """A waiver that the release carries."""

    finding: str
    owner: str
    reason: str
    until: str


class Summary(Part):
    """The evidence in short: its digest, verdict, metrics, gates, waivers. The whole is in the model store.

    ``champion`` is the digest of the live release that was compared with, empty where there was none.
    ``examples`` is the digest of the evaluation set (``Predictions.digest`` of the evidence), so that a later
    candidate knows whether its metrics can be compared with these; empty where there are no predictions.
    """

    digest: str = ""
    verdict: str = ""
    champion: str = ""
    examples: str = ""
    metrics: tuple[Metric, ...] = ()
    gates: tuple[Judgement, ...] = ()
    waivers: tuple[Accepted, ...] = ()


class Edit(Part):
    """One value of a manifest that changed; None: was not there, or is no longer."""

    file: str
    place: str
    old: Any = None
    new: Any = None


class Approval(Part):
    """A review of a pull request as its forge told it."""

    user: str
    at: str = ""
    commit: str = ""


class Merge(Part):
    """How the promotion before this one was merged, as its forge told it."""

    pull_request: int
    url: str = ""
    merged_by: str = ""
    merged_at: str = ""
    commit: str = ""
    approvals: tuple[Approval, ...] = ()


class Previous(Part):
    """The record before this one: its number and the sha256 of its bytes; and how it was merged."""

    number: int = Field(ge=1)
    digest: str = Field(pattern=r"^sha256:[0-9a-f]{64}$")
    merge: Merge | None = None


class Hold(Part):
    """Why newer releases are not promoted here, and by whom it was said."""

    reason: str
    by: str = ""


class Record(Part):
    """One promotion of one model in one environment; ``number`` counts them from 1."""

    schema_version: Literal["mlops-ci/promotion/v1"] = Field(default=SCHEMA, alias="schema")
    number: int = Field(ge=1)
    environment: str
    model: str
    action: Action
    before: State
    after: State
    release: Named
    step: Step | None = None
    source: Source = Source()
    data: tuple[Input, ...] = ()
    params: Mapping[str, Any] = Field(default_factory=dict)
    evidence: Summary = Summary()
    edits: tuple[Edit, ...] = ()
    hold: Hold | None = None
    reason: str = ""
    requested_by: str = ""
    automatic: bool = False
    tool: str = ""
    previous: Previous | None = None

    @model_validator(mode="after")
    def _named(self) -> Record:
        if not self.release.digest:
            raise ValueError("the release has no digest")
        return self

    @property
    def id(self) -> str:
        """``environment/model/number``."""
        return f"{self.environment}/{self.model}/{self.number}"

    @property
    def current_path(self) -> str:
        """The file that holds the newest record of this target."""
        return current_path(self.environment, self.model)

    @property
    def log_path(self) -> str:
        """The file of the log that holds this record for good."""
        short = self.release.digest.removeprefix("sha256:")[:12]
        folder = f"{FOLDER}/log/{self.environment}/{self.model}"
        return f"{folder}/{self.number:04d}-{self.action}-{short}.yaml"

    def text(self) -> str:
        """The record as YAML, the same bytes for the same record; what is empty is left out."""
        plain = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        # Half a character (a lone surrogate) in somebody's words must not cost the record.
        told = json.dumps({"schema": SCHEMA, **plain}, ensure_ascii=False).encode(errors="replace")
        dumped: str = yaml.dump(
            json.loads(told),
            Dumper=_Dumper,
            sort_keys=False,
            allow_unicode=True,
            width=120,
            default_flow_style=False,
        )
        return dumped

    @property
    def digest(self) -> str:
        """The sha256 of its bytes: how the next record names it."""
        return digest(self.text())


class _Dumper(yaml.SafeDumper):
    """The slow one, the same everywhere: the C one folds and quotes otherwise, and is not always built."""


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    """Text in quotes where it has breaks of lines that readers of YAML do not agree on."""
    style = '"' if _ODD_BREAKS.search(value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def digest(text: str) -> str:
    """The sha256 of a record's bytes as they stand in a file."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def current_path(environment: str, model: str) -> str:
    """The file that holds the newest record of a target."""
    return f"{FOLDER}/{environment}/{model}.yaml"


def read(text: str, where: str) -> Record:
    """Read a record, as untrusted data.

    Raises:
        ConfigError: it is no YAML, of a newer schema, or does not fit it.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        plain = yaml.load(text, Loader=loader)  # noqa: S506 - a safe loader, the C one where it is built
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ConfigError(f"{where}: is no YAML ({' '.join(str(error).split())[:200]})") from error
    version = plain.get("schema") if isinstance(plain, dict) else None
    if version != SCHEMA:
        raise ConfigError(
            f"{where}: is no promotion record of the schema {SCHEMA}",
            "a newer mlops-ci may have written it: upgrade",
        )
    try:
        return Record.model_validate(plain)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{where}: {place}: {first['msg']}") from error
