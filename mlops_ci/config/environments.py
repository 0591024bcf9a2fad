"""The keys of ``environments`` and ``promotion``: where releases go, and by which rules."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from mlops_ci.config.values import (
    Address,
    Day,
    Duration,
    Hours,
    ManifestPath,
    Name,
    Part,
    Pattern,
    Text,
    Weekday,
    manifest_place,
    named_kind,
    unique,
)

DIRECT = "direct"
MANIFEST = "deploy/{environment}/{model}.yaml"


class Chosen(Part):
    """A strategy by its name: ``canary``, ``{canary: {steps: [5]}}``; ``Config.strategy`` has the options."""

    name: Text = Field(description="The name of the strategy.")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        return value if isinstance(value, Chosen) else named_kind(value)


class Manifest(Part):
    """A manifest by its path and its kind, where one is named; ``Config.manifest_kind`` has the options."""

    path: ManifestPath = Field(description="The file; {environment} and {model} are filled in.")
    kind: Text | None = Field(default=None, description="What it is; default: read from it.")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        return value if isinstance(value, Manifest) else manifest_place(value)


class Freeze(Part):
    """A time in which nothing new is proposed; rollbacks are. Days and hours are UTC."""

    days: Annotated[tuple[Weekday, ...], AfterValidator(unique)] = Field(
        default=(), description="Days of the week, such as [fri, sat, sun]; default: all."
    )
    hours: Hours | None = Field(
        default=None,
        description="Hours that begin on such a day, such as 18-8, until 8 the next morning; default: all.",
    )
    since: Day | None = Field(
        default=None, alias="from", description="The first day of a holiday, such as 2026-12-20."
    )
    until: Day | None = Field(default=None, description="The last day of it, included.")
    reason: Text | None = Field(default=None, description="Why, for whoever waits.")

    @model_validator(mode="after")
    def _in_order(self) -> Freeze:
        if self.since and self.until and date.fromisoformat(self.until) < date.fromisoformat(self.since):
            raise ValueError(f"ends on {self.until}, before it begins on {self.since}")
        return self


class Health(Part):
    """Who knows whether a release is live and healthy; without one a soak counts from the merge."""

    deployments: Text | None = Field(
        default=None, description="The environment of GitHub's deployments that tells."
    )
    argocd: Text | None = Field(
        default=None,
        description="URL of an Argo CD application, https://SERVER/applications/NAME; its "
        "token is ARGOCD_TOKEN of the environment.",
    )
    prometheus: Text | None = Field(
        default=None,
        description="URL of a Prometheus server; `query` must give 1 or more for as long as all is well.",
    )
    query: Text | None = Field(
        default=None, description="The query; {environment}, {model} and {digest} are filled in."
    )

    @model_validator(mode="after")
    def _one(self) -> Health:
        sources = [one for one in ("deployments", "argocd", "prometheus") if getattr(self, one)]
        if len(sources) != 1:
            there = f"{' and '.join(sources)} stand there" if sources else "none is named"
            raise ValueError(f"expected one of deployments, argocd or prometheus, but {there}")
        if bool(self.query) != bool(self.prometheus):
            raise ValueError("`prometheus` and `query` go together: a server and what to ask it")
        return self


class Environment(Part):
    """A named deployment target; used by promotions."""

    manifest: Manifest = Field(
        default=Manifest.model_validate(MANIFEST),
        description="The manifest that says what is live there: its path, or {path: ..., KIND: {...}} where "
        "more has to be said than can be read from it.",
    )
    repo: Address | None = Field(
        default=None, description="URL of the repository that holds it; default: this one."
    )
    models: tuple[Pattern, ...] = Field(
        default=("*",), description="Names of the models that go there, or patterns over them."
    )
    after: Name | None = Field(
        default=None, description="The environment a release must be live in before it comes here."
    )
    strategy: Chosen = Field(
        default=Chosen.model_validate(DIRECT),
        description="How a release takes over: direct, canary, blue_green or shadow, or one of them with "
        "options, such as {canary: {steps: [5, 25, 50]}}.",
    )
    soak: Duration = Field(
        default=timedelta(),
        description="How long a release must have been live in `after`, for example 24h.",
        json_schema_extra={"default": "0s"},
    )
    step_soak: Duration = Field(
        default=timedelta(hours=1),
        description="How long a step of a strategy must have been live before the next one.",
        json_schema_extra={"default": "1h"},
    )
    approvals: int = Field(default=0, ge=0, le=20, description="How many people must approve a promotion.")
    merge: Literal["manual", "auto"] = Field(
        default="manual",
        description="Whether promotions merge themselves once the forge's own protection lets them.",
    )
    ramp: Literal["auto", "manual"] = Field(
        default="auto",
        description="Whether the later steps of a strategy, approved with the first, merge themselves.",
    )
    verdict: Literal["passed", "warned"] = Field(
        default="warned", description="The worst verdict of its evidence that a release may have."
    )
    freeze: tuple[Freeze, ...] = Field(default=(), description="When nothing new is proposed.")
    group: Name | None = Field(
        default=None, description="One pull request for all models of this name's group, instead of one each."
    )
    health: Health | None = Field(
        default=None, description="Who knows whether a release is live and healthy."
    )


class Registry(Part):
    """The MLflow registry that mirrors what Git says; Git is the truth."""

    uri: Text = Field(
        default="sqlite:///mlflow.db",
        description="MLflow's tracking URI; ${NAME} is taken from the environment.",
    )
    name: Pattern = Field(default="{model}", description="The name of a registered model.")
    tags: bool = Field(default=False, description="Whether Git tags in GTO's format are made too.")


class Promotion(Part):
    """How releases are published and proposed, in all environments."""

    store: Text | None = Field(
        default=None,
        description="Where the bytes of models go, content-addressed: s3://BUCKET/FOLDER or a folder; "
        "default: beside the data in the DVC remote.",
    )
    limit: int = Field(default=30, ge=1, le=1000, description="How many of our pull requests may be open.")
    registry: Registry | None = Field(default=None, description="The MLflow registry; default: none.")
