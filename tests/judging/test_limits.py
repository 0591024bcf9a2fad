"""Limits: which one holds, and when a difference keeps it."""

from __future__ import annotations

import math

import pytest

from mlops_ci.judging import limits
from mlops_ci.judging.limits import Limit
from tests.gates.samples import comparison, metric


def test_a_limit_overrides_only_the_keys_it_names() -> None:
    default = Limit(max_drop=0.05, floor=True)
    known = {
        "test.*": Limit(min=0.5, max_drop=0.02),
        "test.accuracy": Limit(max_drop=0.01),
        "other": Limit(max=1),
    }
    found = limits.limit_for(metric("test.accuracy", 0.9), known, default)
    assert found == Limit(min=0.5, max_drop=0.01, floor=True)


def test_the_exact_name_wins_wherever_it_stands() -> None:
    known = {"test.accuracy": Limit(max_drop=0.01), "*": Limit(max_drop=0.5)}
    assert limits.limit_for(metric("test.accuracy", 0.9), known, Limit()).max_drop == 0.01


def test_a_key_may_name_the_file() -> None:
    known = {"metrics.json:accuracy": Limit(min=0.5), "other.json:*": Limit(min=0.9)}
    assert limits.limit_for(metric("accuracy", 0.9), known, Limit()) == Limit(min=0.5)


def test_allowed_drop() -> None:
    assert limits.allowed_drop(Limit(), 0.9) == 0.0
    assert limits.allowed_drop(Limit(max_drop=0.01), 0.9) == 0.01
    assert math.isclose(limits.allowed_drop(Limit(max_drop="2%"), -0.9), 0.018)
    assert math.isclose(limits.allowed_drop(Limit(max_drop="2.5 %"), 0.8), 0.02)


def test_words() -> None:
    assert Limit(min=0.75, max=1, max_drop="2%").words() == "min 0.75, max 1, max drop 2%"
    assert Limit(max_drop=0.01).words("lower") == "max rise 0.01"
    assert Limit(max_drop=0.01, direction="higher").words("lower") == "max drop 0.01"
    assert Limit().words() == ""
    assert not Limit(floor=True).is_set
    assert Limit(required=True).is_set


@pytest.mark.parametrize(("key", "expected"), [("accuracy", False), ("*.accuracy", True), ("f[12]", True)])
def test_is_glob(key: str, expected: bool) -> None:
    assert limits.is_glob(key) is expected


def test_an_effect_is_seen_from_its_good_side() -> None:
    rise = comparison("rmse", 0.5, 0.1)
    effect = limits.effect(rise, "lower", 0.2, 0.05)
    assert (effect.gain, effect.p, effect.allowed) == (-0.5, rise.p, 0.2)
    assert math.isclose(effect.low, -0.5 - 1.959964 * 0.1, rel_tol=1e-6)
    assert math.isclose(effect.high, -0.5 + 1.959964 * 0.1, rel_tol=1e-6)
    assert math.isclose(effect.p_allowed, math.erfc(3 / math.sqrt(2)))
    assert effect.exceeds(effect.p_allowed, 0.05)
    assert not effect.keeps


def test_a_drop_of_exactly_the_allowed_size_is_no_excess() -> None:
    effect = limits.effect(comparison("accuracy", 0.89 - 0.9, 0.0), "higher", 0.01, 0.05)
    assert not effect.exceeds(effect.p_allowed, 0.05)
    assert effect.keeps
    assert not limits.drop_exceeds(0.9 - 0.89, 0.01)
    assert limits.drop_exceeds(0.0101, 0.01)
