"""One metric against its limit and its base: the rules, each with the sentence that says it (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mlops_ci.comparing import names
from mlops_ci.evidence import Direction, Metric, Status
from mlops_ci.judging import limits, sentences
from mlops_ci.judging.limits import Change, Effect, Limit
from mlops_ci.judging.sentences import amount
from mlops_ci.writing.figures import number


@dataclass(frozen=True)
class Judged:
    """A metric with the limit that holds for it; ``named``: the limit stands under its own name."""

    metric: Metric
    limit: Limit
    named: bool = False

    @property
    def direction(self) -> Direction | None:
        """Which way is good: as the limit says, else as the name does."""
        return self.limit.direction or self.metric.direction

    @property
    def key(self) -> tuple[str, str]:
        """What tells the metric from its namesakes in other files."""
        return self.metric.name, self.metric.file


@dataclass(frozen=True)
class Said:
    """A status with its sentence; the worst of several is the finding."""

    status: Status
    sentence: str
    hint: str = ""
    change: Change | None = None


_SEVERITY = (Status.FAIL, Status.WARN, Status.INCONCLUSIVE, Status.SKIP, Status.PASS)
OWN_PULL_REQUEST = "mend the cause; if the limit is wrong, change it in a pull request of its own"


def gravest(said: Sequence[Said]) -> Said:
    """The worst status; the change stays known even where another sentence weighs more."""
    first = min(said, key=lambda one: _SEVERITY.index(one.status))
    return replace(first, change=next((one.change for one in said if one.change), None))


@dataclass(frozen=True)
class Against:
    """A metric's effect with its p-values corrected over all ``tests`` metrics of the model."""

    effect: Effect
    p: float
    p_allowed: float
    alpha: float
    tests: int

    @property
    def change(self) -> Change:
        """What the base says, after the correction."""
        return self.effect.change(self.p, self.alpha)


_WRITE_AGAIN = "write it again, or remove its limit"

# ---- the rules ----------------------------------------------------------------------------------


def alone(judged: Judged) -> Iterator[Said]:
    """What is to say of a metric that head or base does not have as a number."""
    metric, name = judged.metric, judged.metric.name
    if metric.head is None and metric.problem in ("NaN", "Infinity", "-Infinity"):
        # What was so before, and of which nobody asks anything, is no reason to refuse this change.
        known = metric.base_problem == metric.problem and not judged.limit.is_set
        status, before = (Status.WARN, ", as at the base") if known else (Status.FAIL, "")
        yield Said(status, f"{name} is {metric.problem}{before}.", "find the stage that divides by nothing")
    elif metric.head is None and metric.problem in ("", "missing", "null"):
        was = f" It was {number(metric.base)} at the base." if metric.base is not None else ""
        status = Status.FAIL if judged.limit.is_set else Status.WARN
        yield Said(status, f"{name} is {metric.problem or 'missing'}.{was}", _WRITE_AGAIN)
    elif metric.head is None:
        yield Said(Status.SKIP, f"{name} has no value: {metric.problem}.")
    elif metric.base is None and metric.base_problem not in ("", "missing"):
        yield Said(Status.WARN, f"{name} cannot be compared: at the base it is {metric.base_problem}.")
    elif metric.base is None:
        yield Said(Status.PASS, f"{name} is new: {number(metric.head)}.")


def absolute(judged: Judged) -> Said | None:
    """The point estimate against ``min`` and ``max``."""
    limit, value, name = judged.limit, judged.metric.head, judged.metric.name
    if value is None or (limit.min is None and limit.max is None):
        return None
    if limit.min is not None and value < limit.min:
        said = f"{name} is {number(value)}, below the minimum {amount(limit.min)}."
        return Said(Status.FAIL, said, OWN_PULL_REQUEST)
    if limit.max is not None and value > limit.max:
        said = f"{name} is {number(value)}, above the maximum {amount(limit.max)}."
        return Said(Status.FAIL, said, OWN_PULL_REQUEST)
    return Said(Status.PASS, f"{name} is {number(value)}, within {limit.words()}.")


