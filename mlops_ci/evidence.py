"""The vocabulary: Evidence is everything measured, a Finding is one judgement, a Verdict folds them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mlops_ci.errors import ConfigError

SCHEMA_VERSION = 1
MAX_BYTES = 4_000_000

Scalar = bool | int | float | str | None
Direction = Literal["higher", "lower"]


class Document(BaseModel):
    """A frozen piece of Evidence; unknown keys are refused, so a typo or a forgery cannot hide."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)


class Where(Document):
    """A place in the repository, for links and annotations; lines count from 1."""

    file: str
    line: int | None = None


class Waiver(Document):
    """A named owner's acceptance of one finding; it never hides the finding."""

    owner: str
    reason: str
    until: str


class Interval(Document):
    """A two-sided confidence interval; ``level`` is a share, 0.95 unless said."""

    low: float
    high: float
    level: float = 0.95


# ---- what was measured -------------------------------------------------------------------------


class Revision(Document):
    """A commit and how it was found, for example ``first parent of the merge ref``."""

    commit: str
    ref: str = ""
    how: str = ""


class Repository(Document):
    """What was measured: the commit, its branch and its pull request where there is one."""

    name: str
    commit: str
    branch: str = ""
    pull_request: int | None = None
    dirty: bool = False


class Base(Document):
    """What it is compared with (``metrics``) and whose rules judge it (``policy``).

    ``configured`` is False where the policy commit has no mlops-ci.yaml: the defaults judge then.
    """

    metrics: Revision | None = None
    policy: Revision | None = None
    configured: bool = False
    notes: tuple[str, ...] = ()


class StageReason(Document):
    """A stage that has to run, and why, in words such as ``params.yaml: train.lr changed``."""

    stage: str
    reasons: tuple[str, ...] = ()


class Lock(Document):
    """Whether dvc.lock holds what was measured.

    ``digest`` is the sha256 of every dvc.lock as measured, ``committed`` that of the commit's own.
    ``pushed`` is None where the remote was not asked; ``missing`` names what the remote lacks.
    ``commit`` is the commit that ``lock: commit`` made; ``patch`` is what ``lock: report`` proposes.
    """

    mode: Literal["verify", "commit", "report"]
    digest: str
    committed: str = ""
    base: str = ""
    stale: tuple[StageReason, ...] = ()
    comment_only: tuple[StageReason, ...] = ()
    pushed: bool | None = None
    missing: tuple[str, ...] = ()
    commit: str | None = None
    patch: str = ""
    note: str = ""


class StageRun(Document):
    """One stage of the pipeline in this run.

    ``ran`` executed its command, ``restored`` took its outputs from DVC's run cache, ``cached`` had
    nothing to do, ``failed`` ended with an error or a timeout, ``blocked`` waits for a failed one.
    ``saved`` is how long the stage took when it last ran (seconds), where that is known.
    """

    name: str
    status: Literal["ran", "restored", "cached", "failed", "blocked"]
    reasons: tuple[str, ...] = ()
    seconds: float | None = None
    saved: float | None = None
    error: str = ""
    tail: tuple[str, ...] = ()


class ParamChange(Document):
    """A parameter that differs from the base; ``feeds`` are all stages downstream of it."""

    where: Where
    key: str
    old: Scalar = None
    new: Scalar = None
    kind: Literal["changed", "added", "removed"] = "changed"
    feeds: tuple[str, ...] = ()


class FileChange(Document):
    """A data or code dependency that differs from the base; sizes in bytes.

    ``comment_only``: the file is Python and its syntax tree is the same, so no stage has to run.
    """

    where: Where
    role: Literal["data", "code", "command"]
    old: str | None = None
    new: str | None = None
    old_size: int | None = None
    new_size: int | None = None
    old_files: int | None = None
    new_files: int | None = None
    feeds: tuple[str, ...] = ()
    comment_only: bool = False


class Metric(Document):
    """One number a stage wrote, at head, at base and (later) of the live release.

    ``name`` is the dotted key; ``file`` the metrics file, ``stage`` what writes it. ``direction`` is
    inferred from the name and None where the name says nothing. ``problem`` says why ``head`` is
    missing (for example ``NaN``), ``base_problem`` the same for ``base``. ``seeds`` and
    ``base_seeds`` are the single values where a metric is the mean over training seeds.
    """

    name: str
    file: str
    stage: str = ""
    head: float | None = None
    base: float | None = None
    live: float | None = None
    direction: Direction | None = None
    problem: str = ""
    base_problem: str = ""
    seeds: tuple[float, ...] = ()
    base_seeds: tuple[float, ...] = ()


class Comparison(Document):
    """How sure a difference between two models is, measured on the same examples.

    ``delta`` is head minus base in the metric's own unit; ``interval`` its confidence interval,
    ``se`` its standard error, ``df`` the degrees of freedom where seeds entered (None: normal).
    ``p`` is two-sided against no difference; ``n`` counts the examples.
    ``seeds`` are how many trainings stand behind (head, base), ``seed_se`` their share of ``se``.
    """

    metric: str
    file: str = ""
    delta: float
    interval: Interval
    se: float
    df: float | None = None
    p: float
    n: int
    method: str
    seeds: tuple[int, int] = (1, 1)
    seed_se: float = 0.0


