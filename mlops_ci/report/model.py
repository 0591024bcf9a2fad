"""One model's section of a report, as data: rows, likely causes, slices and floors."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from mlops_ci.evidence import (
    Comparison,
    Direction,
    Finding,
    Floor,
    Interval,
    Metric,
    ModelEvidence,
    Predictions,
    Slice,
    Status,
)
from mlops_ci.judging import sentences, slices
from mlops_ci.report.changes import Cause
from mlops_ci.report.checks import Checks, checks_of
from mlops_ci.report.ladder import Detail, Rows, capped
from mlops_ci.report.live import LiveRow, live_rows
from mlops_ci.report.plots import Plots, plots_of

RANK: Mapping[Status, int] = {
    Status.FAIL: 0,
    Status.WARN: 1,
    Status.INCONCLUSIVE: 2,
    Status.SKIP: 3,
    Status.PASS: 4,
}


@dataclass(frozen=True)
class CauseGroup:
    """Worse metrics that have the same likely causes; no causes is worth saying, too."""

    metrics: tuple[str, ...]
    causes: Rows[Cause]


@dataclass(frozen=True)
class MetricRow:
    """One metric as judged.

    ``status`` is that of its worst finding, ``waived`` where that is accepted, empty where no gate
    spoke. ``change`` is better, worse, inconclusive, same, new, gone, broken, moved (neither way is known
    to be good) or uncompared (the evaluation set changed). ``spread`` is the standard deviation over
    training seeds.
    """

    name: str
    file: str
    status: str
    change: str
    head: float | None
    base: float | None
    delta: float | None
    interval: Interval | None
    limit: str
    spread: float | None
    base_spread: float | None
    problem: str
    base_problem: str

    @property
    def bad(self) -> bool:
        """Whether a reader should ask for the cause; a loss within its limit needs none."""
        return self.status == "fail" or (self.change in ("worse", "gone", "broken") and self.status != "pass")


@dataclass(frozen=True)
class SliceRow:
    """A group of the evaluation set."""

    column: str
    level: str
    rows: int
    metric: str
    head: float
    base: float | None
    delta: float | None
    interval: Interval | None
    change: str

    @property
    def name(self) -> str:
        """The group as a condition: ``sex=Female``."""
        return f"{self.column}={self.level}"


@dataclass(frozen=True)
class FloorRow:
    """A trivial model's score; ``side`` is above, below or unclear, seen from what is good."""

    metric: str
    kind: str
    value: float
    margin: float
    interval: Interval
    side: str


@dataclass(frozen=True)
class ModelView:
    """Everything a template says about one changed model."""

    name: str
    path: str
    status: str
    old_digest: str | None
    digest: str | None
    size: int | None
    rows: Rows[MetricRow]
    unchanged: Rows[str]
    level: float | None
    findings: tuple[Finding, ...]
    causes: tuple[CauseGroup, ...]
    worst_slice: SliceRow | None
    slices: Rows[SliceRow]
    floors: tuple[FloorRow, ...]
    live: tuple[LiveRow, ...]
    predictions: Predictions | None
    notes: Rows[str]
    examples: int | None
    seeds: int
    base_seeds: int
    plots: Plots
    checks: Checks

    @property
    def has_intervals(self) -> bool:
        """Whether the table needs the column."""
        return any(row.interval for row in self.rows.shown)

    @property
    def has_limits(self) -> bool:
        """Whether the table needs the column."""
        return any(row.limit for row in self.rows.shown)

    @property
    def has_base(self) -> bool:
        """Whether anything was there to compare with."""
        return any(row.base is not None for row in self.rows.shown)


def status_of(findings: Iterable[Finding]) -> str:
    """The worst status of findings, in lower case; ``waived`` where the worst is accepted."""
    ordered = sorted(findings, key=severity)
    if not ordered:
        return ""
    return "waived" if _waived(ordered[0]) else ordered[0].status.value.lower()


def model_status(findings: Sequence[Finding]) -> str:
    """A model's status; a check that nobody asked for does not lower it."""
    asked = [found for found in findings if found.status is not Status.SKIP or found.required]
    return status_of(asked or findings)


def severity(finding: Finding) -> float:
    """How early a finding is told: failures, accepted failures, warnings, then what is unsure."""
    return 0.5 if _waived(finding) else RANK[finding.status]


def _waived(finding: Finding) -> bool:
    return finding.waiver is not None and finding.status is Status.FAIL


_STATUS_ORDER = ("fail", "waived", "warn", "inconclusive", "skip", "pass", "")
_CHANGE_ORDER = ("broken", "gone", "worse", "inconclusive", "better", "new", "uncompared", "moved", "same")


