"""The checks of a merged configuration: settings, gates, models, against their declarations."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, Protocol

from pydantic import BaseModel

from mlops_ci.config import chosen, source, values
from mlops_ci.config import mistakes as checking
from mlops_ci.config.keys import ModelEntry, ModelSettings, Settings
from mlops_ci.config.models import is_pattern
from mlops_ci.config.source import ABSENT, Document, Mistake, Path

# null takes a key back to its default, except here, where it says that there is no such column.
_NULL_IS_A_VALUE = frozenset({"columns"})
_FILE_PARTS = ("defaults", "models", "gates")

Mistakes = list[Mistake]


class Gate(Protocol):
    """What the configuration needs to know of a gate."""

    @property
    def PER_MODEL(self) -> bool:  # noqa: N802 - a constant of the gate's module
        """Whether it judges one model at a time."""

    @property
    def Options(self) -> type[BaseModel]:  # noqa: N802 - a class of the gate's module
        """The model of its options."""


def whole(
    document: Document, kinds: Mapping[str, Gate], choices: chosen.Choices, mistakes: Mistakes
) -> Settings | None:
    """The settings of the repository; mistakes anywhere in the document are added to the list."""
    homes = {"below defaults": tuple(ModelSettings.model_fields), "below gates": tuple(kinds)}
    rest = _known(document, Settings, _FILE_PARTS, homes, mistakes)
    settings, wrong = checking.check(Settings, rest)
    mistakes += wrong
    mistakes += _wrong_order(document)
    chosen.whole(document, choices, mistakes)
    gate_options(document, kinds, per_model=False, mistakes=mistakes)
    _defaults(document, kinds, mistakes)
    for name in entries(document, mistakes) or {}:
        model(document, kinds, name, mistakes)
    return settings


def _known(
    document: Document,
    kind: type[BaseModel],
    parts: tuple[str, ...],
    homes: Mapping[str, tuple[str, ...]],
    mistakes: Mistakes,
) -> Document:
    """The document without ``parts``, checked elsewhere, and unknown keys, which are noted."""
    known = (*kind.model_fields, *parts)
    for key in document.data.keys() - set(known):
        home = next((home for home, keys in homes.items() if key in keys), "")
        if home:
            mistakes.append(document.mistake((key,), f"unknown key; it belongs {home}"))
        else:
            mistakes.append(checking.unknown_key(document, (key,), list(known)))
    data = {key: value for key, value in document.data.items() if key in kind.model_fields}
    return Document(document.source, source.without_nulls(data, _NULL_IS_A_VALUE), document.places)


def _mapping(document: Document, path: Path, mistakes: Mistakes) -> Document:
    """The mapping at a path; nothing there is an empty one, anything else a mistake."""
    value = source.value_at(document.data, path)
    if not isinstance(value, dict) and value is not None and value is not ABSENT:
        mistakes.append(checking.not_a_mapping(document, path))
    return document.below(*path)


def _wrong_order(document: Document) -> list[Mistake]:
    """Environments that come after one that is not there, or after themselves."""
    environments = document.below("environments").data
    after = {name: entry.get("after") for name, entry in environments.items() if isinstance(entry, dict)}
    mistakes = []
    for name, other in after.items():
        where: Path = ("environments", name, "after")
        chain = _chain(name, after)
        if isinstance(other, str) and other not in environments:
            words = source.suggestion(other, [known for known in environments if known != name])
            message = f'there is no environment "{source.printable(other)}"; {words}'
            mistakes.append(document.mistake(where, message))
        elif chain[-1] == name and chain[1:]:
            circle = source.printable(" after ".join(chain))
            mistakes.append(document.mistake(where, f"goes in a circle: {circle}"))
    return mistakes


def _chain(name: str, after: Mapping[str, Any]) -> list[str]:
    """The environments a release passes before this one, backwards, at most once round a circle."""
    chain, other = [name], after[name]
    while isinstance(other, str) and other in after:
        chain.append(other)
        if other in chain[:-1]:
            break
        other = after[other]
    return chain


# ---- gates and models ------------------------------------------------------------------------------


def gate_options(
    document: Document, kinds: Mapping[str, Gate], *, per_model: bool, mistakes: Mistakes
) -> dict[str, BaseModel]:
    """The options of every gate of one scope, from the ``gates`` of the document."""
    written = _mapping(document, ("gates",), mistakes)
    for name in written.data:
        if name not in kinds:
            mistakes.append(_unknown_gate(written, name, kinds))
        elif per_model != kinds[name].PER_MODEL:
            message = "this gate judges the repository, not a model: it belongs below gates at the top"
            mistakes.append(written.mistake((name,), message))
    options: dict[str, BaseModel] = {}
    for name, kind in kinds.items():
        if per_model == kind.PER_MODEL:
            below = _mapping(written, (name,), mistakes)
            plain = Document(below.source, source.without_nulls(below.data), below.places)
            found, wrong = checking.check(kind.Options, plain)
            mistakes += wrong
            if found is not None:
                options[name] = found
    return options


def _unknown_gate(document: Document, name: str, kinds: Mapping[str, Gate]) -> Mistake:
    return document.mistake((name,), f"unknown gate; {source.suggestion(name, list(kinds))}")


def _homes(kinds: Mapping[str, Gate]) -> dict[str, tuple[str, ...]]:
    """Where keys belong that people put into a model by mistake."""
    return {"at the top of the file": tuple(Settings.model_fields), "below gates": tuple(kinds)}


def _defaults(document: Document, kinds: Mapping[str, Gate], mistakes: Mistakes) -> None:
    """Check what all models inherit, whether there is one or not."""
    defaults = _mapping(document, ("defaults",), mistakes)
    if "artifact" in defaults.data:
        mistakes.append(defaults.mistake(("artifact",), "belongs to a single model: models.NAME.artifact"))
    _settings(defaults, kinds, mistakes)


def _settings(
    document: Document, kinds: Mapping[str, Gate], mistakes: Mistakes
) -> tuple[ModelEntry, dict[str, BaseModel]]:
    """A model's settings and gate options; the defaults stand in where there is a mistake."""
    rest = _known(document, ModelEntry, ("gates",), _homes(kinds), mistakes)
    entry, wrong = checking.check(ModelEntry, rest)
    mistakes += wrong
    return entry or ModelEntry(), gate_options(document, kinds, per_model=True, mistakes=mistakes)


