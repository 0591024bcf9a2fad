"""Workflows started and run again, and what they left behind."""

from __future__ import annotations

import pytest

from mlops_ci.adapters import github_runs as runs
from mlops_ci.adapters.github import GitHub
from mlops_ci.adapters.github_runs import Artifact, Run
from mlops_ci.errors import ToolError
from tests.adapters.github_double import ROOT, Cut, Double, Reply, running
from tests.adapters.github_spec.contract import example

DISPATCH = f"{ROOT}/actions/workflows/retrain.yml/dispatches"
ARTIFACTS = f"{ROOT}/actions/runs/30433642/artifacts"
DIGEST = "sha256:cfc3236bdad15b5898bca8408945c9e19e1917da8704adc20eaa618444290a8c"


def test_a_workflow_is_started(double: Double, github: GitHub) -> None:
    double.on("POST", DISPATCH, Reply(204), Reply(204))
    runs.dispatch(github, "retrain.yml", "main", {"model": "churn"})
    runs.dispatch(github, "retrain.yml", "main")
    assert [request.body for request in double.requests] == [
        {"ref": "main", "inputs": {"model": "churn"}},
        {"ref": "main", "inputs": {}},
    ]


def test_a_workflow_is_not_started_twice_in_doubt(double: Double, github: GitHub) -> None:
    double.on("POST", DISPATCH, Cut())
    with pytest.raises(ToolError, match="whether GitHub did it is not known"):
        runs.dispatch(github, "retrain.yml", "main")


@pytest.mark.parametrize(("failed", "name"), [(False, "rerun"), (True, "rerun-failed-jobs")])
def test_a_run_is_run_again(double: Double, github: GitHub, failed: bool, name: str) -> None:
    double.on("POST", f"{ROOT}/actions/runs/7/{name}", Reply(201, {}))
    runs.rerun(github, 7, failed=failed)
    assert double.requests[0].body is None


def test_a_run_that_still_runs_is_not_run_again(double: Double, github: GitHub) -> None:
    double.on(
        "POST", f"{ROOT}/actions/runs/7/rerun", Reply(403, {"message": "This workflow is already running"})
    )
    with pytest.raises(ToolError) as caught:
        runs.rerun(github, 7)
    assert (caught.value.message, caught.value.hint) == (
        f"POST {ROOT}/actions/runs/7/rerun: GitHub answered 403: This workflow is already running",
        "",
    )


def test_the_runs_of_a_commit(double: Double, github: GitHub) -> None:
    double.on(
        "GET", f"{ROOT}/actions/workflows/mlops-ci.yml/runs", Reply(body=example("workflow-run-paginated"))
    )
    sha = "acb5820ced9479c074f688cc328bf03f341a511d"
    assert runs.of_commit(github, "mlops-ci.yml", sha) == (
        Run(30433642, "push", sha, True, "", "https://github.com/octo-org/octo-repo/actions/runs/30433642"),
    )
    assert double.requests[0].query == {"per_page": "100", "head_sha": sha}


def test_the_artifacts_of_a_run(double: Double, github: GitHub) -> None:
    double.on("GET", ARTIFACTS, *[Reply(body=example("artifact-paginated"))] * 2)
    assert runs.artifacts(github, 30433642) == (
        Artifact(11, "Rails", 556, False, "328faa0536e6fef19753d9d91dc96a9931694ce3", DIGEST),
        Artifact(13, "Test output", 453, False, "178f4f6090b3fccad4a65b3e83d076a622d59652", DIGEST),
    )
    runs.artifacts(github, 30433642, name="Rails")
    assert [request.query for request in double.requests] == [
        {"per_page": "100"},
        {"per_page": "100", "name": "Rails"},
    ]


def test_an_artifact_is_fetched_from_where_it_lies(double: Double, github: GitHub) -> None:
    with running("") as storage:
        storage.on("GET", "/storage/11", Reply(raw=b"PK\x03\x04"))
        double.on(
            "GET",
            f"{ROOT}/actions/artifacts/11/zip",
            Reply(302, headers={"location": f"{storage.url}/storage/11"}),
        )
        assert runs.download(github, 11) == b"PK\x03\x04"


def test_an_artifact_that_is_gone(double: Double, github: GitHub) -> None:
    double.on("GET", f"{ROOT}/actions/artifacts/11/zip", Reply(410, {"message": "Artifact has expired"}))
    with pytest.raises(ToolError, match="410: Artifact has expired"):
        runs.download(github, 11)
