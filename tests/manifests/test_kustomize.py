"""Kustomizations: images and literals; kubectl builds what comes out."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from mlops_ci.adapters import process
from mlops_ci.manifests import kustomize
from mlops_ci.rollout import Rollout, Served
from tests.manifests.samples import IMAGES, A, B, Sample, sample

LITERAL, IMAGE = sample("kustomize", "literal"), sample("kustomize", "image")


def test_both_literals_are_kept_in_step() -> None:
    assert LITERAL.diff(Rollout(B)) == [
        f"- - MODEL_URI={A.uri}",
        f"- - MODEL_SHA256={'a' * 64}",
        f"+ - MODEL_URI={B.uri}",
        f"+ - MODEL_SHA256={'b' * 64}",
    ]


def test_an_image_is_written_by_its_parts() -> None:
    assert IMAGE.diff(Rollout(IMAGES["b"])) == [f"- digest: {A.digest}", f"+ digest: {B.digest}"]
    tagged = IMAGE.write(Rollout(Served("registry.example.com:5000/iris:1.4")))
    assert 'newTag: "1.4"' in tagged
    assert "digest:" not in tagged
    assert IMAGE.read(tagged) == Rollout(Served("registry.example.com:5000/iris:1.4"))
    both = Served.of(f"other.example.com/iris:v2@{B.digest}")
    after = IMAGE.write(Rollout(both))
    assert ("newName: other.example.com/iris" in after, "newTag: v2" in after) == (True, True)
    assert IMAGE.read(after) == Rollout(both)


def test_an_image_without_a_version_is_none_yet() -> None:
    one = IMAGE.but((f"  digest: {A.digest}\n", ""), ("  newName: registry.example.com:5000/iris\n", ""))
    assert one.read() == Rollout(None)
    assert one.write(Rollout(Served("iris:v1"))) == one.text.replace(
        "- name: iris\n", "- name: iris\n  newTag: v1\n"
    )


def test_a_generator_is_named_where_several_have_the_literal() -> None:
    more = "configMapGenerator:\n  - name: other\n    literals: [7, MODEL_URI=s3://models/rose]\n  - name: none\n"
    one = LITERAL.but(("configMapGenerator:\n", more))
    assert (
        "several entries have the literal MODEL_URI | say the entry with the option `generator`"
        in one.refusal()
    )
    assert one.but(generator="iris-model").read() == Rollout(A)


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (LITERAL.but(literal="OTHER"), "configMapGenerator: no entry has the literal OTHER |"),
        (LITERAL.but(("SHA256=a", "SHA256=b")), "stands beside an address that names sha256:aaa"),
        (
            LITERAL.but(("resources:", "---\nresources:")),
            "is one document, but 2 stand there | split the file",
        ),
        (IMAGE.but(image="rose"), "images: has no entry named rose | add `- name: rose` with its newTag"),
        (
            IMAGE.but((f"digest: {A.digest}", "newTag: 1.4")),
            "images[name=iris].newTag: expected a text, but 1.4 stands there | put it in quotes",
        ),
    ],
)
def test_what_cannot_be_is_refused(one: Sample, said: str) -> None:
    assert said in one.refusal()


@pytest.mark.parametrize(
    ("one", "rollout", "said"),
    [
        (IMAGE, Rollout(B), "is no image with a tag or a digest | name the literal of the model's address"),
        (IMAGE, Rollout(Served("registry.example.com/iris")), "is no image with a tag or a digest |"),
        (
            LITERAL,
            Rollout(A, B, 5),
            "a kustomization cannot share requests with a second release | use strategy",
        ),
        (LITERAL, Rollout(A, B), "a kustomization has no room for a candidate"),
        (LITERAL, Rollout(None), "does not say which release is to be stable"),
    ],
)
def test_what_it_cannot_say_is_refused(one: Sample, rollout: Rollout, said: str) -> None:
    assert said in one.refusal(rollout)


def test_a_release_stands_in_one_place() -> None:
    with pytest.raises(ValidationError, match="say image or generator"):
        kustomize.Options(image="iris", generator="iris-model")


def test_reviewers_learn_what_it_reaches() -> None:
    assert "never a storageUri" in IMAGE.notes(Rollout(IMAGES["b"]))
    assert "gets a new name" in LITERAL.notes(Rollout(B))


def build(folder: Path) -> dict[str, Any]:
    """What kubectl makes of a kustomization: the documents by their kinds."""
    built = process.run(["kubectl", "kustomize", str(folder)], cwd=folder).stdout
    return {one["kind"]: one for one in yaml.safe_load_all(built)}


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not on PATH")
def test_kubectl_builds_the_overlay_before_and_after(tmp_path: Path) -> None:
    base, overlay = tmp_path / "base", tmp_path / "overlays" / "production"
    base.mkdir()
    overlay.mkdir(parents=True)
    (base / "kustomization.yaml").write_text("resources: [iris.yaml]\n")
    (base / "iris.yaml").write_text(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: iris}\nspec:\n  containers:\n"
        "  - {name: server, image: iris, envFrom: [{configMapRef: {name: iris-model}}]}\n"
    )
    manifest = overlay / "kustomization.yaml"
    names, uris = [], []
    for text in (LITERAL.text, LITERAL.write(Rollout(B))):
        manifest.write_text(text)
        config = build(overlay)["ConfigMap"]
        names.append(config["metadata"]["name"])
        uris.append(config["data"]["MODEL_URI"])
    assert uris == [A.uri, B.uri]
    assert len(set(names)) == 2
    manifest.write_text(IMAGE.write(Rollout(IMAGES["b"])))
    pod = build(overlay)["Pod"]
    assert pod["spec"]["containers"][0]["image"] == IMAGES["b"].uri
