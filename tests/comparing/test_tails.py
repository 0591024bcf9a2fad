"""The tails of distributions are scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mlops_ci.comparing import tails


@pytest.mark.parametrize("df", [1, 2, 5, 19, 100, 1000])
@pytest.mark.parametrize("times", [0.01, 0.3, 0.9, 1.0, 1.2, 2.0, 4.0])
def test_chi_square(df: int, times: float) -> None:
    assert tails.chi_square(df * times, df) == pytest.approx(
        stats.chi2.sf(df * times, df), rel=1e-9, abs=1e-300
    )


def test_chi_square_of_nothing_is_certain() -> None:
    assert tails.chi_square(0.0, 3) == 1.0
    assert tails.chi_square(3.0, 0) == 1.0


@pytest.mark.parametrize("rows", [(200, 200), (2000, 5000), (50_000, 5_000)])
@pytest.mark.parametrize("size", [0.1, 0.5, 0.9, 1.1, 1.3, 1.7, 2.5])
def test_kolmogorov(rows: tuple[int, int], size: float) -> None:
    effective = round(rows[0] * rows[1] / sum(rows))
    distance = size / effective**0.5
    wanted = stats.kstwo.sf(distance, effective)
    assert tails.kolmogorov(distance, *rows) == pytest.approx(wanted, rel=0.06, abs=2e-3)


def test_kolmogorov_of_the_largest_distance() -> None:
    assert tails.kolmogorov(1.0, 10_000, 10_000) == 0.0


@pytest.mark.parametrize("seed", range(30))
def test_two_shares(seed: int) -> None:
    random = np.random.default_rng(seed)
    n, m = (int(size) for size in random.integers(5, 900, 2))
    hits = (int(random.binomial(n, 0.03)), int(random.binomial(m, 0.05)))
    table = np.array([[hits[0], n - hits[0]], [hits[1], m - hits[1]]])
    if min(n, m) * sum(hits) / (n + m) < 5:
        wanted = stats.fisher_exact(table).pvalue
    else:
        wanted = stats.chi2_contingency(table, correction=False).pvalue
    assert tails.two_shares(hits, (n, m)) == pytest.approx(wanted, rel=1e-7)


@pytest.mark.parametrize(("hits", "rows"), [((0, 0), (9, 9)), ((9, 9), (9, 9)), ((0, 3), (0, 9))])
def test_two_shares_that_cannot_differ(hits: tuple[int, int], rows: tuple[int, int]) -> None:
    assert tails.two_shares(hits, rows) == 1.0


def test_all_current() -> None:
    assert tails.all_current(3, (7, 5)) == pytest.approx(stats.hypergeom.pmf(3, 12, 3, 5))
    assert tails.all_current(6, (7, 5)) == 0.0


@pytest.mark.parametrize("df", [1, 2, 5, 20, 300])
def test_noncentrality_gives_the_power(df: int) -> None:
    found = stats.ncx2.sf(stats.chi2.isf(0.05, df), df, tails.noncentrality(df))
    assert found == pytest.approx(0.8, abs=0.02)
