"""Manifest kind: a kustomization, by an image or by a literal of a generated ConfigMap."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mlops_ci.errors import ManifestError
from mlops_ci.manifests.documents import Path, address, entries, has, look
from mlops_ci.manifests.pointers import Place, Pointer, refuse_candidate, stable_of, written
from mlops_ci.rollout import Rollout, Served
from mlops_ci.yaml_edit import Delete, Document, Match, Set, documents

GROUP, KIND = "kustomize.config.k8s.io", "Kustomization"
_PLACE = "a kustomization"
_DIRECT = "use strategy: direct, or promote in the manifest that splits the requests"
# NAME[:TAG][@sha256:...]; a port of the registry is no tag.
_IMAGE = re.compile(
    r"(?P<name>[^@\s]*?)(?::(?P<tag>[\w][\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


class Options(BaseModel):
    """Where in the kustomization the model stands."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    image: str | None = Field(
        default=None, min_length=1, description="The entry of `images`, by its name, that is the release."
    )
    generator: str | None = Field(
        default=None,
        min_length=1,
        description="The entry of `configMapGenerator`, by its name; default: the one with the literal.",
    )
    literal: str = Field(default="MODEL_URI", min_length=1, description="The literal that names the model.")
    digest: str = Field(
        default="MODEL_SHA256",
        min_length=1,
        description="The literal with its sha256, where one stands there.",
    )

    @model_validator(mode="after")
    def _one_place(self) -> Options:
        if self.image and self.generator:
            raise ValueError("a release stands in one place: say image or generator")
        return self


def claims(found: Sequence[Mapping[str, Any]]) -> bool:
    """A Kustomization is the document, or keys of one stand in a document without a kind."""
    return len(found) == 1 and (
        found[0].get("kind") == KIND
        or ("kind" not in found[0] and ("configMapGenerator" in found[0] or "resources" in found[0]))
    )


def read(text: str, options: Options) -> Rollout:
    """The image or the literal is stable."""
    document = _document(text)
    if options.image:
        return Rollout(_image(document, options.image))
    return Rollout(_literal(document, options).served)


def write(text: str, rollout: Rollout, options: Options) -> str:
    """The image's newName, newTag and digest, or the literals."""
    document, live = _document(text), read(text, options)
    if rollout == live:
        return text
    refuse_candidate(rollout, _PLACE, _DIRECT)
    return written(text, *_changes(document, stable_of(rollout), options))


def notes(_text: str, _rollout: Rollout, options: Options) -> tuple[str, ...]:
    """What an image reaches, and what a new literal starts."""
    if options.image:
        return ("`images` changes the images of containers only, never a storageUri.",)
    return (
        "The ConfigMap gets a new name with the new literal, so that the pods which use it start anew by "
        "themselves (not with generatorOptions.disableNameSuffixHash).",
    )


def _document(text: str) -> Document:
    found = documents(text)
    if len(found) != 1:
        raise ManifestError(
            f"a kustomization is one document, but {len(found)} stand there", "split the file"
        )
    return found[0]


def _changes(document: Document, wanted: Served, options: Options) -> Iterator[Set | Delete]:
    if options.image:
        yield from _image_changes(document, options.image, wanted)
    else:
        yield from _literal(document, options).to(wanted)


# ---- images ------------------------------------------------------------------------------------------


def _image_path(document: Document, name: str) -> Path:
    path: Path = ("images", Match("name", name))
    if look(document.data, *path) is None:
        raise ManifestError(f"images: has no entry named {name}", f"add `- name: {name}` with its newTag")
    return path


def _image(document: Document, name: str) -> Served | None:
    entry = look(document.data, *_image_path(document, name))
    tag, digest = entry.get("newTag"), entry.get("digest")
    for key in ("newName", "newTag", "digest"):
        if not isinstance(entry.get(key, ""), str):
            place = address(document, *_image_path(document, name), key)
            raise ManifestError(
                f"{place}: expected a text, but {entry[key]!r} stands there", "put it in quotes"
            )
    if not tag and not digest:
        return None
    return Served.of(
        f"{entry.get('newName') or name}{f':{tag}' if tag else ''}{f'@{digest}' if digest else ''}"
    )


def _image_changes(document: Document, name: str, wanted: Served) -> Iterator[Set | Delete]:
    found = _IMAGE.fullmatch(wanted.uri)
    if found is None or "://" in wanted.uri or not (found["tag"] or found["digest"]):
        raise ManifestError(
            f"images[name={name}]: {wanted.uri} is no image with a tag or a digest",
            "name the literal of the model's address instead (options generator and literal)",
        )
    path = _image_path(document, name)
    entry = look(document.data, *path)
    parts = {"newName": found["name"], "newTag": found["tag"], "digest": found["digest"]}
    if found["name"] == (entry.get("newName") or name):
        del parts["newName"]
    for key, value in parts.items():
        if value and value != entry.get(key):
            yield Set(address(document, *path, key), value)
        elif not value and has(document.data, *path, key):
            yield Delete(address(document, *path, key))


# ---- literals ----------------------------------------------------------------------------------------


def _literal(document: Document, options: Options) -> Pointer:
    found = [
        Pointer(uri, _entry(document, index, options.digest))
        for index, generator in enumerate(entries(document.data, "configMapGenerator"))
        if options.generator in (None, generator.get("name"))
        if (uri := _entry(document, index, options.literal)) is not None
    ]
    if len(found) == 1:
        return found[0]
    raise ManifestError(
        f"configMapGenerator: {'no entry has' if not found else 'several entries have'} "
        f"the literal {options.literal}",
        "say the entry with the option `generator` and the literal with `literal`, or the image with `image`",
    )


def _entry(document: Document, index: int, name: str) -> Place | None:
    """The literal ``NAME=...`` of a generator."""
    path: Path = ("configMapGenerator", Match("", str(index)), "literals")
    before = f"{name}="
    texts = look(document.data, "configMapGenerator")[index].get("literals")
    for text in texts if isinstance(texts, list) else ():
        if isinstance(text, str) and text.startswith(before):
            return Place(address(document, *path, Match(name, "*")), text.removeprefix(before), before)
    return None
