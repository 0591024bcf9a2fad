"""How each metric of the field is computed again from predictions, under example weights (pure)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from mlops_ci.comparing import names, weighted
from mlops_ci.comparing.names import Direction, direction, is_count
from mlops_ci.comparing.weighted import Answers, Counts, Statistic

__all__ = ["SCORES", "Needs", "Score", "Task", "candidates", "direction", "is_count", "score_for"]

Task = Literal["binary", "multiclass", "regression"]
Needs = Literal["pred", "score", "probability"]


@dataclass(frozen=True)
class Score:
    """How a metric is computed from predictions.

    ``needs`` is the column it reads, ``floor`` whether a trivial model's value means anything, ``fast``
    whether thousands of resamples are cheap, ``hits`` whether it is a share of right answers (McNemar).
    """

    name: str
    direction: Direction
    tasks: frozenset[Task]
    needs: Needs
    build: Callable[[Answers], Statistic]
    floor: bool = True
    fast: bool = True
    hits: bool = False

    def statistic(self, answers: Answers) -> Statistic:
        """The metric of these answers as a function of example weights."""
        return self.build(answers)


def _errors(shape: Callable[[Any, Any], Any]) -> Callable[[Answers], Any]:
    """What a function of (truth, prediction) says about each example."""
    return lambda a: shape(a.truth, a.with_pred())


def _relative(truth: Any, pred: Any) -> Any:
    import numpy as np

    return abs(truth - pred) / np.maximum(abs(truth), np.finfo(np.float64).eps)


def _symmetric(truth: Any, pred: Any) -> Any:
    import numpy as np

    return 2 * abs(truth - pred) / np.maximum(abs(truth) + abs(pred), np.finfo(np.float64).eps)


def _log_squared(truth: Any, pred: Any) -> Any:
    import numpy as np

    return (np.log1p(truth) - np.log1p(pred)) ** 2


def _right(truth: Any, pred: Any) -> Any:
    return (truth == pred).astype("float64")


def _absolute(truth: Any, pred: Any) -> Any:
    return abs(truth - pred)


def _squared(truth: Any, pred: Any) -> Any:
    return (truth - pred) ** 2


_BINARY: frozenset[Task] = frozenset({"binary"})
_CLASSES: frozenset[Task] = frozenset({"binary", "multiclass"})
_NUMBERS: frozenset[Task] = frozenset({"regression"})


def _mean_of(shape: Callable[[Any, Any], Any]) -> Callable[[Answers], Statistic]:
    errors = _errors(shape)
    return lambda answers: weighted.mean(errors(answers))


def _root_of(shape: Callable[[Any, Any], Any]) -> Callable[[Answers], Statistic]:
    errors = _errors(shape)
    return lambda answers: weighted.root_mean(errors(answers))


def _rate(name: str, direction: Direction, rate: Callable[[Counts], Any]) -> list[Score]:
    """A rate of the positive class, and its macro and weighted means over the classes."""
    of = weighted.of_classes
    return [
        Score(name, direction, _BINARY, "pred", of(rate, "positive"), floor=False),
        Score(f"{name}_macro", direction, _CLASSES, "pred", of(rate, "macro"), floor=name == "f1"),
        Score(f"{name}_weighted", direction, _CLASSES, "pred", of(rate, "weighted"), floor=False),
    ]


def _ranked(name: Literal["roc_auc", "average_precision"]) -> list[Score]:
    of = weighted.of_ranks
    return [
        Score(name, "higher", _CLASSES, "score", of(name, "macro")),
        Score(f"{name}_weighted", "higher", frozenset({"multiclass"}), "score", of(name, "weighted")),
    ]


def _wape(answers: Answers) -> Statistic:
    return weighted.ratio(_absolute(answers.truth, answers.with_pred()), abs(answers.truth))


_MEDIAN_ERROR = weighted.through_sklearn("median_absolute_error", "pred")

SCORES: Mapping[str, Score] = {
    score.name: score
    for score in [
        Score("accuracy", "higher", _CLASSES, "pred", _mean_of(_right), hits=True),
        Score("error_rate", "lower", _CLASSES, "pred", _mean_of(lambda t, p: 1 - _right(t, p)), hits=True),
        Score("balanced_accuracy", "higher", _CLASSES, "pred", weighted.balanced_accuracy),
        Score("mcc", "higher", _CLASSES, "pred", weighted.matthews),
        Score("kappa", "higher", _CLASSES, "pred", weighted.kappa),
        Score("kappa_quadratic", "higher", _CLASSES, "pred", weighted.quadratic_kappa),
        *_rate("precision", "higher", lambda c: c.hit / c.predicted),
        *_rate("recall", "higher", lambda c: c.hit / c.actual),
        *_rate("f1", "higher", lambda c: 2 * c.hit / (c.predicted + c.actual)),
        *_rate("jaccard", "higher", lambda c: c.hit / (c.predicted + c.actual - c.hit)),
        *_rate(
            "specificity",
            "higher",
            lambda c: (c.total - c.actual - c.predicted + c.hit) / (c.total - c.actual),
        ),
        *_rate("false_positive_rate", "lower", lambda c: (c.predicted - c.hit) / (c.total - c.actual)),
        *_rate("false_negative_rate", "lower", lambda c: (c.actual - c.hit) / c.actual),
        *_ranked("roc_auc"),
        *_ranked("average_precision"),
        Score("log_loss", "lower", _CLASSES, "probability", weighted.log_loss),
        Score("brier", "lower", _CLASSES, "probability", weighted.brier),
        Score("mse", "lower", _NUMBERS, "pred", _mean_of(_squared)),
        Score("rmse", "lower", _NUMBERS, "pred", _root_of(_squared)),
        Score("mae", "lower", _NUMBERS, "pred", _mean_of(_absolute)),
        Score("mape", "lower", _NUMBERS, "pred", _mean_of(_relative)),
        Score("smape", "lower", _NUMBERS, "pred", _mean_of(_symmetric)),
        Score("wape", "lower", _NUMBERS, "pred", _wape),
        Score("msle", "lower", _NUMBERS, "pred", _mean_of(_log_squared)),
        Score("rmsle", "lower", _NUMBERS, "pred", _root_of(_log_squared)),
        Score("r2", "higher", _NUMBERS, "pred", partial(weighted.explained, centred=False)),
        Score("explained_variance", "higher", _NUMBERS, "pred", partial(weighted.explained, centred=True)),
        Score("medae", "lower", _NUMBERS, "pred", _MEDIAN_ERROR, fast=False),
    ]
}

# What a phrase may stand for, likeliest first; the value that was reported decides which one it is.
_ALIASES: Mapping[str, str] = {
    "accuracy": "accuracy, acc, top1",
    "error_rate": "error rate, err rate, misclassification, misclassification rate, misclassification error, "
    "hamming, hamming loss, error, err",
    "balanced_accuracy": "balanced accuracy, bal acc, balanced acc",
    "mcc": "mcc, matthews, matthews corrcoef, phi",
    "kappa kappa_quadratic": "kappa, cohen kappa",
    "kappa_quadratic": "qwk, quadratic kappa, quadratic weighted kappa",
    "precision precision_macro precision_weighted": "precision, prec, ppv",
    "recall recall_macro recall_weighted": "recall, sensitivity, tpr, true positive rate",
    "f1 f1_macro f1_weighted": "f1, f1 score, f score, f measure, dice",
    "jaccard jaccard_macro jaccard_weighted": "jaccard, iou, miou, mean iou",
    "specificity specificity_macro": "specificity, tnr, true negative rate",
    "false_positive_rate": "fpr, false positive rate",
    "false_negative_rate": "fnr, false negative rate",
    "roc_auc roc_auc_weighted average_precision": "auc, roc auc, auc roc, rocauc, auroc",
    "average_precision average_precision_weighted": "average precision, avg prec, avg precision, "
    "mean average precision, map, auprc, prauc, pr auc, auc pr, aucpr",
    "log_loss mse": "loss",
    "log_loss": "log loss, logloss, cross entropy, crossentropy, xent, bce, nll",
    "brier": "brier, brier score, brier loss, brier score loss",
    "mse": "mse, mean squared error",
    "rmse": "rmse, root mean squared error",
    "mae": "mae, mean absolute error",
    "mape": "mape, mean absolute percentage error",
    "smape": "smape",
    "wape": "wape, wmape",
    "msle": "msle",
    "rmsle": "rmsle",
    "medae": "medae, median absolute error",
    "r2": "r2, r 2, r squared, rsquared",
    "explained_variance": "explained variance",
}
_STANDS_FOR = {
    tuple(alias.split()): tuple(SCORES[name] for name in names.split())
    for names, aliases in _ALIASES.items()
    for alias in aliases.split(", ")
}
_AVERAGES = ("macro", "weighted")


def candidates(name: str, task: Task | None = None) -> tuple[Score, ...]:
    """Every score a metric's name may stand for in a task, likeliest first.

    ``f1`` of several classes may be the macro or the weighted mean; a name that says which
    (``f1_macro``) stands for that one alone.
    """
    phrase = names.phrase(name)
    if phrase is None or phrase == "neutral" or names.is_negated(name):
        return ()
    found = _STANDS_FOR.get(phrase, ())
    words = names.words_of(name)
    said = [average for average in _AVERAGES if average in words]
    named = tuple(score for score in found if any(score.name.endswith(f"_{average}") for average in said))
    return tuple(score for score in named or found if task is None or task in score.tasks)


def score_for(name: str, task: Task | None = None) -> Score | None:
    """The likeliest score a metric's name stands for, or None where it cannot be computed again."""
    return next(iter(candidates(name, task)), None)
