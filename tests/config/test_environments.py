"""Unit tests of what an environment chooses: its strategy, its manifest, freezes and health."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field

from mlops_ci import config
from mlops_ci.config import Choices, Config, schema
from mlops_ci.config.environments import Chosen, Environment, Freeze, Manifest
from mlops_ci.errors import ConfigError
from mlops_ci.strategies import STRATEGIES, canary
from tests.config.kinds import KINDS


class Where(BaseModel):
    """Options of a kind of manifests."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    container: str = Field(default="", description="The container.")


@dataclass(frozen=True)
class Kind:
    """A kind of manifests."""

    Options: type[BaseModel]


CHOICES = Choices(lambda: STRATEGIES, lambda: {"deployment": Kind(Where), "helm": Kind(Where)})


def load(text: str) -> Config:
    return config.load(text, kinds=KINDS, choices=CHOICES)


def test_the_short_form_and_the_long_one() -> None:
    found = load(
        "environments:\n"
        "  a: {strategy: canary}\n"
        "  b: {strategy: {canary: {steps: [5, 25]}}, manifest: {path: x.yaml, deployment: {container: m}}}\n"
        "  c: {manifest: 'live/{model}.yaml', strategy: {direct: null, shadow: {mirror: 10}}}\n"
        "  d: {manifest: {path: y.yaml}}\n"
        "  e: {manifest: {path: z.yaml, deployment: {container: null}}}\n"
    )
    assert found.strategy("a") == ("canary", canary, canary.Options())
    assert found.strategy("b") == ("canary", canary, canary.Options(steps=(5, 25)))
    assert found.strategy("c")[0] == "shadow"
    assert found.strategy("d")[0] == "direct"
    assert found.manifest_kind("b") == ("deployment", Where(container="m"))
    assert found.manifest_kind("e") == ("deployment", Where())
    assert [found.manifest_kind(name) for name in "acd"] == [(None, None)] * 3
    assert found.manifest("c", "churn") == "live/churn.yaml"
    assert found.manifest("a", "churn") == "deploy/a/churn.yaml"
    chosen = found.environments["b"]
    assert (chosen.strategy.name, chosen.manifest.kind) == ("canary", "deployment")


def test_without_a_choice_every_kind_there_is_may_be_named() -> None:
    found = config.load("environments: {a: {strategy: blue_green}}", kinds=KINDS)
    assert found.strategy("a")[0] == "blue_green"
    with pytest.raises(ConfigError, match='there is no manifest kind "helmm"'):
        config.load("environments: {a: {manifest: {path: x.yaml, helmm: {}}}}", kinds=KINDS)
    with pytest.raises(KeyError, match="nowhere"):
        Config.strategy(_with_mistake(found), "nowhere")


def _with_mistake(found: Config) -> Config:
    """A configuration that no file can give: its document was changed after it was read."""
    found.document.data["environments"]["nowhere"] = {"strategy": "canry"}
    return found


