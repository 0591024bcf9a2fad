"""The manifest kinds: one file, one kind. Text in, a Rollout out, and back; packages may bring more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from importlib.metadata import EntryPoint
from inspect import isclass
from typing import Any, Protocol

from pydantic import BaseModel

from mlops_ci.errors import ConfigError, ManifestError
from mlops_ci.manifests import deployment, helm, httproute, kserve, kustomize, rollouts
from mlops_ci.plugins import with_plugins
from mlops_ci.rollout import Rollout
from mlops_ci.yaml_edit import documents

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


# In this order it is told from a manifest which kind it is.
MANIFESTS: dict[str, ManifestKind] = {
    "httproute": httproute,
    "kserve": kserve,
    "rollouts": rollouts,
    "kustomize": kustomize,
    "deployment": deployment,
    "helm": helm,
}


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


def detect(text: str, plugins: Iterable[EntryPoint] | None = None) -> str:
    """The name of the kind that a manifest is of, as far as its documents tell.

    Raises:
        ManifestError: no kind claims it, or a package's kind and another one do.
        ConfigError: a package's kind cannot be loaded.
    """
    found = [one.data for one in documents(text) if one.data]
    claimed = [name for name, kind in all_manifests(plugins).items() if kind.claims(found)]
    ours = [name for name in claimed if name in MANIFESTS][:1]
    names = ours + [name for name in claimed if name not in MANIFESTS]
    if len(names) == 1:
        return names[0]
    if names:
        raise ManifestError(
            f"the manifest may be of the kinds {' and '.join(names)}",
            f"say which: {{path: ..., {names[0]}: {{}}}}",
        )
    kinds = ", ".join(str(one.get("kind", "none")) for one in found) or "nothing"
    raise ManifestError(
        f"no manifest kind knows what to do with these documents: {kinds}",
        f"name a manifest with a model in it, or its kind, one of {', '.join(MANIFESTS)}",
    )


def kind_of(name: str | None, text: str, plugins: Iterable[EntryPoint] | None = None) -> ManifestKind:
    """The kind of that name, or where none is configured the one that the manifest is of.

    Raises:
        ManifestError: none can be told from the manifest.
        ConfigError: there is no kind of that name.
    """
    plugins = None if plugins is None else tuple(plugins)
    kinds = all_manifests(plugins)
    if name is None:
        return kinds[detect(text, plugins)]
    if name in kinds:
        return kinds[name]
    near = get_close_matches(name, kinds, n=1)
    raise ConfigError(
        f"there is no manifest kind {name!r}",
        f"did you mean {near[0]!r}?" if near else f"the kinds are {', '.join(kinds)}",
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
