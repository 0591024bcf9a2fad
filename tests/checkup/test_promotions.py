"""What promotions lack: manifests, a place for bytes, a workflow, a token, other repositories, auto-merge."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlops_ci import checkup, starting
from mlops_ci.checkup import promotions
from mlops_ci.checkup.place import Found, Place
from mlops_ci.starting import Facts, Release
from tests.adapters.github_double import REPOSITORY, ROOT, TOKEN, Double, Reply, running
from tests.adapters.github_spec.contract import example

from .test_checkup import RunGit

PIPELINE = """\
stages: {train: {cmd: 'true', outs: [iris.pkl, churn.pkl]}}
artifacts:
  iris: {path: iris.pkl, type: model}
  churn: {path: churn.pkl, type: model}
"""
RULES = "environments:\n  staging: {}\n  production: {after: staging, models: [iris]}\n"
REMOTE = "[core]\n    remote = s\n['remote \"s\"']\n    url = ../../store\n"
SERVES = (Path(__file__).parents[2] / "deploy" / "production" / "employment.yaml").read_text()
OWN = starting.promote(Release("mlops-ci/mlops-ci", "0" * 40, "0.1.0"), Facts({}, {}))
APP = f"{OWN}    with: {{app-client-id: x}}\n    secrets:\n      app-private-key: y\n"


@pytest.fixture
def project(dvc_repo: Path) -> Path:
    """Two models and two environments, one of them for iris alone."""
    (dvc_repo / "dvc.yaml").write_text(PIPELINE)
    (dvc_repo / "mlops-ci.yaml").write_text(RULES)
    return dvc_repo


def at(folder: Path, **environ: str) -> Place:
    return Place(folder, environ)


def call(root: Path, text: str) -> None:
    folder = root / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / "mlops-ci-promote.yml").write_text(text)


def test_without_environments_nothing_is_asked(project: Path) -> None:
    (project / "mlops-ci.yaml").write_text("version: 1\n")
    looks = [check.look for check in checkup.CHECKS if check.verbs == checkup.PROMOTING]
    found = [look(at(project)) for look in looks]
    assert found == [promotions.NONE] * 5 + [Found("good", "no promotion merges itself")]


# ---- manifests and the store ---------------------------------------------------------------------


def test_every_model_needs_a_manifest_where_it_goes(project: Path) -> None:
    paths = ["deploy/staging/churn.yaml", "deploy/staging/iris.yaml", "deploy/production/iris.yaml"]
    found = promotions.manifests(at(project))
    assert (found.state, found.words) == ("missing", f"there is no {', '.join(paths)}")
    for path in paths:
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(SERVES)
    assert promotions.manifests(at(project)) == Found("good", "3 manifests in this repository")


def test_a_manifest_that_says_nothing_of_a_model_is_told(project: Path) -> None:
    (project / "mlops-ci.yaml").write_text("environments: {staging: {models: [iris]}}\n")
    (project / "deploy" / "staging").mkdir(parents=True)
    (project / "deploy" / "staging" / "iris.yaml").write_text("kind: ConfigMap\n")
    found = promotions.manifests(at(project))
    assert found.state == "missing"
    assert found.words.startswith("deploy/staging/iris.yaml: ")
    assert found.mend


def test_no_model_for_any_environment_is_a_mistake(project: Path) -> None:
    (project / "mlops-ci.yaml").write_text("environments: {staging: {models: [iriss]}}\n")
    assert promotions.manifests(at(project)).state == "missing"
    (project / "mlops-ci.yaml").write_text("environments: {staging: {repo: 'https://x.example/a/b'}}\n")
    assert promotions.manifests(at(project)) == Found("good", "0 manifests in this repository")


@pytest.mark.parametrize(
    ("config", "store", "state", "words"),
    [
        ("", "", "missing", "there is nowhere to publish models to, and the evidence"),
        ("", "s3://models", "missing", "the evidence of merged commits is in no place"),
        (REMOTE, "", "good", "models are published to the DVC remote"),
        (REMOTE, "s3://me:x@models/x", "good", "models are published to s3://models/x"),
    ],
)
def test_a_place_for_bytes_and_evidence(
    project: Path, config: str, store: str, state: str, words: str
) -> None:
    (project / ".dvc" / "config").write_text(config)
    if store:
        (project / "mlops-ci.yaml").write_text(f"{RULES}promotion: {{store: '{store}'}}\n")
    found = promotions.store(at(project))
    assert (found.state, found.words[: len(words)]) == (state, words)


# ---- the workflow --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "state", "words"),
    [
        ("", "advice", "no workflow promotes, so"),
        (OWN, "advice", "mlops-ci-promote.yml opens pull requests with its job's own token"),
        (
            f"{OWN}    secrets:\n      token: ${{{{ github.token }}}}\n",
            "advice",
            "mlops-ci-promote.yml opens",
        ),
        (
            f"{OWN}    secrets:\n      token: ${{{{ secrets.BOT }}}}\n",
            "good",
            "mlops-ci-promote.yml promotes",
        ),
        (f"{OWN}    secrets: inherit\n", "good", "mlops-ci-promote.yml promotes with a token of its own"),
        (APP, "good", "mlops-ci-promote.yml promotes with a token of its own"),
    ],
)
def test_a_workflow_with_a_token_that_starts_workflows(
    project: Path, text: str, state: str, words: str
) -> None:
    if text:
        call(project, text)
    found = promotions.workflow(at(project))
    assert (found.state, found.words[: len(words)]) == (state, words)


@pytest.mark.parametrize(
    ("more", "state"),
    [("", "missing"), ("      target-token: ${{ secrets.T }}\n", "good")],
)
def test_another_repository_needs_a_token_of_its_own(project: Path, more: str, state: str) -> None:
    (project / "mlops-ci.yaml").write_text("environments: {staging: {repo: 'https://x.example/a/b'}}\n")
    call(project, APP + more)
    assert promotions.workflow(at(project)).state == state


# ---- other repositories and GitHub ---------------------------------------------------------------


def test_another_repository_that_is_there_is_good_and_one_that_is_not_is_missing(
    project: Path, tmp_path: Path, git: RunGit
) -> None:
    assert promotions.others(at(project)) == Found("good", "all manifests are in this repository")
    bare = tmp_path / "deployments.git"
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=trunk", str(bare))
    (project / "mlops-ci.yaml").write_text(f"environments: {{staging: {{repo: 'file://{bare}'}}}}\n")
    found = promotions.others(at(project))
    assert (found.state, found.mend) == ("missing", "push its first commit")
    git(project, "push", "--quiet", f"file://{bare}", "HEAD:trunk")
    assert promotions.others(at(project)).words == f"file://{bare} can be reached, its branch is trunk"
    (project / "mlops-ci.yaml").write_text(f"environments: {{staging: {{repo: 'file://{bare}x'}}}}\n")
    found = promotions.others(at(project))
    assert (found.state, "MLOPS_CI_TARGET_TOKEN" in found.mend) == ("missing", True)


@pytest.fixture
def double() -> Iterator[Double]:
    with running() as started:
        yield started


def asking(double: Double, folder: Path, **more: str) -> Place:
    told = {
        "GITHUB_API_URL": double.url + double.prefix,
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_TOKEN": TOKEN,
    }
    return at(folder, **told, **more)


def may(double: Double, level: str, repository: str = REPOSITORY) -> None:
    double.account("ada")
    name = "repository-collaborator-permission-response-if-user-has-admin-permissions"
    path = f"/repos/{repository}/collaborators/ada/permission"
    double.on("GET", path, Reply(body=example(name, permission=level)))


@pytest.mark.parametrize(("level", "state"), [("read", "missing"), ("write", "good")])
def test_who_proposes_may_write(project: Path, double: Double, level: str, state: str) -> None:
    may(double, level)
    assert promotions.permission(asking(double, project)).state == state


def test_a_jobs_own_token_says_nothing_of_itself(project: Path, double: Double) -> None:
    double.account()
    found = promotions.permission(asking(double, project))
    assert (found.state, found.mend) == (
        "unknown",
        "the job needs `contents: write` and `pull-requests: write`",
    )
    assert promotions.permission(at(project)).state == "unknown"


def test_another_repository_on_our_server_is_asked_whether_its_token_may_write(
    project: Path, tmp_path: Path, git: RunGit, double: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = tmp_path / "acme" / "deployments"
    git(tmp_path, "init", "--quiet", "--bare", str(bare))
    git(project, "push", "--quiet", f"file://{bare}", "HEAD:main")
    address = "https://ghe.example/acme/deployments.git"
    (project / "mlops-ci.yaml").write_text(f"environments: {{staging: {{repo: '{address}'}}}}\n")
    for name, value in (("COUNT", "1"), ("KEY_0", f"url.file://{bare}.insteadOf"), ("VALUE_0", address)):
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    may(double, "read", "acme/deployments")
    place = asking(
        double, project, GITHUB_SERVER_URL="https://ghe.example", MLOPS_CI_TARGET_TOKEN="ghs_" + "target" * 5
    )
    found = promotions.others(place)
    assert (found.state, found.words) == ("missing", f"{address}: ada may only read here")
    assert {one.headers["authorization"].rpartition(" ")[2] for one in double.requests} == {
        "ghs_" + "target" * 5
    }


@pytest.mark.parametrize(
    ("rules", "setting", "state"),
    [
        ("merge: auto", True, "good"),
        ("merge: auto", False, "advice"),
        ("strategy: canary", False, "advice"),
        ("strategy: canary", None, "unknown"),
        ("strategy: direct", None, ""),
        ("strategy: canary, ramp: manual", None, ""),
    ],
)
def test_what_merges_itself_is_merged_by_github(
    project: Path, double: Double, rules: str, setting: bool | None, state: str
) -> None:
    (project / "mlops-ci.yaml").write_text(f"environments: {{staging: {{{rules}}}}}\n")
    if state:
        body: dict[str, Any] = example("full-repository-default-response", allow_auto_merge=setting)
        if setting is None:
            del body["allow_auto_merge"]
        double.on("GET", ROOT, Reply(body=body))
    found = promotions.merging(asking(double, project))
    assert found.state == (state or "good")
    assert promotions.merging(at(project)).state == ("unknown" if state else "good")
