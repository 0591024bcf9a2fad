"""What a manifest points to: the address of a model, the digest beside it, kept in step (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mlops_ci.errors import ManifestError
from mlops_ci.manifests import contract
from mlops_ci.rollout import Rollout, Served, digest_in
from mlops_ci.yaml_edit import Address, Delete, Set, edit

_DIGEST = re.compile(r"(sha256:)?([0-9a-f]{64})")


@dataclass(frozen=True)
class Place:
    """Where a text stands, and what; ``before`` stands in front of it, as ``MODEL_URI=`` in a literal."""

    address: Address
    value: Any
    before: str = ""

    def set(self, text: str) -> Set:
        """Put another text there."""
        return Set(self.address, self.before + text)


@dataclass(frozen=True)
class Pointer:
    """One place that names a model, or an image, and the digest beside it where there is one.

    Raises:
        ManifestError: the address is no text, or the digest is none or another than the address names.
    """

    uri: Place
    digest: Place | None = None
    image: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.uri.value, str):
            raise ManifestError(
                f"{self.uri.address}: expected the address of a model, but {self.uri.value!r} stands there",
                "write the address as a text, for example s3://models/iris/sha256-.../model.json",
            )
        if self.digest is None or self.digest.value == "":
            return
        digest, said = _read(self.digest), digest_in(self.uri.value)
        if said and digest != said:
            raise ManifestError(
                f"{self.digest.address}: {digest} stands beside an address that names {said}",
                "one of the two was edited alone: set both to the same model",
            )

    @property
    def served(self) -> Served | None:
        """What it points to; None where the address is empty, as before the first release."""
        digest = _read(self.digest) if self.digest and self.digest.value else ""
        return Served.of(self.uri.value, digest) if self.uri.value else None

    def to(self, wanted: Served) -> Iterator[Set]:
        """The changes that make it point to another model.

        Raises:
            ManifestError: the digest beside it is not known, or the two would disagree.
        """
        if self.image and "://" in wanted.uri:
            raise ManifestError(
                f"{self.uri.address}: {wanted.uri} is no image",
                "name the place of the model's address instead",
            )
        said = digest_in(wanted.uri)
        digest = wanted.digest or said
        if said and digest != said:
            raise ManifestError(
                f"{wanted.uri} names another digest than the release has, {digest}",
                "publish the release again",
            )
        live = self.served
        if live is None or live.uri != wanted.uri:
            yield self.uri.set(wanted.uri)
        if self.digest is None or (live is not None and live.digest == digest):
            return
        if not digest:
            raise ManifestError(
                f"{self.digest.address}: the digest of {wanted.uri} is not known, the old one must not stay",
                "promote a release that was published with its digest",
            )
        prefix = "sha256:" if self.digest.value.startswith("sha256:") else ""
        yield self.digest.set(prefix + digest.removeprefix("sha256:"))


def _read(place: Place) -> str:
    """The digest at a place as ``sha256:<64 hex>``."""
    found = _DIGEST.fullmatch(place.value) if isinstance(place.value, str) else None
    if found is None:
        raise ManifestError(
            f"{place.address}: expected a sha256 digest, but {place.value!r} stands there",
            "write the 64 hex digits of the model's sha256, with or without `sha256:` before them",
        )
    return f"sha256:{found[2]}"


def written(text: str, *changes: Set | Delete) -> str:
    """The text with these changes, held to the contract of its fields.

    Raises:
        ManifestError: a change cannot be made, or what comes out is against the contract.
    """
    if not changes:
        return text
    after = edit(text, *changes)
    contract.check(text, after)
    return after


def stable_of(wanted: Rollout) -> Served:
    """The stable release of a rollout, for a manifest that has to name it.

    Raises:
        ManifestError: the rollout does not say.
    """
    if wanted.stable is None:
        raise ManifestError(
            "the rollout does not say which release is to be stable", "name it: the promotion record knows it"
        )
    return wanted.stable


def refuse_split(wanted: Rollout, place: str, hint: str) -> None:
    """Refuse traffic and mirror where requests cannot be split.

    Raises:
        ManifestError: the rollout asks for it.
    """
    if not wanted.is_idle:
        what = "copy requests to" if wanted.mirror else "share requests with"
        raise ManifestError(f"{place} cannot {what} a second release", hint)


def refuse_candidate(wanted: Rollout, place: str, hint: str) -> None:
    """Refuse everything but one stable release.

    Raises:
        ManifestError: the rollout has a candidate.
    """
    refuse_split(wanted, place, hint)
    if wanted.candidate is not None:
        raise ManifestError(f"{place} has no room for a candidate beside the stable release", hint)
