"""`mlops-ci init` in real repositories: what it writes, what it leaves alone, what it says to do next."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from mlops_ci import cli, config
from mlops_ci.adapters import installed

RunGit = Callable[..., str]
PIN = "0123456789abcdef0123456789abcdef01234567"
WORKFLOW = ".github/workflows/mlops-ci.yml"
PIPELINE = """\
stages:
  train:
    cmd: "true"
    metrics: [metrics.json: {cache: false}]
artifacts:
  churn: {path: model.pkl, type: model}
"""


@pytest.fixture
def project(dvc_repo: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a pipeline, a metric and a remote on S3."""
    (dvc_repo / "dvc.yaml").write_text(PIPELINE)
    (dvc_repo / "metrics.json").write_text('{"rmse": 2.5}')
    (dvc_repo / "requirements.txt").write_text("pandas\n")
    (dvc_repo / ".dvc" / "config").write_text(
        "[core]\n    remote = s\n['remote \"s\"']\n    url = s3://b/x\n"
    )
    monkeypatch.chdir(dvc_repo)
    return dvc_repo


def started(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, list[str]]:
    assert cli.run(["init", "--json", "--pin", PIN, *options]) == 0
    found: dict[str, list[str]] = json.loads(capsys.readouterr().out)
    return found


def test_the_workflow_and_the_configuration_are_written(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = started(capsys)
    assert (done["written"], done["kept"]) == ([WORKFLOW, "mlops-ci.yaml"], [])
    assert yaml.safe_load((project / WORKFLOW).read_text())["jobs"]["mlops-ci"]["uses"].endswith(f"@{PIN}")
    text = (project / "mlops-ci.yaml").read_text()
    config.load(text)
    assert "#       rmse: {max_drop: 2%} # 2.5 in metrics.json; lower is better, by its name" in text
    assert "# models: [churn]" in text


def test_nothing_is_overwritten(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "mlops-ci.yaml").write_text("version: 1\n")
    (project / WORKFLOW).parent.mkdir(parents=True)
    (project / WORKFLOW).symlink_to("nowhere")
    done = started(capsys, "--forks", "--commands")
    assert done["written"] == [f".github/workflows/mlops-ci-{name}.yml" for name in ("forks", "commands")]
    assert done["kept"] == [WORKFLOW, "mlops-ci.yaml"]
    assert (project / "mlops-ci.yaml").read_text() == "version: 1\n"
    assert not (project / "nowhere").exists()


@pytest.mark.parametrize(
    ("when", "event"), [("{label: run-ml}", "labeled"), ("ready", "ready_for_review"), ("command", "")]
)
def test_the_workflow_starts_at_what_the_configuration_waits_for(
    project: Path, capsys: pytest.CaptureFixture[str], when: str, event: str
) -> None:
    (project / "mlops-ci.yaml").write_text(f"when: {when}\n")
    assert started(capsys)["written"] == [WORKFLOW]
    on = yaml.safe_load((project / WORKFLOW).read_text())[True]
    assert on == (
        {"pull_request": {"types": ["opened", "synchronize", "reopened", event]}, "merge_group": {}}
        if event
        else ["pull_request", "merge_group"]
    )


PROMOTE = ".github/workflows/mlops-ci-promote.yml"


@pytest.mark.parametrize(
    ("options", "text"), [(["--promote"], ""), ([], "base: release\nenvironments: {prod: {}}\n")]
)
def test_promotions_have_a_workflow_where_there_are_environments_or_somebody_asks(
    project: Path, capsys: pytest.CaptureFixture[str], git: RunGit, options: list[str], text: str
) -> None:
    git(project, "branch", "-m", "trunk")
    (project / "mlops-ci.yaml").write_text(text)
    done = started(capsys, *options)
    assert done["written"] == [WORKFLOW, PROMOTE]
    on = yaml.safe_load((project / PROMOTE).read_text())[True]
    assert on["push"] == {"branches": ["release" if text else "trunk"]}
    assert [
        step for step in done["next"] if "Allow GitHub Actions to create and approve pull requests" in step
    ]


def test_a_configuration_with_a_mistake_is_told_first(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "mlops-ci.yaml").write_text("when: never\n")
    assert cli.run(["init", "--pin", PIN]) == 2
    assert "mlops-ci.yaml:1: when: expected push, ready, command or {label: NAME}" in capsys.readouterr().err
    assert not (project / WORKFLOW).exists()


def test_a_dry_run_writes_nothing_and_shows_all(
    project: Path, capsys: pytest.CaptureFixture[str], git: RunGit
) -> None:
    before = git(project, "status", "--porcelain")
    done = started(capsys, "--dry-run")
    assert done["written"] == []
    assert list(done["files"]) == [WORKFLOW, "mlops-ci.yaml"]
    assert git(project, "status", "--porcelain") == before
    assert cli.run(["init", "--dry-run", "--pin", PIN]) == 0
    assert f"--- {WORKFLOW}\nname: mlops-ci\n" in capsys.readouterr().out


def test_it_ends_with_what_to_do_next(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["init", "--pin", PIN]) == 0
    out = capsys.readouterr().out
    assert out.startswith(
        f"wrote {WORKFLOW}\nwrote mlops-ci.yaml\n\nNext:\n  1. List dvc-s3 in requirements.txt"
    )
    assert "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY" in out
    assert "git add .github/workflows/mlops-ci.yml mlops-ci.yaml && git commit" in out
    assert out.rstrip().endswith("`mlops-ci doctor` says what is still missing")


def test_without_a_remote_or_requirements_that_is_said(
    dvc_repo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (dvc_repo / "dvc.yaml").write_text("stages: {train: {cmd: 'true', metrics: [m.json]}}\n")
    monkeypatch.chdir(dvc_repo)
    steps = "\n".join(started(capsys)["next"])
    assert "Add a DVC remote" in steps
    assert "Say what your stages need" in steps


def test_a_remote_in_a_folder_is_told_to_be_out_of_reach(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / ".dvc" / "config").write_text("[core]\n    remote = s\n['remote \"s\"']\n    url = ../store\n")
    assert "a folder of this machine" in "\n".join(started(capsys)["next"])


@pytest.mark.parametrize("options", [["--pin", "v1"], ["--pin", PIN, "--source", "x y/z"]])
def test_what_is_no_pin_is_an_error(project: Path, options: list[str]) -> None:
    assert cli.run(["init", *options]) == 2
    assert not (project / WORKFLOW).exists()


def test_without_a_pipeline_there_is_nothing_to_start_from(
    dvc_repo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(dvc_repo)
    assert cli.run(["init", "--pin", PIN]) == 2
    assert "no dvc.yaml found" in capsys.readouterr().err


# ---- which commit we are -----------------------------------------------------------------------


def test_the_commit_of_a_checkout(git_repo: Path, commit: RunGit) -> None:
    (git_repo / "mlops_ci").mkdir()
    (git_repo / "mlops_ci" / "x.py").write_text("")
    sha = commit(git_repo)
    assert installed.checkout(git_repo / "mlops_ci") == sha


def test_an_environment_inside_of_another_repository_is_no_checkout(git_repo: Path, commit: RunGit) -> None:
    package = git_repo / "venv" / "mlops_ci"
    package.mkdir(parents=True)
    commit(git_repo)
    assert installed.checkout(package) == ""


def test_the_commit_of_a_tag(git_repo: Path, git: RunGit, commit: RunGit) -> None:
    sha = commit(git_repo)
    git(git_repo, "tag", "-a", "v1.2.3", "-m", "annotated")
    git(git_repo, "tag", "v1.2.4")
    assert installed.tagged(str(git_repo), "1.2.3") == sha
    assert installed.tagged(str(git_repo), "1.2.4") == sha
    assert installed.tagged(str(git_repo), "9.9.9") == ""


def test_this_code_has_a_commit() -> None:
    root = Path(installed.__file__).parents[2]
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True)
    assert installed.commit() == head.stdout.strip()
