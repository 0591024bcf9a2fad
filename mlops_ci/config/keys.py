"""The keys of mlops-ci.yaml: each with type, default and one line, declared once."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import PurePosixPath, PureWindowsPath
from string import Formatter
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from mlops_ci.config.source import printable, shown, suggestion

# Safe as a part of a path, a branch name, a label and a file name on every system.
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = r"(?:[0-9]+(?:\.[0-9]+)?[smhd])+"
_LONGEST = 3650 * 86400
MAX_LABEL = 50  # characters that GitHub lets a label have


class Part(BaseModel):
    """A mapping of the configuration; unknown keys are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


# ---- what a value may be ---------------------------------------------------------------------------


def duration(value: object) -> timedelta:
    """Read ``90s``, ``30m``, ``1h30m`` or ``2d``."""
    if not isinstance(value, str) or not re.fullmatch(_DURATION, value):
        raise ValueError(f"expected a duration such as 90s, 30m or 2h, but {shown(value)} stands there")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"([0-9.]+)([smhd])", value))
    if seconds > _LONGEST:
        raise ValueError(f"{shown(value)} is longer than ten years")
    return timedelta(seconds=seconds)


def _some_time(value: timedelta) -> timedelta:
    if not value:
        raise ValueError("expected more than no time at all")
    return value


def file_path(value: str) -> str:
    """A path that stays inside the repository: relative, with ``/``, without ``..``."""
    if not value or not value.isprintable():
        raise ValueError("expected a path of printable characters")
    if "\\" in value or PureWindowsPath(value).drive or value.startswith(("/", "~", "-")):
        raise ValueError(
            f"expected a path relative to the repository, with `/`, but {shown(value)} stands there"
        )
    if ".." in PurePosixPath(value).parts:
        raise ValueError("a path may not leave the repository: `..` is not allowed in it")
    return value


def _source(value: str) -> str:
    """A file of the repository, an address such as s3://bucket/folder, or ``sql:`` and a query."""
    if value.startswith("sql:") or re.match(r"(s3|gs|gcs|abfs|abfss|hdfs)://", value):
        return value
    return file_path(value)


def name(value: str) -> str:
    """A name of a model or an environment, which becomes part of paths, branches and labels."""
    if not NAME.fullmatch(value):
        raise ValueError(
            f"{shown(value)} is not a safe name: use letters, digits, `.`, `_` and `-`, at most 100"
        )
    return value


def holds(*known: str) -> Callable[[str], str]:
    """A check that text uses no other placeholders than these."""

    def check(value: str) -> str:
        try:
            parts = list(Formatter().parse(value))
        except ValueError as error:
            raise ValueError("a `{` or `}` stands alone; write placeholders as {model}") from error
        for _, key, form, conversion in parts:
            if key is not None and (key not in known or form or conversion):
                words = suggestion(key, list(known))
                raise ValueError(f"unknown placeholder {{{printable(key)}}}; {words}")
        return value

    return check


def fill(template: str, **values: str) -> str:
    """A checked template with its placeholders filled; the values are safe names already."""
    return template.format_map(values)


