"""Metrics as functions of example weights, so that a whole bootstrap is a few array operations (pure).

A Statistic takes weights of shape (examples, resamples) and gives one value a resample. With a single
column of ones it is the plain metric, and it equals scikit-learn's with ``sample_weight``. A value that
is undefined under some weights (a ROC AUC with one class) is NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array: TypeAlias = npt.NDArray[np.float64]

Statistic: TypeAlias = "Callable[[Array], Array]"
Average = Literal["positive", "macro", "weighted"]


@dataclass(frozen=True)
class Answers:
    """What one model answered. Classes are codes 0 .. classes-1; the positive class of two is 1.

    ``score`` is the positive class's probability or rank, or one column a class where there are more.
    """

    truth: Array
    pred: Array | None = None
    score: Array | None = None
    classes: int = 0

    def with_pred(self) -> Array:
        """The predicted classes or values; only asked for by a metric that was found to have them."""
        assert self.pred is not None  # noqa: S101
        return self.pred

    def with_score(self) -> Array:
        """The scores; only asked for by a metric that was found to have them."""
        assert self.score is not None  # noqa: S101
        return self.score


def value(statistic: Statistic, examples: int) -> float:
    """The plain metric: every example counts once."""
    import numpy as np

    with np.errstate(invalid="ignore", divide="ignore"):
        return float(statistic(np.ones((examples, 1)))[0])


def subset(statistic: Statistic, rows: npt.NDArray[np.intp]) -> Statistic:
    """The same metric on some of the examples; ``statistic`` was made from those alone."""
    return lambda weights: statistic(weights[rows])


def mean(values: Array) -> Statistic:
    """The weighted mean of a value an example has: accuracy, log loss, Brier score, MSE, MAE."""
    return lambda weights: (values @ weights) / weights.sum(axis=0)


def root_mean(values: Array) -> Statistic:
    """The square root of a weighted mean: RMSE from squared errors."""
    import numpy as np

    inner = mean(values)
    return lambda weights: np.sqrt(inner(weights))


def ratio(above: Array, below: Array) -> Statistic:
    """A sum over a sum: WAPE is the absolute errors over the absolute truth."""
    return lambda weights: (above @ weights) / (below @ weights)


def explained(answers: Answers, *, centred: bool) -> Statistic:
    """R2, the share of the variance that is explained; ``centred`` forgives a constant error."""
    truth, errors = answers.truth, answers.truth - answers.with_pred()

    def statistic(weights: Array) -> Array:
        total = weights.sum(axis=0)
        spread = truth**2 @ weights - (truth @ weights) ** 2 / total
        left = errors**2 @ weights
        if centred:
            left = left - (errors @ weights) ** 2 / total
        result: Array = 1.0 - left / spread
        return result

    return statistic


# ---- classes: everything a confusion matrix knows ----------------------------------------------


class Counts(NamedTuple):
    """Of each class: weights rightly predicted, predicted at all and actual; ``total`` is of all.

    These margins are all that the metrics below need of a confusion matrix, however many classes.
    """

    hit: Array
    predicted: Array
    actual: Array
    total: Array


def _counts(answers: Answers) -> Callable[[Array], Counts]:
    """Weights to margins, (classes, resamples) each, by one sparse product each."""
    import numpy as np
    from scipy import sparse

    n = len(answers.truth)
    truth, pred = answers.truth.astype(np.intp), answers.with_pred().astype(np.intp)

    def members(rows: npt.NDArray[np.intp], codes: npt.NDArray[np.intp]) -> sparse.csr_array:
        return sparse.csr_array((np.ones(len(rows)), (codes, rows)), shape=(answers.classes, n))

    every, right = np.arange(n), np.flatnonzero(truth == pred)
    hit, predicted, actual = members(right, truth[right]), members(every, pred), members(every, truth)
    return lambda weights: Counts(hit @ weights, predicted @ weights, actual @ weights, weights.sum(axis=0))


def of_classes(rate: Callable[[Counts], Array], average: Average) -> Callable[[Answers], Statistic]:
    """A rate of the positive class, or averaged over the classes.

    A class that occurs in neither the truth nor the predictions of a resample is left out of it, and
    0/0 counts as 0, both as scikit-learn does.
    """

    def build(answers: Answers) -> Statistic:
        import numpy as np

        counts = _counts(answers)

        def statistic(weights: Array) -> Array:
            found = counts(weights)
            with np.errstate(invalid="ignore", divide="ignore"):
                each = np.nan_to_num(rate(found), nan=0.0)
            if average == "positive":
                return np.asarray(each[1])
            occurs = (found.actual + found.predicted > 0).astype(np.float64)
            share = found.actual if average == "weighted" else occurs
            return np.asarray((each * share).sum(axis=0) / share.sum(axis=0))

        return statistic

    return build


def balanced_accuracy(answers: Answers) -> Statistic:
    """The mean recall over the classes that occur in the truth."""
    import numpy as np

    counts = _counts(answers)

    def statistic(weights: Array) -> Array:
        found = counts(weights)
        with np.errstate(invalid="ignore"):
            recall = np.nan_to_num(found.hit / found.actual, nan=0.0)
        return np.asarray(recall.sum(axis=0) / (found.actual > 0).sum(axis=0))

    return statistic


def matthews(answers: Answers) -> Statistic:
    """Matthews' correlation coefficient for any number of classes (Gorodkin 2004)."""
    import numpy as np

    counts = _counts(answers)

    def statistic(weights: Array) -> Array:
        hit, predicted, actual, total = counts(weights)
        covariance = hit.sum(axis=0) * total - (actual * predicted).sum(axis=0)
        spread = (total**2 - (actual**2).sum(axis=0)) * (total**2 - (predicted**2).sum(axis=0))
        return np.asarray(np.where(spread > 0, covariance / np.sqrt(np.where(spread > 0, spread, 1)), 0.0))

    return statistic


