"""Manifest kind: the values file of a Helm chart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from mlops_ci.errors import ManifestError
from mlops_ci.manifests.documents import Path, address, has, look, percent
from mlops_ci.manifests.pointers import Place, Pointer, refuse_candidate, stable_of, written
from mlops_ci.rollout import Rollout
from mlops_ci.yaml_edit import Document, Set, documents

_NO_CANARY = "use strategy: direct, or give the chart the values canary.uri and canary.weight"
_MIRROR = "use strategy: canary or direct; a mirror needs an HTTPRoute: manifest kind httproute"


class Options(BaseModel):
    """The places of the values, as dotted keys; what is not said is used where it stands there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    uri: str = Field(default="model.uri", min_length=1, description="The model's address.")
    digest: str = Field(default="model.sha256", min_length=1, description="Its sha256.")
    candidate: str = Field(default="canary.uri", min_length=1, description="The candidate's address.")
    candidate_digest: str = Field(
        default="canary.sha256", min_length=1, description="The candidate's sha256."
    )
    weight: str = Field(
        default="canary.weight", min_length=1, description="The percent of requests the candidate answers."
    )
    enabled: str = Field(
        default="canary.enabled", min_length=1, description="Whether the candidate is there, true or false."
    )


@dataclass(frozen=True)
class _Values:
    """The values with what they say."""

    document: Document
    options: Options
    stable: Pointer
    candidate: Pointer | None
    weight: int
    enabled: bool | None

    @property
    def live(self) -> Rollout:
        """What they say is live."""
        served = self.candidate.served if self.candidate and self.enabled is not False else None
        return Rollout(self.stable.served, served, self.weight if served else 0)


def claims(found: Sequence[Mapping[str, Any]]) -> bool:
    """The only document has neither apiVersion nor kind."""
    return len(found) == 1 and not {"apiVersion", "kind"} & found[0].keys()


def read(text: str, options: Options) -> Rollout:
    """The values name the stable release, and the candidate where the chart has one."""
    return _values(text, options).live


def write(text: str, rollout: Rollout, options: Options) -> str:
    """The values of the model, and those of the canary where the chart has them."""
    values = _values(text, options)
    if rollout == values.live:
        return text
    if rollout.mirror:
        raise ManifestError("the values of a chart have no mirror", _MIRROR)
    if values.candidate is None:
        refuse_candidate(rollout, "the chart", _NO_CANARY)
    return written(text, *_changes(values, rollout))


def notes(text: str, rollout: Rollout, options: Options) -> tuple[str, ...]:
    """Whether pods start anew is the chart's matter."""
    values = _values(text, options)
    said = ["Pods start anew only where the chart's templates put these values into the pod template."]
    named = values.candidate is not None and values.candidate.served is not None
    if rollout.candidate is None and named and values.enabled is None:
        said.append(f"The candidate stays named in {options.candidate}, with no share of the requests.")
    return tuple(said)


def _values(text: str, options: Options) -> _Values:
    found = documents(text)
    if len(found) != 1:
        raise ManifestError(f"a values file is one document, but {len(found)} stand there", "split the file")
    [document] = found
    stable = _pointer(document, options, "uri", "digest")
    if stable is None:
        raise ManifestError(
            f"the values have no {options.uri}", "say where the model's address stands with the option `uri`"
        )
    candidate = _pointer(document, options, "candidate", "candidate_digest")
    weight = _place(document, options, "weight")
    if (candidate is None) != (weight is None):
        has_one, lacks = (
            (options.candidate, options.weight) if candidate else (options.weight, options.candidate)
        )
        raise ManifestError(f"the values have {has_one} but no {lacks}", "a canary needs both")
    share = percent(weight.value, weight.address) if weight else 0
    return _Values(document, options, stable, candidate, share, _enabled(document, options))


def _path(options: Options, key: str) -> Path:
    return tuple(getattr(options, key).split("."))


def _place(document: Document, options: Options, key: str) -> Place | None:
    """The value that an option names; one that was said must stand there, a default may."""
    path = _path(options, key)
    if has(document.data, *path):
        return Place(address(document, *path), look(document.data, *path))
    if key in options.model_fields_set:
        named = getattr(options, key)
        raise ManifestError(f"the values have no {named}", f"add it, or correct the option `{key}`")
    return None


def _pointer(document: Document, options: Options, uri: str, digest: str) -> Pointer | None:
    place, beside = _place(document, options, uri), _place(document, options, digest)
    return Pointer(place, beside) if place else None


def _enabled(document: Document, options: Options) -> bool | None:
    place = _place(document, options, "enabled")
    if place is not None and not isinstance(place.value, bool):
        raise ManifestError(f"{place.address}: {place.value!r} stands there", "write true or false")
    return place.value if place else None


def _changes(values: _Values, wanted: Rollout) -> Iterator[Set]:
    yield from values.stable.to(stable_of(wanted))
    if values.candidate is None:
        return
    if wanted.candidate is not None:
        yield from values.candidate.to(wanted.candidate)
    if wanted.traffic != values.weight:
        yield Set(address(values.document, *_path(values.options, "weight")), wanted.traffic)
    if values.enabled not in (None, wanted.candidate is not None):
        yield Set(address(values.document, *_path(values.options, "enabled")), wanted.candidate is not None)
