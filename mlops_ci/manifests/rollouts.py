"""Manifest kind: a Rollout of Argo Rollouts; its controller ramps, Git says what to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from mlops_ci.errors import ManifestError
from mlops_ci.manifests import pods
from mlops_ci.manifests.documents import Path, address, has, is_kind, label, look, the
from mlops_ci.manifests.pointers import Pointer, refuse_candidate, refuse_split, stable_of, written
from mlops_ci.rollout import Rollout
from mlops_ci.yaml_edit import Document, Set, documents

GROUP, KIND = "argoproj.io", "Rollout"
_BLUE_GREEN: Path = ("spec", "strategy", "blueGreen")
_AUTO: Path = (*_BLUE_GREEN, "autoPromotionEnabled")


class Options(pods.PodOptions):
    """Where in the manifest the model stands, as far as the text does not tell."""

    name: str | None = Field(
        default=None, min_length=1, description="The Rollout's name; default: the only one."
    )


@dataclass(frozen=True)
class _Found:
    """The Rollout with what it says."""

    document: Document
    pointer: Pointer
    blue_green: bool
    auto: bool

    @property
    def live(self) -> Rollout:
        """What it says is live."""
        served = self.pointer.served
        waits = self.blue_green and not self.auto and served is not None
        return Rollout(None, served) if waits else Rollout(served)


def claims(found: Sequence[Mapping[str, Any]]) -> bool:
    """A Rollout of Argo Rollouts is among the documents."""
    return any(is_kind(one, GROUP, KIND) for one in found)


def read(text: str, options: Options) -> Rollout:
    """The pod template's model; one that waits for its blue-green switch hides the stable one."""
    return _found(text, options).live


def write(text: str, rollout: Rollout, options: Options) -> str:
    """The pod template's model, and with blueGreen whether the controller may switch to it."""
    found = _found(text, options)
    if rollout == found.live:
        return text
    changes = _switched(found, rollout) if found.blue_green else _replaced(found, rollout)
    return written(text, *changes)


def notes(text: str, rollout: Rollout, options: Options) -> tuple[str, ...]:
    """Who ramps, and what Git does not learn of it."""
    found = _found(text, options)
    if not found.blue_green:
        return (
            "The controller ramps by spec.strategy.canary of the manifest; an abort in the cluster is not "
            "written to Git, which goes on naming this release.",
        )
    if rollout.candidate is not None:
        return (
            "Until the switch Git names the waiting release alone: the live one stands in the promotion "
            "record and in the cluster. A cluster rebuilt now would serve the waiting one.",
        )
    return ("The controller switches the active service once the new pods are ready.",)


def _found(text: str, options: Options) -> _Found:
    document = the(documents(text), GROUP, KIND, options.name)
    if has(document.data, "spec", "workloadRef"):
        raise ManifestError(
            f"{label(document)}: its pods stand in another workload (spec.workloadRef)",
            "use the manifest kind `deployment` on the file of that Deployment",
        )
    auto = look(document.data, *_AUTO)
    if not isinstance(auto, bool | None):
        raise ManifestError(f"{address(document, *_AUTO)}: {auto!r} stands there", "write true or false")
    blue_green = look(document.data, *_BLUE_GREEN) is not None
    return _Found(document, pods.pointer(document, options), blue_green, auto is not False)


def _replaced(found: _Found, wanted: Rollout) -> Iterator[Set]:
    where = label(found.document)
    refuse_candidate(
        wanted,
        f"{where} with spec.strategy.canary",
        "its controller ramps by spec.strategy.canary: use strategy: direct",
    )
    yield from found.pointer.to(stable_of(wanted))


def _switched(found: _Found, wanted: Rollout) -> Iterator[Set]:
    """With blueGreen a candidate waits beside the live release until the switch is allowed."""
    where = label(found.document)
    refuse_split(wanted, f"{where} with spec.strategy.blueGreen", "use strategy: blue_green or direct")
    live = found.live
    if (
        wanted.candidate
        and live.candidate is None
        and not (live.stable and live.stable.is_same(wanted.stable))
    ):
        there = live.stable.uri if live.stable else "nothing"
        raise ManifestError(
            f"{where}: a candidate waits beside what is live, {there}",
            "promote the stable release first (strategy: direct)",
        )
    yield from found.pointer.to(wanted.candidate or stable_of(wanted))
    if found.auto == (wanted.candidate is not None):
        yield Set(address(found.document, *_AUTO), wanted.candidate is None)
