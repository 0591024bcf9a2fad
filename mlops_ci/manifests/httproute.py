"""Manifest kind: an HTTPRoute of the Gateway API before a stable and a candidate workload."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from mlops_ci.errors import ManifestError
from mlops_ci.manifests import pods, predictors, routes
from mlops_ci.manifests.documents import (
    entries,
    has,
    is_kind,
    label,
    look,
    of_kind,
    the,
)
from mlops_ci.manifests.pointers import Pointer, stable_of, written
from mlops_ci.manifests.routes import GROUP, KIND
from mlops_ci.rollout import Rollout
from mlops_ci.yaml_edit import Delete, Document, Set, documents

_DEPLOYMENT = ("apps", "Deployment")
_INFERENCE = (predictors.GROUP, predictors.KIND)
_WORKLOADS = (_DEPLOYMENT, _INFERENCE)


class Options(pods.PodOptions):
    """Where in the manifest things stand, as far as the text does not tell."""

    name: str | None = Field(
        default=None, min_length=1, description="The HTTPRoute's name; default: the only one."
    )
    stable: str | None = Field(
        default=None,
        min_length=1,
        description="The workload, by its name, behind the first backend; default: found by the backend.",
    )
    candidate: str | None = Field(
        default=None,
        min_length=1,
        description="The workload behind the second backend; default: as for stable.",
    )


@dataclass(frozen=True)
class _Found:
    """The route, its rules, and where the two workloads name their models."""

    route: Document
    rules: tuple[routes.Rule, ...]
    stable: Pointer
    candidate: Pointer

    @property
    def live(self) -> Rollout:
        """What the manifest says is live."""
        candidate, rule = self.candidate.served, self.rules[0]
        if candidate is None:
            return Rollout(self.stable.served)
        return Rollout(self.stable.served, candidate, rule.traffic, rule.mirror)


def claims(found: Sequence[Mapping[str, Any]]) -> bool:
    """An HTTPRoute with two backends in a rule is there, and two workloads are."""
    workloads = [one for one in found if any(is_kind(one, *kind) for kind in _WORKLOADS)]
    split = [
        rule
        for one in found
        if is_kind(one, GROUP, KIND)
        for rule in entries(one, "spec", "rules")
        if len(entries(rule, "backendRefs")) > 1
    ]
    return len(workloads) > 1 and bool(split)


def read(text: str, options: Options) -> Rollout:
    """The first backend's model is stable; the second's gets its weight, and the mirror."""
    return _found(text, options).live


def write(text: str, rollout: Rollout, options: Options) -> str:
    """The weights and the mirror, and the models of the two workloads."""
    found = _found(text, options)
    if rollout == found.live:
        return text
    return written(text, *_changes(found, rollout))


def notes(text: str, rollout: Rollout, options: Options) -> tuple[str, ...]:
    """Which pods start anew while requests reach them."""
    found = _found(text, options)
    said = []
    if rollout.candidate is not None and not rollout.candidate.is_same(found.live.candidate):
        said.append(
            "The candidate's pods start with this very change, while their share of the requests is set: let "
            "their readiness probe wait for the model."
        )
    if rollout.candidate is None and rollout.stable and not rollout.stable.is_same(found.live.stable):
        said.append(
            "The stable workload loads the release and takes all requests back; "
            f"{found.rules[0].candidate['name']} stays as it is and gets none."
        )
    if rollout.mirror:
        said.append(
            "Mirrored requests reach the candidate in full: it must write to nothing that is shared. Its "
            "answers are dropped. Not every gateway supports `percent` of a RequestMirror."
        )
    return tuple(said)


def _found(text: str, options: Options) -> _Found:
    every = documents(text)
    route = the(every, GROUP, KIND, options.name)
    _refuse_controlled(every, route)
    found = routes.rules(route)
    stable = _workload(every, str(found[0].stable["name"]), options.stable)
    candidate = _workload(every, str(found[0].candidate["name"]), options.candidate)
    if stable == candidate:
        raise ManifestError(
            f"{label(route)}: both backends lead to {label(stable)}",
            "give the candidate a workload of its own",
        )
    return _Found(route, found, _pointer(stable, options), _pointer(candidate, options))


def _refuse_controlled(every: Sequence[Document], route: Document) -> None:
    """The weights are the controller's where a Rollout of Argo Rollouts routes by this route."""
    for rollout in of_kind(every, "argoproj.io", "Rollout"):
        if route.name in _texts(look(rollout.data, "spec", "strategy", "canary", "trafficRouting")):
            raise ManifestError(
                f"{label(route)}: {label(rollout)} sets its weights in the cluster",
                "use the manifest kind `rollouts`: Git changes the model alone, the controller ramps",
            )


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    for below in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _texts(below)


def _workload(every: Sequence[Document], backend: str, named: str | None) -> Document:
    """The workload behind a backend: by its name, or by the Service of that name in the file."""
    workloads = [one for kind in _WORKLOADS for one in of_kind(every, *kind)]
    if named is not None:
        found = [one for one in workloads if one.name == named]
    else:
        found = [one for one in workloads if backend in (one.name, f"{one.name}-predictor")]
        found = found or [one for one in workloads if _selects(every, backend, one)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(label(one) for one in workloads) or "none"
    raise ManifestError(
        f"which workload is behind the backend {named or backend} cannot be told; the manifest has {names}",
        "name the workloads with the options `stable` and `candidate`",
    )


def _selects(every: Sequence[Document], backend: str, workload: Document) -> bool:
    labels = look(workload.data, "spec", "template", "metadata", "labels")
    selectors = [
        look(one.data, "spec", "selector") for one in of_kind(every, "", "Service") if one.name == backend
    ]
    return isinstance(labels, Mapping) and any(
        isinstance(one, Mapping) and bool(one) and one.items() <= labels.items() for one in selectors
    )


def _pointer(workload: Document, options: Options) -> Pointer:
    if workload.kind == _DEPLOYMENT[1]:
        return pods.pointer(workload, options)
    if has(workload.data, "spec", "canary") or has(
        workload.data, "spec", "predictor", "canaryTrafficPercent"
    ):
        raise ManifestError(
            f"{label(workload)}: has a canary of its own behind a route that splits",
            "end it: one of the two splits the requests, not both",
        )
    return predictors.pointer(workload, ("spec", "predictor"))


def _changes(found: _Found, wanted: Rollout) -> Iterator[Set | Delete]:
    yield from found.stable.to(stable_of(wanted))
    if wanted.candidate is not None:
        yield from found.candidate.to(wanted.candidate)
    for rule in found.rules:
        yield from routes.changes(found.route, rule, wanted.traffic, wanted.mirror)
