"""The drift tests: one file, one test. Two profiles of a column in, a score out; packages may bring more."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from importlib.metadata import EntryPoint
from typing import Protocol

from mlops_ci.drift import (
    chi_square,
    cramers_v,
    hellinger,
    jensen_shannon,
    kl,
    ks,
    null_rate,
    psi,
    total_variation,
    unseen,
    wasserstein,
)
from mlops_ci.drift.pair import Pair
from mlops_ci.evidence import DriftScore
from mlops_ci.plugins import with_plugins
from mlops_ci.profiles.shape import Kind

GROUP = "mlops_ci.drift"
_ALL_KINDS = {"number", "category", "time", "other"}


class DriftTest(Protocol):
    """A module (or any object) that measures how far one column of two tables is apart."""

    @property
    def KINDS(self) -> Collection[Kind]:  # noqa: N802 - a constant of a module
        """The kinds of columns it is for: number, category, time, other."""
        ...

    @property
    def UNIT(self) -> str:  # noqa: N802 - a constant of a module
        """The unit and the range of its value, in words."""
        ...

    @property
    def measure(self) -> Callable[[Pair], DriftScore]:
        """The score of a pair of one of its kinds: finite, and 0 for a pair of equal profiles."""
        ...


TESTS: dict[str, DriftTest] = {
    "ks": ks,
    "cramers_v": cramers_v,
    "chi_square": chi_square,
    "psi": psi,
    "kl": kl,
    "jensen_shannon": jensen_shannon,
    "wasserstein": wasserstein,
    "hellinger": hellinger,
    "total_variation": total_variation,
    "null_rate": null_rate,
    "unseen": unseen,
}


def all_tests(plugins: Iterable[EntryPoint] | None = None) -> dict[str, DriftTest]:
    """Our tests and those of installed packages, by the name that their scores have.

    Raises:
        ConfigError: a package's test cannot be loaded, takes a name of ours, or is no drift test.
    """
    return with_plugins(
        TESTS,
        GROUP,
        word="drift test",
        short="test",
        protocol="mlops_ci.drift.DriftTest",
        missing=_missing,
        plugins=plugins,
    )


def measured(pair: Pair, tests: Mapping[str, DriftTest]) -> dict[str, DriftScore]:
    """The scores of all the tests that are for this kind of column."""
    return {name: test.measure(pair) for name, test in tests.items() if pair.kind in test.KINDS}


def _missing(test: object) -> str:
    """What keeps an object from being a drift test, or nothing."""
    kinds = getattr(test, "KINDS", None)
    if isinstance(kinds, str) or not isinstance(kinds, Collection) or not set(kinds) <= _ALL_KINDS:
        return "KINDS must be a set of number, category, time and other"
    if not isinstance(getattr(test, "UNIT", None), str):
        return "UNIT must be a text"
    return "" if callable(getattr(test, "measure", None)) else "measure must be a function"