def _commit(value: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{40}", value):
        raise ValueError(f"expected a full commit of 40 hex digits, but {shown(value)} stands there")
    return value


def _branch(value: str) -> str:
    if (
        not re.fullmatch(r"[^\s~^:?*\[\\\x00-\x1f\x7f-]+(?:[^\s~^:?*\[\\\x00-\x1f\x7f])*", value)
        or ".." in value
    ):
        raise ValueError(f"{shown(value)} is not a branch name")
    return value


def _repository(value: str) -> str:
    if not value.isprintable() or not value or value.startswith("-") or " " in value:
        raise ValueError(f"{shown(value)} is not a repository's URL or path")
    scheme = re.match(r"([A-Za-z0-9+.-]+)::?", value)
    if "::" in value or (
        "://" in value and (not scheme or scheme[1] not in ("https", "http", "ssh", "git", "file"))
    ):
        raise ValueError("expected https://, ssh://, git://, file://, user@host:path or a path")
    if re.match(r"https?://[^/@]*@", value):
        raise ValueError("no user and no password may stand in the URL: Git's credential helper knows them")
    return value


def _when(value: object) -> object:
    """One of the words, or a mapping with a label: whatever else stands there is told all of them."""
    if not isinstance(value, dict) and value not in ("push", "ready", "command"):
        raise ValueError(f"expected push, ready, command or {{label: NAME}}, but {shown(value)} stands there")
    return value


def _label(value: str) -> str:
    if not value.strip() or not value.isprintable() or len(value) > MAX_LABEL:
        raise ValueError(f"{shown(value)} is no label: a name of at most {MAX_LABEL} characters")
    return value


def _currency(value: str) -> str:
    if not re.fullmatch(r"[^\W\d_]{1,5}|\S", value) or not value.isprintable():
        raise ValueError(f"{shown(value)} is no currency: write a code such as USD or a sign such as €")
    return value


def _unique(values: tuple[str, ...]) -> tuple[str, ...]:
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"{shown(twice[0])} stands twice in the list")
    return values


def _owner(value: str) -> str:
    """A person or a team, as CODEOWNERS writes them; whose an address is GitHub does not tell."""
    if not re.fullmatch(r"@[A-Za-z0-9][A-Za-z0-9_-]{0,99}(?:/[A-Za-z0-9_.-]{1,100})?", value):
        raise ValueError(f"expected @person or @organization/team, but {shown(value)} stands there")
    return value


def _no_gate(value: object) -> object:
    if isinstance(value, dict):
        words = "expected a list of patterns; the options of the gate belong below gates.metrics"
        raise ValueError(words)  # noqa: TRY004 - pydantic turns only this one into a mistake
    return tuple(value) if isinstance(value, list) else value


Text = Annotated[str, Field(min_length=1)]
FilePath = Annotated[str, AfterValidator(file_path)]
ModelPath = Annotated[str, AfterValidator(file_path), AfterValidator(holds("model"))]
ManifestPath = Annotated[str, AfterValidator(file_path), AfterValidator(holds("environment", "model"))]
SourcePath = Annotated[str, AfterValidator(_source), AfterValidator(holds("model"))]
Pattern = Annotated[str, Field(min_length=1), AfterValidator(holds("model"))]
Name = Annotated[str, AfterValidator(name)]
_Price = Annotated[float, Field(ge=0, le=1000)]
_AsText = WithJsonSchema({"type": "string", "pattern": f"^{_DURATION}$"})
Duration = Annotated[timedelta, BeforeValidator(duration), _AsText]
Timeout = Annotated[timedelta, BeforeValidator(duration), AfterValidator(_some_time), _AsText]


# ---- the keys --------------------------------------------------------------------------------------


class Extends(Part):
    """A policy file of another repository, pinned by commit; this file is merged over it."""

    repository: Annotated[str, AfterValidator(_repository)] = Field(
        description="URL of the policy's Git repository, or a path on this machine."
    )
    commit: Annotated[str, AfterValidator(_commit)] = Field(
        description="The full commit, 40 hex digits; branches and tags move, so they are not accepted.",
        json_schema_extra={"pattern": "^[0-9a-f]{40}$"},
    )
    path: FilePath = Field(default="mlops-ci.yaml", description="The policy file in that repository.")


class Policy(Part):
    """What a policy file says about the files that extend it."""

    locked: Annotated[tuple[Text, ...], AfterValidator(_unique)] = Field(
        default=(),
        description="Dotted keys, such as gates.metrics.limits, that a file which extends it may not change.",
    )


class Columns(Part):
    """The names of the columns in the predictions; null says that there is no such column."""

    y_true: Text = Field(default="y_true", description="What was true.")
    y_pred: Text = Field(default="y_pred", description="What the model predicted.")
    y_score: Text | None = Field(
        default="y_score",
        description="The predicted probability, where it is there; of several classes y_score_<class>.",
    )
    id: Text | None = Field(
        default=None, description="What identifies an example; without it rows are compared in order."
    )
    seed: Text | None = Field(
        default=None,
        description="The training seed, where one table holds the predictions of several trainings.",
    )
    groups: Annotated[tuple[Text, ...], AfterValidator(_unique)] = Field(
        default=(),
        description="Columns that split the evaluation set into slices, for example sex or region.",
    )


