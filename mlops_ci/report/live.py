"""What is live beside a change, as data: the values that differ from the base's, and why there are none."""

from __future__ import annotations

from dataclasses import dataclass

from mlops_ci.evidence import LiveRelease, Metric, ModelEvidence
from mlops_ci.report.ladder import Rows, capped


@dataclass(frozen=True)
class LiveMetric:
    """A metric of a live release; ``delta`` is this change minus that, where they can be compared."""

    name: str
    value: float
    delta: float | None


@dataclass(frozen=True)
class LiveRow:
    """A live release; ``problem`` says why its metrics are not compared with, where they are not."""

    environments: tuple[str, ...]
    name: str
    metrics: Rows[LiveMetric]
    problem: str


def live_rows(model: ModelEvidence, most: int) -> tuple[LiveRow, ...]:
    """The live releases that are worth a line, each with ``most`` metrics; one that is the base's is not."""
    found: dict[tuple[str, str, str], list[LiveRelease]] = {}
    for one in model.live:
        key = (one.digest, one.unknown, one.other_examples)
        found.setdefault(key, []).append(one)
    rows = [_row(model, same, most) for same in found.values()]
    return tuple(row for row in rows if row.problem or row.metrics.total)


def _row(model: ModelEvidence, same: list[LiveRelease], most: int) -> LiveRow:
    first = same[0]
    metrics = [found for one in model.metrics if (found := _metric(one, first))]
    return LiveRow(
        environments=tuple(one.environment for one in same),
        name=first.name,
        metrics=capped(metrics, most),
        problem=first.unknown or first.other_examples,
    )


def _metric(metric: Metric, live: LiveRelease) -> LiveMetric | None:
    """The live value of a metric; None where it has none, or only says again what the base says."""
    value = next((one.value for one in metric.live if one.environment == live.environment), None)
    if value is None or value == metric.base:
        return None
    delta = None if metric.head is None or live.other_examples else metric.head - value
    return LiveMetric(metric.name, value, delta)
