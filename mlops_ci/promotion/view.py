"""The body of a promotion's pull request as data: what a template says, and what it leaves out (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from mlops_ci.promotion import words
from mlops_ci.promotion.context import Context, Setting, Shipped
from mlops_ci.promotion.record import Accepted, Input, Judgement, Metric, Named, Record
from mlops_ci.promotion.recording import named
from mlops_ci.promotion.world import Decision

Row = TypeVar("Row")


@dataclass(frozen=True)
class Rows(Generic[Row]):
    """The first rows of a list, and how many more there are."""

    shown: tuple[Row, ...]
    hidden: int = 0

    @property
    def total(self) -> int:
        """How many there are."""
        return len(self.shown) + self.hidden


@dataclass(frozen=True)
class StepRow:
    """A step of the strategy in words; ``now``: it is this pull request's."""

    share: str
    now: bool


@dataclass(frozen=True)
class MetricRow:
    """A metric with what its difference means: better, worse, inconclusive, moved, same or unknown."""

    facts: Metric
    delta: float | None
    change: str


@dataclass(frozen=True)
class EditRow:
    """A value of the manifest that changes, as its file would write it; None: it is not there."""

    place: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class One:
    """One decision. ``stable`` is what answers now and ``gone`` what leaves, by a rollback or at the end.

    ``champion`` is what the metrics are compared with; ``intervals``: some difference has one.
    """

    decision: Decision
    record: Record
    stable: Named | None
    gone: Named | None
    steps: tuple[StepRow, ...]
    step_soak: str
    metrics: Rows[MetricRow]
    champion: Named | None
    intervals: bool
    loud: Rows[Judgement]
    passed: Rows[Judgement]
    waivers: Rows[Accepted]
    ships: Rows[Shipped]
    edits: Rows[EditRow]
    data: Rows[Input]
    params: Rows[tuple[str, str]]
    notes: Rows[str]
    unknown: Rows[str]
    commits: int | None
    commit_url: str
    log_path: str


@dataclass(frozen=True)
class View:
    """A whole body; ``group`` is the group's name, empty where the pull request is of one model.

    ``rows`` is how much of every list is shown; 0: only what merging does.
    """

    environment: str
    all: Rows[One]
    group: str
    automatic: bool
    approvals: int
    tool: str
    rows: int

    @property
    def one(self) -> One:
        """The only decision."""
        return self.all.shown[0]


def view(parts: Sequence[tuple[Decision, Context, Record]], group: str, setting: Setting, rows: int) -> View:
    """Prepare a body with so many rows of every list."""
    decisions = [decision for decision, _, _ in parts]
    most = max(rows, 1) if not group else max(20, 2 * rows)
    return View(
        environment=decisions[0].environment,
        all=_capped((one(*part, setting, rows) for part in parts), most),
        group=group,
        automatic=all(decision.automatic for decision in decisions),
        approvals=max(decision.needed for decision in decisions),
        tool=setting.tool,
        rows=rows,
    )


def one(decision: Decision, context: Context, record: Record, setting: Setting, rows: int) -> One:
    """One decision with so many rows of every list."""
    evidence = record.evidence
    loud = [gate for gate in evidence.gates if gate.status not in ("PASS", "SKIP")]
    source = setting.source_url.rstrip("/")
    return One(
        decision=decision,
        record=record,
        stable=named(decision.before.stable, decision, context),
        gone=_gone(decision, context),
        steps=tuple(_steps(decision)),
        step_soak=words.span(decision.step_soak) if decision.step_soak else "",
        metrics=_capped(map(_metric, evidence.metrics), rows),
        champion=_champion(decision, context, record),
        intervals=any(metric.low is not None for metric in evidence.metrics),
        loud=_capped(loud, rows),
        passed=_capped((gate for gate in evidence.gates if gate.status == "PASS"), rows),
        waivers=_capped(evidence.waivers, rows),
        ships=_capped(context.ships, rows),
        edits=_capped((EditRow(e.place, _value(e.old), _value(e.new)) for e in context.edits), rows),
        data=_capped(record.data, rows),
        params=_capped(_flat(record.params), rows),
        notes=_capped((*decision.notes, *context.notes), rows),
        unknown=_capped(_unknown(decision, context, record), rows),
        commits=context.commits,
        commit_url=f"{source}/commit/{record.release.commit}" if source and record.release.commit else "",
        log_path=record.log_path,
    )


def _capped(values: Iterable[Row], most: int) -> Rows[Row]:
    found = tuple(values)
    return Rows(found[:most], max(0, len(found) - most))


def _champion(decision: Decision, context: Context, record: Record) -> Named | None:
    """What the evidence compared with: what is live here, unless that changed since."""
    digest, stable = record.evidence.champion, named(decision.before.stable, decision, context)
    if not digest or (stable and stable.digest == digest):
        return stable if digest else None
    return Named(digest=digest, uri="")


def _gone(decision: Decision, context: Context) -> Named | None:
    """What gets no request any more once this is merged."""
    left = [one for one in decision.before.served if not any(one.is_same(s) for s in decision.after.served)]
    return named(left[-1], decision, context) if left else None


def _steps(decision: Decision) -> Iterator[StepRow]:
    """The steps that are ahead, this pull request's first."""
    for at, rollout in enumerate(decision.path):
        yield StepRow(words.share_name(rollout), at == 0)


def _metric(metric: Metric) -> MetricRow:
    if metric.candidate is None or metric.champion is None:
        return MetricRow(metric, None, "unknown")
    delta = metric.candidate - metric.champion
    if delta == 0:
        return MetricRow(metric, delta, "same")
    if metric.low is None or metric.high is None or not metric.direction:
        return MetricRow(metric, delta, "moved")
    if metric.low <= 0 <= metric.high:
        return MetricRow(metric, delta, "inconclusive")
    return MetricRow(metric, delta, "better" if (delta > 0) == (metric.direction == "higher") else "worse")


def _value(value: Any) -> str | None:
    """A value of a manifest or a parameter in one line; None where it is not there."""
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value) if value != "" else '""'


def _flat(params: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Parameters by their dotted keys."""
    if isinstance(params, dict) and (params or not path):
        for key, value in params.items():
            yield from _flat(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, _value(params) or "null"


def _unknown(decision: Decision, context: Context, record: Record) -> Iterator[str]:
    """What a reviewer might take for known and is not."""
    evidence, stable = record.evidence, named(decision.before.stable, decision, context)
    yield from context.unknown
    if decision.action in ("hold", "unhold"):
        return
    if stable is not None and not stable.digest:
        yield "Which bytes are live now: the address in the manifest names no digest."
    if not evidence.metrics:
        yield "How good it is: there are no metrics of it."
    elif stable is not None and stable.digest not in (evidence.champion, record.release.digest):
        yield "How it compares with what is live here: the two were not measured on the same examples."
    elif stable is not None and all(metric.low is None for metric in evidence.metrics):
        yield "Whether the differences are more than chance: they have no intervals."
    for gate in evidence.gates:
        if gate.status == "SKIP":
            yield f"{gate.gate}: {gate.sentence}"
    if decision.of > 1 and not decision.health:
        yield "Whether it is healthy once it is live: without a health source soak counts from the merge."
