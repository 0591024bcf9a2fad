"""The statistics against scipy's, known textbook values and simulated truth."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from scipy import stats

from mlops_ci import significance
from mlops_ci.comparing import weighted
from mlops_ci.errors import ConfigError
from mlops_ci.significance import Estimate, Pair, Unknown

Values = np.ndarray[Any, np.dtype[np.float64]]


def known(found: Estimate | Unknown) -> Estimate:
    assert isinstance(found, Estimate)
    return found


def pair_of(head: Values, base: Values) -> Pair:
    return Pair((weighted.mean(head),), (weighted.mean(base),))


def random_pair(rows: int = 400, seed: int = 1) -> tuple[Values, Values]:
    random = np.random.default_rng(seed)
    base = random.normal(size=rows)
    return base + 0.1 + random.normal(size=rows) * 0.3, base


def test_the_bootstrap_of_a_mean_has_its_textbook_error() -> None:
    head, base = random_pair()
    found = known(significance.paired({"m": pair_of(head, base)}, 400)["m"])
    assert math.isclose(found.delta, float((head - base).mean()))
    assert math.isclose(found.se, float((head - base).std(ddof=1)) / 20, rel_tol=0.06)
    assert (found.n, found.df, found.seeds, found.seed_se) == (400, None, (1, 1), 0.0)
    assert found.method == "paired bootstrap, 2,000 resamples"


def test_the_interval_is_scipys() -> None:
    head, base = random_pair()
    found = known(significance.paired({"m": pair_of(head, base)}, 400)["m"])
    theirs = stats.bootstrap((head - base,), np.mean, n_resamples=4000, method="percentile", rng=3)
    assert math.isclose(found.low, theirs.confidence_interval.low, rel_tol=0.08)
    assert math.isclose(found.high, theirs.confidence_interval.high, rel_tol=0.08)
    assert math.isclose(found.se, theirs.standard_error, rel_tol=0.06)


def test_interval_and_p_never_contradict() -> None:
    head, base = random_pair(seed=5)
    for shift in np.linspace(-0.2, 0.1, 31):
        found = known(significance.paired({"m": pair_of(head + shift, base)}, 400, resamples=200)["m"])
        assert (found.p < 0.05) == (not found.low <= 0 <= found.high)


def test_the_same_call_gives_the_same_numbers() -> None:
    head, base = random_pair()
    first = significance.paired({"m": pair_of(head, base)}, 400)
    assert first == significance.paired({"m": pair_of(head, base)}, 400)
    assert first != significance.paired({"m": pair_of(head, base)}, 400, seed=7)


def test_metrics_share_their_resamples() -> None:
    head, base = random_pair()
    alone = significance.paired({"a": pair_of(head, base)}, 400)
    both = significance.paired({"b": pair_of(base, head), "a": pair_of(head, base)}, 400)
    assert both["a"] == alone["a"]
    assert math.isclose(known(both["b"]).se, known(both["a"]).se)


def test_a_side_that_pairs_share_is_computed_once() -> None:
    calls: list[int] = []

    def counted(weights: Values) -> Values:
        calls.append(1)
        return weighted.mean(np.arange(50.0))(weights)

    head = (counted,)
    base = (weighted.mean(np.ones(50)),)
    significance.paired({"a": Pair(head, base), "b": Pair(head, base, fixed=True)}, 50, resamples=10)
    # Once for the resamples, and once a pair for the plain value.
    assert len(calls) == 3


def test_identical_answers_leave_nothing_open() -> None:
    values = random_pair()[0]
    found = known(significance.paired({"m": pair_of(values, values)}, 400)["m"])
    assert (found.delta, found.se, found.p, found.low, found.high) == (0.0, 0.0, 1.0, 0.0, 0.0)


def test_a_constant_difference_is_certain() -> None:
    values = np.zeros(100)
    found = known(significance.paired({"m": pair_of(values + 1, values)}, 100)["m"])
    assert (found.delta, found.se, found.p) == (1.0, 0.0, 0.0)


def test_few_examples_are_said() -> None:
    head, base = random_pair(12)
    found = known(significance.paired({"m": pair_of(head, base)}, 12)["m"])
    assert found.method == "paired bootstrap, 2,000 resamples; only 12 examples"


@pytest.mark.parametrize("rows", [0, 1])
def test_too_few_examples_have_no_interval(rows: int) -> None:
    found = significance.paired({"m": pair_of(np.ones(rows), np.zeros(rows))}, rows)["m"]
    assert found == Unknown(f"{rows} example(s) are too few for an interval")


def test_an_undefined_metric_has_no_interval() -> None:
    nothing = np.full(50, np.nan)
    found = significance.paired({"m": pair_of(nothing, nothing)}, 50)["m"]
    assert found == Unknown("the metric is undefined on these examples")


def test_a_class_that_is_too_rare_has_no_interval() -> None:
    rare = np.zeros(50)
    rare[0] = 1

    def only_the_rare(weights: Values) -> Values:
        return np.asarray((rare @ weights) / (rare @ weights))

    found = significance.paired({"m": Pair((only_the_rare,), (weighted.mean(rare),))}, 50)["m"]
    assert found == Unknown("the metric is undefined in too many resamples: a class is too rare")


def test_a_slow_metric_gets_fewer_resamples() -> None:
    head, base = random_pair()
    slow = Pair((weighted.mean(head),), (weighted.mean(base),), fast=False)
    found = significance.paired({"fast": pair_of(head, base), "slow": slow}, 400)
    assert known(found["slow"]).method == "paired bootstrap, 200 resamples"
    assert known(found["fast"]).method == "paired bootstrap, 2,000 resamples"


def test_a_slow_metric_stops_between_chunks() -> None:
    rows = 40_000
    head, base = random_pair(rows)
    slow = Pair((weighted.mean(head),), (weighted.mean(base),), fast=False)
    found = significance.paired({"slow": slow}, rows, resamples=250)
    assert known(found["slow"]).method == "paired bootstrap, 200 resamples"


@pytest.mark.parametrize(
    ("resamples", "examples", "expected"),
    [(2000, 0, 2000), (2000, 20_000, 2000), (2000, 100_000, 1000), (2000, 10**8, 200), (50, 10**8, 50)],
)
def test_affordable(resamples: int, examples: int, expected: int) -> None:
    assert significance.affordable(resamples, examples) == expected


def test_resampled_counts_are_those_of_draws_with_replacement() -> None:
    def look(weights: Values, before: int) -> tuple[int, tuple[int, ...], float]:
        return before, weights.shape, float(weights.sum())

    rows = 3_000_000
    assert significance.resampled(look, rows, 3) == [(n, (rows, 1), float(rows)) for n in range(3)]
    [counts] = significance.resampled(lambda weights, _: weights, 50, 4000)
    assert math.isclose(float(counts.var()), 49 / 50, rel_tol=0.05)


def test_however_many_threads_work_the_resamples_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    head, base = random_pair(20_000)
    pairs = {"mean": Pair((weighted.mean(head),), (weighted.mean(base),))}
    found = []
    for cores in (1, 7):
        monkeypatch.setattr(significance, "cores", lambda count=cores: count)
        found.append(significance.paired(pairs, 20_000))
    assert found[0] == found[1]


def test_the_cores_are_those_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: {3, 5, 6}, raising=False)
    assert significance.cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    assert significance.cores() == 5


# ---- seeds ---------------------------------------------------------------------------------------


def test_seeds_by_hand() -> None:
    head, base = [0.80, 0.82, 0.84], [0.78, 0.80]
    found = significance.with_seeds(head, base, 0.01, 1000, "m")
    shares = (0.0004 / 3, 0.0002 / 2)
    variance = 0.0001 + sum(shares)
    df = variance**2 / (shares[0] ** 2 / 2 + shares[1] ** 2 / 1)
    assert math.isclose(found.delta, 0.03)
    assert math.isclose(found.se, math.sqrt(variance))
    assert found.df is not None
    assert math.isclose(found.df, df)
    assert math.isclose(found.high, 0.03 + stats.t.ppf(0.975, df) * found.se)
    assert math.isclose(found.p, 2 * stats.t.sf(0.03 / found.se, df))
    assert math.isclose(found.seed_se, math.sqrt(sum(shares)))
    assert (found.seeds, found.method) == ((3, 2), "m; 3 and 2 trainings")


def test_without_the_examples_it_is_welchs_test() -> None:
    head, base = [0.80, 0.82, 0.84, 0.81], [0.78, 0.80, 0.77]
    found = known(significance.between_seeds(head, base))
    theirs = stats.ttest_ind(head, base, equal_var=False)
    assert math.isclose(found.p, theirs.pvalue)
    assert found.df is not None
    assert math.isclose(found.df, theirs.df)
    assert found.n == 7


def test_one_training_takes_the_others_spread() -> None:
    found = significance.with_seeds([0.80, 0.82, 0.84], [0.8], 0.0, 1000, "m")
    assert math.isclose(found.se**2, 0.0004 / 3 + 0.0004)
    assert found.df is not None
    assert math.isclose(found.df, found.se**4 / ((0.0004 / 3) ** 2 / 2 + 0.0004**2 / 2))
    mirrored = significance.with_seeds([0.8], [0.80, 0.82, 0.84], 0.0, 1000, "m")
    assert math.isclose(mirrored.se, found.se)


def test_a_fixed_base_has_no_spread() -> None:
    found = significance.with_seeds([0.80, 0.82, 0.84], [0.5], 0.0, 1000, "m", fixed=True)
    assert math.isclose(found.se**2, 0.0004 / 3)
    assert found.method == "m"


def test_seeds_that_agree_leave_only_the_examples() -> None:
    found = significance.with_seeds([0.8, 0.8], [0.7, 0.7], 0.01, 1000, "m")
    assert (found.df, found.seed_se) == (None, 0.0)
    assert math.isclose(found.se, 0.01)


@pytest.mark.parametrize(
    ("head", "base", "reason"),
    [
        ([0.8], [0.7, 0.8], "one training a side has no spread to judge by"),
        ([0.8, 0.9], [], "one training a side has no spread to judge by"),
        ([0.8, math.nan], [0.7, 0.8], "a training's value is not finite"),
    ],
)
def test_no_spread_over_seeds(head: Sequence[float], base: Sequence[float], reason: str) -> None:
    assert significance.between_seeds(head, base) == Unknown(reason)


def test_the_bootstrap_over_seeds_averages_them() -> None:
    head, base = random_pair()
    shifted = Pair((weighted.mean(head), weighted.mean(head + 0.02)), (weighted.mean(base),) * 2)
    found = known(significance.paired({"m": shifted}, 400)["m"])
    assert math.isclose(found.delta, float((head - base).mean()) + 0.01)
    assert math.isclose(found.seed_se, math.sqrt(0.0002 / 2), rel_tol=1e-6)
    assert found.seeds == (2, 2)


# ---- tests ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("df", [1.0, 2.7, 30.0, None])
def test_quantile_and_p_are_scipys(df: float | None) -> None:
    theirs = stats.norm if df is None else stats.t(df)
    assert math.isclose(significance.quantile(0.975, df), theirs.ppf(0.975), rel_tol=1e-9)
    assert math.isclose(significance.two_sided(-0.3, 0.2, df), 2 * theirs.sf(1.5), rel_tol=1e-9)


@pytest.mark.parametrize(
    ("only_head", "only_base", "expected"),
    [(0, 0, 1.0), (10, 10, 1.0), (2, 9, 0.0654296875), (5, 25, 0.0003249142318964005), (0, 6, 0.03125)],
)
def test_mcnemar_exactly(only_head: int, only_base: int, expected: float) -> None:
    assert math.isclose(significance.mcnemar(only_head, only_base), expected, rel_tol=1e-9)
    assert math.isclose(significance.mcnemar(only_base, only_head), expected, rel_tol=1e-9)


def test_the_exact_p_replaces_the_bootstraps() -> None:
    head = np.array([1.0] * 9 + [0.0] * 11)
    base = np.array([0.0] * 9 + [1.0] * 2 + [0.0] * 9)
    found = known(significance.paired({"m": pair_of(head, base)}, 20)["m"])
    exact = significance.with_exact_p(found, head, base)
    assert math.isclose(exact.p, 0.0654296875)
    assert exact.method == "paired bootstrap, 2,000 resamples; exact McNemar test"
    assert (exact.se, exact.low) == (found.se, found.low)


@pytest.mark.parametrize(
    "p_values",
    [
        [],
        [0.03],
        [0.01, 0.01, 0.01],
        [0.9, 0.001, 0.04, 0.03, 0.2],
        [1.0, 0.0, 0.5],
        # Benjamini & Hochberg 1995, section 3.2.
        [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719,
         0.6528, 0.7590, 1.0],
    ],
)  # fmt: skip
def test_adjusted_is_scipys(p_values: list[float]) -> None:
    expected = stats.false_discovery_control(p_values).tolist() if p_values else []
    np.testing.assert_allclose(significance.adjusted(p_values), expected)


def test_the_papers_own_example_rejects_four() -> None:
    p_values = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262]
    adjusted = significance.adjusted([*p_values, 0.5719, 0.6528, 0.7590, 1.0])
    assert sum(p < 0.05 for p in adjusted) == 4


def test_a_base_installation_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(ConfigError) as caught:
        significance.quantile(0.975, 3.0)
    assert caught.value.message == "comparing predictions needs the package scipy, which is not installed"
    assert caught.value.hint == "pip install 'mlops-ci[stats]'"
