"""Manifest kind: an InferenceService of KServe, in Knative or Standard mode."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from mlops_ci.errors import ManifestError
from mlops_ci.manifests import predictors
from mlops_ci.manifests.documents import Path, address, has, is_kind, label, look, percent, the
from mlops_ci.manifests.pointers import Pointer, stable_of, written
from mlops_ci.manifests.predictors import GROUP, KIND
from mlops_ci.rollout import Rollout, Served
from mlops_ci.yaml_edit import Delete, Document, Match, Set, documents

_PREDICTOR: Path = ("spec", "predictor")
_SHARE = "canaryTrafficPercent"
_TRAFFIC = "trafficPercent"
_CANARY: Path = ("spec", "canary")
# What the webhook of KServe 0.20 refuses in a canary.
_NOT_COPIED = (_SHARE, "name", "maxReplicas", "scaleTarget", "scaleMetric", "scaleMetricType", "autoScaling")
_MIRROR = "serve the release by a second InferenceService and mirror in an HTTPRoute: manifest kind httproute"


class Options(BaseModel):
    """Where in the manifest the model stands, as far as the text does not tell."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str | None = Field(
        default=None, min_length=1, description="The InferenceService's name; default: the only one."
    )
    mode: Literal["knative", "standard"] | None = Field(
        default=None,
        description="The deployment mode where the annotation is absent; default: knative, as in KServe.",
    )
    mount: str | None = Field(
        default=None, min_length=1, description="The mountPath of the entry of storageUris that is the model."
    )


@dataclass(frozen=True)
class _Canary:
    """The entry of spec.canary: its path, what it points to, and its share."""

    path: Path
    pointer: Pointer
    served: Served
    traffic: int


@dataclass(frozen=True)
class _Service:
    """The InferenceService with what it says."""

    document: Document
    options: Options
    mode: str
    pointer: Pointer
    share: int | None
    canary: _Canary | None

    @property
    def live(self) -> Rollout:
        """What it says is live."""
        served = self.pointer.served
        if self.canary:
            return Rollout(served, self.canary.served, self.canary.traffic)
        if self.share in (None, 100):
            return Rollout(served)
        return Rollout(None, served, self.share or 0)


def claims(found: Sequence[Mapping[str, Any]]) -> bool:
    """An InferenceService is among the documents."""
    return any(is_kind(one, GROUP, KIND) for one in found)


def read(text: str, options: Options) -> Rollout:
    """The predictor's model, and the canary's; in Knative mode a canary hides the stable one."""
    return _service(text, options).live


def write(text: str, rollout: Rollout, options: Options) -> str:
    """The pointer, and the canary's share; a canary goes with the promotion or rollback that ends it."""
    service = _service(text, options)
    if rollout == service.live:
        return text
    if rollout.mirror:
        raise ManifestError(f"{label(service.document)}: KServe cannot mirror requests", _MIRROR)
    changes = _in_standard(service, rollout) if service.mode == "standard" else _in_knative(service, rollout)
    return written(text, *changes)


def notes(text: str, rollout: Rollout, options: Options) -> tuple[str, ...]:
    """The hidden stable release, styles that KServe rewrites, what starts pods anew."""
    service = _service(text, options)
    return tuple(_notes(service, rollout))


def _service(text: str, options: Options) -> _Service:
    document = the(documents(text), GROUP, KIND, options.name)
    mode = predictors.mode(document, options.mode)
    _refuse_wrong_mode(document, mode)
    share, place = look(document.data, *_PREDICTOR, _SHARE), address(document, *_PREDICTOR, _SHARE)
    pointer = predictors.pointer(document, _PREDICTOR, options.mount)
    if pointer.served is None and share is not None:
        raise ManifestError(
            f"{place}: a canary without a model", "write the model's address, or take the key out"
        )
    found = percent(share, place) if has(document.data, *_PREDICTOR, _SHARE) else None
    return _Service(document, options, mode, pointer, found, _canary(document, options))


def _refuse_wrong_mode(document: Document, mode: str) -> None:
    if mode == "standard" and has(document.data, *_PREDICTOR, _SHARE):
        raise ManifestError(
            f"{address(document, *_PREDICTOR, _SHARE)}: does nothing in Standard mode",
            "take it out; canaries of Standard mode stand in spec.canary (KServe 0.20 or newer)",
        )
    if mode == "knative" and has(document.data, *_CANARY):
        raise ManifestError(
            f"{address(document, *_CANARY)}: KServe refuses it in Knative mode",
            'annotate serving.kserve.io/deploymentMode: "Standard", or set the option `mode: standard`',
        )


def _canary(document: Document, options: Options) -> _Canary | None:
    listed = look(document.data, *_CANARY)
    if not listed:
        return None
    place = address(document, *_CANARY)
    if not isinstance(listed, list) or len(listed) > 1:
        raise ManifestError(f"{place}: expected a list with one canary", "end the other canaries first")
    path: Path = (*_CANARY, Match("", "0"))
    share = percent(look(document.data, *path, _TRAFFIC), address(document, *path, _TRAFFIC))
    pointer = predictors.pointer(document, (*path, "predictor"), options.mount)
    if pointer.served is None:
        raise ManifestError(
            f"{pointer.uri.address}: a canary without a model", "write its address, or end it"
        )
    return _Canary(path, pointer, pointer.served, share)


# ---- Knative mode: one pointer, and the share of its newest revision ------------------------------