def with_interval(judged: Judged, against: Against) -> Said:
    """A compared metric: refused where the drop is surely more than allowed, unsure where it may be."""
    effect, change = against.effect, against.change
    asked = judged.limit.max_drop is not None
    said = sentences.difference(judged.metric.name, effect)
    if change == "same":
        return Said(Status.PASS, f"{judged.metric.name} is unchanged.", change=change)
    if effect.exceeds(against.p_allowed, against.alpha):
        status, beyond = (
            (Status.FAIL, f"more than the allowed {amount(effect.allowed)}")
            if asked
            else (Status.WARN, "more than chance explains")
        )
        return Said(status, f"{said}, {beyond}.", OWN_PULL_REQUEST if asked else _SET_LIMIT, change)
    if change == "better":
        return Said(Status.PASS, f"{said}, more than chance explains.", change=change)
    if effect.keeps:
        within = f", within the allowed {amount(effect.allowed)}" if effect.allowed else ""
        return Said(Status.PASS, f"{said}{within}.", change=change)
    hint = "measure on more examples, or average over more training seeds"
    return Said(
        Status.INCONCLUSIVE, sentences.unsure(judged.metric.name, effect, against.tests), hint, change
    )


_SET_LIMIT = "look at what feeds it; to refuse or to allow this, set max_drop in mlops-ci.yaml"


def by_value(judged: Judged, *, has_predictions: bool) -> Said | None:
    """A metric without an interval: only the two numbers are there to judge by."""
    metric, name = judged.metric, judged.metric.name
    if metric.head is None or metric.base is None:
        return None
    if metric.head == metric.base:
        return Said(Status.PASS, f"{name} is unchanged.", change="same")
    if judged.direction is None:
        return _undirected(judged)
    delta = metric.head - metric.base
    gain = delta if judged.direction == "higher" else -delta
    said = f"{sentences.moved(name, delta)} (no interval)"
    hint = _NOT_RECOMPUTED if has_predictions else _WRITE_PREDICTIONS
    if gain > 0:
        return Said(Status.PASS, f"{said}.", hint, "better")
    return _dropped(judged, said, -gain, limits.allowed_drop(judged.limit, metric.base), hint)


def _dropped(judged: Judged, said: str, drop: float, allowed: float, hint: str) -> Said:
    if not limits.drop_exceeds(drop, allowed):
        return Said(Status.PASS, f"{said}, within the allowed {amount(allowed)}.", hint, "worse")
    if judged.limit.max_drop is None:
        return Said(Status.WARN, f"{said}.", hint, "worse")
    beyond = f"more than the allowed {amount(allowed)}"
    return Said(Status.FAIL, f"{said}, {beyond}.", OWN_PULL_REQUEST, "worse")


def _undirected(judged: Judged) -> Said | None:
    """A moved number of which nobody knows which way is good; a count is no metric at all.

    An allowed drop asks for an answer all the same; of a count it does so only under the count's name.
    """
    name, count = judged.metric.name, names.is_count(judged.metric.name)
    hint = f"set direction: higher or lower for {name} in mlops-ci.yaml, or list it under ignore"
    if judged.limit.max_drop is not None and (judged.named or not count):
        said = f"The allowed drop of {name} cannot be judged: its name does not say which way is good."
        return Said(Status.SKIP, said, hint)
    if count or judged.limit.is_set:
        return None
    return Said(Status.SKIP, f"{name} is not judged: its name does not say which way is good.", hint)


_NOT_RECOMPUTED = "the predictions do not give this value; averaged over training seeds it has an interval"
_WRITE_PREDICTIONS = (
    "write per-example predictions (y_true, y_pred, y_score) as an output to tell it from noise"
)
