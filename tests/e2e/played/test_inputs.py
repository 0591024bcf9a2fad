"""A repository with several projects, by the inputs that the workflow of pull requests takes."""

from __future__ import annotations

import sys

import pytest
import yaml

from .conftest import Begin
from .credit import ROOT, Credit, train
from .test_pull_request import GREEN, README, VERDICT

INPUTS = {
    "runs-on": '["self-hosted"]',
    "python-version": f"3.{sys.version_info.minor}",
    "requirements": "needs.txt",
    "extras": "stats",
    "args": "--base main",
    "working-directory": "projects/credit",
    "artifact": "mlops-ci-credit",
    "timeout-minutes": 30,
    "cml": False,
}


def moved(acme: Credit) -> None:
    """The project, in a folder of its own; what it needs is called otherwise."""
    folder = acme.ada.path / "projects" / "credit"
    folder.mkdir(parents=True)
    for name in acme.ada.git("ls-files").splitlines():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        acme.ada.git("mv", name, f"projects/credit/{name}")
    acme.ada.git("mv", "projects/credit/requirements.txt", "projects/credit/needs.txt")
    acme.ada.commit("Several projects")


@pytest.mark.slow
def test_every_input_is_obeyed(begin: Begin) -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/pull-request.yml").read_text())
    # An App's token and many runners have stories of their own: test_lock.py, test_fan_out.py.
    assert {*INPUTS, "app-client-id", "runners"} == set(workflow[True]["workflow_call"]["inputs"])
    acme = begin()
    moved(acme)
    told = yaml.safe_dump(INPUTS, sort_keys=False).replace("\n", "\n      ").rstrip()
    acme.call(mlops_ci=README.replace("requirements: requirements.txt", told))
    acme.ada.git("checkout", "--quiet", "-b", "topic")
    train(acme.ada, "0.01", "projects/credit/params.yaml")
    head = acme.stand.push(acme.ada, "topic")
    acme.stand.open_pull("topic")
    played = acme.played()
    assert played.conclusion == "success", played.log
    assert played.job(VERDICT).step("Set up CML").result == "skipped"
    assert acme.checks(head) == GREEN | {VERDICT: "success"}
    [body] = acme.bodies(1)
    assert "| ✅ | `accuracy` | 0.9900 | 0.7675 |" in body
    assert "[`projects/credit/params.yaml:3`]" in body
    assert "evidence.json" in acme.stand.artifact("mlops-ci-credit")
    # The cache is that of the project's own folder.
    assert (
        played.job(VERDICT)
        .step("mlops-ci/install")
        .outputs["cache-dir"]
        .endswith("/projects/credit/.dvc/cache")
    )
