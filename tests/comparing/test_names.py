"""Metric names of the field: which way is good, and what is no metric."""

from __future__ import annotations

import pytest

from mlops_ci.comparing import names


def _names(text: str) -> list[str]:
    return text.split()


HIGHER = _names(
    """accuracy test.accuracy train.accuracy val_acc accuracy_mean accuracy.male accuracy_pct f1_setosa
    f1_macro F1Score macro.avg.f1-score roc-auc ROC_AUC AUC rocAuc avg_prec.test mAP mAP50 nDCG@10 recall@5
    precision_at_10 r2 R2 explained_variance bleu bleu4 rougeL hit_rate@10 HitRate qwk mcc throughput
    reward.mean success_rate neg_mean_squared_error top5_accuracy eval/accuracy val:f1 f1_samples_avg"""
)
LOWER = _names(
    """loss logLoss log_loss val_loss val_loss_epoch train.loss rmse val_rmse RMSE test.mae meanSquaredError
    error_rate wer cer perplexity latency_ms latency_p95 p95_latency inference_ms train_seconds time max_error
    brier brier_score_loss false_positive_rate ece total_cost hamming_loss accuracy_loss mape@7"""
)
COUNTS = _names("n rows support test.n test.rows model_size size_mb n_errors num_trees epoch total samples")
SILENT = _names("rmse_std accuracy_threshold ci.low score mean val foo by.pos error_budget loss_ratio gini x")


@pytest.mark.parametrize("name", HIGHER)
def test_higher_is_better(name: str) -> None:
    assert names.direction(name) == "higher"


@pytest.mark.parametrize("name", LOWER)
def test_lower_is_better(name: str) -> None:
    assert names.direction(name) == "lower"


@pytest.mark.parametrize("name", [*SILENT, *COUNTS, "", "...", "🙂", "__", "точность"])
def test_the_name_does_not_say(name: str) -> None:
    assert names.direction(name) is None


@pytest.mark.parametrize("name", COUNTS)
def test_counts(name: str) -> None:
    assert names.is_count(name)


@pytest.mark.parametrize("name", ["accuracy", "loss", "foo", "rmse_std", "n.accuracy", "", "val"])
def test_no_counts(name: str) -> None:
    assert not names.is_count(name)


def test_words() -> None:
    assert names.words_of("valF1Score_macro-avg") == ("val", "f1", "score", "macro", "avg")
