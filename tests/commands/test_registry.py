"""`mlops-ci registry sync`: from the records in Git to a registry, and back to nothing to do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mlops_ci.adapters import git_commit
from mlops_ci.adapters.git import Git
from mlops_ci.commands.registry import Action, registry
from mlops_ci.errors import ConfigError
from mlops_ci.promotion.record import Record
from tests.conftest import RunGit
from tests.promotion.records import record

pytest.importorskip("mlflow", reason="mlflow is not installed")

CONFIG = """\
environments:
  staging: {}
  production: {after: staging}
  elsewhere: {repo: "https://example.invalid/a/b"}
promotion:
  registry: {uri: "sqlite:///${FILE}", name: "our-{model}", tags: true}
"""


def keep(root: Path, one: Record) -> None:
    for path in (one.current_path, one.log_path):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(one.text())


@pytest.fixture
def here(
    dvc_repo: Path, git: RunGit, commit: RunGit, mlflow_database: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A repository in which one release went to staging, and is proposed for production."""
    (dvc_repo / "dvc.yaml").write_text("stages: {train: {cmd: 'true'}}\n")
    (dvc_repo / "mlops-ci.yaml").write_text(CONFIG)
    commit(dvc_repo, "begin")
    keep(dvc_repo, record(1, "a", environment="staging"))
    commit(dvc_repo, "promote a")
    one, here = record(1, "a"), Git(dvc_repo)
    files = dict.fromkeys((one.current_path, one.log_path), one.text())
    made = git_commit.commit_files(here, here.head(), files, "Propose a\n")
    git(dvc_repo, "branch", "mlops-ci/promote/production/iris", made)
    # What a person pushes there proposes nothing.
    git(dvc_repo, "checkout", "--quiet", "-b", "mlops-ci/promote/production/wine")
    keep(dvc_repo, record(1, "c", model="wine"))
    commit(dvc_repo, "propose c")
    git(dvc_repo, "checkout", "--quiet", "main")
    shutil.copy(mlflow_database, dvc_repo / "mirror.db")
    monkeypatch.setenv("FILE", "mirror.db")
    monkeypatch.chdir(dvc_repo)
    return dvc_repo


def test_the_registry_follows(
    here: Path, git: RunGit, commit: RunGit, capsys: pytest.CaptureFixture[str]
) -> None:
    assert registry(Action.SYNC, dry_run=True) == 0
    assert capsys.readouterr().out == (
        "This would change:\nour-iris: 1 version registered, staging is aaaaaaaaaaaa, challenger is aaaaaaaaaaaa\n"
    )
    assert registry(Action.SYNC) == 0
    printed = capsys.readouterr()
    assert (
        printed.out == "our-iris: 1 version registered, staging is aaaaaaaaaaaa, challenger is aaaaaaaaaaaa\n"
    )
    assert "note: no tag iris@v0.0.1: this clone does not have the commit aaaaaaaaaa" in printed.err
    assert registry(Action.SYNC) == 0
    assert capsys.readouterr().out == "our-iris: is up to date\n"

    git(here, "merge", "--quiet", "--no-ff", "-m", "promote", "mlops-ci/promote/production/iris")
    git(here, "branch", "--quiet", "-D", "mlops-ci/promote/production/iris")
    by_hand = record(2, "b", environment="staging")
    named = by_hand.release.model_copy(update={"commit": git(here, "rev-parse", "HEAD")})
    keep(here, by_hand.model_copy(update={"release": named}))
    commit(here, "promote b")
    assert registry(Action.SYNC, json=True) == 0
    document = json.loads(capsys.readouterr().out)
    [model] = document["models"]
    a, b = "sha256:" + "a" * 64, "sha256:" + "b" * 64
    assert model["aliases"] == {"staging": b, "production": a, "champion": a}
    assert model["dropped"] == ["challenger"]
    assert [one["digest"] for one in model["registered"]] == [b]
    assert document["git_tags"] == ["iris@v0.0.2"]
    assert git(here, "tag") == "iris@v0.0.2"


def test_without_records_there_is_nothing_to_say(
    here: Path, git: RunGit, commit: RunGit, capsys: pytest.CaptureFixture[str]
) -> None:
    git(
        here,
        "branch",
        "--quiet",
        "-D",
        "mlops-ci/promote/production/iris",
        "mlops-ci/promote/production/wine",
    )
    git(here, "rm", "-r", "--quiet", "promotions")
    commit(here, "no records")
    assert registry(Action.SYNC, dry_run=True) == 0
    assert capsys.readouterr().out == "Git has no promotion record yet, so there is nothing to register\n"


def test_without_the_key_it_says_which(here: Path, commit: RunGit) -> None:
    (here / "mlops-ci.yaml").write_text("environments: {staging: {}}\n")
    commit(here, "no registry")
    with pytest.raises(ConfigError) as found:
        registry(Action.SYNC)
    assert found.value.message == "there is no registry to sync: promotion.registry is not set"
    assert "promotion.registry: {uri: ...}" in found.value.hint


def test_a_variable_that_is_not_set(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FILE")
    with pytest.raises(ConfigError, match=r"promotion\.registry\.uri: the environment has no FILE"):
        registry(Action.SYNC)