def entries(document: Document, mistakes: Mistakes) -> dict[str, Path] | None:
    """Names and patterns of ``models`` with their paths; None where the file does not say."""
    models: Any = document.data.get("models")
    if models is None:
        return None
    if isinstance(models, list):
        pairs = [(name, ("models", position)) for position, name in enumerate(models)]
    elif isinstance(models, dict):
        pairs = [(name, ("models", name)) for name in models]
    else:
        shown = source.shown(models)
        mistakes.append(
            document.mistake(("models",), f"expected names or a mapping, but {shown} stands there")
        )
        return None
    found: dict[str, Path] = {}
    for name, path in pairs:
        problem = _wrong_name(name)
        if problem:
            mistakes.append(document.mistake(path, problem))
        else:
            found.setdefault(name, path)
    return found


def _wrong_name(name: Any) -> str:
    """Why this cannot be a model's name or a pattern over names; empty where it can."""
    if not isinstance(name, str) or not name:
        return f"expected a model's name, but {source.shown(name)} stands there"
    if is_pattern(name):
        return ""
    try:
        values.name(name)
    except ValueError as error:
        return str(error)
    return ""


def model(
    document: Document, kinds: Mapping[str, Gate], name: str | None, mistakes: Mistakes
) -> tuple[ModelEntry, dict[str, BaseModel]]:
    """A model's settings by its name: defaults, the patterns that fit, then its own entry."""
    layers: list[tuple[bool, Document]] = []
    result = document.below("defaults")
    models = document.data.get("models")
    for key in models if isinstance(models, dict) and name is not None else ():
        own = key == name
        if own or (is_pattern(key) and fnmatchcase(name or "", key)):
            written = _mapping(document, ("models", key), mistakes)
            if "artifact" in written.data and is_pattern(key):
                mistakes.append(
                    written.mistake(("artifact",), "one artifact cannot be several models: use a name")
                )
            layers.append((own, written))
    for _, written in sorted(layers, key=lambda layer: layer[0]):
        result = source.merge(result, written)
    return _settings(result, kinds, mistakes)