def _in_knative(service: _Service, wanted: Rollout) -> Iterator[Set | Delete]:
    place = address(service.document, *_PREDICTOR, _SHARE)
    if wanted.candidate is None:
        yield from service.pointer.to(stable_of(wanted))
        if service.share is not None:
            yield Delete(place)
        return
    _refuse_hidden(service, wanted)
    yield from service.pointer.to(wanted.candidate)
    if service.share != wanted.traffic:
        yield Set(place, wanted.traffic)


def _refuse_hidden(service: _Service, wanted: Rollout) -> None:
    """What KServe splits with is the revision it rolled out last, whatever a rollout would like."""
    live = service.live.stable
    if wanted.traffic == 100:
        raise ManifestError(
            f"{label(service.document)}: a share of 100 % is the promotion itself",
            "make the candidate stable",
        )
    if service.live.candidate is None and (live is None or not live.is_same(wanted.stable)):
        raise ManifestError(
            f"{label(service.document)}: in Knative mode a canary runs beside the release that is live, "
            f"{live.uri if live else 'and none is'}",
            "promote the stable release first (strategy: direct), then start the canary",
        )


# ---- Standard mode: two predictors -----------------------------------------------------------------


def _in_standard(service: _Service, wanted: Rollout) -> Iterator[Set | Delete]:
    canary, place = service.canary, address(service.document, *_CANARY)
    yield from service.pointer.to(stable_of(wanted))
    if wanted.candidate is None:
        yield from _ended(service, wanted)
    elif canary is None:
        yield Set(place, [_entry(service, wanted.candidate, wanted.traffic)])
    else:
        yield from _replaced(service, canary, wanted.candidate)
        if canary.traffic != wanted.traffic:
            yield Set(address(service.document, *canary.path, _TRAFFIC), wanted.traffic)


def _replaced(service: _Service, canary: _Canary, release: Served) -> Iterator[Set]:
    """Another release in the canary; a name that was made of the old one follows it."""
    path: Path = (*canary.path, "predictor", "name")
    name = look(service.document.data, *path)
    if name == _name(service, canary.served) and not release.is_same(canary.served):
        yield Set(address(service.document, *path), _name(service, release))
    yield from canary.pointer.to(release)


def _ended(service: _Service, wanted: Rollout) -> Iterator[Set | Delete]:
    """The canary goes; a promoted one gives its name to the predictor, so that its pods stay."""
    if service.canary is None:
        return
    name = look(service.document.data, *service.canary.path, "predictor", "name")
    if service.canary.served.is_same(wanted.stable) and name:
        yield Set(address(service.document, *_PREDICTOR, "name"), name)
    yield Delete(address(service.document, *_CANARY))


def _entry(service: _Service, release: Served, traffic: int) -> dict[str, Any]:
    """The stable predictor once more, as a canary of the release."""
    document = service.document
    predictor = look(document.data, *_PREDICTOR)
    if "workerSpec" in predictor:
        raise ManifestError(
            f"{label(document)}: KServe has no canary over several nodes", "use strategy: direct"
        )
    if style := predictors.old_style(document, _PREDICTOR):
        raise ManifestError(
            f"{address(document, *_PREDICTOR, style)}: a canary is written in the style `model:` only",
            f"turn `{style}:` into `model:` with `modelFormat: {{name: {style}}}`",
        )
    copied = {key: deepcopy(value) for key, value in predictor.items() if key not in _NOT_COPIED}
    if isinstance(copied.get("model"), dict):
        copied["model"] = {"name": "kserve-container", **copied["model"]}
    entry = {_TRAFFIC: traffic, "predictor": {"name": _name(service, release), **copied}}
    # The pointer's path below the predictor is the same in the copy.
    *path, last = service.pointer.uri.address.path[len(_PREDICTOR) :]
    look(entry["predictor"], *path)[last] = release.uri
    return entry


def _name(service: _Service, release: Served) -> str:
    """A name for the release's pods, the same whenever it is asked for, and not the stable one's."""
    digest = release.digest.removeprefix("sha256:") or hashlib.sha256(release.uri.encode()).hexdigest()
    name = f"m-{digest[:12]}"
    taken = look(service.document.data, *_PREDICTOR, "name")
    return f"{name}-2" if name == taken else name


# ---- what a reviewer should know --------------------------------------------------------------------


def _notes(service: _Service, wanted: Rollout) -> Iterator[str]:
    candidate = wanted.candidate is not None
    if candidate and service.mode == "knative":
        yield (
            "During the canary Git names the candidate alone: the stable release stands in the promotion "
            "record and in the cluster. A cluster rebuilt now would serve the candidate to everybody."
        )
        if wanted.is_idle:
            yield (
                "The candidate gets no request; annotate serving.kserve.io/enable-tag-routing to try it at "
                "an address of its own."
            )
    if candidate and service.mode == "standard":
        yield "spec.canary needs KServe 0.20 or newer; an older one refuses the manifest."
    if not candidate and service.canary is not None and service.canary.served.is_same(wanted.stable):
        yield "The predictor takes the canary's name, so that KServe keeps its pods and starts no new ones."
    if style := predictors.old_style(service.document, _PREDICTOR):
        yield (
            f"KServe rewrites `predictor.{style}` into `predictor.model`: Argo CD shows a difference for "
            "good. Writing `model:` ends that."
        )
    if service.mode == "knative":
        yield (
            "Annotations of the InferenceService flow into its revisions: do not change one during a canary, "
            "it starts the pods anew and resets the canary."
        )