def kappa(answers: Answers) -> Statistic:
    """Cohen's kappa: one minus the disagreement over that of chance."""
    import numpy as np

    counts = _counts(answers)

    def statistic(weights: Array) -> Array:
        hit, predicted, actual, total = counts(weights)
        chance = total**2 - (actual * predicted).sum(axis=0)
        return np.asarray(1 - (total - hit.sum(axis=0)) * total / chance)

    return statistic


def quadratic_kappa(answers: Answers) -> Statistic:
    """Cohen's kappa of ordered classes: an error counts by its squared distance."""
    import numpy as np

    truth, pred = answers.truth, answers.with_pred()

    def statistic(weights: Array) -> Array:
        total = weights.sum(axis=0)
        apart = (truth - pred) ** 2 @ weights
        chance = (truth**2 + pred**2) @ weights * total - 2 * (truth @ weights) * (pred @ weights)
        return np.asarray(1 - apart * total / chance)

    return statistic


# ---- ranks: sorted once, then cumulative sums --------------------------------------------------


def _positives(answers: Answers) -> list[tuple[npt.NDArray[np.bool_], Array]]:
    """(is of the class, its score) for the positive class of two, or for each of several classes."""
    score = answers.with_score()
    if score.ndim == 1:
        return [(answers.truth == 1, score)]
    return [(answers.truth == code, score[:, code]) for code in range(score.shape[1])]


def _area(positive: npt.NDArray[np.bool_], score: Array) -> Statistic:
    """ROC AUC as the share of (positive, negative) pairs in the right order; a tie counts half."""
    import numpy as np

    plus, minus = np.flatnonzero(positive), np.flatnonzero(~positive)
    minus = minus[np.argsort(score[minus], kind="stable")]
    below = np.searchsorted(score[minus], score[plus], side="left")
    level = np.searchsorted(score[minus], score[plus], side="right")

    def statistic(weights: Array) -> Array:
        beaten = np.zeros((len(minus) + 1, weights.shape[1]))
        np.cumsum(weights[minus], axis=0, out=beaten[1:])
        gained = weights[plus]
        right = np.einsum("ib,ib->b", gained, beaten[below] + beaten[level]) / 2
        return np.asarray(right / (gained.sum(axis=0) * beaten[-1]))

    return statistic


