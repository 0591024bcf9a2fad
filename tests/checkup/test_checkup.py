"""Every check on real repositories and against a scripted GitHub: good, missing, advice, unknown."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops_ci import checkup
from mlops_ci.adapters import installed
from mlops_ci.adapters.dvc import Dvc
from mlops_ci.checkup import data, forge, here, pushing, tools, waiting
from mlops_ci.checkup.place import Found, Place
from tests.adapters.github_double import REPOSITORY, ROOT, TOKEN, Double, Reply, running
from tests.adapters.github_spec.contract import example

RunGit = Callable[..., str]
PIPELINE = """\
stages:
  train:
    cmd: cp data.csv model.pkl && echo '{"rmse":1}' > metrics.json
    deps: [data.csv]
    outs: [model.pkl]
    metrics: [metrics.json: {cache: false}]
"""
REMOTE = "[core]\n    remote = store\n['remote \"store\"']\n    url = {}\n"
CALL = "jobs:\n  a:\n    uses: mlops-ci/mlops-ci/.github/workflows/pull-request.yml@{}\n"
SHA = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def project(dvc_repo: Path, commit: RunGit, tmp_path: Path) -> Path:
    """A pipeline that has run, with a remote that has nothing yet."""
    (dvc_repo / "dvc.yaml").write_text(PIPELINE)
    (dvc_repo / "data.csv").write_text("1\n")
    (dvc_repo / ".dvc" / "config").write_text(REMOTE.format("../../store"))
    (tmp_path / "store").mkdir()
    dvc = Dvc.open(dvc_repo)
    dvc.run()
    dvc.close()
    commit(dvc_repo, "ran")
    return dvc_repo


def at(folder: Path, **environ: str) -> Place:
    return Place(folder, environ)


def call(root: Path, version: str) -> None:
    folder = root / ".github" / "workflows"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mlops-ci.yml").write_text(CALL.format(version))


# ---- the repository ----------------------------------------------------------------------------


def test_no_repository_and_no_commit_are_missing(tmp_path: Path, git_repo: Path) -> None:
    assert here.repository(at(tmp_path)).state == "missing"
    assert "no commit yet" in here.repository(at(git_repo)).words


def test_a_repository_is_good(project: Path) -> None:
    assert here.repository(at(project)).state == "good"
    assert here.history(at(project)) == Found("good", "the whole history is here")


def test_a_shallow_clone_is_told(project: Path, tmp_path: Path, git: RunGit, commit: RunGit) -> None:
    commit(project, "more")
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{project}", str(tmp_path / "shallow"))
    found = here.history(at(tmp_path / "shallow"))
    assert (found.state, "fetch-depth: 0" in found.mend) == ("advice", True)


def test_the_pipeline(project: Path) -> None:
    assert here.pipeline(at(project)) == Found("good", "1 stage, 1 metrics file")
    (project / "dvc.yaml").write_text("stages: [\n")
    assert here.pipeline(at(project)).state == "missing"


def test_no_pipeline(git_repo: Path) -> None:
    assert here.pipeline(at(git_repo)).mend == "run `dvc init`"


def test_a_pipeline_without_metrics_has_nothing_to_compare(dvc_repo: Path) -> None:
    (dvc_repo / "dvc.yaml").write_text("stages: {train: {cmd: 'true'}}\n")
    found = here.pipeline(at(dvc_repo))
    assert (found.state, found.words[:29]) == ("advice", "1 stage and no metrics file: ")


def test_what_is_said_of_a_stage_that_is_not_there(project: Path) -> None:
    (project / "mlops-ci.yaml").write_text("stages: {'tra*': {}, trian: {retries: 1}}\n")
    assert here.configuration(at(project)) == Found(
        "advice",
        'mlops-ci.yaml: stages.trian stands for no stage of this pipeline; did you mean "train"?',
        "name stages as dvc.yaml does, or by a glob: train@gpu-*",
    )
    (project / "dvc.yaml").write_text("stages: 5\n")
    assert here.configuration(at(project)).state == "good"


def test_the_configuration(project: Path) -> None:
    assert here.configuration(at(project)).words == "no mlops-ci.yaml: the defaults hold"
    (project / "mlops-ci.yaml").write_text("version: 1\n")
    assert here.configuration(at(project)) == Found("good", "mlops-ci.yaml has no mistakes")
    (project / "mlops-ci.yaml").write_text("lokc: commit\n")
    found = here.configuration(at(project))
    assert (found.state, "lokc" in found.words) == ("missing", True)


# ---- the data ----------------------------------------------------------------------------------


def test_the_lock(project: Path) -> None:
    assert data.lock(at(project)).state == "good"
    (project / "data.csv").write_text("2\n")
    found = data.lock(at(project))
    assert (found.state, found.words) == ("advice", "dvc.lock is behind: train would run")


def test_what_is_not_pushed_is_missing(project: Path) -> None:
    assert data.pushed(at(project)) == Found("missing", "the remote lacks model.pkl", "dvc push")
    dvc = Dvc.open(project)
    dvc.push()
    dvc.close()
    assert data.pushed(at(project)).state == "good"


def test_a_remote_in_a_folder(project: Path) -> None:
    found = data.remote(at(project))
    assert (found.state, found.words) == ("advice", "store is a folder of this machine")
    assert data.plugin(at(project)) == Found("good", "the remote needs none")


def test_no_remote_is_missing_only_where_a_workflow_needs_one(project: Path) -> None:
    (project / ".dvc" / "config").write_text("")
    assert data.remote(at(project)).state == "advice"
    assert data.pushed(at(project)) == Found("unknown", "there is no remote to ask")
    call(project, SHA)
    assert data.remote(at(project)).state == "missing"


def test_a_remote_that_dvc_cannot_speak_to(project: Path) -> None:
    (project / ".dvc" / "config").write_text(REMOTE.format("oss://me:secret@bucket/x"))
    assert data.plugin(at(project)).words == "dvc-oss is not installed, and DVC needs it for oss://"


def test_a_remote_is_shown_without_its_password(project: Path) -> None:
    (project / ".dvc" / "config").write_text(REMOTE.format("https://me:secret@host/x"))
    assert data.remote(at(project)) == Found("good", "store at https://host/x")


# ---- tools -------------------------------------------------------------------------------------


def test_the_extras_are_installed_here() -> None:
    place = at(Path())
    assert (tools.intervals(place).state, tools.checks(place).state) == ("good", "good")


def test_cml(tmp_path: Path) -> None:
    assert tools.cml(at(tmp_path, PATH=str(tmp_path))).state == "advice"
    (tmp_path / "cml").write_text("#!/bin/sh\n")
    (tmp_path / "cml").chmod(0o755)
    assert tools.cml(at(tmp_path, PATH=str(tmp_path))) == Found("good", "cml is on PATH")


# ---- GitHub ------------------------------------------------------------------------------------


@pytest.fixture
def double() -> Iterator[Double]:
    with running() as started:
        yield started


def asking(double: Double, folder: Path) -> Place:
    told = {
        "GITHUB_TOKEN": TOKEN,
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_API_URL": double.url + double.prefix,
    }
    return Place(folder, told)


@pytest.mark.parametrize("look", [forge.token, forge.permission, forge.required])
def test_without_a_token_github_is_unknown(look: Callable[[Place], Found], tmp_path: Path) -> None:
    assert look(at(tmp_path)) == forge.NO_TOKEN


def test_a_token_that_github_knows(double: Double, tmp_path: Path) -> None:
    double.account("ada")
    assert forge.token(asking(double, tmp_path)) == Found("good", "GITHUB_TOKEN is ada's")


@pytest.mark.parametrize(("level", "state"), [("write", "good"), ("read", "missing")])
def test_what_an_account_may(double: Double, tmp_path: Path, level: str, state: str) -> None:
    name = "repository-collaborator-permission-response-if-user-has-admin-permissions"
    double.account("ada")
    double.on("GET", f"{ROOT}/collaborators/ada/permission", Reply(body=example(name, permission=level)))
    assert forge.permission(asking(double, tmp_path)).state == state


def test_what_a_workflows_token_may_is_unknown(double: Double, tmp_path: Path) -> None:
    double.account("github-actions[bot]")
    assert forge.permission(asking(double, tmp_path)).state == "unknown"


def protected(double: Double, contexts: list[str], *, rules: Reply) -> None:
    double.on("GET", ROOT, Reply(body=example("full-repository-default-response", default_branch="main")))
    branch = example("branch-get")
    branch["protection"]["required_status_checks"]["contexts"] = contexts
    double.on("GET", f"{ROOT}/branches/main", Reply(body=branch))
    double.on("GET", f"{ROOT}/rules/branches/main", rules)


@pytest.mark.parametrize(
    ("contexts", "rules", "state"),
    [
        (["mlops-ci/metrics"], Reply(body=[]), "good"),
        (["build"], Reply(body=[]), "advice"),
        ([], Reply(404, {"message": "Not Found"}), "unknown"),
    ],
)
def test_what_a_merge_requires(
    double: Double, tmp_path: Path, contexts: list[str], rules: Reply, state: str
) -> None:
    protected(double, contexts, rules=rules)
    assert forge.required(asking(double, tmp_path)).state == state


# ---- the workflow ------------------------------------------------------------------------------


def test_no_workflow(project: Path) -> None:
    assert forge.workflow(at(project)) == Found("advice", "no workflow calls mlops-ci", "mlops-ci init")
    assert forge.pinned(at(project)).state == forge.current(at(project)).state == "unknown"


@pytest.mark.parametrize(
    ("version", "state"),
    [(f"{SHA} # v0.1.0", "good"), ("v1", "missing"), ("main # v0.1.0", "missing"), (SHA[:10], "missing")],
)
def test_a_pin_is_a_commit(project: Path, version: str, state: str) -> None:
    call(project, version)
    assert forge.workflow(at(project)) == Found("good", "mlops-ci.yml")
    assert forge.pinned(at(project)).state == state


def test_a_workflow_of_another_version(project: Path) -> None:
    call(project, f"{SHA} # v0.0.1")
    assert forge.current(at(project)).state == "advice"
    call(project, installed.commit())
    assert forge.current(at(project)).state == "good"


WORKFLOW = "jobs: {a: {uses: 'acme/mlops-ci/.github/workflows/pull-request.yml@x'%s}}"
STEPS = "jobs: {a: {permissions: %s, steps: [{run: 'true'}, {uses: 'acme/mlops-ci/action@x', with: {verb: %s%s}}]}}"


@pytest.mark.parametrize(
    ("text", "state"),
    [
        (WORKFLOW % "", "nothing"),
        (WORKFLOW % ", secrets: {aws-access-key-id: x}, with: {app-client-id: x}", "nothing"),
        (WORKFLOW % ", secrets: {app-private-key: x}", "nothing"),
        (WORKFLOW % ", secrets: {app-private-key: x}, with: {app-client-id: x}", "token"),
        (WORKFLOW % ", secrets: {token: x}", "token"),
        (WORKFLOW % ", secrets: inherit", "token"),
        (STEPS % ("{contents: read}", "pr", ""), "nothing"),
        (STEPS % ("{contents: write}", "run", ""), "own"),
        (STEPS % ("write-all", "pr", ", token: '${{ secrets.GITHUB_TOKEN }}'"), "own"),
        (STEPS % ("{contents: read}", "pr", ", push-token: '${{ steps.app.outputs.token }}'"), "token"),
        (STEPS % ("{contents: read}", "pr", ", token: '${{ secrets.PAT }}'"), "token"),
        (STEPS % ("{contents: write}", "comment", ""), "unknown"),
    ],
)
def test_who_pushes_what_is_committed(project: Path, text: str, state: str) -> None:
    call(project, SHA)
    (project / ".github/workflows/mlops-ci.yml").write_text(yaml.safe_dump(yaml.safe_load(text)))
    assert pushing.pushing(at(project)) == Found("good", "`lock: report` pushes nothing")
    (project / "mlops-ci.yaml").write_text("lock: commit\n")
    found = pushing.pushing(at(project))
    assert (found.state, found.words) == {
        "token": ("good", "mlops-ci.yml hands over a token to push with"),
        "own": (
            "advice",
            "mlops-ci.yml pushes with its job's own token, which starts no workflow: the new commit has our checks alone",
        ),
        "nothing": (
            "advice",
            "mlops-ci.yml hands over no token to push with, so `lock: commit` only proposes a patch",
        ),
        "unknown": ("unknown", "no workflow calls mlops-ci for a pull request"),
    }[state]


def test_a_workflow_that_is_no_yaml_says_nothing_of_tokens(project: Path) -> None:
    call(project, f"{SHA}\n    secrets: [")
    (project / "mlops-ci.yaml").write_text("lock: commit\n")
    assert pushing.pushing(at(project)).state == "unknown"


@pytest.mark.parametrize(
    ("address", "environ", "repository"),
    [
        ("https://github.com/acme/churn.git", {}, "acme/churn"),
        ("https://me:token@github.com/acme/churn", {}, "acme/churn"),
        ("git@github.com:acme/churn.git", {}, "acme/churn"),
        ("ssh://git@ghe.example:22/acme/churn", {"GITHUB_SERVER_URL": "https://ghe.example"}, "acme/churn"),
        ("https://gitlab.com/acme/churn", {}, ""),
        ("../elsewhere", {}, ""),
        ("../elsewhere", {"GITHUB_REPOSITORY": "acme/other"}, "acme/other"),
    ],
)
def test_the_repository_on_github(
    git_repo: Path, git: RunGit, address: str, environ: Mapping[str, str], repository: str
) -> None:
    git(git_repo, "remote", "add", "origin", address)
    assert Place(git_repo, environ).repository == repository


# ---- all together ------------------------------------------------------------------------------


def test_every_check_answers_wherever_it_is(tmp_path: Path) -> None:
    found: dict[str, Any] = {a.check.name: a.found.state for a in checkup.run(Place(tmp_path, os.environ))}
    assert list(found) == [check.name for check in checkup.CHECKS]
    assert found["repository"] == "missing"
    assert "good" not in {found[name] for name in ("history", "lock", "pushed", "workflow", "current")}


# ---- what pull requests wait for -----------------------------------------------------------------


def starts_at(root: Path, on: str, name: str = "mlops-ci.yml") -> None:
    """A workflow that calls mlops-ci at these events."""
    folder = root / ".github" / "workflows"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"{on}\n{CALL.format(SHA)}")


@pytest.mark.parametrize("text", ["version: 1\n", "when: command\n"])
def test_the_usual_events_are_enough(project: Path, text: str) -> None:
    assert waiting.triggers(at(project)).state == "good"
    (project / "mlops-ci.yaml").write_text(text)
    assert waiting.triggers(at(project)) == Found("good", "pull requests are run at GitHub's usual events")


@pytest.mark.parametrize(
    "on",
    [
        "on: pull_request",
        "on: [pull_request, merge_group]",
        "on: {pull_request: }",
        "on: {pull_request: {branches: [main]}}",
        "on: {pull_request: {types: opened}}",
        "on: {pull_request: {types: {}}}",
        "on: {pull_request: {types: [opened, ready_for_review]}}",
    ],
)
def test_a_workflow_that_does_not_hear_of_labels(project: Path, on: str) -> None:
    (project / "mlops-ci.yaml").write_text("when: {label: run-ml}\n")
    starts_at(project, on)
    assert waiting.triggers(at(project)) == Found(
        "missing",
        "mlops-ci.yml does not start at the event labeled, which `when` in mlops-ci.yaml waits for",
        "on: {pull_request: {types: [opened, synchronize, reopened, labeled]}}",
    )


@pytest.mark.parametrize(
    ("when", "on"),
    [
        ("{label: x}", "on: {pull_request: {types: [opened, labeled]}}"),
        ("{label: x}", "on: {pull_request: {types: labeled}}"),
        ("ready", "'on': {pull_request: {types: [ready_for_review]}}"),
    ],
)
def test_a_workflow_that_hears_of_it(project: Path, when: str, on: str) -> None:
    (project / "mlops-ci.yaml").write_text(f"when: {when}\n")
    starts_at(project, on)
    assert waiting.triggers(at(project)).state == "good"


@pytest.mark.parametrize("on", ["on: push", "on: {push: {}}", "on: [push]", "on: [push", "[]\n---"])
def test_without_a_workflow_of_pull_requests_nobody_waits(project: Path, on: str) -> None:
    (project / "mlops-ci.yaml").write_text("when: ready\n")
    assert waiting.triggers(at(project)) == Found("unknown", "no workflow of pull requests calls mlops-ci")
    starts_at(project, on)
    assert waiting.triggers(at(project)).state == "unknown"
