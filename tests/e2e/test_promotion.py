"""Promotion end to end without a forge: real Git, real DVC, the embedded forge; people merge, time passes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from mlops_ci.adapters.git import Git
from mlops_ci.adapters.local import LocalForge
from mlops_ci.forge import PullRequest
from mlops_ci.promotion import record
from mlops_ci.promotion.record import Record
from tests.e2e.conftest import Answer, Call, Toy

RULES = """\
version: 1
lock: report
environments:
  staging:
  production:
    after: staging
    strategy: {canary: {steps: [10, 50]}}
    step_soak: 0s
    ramp: manual
"""
STAGING = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: toy}
spec:
  template:
    spec:
      containers:
        - name: server
          image: server:1.2.3
          env:
            - name: MODEL_URI
              value: "" # nothing yet
"""
PRODUCTION = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: toy
  annotations: {serving.kserve.io/deploymentMode: Standard}
spec:
  predictor:
    name: stable
    model:
      modelFormat: {name: sklearn}
      storageUri: "" # nothing yet
"""


@dataclass(frozen=True)
class Play:
    """The toy project with two environments, and what people do to it."""

    toy: Toy
    call: Call
    runner: Path

    @property
    def forge(self) -> LocalForge:
        return LocalForge.beside(Git.open(self.toy.author.path))

    def run(self, *args: str, code: int = 0) -> Answer:
        """A verb in CI's clone, brought up to main first."""
        runner = Git(self.runner)
        runner.run("fetch", "--quiet", "origin")
        runner.run("checkout", "--quiet", "--force", "-B", "main", "origin/main")
        answer = self.call(self.runner, *args)
        assert answer.code == code, answer.err + answer.out
        return answer

    def states(self, *args: str) -> dict[str, str]:
        """Target -> what promote did there."""
        found = self.run("promote", "--json", *args).document["targets"]
        return {f"{one['environment']}/{one['model']}": one["state"] for one in found}

    def open(self) -> dict[str, PullRequest]:
        return {one.head: one for one in self.forge.promotions("mlops-ci/promote/") if one.state == "open"}

    def merge(self, environment: str) -> None:
        """A person merges the pull request of an environment."""
        pull = self.open()[f"mlops-ci/promote/{environment}/toy"]
        self.forge.merge(pull.number, by="ada")

    def record(self, environment: str) -> Record:
        path = record.current_path(environment, "toy")
        return record.read(self.toy.origin.git("show", f"main:{path}") + "\n", path)

    def manifest(self, environment: str) -> str:
        return self.toy.origin.git("show", f"main:deploy/{environment}/toy.yaml")

    def train(self, noise: str) -> None:
        """Another model on main, measured, with data and evidence pushed."""
        author = self.toy.author
        author.git("checkout", "--quiet", "main")
        author.git("pull", "--quiet", "origin", "main")
        path = author.path / "params.yaml"
        path.write_text(path.read_text().replace("noise: 0.3", f"noise: {noise}"))
        author.commit("Train with another noise (#7)")
        assert self.call(author.path, "run").code == 0
        author.commit("Lock what was trained")
        from mlops_ci.adapters.dvc import Dvc

        dvc = Dvc.open(author.path)
        dvc.push()
        dvc.close()
        author.git("push", "--quiet", "origin", "main")


@pytest.fixture
def play(toy: Toy, call: Call) -> Play:
    toy.author.write("deploy/staging/toy.yaml", STAGING)
    toy.author.write("deploy/production/toy.yaml", PRODUCTION)
    toy.configure(text=RULES)
    return Play(toy, call, toy.runner("main"))


def test_from_main_to_production_and_back(play: Play) -> None:
    # The first release: staging, then production, where nobody is there to share with.
    assert play.states() == {"staging/toy": "opened", "production/toy": "waits"}
    assert play.states() == {"staging/toy": "unchanged", "production/toy": "waits"}
    play.merge("staging")
    first = play.record("staging")
    assert first.release.commit == play.toy.origin.git("log", "-1", "--format=%H", "main", "--", "dvc.lock")
    assert first.release.uri in play.manifest("staging")
    assert play.states() == {"staging/toy": "waits", "production/toy": "opened"}
    play.merge("production")
    assert play.record("production").after.rollout.stable == play.record("staging").after.rollout.stable
    # A better model goes by 10 % and 50 % to all.
    play.train("0.2")
    assert play.states() == {"staging/toy": "opened", "production/toy": "waits"}
    play.merge("staging")
    shares = []
    for _ in range(3):
        assert play.states()["production/toy"] == "opened"
        play.merge("production")
        after = play.record("production").after
        shares.append((after.traffic, after.stable and after.stable.digest == first.release.digest))
    assert shares == [(10, True), (50, True), (0, False)]
    second = play.record("production")
    assert second.evidence.champion == first.release.digest
    assert [one.champion for one in second.evidence.metrics] != [None]
    assert play.states() == {"staging/toy": "waits", "production/toy": "waits"}
    # Back to the first, and the second is held.
    assert "opened" in play.run("rollback", "production", "--reason", "scores are zero").out
    assert play.states()["production/toy"] == "unchanged"
    play.merge("production")
    last = play.record("production")
    assert (last.action, last.hold and last.hold.reason) == ("rollback", "scores are zero")
    assert first.release.uri in play.manifest("production")
    told = play.run("status").out
    assert "held" in told
    assert "scores are zero" in told
    # All of it holds, link by link, whoever looks.
    audited = play.run("audit", "verify", "--all", "--json").document
    assert [one for one in audited["links"] if one["status"] == "broken"] == []
    assert audited["counts"]["ok"] > 20
    unknown = {one["link"] for one in audited["links"] if one["status"] == "unknown"}
    assert unknown == {"data"}  # the toy makes its own
