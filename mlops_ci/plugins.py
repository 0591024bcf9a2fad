"""Kinds that other packages bring: loaded by entry point, checked, and named where they are none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar, cast

from mlops_ci.errors import ConfigError

Kind = TypeVar("Kind")


def with_plugins(
    own: Mapping[str, Kind],
    group: str,
    *,
    word: str,
    short: str,
    protocol: str,
    missing: Callable[[object], str],
    plugins: Iterable[EntryPoint] | None = None,
) -> dict[str, Kind]:
    """Our kinds and those of installed packages, by their names.

    Args:
        own: our kinds; their names are taken.
        group: the entry-point group of the others.
        word: what a kind is called, such as ``drift test``.
        short: the same in short, such as ``test``.
        protocol: the class that says what a kind needs.
        missing: what keeps an object from being such a kind, or an empty text.
        plugins: the others, where they are known.

    Raises:
        ConfigError: a package's kind cannot be loaded, takes a name of ours, or is none.
    """

    def loaded(plugin: EntryPoint) -> Kind:
        place = f"{word} {plugin.name} ({plugin.value})"
        if plugin.name in own:
            raise ConfigError(
                f"{place}: the name is taken by a {short} of mlops-ci", "rename the entry point"
            )
        try:
            kind = plugin.load()
        except Exception as error:
            raise ConfigError(
                f"{place}: cannot be loaded: {type(error).__name__}: {error}",
                "repair or uninstall its package",
            ) from error
        if lacks := missing(kind):
            raise ConfigError(f"{place}: is no {word}: {lacks}", f"see {protocol} for what a {short} needs")
        return cast(Kind, kind)

    found = _installed(group) if plugins is None else plugins
    return {**own, **{one.name: loaded(one) for one in sorted(found, key=lambda one: one.name)}}


@lru_cache
def _installed(group: str) -> tuple[EntryPoint, ...]:
    """What is installed: looking at every package again for each of a thousand manifests takes minutes."""
    return tuple(entry_points(group=group))