def _precision_area(positive: npt.NDArray[np.bool_], score: Array) -> Statistic:
    """Average precision: the precision at each positive's score, averaged over the positives."""
    import numpy as np

    falling = np.argsort(-score, kind="stable")
    plus, minus = falling[positive[falling]], falling[~positive[falling]]
    plus_above = np.searchsorted(-score[plus], -score[plus], side="right")
    minus_above = np.searchsorted(-score[minus], -score[plus], side="right")

    def statistic(weights: Array) -> Array:
        found = np.zeros((len(plus) + 1, weights.shape[1]))
        false = np.zeros((len(minus) + 1, weights.shape[1]))
        np.cumsum(weights[plus], axis=0, out=found[1:])
        np.cumsum(weights[minus], axis=0, out=false[1:])
        with np.errstate(invalid="ignore"):
            precision = np.nan_to_num(found[plus_above] / (found[plus_above] + false[minus_above]), nan=0.0)
        return np.asarray(np.einsum("ib,ib->b", weights[plus], precision) / found[-1])

    return statistic


def of_ranks(
    kind: Literal["roc_auc", "average_precision"], average: Average
) -> Callable[[Answers], Statistic]:
    """ROC AUC or average precision of the positive class, or averaged over one class against the rest."""

    def build(answers: Answers) -> Statistic:
        import numpy as np

        one = _area if kind == "roc_auc" else _precision_area
        classes = _positives(answers)
        each = [one(positive, score) for positive, score in classes]
        member = np.array([positive for positive, _ in classes], dtype=np.float64)

        def statistic(weights: Array) -> Array:
            values = np.stack([area(weights) for area in each])
            share = member @ weights if average == "weighted" else np.ones_like(values)
            return np.asarray((values * share).sum(axis=0) / share.sum(axis=0))

        return statistic

    return build


# ---- values an example has by itself -----------------------------------------------------------


def log_loss(answers: Answers) -> Statistic:
    """The mean negative log-likelihood in nats; probabilities are kept off 0 and 1 as scikit-learn does."""
    import numpy as np

    score = answers.with_score()
    edge = np.finfo(score.dtype).eps
    likely = _probability_of_truth(answers).astype(score.dtype)
    return mean(-np.log(np.clip(likely, edge, 1 - edge)).astype(np.float64))


def brier(answers: Answers) -> Statistic:
    """The mean squared error of the probabilities; with several classes summed over them."""
    import numpy as np

    score = np.asarray(answers.with_score(), dtype=np.float64)
    if score.ndim == 1:
        return mean((score - answers.truth) ** 2)
    hot = answers.truth[:, None] == np.arange(score.shape[1])
    return mean(((score - hot) ** 2).sum(axis=1))


def _probability_of_truth(answers: Answers) -> Array:
    import numpy as np

    score = answers.with_score()
    if score.ndim == 1:
        return np.where(answers.truth == 1, score, 1 - score)
    return np.asarray(score[np.arange(len(score)), answers.truth.astype(np.intp)])


def through_sklearn(
    function: str, column: Literal["pred", "score"], **settings: Any
) -> Callable[[Answers], Statistic]:
    """Any scikit-learn metric that takes ``sample_weight``, one resample at a time: right but slow."""

    def build(answers: Answers) -> Statistic:
        import numpy as np
        from sklearn import metrics

        score = getattr(metrics, function)
        given = answers.with_pred() if column == "pred" else answers.with_score()

        def statistic(weights: Array) -> Array:
            return np.array([score(answers.truth, given, sample_weight=w, **settings) for w in weights.T])

        return statistic

    return build
