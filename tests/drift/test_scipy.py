"""The drift tests give what scipy gives on the rows, and what was published elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon
from scipy.special import rel_entr

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
from tests.drift.samples import car_loan, paired, random

BINNED = 1e-3
EXACT = 1e-12

NUMBERS: dict[str, Callable[[np.random.Generator, int], Any]] = {
    "normal": lambda r, n: r.normal(size=n),
    "lognormal": lambda r, n: r.lognormal(0, 1, n),
    "heavy tails": lambda r, n: r.standard_t(3, n),
    "uniform": lambda r, n: r.random(n) * 1000 - 7,
    "counts": lambda r, n: r.poisson(3, n).astype(float),
}


def rows(name: str) -> tuple[Any, Any]:
    """100,000 reference rows, 50,000 current ones that are moved a little; whole numbers stay whole."""
    draw = NUMBERS[name]
    moved = draw(random(2), 50_000) * 1.05 + 0.1
    return draw(random(1), 100_000), np.ceil(moved) if name == "counts" else moved


@pytest.mark.parametrize("name", NUMBERS)
def test_kolmogorov_smirnov(name: str) -> None:
    one, other = rows(name)
    found, wanted = ks.measure(paired(one, other)), stats.ks_2samp(one, other)
    assert found.value == pytest.approx(wanted.statistic, abs=BINNED)
    assert found.value <= wanted.statistic + EXACT


@pytest.mark.parametrize("name", NUMBERS)
def test_kolmogorov_smirnov_without_drift(name: str) -> None:
    one, other = NUMBERS[name](random(3), 100_000), NUMBERS[name](random(4), 50_000)
    found, wanted = ks.measure(paired(one, other)), stats.ks_2samp(one, other)
    assert found.value == pytest.approx(wanted.statistic, abs=BINNED)
    assert found.p is not None
    assert found.p >= wanted.pvalue * 0.95


@pytest.mark.parametrize("name", NUMBERS)
def test_wasserstein(name: str) -> None:
    one, other = rows(name)
    wanted = stats.wasserstein_distance(one, other) / np.std(one)
    # What moved outside of the bins, in heavy tails alone, is not seen.
    near = 3e-3 if name == "heavy tails" else BINNED
    assert wasserstein.measure(paired(one, other)).value == pytest.approx(wanted, abs=near)


def test_wasserstein_of_a_constant_is_in_standard_deviations_of_both() -> None:
    assert wasserstein.measure(paired([1.0] * 50, [3.0] * 50)).value == pytest.approx(2.0)


def test_kolmogorov_smirnov_of_ranges_that_do_not_meet_is_one() -> None:
    nearby = float(np.nextafter(1e300, math.inf))
    assert ks.measure(paired([1e300] * 60, [nearby] * 60)).value == 1.0


# ---- groups of numbers -----------------------------------------------------------------------------


def test_numbers_are_compared_on_twenty_groups_of_the_reference() -> None:
    one, other = rows("normal")
    sides = paired(one, other).groups
    assert len(sides[0]) == 20
    assert (sum(sides[0]), sum(sides[1])) == (100_000, 50_000)
    assert max(sides[0]) < 6000


def test_whole_numbers_with_few_values_keep_them_apart() -> None:
    sides = paired([1] * 30 + [2] * 60 + [7] * 10, [1] * 50 + [2] * 50).groups
    assert sides == ((30, 60, 10), (50, 50, 0))


def test_a_value_that_the_reference_lacks_is_in_no_group_of_its() -> None:
    assert paired([1] * 60 + [9] * 40, [1] * 50 + [4] * 30 + [9] * 20).groups == ((60, 40, 0), (50, 20, 30))


def test_the_groups_of_numbers_are_those_of_the_rows() -> None:
    one, other = (np.floor(values * 4) / 4 for values in rows("normal"))
    pair = paired(one, other)
    p, q = (np.array(side) / sum(side) for side in pair.groups)
    assert jensen_shannon.measure(pair).value == pytest.approx(jensenshannon(p, q, base=2), abs=EXACT)
    assert psi.measure(pair).value == pytest.approx(float(np.sum((q - p) * np.log(q / p))), abs=EXACT)
    assert kl.measure(pair).value == pytest.approx(float(rel_entr(q, p).sum()), abs=EXACT)


# ---- categories ------------------------------------------------------------------------------------


def letters(seed: int, size: int, shares: tuple[float, ...]) -> Any:
    return random(seed).choice(list("abcde"), size, p=shares)


ONE = letters(1, 3_000, (0.4, 0.3, 0.2, 0.08, 0.02))
OTHER = letters(2, 2_000, (0.35, 0.3, 0.25, 0.05, 0.05))
TABLE = np.array([[int((side == letter).sum()) for letter in "abcde"] for side in (ONE, OTHER)])
SHARES = TABLE / TABLE.sum(axis=1, keepdims=True)


def test_chi_square() -> None:
    found, wanted = chi_square.measure(paired(ONE, OTHER)), stats.chi2_contingency(TABLE, correction=False)
    assert found.value == pytest.approx(wanted.statistic, rel=EXACT)
    assert found.p == pytest.approx(wanted.pvalue, rel=1e-9)


def test_distances_of_categories() -> None:
    pair, (p, q) = paired(ONE, OTHER), SHARES
    assert total_variation.measure(pair).value == pytest.approx(float(np.abs(p - q).sum() / 2), abs=EXACT)
    assert jensen_shannon.measure(pair).value == pytest.approx(jensenshannon(p, q, base=2), abs=EXACT)
    assert kl.measure(pair).value == pytest.approx(float(stats.entropy(q, p)), abs=EXACT)
    affinity = float(np.sqrt(p * q).sum())
    assert hellinger.measure(pair).value == pytest.approx(math.sqrt(1 - affinity), abs=EXACT)


def test_nothing_in_common_is_one() -> None:
    pair = paired(["a"] * 100, ["b"] * 100)
    for test in (jensen_shannon, hellinger, total_variation):
        assert test.measure(pair).value == pytest.approx(1.0)
    assert cramers_v.measure(pair).value == pytest.approx(1.0, abs=0.01)


def bergsma(table: Any) -> float:
    """The corrected V as the paper has it, from scipy's chi-square."""
    n, (r, k) = table.sum(), table.shape
    phi2 = stats.chi2_contingency(table, correction=False).statistic / n
    corrected = max(0.0, phi2 - (k - 1) * (r - 1) / (n - 1))
    rows, columns = r - (r - 1) ** 2 / (n - 1), k - (k - 1) ** 2 / (n - 1)
    return math.sqrt(corrected / min(rows - 1, columns - 1))