class Seeds(Part):
    """Repeat the stages from training to evaluation over several seeds."""

    count: int = Field(ge=2, le=100, description="How many trainings.")
    param: Text | None = Field(
        default=None,
        description="The parameter that holds the seed, for example train.seed; default: found by its name.",
    )


class Data(Part):
    """The tables that the checks look at, and what may be told of their columns."""

    train: SourcePath | None = Field(
        default=None, description="The table the model learns from: a stage's output or a tracked file."
    )
    test: SourcePath | None = Field(default=None, description="The table the model is measured on.")
    production: SourcePath | None = Field(
        default=None,
        description="What the model is asked in production: a file, a folder, s3://..., or sql:SELECT ...",
    )
    live: Text | None = Field(
        default=None,
        description="The commit, tag or branch of the live release, whose training table is a reference too.",
    )
    database: Text | None = Field(
        default=None,
        description="URL of the database that sql: sources ask; ${NAME} is taken from the environment.",
    )
    schema_path: FilePath | None = Field(
        default=None,
        alias="schema",
        description="The schema of the tables, from `mlops-ci data infer`, reviewed in Git.",
    )
    target: Text | None = Field(default=None, description="The column that is to be predicted.")
    id: Text | None = Field(default=None, description="The column that identifies a row; it is not compared.")
    features: Annotated[tuple[Text, ...], AfterValidator(_unique)] = Field(
        default=(), description="The columns the model sees; default: all but target and id."
    )
    categorical: Annotated[tuple[Text, ...], AfterValidator(_unique)] = Field(
        default=(), description="Columns of numbers that are codes of categories."
    )
    ignore: Annotated[tuple[Text, ...], AfterValidator(_unique)] = Field(
        default=(), description="Columns, or globs of them, that are not compared."
    )
    sensitive: Annotated[tuple[Text, ...], AfterValidator(_unique)] = Field(
        default=(), description="Columns whose values are only told as hashes, whatever else is said."
    )
    show_values: bool | Annotated[tuple[Text, ...], AfterValidator(_unique)] = Field(
        default=False,
        description="Columns whose values reports may show: names, or true for all that are not sensitive.",
    )
    engine: Literal["numpy", "duckdb", "polars", "spark"] = Field(
        default="numpy",
        description="What profiles the tables; all but numpy are for tables that outgrow a machine.",
    )


class ModelSettings(Part):
    """How a model is measured; ``defaults`` says it for all models, a model's own entry for one."""

    predictions: ModelPath | None = Field(
        default=None,
        description="The file of the per-example predictions, or a glob that gives one a seed; "
        "default: the output of its stages with `prediction` in its name.",
    )
    columns: Columns = Field(default=Columns(), description="The names of the predictions' columns.")
    data: Data = Field(default=Data(), description="The tables that the checks look at.")
    seeds: Annotated[int, Field(ge=1, le=100)] | Seeds | None = Field(
        default=None, description="How many seeds to train with, so that their spread enters every interval."
    )
    metrics: Annotated[tuple[Pattern, ...], BeforeValidator(_no_gate), AfterValidator(_unique)] = Field(
        default=(),
        description="Metrics files, metric names or file:name that belong to the model, with * for any text; "
        "default: found through the DVC graph.",
    )
    floor: Literal["auto", "last_value"] = Field(
        default="auto",
        description="The trivial model to beat: auto is majority class, class shares, mean or median; "
        "last_value repeats the value before, for a time series.",
    )


def _artifact(value: str) -> str:
    file, _, _artifact_name = value.rpartition(":")
    file_path(file or value)
    return value


class ModelEntry(ModelSettings):
    """One model: what it does not say comes from ``defaults``."""

    artifact: Annotated[str, AfterValidator(_artifact)] | None = Field(
        default=None,
        description="What the model is: an artifact's name, folder/dvc.yaml:name, or a dvc.yaml as a whole; "
        "default: the artifact with the model's name.",
    )


