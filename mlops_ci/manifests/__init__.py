"""The manifest kinds: one file, one kind. Text in, a Rollout out, and back; packages may bring more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import EntryPoint
from inspect import isclass
from typing import Any, Protocol

from pydantic import BaseModel

from mlops_ci.plugins import with_plugins
from mlops_ci.rollout import Rollout

GROUP = "mlops_ci.manifests"


class ManifestKind(Protocol):
    """A module (or any object) that reads a manifest's text and writes it; it knows no strategy."""

    @property
    def Options(self) -> type[BaseModel]:  # noqa: N802 - a class of a module
        """Where in the manifest things stand, as far as it cannot be told from the text."""
        ...

    @property
    def claims(self) -> Callable[[Sequence[Mapping[str, Any]]], bool]:
        """Whether the documents of a file are of this kind."""
        ...

    @property
    def read(self) -> Callable[[str, Any], Rollout]:
        """What the text says is live. Raises ManifestError."""
        ...

    @property
    def write(self) -> Callable[[str, Rollout, Any], str]:
        """The text with this rollout, all other bytes as they were. Raises ManifestError."""
        ...

    @property
    def notes(self) -> Callable[[str, Rollout, Any], tuple[str, ...]]:
        """What a reviewer should know of this rollout in this text, a sentence each."""
        ...


MANIFESTS: dict[str, ManifestKind] = {}


def all_manifests(plugins: Iterable[EntryPoint] | None = None) -> Mapping[str, ManifestKind]:
    """Our kinds and those of installed packages, by the name that stands in mlops-ci.yaml.

    Raises:
        ConfigError: a package's kind cannot be loaded, takes a name of ours, or is none.
    """
    return with_plugins(
        MANIFESTS,
        GROUP,
        word="manifest kind",
        short="kind",
        protocol="mlops_ci.manifests.ManifestKind",
        missing=_missing,
        plugins=plugins,
    )


def _missing(kind: object) -> str:
    """What keeps an object from being a manifest kind, or nothing."""
    options = getattr(kind, "Options", None)
    if not (isclass(options) and issubclass(options, BaseModel)):
        return "Options must be a pydantic model"
    if options.model_config.get("extra") != "forbid":
        return "Options must refuse unknown keys (extra='forbid')"
    lacking = [
        name for name in ("claims", "read", "write", "notes") if not callable(getattr(kind, name, None))
    ]
    return f"{lacking[0]} must be a function" if lacking else ""
