"""`mlops-ci repro` in a repository with DVC and nothing else: what a person reads, and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlops_ci import cli

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
