"""Overlays are built by kubectl before and after an edit, and after it was taken back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from mlops_ci.adapters import process
from mlops_ci.errors import ToolError
from mlops_ci.yaml_edit import edit, order
from tests.tools import without
from tests.yaml_edit.corpus import ROOT

IMAGE = "registry.example.com/iris-server"


@pytest.fixture
def overlays(tmp_path: Path) -> Path:
    """The overlays and their base in a folder of their own."""
    if shutil.which("kubectl") is None:
        without("kubectl", "kubectl builds overlays; it is not on PATH")
    shutil.copytree(ROOT / "kustomize", tmp_path / "kustomize")
    return tmp_path / "kustomize" / "overlays"


def built(overlay: Path) -> list[dict[str, object]]:
    return list(yaml.safe_load_all(process.run(["kubectl", "kustomize", str(overlay)], cwd=overlay).stdout))


@pytest.mark.parametrize(
    ("overlay", "file", "orders", "old", "new"),
    [
        ("staging", "kustomization.yaml", [f':images[name={IMAGE}].newTag="1.10"'], "iris-server:1.4.2", "iris-server:1.10"),
        (
            "staging",
            "kustomization.yaml",
            [":configMapGenerator[name=iris-model].literals[MODEL_URI=*]=MODEL_URI=s3://models/iris/sha256-cccc"],
            "s3://models/iris/sha256-bbbb",
            "s3://models/iris/sha256-cccc",
        ),
        ("production", "kustomization.yaml", [f":images[name={IMAGE}].digest-", f":images[name={IMAGE}].newTag=2.0.0"], "iris-server@sha256:9f86d081", "iris-server:2.0.0"),
        ("production", "replicas.yaml", ['Deployment/iris:spec.template.spec.containers[name=server].env[name=A]={value: "7"}'], "memory: 1Gi", "memory: 1Gi"),
        ("flow", "kustomization.yaml", [f":images[name={IMAGE}].newTag=2"], "iris-server:1.10", "iris-server:2"),
        ("flow", "kustomization.yaml", [":configMapGenerator[name=iris-model].literals[EXTRA=*]=EXTRA=a, b"], "NOTE: a, b", "EXTRA: a, b"),
        ("patches", "image.yaml", [":[op=replace].value=registry.example.com/iris-server:3"], "iris-server:2.0.0", "iris-server:3"),
        ("replacements", "model.yaml", ["ConfigMap/model:data.image=registry.example.com/iris-server:4"], "iris-server:3.0.0", "iris-server:4"),
    ],
)  # fmt: skip
def test_an_overlay_is_built_before_and_after(
    overlays: Path, overlay: str, file: str, orders: list[str], old: str, new: str
) -> None:
    place = overlays / overlay / file
    before = place.read_bytes()
    first = built(overlays / overlay)
    place.write_bytes(edit(before.decode(), *map(order, orders)).encode())
    second = built(overlays / overlay)
    assert first != second
    assert [one["kind"] for one in first] == [one["kind"] for one in second]
    assert old in yaml.safe_dump(first)
    assert new in yaml.safe_dump(second)


def test_a_number_is_no_tag_of_an_image(overlays: Path) -> None:
    """Why an order says whether a value is text: kubectl refuses a number there."""
    place = overlays / "staging" / "kustomization.yaml"
    before = place.read_text()
    place.write_text(edit(before, order(f":images[name={IMAGE}].newTag=1.5")))
    with pytest.raises(ToolError, match="cannot unmarshal number"):
        built(overlays / "staging")
