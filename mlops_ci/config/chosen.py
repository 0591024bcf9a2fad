"""The checks of what an environment chooses: its strategy and its manifest's kind, with their options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel

from mlops_ci.config import mistakes as checking
from mlops_ci.config import source
from mlops_ci.config.environments import DIRECT
from mlops_ci.config.source import Document, Mistake, Path
from mlops_ci.strategies import Strategy, all_strategies


class Optioned(Protocol):
    """What the configuration needs to know of a kind of manifests."""

    @property
    def Options(self) -> type[BaseModel]:  # noqa: N802 - a class of the kind's module
        """The model of its options."""


def _manifests() -> Mapping[str, Optioned]:
    """Every kind of manifests; loaded late because reading them needs more than configuring them."""
    from mlops_ci.manifests import all_manifests

    return all_manifests()


@dataclass(frozen=True)
class Choices:
    """Where the strategies and the manifest kinds are; asked for once an environment names one."""

    strategies: Callable[[], Mapping[str, Strategy]] = all_strategies
    manifests: Callable[[], Mapping[str, Optioned]] = _manifests


def whole(document: Document, choices: Choices, mistakes: list[Mistake]) -> None:
    """Note every mistake in what the environments choose."""
    for name, entry in document.below("environments").data.items():
        if isinstance(entry, dict):
            strategy(document, name, choices, mistakes)
            manifest(document, name, choices, mistakes)


def strategy(
    document: Document, environment: str, choices: Choices, mistakes: list[Mistake]
) -> tuple[str, BaseModel | None]:
    """An environment's strategy and its options; no options where there is a mistake."""
    path: Path = ("environments", environment, "strategy")
    written = _value(document, path)
    names = (
        [written] if isinstance(written, str) else list(written) if isinstance(written, dict) else [DIRECT]
    )
    if len(names) != 1:
        return "", None  # told where the environment itself is checked
    return names[0], _options(document, path, names[0], "strategy", choices.strategies(), mistakes)


def manifest(
    document: Document, environment: str, choices: Choices, mistakes: list[Mistake]
) -> tuple[str | None, BaseModel | None]:
    """The kind of an environment's manifest and its options, where the file names one."""
    path: Path = ("environments", environment, "manifest")
    written = _value(document, path)
    kinds = [key for key in written if key != "path"] if isinstance(written, dict) else []
    if len(kinds) != 1:
        return None, None
    return kinds[0], _options(document, path, kinds[0], "manifest kind", choices.manifests(), mistakes)


def _value(document: Document, path: Path) -> Any:
    """What stands there; a key that null takes back does not."""
    return source.without_nulls(source.value_at(document.data, path))


def _options(
    document: Document,
    path: Path,
    name: str,
    word: str,
    known: Mapping[str, Optioned | Strategy],
    mistakes: list[Mistake],
) -> BaseModel | None:
    """The options below a name, checked as its kind declares them."""
    inside = (*path, name)
    if name not in known:
        where = inside if inside in document.places else path
        words = source.suggestion(name, dict.fromkeys(known))
        mistakes.append(document.mistake(where, f'there is no {word} "{source.printable(name)}"; {words}'))
        return None
    if not isinstance(source.value_at(document.data, inside), dict | source.Absent):
        mistakes.append(checking.not_a_mapping(document, inside))
        return None
    below = document.below(*inside)
    plain = Document(below.source, source.without_nulls(below.data), below.places)
    found, wrong = checking.check(known[name].Options, plain)
    mistakes += wrong
    return found
