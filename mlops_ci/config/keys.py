"""The keys of mlops-ci.yaml: each with type, default and one line, declared once."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from mlops_ci.config.environments import Environment, Promotion
from mlops_ci.config.values import (
    Address,
    Branch,
    Commit,
    Cpus,
    Currency,
    FilePath,
    LabelName,
    ModelPath,
    Name,
    Owner,
    Part,
    Pattern,
    Price,
    RunnerLabel,
    Size,
    SourcePath,
    Text,
    Texts,
    Timeout,
    file_path,
    no_gate,
    unique,
    when,
)


class Extends(Part):
    """A policy file of another repository, pinned by commit; this file is merged over it."""

    repository: Address = Field(description="URL of the policy's Git repository, or a path on this machine.")
    commit: Commit = Field(
        description="The full commit, 40 hex digits; branches and tags move, so they are not accepted.",
        json_schema_extra={"pattern": "^[0-9a-f]{40}$"},
    )
    path: FilePath = Field(default="mlops-ci.yaml", description="The policy file in that repository.")


class Policy(Part):
    """What a policy file says about the files that extend it."""

    locked: Texts = Field(
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
    groups: Texts = Field(
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
    features: Texts = Field(
        default=(), description="The columns the model sees; default: all but target and id."
    )
    categorical: Texts = Field(default=(), description="Columns of numbers that are codes of categories.")
    ignore: Texts = Field(default=(), description="Columns, or globs of them, that are not compared.")
    sensitive: Texts = Field(
        default=(), description="Columns whose values are only told as hashes, whatever else is said."
    )
    show_values: bool | Texts = Field(
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
    metrics: Annotated[tuple[Pattern, ...], BeforeValidator(no_gate), AfterValidator(unique)] = Field(
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


class Label(Part):
    """A pull request is run once it carries a label."""

    label: LabelName = Field(
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

    currency: Currency = Field(default="USD", description="What prices are in.")
    per_minute: Price | dict[Text, Price] = Field(
        description="The price of a minute: one for all runners, or one by the runner's label; "
        "minutes are rounded up."
    )


When = Annotated[Literal["push", "ready", "command"] | Label, BeforeValidator(when)]


class Waivers(Part):
    """Who may accept a finding for some days, by a comment on the pull request."""

    owners: Annotated[tuple[Owner, ...], AfterValidator(unique)] = Field(
        default=(),
        description="People and teams, for example @ada or @acme/ml-leads; "
        "default: the owners of this file in CODEOWNERS.",
    )
    max_days: int = Field(
        default=30, ge=0, le=365, description="How many days a waiver may hold at most; 0: nobody may waive."
    )


class StageResources(Part):
    """What a stage takes while it runs; stages run at once as long as there is room for them."""

    cpu: Cpus = Field(
        default=1, description="How many CPUs it keeps busy; 0.1 for a stage that mostly waits."
    )
    memory: Size = Field(
        default=0,
        description="How much memory it takes, for example 500M or 8G; 0: not counted.",
        json_schema_extra={"default": "0"},
    )
    gpu: int = Field(default=0, ge=0, le=64, description="How many GPUs it needs to itself.")
    exclusive: bool = Field(default=False, description="Whether nothing else may run beside it.")
    runner: RunnerLabel | None = Field(
        default=None,
        description="The label of the runner it needs, where a run is spread over several (`runners`).",
    )


class StageSettings(Part):
    """How the stages of one name are run."""

    resources: StageResources = Field(default=StageResources(), description="What it takes while it runs.")
    timeout: Timeout | None = Field(
        default=None, description="How long it may run; default: the key timeout of the whole file."
    )
    retries: int = Field(
        default=0, ge=0, le=10, description="How often its command is tried again where it fails."
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
    stages: dict[Text, StageSettings] = Field(
        default_factory=dict,
        description="How stages are run, by name; `train` stands for every train@..., and globs such as "
        "`train@gpu-*` are taken. The candidate says it for itself, not the base branch.",
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
    base: Branch | None = Field(
        default=None,
        description="The branch that pull requests go to; default: the remote's default branch.",
    )
    templates: FilePath = Field(default=".mlops-ci", description="The folder with your own report templates.")
    environments: dict[Name, Environment] = Field(
        default_factory=dict, description="Where releases go, by the environment's name."
    )
    promotion: Promotion = Field(default=Promotion(), description="How releases are published and proposed.")
    waivers: Waivers = Field(
        default=Waivers(), description="Who may accept a finding for some days, by a comment."
    )
