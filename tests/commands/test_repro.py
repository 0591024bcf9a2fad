"""`mlops-ci repro` in a repository with DVC and nothing else: what a person reads, and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlops_ci import cli
from tests.conftest import RunGit

PIPELINE = """\
stages:
  good: {cmd: echo fine > good.txt, outs: [good.txt]}
  bad: {cmd: echo loading; exit 3, deps: [good.txt], outs: [bad.txt]}
  after: {cmd: cp bad.txt after.txt, deps: [bad.txt], outs: [after.txt]}
  lost: {cmd: cp lost.csv lost.txt, deps: [lost.csv], outs: [lost.txt]}
"""


@pytest.fixture
def project(dvc_repo: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pipeline of which two stages fail and one has to wait; nothing is committed."""
    monkeypatch.chdir(dvc_repo)
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    Path("dvc.yaml").write_text(PIPELINE)
    return dvc_repo


def test_why_a_stage_failed_and_where_its_log_is_are_told(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "mlops-ci.yaml").write_text("version: 1\nstages: {goood: {retries: 1}}\n")
    assert cli.run(["repro"]) == 1
    told = capsys.readouterr()
    assert told.out == "1 ran, 2 failed, 1 blocked\n"
    assert 'stages.goood stands for no stage of this pipeline; did you mean "good"?\n' in told.err
    assert "bad failed; its log is .dvc/tmp/mlops-ci/logs/bad.log:\n    loading\n" in told.err
    assert "dependency 'lost.csv' does not exist\n" in told.err
    assert (project / ".dvc/tmp/mlops-ci/logs/bad.log").read_text() == "loading\n"


def test_json_is_alone_on_standard_output(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["repro", "--json"]) == 1
    stages = json.loads(capsys.readouterr().out)["stages"]
    assert {one["name"]: one["status"] for one in stages} == {
        "good": "ran",
        "bad": "failed",
        "after": "blocked",
        "lost": "failed",
    }


def test_a_mistyped_stage_is_named_with_the_one_that_may_be_meant(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["repro", "god"]) == 2
    assert 'god is not a stage of this pipeline\n  → did you mean "good"?\n' in capsys.readouterr().err
    assert cli.run(["repro", "quite-another"]) == 2
    assert "→ `mlops-ci plan` lists them\n" in capsys.readouterr().err
    assert not (project / "good.txt").exists()


def test_deleted_outputs_come_back_from_the_cache(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("dvc.yaml").write_text("stages:\n  good: {cmd: echo fine > good.txt, outs: [good.txt]}\n")
    assert cli.run(["repro"]) == 0
    (project / "good.txt").unlink()
    assert cli.run(["repro"]) == 0
    assert capsys.readouterr().out == "1 ran\n1 cached\n"
    assert (project / "good.txt").read_text() == "fine\n"


def test_a_changed_comment_runs_nothing_and_dvc_agrees_afterwards(
    project: Path, commit: RunGit, capsys: pytest.CaptureFixture[str]
) -> None:
    from dvc.repo import Repo

    Path("dvc.yaml").write_text("stages:\n  code: {cmd: python code.py, deps: [code.py], outs: [out.txt]}\n")
    Path("code.py").write_text("open('out.txt', 'w').write('1')\n")
    assert cli.run(["repro"]) == 0
    commit(project)
    Path("code.py").write_text("# Why.\nopen('out.txt', 'w').write('1')\n")
    assert cli.run(["repro"]) == 0
    assert capsys.readouterr().out == "1 ran\n1 cached\n"
    with Repo() as repo:
        assert repo.status() == {}


def test_in_a_subfolder_its_own_stages_are_meant_first(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = project / "sub"
    folder.mkdir()
    (folder / "dvc.yaml").write_text("stages:\n  good: {cmd: echo sub > own.txt, outs: [own.txt]}\n")
    monkeypatch.chdir(folder)
    assert cli.run(["repro", "good"]) == 0
    assert capsys.readouterr().out == "1 ran\n"
    assert (folder / "own.txt").read_text() == "sub\n"
    assert not (project / "good.txt").exists()
