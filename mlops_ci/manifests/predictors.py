"""Where a predictor of KServe names its model: the styles of several versions (pure)."""

from __future__ import annotations

from collections.abc import Iterator

from mlops_ci.errors import ManifestError
from mlops_ci.manifests import contract
from mlops_ci.manifests.documents import Path, address, entries, has, label, look, part
from mlops_ci.manifests.pointers import Place, Pointer
from mlops_ci.yaml_edit import Document, Match

GROUP, KIND = "serving.kserve.io", "InferenceService"
# Before `model:` there was one key a framework.
FRAMEWORKS = (
    "sklearn",
    "xgboost",
    "tensorflow",
    "pytorch",
    "triton",
    "onnx",
    "pmml",
    "lightgbm",
    "paddle",
    "huggingface",
)
_ENV = "STORAGE_URI"


def pointer(document: Document, predictor: Path, mount: str | None = None) -> Pointer:
    """Where a predictor names its model; ``mount`` picks an entry of storageUris by its mountPath.

    Raises:
        ManifestError: nowhere, or in more than one place.
    """
    found = list(_places(document, predictor, mount))
    if len(found) == 1:
        return Pointer(Place(address(document, *found[0]), look(document.data, *found[0])))
    where = address(document, *predictor)
    if found:
        every = ", ".join(str(address(document, *one)) for one in found)
        raise ManifestError(f"{where}: names a model in {len(found)} places: {every}", "keep one of them")
    if has(document.data, *predictor, "storageUris"):
        raise ManifestError(
            f"{where}: which entry of storageUris is the model cannot be told",
            "say its mountPath with the option `mount`",
        )
    raise ManifestError(f"{where}: names no model", "write the model's address into model.storageUri")


def _places(document: Document, predictor: Path, mount: str | None) -> Iterator[Path]:
    data = document.data
    if mount is not None:
        entry: Path = (*predictor, "storageUris", Match("mountPath", mount))
        if look(data, *entry) is None:
            raise ManifestError(
                f"{address(document, *predictor)}: no entry of storageUris has the mountPath {mount}",
                "say another one with the option `mount`",
            )
        yield (*entry, "uri")
        return
    for style in ("model", *FRAMEWORKS):
        if has(data, *predictor, style, "storageUri"):
            yield (*predictor, style, "storageUri")
    for index, container in enumerate(entries(data, *predictor, "containers")):
        path: Path = (*predictor, "containers", part(index, container))
        variable: Path = (*path, "env", Match("name", _ENV))
        if look(data, *variable) is not None:
            yield (*variable, "value")


def old_style(document: Document, predictor: Path) -> str:
    """The key of a framework that stands where `model:` would stand today, or nothing."""
    return next((one for one in FRAMEWORKS if has(document.data, *predictor, one)), "")


def mode(document: Document, said: str | None = None) -> str:
    """How KServe deploys it: ``knative`` or ``standard``; ``said`` by the options, else by its annotation.

    Raises:
        ManifestError: the annotation says neither, or another than the options.
    """
    value = look(document.data, "metadata", "annotations", contract.MODE)
    if value is None:
        return said or "knative"
    if value in contract.KNATIVE:
        found = "knative"
    elif value in contract.STANDARD:
        found = "standard"
    else:
        raise ManifestError(
            f"{label(document)}: its deploymentMode {value!r} is not supported",
            "the modes Knative (Serverless) and Standard (RawDeployment) are",
        )
    if said not in (None, found):
        raise ManifestError(
            f"{label(document)}: the option `mode` says {said}, its annotation says {value}",
            "take the option out: the annotation is what KServe reads",
        )
    return found
