"""Scores: each equals scikit-learn's, with weights and without, and each name finds its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from mlops_ci.comparing import scores, weighted
from mlops_ci.comparing.scores import Task
from mlops_ci.comparing.weighted import Answers

ROWS = 240
RANDOM = np.random.default_rng(20_150_101)
WEIGHTS = RANDOM.integers(0, 4, ROWS).astype(np.float64)


def _binary() -> Answers:
    truth = (RANDOM.random(ROWS) < 0.3).astype(np.float64)
    # Rounded, so that there are ties.
    score = np.round(np.clip(0.3 * truth + 0.7 * RANDOM.random(ROWS), 0, 1), 2).astype(np.float64)
    return Answers(truth, (score > 0.45).astype(np.float64), score, 2)


def _many() -> Answers:
    truth = RANDOM.integers(0, 4, ROWS).astype(np.float64)
    raw = RANDOM.random((ROWS, 4)) + 0.6 * (truth[:, None] == np.arange(4))
    score = raw / raw.sum(axis=1, keepdims=True)
    return Answers(truth, score.argmax(axis=1).astype(np.float64), score, 4)


def _numbers() -> Answers:
    truth = np.exp(RANDOM.normal(size=ROWS))
    return Answers(truth, np.abs(truth + RANDOM.normal(size=ROWS) * 0.3))


BINARY, MANY, NUMBERS = _binary(), _many(), _numbers()
Reference = Callable[..., float]


def _specificity(truth: Any, pred: Any, sample_weight: Any) -> float:
    return float(sk.recall_score(1 - truth, 1 - pred, sample_weight=sample_weight))


def _smape(truth: Any, pred: Any, sample_weight: Any) -> float:
    return float(np.average(2 * abs(truth - pred) / (abs(truth) + abs(pred)), weights=sample_weight))


def _wape(truth: Any, pred: Any, sample_weight: Any) -> float:
    return float((abs(truth - pred) * sample_weight).sum() / (abs(truth) * sample_weight).sum())


def _kappa_quadratic(truth: Any, pred: Any, sample_weight: Any) -> float:
    return float(sk.cohen_kappa_score(truth, pred, weights="quadratic", sample_weight=sample_weight))


def _error_rate(truth: Any, pred: Any, sample_weight: Any) -> float:
    return 1 - float(sk.accuracy_score(truth, pred, sample_weight=sample_weight))


def _averaged(function: Any, **settings: Any) -> Reference:
    return lambda truth, given, sample_weight: float(
        function(truth, given, sample_weight=sample_weight, **settings)
    )


def _ovr(average: str) -> Reference:
    return _averaged(sk.roc_auc_score, multi_class="ovr", average=average)


def _hot(function: Any, average: str) -> Reference:
    def reference(truth: Any, given: Any, sample_weight: Any) -> float:
        hot = truth[:, None] == np.arange(given.shape[1])
        return float(function(hot, given, average=average, sample_weight=sample_weight))

    return reference


CASES: list[tuple[str, Answers, str, Reference]] = [
    ("accuracy", BINARY, "pred", sk.accuracy_score),
    ("accuracy", MANY, "pred", sk.accuracy_score),
    ("error_rate", MANY, "pred", _error_rate),
    ("balanced_accuracy", BINARY, "pred", sk.balanced_accuracy_score),
    ("balanced_accuracy", MANY, "pred", sk.balanced_accuracy_score),
    ("mcc", BINARY, "pred", sk.matthews_corrcoef),
    ("mcc", MANY, "pred", sk.matthews_corrcoef),
    ("kappa", MANY, "pred", sk.cohen_kappa_score),
    ("kappa_quadratic", MANY, "pred", _kappa_quadratic),
    ("precision", BINARY, "pred", sk.precision_score),
    ("precision_macro", MANY, "pred", _averaged(sk.precision_score, average="macro")),
    ("precision_weighted", MANY, "pred", _averaged(sk.precision_score, average="weighted")),
    ("recall", BINARY, "pred", sk.recall_score),
    ("recall_macro", MANY, "pred", _averaged(sk.recall_score, average="macro")),
    ("recall_weighted", MANY, "pred", _averaged(sk.recall_score, average="weighted")),
    ("f1", BINARY, "pred", sk.f1_score),
    ("f1_macro", BINARY, "pred", _averaged(sk.f1_score, average="macro")),
    ("f1_macro", MANY, "pred", _averaged(sk.f1_score, average="macro")),
    ("f1_weighted", MANY, "pred", _averaged(sk.f1_score, average="weighted")),
    ("jaccard", BINARY, "pred", sk.jaccard_score),
    ("jaccard_macro", MANY, "pred", _averaged(sk.jaccard_score, average="macro")),
    ("specificity", BINARY, "pred", _specificity),
    (
        "false_positive_rate",
        BINARY,
        "pred",
        lambda t, p, sample_weight: 1 - _specificity(t, p, sample_weight),
    ),
    (
        "false_negative_rate",
        BINARY,
        "pred",
        lambda t, p, sample_weight: 1 - sk.recall_score(t, p, sample_weight=sample_weight),
    ),
    ("roc_auc", BINARY, "score", sk.roc_auc_score),
    ("roc_auc", MANY, "score", _hot(sk.roc_auc_score, "macro")),
    ("roc_auc_weighted", MANY, "score", _hot(sk.roc_auc_score, "weighted")),
    ("average_precision", BINARY, "score", sk.average_precision_score),
    ("average_precision", MANY, "score", _hot(sk.average_precision_score, "macro")),
    ("average_precision_weighted", MANY, "score", _hot(sk.average_precision_score, "weighted")),
    ("log_loss", BINARY, "score", sk.log_loss),
    ("log_loss", MANY, "score", sk.log_loss),
    ("brier", BINARY, "score", sk.brier_score_loss),
    ("brier", MANY, "score", _averaged(sk.brier_score_loss, scale_by_half=False)),
    ("mse", NUMBERS, "pred", sk.mean_squared_error),
    ("rmse", NUMBERS, "pred", sk.root_mean_squared_error),
    ("mae", NUMBERS, "pred", sk.mean_absolute_error),
    ("mape", NUMBERS, "pred", sk.mean_absolute_percentage_error),
    ("smape", NUMBERS, "pred", _smape),
    ("wape", NUMBERS, "pred", _wape),
    ("msle", NUMBERS, "pred", sk.mean_squared_log_error),
    ("rmsle", NUMBERS, "pred", sk.root_mean_squared_log_error),
    ("r2", NUMBERS, "pred", sk.r2_score),
    ("explained_variance", NUMBERS, "pred", sk.explained_variance_score),
    ("medae", NUMBERS, "pred", sk.median_absolute_error),
]


@pytest.mark.parametrize(("name", "answers", "column", "reference"), CASES)
def test_a_score_equals_scikit_learns(name: str, answers: Answers, column: str, reference: Reference) -> None:
    statistic = scores.SCORES[name].statistic(answers)
    given = answers.pred if column == "pred" else answers.score
    found = statistic(np.stack([WEIGHTS, np.ones(ROWS)], axis=1))
    expected = [reference(answers.truth, given, sample_weight=w) for w in (WEIGHTS, np.ones(ROWS))]
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert np.isclose(weighted.value(statistic, ROWS), expected[1])


def test_every_score_is_under_test() -> None:
    untested = set(scores.SCORES) - {name for name, *_ in CASES}
    # The same rate in another average: built by the same function as its siblings.
    assert untested == {
        "jaccard_weighted",
        "specificity_macro",
        "specificity_weighted",
        "false_positive_rate_macro",
        "false_positive_rate_weighted",
        "false_negative_rate_macro",
        "false_negative_rate_weighted",
    }


@pytest.mark.parametrize("name", scores.SCORES)
def test_a_scores_direction_is_its_names(name: str) -> None:
    assert scores.direction(name) == scores.SCORES[name].direction


def test_one_class_only_is_undefined() -> None:
    truth = np.zeros(9)
    answers = Answers(truth, truth, np.linspace(0, 1, 9), 2)
    values = {
        name: weighted.value(scores.SCORES[name].statistic(answers), 9)
        for name in ("roc_auc", "average_precision", "mcc", "kappa", "accuracy", "f1")
    }
    assert np.isnan(values["roc_auc"])
    assert np.isnan(values["average_precision"])
    assert np.isnan(values["kappa"])
    assert (values["mcc"], values["accuracy"], values["f1"]) == (0.0, 1.0, 0.0)


def test_log_loss_keeps_single_precision_off_the_edge() -> None:
    truth = np.array([1.0, 0.0, 1.0])
    score = np.array([1.0, 0.0, 0.0], dtype=np.float32)
    found = weighted.value(weighted.log_loss(Answers(truth, None, score, 2)), 3)  # type: ignore[arg-type]
    assert np.isclose(found, sk.log_loss(truth, score))


def test_a_subset_reads_its_own_weights() -> None:
    rows = np.array([1, 3])
    statistic = weighted.subset(weighted.mean(np.array([10.0, 20.0])), rows)
    assert statistic(np.array([[9.0], [1.0], [9.0], [3.0]])).tolist() == [17.5]


@pytest.mark.parametrize(
    ("name", "task", "expected"),
    [
        ("accuracy", None, ["accuracy"]),
        ("test.f1", "multiclass", ["f1_macro", "f1_weighted"]),
        ("f1", "binary", ["f1", "f1_macro", "f1_weighted"]),
        ("f1_macro", "binary", ["f1_macro"]),
        ("macro avg.f1-score", "multiclass", ["f1_macro"]),
        ("weighted avg.recall", None, ["recall_weighted"]),
        ("auc", "binary", ["roc_auc", "average_precision"]),
        ("avg_prec", "binary", ["average_precision"]),
        ("loss", "regression", ["mse"]),
        ("loss", "binary", ["log_loss"]),
        ("rmse", "binary", []),
        ("accuracy_macro", "binary", ["accuracy"]),
        ("neg_log_loss", None, []),
        ("perplexity", None, []),
        ("rows", None, []),
        ("foo", None, []),
    ],
)
def test_candidates(name: str, task: Task | None, expected: list[str]) -> None:
    assert [score.name for score in scores.candidates(name, task)] == expected


def test_score_for() -> None:
    found = scores.score_for("val_rmse")
    assert found is not None
    assert (found.name, found.direction, found.needs, found.floor) == ("rmse", "lower", "pred", True)
    assert scores.score_for("precision") is not None
    assert not scores.SCORES["precision"].floor
    assert scores.score_for("foo") is None


def test_names_cost_no_heavy_import() -> None:
    code = (
        "import sys, mlops_ci.comparing.scores, mlops_ci.gates, mlops_ci.significance\n"
        "sys.exit(bool({'numpy', 'scipy', 'sklearn', 'pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
