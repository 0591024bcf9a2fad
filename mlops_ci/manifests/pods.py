"""Where a pod template names its model: an environment variable, an annotation or the image (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mlops_ci.errors import ManifestError
from mlops_ci.manifests.documents import Path, address, entries, has, label, look, part
from mlops_ci.manifests.pointers import Place, Pointer
from mlops_ci.yaml_edit import Document, Match

NAMES = ("MODEL_URI", "STORAGE_URI")
DIGESTS = ("MODEL_SHA256", "MODEL_DIGEST")
_TEMPLATE = ("spec", "template")


class PodOptions(BaseModel):
    """Where in a pod template the model stands."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    container: str | None = Field(
        default=None,
        min_length=1,
        description="The container that serves; default: the one that names a model.",
    )
    env: str | None = Field(
        default=None,
        min_length=1,
        description="The environment variable that names the model; default: MODEL_URI or STORAGE_URI.",
    )
    annotation: str | None = Field(
        default=None, min_length=1, description="The annotation of the pod template that names the model."
    )
    image: bool = Field(default=False, description="Whether the container's image is the release.")
    digest: str | None = Field(
        default=None,
        min_length=1,
        description="The variable or annotation that holds the model's sha256; "
        "default: MODEL_SHA256 or MODEL_DIGEST where one stands there.",
    )

    @model_validator(mode="after")
    def _one_place(self) -> PodOptions:
        if sum((self.env is not None, self.annotation is not None, self.image)) > 1:
            raise ValueError("a model stands in one place: say one of env, annotation and image")
        return self


def pointer(document: Document, options: PodOptions, pod: Path = ("spec", "template", "spec")) -> Pointer:
    """Where a workload names its model, and its digest.

    Raises:
        ManifestError: nowhere, or in more than one place.
    """
    if options.annotation:
        return _annotated(document, options.annotation, options.digest)
    containers = list(_containers(document, pod, options.container))
    if options.image:
        serving = [one for one in containers if "initContainers" not in one[0]]
        return _image(document, _one(serving, document, "can be the one whose image it is", "container"))
    names = (options.env,) if options.env else NAMES
    found = [
        (path, name)
        for path, container in containers
        for name in names
        if look(container, "env", Match("name", name)) is not None
    ]
    path, name = _one(found, document, f"sets {' or '.join(names)}", "env, container, annotation or image")
    return Pointer(_variable(document, path, name), _digest(document, path, options.digest))


def _one(found: list[tuple[Path, Any]], document: Document, what: str, option: str) -> tuple[Path, Any]:
    if len(found) == 1:
        return found[0]
    count = "no container" if not found else "more than one place"
    raise ManifestError(
        f"{label(document)}: {count} of its pods {what}",
        f"say where the model stands with the option {option}",
    )


def _containers(document: Document, pod: Path, name: str | None) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Every container with its path; those that start before the others may fetch the model."""
    for group in ("containers", "initContainers"):
        for index, container in enumerate(entries(document.data, *pod, group)):
            if name in (None, container.get("name")):
                yield (*pod, group, part(index, container)), container


def _image(document: Document, found: tuple[Path, Mapping[str, Any]]) -> Pointer:
    path, container = found
    return Pointer(Place(address(document, *path, "image"), container.get("image")), image=True)


def _variable(document: Document, path: Path, name: str) -> Place:
    whole: Path = (*path, "env", Match("name", name))
    if has(document.data, *whole, "valueFrom"):
        raise ManifestError(
            f"{address(document, *whole)}: its value comes from elsewhere (valueFrom)",
            "name the manifest that holds the value, for example the kustomization that makes the ConfigMap",
        )
    return Place(address(document, *whole, "value"), look(document.data, *whole, "value"))


def _digest(document: Document, path: Path, named: str | None) -> Place | None:
    """The digest beside the address: a variable of the same container, else an annotation of the pods."""
    names = (named,) if named else DIGESTS
    for name in names:
        if look(document.data, *path, "env", Match("name", name)) is not None:
            return _variable(document, path, name)
    for name in names:
        if has(document.data, *_TEMPLATE, "metadata", "annotations", name):
            return _annotation(document, name)
    if named:
        raise ManifestError(
            f"{label(document)}: neither a variable nor an annotation of its pods is named {named}",
            "add it beside the model's address, or take the option `digest` out",
        )
    return None


def _annotation(document: Document, name: str) -> Place:
    path = (*_TEMPLATE, "metadata", "annotations", name)
    return Place(address(document, *path), look(document.data, *path))


def _annotated(document: Document, name: str, digest: str | None) -> Pointer:
    """An annotation that names the model, and one with the digest where that is said."""
    for one in (name, digest):
        if one and not has(document.data, *_TEMPLATE, "metadata", "annotations", one):
            raise ManifestError(
                f"{label(document)}: its pod template has no annotation {one}",
                "add it below spec.template.metadata.annotations",
            )
    return Pointer(_annotation(document, name), _annotation(document, digest) if digest else None)