def model_view(
    model: ModelEvidence,
    findings: Sequence[Finding],
    causes: Mapping[str, Sequence[Cause]],
    detail: Detail,
    said: Collection[Finding] = (),
) -> ModelView:
    """Prepare one model; ``findings`` are its own, ``causes`` are all changes by the stage they feed.

    ``said`` are findings that the head of the report tells already.
    """
    every = _metric_rows(model, findings)
    still = [] if detail.unchanged else [row for row in every if _still(row)]
    rows = [row for row in every if detail.unchanged or not _still(row)]
    directions = _directions(model, findings)
    groups = _slice_rows(model, findings, directions)
    levels = {row.interval.level for row in rows if row.interval}
    checks = checks_of(model, findings, detail, said)
    # What a check measured is told in its own part, with its findings.
    others = [found for found in findings if found.gate not in checks.measured and found not in said]
    return ModelView(
        name=model.name,
        path=model.path,
        status=model_status(findings),
        old_digest=model.base_digest,
        digest=model.digest,
        size=model.size,
        rows=capped(rows, detail.metrics),
        unchanged=capped([row.name for row in still], detail.names),
        level=levels.pop() if len(levels) == 1 else None,
        findings=_other_findings(model, others),
        causes=_cause_groups(model, rows, causes, detail),
        worst_slice=groups[0] if groups else None,
        slices=capped(groups, detail.slices),
        floors=_floor_rows(model, directions),
        live=live_rows(model, detail.names) if detail.metrics else (),
        predictions=model.predictions,
        notes=capped(model.predictions.notes if model.predictions else (), detail.names),
        examples=max((c.n for c in model.comparisons if sentences.of_examples(c)), default=None),
        seeds=max((len(metric.seeds) for metric in model.metrics), default=0),
        base_seeds=max((len(metric.base_seeds) for metric in model.metrics), default=0),
        plots=plots_of(model.plots, detail.plots, detail.charts),
        checks=checks,
    )


# ---- metrics -----------------------------------------------------------------------------------


def _metric_rows(model: ModelEvidence, findings: Sequence[Finding]) -> list[MetricRow]:
    compared = {(c.metric, c.file): c for c in model.comparisons}
    compared |= {(c.metric, ""): c for c in reversed(model.comparisons)}
    by_metric: dict[str, list[Finding]] = {}
    moved = _evaluation_set_changed(model)
    for finding in findings:
        by_metric.setdefault(finding.metric, []).append(finding)
    rows = []
    for metric in model.metrics:
        found = [f for f in by_metric.get(metric.name, ()) if f.file in ("", metric.file)]
        comparison = compared.get((metric.name, metric.file)) or (
            compared.get((metric.name, "")) if not _has_namesake(model, metric) else None
        )
        rows.append(_metric_row(metric, _of_row(found), comparison, moved=moved))
    return sorted(rows, key=_worst_first)


def _has_namesake(model: ModelEvidence, metric: Metric) -> bool:
    return sum(other.name == metric.name for other in model.metrics) > 1


def _of_row(findings: Sequence[Finding]) -> Sequence[Finding]:
    """Findings about the metric as a whole: a slice or a floor of it has a subject of its own."""
    return [f for f in findings if f.subject == f.metric] or [f for f in findings if f.delta is not None]


def _worst_first(row: MetricRow) -> tuple[int, int, str, str]:
    return (_STATUS_ORDER.index(row.status), _CHANGE_ORDER.index(row.change), row.file, row.name)


def _metric_row(
    metric: Metric, findings: Sequence[Finding], comparison: Comparison | None, *, moved: bool
) -> MetricRow:
    delta = _delta(metric, comparison)
    said = next((f.change for f in findings if f.change), None)
    intervals = (f.interval for f in findings if f.interval)
    direction = next((f.direction for f in findings if f.direction), metric.direction)
    return MetricRow(
        name=metric.name,
        file=metric.file,
        status=status_of(findings),
        change=_presence(metric) or said or _judged(delta, comparison, direction, moved=moved),
        head=metric.head,
        base=metric.base,
        delta=delta,
        interval=comparison.interval if comparison else next(intervals, None),
        limit="; ".join(dict.fromkeys(f.limit for f in findings if f.limit)),
        spread=_spread(metric.seeds),
        base_spread=_spread(metric.base_seeds),
        problem=metric.problem,
        base_problem=metric.base_problem,
    )


def _delta(metric: Metric, comparison: Comparison | None) -> float | None:
    if metric.head is None or metric.base is None:
        return None
    return comparison.delta if comparison else metric.head - metric.base