def test_in_code_a_choice_may_stand_as_it_is() -> None:
    made = Environment(strategy=Chosen.model_validate("canary"), manifest=Manifest.model_validate("x.yaml"))
    assert (made.strategy.name, made.manifest.path) == ("canary", "x.yaml")


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("strategy: canry", 'strategy: there is no strategy "canry"; did you mean "canary"?'),
        ("strategy: {canry: {}}", 'strategy.canry: there is no strategy "canry"; did you mean "canary"?'),
        (
            "strategy: zzz",
            'strategy: there is no strategy "zzz"; there are: blue_green, canary, direct, shadow',
        ),
        (
            "strategy: {canary: {step: [5]}}",
            'strategy.canary.step: unknown key; did you mean "steps"?',
        ),
        (
            "strategy: {canary: {steps: [50, 5]}}",
            "strategy.canary.steps: the steps must grow, for example [5, 25, 50]; 100 follows by itself",
        ),
        (
            "strategy: {canary: {steps: [100]}}",
            "strategy.canary.steps[0]: expected at most 99, but 100 stands there",
        ),
        (
            "strategy: {canary: [5, 25]}",
            "strategy.canary: expected a mapping of keys to values, but a list stands there",
        ),
        ("strategy: 5", "strategy: expected a name, or one name with its options, but 5 stands there"),
        (
            "strategy: {canary: {}, shadow: {}}",
            "strategy: expected one strategy, but canary and shadow stand there; null takes one of them back",
        ),
        (
            "strategy: {canary: null}",
            "strategy: expected a name, or one name with its options, but an empty mapping stands there",
        ),
        ("manifest: 5", "manifest: expected a path, or {path: ..., KIND: {...}}, but 5 stands there"),
        (
            "manifest: {deployment: {}}",
            "manifest: expected a path, or {path: ..., KIND: {...}}, but a mapping stands there",
        ),
        (
            "manifest: {path: x.yaml, deployment: {}, helm: {}}",
            "manifest: expected one kind, but deployment and helm stand there; null takes one of them back",
        ),
        (
            "manifest: {path: x.yaml, deploiment: {}}",
            'manifest.deploiment: there is no manifest kind "deploiment"; did you mean "deployment"?',
        ),
        (
            "manifest: {path: x.yaml, deployment: {contaner: m}}",
            'manifest.deployment.contaner: unknown key; did you mean "container"?',
        ),
        (
            "manifest: {path: x.yaml, deployment: m}",
            'manifest.deployment: expected a mapping of keys to values, but "m" stands there',
        ),
        (
            "freeze: [{from: 2026-12-24, until: 2026-12-20}]",
            "freeze[0]: ends on 2026-12-20, before it begins on 2026-12-24",
        ),
        ("freeze: [{hours: 8-25}]", 'freeze[0].hours: expected hours such as 18-8, but "8-25" stands there'),
        (
            "freeze: [{from: 24.12.2026}]",
            'freeze[0].from: expected a day such as 2026-12-24, but "24.12.2026" stands there',
        ),
        (
            "health: {}",
            "health: expected one of deployments, argocd or prometheus, but none is named",
        ),
        (
            "health: {deployments: live, argocd: 'https://x/applications/y'}",
            "health: expected one of deployments, argocd or prometheus, but deployments and argocd stand there",
        ),
        (
            "health: {prometheus: 'http://x'}",
            "health: `prometheus` and `query` go together: a server and what to ask it",
        ),
    ],
)
def test_every_mistake_is_told_with_its_line_and_key(text: str, wrong: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(f"version: 1\nenvironments:\n  prod:\n    {text}\n")
    assert caught.value.message == f"mlops-ci.yaml:4: environments.prod.{wrong}"


def test_a_freeze_of_one_day_and_one_without_an_end() -> None:
    found = load(
        "environments: {a: {freeze: [{from: 2026-12-24, until: 2026-12-24}, {from: 2027-01-01}]}}"
    ).environments["a"]
    assert found.freeze == (
        Freeze.model_validate({"from": "2026-12-24", "until": "2026-12-24"}),
        Freeze.model_validate({"from": "2027-01-01"}),
    )


def test_hours_and_sources_of_health() -> None:
    found = load(
        "environments:\n"
        "  a: {freeze: [{days: [fri], hours: 18-8}], health: {prometheus: 'http://x', query: up}}\n"
        "  b: {health: {argocd: 'https://x/applications/y'}}\n"
    ).environments
    assert found["a"].freeze[0].hours == "18-8"
    assert [getattr(found[name].health, "query", "") for name in "ab"] == ["up", None]


def test_the_schema_knows_the_options_of_strategies_and_kinds() -> None:
    made: dict[str, Any] = schema.schema(KINDS, CHOICES)
    assert list(made["$defs"]["Strategy"]["properties"]) == ["direct", "canary", "blue_green", "shadow"]
    assert list(made["$defs"]["Manifest"]["properties"]) == ["path", "deployment", "helm"]
    assert (made["$defs"]["Strategy"]["maxProperties"], made["$defs"]["Manifest"]["maxProperties"]) == (1, 2)
