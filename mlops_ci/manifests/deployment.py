"""Manifest kind: a plain Deployment; two of them behind a Service are blue and green."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from mlops_ci.errors import ManifestError
from mlops_ci.manifests import pods
from mlops_ci.manifests.documents import address, is_kind, label, look, of_kind, the
from mlops_ci.manifests.pointers import Pointer, refuse_candidate, refuse_split, stable_of, written
from mlops_ci.rollout import Rollout, Served
from mlops_ci.yaml_edit import Document, Set, documents

GROUP, KIND = "apps", "Deployment"
_SPLIT = "put an HTTPRoute with two backendRefs before two Deployments: manifest kind httproute"
_SLOTS = "add a second Deployment and a Service whose selector tells the two apart, or use strategy: direct"


class Options(pods.PodOptions):
    """Where in the manifest the model stands, as far as the text does not tell."""

    name: str | None = Field(
        default=None,
        min_length=1,
        description="The Deployment's name where it is not one of two slots; default: the only one.",
    )
    service: str | None = Field(
        default=None,
        min_length=1,
        description="The Service that picks the live slot; default: the one that does.",
    )


@dataclass(frozen=True)
class _Slot:
    """A Deployment, its pointer, and the value of the slot's label on its pods."""

    document: Document
    pointer: Pointer
    value: str = ""


@dataclass(frozen=True)
class _Found:
    """The slot that is live, and the idle one with the Service and the label that tell them apart."""

    active: _Slot
    idle: _Slot | None = None
    service: Document | None = None
    key: str = ""

    @property
    def live(self) -> Rollout:
        """What the manifest says is live."""
        return Rollout(self.active.pointer.served, self.idle.pointer.served if self.idle else None)


def claims(found: Sequence[Mapping[str, Any]]) -> bool:
    """A Deployment is among the documents."""
    return any(is_kind(one, GROUP, KIND) for one in found)


def read(text: str, options: Options) -> Rollout:
    """The live slot's model is stable; the other slot's waits beside it."""
    return _found(text, options).live


def write(text: str, rollout: Rollout, options: Options) -> str:
    """A candidate goes to the idle slot; the Service is switched to the slot of what is to be stable."""
    found = _found(text, options)
    if rollout == found.live:
        return text
    where = label(found.active.document)
    refuse_split(rollout, where, _SPLIT)
    if found.idle is None:
        refuse_candidate(rollout, where, _SLOTS)
    return written(text, *_changes(found, stable_of(rollout), rollout.candidate))


def notes(text: str, rollout: Rollout, options: Options) -> tuple[str, ...]:
    """What starts anew, and what happens at the switch."""
    found = _found(text, options)
    if found.idle is None or found.service is None:
        return ("The Deployment replaces its pods by its own strategy; all requests move with them.",)
    if rollout.candidate is None and _is_switch(found, rollout.stable):
        return (
            f"{label(found.service)} sends all requests to the slot {found.idle.value} at once; requests "
            f"that are under way end in {found.active.value}, which stays as it is for a way back.",
        )
    if rollout.candidate is None:
        return (
            f"The live slot {found.active.value} replaces its pods; the slot {found.idle.value} is not used.",
        )
    return (f"The release starts in the slot {found.idle.value} and gets no request until the switch.",)


def _found(text: str, options: Options) -> _Found:
    every = documents(text)
    deployments = of_kind(every, GROUP, KIND)
    if options.name or len(deployments) < 2:
        document = the(every, GROUP, KIND, options.name)
        return _Found(_Slot(document, pods.pointer(document, options)))
    pairs = [
        pair
        for service in of_kind(every, "", "Service")
        if options.service in (None, service.name)
        for pair in _pairs(service, deployments)
    ]
    if len(pairs) != 1:
        names = ", ".join(one.name for one in deployments)
        raise ManifestError(
            f"which of the Deployments {names} is live cannot be told: "
            f"{'no' if not pairs else 'more than one'} Service picks one of two by a label",
            "say the Deployment with the option `name`, or the Service with the option `service`",
        )
    service, key, active, idle = pairs[0]
    return _Found(_slot(active, key, options), _slot(idle, key, options), service, key)


def _pairs(
    service: Document, deployments: Sequence[Document]
) -> Iterator[tuple[Document, str, Document, Document]]:
    """The Deployments that a Service picks, with each that it would pick but for one label."""
    selector = look(service.data, "spec", "selector")
    if not isinstance(selector, Mapping):
        return
    missed = [
        (one, [key for key in selector if _labels(one).get(key) != selector[key]]) for one in deployments
    ]
    for active in (one for one, keys in missed if not keys):
        for idle, keys in missed:
            if len(keys) == 1 and isinstance(_labels(idle).get(keys[0]), str):
                yield service, keys[0], active, idle


def _labels(deployment: Document) -> Mapping[str, Any]:
    found = look(deployment.data, "spec", "template", "metadata", "labels")
    return found if isinstance(found, Mapping) else {}


def _slot(document: Document, key: str, options: Options) -> _Slot:
    return _Slot(document, pods.pointer(document, options), str(_labels(document).get(key, "")))


def _is_switch(found: _Found, stable: Served | None) -> bool:
    """Whether the idle slot has what is to be stable, and the live one has not."""
    live = found.live
    return stable is not None and stable.is_same(live.candidate) and not stable.is_same(live.stable)


def _changes(found: _Found, stable: Served, candidate: Served | None) -> Iterator[Set]:
    active, idle = found.active, found.idle
    if idle is not None and found.service is not None and _is_switch(found, stable):
        _refuse_stopped(idle)
        yield Set(address(found.service, "spec", "selector", found.key), idle.value)
        active, idle = idle, active
    yield from active.pointer.to(stable)
    if candidate is not None and idle is not None:
        yield from idle.pointer.to(candidate)


def _refuse_stopped(slot: _Slot) -> None:
    if look(slot.document.data, "spec", "replicas") == 0:
        raise ManifestError(
            f"{label(slot.document)}: has replicas: 0, and all requests would go there",
            "give the slot its replicas in a pull request of their own first",
        )
