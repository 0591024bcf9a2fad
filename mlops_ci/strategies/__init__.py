"""The strategies: one file, one way a release takes over. A Rollout in, the next one out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import EntryPoint
from inspect import isclass
from typing import Any, Protocol

from pydantic import BaseModel

from mlops_ci.plugins import with_plugins
from mlops_ci.rollout import Rollout, Served
from mlops_ci.strategies import blue_green, canary, direct, shadow

GROUP = "mlops_ci.strategies"
_MOST_STEPS = 100


class Strategy(Protocol):
    """A module (or any object) that turns one Rollout into the next; it knows no YAML."""

    @property
    def Options(self) -> type[BaseModel]:  # noqa: N802 - a class of a module
        """The strategy's options: their declaration, validation, schema and documentation."""
        ...

    @property
    def advance(self) -> Callable[[Rollout, Served, Any], Rollout]:
        """The next rollout towards ``Rollout(stable=release)``; the same one where it is reached."""
        ...


STRATEGIES: dict[str, Strategy] = {
    "direct": direct,
    "canary": canary,
    "blue_green": blue_green,
    "shadow": shadow,
}


def all_strategies(plugins: Iterable[EntryPoint] | None = None) -> Mapping[str, Strategy]:
    """Our strategies and those of installed packages, by the name that stands in mlops-ci.yaml.

    Raises:
        ConfigError: a package's strategy cannot be loaded, takes a name of ours, or is none.
    """
    return with_plugins(
        STRATEGIES,
        GROUP,
        word="strategy",
        short="strategy",
        protocol="mlops_ci.strategies.Strategy",
        missing=_missing,
        plugins=plugins,
    )


def path(strategy: Strategy, live: Rollout, release: Served, options: BaseModel) -> tuple[Rollout, ...]:
    """Every rollout from the next one to the last, one pull request each; empty where nothing is left to do.

    Raises:
        ValueError: the strategy does not end within 100 steps.
    """
    found: list[Rollout] = []
    for _ in range(_MOST_STEPS):
        following = strategy.advance(live, release, options)
        if following == live:
            return tuple(found)
        found.append(following)
        live = following
    raise ValueError(f"the strategy does not end within {_MOST_STEPS} steps")


def _missing(strategy: object) -> str:
    """What keeps an object from being a strategy, or nothing."""
    options = getattr(strategy, "Options", None)
    if not (isclass(options) and issubclass(options, BaseModel)):
        return "Options must be a pydantic model"
    if options.model_config.get("extra") != "forbid":
        return "Options must refuse unknown keys (extra='forbid')"
    return "" if callable(getattr(strategy, "advance", None)) else "advance must be a function"
