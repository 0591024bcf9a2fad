"""The field's metric names: what a name stands for, and which way is good (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

Direction = Literal["higher", "lower"]

# One small letter before capitals is no word of its own: mAP, nDCG.
_WORD_BREAK = re.compile(r"(?<=[A-Za-z0-9][a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NO_LETTER = re.compile(r"[^0-9a-z]+")


def _listed(text: str) -> tuple[str, ...]:
    """The phrases of a list with commas; a phrase may have several words and go over a line's end."""
    return tuple(" ".join(part.split()) for part in text.split(","))


def _word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words that say where, over what or in which unit a metric was taken, not which metric it is.
_QUALIFIERS = _word_set(
    """train training test testing val valid validation eval evaluation holdout oot oof dev cv fold live prod
    mean avg average median macro micro weighted binary ovr ovo samples overall total score value metric best
    final last epoch mb gb pct percent percentage norm normalized at k p50 p75 p90 p95 p99 model"""
)
# The last word of a count or a setting: such a number is not even worth a remark.
_COUNTS = _word_set(
    """n count counts num number rows row support size samples examples total step steps iteration iterations
    epoch epochs seed id year timestamp version folds trees leaves depth features classes"""
)
# The last word of a count, a spread, a setting or a bound: none of them has a good direction.
_NEUTRAL = _COUNTS | _word_set(
    """threshold cutoff std stdev sd var variance se sem ci low high lower upper min max iter date diff delta
    change rank index"""
)
_COUNT_OF = frozenset({"n", "num", "number", "count"})

# Names that are a metric wherever they stand, so that ``f1_setosa`` is known by its first word.
_HIGHER = _listed(
    """accuracy, acc, balanced accuracy, bal acc, balanced acc, precision, prec, recall, sensitivity,
    specificity, f1, f2, f beta, fbeta, f1 score, f score, f measure, auc, roc auc, auc roc, rocauc, auroc,
    auprc, prauc, pr auc, auc pr, aucpr, average precision, avg prec, avg precision, mean average precision,
    map, mcc, matthews, matthews corrcoef, phi, kappa, cohen kappa, qwk, quadratic kappa,
    quadratic weighted kappa, jaccard, iou, miou, mean iou, dice, r2, r 2, r squared, rsquared, adj r2,
    adjusted r2, explained variance, tpr, tnr, ppv, npv, true positive rate, true negative rate, top1, top3,
    top5, spearman, spearmanr, pearson, pearsonr, kendall, kendall tau, kendalltau, ndcg, dcg, mrr,
    hit rate, hits, bleu, sacrebleu, rouge, rouge1, rouge2, rougel, rouge l, meteor, chrf, bertscore, comet,
    exact match, silhouette, calinski harabasz, ari, nmi, adjusted rand, concordance, c index, cindex,
    inception"""
)
_LOWER = _listed(
    """rmse, mse, mae, mape, smape, wape, wmape, mase, rmsle, msle, medae, median absolute error,
    mean squared error, root mean squared error, mean absolute error, mean absolute percentage error,
    max error, brier, brier score, brier loss, brier score loss, log loss, logloss, cross entropy,
    crossentropy, xent, bce, nll, perplexity, ppl, bits per byte, bpc, wer, cer, ter, word error rate,
    character error rate, fpr, fnr, fdr, false positive rate, false negative rate, false discovery rate, ece,
    mce, calibration error, error rate, err rate, misclassification, misclassification rate,
    misclassification error, hamming, hamming loss, hinge, hinge loss, pinball, pinball loss, quantile loss,
    huber, huber loss, crps, deviance, aic, bic, fid, davies bouldin, eer, kl divergence, js divergence,
    demographic parity difference, equalized odds difference, equal opportunity difference"""
)
# Ordinary words too: they count only where they end the name (``error``, not ``error_budget``).
_HIGHER_AT_END = _listed(
    """corr, correlation, throughput, qps, rps, tokens per second, rows per second, reward, return, profit,
    revenue, lift, success rate, win rate, pass rate, elbo, log likelihood"""
)
_LOWER_AT_END = _listed(
    """loss, error, err, errors, latency, duration, time, seconds, sec, secs, ms, regret, cost, failure rate,
    fail rate, failures, divergence, overfit, gap"""
)


def _phrases(*groups: tuple[Direction, tuple[str, ...]]) -> Mapping[tuple[str, ...], Direction]:
    return {tuple(name.split()): direction for direction, names in groups for name in names}


_ANYWHERE = _phrases(("higher", _HIGHER), ("lower", _LOWER))
_AT_END = _phrases(("higher", _HIGHER_AT_END), ("lower", _LOWER_AT_END))
_LONGEST = max(map(len, (*_ANYWHERE, *_AT_END)))


# ---- reading a name ----------------------------------------------------------------------------


def words_of(part: str) -> tuple[str, ...]:
    """The words of a snake, kebab or camel name, in lower case: ``logLoss`` is log, loss."""
    return tuple(word for word in _NO_LETTER.split(_WORD_BREAK.sub("_", part).lower()) if word)


def _phrase_at(words: tuple[str, ...], end: int, *, at_end: bool) -> tuple[str, ...] | None:
    """The longest known phrase whose last word is ``words[end]``; ``bleu4`` is read as ``bleu``."""
    for length in range(min(_LONGEST, end + 1), 0, -1):
        said = words[end + 1 - length : end + 1]
        for form in (said, (*said[:-1], said[-1].rstrip("0123456789"))):
            if form in _ANYWHERE or (at_end and form in _AT_END):
                return form
    return None


def _known(part: str) -> tuple[str, ...] | Literal["neutral"] | None:
    """The metric phrase of one component, ``neutral`` where it ends as a count does, None if unknown."""
    words = words_of(part)
    if len(words) > 1 and words[0] in _COUNT_OF:
        return "neutral"
    at_end = True
    for end in range(len(words) - 1, -1, -1):
        if found := _phrase_at(words, end, at_end=at_end):
            return found
        if at_end and words[end] in _NEUTRAL - _QUALIFIERS:
            return "neutral"
        at_end = at_end and (words[end] in _QUALIFIERS or words[end].isdigit())
    return "neutral" if words and words[-1] in _NEUTRAL else None


def phrase(name: str) -> tuple[str, ...] | Literal["neutral"] | None:
    """The rightmost component of a dotted name that says anything: ``accuracy.male`` is accuracy."""
    return next((known for part in reversed(re.split(r"[./:]", name)) if (known := _known(part))), None)


def direction(name: str) -> Direction | None:
    """Which way a metric is good, read from its name; None where the name does not say.

    The rightmost known words decide: ``test.accuracy``, ``val_rmse``, ``logLoss``, ``latency_ms``,
    ``f1_macro``. ``neg_`` in front, as scikit-learn's scorers write it, turns a loss around.
    """
    found = phrase(name)
    if found is None or found == "neutral":
        return None
    way = _ANYWHERE.get(found) or _AT_END[found]
    return "higher" if way == "lower" and is_negated(name) else way


def is_negated(name: str) -> bool:
    """Whether a loss is written with its sign turned, as ``neg_mean_squared_error``."""
    return "neg" in words_of(name)


def is_count(name: str) -> bool:
    """Whether a name is that of a count or a setting (``n``, ``test.rows``, ``support``), not a metric."""
    words = words_of(re.split(r"[./:]", name)[-1])
    said = [word for word in words if word not in _QUALIFIERS - _COUNTS]
    counted = bool(said) and (said[0] in _COUNT_OF or said[-1] in _COUNTS)
    return counted and direction(name) is None
