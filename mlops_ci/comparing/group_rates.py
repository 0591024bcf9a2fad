"""Metrics of every group and their bootstrap: fairlearn's values, resampled counts of cells (pure).

The values are those of fairlearn's MetricFrame (Bird et al. 2020). Their spread comes from the ordinary
bootstrap of the examples (Efron & Tibshirani 1993, chapters 6 and 13). Examples of the same group, truth and
answers are alike, so the numbers of examples in each such cell are all there is to know of a sample, and
resampling them from the multinomial distribution is the same as resampling rows, only much faster.
A metric of quantities has no such cells; there the rows themselves are resampled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from mlops_ci import significance

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]
    Codes: TypeAlias = npt.NDArray[np.int64]

RESAMPLES = 2000
# What a rate counts, and among which examples.
RATES: Mapping[str, tuple[str, str]] = {
    "selection_rate": ("selected", "rows"),
    "accuracy": ("right", "rows"),
    "true_positive_rate": ("true_positives", "positives"),
    "false_positive_rate": ("false_positives", "negatives"),
    "false_negative_rate": ("false_negatives", "positives"),
    "precision": ("true_positives", "selected"),
}
_CHUNK_VALUES = 4_000_000


@dataclass(frozen=True)
class GroupRates:
    """One metric of every group.

    ``values`` are NaN where it is undefined, ``defined`` counts the examples it is a mean over.
    ``draws`` are the resampled values, one row a resample. ``log`` and ``log_draws`` are their
    logarithms for ratios; of a rate with half an example added, so that none is infinite (Walter 1975).
    """

    values: Floats
    defined: Floats
    draws: Floats
    log: Floats
    log_draws: Floats


Metrics = Mapping[str, GroupRates]


@dataclass(frozen=True)
class Examples:
    """The group of every example (a code), what was true, and what each training of both models answered.

    Classes are codes; ``positive`` is the code of the class that counts as selected, None where no class
    does. ``base`` is empty where there is none. Without ``classes`` truth and answers are quantities.
    """

    groups: Codes
    count: int
    truth: Floats
    head: tuple[Floats, ...]
    base: tuple[Floats, ...] = ()
    positive: int | None = None
    classes: bool = True


# ---- classes -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Cells:
    """How many examples are alike, sorted by group; per cell what each model's trainings answered."""

    counts: Codes
    starts: Codes
    positive: Floats
    answers: tuple[tuple[Floats, Floats], ...]