def _presence(metric: Metric) -> str:
    if metric.head is None:
        return "broken" if metric.problem else "gone"
    return "" if metric.base is not None else "new"


def _evaluation_set_changed(model: ModelEvidence) -> bool:
    """The base has predictions, and they are of other examples: its numbers say nothing of this model."""
    found = model.predictions
    return found is not None and not found.comparable and found.base_rows is not None


def _judged(
    delta: float | None, comparison: Comparison | None, direction: Direction | None, *, moved: bool
) -> str:
    """The change where no gate named it; ``moved``: without an interval nobody can, on other examples."""
    if not delta:
        return "same"
    if moved and comparison is None:
        return "uncompared"
    if direction is None:
        return "moved"
    if comparison and comparison.interval.low <= 0 <= comparison.interval.high:
        return "inconclusive"
    return "better" if (delta > 0) == (direction == "higher") else "worse"


def _spread(values: Sequence[float]) -> float | None:
    return statistics.stdev(values) if len(values) > 1 else None


def _still(row: MetricRow) -> bool:
    return row.change == "same" and row.status in ("pass", "skip", "")


def _other_findings(model: ModelEvidence, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """What is worth a line and has no row: the evaluation set, a slice, a floor, a plug-in's finding."""
    names = {metric.name for metric in model.metrics}
    kept = [
        finding
        for finding in findings
        if finding.status not in (Status.PASS, Status.SKIP)
        and not (finding.metric in names and finding.subject == finding.metric)
    ]
    return tuple(sorted(kept, key=lambda f: (severity(f), f.gate, f.subject)))


# ---- causes ------------------------------------------------------------------------------------


def _cause_groups(
    model: ModelEvidence, rows: Sequence[MetricRow], causes: Mapping[str, Sequence[Cause]], detail: Detail
) -> tuple[CauseGroup, ...]:
    stage_of = {(metric.name, metric.file): metric.stage for metric in model.metrics}
    groups: dict[tuple[Cause, ...], list[str]] = {}
    for row in rows:
        if row.bad and row.change not in ("new", "same"):
            stage = stage_of[row.name, row.file] or model.stage
            groups.setdefault(tuple(causes.get(stage, ())), []).append(row.name)
    return tuple(
        CauseGroup(metrics=tuple(names[: detail.names]), causes=capped(found, detail.causes))
        for found, names in groups.items()
        if detail.causes
    )


# ---- slices and floors ---------------------------------------------------------------------------


def _directions(model: ModelEvidence, findings: Iterable[Finding]) -> dict[str, Direction | None]:
    """Which way is good, by metric: a gate may know better than the name."""
    inferred = {metric.name: metric.direction for metric in model.metrics}
    return {**inferred, **{found.metric: found.direction for found in findings if found.direction}}


def _slice_rows(
    model: ModelEvidence, findings: Sequence[Finding], directions: Mapping[str, Direction | None]
) -> list[SliceRow]:
    """The groups in the gate's order; the one it names is first, whatever its limits are."""
    named = {(found.subject, found.metric) for found in findings}
    ranked = [one.group for one in slices.worst_first(model.slices, directions)]
    first = sorted(ranked, key=lambda one: (sentences.group(one), one.metric) not in named)
    moved = _evaluation_set_changed(model)
    return [_slice_row(one, directions.get(one.metric), moved=moved) for one in first]


def _slice_row(part: Slice, direction: Direction | None, *, moved: bool) -> SliceRow:
    delta = part.comparison.delta if part.comparison else None
    if delta is None and part.base is not None:
        delta = part.head - part.base
    return SliceRow(
        column=part.column,
        level=part.level,
        rows=part.rows,
        metric=part.metric,
        head=part.head,
        base=part.base,
        delta=delta,
        interval=part.comparison.interval if part.comparison else None,
        change=_judged(delta, part.comparison, direction, moved=moved) if delta is not None else "new",
    )


def _floor_rows(model: ModelEvidence, directions: Mapping[str, Direction | None]) -> tuple[FloorRow, ...]:
    return tuple(_floor_row(floor, directions.get(floor.metric)) for floor in model.floors)


def _floor_row(floor: Floor, direction: Direction | None) -> FloorRow:
    interval = floor.margin.interval
    low, high = interval.low, interval.high
    if direction == "lower":
        low, high = -high, -low
    side = "above" if low > 0 else "below" if high < 0 else "unclear"
    return FloorRow(
        metric=floor.metric,
        kind=floor.kind,
        value=floor.value,
        margin=floor.margin.delta,
        interval=interval,
        side=side,
    )