def test_cramers_v_of_equal_sides_is_bergsmas() -> None:
    other = letters(5, 3_000, (0.35, 0.3, 0.25, 0.05, 0.05))
    table = np.array([[int((side == letter).sum()) for letter in "abcde"] for side in (ONE, other)])
    found = cramers_v.measure(paired(ONE, other))
    assert found.value == pytest.approx(bergsma(table), rel=1e-9)
    assert found.p == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue, rel=1e-9)


def test_cramers_v_does_not_shrink_with_a_large_reference() -> None:
    shares = (0.35, 0.3, 0.25, 0.05, 0.05)
    values = [
        cramers_v.measure(paired(np.tile(ONE, times), letters(6, 3_000, shares))).value for times in (1, 30)
    ]
    assert values[1] == pytest.approx(values[0], abs=0.01)


def test_cramers_v_of_chance_is_zero() -> None:
    assert cramers_v.measure(paired(ONE[:1500], ONE[1500:])).value < 0.03


def test_cramers_v_of_two_rows_is_nothing() -> None:
    assert cramers_v.effect(((1, 0), (0, 1))) == 0.0
    assert cramers_v.effect(((1, 0, 1), (0, 1, 0))) == 0.0


def test_the_stability_index_has_its_own_chance() -> None:
    chances = [
        psi.measure(paired(random(seed).normal(size=4000), random(seed + 500).normal(size=3000))).p
        for seed in range(100)
    ]
    assert sum(p is not None and p < 0.05 for p in chances) in range(12)


# ---- missing and new -------------------------------------------------------------------------------


