"""Gate: metrics keep their limits, do not get worse than the base, and beat a trivial model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from mlops_ci import significance
from mlops_ci.evidence import (
    Comparison,
    Evidence,
    Finding,
    ModelEvidence,
    Slice,
    Status,
    Where,
)
from mlops_ci.judging import limits, live, sentences, slices
from mlops_ci.judging.limits import Effect, Limit, SliceLimit
from mlops_ci.judging.metric import (
    Against,
    Judged,
    Said,
    absolute,
    alone,
    by_value,
    gravest,
    with_interval,
)

PER_MODEL = True

# YAML reads a bare ``off`` as false.
OnFloor = Annotated[
    Literal["fail", "warn", "off"], BeforeValidator(lambda value: "off" if value is False else value)
]


class Options(BaseModel):
    """What is allowed of a model's metrics."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limits: dict[str, Limit] = Field(
        default_factory=dict,
        description="Limits by metric: its dotted name, or a glob such as *.accuracy; file:name also works.",
    )
    default: Limit = Field(default_factory=Limit, description="The limit of every metric, under its own.")
    alpha: float = Field(
        default=0.05,
        gt=0,
        lt=0.5,
        strict=True,
        description="The share of false alarms among all metrics of a model (Benjamini-Hochberg).",
    )
    floor: OnFloor = Field(
        default="warn", description="What happens to a model that does not beat a trivial one."
    )
    slices: SliceLimit = Field(default_factory=SliceLimit, description="What is allowed of each group.")
    ignore: tuple[str, ...] = Field(default=(), description="Names or globs of metrics that are not judged.")
    informational: tuple[str, ...] = Field(
        default=("train.*", "train_*", "training.*", "training_*", "*.train", "*.training", "*_train"),
        description="Names or globs of metrics that are shown and not judged, unless a limit names them.",
    )


def check(evidence: Evidence, options: Options) -> list[Finding]:
    """Metrics keep their limits, do not get worse than the base, and beat a trivial model."""
    if not evidence.models:
        return [_skip("", "There is no model, so no metric was judged.", required=_asks(options))]
    has_base = evidence.base.metrics is not None
    return [finding for model in evidence.models for finding in _model(model, options, has_base=has_base)]


def _model(model: ModelEvidence, options: Options, *, has_base: bool) -> Iterator[Finding]:
    judged = [
        Judged(
            metric,
            limits.limit_for(metric, options.limits, options.default),
            named=limits.is_named(metric, options.limits),
        )
        for metric in model.metrics
        if not any(limits.matches(metric, key) for key in options.ignore)
    ]
    yield from _absent(model, judged, options)
    if not judged:
        yield _skip(model.name, "No metric was measured.", required=_asks(options))
        return
    if not has_base:
        said = "There is no base to compare with, so only fixed limits are judged."
        yield _finding(model, "base", Status.WARN, said, hint="name it with --base")
    elif not model.changed:
        yield from _unchanged(model, judged)
        return
    moved = _evaluation_set_changed(model)
    if moved:
        yield _finding(
            model,
            "evaluation set",
            Status.INCONCLUSIVE,
            f"The evaluation set is not the base's, so drops are not judged: {_reason(model)}.",
            hint="compare on the same examples: change the data and the model in two pull requests",
        )
    if model.predictions is not None and not model.predictions.rows:
        yield _finding(
            model,
            "predictions",
            Status.WARN,
            f"The predictions cannot be used, so no difference has an interval: {model.predictions.reason}.",
            hint="mend the table that the pipeline writes; docs/statistics.md says what it needs",
        )
    yield from _metrics(model, judged, options, moved=moved)
    yield from () if moved else _live(model, judged, options)
    yield from _floors(model, judged, options)
    yield from _slices(model, judged, options)


# ---- the findings' common parts ----------------------------------------------------------------


def _finding(
    model: ModelEvidence, subject: str, status: Status, sentence: str, *, hint: str = "", metric: str = ""
) -> Finding:
    return Finding(
        gate="metrics",
        subject=subject,
        status=status,
        sentence=sentence,
        model=model.name,
        metric=metric,
        hint=hint,
    )


