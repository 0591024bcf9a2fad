"""What is live: a Release is what is promoted, a Rollout is what a manifest says of it (pure)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

# A content-addressed address: `s3://models/iris/sha256-<64 hex>/model.json`, or an image by its digest.
_DIGEST = re.compile(r"sha256[-:/]([0-9a-f]{64})(?![0-9a-f])")


@dataclass(frozen=True)
class Served:
    """What one place of a manifest points to.

    ``uri`` is the address of a model or an image; ``digest`` is ``sha256:<64 hex>``, out of a
    content-addressed address or out of the field beside it, empty where neither tells.
    """

    uri: str
    digest: str = ""

    @classmethod
    def of(cls, uri: str, digest: str = "") -> Served:
        """What an address names, with the digest that it says itself where nothing else does."""
        return cls(uri, digest or digest_in(uri))

    def is_same(self, other: Served | None) -> bool:
        """Whether both name the same model, as far as both tell."""
        if other is None or self.uri != other.uri:
            return False
        return not self.digest or not other.digest or self.digest == other.digest


def digest_in(uri: str) -> str:
    """The sha256 digest that an address names, or nothing."""
    found = _DIGEST.search(uri)
    return f"sha256:{found[1]}" if found else ""


@dataclass(frozen=True)
class Release:
    """One promotable unit: the bytes of a model, and where they come from.

    ``digest`` is the sha256 of the bytes, ``md5`` what DVC calls them, ``uri`` the content-addressed place
    they were published to. ``commit`` is the commit of the model repository, ``lock`` the digest of its
    dvc.lock files, ``evidence`` that of the document which was judged. ``version`` is for people.
    """

    model: str
    digest: str
    uri: str
    commit: str
    version: str = ""
    lock: str = ""
    md5: str = ""
    evidence: str = ""

    @property
    def served(self) -> Served:
        """The release as a manifest names it."""
        return Served(self.uri, self.digest)

    @property
    def short(self) -> str:
        """The digest as people say it, such as ``ab12cd34ef56``."""
        return self.digest.removeprefix("sha256:")[:12]


@dataclass(frozen=True)
class Rollout:
    """What a manifest says is live.

    ``stable`` answers all requests but ``traffic`` percent, which ``candidate`` answers; ``mirror`` percent
    of all are copied to it, and its answers are dropped. A candidate without both is idle: deployed, or
    about to be. ``stable`` is None where the manifest does not name it although it answers: KServe in
    Knative mode hides it during a canary, and only the record tells.
    """

    stable: Served | None
    candidate: Served | None = None
    traffic: int = 0
    mirror: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.traffic <= 100 or not 0 <= self.mirror <= 100:
            raise ValueError("traffic and mirror are whole percents from 0 to 100")
        if self.candidate is None and (self.traffic or self.mirror):
            raise ValueError("traffic and mirror need a candidate")

    @property
    def is_idle(self) -> bool:
        """Whether the candidate, if there is one, gets no request."""
        return not self.traffic and not self.mirror

    @property
    def served(self) -> tuple[Served, ...]:
        """Everything the manifest names, stable first."""
        return tuple(one for one in (self.stable, self.candidate) if one is not None)

    def with_stable(self, stable: Served | None) -> Rollout:
        """The same, with the stable release where the manifest hides it."""
        return self if self.stable is not None or stable is None else replace(self, stable=stable)

    def fits(self, wanted: Rollout) -> bool:
        """Whether a manifest that says this does what was wanted.

        A hidden stable release fits any; an idle candidate that nobody asked for does no harm.
        """
        stable = self.stable is None or (wanted.stable is not None and self.stable.is_same(wanted.stable))
        if wanted.candidate is None:
            return stable and self.is_idle
        same = self.candidate is not None and self.candidate.is_same(wanted.candidate)
        return stable and same and (self.traffic, self.mirror) == (wanted.traffic, wanted.mirror)
