"""Laws that every drift test keeps, and the plug-ins."""

from __future__ import annotations

import math
from importlib.metadata import EntryPoint
from types import SimpleNamespace
from typing import Any

import pytest

from mlops_ci import drift
from mlops_ci.drift.pair import Pair
from mlops_ci.errors import ConfigError
from mlops_ci.evidence import DriftScore
from tests.drift.samples import paired, random


def measure(pair: Pair) -> DriftScore:
    return DriftScore(value=0.0)


GOOD = SimpleNamespace(KINDS={"number"}, UNIT="none", measure=measure)
NO_KINDS = SimpleNamespace(KINDS="number", UNIT="none", measure=measure)
OTHER_KINDS = SimpleNamespace(KINDS={"picture"}, UNIT="none", measure=measure)
NO_UNIT = SimpleNamespace(KINDS={"number"}, UNIT=None, measure=measure)
NO_MEASURE = SimpleNamespace(KINDS={"number"}, UNIT="none", measure=None)


def numbers() -> list[float]:
    return [*random().normal(size=2000).tolist()]


def categories() -> list[str]:
    return [*random().choice(list("abcdef"), 2000, p=[0.3, 0.3, 0.2, 0.1, 0.07, 0.03])]


def with_nulls(values: list[Any], share: float) -> list[Any]:
    return [None if at < share * len(values) else value for at, value in enumerate(values)]


def samples(name: str) -> list[Any]:
    """Values of a kind that the test is for."""
    return numbers() if "number" in drift.TESTS[name].KINDS else categories()


def moved(name: str, values: list[Any], step: int) -> list[Any]:
    """The values moved by so many steps, each step further than the one before."""
    if name == "null_rate":
        return with_nulls(values, 0.1 * step)
    if isinstance(values[0], float):
        return [value + 0.2 * step for value in values]
    return [f"new{at % 2}" if at < 150 * step else value for at, value in enumerate(values)]


# ---- laws ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", drift.TESTS)
def test_a_table_has_no_distance_to_itself(name: str) -> None:
    values = with_nulls(samples(name), 0.1)
    score = drift.TESTS[name].measure(paired(values, values))
    assert (score.value, score.p) in ((0.0, 1.0), (0.0, None))


@pytest.mark.parametrize("name", drift.TESTS)
def test_the_distance_grows_when_one_side_is_moved(name: str) -> None:
    values = samples(name)
    scores = [drift.TESTS[name].measure(paired(values, moved(name, values, step))) for step in range(4)]
    sizes = [score.value for score in scores]
    assert sizes == sorted(set(sizes))
    chances = [score.p for score in scores if score.p is not None]
    assert chances == sorted(chances, reverse=True)


@pytest.mark.parametrize("name", drift.TESTS)
@pytest.mark.parametrize(
    ("reference", "current"),
    [([1.0] * 60, [1.0] * 70), ([1.0] * 60, [2.0] * 70), (["a"] * 60, ["a"] * 70), (["a"] * 60, ["b"] * 70)],
    ids=["same number", "other number", "same category", "other category"],
)
def test_constant_columns_have_a_score(name: str, reference: list[Any], current: list[Any]) -> None:
    pair = paired(reference, current)
    assert pair.problem == ""
    scores = drift.measured(pair, {name: drift.TESTS[name]})
    assert all(math.isfinite(score.value) for score in scores.values())
    same = reference[0] == current[0] or name == "null_rate"
    assert [score.value == 0 for score in scores.values()] == [same] * len(scores)


@pytest.mark.parametrize("name", drift.TESTS)
def test_enormous_values_have_a_score(name: str) -> None:
    reference = [*(at * 1e306 for at in range(-99, 100)), math.inf, math.nan, None]
    scores = drift.measured(paired(reference, [1e308, *numbers()]), {name: drift.TESTS[name]})
    assert all(math.isfinite(score.value) for score in scores.values())


@pytest.mark.parametrize(
    ("reference", "current", "problem"),
    [
        ([], [1.0], "the reference table has no rows"),
        ([1.0], [], "the current table has no rows"),
        ([1.0, None], [None, None], "every value is missing or infinite in the current table"),
        ([math.nan, math.inf], [1.0], "every value is missing or infinite in the reference table"),
    ],
)
def test_empty_columns_have_a_reason(reference: list[Any], current: list[Any], problem: str) -> None:
    pair = paired(reference, current)
    assert pair.problem == problem
    assert [*drift.measured(pair, drift.TESTS)] == ["null_rate"]


@pytest.mark.parametrize("name", drift.TESTS)
def test_a_test_says_what_it_is_and_in_which_unit(name: str) -> None:
    test = drift.TESTS[name]
    first = (test.__doc__ or "").splitlines()[0]
    assert 0 < len(first) <= 110
    assert first.endswith(".")
    assert test.UNIT


# ---- plug-ins --------------------------------------------------------------------------------------


def plugin(name: str, value: str) -> EntryPoint:
    return EntryPoint(name=name, value=value, group=drift.GROUP)


def test_installed_plugins_are_looked_up_by_default() -> None:
    assert set(drift.TESTS) <= set(drift.all_tests())


def test_a_plugin_joins_ours() -> None:
    found = drift.all_tests([plugin("mine", "tests.drift.test_drift:GOOD")])
    assert [*found] == [*drift.TESTS, "mine"]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("ks", "GOOD", "the name is taken by a test of mlops-ci"),
        ("mine", "MISSING", "cannot be loaded: AttributeError"),
        ("mine", "NO_KINDS", "is no drift test: KINDS must be a set of number, category, time and other"),
        ("mine", "OTHER_KINDS", "is no drift test: KINDS must be"),
        ("mine", "NO_UNIT", "is no drift test: UNIT must be a text"),
        ("mine", "NO_MEASURE", "is no drift test: measure must be a function"),
    ],
)
def test_a_plugin_that_does_not_fit_is_named(name: str, value: str, expected: str) -> None:
    place = f"tests.drift.test_drift:{value}"
    with pytest.raises(ConfigError) as caught:
        drift.all_tests([plugin(name, place)])
    assert caught.value.message.startswith(f"drift test {name} ({place}): {expected}")
    assert caught.value.hint