def of_classes(
    examples: Examples, *, resamples: int = RESAMPLES, seed: int = significance.SEED
) -> tuple[Metrics, Metrics | None]:
    """Every rate of every group, of head and of base, on the same resamples.

    Without a positive class there is only accuracy.
    """
    import numpy as np

    cells = _cells(examples)
    names = tuple(RATES) if examples.positive is not None else ("accuracy",)
    total = int(cells.counts.sum())
    random = np.random.default_rng(seed)
    step = max(1, _CHUNK_VALUES // len(cells.counts))
    drawn: list[list[dict[str, Floats]]] = [[] for _ in cells.answers]
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        weights = random.multinomial(total, cells.counts / total, size=size).astype(np.float64)
        for side, sums in enumerate(drawn):
            sums.append(_sums(cells, side, weights))
    found = []
    for side, (preds, sums) in enumerate(zip((examples.head, examples.base), drawn, strict=False)):
        point = _sums(cells, side, cells.counts[np.newaxis].astype(np.float64))
        draws = {key: np.concatenate([one[key] for one in sums]) for key in point}
        values = _class_values(examples, preds, names)
        found.append({name: _rate(values[name], point, draws, *RATES[name]) for name in names})
    return found[0], found[1] if examples.base else None


def _cells(examples: Examples) -> _Cells:
    """The examples counted by group, truth and the number of trainings that answered so."""
    import numpy as np

    positive = examples.truth == examples.positive
    sides = [side for side in (examples.head, examples.base) if side]
    parts = [(examples.groups, examples.count), (positive.astype(np.int64), 2)]
    for side in sides:
        selected = sum((pred == examples.positive).astype(np.int64) for pred in side)
        right = sum((pred == examples.truth).astype(np.int64) for pred in side)
        parts += [(np.asarray(selected), len(side) + 1), (np.asarray(right), len(side) + 1)]
    sizes = tuple(size for _, size in parts)
    codes, counts = np.unique(
        np.ravel_multi_index(tuple(values for values, _ in parts), sizes), return_counts=True
    )
    group, truth, *rest = np.unravel_index(codes, sizes)
    starts = np.searchsorted(group, np.arange(examples.count))
    answers = tuple(
        (rest[2 * place] / len(side), rest[2 * place + 1] / len(side)) for place, side in enumerate(sides)
    )
    return _Cells(counts.astype(np.int64), starts.astype(np.int64), truth.astype(np.float64), answers)


def _sums(cells: _Cells, side: int, weights: Floats) -> dict[str, Floats]:
    """Per resample and group the numbers of examples that the rates are made of."""
    import numpy as np

    selected, right = cells.answers[side]
    truth = cells.positive
    parts = {
        "rows": np.ones_like(truth),
        "positives": truth,
        "negatives": 1 - truth,
        "selected": selected,
        "right": right,
        "true_positives": truth * selected,
        "false_positives": (1 - truth) * selected,
        "false_negatives": truth * (1 - selected),
    }
    return {key: np.add.reduceat(weights * part, cells.starts, axis=1) for key, part in parts.items()}


def _rate(
    values: Floats, point: Mapping[str, Floats], draws: Mapping[str, Floats], above: str, below: str
) -> GroupRates:
    import numpy as np

    defined = point[below][0]
    known: Floats = np.where(defined > 0, values, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        # A resample without any example says nothing of the group: its value stands for it.
        drawn = np.where(draws[below] > 0, draws[above] / draws[below], known)
    return GroupRates(
        values=known,
        defined=defined,
        draws=drawn,
        log=np.log((point[above][0] + 0.5) / (defined + 0.5)),
        log_draws=np.log((draws[above] + 0.5) / (draws[below] + 0.5)),
    )


def _class_values(examples: Examples, preds: Sequence[Floats], names: Sequence[str]) -> dict[str, Floats]:
    """The values of fairlearn, on distinct rows weighted by how often each occurs: as exact, and faster."""
    import numpy as np
    from fairlearn import metrics
    from sklearn import metrics as of_sklearn

    groups, truth = np.tile(examples.groups, len(preds)), np.tile(examples.truth, len(preds))
    rows = np.stack([groups, truth.astype(np.int64), np.concatenate(preds).astype(np.int64)])
    distinct, counts = np.unique(rows, axis=1, return_counts=True)
    functions: dict[str, Callable[..., Any]] = {
        "selection_rate": metrics.selection_rate,
        "true_positive_rate": metrics.true_positive_rate,
        "false_positive_rate": metrics.false_positive_rate,
        "false_negative_rate": metrics.false_negative_rate,
        "precision": partial(of_sklearn.precision_score, zero_division=0),
    }
    right = {"accuracy": of_sklearn.accuracy_score}
    found = _framed(right, distinct[1], distinct[2], distinct[0], counts)
    if len(names) > 1:
        positive, selected = (distinct[1:] == examples.positive).astype(np.int64)
        found |= _framed(functions, positive, selected, distinct[0], counts)
    return found


def _framed(
    functions: Mapping[str, Callable[..., Any]], truth: Any, preds: Any, groups: Any, weights: Any = None
) -> dict[str, Floats]:
    """MetricFrame's values by group, in the order of the groups' codes."""
    from fairlearn.metrics import MetricFrame

    frame = MetricFrame(
        metrics=dict(functions),
        y_true=truth,
        y_pred=preds,
        sensitive_features=groups,
        sample_params=None if weights is None else {name: {"sample_weight": weights} for name in functions},
    )
    by_group = frame.by_group.sort_index()
    return {name: by_group[name].to_numpy(dtype=float) for name in functions}


# ---- quantities --------------------------------------------------------------------------------

QUANTITIES = ("mean_prediction", "mean_error", "mean_absolute_error")


def of_quantities(
    examples: Examples, *, resamples: int = RESAMPLES, seed: int = significance.SEED
) -> tuple[Metrics, Metrics | None]:
    """Mean prediction, mean error (prediction minus truth) and mean absolute error of every group.

    Above 50,000 examples there are fewer resamples, at least 200.
    """
    import numpy as np

    sides = [side for side in (examples.head, examples.base) if side]
    parts = np.concatenate([_row_values(examples.truth, side) for side in sides])
    members = [np.flatnonzero(examples.groups == group) for group in range(examples.count)]
    defined = np.array([float(len(rows)) for rows in members])
    wanted = significance.affordable(resamples, len(examples.truth))

    def means(weights: Floats, _before: int) -> list[Floats]:
        return [_resampled_means(parts[:, rows], weights[rows]) for rows in members]

    drawn = significance.resampled(means, len(examples.truth), wanted, seed)
    # (quantity of a side, group, resample)
    draws = np.concatenate([np.stack(chunk, axis=1) for chunk in drawn], axis=2)
    found = []
    for side, preds in enumerate(sides):
        values = _quantity_values(examples, preds)
        found.append(
            {
                name: _quantity(values[name], defined, draws[side * len(QUANTITIES) + place].T)
                for place, name in enumerate(QUANTITIES)
            }
        )
    return found[0], found[1] if examples.base else None


def _row_values(truth: Floats, preds: Sequence[Floats]) -> Floats:
    """Each example's prediction, error and absolute error, the mean over the trainings."""
    import numpy as np

    answered = np.stack(preds)
    errors = answered - truth
    return np.stack([answered.mean(axis=0), errors.mean(axis=0), np.abs(errors).mean(axis=0)])


def _resampled_means(parts: Floats, weights: Floats) -> Floats:
    import numpy as np

    drawn = weights.sum(axis=0)
    means: Floats = parts @ weights / np.maximum(drawn, 1)
    return np.where(drawn > 0, means, parts.mean(axis=1, keepdims=True))


def _quantity(values: Floats, defined: Floats, draws: Floats) -> GroupRates:
    import numpy as np

    least = np.finfo(np.float64).tiny
    return GroupRates(
        values, defined, draws, np.log(np.maximum(values, least)), np.log(np.maximum(draws, least))
    )


def _quantity_values(examples: Examples, preds: Sequence[Floats]) -> dict[str, Floats]:
    import numpy as np
    from fairlearn import metrics
    from sklearn import metrics as of_sklearn

    functions = {
        "mean_prediction": metrics.mean_prediction,
        "mean_error": _mean_error,
        "mean_absolute_error": of_sklearn.mean_absolute_error,
    }
    truth, groups = np.tile(examples.truth, len(preds)), np.tile(examples.groups, len(preds))
    return _framed(functions, truth, np.concatenate(preds), groups)


def _mean_error(truth: Any, preds: Any) -> float:
    return float((preds - truth).mean())