def _of_metric(
    model: ModelEvidence, judged: Judged, said: Said, comparison: Comparison | None = None
) -> Finding:
    metric = judged.metric
    delta = metric.head - metric.base if metric.head is not None and metric.base is not None else None
    return Finding(
        gate="metrics",
        subject=metric.name,
        status=said.status,
        sentence=said.sentence,
        model=model.name,
        metric=metric.name,
        file=metric.file,
        value=metric.head,
        delta=comparison.delta if comparison else delta,
        interval=comparison.interval if comparison else None,
        limit=judged.limit.words(judged.direction),
        direction=judged.direction,
        change=said.change,
        hint=said.hint,
        where=Where(file=metric.file) if metric.file else None,
        required=said.status is Status.SKIP and judged.limit.is_set,
    )


def _skip(model: str, sentence: str, *, required: bool) -> Finding:
    return Finding(
        gate="metrics",
        subject="metrics",
        status=Status.SKIP,
        sentence=sentence,
        model=model,
        required=required,
        hint="list the metrics files under metrics: in dvc.yaml",
    )


def _asks(options: Options) -> bool:
    """Whether a limit stands somewhere, so that no metric at all is not good enough."""
    return bool(options.limits) or options.default.is_set


def _absent(model: ModelEvidence, judged: Sequence[Judged], options: Options) -> Iterator[Finding]:
    """Limits without a metric, at head or at base: a slip of the pen would hide so.

    A glob may find nothing, so that models of different kinds can share their limits.
    """
    for key, limit in options.limits.items():
        found = any(limits.matches(one.metric, key) for one in judged)
        if found or (limits.is_glob(key) and not limit.required):
            continue
        status = Status.FAIL if limit.required else Status.WARN
        said = f"There is a limit on {key}, but no metric of that name."
        hint = "mend the name in mlops-ci.yaml; a glob such as *accuracy may find nothing"
        yield _finding(model, key, status, said, hint=hint).model_copy(update={"limit": limit.words()})


def _unchanged(model: ModelEvidence, judged: Sequence[Judged]) -> Iterator[Finding]:
    """A model that nothing of the change feeds: a limit it breaks, it broke before.

    A value that is gone was not lost before: the change took it out of a metrics file, or the file away.
    """
    gone = [
        _of_metric(model, one, said)
        for one in judged
        if one.metric.head is None and one.metric.base is not None
        for said in alone(one)
    ]
    yield from gone
    broken = [(one, said) for one in judged if (said := absolute(one)) and said.status is Status.FAIL]
    for one, said in broken:
        hint = "the base has it already: mend it in a pull request of its own"
        yield _of_metric(model, one, Said(Status.WARN, said.sentence, hint, "same"))
    if not broken and not gone:
        yield _finding(model, "metrics", Status.PASS, "Nothing that feeds the model differs from the base.")


# ---- one metric --------------------------------------------------------------------------------


def _evaluation_set_changed(model: ModelEvidence) -> bool:
    """The base has predictions, and they are of other examples."""
    found = model.predictions
    return found is not None and not found.comparable and found.base_rows is not None


def _reason(model: ModelEvidence) -> str:
    return model.predictions.reason.removeprefix("the evaluation set changed: ") if model.predictions else ""


def _metrics(
    model: ModelEvidence, judged: Sequence[Judged], options: Options, *, moved: bool
) -> Iterator[Finding]:
    effects = {} if moved else _effects(model, judged, options)
    change = significance.adjusted([effect.p for effect in effects.values()])
    excess = significance.adjusted([effect.p_allowed for effect in effects.values()])
    against = {
        key: Against(effect, p, q, options.alpha, len(effects))
        for (key, effect), p, q in zip(effects.items(), change, excess, strict=True)
    }
    for one in judged:
        found = against.get(one.key)
        said = [*alone(one)] or [*_compared(model, one, found, options, moved=moved)]
        said += [bound] if (bound := absolute(one)) else []
        # On other examples than the base's nobody knows whether they are the live release's.
        if not moved and not _is_informational(one, options):
            said += live.of_metric(one, model.live, found.effect.gain - found.effect.low if found else 0.0)
        if said:
            yield _of_metric(model, one, gravest(said), found.effect.comparison if found else None)


def _live(model: ModelEvidence, judged: Sequence[Judged], options: Options) -> Iterator[Finding]:
    """The live releases as wholes; what they say of a metric is among what is said of it."""
    asked = [one for one in judged if not _is_informational(one, options)]
    for subject, said in live.of_model(asked, model.live):
        yield _finding(model, subject, said.status, said.sentence, hint=said.hint)


def _comparable(model: ModelEvidence) -> bool:
    return model.predictions is not None and model.predictions.comparable


