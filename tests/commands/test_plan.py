"""`mlops-ci plan` tells what would run, what at once, and what somebody forgot to push."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mlops_ci import cli

RunGit = Callable[..., str]
PIPELINE = """\
stages:
  split: {cmd: "mkdir -p parts; echo a > parts/a; echo b > parts/b", deps: [raw.txt], outs: [parts]}
  count: {foreach: [a, b], do: {cmd: "cat parts/${item} > n-${item}", deps: ["parts/${item}"], outs: ["n-${item}"]}}
"""


@pytest.fixture
def project(dvc_repo: Path, commit: RunGit, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pipeline that ran, and a remote beside it to which nobody pushed yet."""
    from dvc.repo import Repo

    monkeypatch.chdir(dvc_repo)
    Path("raw.txt").write_text("raw\n")
    Path("dvc.yaml").write_text(PIPELINE)
    with Repo(".") as repo:
        repo.reproduce()
    commit(dvc_repo)
    return dvc_repo


def test_the_waves_are_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "raw.txt").write_text("other\n")
    assert cli.run(["plan"]) == 0
    assert capsys.readouterr().out == (
        "run           split\n"
        "                raw.txt changed\n"
        "maybe         count@a\n"
        "                what split writes may change\n"
        "maybe         count@b\n"
        "                what split writes may change\n"
        "\n"
        "wave 1        split\n"
        "wave 2        count@a, count@b\n"
    )


def test_what_nobody_pushed_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from dvc.repo import Repo

    with (project / ".dvc/config").open("a") as file:
        file.write("[core]\n    remote = here\n['remote \"here\"']\n    url = ../../remote\n")
    assert cli.run(["plan", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["waves"], document["missing"]) == ([], None)
    assert cli.run(["plan", "--remote"]) == 1
    assert capsys.readouterr().out == (
        "cached        split\ncached        count@a\ncached        count@b\n\n"
        "the DVC remote lacks data that dvc.lock names; whoever made it runs `dvc push`:\n"
        "  n-a\n  n-b\n  parts\n"
    )
    with Repo(".") as repo:
        repo.push()
    assert cli.run(["plan", "--remote", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["missing"] == []


def test_what_is_made_anew_is_not_missed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (project / ".dvc/config").open("a") as file:
        file.write("[core]\n    remote = here\n['remote \"here\"']\n    url = ../../remote\n")
    (project / "raw.txt").write_text("other\n")
    assert cli.run(["plan", "--remote", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["missing"] == ["n-a", "n-b"]


def test_there_must_be_a_remote_to_ask(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["plan", "--remote"]) == 2
    assert "remote" in capsys.readouterr().err
