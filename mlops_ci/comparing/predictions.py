"""Per-example predictions of base and head to comparisons, floors and slices of the evidence (pure)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from mlops_ci import evidence, significance
from mlops_ci.comparing import scores, weighted
from mlops_ci.comparing.answers import Models, coded, only
from mlops_ci.comparing.scores import Score
from mlops_ci.comparing.tables import (
    MISSING,
    ColumnNames,
    Columns,
    Frame,
    Table,
    UnusableError,
    digest,
    in_order_of,
    read,
)
from mlops_ci.comparing.weighted import Answers, Statistic
from mlops_ci.evidence import Comparison, Floor, Metric, Predictions, Slice
from mlops_ci.profiles.privacy import RARE_ROWS, Privacy
from mlops_ci.significance import Estimate, Pair
from mlops_ci.writing.absent import meant

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

RESAMPLES = 2000
MIN_ROWS = 50
MOST_LEVELS = 30
_TOLERANCE = 1e-6

__all__ = ["Columns", "Compared", "by_seeds", "compare"]


@dataclass(frozen=True)
class Compared:
    """Everything two tables of predictions say about two models."""

    predictions: Predictions
    comparisons: tuple[Comparison, ...] = ()
    floors: tuple[Floor, ...] = ()
    slices: tuple[Slice, ...] = ()


def compare(
    head: Frame,
    base: Frame | str | None,
    metrics: Sequence[Metric],
    *,
    path: str = "",
    columns: ColumnNames = Columns(),  # noqa: B008 - frozen
    label: Callable[[str, str], str] = Privacy().label,  # noqa: B008 - frozen
    resamples: int = RESAMPLES,
    min_rows: int = MIN_ROWS,
    time_ordered: bool = False,
) -> Compared:
    """Compare the predictions of two models on the same examples, for every metric they can give again.

    ``base`` is None or a reason where there is nothing to compare with; floors and slices remain then.
    A metric takes part if computing it from head's predictions gives the value the pipeline reported;
    what could not be compared is said in ``Predictions.reason`` and ``notes``, never raised.
    ``label`` says how a column's value may be shown where it names a slice.
    """
    significance.need_stats()
    try:
        ours = read(head, columns)
    except UnusableError as error:
        reason = f"head's predictions: {error}"
        return Compared(Predictions(path=path, reason=reason), comparisons=by_seeds(metrics))
    theirs, reason, base_facts = _read_base(ours, base, columns)
    facts = {"path": path, "rows": ours.rows, "digest": digest(ours), "seeds": ours.seeds, **base_facts}
    try:
        models = coded(ours, theirs, [_name(metric) for metric in metrics])
    except UnusableError as error:
        facts["reason"] = f"head's predictions: {error}"
        return Compared(Predictions.model_validate(facts), comparisons=by_seeds(metrics))
    usable, notes = _recomputed(models, metrics)
    estimates = _estimates(models, usable, resamples, min_rows, time_ordered=time_ordered)
    comparisons = _comparisons(models, usable, estimates)
    done = {(comparison.metric, comparison.file) for comparison in comparisons}
    rest = [metric for metric in metrics if (metric.name, metric.file) not in done]
    grouped = _group_notes(models, columns, [str(name) for name in head])
    facts |= {"task": models.task, "comparable": theirs is not None, "reason": reason}
    return Compared(
        predictions=Predictions.model_validate({**facts, "notes": (*notes, *grouped)}),
        comparisons=(*comparisons, *by_seeds(rest)),
        floors=_floors(usable, estimates),
        slices=_slices(models, usable, estimates, min_rows, label),
    )


def _read_base(
    head: Table, frame: Frame | str | None, columns: ColumnNames
) -> tuple[Table | None, str, dict[str, object]]:
    """Base's table in head's order, or why there is none, and what is known of it anyway."""
    if frame is None or isinstance(frame, str):
        return None, frame or "the base has no predictions", {}
    facts: dict[str, object] = {}
    try:
        table = read(frame, columns)
        facts = {"base_rows": table.rows, "base_digest": digest(table)}
        return in_order_of(head, table), "", facts
    except UnusableError as error:
        words = "the evaluation set changed" if facts else "base's predictions"
        return None, f"{words}: {error}", facts


# ---- which metrics the predictions give again ---------------------------------------------------


def _recomputed(
    models: Models, metrics: Sequence[Metric]
) -> tuple[list[tuple[Metric, Score]], tuple[str, ...]]:
    """The metrics whose reported value the predictions confirm, and a note for each they contradict."""
    usable, notes = [], []
    for metric in metrics:
        if metric.head is None:
            continue
        tried = [
            (score, _mean_value(score, models.head))
            for score in scores.candidates(_name(metric), models.task)
            if _possible(score, models.head) and (not models.base or _possible(score, models.base))
        ]
        fitting = next((score for score, value in tried if agrees(metric.head, value)), None)
        if fitting is None:
            notes += [f"{_name(metric)}: {_contradiction('head', metric.head, tried[0][1])}"] if tried else []
        elif models.base and not agrees(metric.base, value := _mean_value(fitting, models.base)):
            notes.append(f"{_name(metric)}: {_contradiction('base', metric.base, value)}")
        else:
            usable.append((metric, fitting))
    return usable, tuple(notes)


def _name(metric: Metric) -> str:
    """What the metric is called; a file that is one bare number has only its own name."""
    return metric.name or PurePosixPath(metric.file).stem


def _contradiction(side: str, reported: float | None, value: float) -> str:
    if not math.isfinite(value):
        return f"undefined on {side}'s predictions (perhaps only one class occurs), so not compared"
    return (
        f"the pipeline reported {reported:.6g} at {side}, the predictions give {value:.6g}, so not compared"
    )


def _possible(score: Score, answers: Sequence[Answers]) -> bool:
    """Whether the columns that a score needs are there and hold what it needs."""
    if score.needs == "pred":
        return all(one.pred is not None for one in answers)
    found = [one.score for one in answers if one.score is not None]
    if score.needs == "probability" and any(values.min() < 0 or values.max() > 1 for values in found):
        return False
    return len(found) == len(answers)


def _mean_value(score: Score, answers: Sequence[Answers]) -> float:
    values = [weighted.value(score.statistic(one), len(one.truth)) for one in answers]
    return math.fsum(values) / len(values)


def agrees(reported: float | None, value: float) -> bool:
    """Whether a reported value is this one: to a millionth, or rounded to the digits it was written with."""
    if reported is None:
        return True
    if not math.isfinite(value):
        return False
    if math.isclose(reported, value, rel_tol=_TOLERANCE, abs_tol=1e-12):
        return True
    _, _, decimals = repr(reported).partition(".")
    step = 10.0 ** -len(decimals) if decimals.isdigit() else 0.0
    # Two digits or fewer would agree with too much.
    return step <= abs(reported) / 50 and abs(reported - value) <= step / 2 * (1 + 1e-9)


# ---- one bootstrap for everything --------------------------------------------------------------

_Key = tuple[str, ...]
_Estimates = dict[_Key, Estimate]


def _estimates(
    models: Models,
    usable: Sequence[tuple[Metric, Score]],
    resamples: int,
    min_rows: int,
    *,
    time_ordered: bool,
) -> _Estimates:
    """All estimates of a model from the same resamples: against base, floors and slices."""
    pairs: dict[_Key, Pair] = {}
    for score in {score.name: score for _, score in usable}.values():
        ours, theirs = _statistics(score, models.head), _statistics(score, models.base)
        if theirs:
            pairs["base", score.name] = Pair(ours, theirs, score.fast)
        if score.floor and (floor := _best_floor(score, models, time_ordered=time_ordered)):
            pairs["floor", score.name, floor[0]] = Pair(ours, (floor[1],), score.fast, fixed=True)
    for column, level, rows in _levels(models, min_rows) if usable and models.base else ():
        score = usable[0][1]
        ours, theirs = (_statistics(score, side, rows) for side in (models.head, models.base))
        pairs["slice", column, level] = Pair(ours, theirs, score.fast)
    found = significance.paired(pairs, models.rows, resamples=resamples)
    return {key: one for key, one in found.items() if isinstance(one, Estimate)}


def _statistics(
    score: Score, answers: Sequence[Answers], rows: npt.NDArray[np.intp] | None = None
) -> tuple[Statistic, ...]:
    if rows is None:
        return tuple(score.statistic(one) for one in answers)
    return tuple(weighted.subset(score.statistic(only(one, rows)), rows) for one in answers)


def _comparison(metric: Metric, estimate: Estimate) -> Comparison:
    return Comparison(
        metric=metric.name,
        file=metric.file,
        delta=estimate.delta,
        interval=evidence.Interval(low=estimate.low, high=estimate.high, level=significance.LEVEL),
        se=estimate.se,
        df=estimate.df,
        p=estimate.p,
        n=estimate.n,
        method=estimate.method,
        seeds=estimate.seeds,
        seed_se=estimate.seed_se,
    )


def _comparisons(
    models: Models, usable: Sequence[tuple[Metric, Score]], estimates: _Estimates
) -> tuple[Comparison, ...]:
    found = []
    for metric, score in usable:
        estimate = estimates.get(("base", score.name))
        if estimate is None:
            continue
        if score.hits and estimate.seeds == (1, 1):
            ours, theirs = models.head[0], models.base[0]
            estimate = significance.with_exact_p(
                estimate, ours.truth == ours.with_pred(), theirs.truth == theirs.with_pred()
            )
        found.append(_comparison(metric, estimate))
    return tuple(found)


def by_seeds(metrics: Sequence[Metric]) -> tuple[Comparison, ...]:
    """Comparisons of metrics that were trained over several seeds but have no predictions to compare."""
    pairs = ((metric, significance.between_seeds(metric.seeds, metric.base_seeds)) for metric in metrics)
    return tuple(_comparison(metric, one) for metric, one in pairs if isinstance(one, Estimate))


# ---- the trivial model --------------------------------------------------------------------------


def _trivial(score: Score, models: Models, *, time_ordered: bool) -> Iterator[tuple[str, Answers]]:
    """Models that look at no feature, fitted on the evaluation set itself, which is in their favour.

    They are scikit-learn's DummyRegressor and DummyClassifier(strategy="prior"), without the second that
    importing them takes.
    """
    import numpy as np

    head = models.head[0]
    if models.task == "regression":
        for strategy, middle in (("mean", np.mean(head.truth)), ("median", np.median(head.truth))):
            yield strategy, Answers(head.truth, np.full(models.rows, middle))
    else:
        prior = np.bincount(head.truth.astype(np.intp), minlength=head.classes) / models.rows
        likely = np.tile(prior, (models.rows, 1))
        shape = likely[:, 1] if models.task == "binary" else likely
        name = "majority class" if score.needs == "pred" else "class prior"
        yield name, Answers(head.truth, np.full(models.rows, prior.argmax()), shape, head.classes)
    if time_ordered and score.needs == "pred":
        last = np.concatenate([head.truth[1:2], head.truth[:-1]])
        yield "last value", Answers(head.truth, last, None, head.classes)


def _best_floor(score: Score, models: Models, *, time_ordered: bool) -> tuple[str, Statistic] | None:
    if models.rows < 2:
        return None
    sign = 1 if score.direction == "higher" else -1
    tried = [
        (kind, score.statistic(answers))
        for kind, answers in _trivial(score, models, time_ordered=time_ordered)
    ]
    return max(tried, key=lambda one: sign * weighted.value(one[1], models.rows))


def _floors(usable: Sequence[tuple[Metric, Score]], estimates: _Estimates) -> tuple[Floor, ...]:
    kinds = {key[1]: (key[2], one) for key, one in estimates.items() if key[0] == "floor"}
    return tuple(
        Floor(
            metric=metric.name,
            file=metric.file,
            kind=kinds[score.name][0],
            value=kinds[score.name][1].base,
            margin=_comparison(metric, kinds[score.name][1]),
        )
        for metric, score in usable
        if score.name in kinds
    )


# ---- slices -------------------------------------------------------------------------------------


def _levels(models: Models, min_rows: int) -> Iterator[tuple[str, str, npt.NDArray[np.intp]]]:
    """Every group that is large enough to say something and to be named, of columns with few enough."""
    import numpy as np

    for column, values in models.groups.items():
        levels = np.unique(values)
        for level in levels if len(levels) <= MOST_LEVELS else ():
            rows = np.flatnonzero(values == level)
            if len(rows) >= max(min_rows, RARE_ROWS):
                yield column, str(level), rows


def _slices(
    models: Models,
    usable: Sequence[tuple[Metric, Score]],
    estimates: _Estimates,
    min_rows: int,
    label: Callable[[str, str], str],
) -> tuple[Slice, ...]:
    """The first comparable metric on every group."""
    found: list[Slice] = []
    for column, level, rows in _levels(models, min_rows) if usable else ():
        metric, score = usable[0]
        head = _mean_value(score, [only(one, rows) for one in models.head])
        base = _mean_value(score, [only(one, rows) for one in models.base]) if models.base else None
        if not math.isfinite(head):
            continue
        estimate = estimates.get(("slice", column, level))
        found.append(
            Slice(
                column=column,
                level=MISSING if level == MISSING else label(column, level),
                rows=len(rows),
                metric=metric.name,
                head=head,
                base=base if base is not None and math.isfinite(base) else None,
                comparison=_comparison(metric, estimate).model_copy(update={"n": len(rows)})
                if estimate
                else None,
            )
        )
    return tuple(found)


def _group_notes(models: Models, columns: ColumnNames, known: Sequence[str]) -> tuple[str, ...]:
    import numpy as np

    missing = [
        f"there is no group column {name}{meant(name, known)}"
        for name in columns.groups
        if name not in models.groups
    ]
    counts = {name: len(np.unique(values)) for name, values in models.groups.items()}
    many = [f"{name} has {k:,} groups, too many to slice by" for name, k in counts.items() if k > MOST_LEVELS]
    return (*missing, *many)