class Environment(Part):
    """A named deployment target; used by promotions."""

    manifest: ManifestPath = Field(
        default="deploy/{environment}/{model}.yaml", description="The manifest that says what is live there."
    )
    after: Name | None = Field(
        default=None, description="The environment a release must be live in before it comes here."
    )
    strategy: Literal["direct", "canary", "blue_green", "shadow"] = Field(
        default="direct", description="How a release takes over."
    )
    soak: Duration = Field(
        default=timedelta(),
        description="How long a release must have been live in `after`, for example 24h.",
        json_schema_extra={"default": "0s"},
    )
    approvals: int = Field(default=0, ge=0, le=20, description="How many people must approve a promotion.")


class Label(Part):
    """A pull request is run once it carries a label."""

    label: Annotated[str, AfterValidator(_label)] = Field(
        description="The label, by its name on GitHub, that a pull request carries to be run."
    )


class Publishing(Part):
    """How the comment is posted."""

    publisher: Literal["auto", "api", "cml"] = Field(
        default="auto",
        description="Who posts the comment: auto is the cml command where it is on PATH and would be right, "
        "else the API; cml says why where the API had to; api never asks cml.",
    )


class Cost(Part):
    """What the time of runners costs, so that reports name money beside minutes."""

    currency: Annotated[str, AfterValidator(_currency)] = Field(
        default="USD", description="What prices are in."
    )
    per_minute: _Price | dict[Text, _Price] = Field(
        description="The price of a minute: one for all runners, or one by the runner's label; "
        "minutes are rounded up."
    )


When = Annotated[Literal["push", "ready", "command"] | Label, BeforeValidator(_when)]


class Waivers(Part):
    """Who may accept a finding for some days, by a comment on the pull request."""

    owners: Annotated[tuple[Annotated[str, AfterValidator(_owner)], ...], AfterValidator(_unique)] = Field(
        default=(),
        description="People and teams, for example @ada or @acme/ml-leads; "
        "default: the owners of this file in CODEOWNERS.",
    )
    max_days: int = Field(
        default=30, ge=0, le=365, description="How many days a waiver may hold at most; 0: nobody may waive."
    )


class Settings(Part):
    """What mlops-ci.yaml says about the repository as a whole."""

    version: Literal[1] = Field(default=1, description="The version of this file's format.")
    extends: Extends | None = Field(
        default=None, description="A policy file of another repository; this file is merged over it."
    )
    policy: Policy = Field(default=Policy(), description="Only in a policy file: what others may not change.")
    lock: Literal["verify", "commit", "report"] = Field(
        default="report",
        description="What happens when dvc.lock is behind: verify refuses, commit updates the branch, "
        "report proposes a patch.",
    )
    strict: bool = Field(default=False, description="Whether a warning refuses.")
    timeout: Timeout = Field(
        default=timedelta(hours=2),
        description="How long one stage may run, for example 90s, 30m or 2h.",
        json_schema_extra={"default": "2h"},
    )
    when: When = Field(
        default="push",
        description="When a pull request is run on GitHub: push is at every push, ready not while it is a "
        "draft, command once somebody who may push asks by /mlops-ci run, {label: NAME} once it carries the "
        "label. What changes nothing that feeds a model is never held back.",
    )
    comment: Publishing = Field(default=Publishing(), description="The comment on the pull request.")
    cost: Cost | None = Field(
        default=None, description="Prices of runners, for the report; without them it names the time alone."
    )
    base: Annotated[str, AfterValidator(_branch)] | None = Field(
        default=None,
        description="The branch that pull requests go to; default: the remote's default branch.",
    )
    templates: FilePath = Field(default=".mlops-ci", description="The folder with your own report templates.")
    environments: dict[Name, Environment] = Field(
        default_factory=dict, description="Where releases go, by the environment's name."
    )
    waivers: Waivers = Field(
        default=Waivers(), description="Who may accept a finding for some days, by a comment."
    )
