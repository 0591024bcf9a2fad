"""From main to production and back, by the workflows that `mlops-ci init` writes: a person merges, an App does the rest."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from mlops_ci import cli
from mlops_ci.adapters.dvc import Dvc
from tests.e2e.conftest import GATED
from tests.e2e.github.bare import Bare
from tests.e2e.github.calls import Token
from tests.e2e.github.runner import Played

from .conftest import Begin
from .credit import CREDIT, ROOT, Credit, train

APP = "promoter[bot]"
SECRET = "ghs_of_the_app_that_promotes"
MAY = {"contents": "write", "pull_requests": "write", "deployments": "read"}
ENVIRONMENTS = """\
environments:
  staging: {merge: auto}
  production:
    after: staging
    strategy: {canary: {steps: [10, 50]}}
    step_soak: 0s
"""
WITH_APP = """\
      app-client-id: ${{ vars.APP_CLIENT_ID }}
    secrets:
      app-private-key: ${{ secrets.APP_PRIVATE_KEY }}
"""
PROMOTE = ".github/workflows/mlops-ci-promote.yml"
PRODUCTION = "deploy/production/toy.yaml"


def manifest(environment: str) -> str:
    """The example's manifest for another model."""
    return (ROOT / "deploy" / environment / "employment.yaml").read_text().replace("employment", "toy")


@pytest.fixture
def acme(begin: Begin) -> Credit:
    """acme/credit with manifests that serve nothing yet, and an App that may propose and merge."""
    started = begin(secrets={"APP_PRIVATE_KEY": SECRET})
    started.stand.runner.variables = {"APP_CLIENT_ID": "Iv23"}
    started.stand.gateway.issue(SECRET, Token(APP, MAY, bot=True))
    started.ada.write("mlops-ci.yaml", GATED.format(lock="report") + ENVIRONMENTS)
    for environment in ("staging", "production"):
        started.ada.write(f"deploy/{environment}/toy.yaml", manifest(environment))
    return started


def bare(acme: Credit) -> Bare:
    return acme.stand.gateway.forge.bare(CREDIT)


def on_main(acme: Credit, path: str) -> Any:
    """A YAML file on main."""
    tip = bare(acme).branch("main")
    assert tip
    return yaml.safe_load(bare(acme).text(tip, path) or "")


def pushed(acme: Credit) -> Played:
    """Push main, and play what that starts, once: what the App merges starts runs of its own that find nothing."""
    acme.stand.push(acme.ada, "main")
    return only(acme)


def only(acme: Credit) -> Played:
    """Play the newest event's run of promotions, and let what that run has caused start nothing."""
    event = acme.stand.gateway.events.delivered[-1]
    found = [one for one in acme.stand.runner.play_event(event)]
    acme.stand.runner.skip()
    [played] = [one for one in found if one.run.workflow.path == PROMOTE]
    assert played.conclusion == "success", played.log
    return played


def pulls(acme: Credit, state: str = "open") -> dict[int, dict[str, Any]]:
    found = acme.stand.must("GET", f"pulls?state={state}&per_page=100")
    return {one["number"]: one for one in found}


def merged(acme: Credit, number: int, person: str) -> None:
    """A person merges a pull request."""
    acme.stand.must("PUT", f"pulls/{number}/merge", {"merge_method": "squash"}, person)
    acme.stand.fetch(acme.ada, "ada-token")
    acme.ada.git("reset", "--quiet", "--hard", "origin/main")


def better(acme: Credit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Main has a better model, with its data and its evidence in the remote, as its pull request left them."""
    train(acme.ada, "0.01")
    with monkeypatch.context() as patch:
        patch.chdir(acme.ada.path)
        assert cli.run(["run"]) == 0
    dvc = Dvc.open(acme.ada.path)
    dvc.push()
    dvc.close()
    acme.ada.commit("What it gives")


def served(acme: Credit) -> tuple[str, str, int]:
    """What production's manifest names as stable and as candidate, and the candidate's share."""
    spec = on_main(acme, PRODUCTION)["spec"]
    canary = (spec.get("canary") or [{}])[0]
    uri = canary.get("predictor", {}).get("model", {}).get("storageUri", "")
    return spec["predictor"]["model"]["storageUri"], uri, canary.get("trafficPercent", 0)


@pytest.mark.slow
def test_from_main_to_production_and_back(
    acme: Credit, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme.init("--commands")
    promote = acme.ada.path / PROMOTE
    promote.write_text(promote.read_text() + WITH_APP)
    acme.ada.commit("Promote")
    # The first release: staging merges itself, production waits for a person.
    first = pushed(acme)
    print({k:v.outputs for k,v in first.job("promote / promote").steps.items()})
    print(json.dumps([(n, p["title"], p["state"], p["user"]["login"]) for n, p in pulls(acme, "all").items()]))
    assert 0