def _compared(
    model: ModelEvidence, one: Judged, against: Against | None, options: Options, *, moved: bool
) -> Iterator[Said]:
    """What the base says about a metric that both have."""
    if _is_informational(one, options):
        yield Said(Status.PASS, sentences.shown(one.metric.name, one.metric.head, one.metric.base))
    elif against:
        yield with_interval(one, against)
    elif not moved and (found := by_value(one, has_predictions=_comparable(model))):
        yield found


def _is_informational(judged: Judged, options: Options) -> bool:
    named = any(limits.matches(judged.metric, key) for key in options.limits)
    return not named and any(limits.matches(judged.metric, key) for key in options.informational)


def _effects(
    model: ModelEvidence, judged: Sequence[Judged], options: Options
) -> dict[tuple[str, str], Effect]:
    """The comparisons of the metrics that count, each with its allowed drop: one family of tests."""
    compared = {(one.metric, one.file): one for one in model.comparisons}
    return {
        one.key: limits.effect(
            compared[one.key],
            one.direction,
            limits.allowed_drop(one.limit, one.metric.base or 0.0),
            options.alpha,
        )
        for one in judged
        if one.key in compared
        and one.direction
        and one.metric.head is not None
        and not _is_informational(one, options)
    }


# ---- the trivial model -------------------------------------------------------------------------


def _floors(model: ModelEvidence, judged: Sequence[Judged], options: Options) -> Iterator[Finding]:
    """The margin over a trivial model, which must be more than chance explains."""
    known = {one.key: one for one in judged if one.direction and one.limit.floor is not False}
    asked = [
        (known[floor.metric, floor.file], floor)
        for floor in model.floors
        if (floor.metric, floor.file) in known
        and (options.floor != "off" or known[floor.metric, floor.file].limit.floor)
    ]
    adjusted = significance.adjusted([floor.margin.p for _, floor in asked])
    beaten = 0
    for (one, floor), p in zip(asked, adjusted, strict=True):
        effect = limits.effect(floor.margin, one.direction or "higher", 0.0, options.alpha)
        if effect.gain > 0 and p < options.alpha:
            beaten += 1
            continue
        refuses = options.floor == "fail" or one.limit.floor
        status = Status.FAIL if refuses else Status.WARN
        unsure = effect.gain > 0
        yield _finding(
            model,
            f"{one.metric.name} floor",
            Status.INCONCLUSIVE if unsure else status,
            sentences.floor(floor, unsure=unsure),
            hint="a model that does not beat a trivial one has learned nothing of use" if not unsure else "",
            metric=one.metric.name,
        )
    if beaten:
        count = "1 metric" if beaten == 1 else f"{beaten} metrics"
        yield _finding(model, "floor", Status.PASS, f"The model beats a trivial one on {count}.")


# ---- slices ------------------------------------------------------------------------------------


def _slices(model: ModelEvidence, judged: Sequence[Judged], options: Options) -> Iterator[Finding]:
    """The worst group: the one that lost most for sure, else the one with the lowest value."""
    ways = {one.metric.name: one.direction for one in reversed(judged) if one.direction}
    found = [
        one for one in slices.worst_first(model.slices, ways, options.slices, options.alpha) if one.judged
    ]
    if not found:
        return
    worst, asked = found[0], options.slices.max_drop is not None
    if worst.lost and worst.effect:
        others = sum(one.lost for one in found) - 1
        told = _slice_finding(
            model,
            worst.group,
            Status.FAIL if asked else Status.WARN,
            sentences.worse_slice(worst.group, worst.effect, others, asked=asked),
            hint="look at the group's rows; slices.max_drop says what a group may lose",
        )
        # The value of one group does not say how many others lost as well.
        alone = {"direction": worst.direction}
        yield told.model_copy(update={"value": None} if others else alone)
        return
    compared = any(one.effect for one in found)
    sentence = sentences.weakest_slice(worst.group, compared=compared)
    yield _slice_finding(model, worst.group, Status.PASS, sentence)


def _slice_finding(
    model: ModelEvidence, group: Slice, status: Status, sentence: str, hint: str = ""
) -> Finding:
    found = _finding(model, sentences.group(group), status, sentence, hint=hint, metric=group.metric)
    if group.comparison is None:
        return found.model_copy(update={"value": group.head})
    return found.model_copy(
        update={"value": group.head, "delta": group.comparison.delta, "interval": group.comparison.interval}
    )
