"""From main to production and back, by the workflows that `mlops-ci init` writes: a person merges, an App does the rest."""

from __future__ import annotations

import json
import re
import shutil
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
from .credit import CREDIT, PRODUCT, ROOT, Base, Credit, train

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


def looked(acme: Credit) -> Played:
    """Play what the newest push to main starts. What the App merges in it starts runs too, which find nothing."""
    played = acme.stand.runner.play_event(acme.stand.gateway.events.last("push"))
    acme.stand.runner.skip()
    [found] = [one for one in played if one.run.workflow.path == PROMOTE]
    assert found.conclusion == "success", found.log
    return found


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


def table(played: Played) -> list[str]:
    """The lines of the summary, a target each; commits and digests are stars."""
    lines = [" ".join(line.split()) for line in played.summary.splitlines() if "/toy" in line]
    return [re.sub(r"\b[0-9a-f]{10,12}\b", "*", line) for line in lines if not line.startswith("http")]


@pytest.mark.slow
def test_from_main_to_production_and_back(acme: Credit, monkeypatch: pytest.MonkeyPatch) -> None:
    acme.init("--commands")
    promote = acme.ada.path / PROMOTE
    promote.write_text(promote.read_text() + WITH_APP)
    acme.ada.commit("Promote")
    acme.stand.push(acme.ada, "main")
    # The first release: staging merges itself, production waits for a person.
    first = looked(acme)
    assert table(first) == [
        "staging/toy merged #1: Promote toy * to staging; merged as *",
        "staging/toy nothing to promote: staging already serves sha256:* (*)",
        "production/toy opened #2: Promote toy * to production",
    ]
    outputs = first.job("promote / promote").step("mlops-ci").outputs
    assert json.loads(outputs["pull-requests"]) == [1, 2]
    assert served(acme) == ("", "", 0)
    merged(acme, 2, "bob-token")
    before, *nothing = served(acme)
    assert (before.endswith("/model.json"), nothing) == (True, ["", 0])
    # A better one is a canary in production: who merges its first step approves the others with it.
    better(acme, monkeypatch)
    acme.stand.push(acme.ada, "main")
    assert table(looked(acme)) == [
        "staging/toy merged #3: Promote toy * to staging; merged as *",
        "staging/toy nothing to promote: staging already serves sha256:* (*)",
        "production/toy opened #4: Promote toy * in production: 10 % of requests (step 1 of 3)",
    ]
    assert served(acme) == (before, "", 0)
    merged(acme, 4, "ada-token")
    _, after, share = served(acme)
    assert (before != after, share) == (True, 10)
    assert table(looked(acme))[:2] == [
        "production/toy merged #5: Ramp toy * in production: 50 % of requests (step 2 of 3); merged as *",
        "production/toy merged #6: Ramp toy * in production: all requests (step 3 of 3); merged as *",
    ]
    assert served(acme) == (after, "", 0)
    taken_back(acme)
    merged(acme, 7, "ada-token")
    assert served(acme) == (before, "", 0)
    record = on_main(acme, "promotions/production/toy.yaml")
    assert (record["action"], record["number"], record["requested_by"], record["hold"]) == (
        "rollback",
        5,
        "bob",
        {"reason": "all zero since noon", "by": "bob"},
    )
    # The App has opened all of them, the job's own token nothing, and the chain of records holds.
    assert {one["user"]["login"] for one in pulls(acme, "all").values()} == {APP}
    with monkeypatch.context() as patch:
        patch.chdir(acme.ada.path)
        assert cli.run(["audit", "verify"]) == 0


def taken_back(acme: Credit) -> None:
    """Somebody who may push takes the release back, under the pull request that brought it."""
    body = {"body": "/mlops-ci rollback all zero since noon"}
    made = acme.stand.must("POST", "issues/6/comments", body, "bob-token")
    commands, promotions, checks = played = acme.stand.play()
    assert [one.run.workflow.name for one in played] == ["mlops-ci commands", "mlops-ci promote", "mlops-ci"]
    assert {one.conclusion for one in played} == {"success"}, "".join(one.log for one in played)
    found = acme.stand.must("GET", f"issues/comments/{made['id']}/reactions")
    assert [one["content"] for one in found] == ["eyes", "rocket"], commands.log
    [answer] = acme.bodies(6)
    assert answer.endswith(
        "proposes to take `production/toy` back; the summary of its run says what came of it."
    )
    # One target was asked for, so one is told.
    assert table(promotions) == ["production/toy opened #7: Roll back toy in production to *"]
    # What an App proposes is checked like what a person does.
    assert acme.checks(pulls(acme)[7]["head"]["sha"])["mlops-ci / verdict"] == "success", checks.log


@pytest.mark.slow
def test_this_repository_promotes_by_its_own_workflow(acme: Credit, base: Base) -> None:
    """The toy stands in for the example, whose stages take longer."""
    variable, secret = "MLOPS_CI_APP_CLIENT_ID", "MLOPS_CI_APP_PRIVATE_KEY"
    acme.stand.runner.variables, acme.stand.runner.secrets = {variable: "Iv23"}, {secret: SECRET}
    own = acme.stand.clone("product-token", PRODUCT)
    for name in ("ci", "release"):
        (own.path / ".github" / "workflows" / f"{name}.yml").unlink()
    for source in (base.author, acme.ada.path):
        shutil.copytree(
            source, own.path, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".git")
        )
    own.commit("A model of its own")
    acme.stand.push(own, "main", "product-token")
    [played] = acme.stand.runner.play_event(acme.stand.gateway.events.last("push"))
    acme.stand.runner.skip()
    assert played.conclusion == "success", played.log
    assert table(played)[0] == "staging/toy merged #1: Promote toy * to staging; merged as *"
