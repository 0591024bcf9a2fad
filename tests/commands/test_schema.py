"""`mlops-ci schema`: definitions are compiled once, manifests are held to them from then on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlops_ci import cli
from tests.manifests.samples import KNATIVE
from tests.manifests.test_crds import CRD

FILE = ".mlops-ci/schemas/serving.kserve.io_InferenceService_v1beta1.json"
GOOD = KNATIVE.replace("    minReplicas: 1\n", "")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("crds").mkdir()
    Path("crds/kserve.yaml").write_text(CRD)
    Path("iris.yaml").write_text(GOOD)
    return tmp_path


def run(*args: str) -> int:
    return cli.run(["schema", *args])


def test_a_definition_is_compiled_and_a_typing_mistake_is_caught(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("add", "crds/kserve.yaml") == 0
    assert capsys.readouterr().out == (
        f"{FILE}: InferenceService serving.kserve.io/v1beta1, new\n"
        "Commit .mlops-ci/schemas: from now on manifests are held to it.\n"
    )
    assert run("check", "iris.yaml") == 0
    assert capsys.readouterr().out == "1 file: all is well\n"
    Path("iris.yaml").write_text(GOOD.replace("storageUri:", "storage: {}\n      storagUri:"))
    assert run("check", "iris.yaml") == 1
    assert capsys.readouterr().out == (
        "iris.yaml: InferenceService/iris:spec.predictor.model: "
        "there is no storagUri (did you mean storageUri?) here\n1 file: 1 to mend\n"
    )


def test_what_is_there_already_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("add", "crds", "--dry-run") == 0
    assert capsys.readouterr().out.endswith(", new\nNothing was written.\n")
    assert not Path(FILE).exists()
    assert run("add", "crds") == 0
    capsys.readouterr()
    assert run("add", "crds", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schemas"] == [
        {
            "file": FILE,
            "kind": "InferenceService",
            "version": "serving.kserve.io/v1beta1",
            "state": "unchanged",
        }
    ]
    Path(FILE).write_text("{}")
    assert run("add", "crds") == 0
    assert ", changed\n" in capsys.readouterr().out
    assert json.loads(Path(FILE).read_text())["type"] == "object"


def test_without_schemas_the_fields_that_promotions_touch_are_checked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("iris.yaml").write_text(GOOD.replace("    model:", "    canaryTrafficPercent: 101\n    model:"))
    Path("broken.yaml").write_text("a: [")
    assert run("check", "iris.yaml", "broken.yaml", "--json") == 1
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert found["files"] == 2
    assert found["problems"][0] == {
        "file": "iris.yaml",
        "place": "InferenceService/iris:spec.predictor.canaryTrafficPercent",
        "message": "must be 0 to 100, and 101 stands there",
    }
    assert "no YAML" in found["problems"][1]["message"]
    assert ".mlops-ci/schemas holds no schema" in captured.err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["add", "iris.yaml"], "iris.yaml: there is no CustomResourceDefinition with a schema in it"),
        (["add", "none.yaml"], "none.yaml: cannot be read (No such file or directory)"),
        (["add", "empty"], "empty: there is no YAML or JSON file below it"),
        (["add", "latin.yaml"], "latin.yaml: is no UTF-8 text"),
        (["check", "iris.yaml", "--dry-run"], "--dry-run says nothing to `schema check`"),
        (["remove", "iris.yaml"], "'remove' is not one of"),
    ],
)
def test_misuse_is_refused_in_one_line(
    args: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("empty").mkdir()
    Path("latin.yaml").write_bytes(b"a: \xe9\n")
    assert run(*args) == 2
    assert said in capsys.readouterr().err
