"""Ratios of times: known intervals, coverage, drift and disturbance that cancel, and when measuring ends."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from itertools import islice

import pytest
from scipy import stats

from mlops_ci.comparing import latency
from mlops_ci.comparing.latency import Side
from mlops_ci.evidence import Timing


def never() -> bool:
    return False


def test_the_order_is_abba_or_baab_and_repeats_with_its_seed() -> None:
    found = [*islice(latency.orders(1), 50)]
    assert set(found) == {("head", "base", "base", "head"), ("base", "head", "head", "base")}
    assert found == [*islice(latency.orders(1), 50)]
    assert found != [*islice(latency.orders(2), 50)]


@pytest.mark.parametrize(
    ("slowest", "expected"),
    [((1_000, 500), 500), ((200_000, 1_000_000), 20), ((5_000_000_000,), 1), ((0,), 500)],
)
def test_a_block_has_as_many_calls_as_fit(slowest: tuple[int, ...], expected: int) -> None:
    assert latency.calls(*slowest) == expected


def test_a_drift_of_the_machine_cancels_within_a_round() -> None:
    order: tuple[Side, ...] = ("head", "base", "base", "head")
    blocks: list[latency.Block] = [
        (side, [round(1e6 * math.exp(0.1 * at))] * 3) for at, side in enumerate(order)
    ]
    assert latency.log_ratio(blocks) == pytest.approx(0.0, abs=1e-6)


def test_a_block_counts_by_the_median_of_its_calls() -> None:
    blocks: list[latency.Block] = [("head", [200, 200, 9_000_000]), ("base", [100, 1, 100])]
    assert latency.log_ratio(blocks) == pytest.approx(math.log(2))


@pytest.mark.parametrize("count", range(6, 26))
def test_the_interval_is_the_signed_rank_tests(count: int) -> None:
    """A limit outside of the interval is refused by scipy's exact test at 5 %, one just inside is not."""
    chance = random.Random(count)
    logs = [chance.gauss(0.1, 0.05) for _ in range(count)]
    found = latency.ratio(logs)
    assert found.interval is not None
    low, high = math.log(found.interval.low), math.log(found.interval.high)
    for limit, inside in ((low - 1e-9, False), (low + 1e-9, True), (high - 1e-9, True), (high + 1e-9, False)):
        p = stats.wilcoxon([one - limit for one in logs], method="exact").pvalue
        assert (p > 0.05) == inside


@pytest.mark.parametrize("count", [1, 2, 5])
def test_few_rounds_give_no_interval(count: int) -> None:
    found = latency.ratio([0.1] * count)
    assert found.interval is None
    assert found.value == pytest.approx(math.exp(0.1))


def test_many_rounds_use_the_normal_distribution() -> None:
    """The exact and the approximate rank meet: 40 is exact, 41 is not."""
    chance = random.Random(3)
    logs = [chance.gauss(0, 0.1) for _ in range(41)]
    exact, approximate = latency.ratio(logs[:40]).interval, latency.ratio(logs).interval
    assert exact is not None
    assert approximate is not None
    assert approximate.high - approximate.low == pytest.approx(exact.high - exact.low, rel=0.2)


@pytest.mark.parametrize(("count", "disturbed"), [(10, 0.0), (30, 0.0), (30, 0.2), (60, 0.1)])
def test_the_interval_covers_the_truth_also_where_a_neighbour_disturbs(count: int, disturbed: float) -> None:
    chance = random.Random(11)
    hits, tries = 0, 400
    for _ in range(tries):
        logs = [
            math.log(1.3)
            + chance.gauss(0, 0.02)
            + (chance.gauss(0, 0.5) if chance.random() < disturbed else 0.0)
            for _ in range(count)
        ]
        found = latency.ratio(logs).interval
        assert found is not None
        hits += found.low <= 1.3 <= found.high
    assert stats.binomtest(hits, tries).proportion_ci(0.99).high >= 0.95


def test_measuring_ends_by_the_width_alone() -> None:
    assert not latency.is_narrow([0.5] * 9)
    assert latency.is_narrow([0.5] * 10)
    assert not latency.is_narrow([0.0, 0.5] * 5)


def test_quantiles_and_throughput() -> None:
    found = latency.timing([at * 1_000_000 for at in range(1, 101)], batch_size=10)
    assert found == Timing(p50=0.050, p95=0.095, p99=0.099, throughput=1000 / 5.05)
    assert latency.timing([2_000_000_000], 1) == Timing(p50=2.0, p95=2.0, p99=2.0, throughput=0.5)


def timed(head: int, base: int, asked: list[Side]) -> Callable[[Side], Sequence[int]]:
    def taken(side: Side) -> Sequence[int]:
        asked.append(side)
        return [head if side == "head" else base] * 5

    return taken


def test_both_are_timed_until_the_interval_is_narrow() -> None:
    asked: list[Side] = []
    found = latency.together(8, timed(1300, 1000, asked), never)
    assert (len(asked), found.calls, found.batch_size) == (40, 100, 8)
    assert asked.count("head") == asked.count("base")
    assert found.ratio == pytest.approx(1.3)
    assert found.interval is not None
    assert [found.interval.low, found.interval.high] == pytest.approx([1.3, 1.3])
    assert found.base is not None
    assert (found.head.p50, found.base.p50) == (1.3e-6, 1e-6)


def test_the_end_of_the_time_ends_it_after_a_round() -> None:
    asked: list[Side] = []
    found = latency.together(1, timed(2000, 1000, asked), lambda: True)
    assert (len(asked), found.interval, found.extremes) == (4, None, (2.0, 2.0))
    assert found.ratio == pytest.approx(2.0)


def test_the_extremes_are_those_of_single_calls() -> None:
    taken = {"head": iter([[3000, 9000], [4000]]), "base": iter([[1000, 1500], [1200]])}
    found = latency.together(1, lambda side: next(taken[side]), lambda: True)
    assert found.extremes == (3000 / 1500, 9000 / 1000)


def test_noise_without_end_ends_at_the_most_rounds() -> None:
    chance = random.Random(0)
    found = latency.together(1, lambda _: [round(math.exp(chance.uniform(5, 15)))], never)
    assert found.calls == 2 * latency.MOST_ROUNDS


def test_one_model_is_timed_alone() -> None:
    asked: list[Side] = []
    found = latency.alone(4, timed(1000, 0, asked), never)
    assert (asked, found.calls, found.base, found.ratio) == (["head"] * 20, 100, None, None)
    asked.clear()
    assert latency.alone(4, timed(1000, 0, asked), lambda: True).calls == 5