class Floor(Document):
    """What a trivial model scores on the same examples; ``margin`` is head against that floor."""

    metric: str
    file: str = ""
    kind: str
    value: float
    margin: Comparison


class Slice(Document):
    """One metric on one group of the evaluation set; ``comparison`` needs the base's predictions."""

    column: str
    level: str
    rows: int
    metric: str
    head: float
    base: float | None = None
    comparison: Comparison | None = None


class Predictions(Document):
    """The per-example predictions behind the comparisons.

    ``digest`` is the sha256 over the sorted examples of head. ``comparable`` is False where base was
    measured on other examples or has none; ``reason`` says why. ``notes`` name the metrics and groups
    that could not be compared although the predictions can be.
    """

    path: str
    task: Literal["binary", "multiclass", "regression"] | None = None
    rows: int = 0
    digest: str = ""
    base_rows: int | None = None
    base_digest: str = ""
    comparable: bool = False
    reason: str = ""
    seeds: int = 1
    notes: tuple[str, ...] = ()


class Plot(Document):
    """A curve or a confusion matrix, thinned to what a comment can show.

    ``head`` and ``base`` are (x, y) points for ``line``; for ``confusion`` they are rows of counts,
    actual by predicted, in the order of ``labels``.
    """

    id: str
    title: str
    kind: Literal["line", "confusion"]
    x: str = ""
    y: str = ""
    labels: tuple[str, ...] = ()
    head: tuple[tuple[float, ...], ...] = ()
    base: tuple[tuple[float, ...], ...] = ()


class Problem(Document):
    """Something that could not be measured; it reaches the report instead of stopping it."""

    where: Where
    revision: Literal["head", "base"]
    message: str
    hint: str = ""


class ModelEvidence(Document):
    """Everything measured about one model. ``changed`` is False where nothing that feeds it differs."""

    name: str
    path: str = ""
    dvcfile: str = ""
    stage: str = ""
    digest: str | None = None
    base_digest: str | None = None
    size: int | None = None
    changed: bool = True
    stages: tuple[str, ...] = ()
    metrics: tuple[Metric, ...] = ()
    predictions: Predictions | None = None
    comparisons: tuple[Comparison, ...] = ()
    floors: tuple[Floor, ...] = ()
    slices: tuple[Slice, ...] = ()
    plots: tuple[Plot, ...] = ()


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
    try:
        return Evidence.model_validate_json(json.dumps(plain))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{source}: {place}: {first['msg']}") from error


# ---- what is judged ----------------------------------------------------------------------------


class Status(StrEnum):
    """What a gate says about one subject."""

    PASS = "PASS"  # noqa: S105
    WARN = "WARN"
    INCONCLUSIVE = "INCONCLUSIVE"
    SKIP = "SKIP"
    FAIL = "FAIL"


class Finding(Document):
    """One gate's judgement of one subject, in one sentence.

    ``change`` is better, worse or inconclusive where two models were compared; ``direction`` says
    which way is good. ``required`` makes a SKIP count as incomplete.
    """

    gate: str
    subject: str
    status: Status
    sentence: str
    model: str = ""
    metric: str = ""
    file: str = ""
    value: float | None = None
    delta: float | None = None
    interval: Interval | None = None
    limit: str = ""
    direction: Direction | None = None
    change: Literal["better", "worse", "inconclusive", "same"] | None = None
    hint: str = ""
    where: Where | None = None
    required: bool = False
    waiver: Waiver | None = None


class Outcome(StrEnum):
    """The four ends a run can have."""

    PASSED = "passed"
    WARNED = "warned"
    INCOMPLETE = "incomplete"
    REFUSED = "refused"


class Verdict(Document):
    """The fold over all findings; ``strict`` turned a warning into a refusal."""

    outcome: Outcome
    strict: bool = False
    reasons: tuple[Finding, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 for passed or warned, 1 for refused or incomplete."""
        return 1 if self.outcome in (Outcome.REFUSED, Outcome.INCOMPLETE) else 0


def verdict(findings: Iterable[Finding], *, strict: bool = False) -> Verdict:
    """Fold findings: a FAIL without a waiver refuses, a required SKIP leaves incomplete, then warnings."""
    found = tuple(findings)
    failed = tuple(f for f in found if f.status is Status.FAIL and f.waiver is None)
    skipped = tuple(f for f in found if f.status is Status.SKIP and f.required)
    warned = tuple(
        f
        for f in found
        if f.status in (Status.WARN, Status.INCONCLUSIVE)
        or (f.status is Status.FAIL and f.waiver is not None)
    )
    if failed:
        return Verdict(outcome=Outcome.REFUSED, reasons=failed)
    if strict and any(f.waiver is None for f in warned):
        return Verdict(
            outcome=Outcome.REFUSED, strict=True, reasons=tuple(f for f in warned if f.waiver is None)
        )
    if skipped:
        return Verdict(outcome=Outcome.INCOMPLETE, reasons=skipped)
    if warned:
        return Verdict(outcome=Outcome.WARNED, reasons=warned)
    return Verdict(outcome=Outcome.PASSED)
