"""Columns that are the target in disguise are found, honest ones are not."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from mlops_ci.schemas import leakage
from mlops_ci.schemas.leakage import Thresholds

R = np.random.default_rng(0)
N = 4_000
Y = R.integers(0, 2, N)
Z = R.normal(size=N)
C = R.integers(0, 3, N)
EPOCH = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def score(target: Any, feature: Any, **more: Any) -> tuple[bool, float]:
    table = pa.table({"y": target, "x": feature})
    (rule,) = leakage.rules(table, "y", ["x"], **more)
    assert rule.value is not None
    return rule.ok, rule.value


DISGUISES = {
    "itself": pa.array(Y),
    "turned round": pa.array(1 - Y),
    "words": pa.array(np.array(["no", "yes"])[Y]),
    "codes": pa.array(np.array(["no", "yes"])[Y]).dictionary_encode(),
    "scattered codes": pa.array(R.integers(0, 5, N) * 2 + Y),
    "nearly": pa.array(Y + R.normal(0, 0.1, N)),
    "missing": pa.array([None if one else 1.5 for one in Y]),
    "infinite": pa.array(np.where(Y, np.inf, Z)),
    "dates": pa.array([dt.date(2026, 1 + int(one), 1) for one in Y]),
    "moments": pa.array([EPOCH + dt.timedelta(days=int(one)) for one in Y], pa.timestamp("us", "UTC")),
    "durations": pa.array([dt.timedelta(days=int(one)) for one in Y]),
    "booleans": pa.array(Y == 1),
}


@pytest.mark.parametrize("name", DISGUISES)
def test_a_disguise_of_a_class_is_found(name: str) -> None:
    ok, value = score(pa.array(Y), DISGUISES[name])
    assert not ok
    assert value >= 0.999


@pytest.mark.parametrize(
    "feature",
    [
        pa.array(Z),
        pa.array(Z + Y * 2),
        pa.array(np.arange(N)),
        pa.array([f"id{one}" for one in range(N)]),
        pa.array([1] * N),
        pa.array(np.where(R.random(N) < 0.02, 1 - Y, Y)),
    ],
)
def test_an_honest_column_is_not_accused(feature: Any) -> None:
    ok, value = score(pa.array(Y), feature)
    assert ok
    assert value < 0.99


def test_several_classes() -> None:
    names = np.array(["a", "b", "c"])[C]
    assert score(pa.array(names), pa.array(C * 7 % 3)) == (False, 1.0)
    assert score(pa.array(names), pa.array(Z))[0]


def test_numbers() -> None:
    assert score(pa.array(Z), pa.array(np.exp(Z)))[1] > 0.9999
    assert score(pa.array(Z), pa.array(-3 * Z + 1))[1] > 0.9999
    assert score(pa.array(Z), pa.array(Z + R.normal(size=N)))[0]
    assert score(pa.array(Z), pa.array([f"id{one}" for one in range(N)]))[0]
    assert score(pa.array(Z), pa.array([1.0] * N))[1] < 0.05
    assert not score(pa.array(C * 1e200), pa.array(np.array(["a", "b", "c"])[C]))[0]


def test_where_a_target_is_of_numbers_and_where_of_classes() -> None:
    codes = pa.array(R.integers(0, 30, N))
    assert score(codes, codes, categorical=["y"])[0] is False
    (rule,) = leakage.rules(pa.table({"y": codes, "x": codes}), "y", ["x"])
    assert rule.expected == "correlation below 0.9999"
    (rule,) = leakage.rules(pa.table({"y": Y, "x": Y}), "y", ["x"], thresholds=Thresholds(auc=0.9))
    assert (rule.expected, rule.found) == ("AUC below 0.9", "AUC 1 alone")


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        (pa.array([1] * N), "every label is the same"),
        (pa.array([None] * N, pa.int64()), "only 0 rows have a label"),
        (pa.array([float("nan")] * N), "only 0 rows have a label"),
        (pa.array([f"k{one % 70}" for one in range(N)]), "the target has 70 classes; up to 50 are looked at"),
        (
            pa.array([EPOCH + dt.timedelta(days=one) for one in range(N)]),
            "the target is of type timestamp with zone",
        ),
    ],
)
def test_why_a_target_says_nothing(target: Any, problem: str) -> None:
    (rule,) = leakage.rules(pa.table({"y": target, "x": Z}), "y", ["x"])
    assert (rule.column, rule.ok, rule.problem) == ("y", False, problem)


def test_no_target_column() -> None:
    (rule,) = leakage.rules(pa.table({"x": Z}), "y", ["x"])
    assert rule.problem == "the table has no target column y"


@pytest.mark.parametrize(
    ("feature", "problem"),
    [
        (pa.array([[1]] * N), "the column is of type list, so it was not judged"),
        (pa.array([b"x"] * N), "the column is of type binary, so it was not judged"),
        (pa.nulls(N), "the column has no value, so it was not judged"),
    ],
)
def test_a_column_that_cannot_be_judged_says_why(feature: Any, problem: str) -> None:
    (rule,) = leakage.rules(pa.table({"y": Y, "x": feature}), "y", ["x"])
    assert (rule.ok, rule.problem) == (False, problem)


def test_a_number_column_without_any_value() -> None:
    assert score(pa.array(Y), pa.array([None] * N, pa.float64())) == (True, 0.5)


def test_a_class_with_few_rows_is_left_out() -> None:
    few = np.zeros(N, int)
    few[:5] = 1
    assert score(pa.array(few), pa.array(few)) == (True, 0.5)


def test_a_feature_that_is_not_there_is_no_feature() -> None:
    assert leakage.rules(pa.table({"y": Y}), "y", ["x"]) == ()


def test_the_auc_is_sklearns() -> None:
    scores = np.round(Z + Y, 1)
    assert leakage.auc(Y == 1, scores) == pytest.approx(roc_auc_score(Y, scores), abs=1e-12)


def test_ranks_and_correlations_are_scipys() -> None:
    scores = np.round(Z + Y, 1)
    assert leakage.ranks(scores) == pytest.approx(stats.rankdata(scores))
    assert leakage.correlation(scores, Z) == pytest.approx(stats.pearsonr(scores, Z)[0], abs=1e-12)
    assert leakage.correlation(Z, np.zeros(N)) == 0.0