def missing(nulls: int, size: int) -> list[float | None]:
    return [None] * nulls + [1.0] * (size - nulls)


def test_null_rate_of_many_rows_is_the_pooled_test() -> None:
    found = null_rate.measure(paired(missing(100, 2000), missing(240, 2000)))
    wanted = stats.chi2_contingency([[100, 1900], [240, 1760]], correction=False)
    assert found.value == pytest.approx(0.07)
    assert found.p == pytest.approx(wanted.pvalue, rel=1e-9)


@pytest.mark.parametrize("hits", [(0, 6), (1, 3), (40, 39), (36, 40)])
def test_null_rate_of_few_rows_is_exact(hits: tuple[int, int]) -> None:
    found = null_rate.measure(paired(missing(hits[0], 40), missing(hits[1], 41)))
    wanted = stats.fisher_exact(np.array([[hits[0], 40 - hits[0]], [hits[1], 41 - hits[1]]]))
    assert found.p == pytest.approx(wanted.pvalue, rel=1e-9)


def test_missing_counts_what_is_not_a_finite_number() -> None:
    found = null_rate.measure(paired([1.0] * 10, [None, math.nan, math.inf, -math.inf] + [1.0] * 6))
    assert found.value == 0.4


def test_null_rate_of_no_rows_is_nothing() -> None:
    assert null_rate.measure(paired([], [None])).value == 0.0


def test_unseen_is_the_most_common_new_level() -> None:
    found = unseen.measure(paired(["a"] * 900 + ["b"] * 100, ["a"] * 960 + ["new"] * 30 + ["newer"] * 10))
    chance = stats.hypergeom.pmf(30, 2000, 30, 1000)
    assert found.value == 0.03
    assert found.p == pytest.approx(chance * 4, rel=1e-9)


def test_a_few_rows_of_a_new_level_may_be_chance() -> None:
    found = unseen.measure(paired(["a"] * 100, ["a"] * 98 + ["new"] * 2))
    assert found.value == 0.02
    assert found.p == pytest.approx(2 * 0.5 * 99 / 199)


# ---- published -------------------------------------------------------------------------------------

# NannyML's documentation, "Tutorial - Drift - Univariate" at commit 4c86ee35 (version 0.13.1): the column
# debt_to_income_ratio of the car-loan data, ten chunks of 5,000 rows.
PUBLISHED_JS = (
    0.0316611, 0.0300113, 0.0311286, 0.0294644, 0.0308095, 0.0286811, 0.0436276, 0.0292533, 0.0306276, 0.0283303,
)  # fmt: skip
PUBLISHED_KS = (0.01576, 0.01268, 0.01734, 0.0128, 0.01918, 0.00824, 0.01058, 0.01002, 0.01068, 0.0068)


def test_jensen_shannon_is_what_was_published() -> None:
    reference, *chunks = car_loan()
    edges = np.histogram_bin_edges(reference, bins="doane")
    for chunk, published in zip(chunks, PUBLISHED_JS, strict=True):
        counts = [np.histogram(side, bins=edges)[0].tolist() for side in (reference, chunk)]
        # What lies outside of the reference's bins is one more, as NannyML has it.
        sides = tuple((*side, rows - sum(side)) for side, rows in zip(counts, (50_000, 5_000), strict=True))
        assert jensen_shannon.distance((sides[0], sides[1])) == pytest.approx(published, abs=1e-6)


def test_kolmogorov_smirnov_is_what_was_published() -> None:
    """On the rows' own values; what was published was counted on 10,000 bins."""
    reference, *chunks = car_loan()
    for chunk, published in zip(chunks, PUBLISHED_KS, strict=True):
        values = np.unique(np.concatenate([reference, chunk]))
        sides = [
            np.bincount(np.searchsorted(values, side), minlength=len(values)) for side in (reference, chunk)
        ]
        found = ks.distance(tuple(sides[0].tolist()), tuple(sides[1].tolist()))
        assert found == pytest.approx(published, abs=5e-4)
        assert found == pytest.approx(stats.ks_2samp(reference, chunk).statistic, abs=EXACT)
        assert ks.measure(paired(reference, chunk)).value == pytest.approx(found, abs=BINNED)
