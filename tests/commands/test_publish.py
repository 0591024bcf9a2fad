"""`mlops-ci publish` copies the models of dvc.lock to the model store and says where they are."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from mlops_ci.adapters.dvc import Dvc
from mlops_ci.commands.publish import publish
from mlops_ci.errors import ConfigError
from tests.conftest import RunGit

PIPELINE = """\
stages:
  train:
    cmd: mkdir -p out/parts && echo iris > out/iris.txt && echo 1 > out/parts/a && echo 2 > out/parts/b
    outs: [out/iris.txt, out/parts]
  other:
    cmd: echo x > later.txt
    outs: [later.txt]
artifacts:
  iris: {path: out/iris.txt, type: model}
  parts: {path: out/parts, type: model}
"""
SHA = hashlib.sha256(b"iris\n").hexdigest()


@pytest.fixture
def here(dvc_repo: Path, commit: RunGit, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with two models, one of them a folder, that were made and committed."""
    (dvc_repo / "dvc.yaml").write_text(PIPELINE)
    (dvc_repo / "mlops-ci.yaml").write_text("promotion: {store: ../models}\n")
    dvc = Dvc.open(dvc_repo)
    dvc.run(["train"])
    dvc.close()
    commit(dvc_repo, "models")
    monkeypatch.chdir(dvc_repo)
    return dvc_repo


def test_all_models_are_published_and_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert publish() == 0
    root = (here.parent / "models").as_uri()
    words = capsys.readouterr().out
    assert words.startswith(
        f"iris published: 1 file, 5 bytes\n  sha256:{SHA}\n  {root}/iris/sha256-{SHA}/iris.txt\nparts published: 2 files, 4 bytes\n"
    )
    assert (here.parent / "models" / "iris" / f"sha256-{SHA}" / "iris.txt").read_bytes() == b"iris\n"
    assert publish("iris") == 0
    assert capsys.readouterr().out.startswith("iris is there already: 1 file, 5 bytes\n")


def test_a_dry_run_hashes_and_writes_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert publish("iris", dry_run=True, json=True) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == {
        "models": [
            {
                "model": "iris",
                "digest": f"sha256:{SHA}",
                "uri": (here.parent / "models").as_uri() + f"/iris/sha256-{SHA}/iris.txt",
                "size": 5,
                "files": 1,
                "md5": hashlib.md5(b"iris\n").hexdigest(),
                "new": True,
            }
        ]
    }
    assert not (here.parent / "models").exists()
    assert publish("iris", dry_run=True) == 0
    assert capsys.readouterr().out.startswith("iris would be published: 1 file, 5 bytes\n")


def refused(model: str = "") -> tuple[str, str]:
    with pytest.raises(ConfigError) as found:
        publish(model)
    return found.value.message, found.value.hint


def test_a_model_that_is_not_there(here: Path) -> None:
    assert refused("lily") == ("there is no model 'lily'", "there are: iris, parts")


def test_a_model_without_an_artifact(here: Path) -> None:
    (here / "dvc.yaml").write_text(PIPELINE.partition("artifacts")[0])
    message, hint = refused()
    assert message == "dvc.yaml: declares no artifact for repository, so it has no bytes"
    assert hint == "add it under artifacts: NAME: {path: ..., type: model}"


def test_models_without_an_artifact_beside_others_are_named(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "sub").mkdir()
    (here / "sub" / "dvc.yaml").write_text("stages:\n  a:\n    cmd: echo > b\n    outs: [b]\n")
    (here / "mlops-ci.yaml").write_text(
        "models: {iris: {}, sub: {artifact: sub/dvc.yaml}}\npromotion: {store: ../models}\n"
    )
    assert publish() == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("iris published")
    assert "note: sub is not published: sub/dvc.yaml declares no artifact for it\n" in printed.err


def test_a_model_that_was_never_made(here: Path) -> None:
    (here / "dvc.yaml").write_text(PIPELINE.replace("path: out/iris.txt", "path: later.txt"))
    message, hint = refused("iris")
    assert message == "later.txt: dvc.lock has no hash of the model iris"
    assert "dvc repro" in hint
