"""What the checks measured of one model, as data for a report: data, fairness, serving, behaviour, re-run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mlops_ci.evidence import (
    BatchLatency,
    Behaviour,
    CheckResult,
    DataRule,
    Disparity,
    Fairness,
    Finding,
    GroupMetric,
    GroupScore,
    Latency,
    ModelEvidence,
    Reproduction,
    Rerun,
    RerunMetric,
    Status,
    TableCheck,
)
from mlops_ci.judging import fairness
from mlops_ci.report.drifted import DriftView, about, drift_view
from mlops_ci.report.ladder import Detail, Rows, capped

_ORDER = ("fail", "waived", "warn", "inconclusive", "skip", "pass", "")
# The gates of the checks; a repository that configures none of them hears nothing of them in a comment.
OPTIONAL = ("data", "drift", "fairness", "model", "latency", "reproducibility")


@dataclass(frozen=True)
class RuleRow:
    """A broken rule, with the status that its gate gave it."""

    facts: DataRule
    status: str


@dataclass(frozen=True)
class TableView:
    """A table against its rules; ``total`` counts all that were looked at, ``kept`` those that hold."""

    facts: TableCheck
    status: str
    broken: Rows[RuleRow]
    kept: int
    total: int


@dataclass(frozen=True)
class DisparityRow:
    """How far apart groups are, with what its gate says of it."""

    facts: Disparity
    status: str
    limit: str


@dataclass(frozen=True)
class GroupRow:
    """One group with its value of every metric, in the order of ``FairnessView.metrics``."""

    group: str
    rows: int
    scores: tuple[GroupScore | None, ...]


@dataclass(frozen=True)
class FairnessView:
    """The groups of one column; ``small`` are groups with too few rows to enter, ``unnamed`` counts more."""

    facts: Fairness
    disparities: Rows[DisparityRow]
    metrics: tuple[GroupMetric, ...]
    groups: Rows[GroupRow]
    small: tuple[str, ...]
    unnamed: str


@dataclass(frozen=True)
class BatchRow:
    """One batch size, with what its gate says of it."""

    facts: BatchLatency
    status: str
    limit: str


@dataclass(frozen=True)
class LatencyView:
    """What serving costs; a figure of head and base as (name, head, base)."""

    facts: Latency
    batches: Rows[BatchRow]
    sizes: tuple[tuple[str, int | None, int | None], ...]


@dataclass(frozen=True)
class TrialRow:
    """One trial of the model, with the status that its gate gave it."""

    facts: CheckResult
    status: str


@dataclass(frozen=True)
class BehaviourView:
    """What was tried; ``failed`` did not hold, ``untried`` could not be tried."""

    facts: Behaviour
    failed: Rows[TrialRow]
    untried: Rows[TrialRow]
    passed: Rows[TrialRow]


@dataclass(frozen=True)
class ReproductionView:
    """A run from scratch; ``moved`` are metrics that came out differently."""

    facts: Reproduction
    status: str
    same: int
    differing: Rows[Rerun]
    moved: Rows[RerunMetric]


@dataclass(frozen=True)
class Checks:
    """All checks of one model; ``said`` are the findings of each gate that no row tells."""

    drift: tuple[DriftView, ...] = ()
    tables: tuple[TableView, ...] = ()
    fairness: tuple[FairnessView, ...] = ()
    latency: LatencyView | None = None
    behaviour: BehaviourView | None = None
    reproduction: ReproductionView | None = None
    said: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)

    @property
    def measured(self) -> tuple[str, ...]:
        """The gates that had something to judge."""
        found = {
            "data": self.tables,
            "drift": self.drift,
            "fairness": self.fairness,
            "model": self.behaviour,
            "latency": self.latency,
            "reproducibility": self.reproduction,
        }
        return tuple(gate for gate, facts in found.items() if facts)

    @property
    def hidden(self) -> int:
        """Rows that a smaller report does not show."""
        serving = (self.latency.batches.hidden if self.latency else 0) + (
            self.behaviour.failed.hidden + self.behaviour.untried.hidden if self.behaviour else 0
        )
        rerun = (
            self.reproduction.differing.hidden + self.reproduction.moved.hidden if self.reproduction else 0
        )
        groups = sum(one.groups.hidden + one.disparities.hidden for one in self.fairness)
        return serving + rerun + groups + sum(one.broken.hidden for one in self.tables)


def checks_of(
    model: ModelEvidence, findings: Sequence[Finding], detail: Detail, told: Collection[Finding] = ()
) -> Checks:
    """Prepare the checks of a model; ``told`` are findings that the head of the report tells already."""
    return Checks(
        drift=tuple(drift_view(one, findings, detail, told) for one in model.drift),
        tables=tuple(_table(one, findings, detail) for one in model.tables),
        fairness=tuple(_fairness(one, findings, detail) for one in model.fairness),
        latency=_latency(model.latency, findings, detail) if model.latency else None,
        behaviour=_behaviour(model.behaviour, findings, detail) if model.behaviour else None,
        reproduction=_reproduction(model.reproduction, findings, detail) if model.reproduction else None,
        said={gate: _said(model, gate, findings, told) for gate in OPTIONAL},
    )


def _said(
    model: ModelEvidence, gate: str, findings: Iterable[Finding], told: Collection[Finding]
) -> tuple[Finding, ...]:
    """The findings of a gate that neither the head nor a row tells, the gravest first."""
    loud = (Status.FAIL, Status.WARN, Status.INCONCLUSIVE)
    own = [one for one in findings if one.gate == gate and one.status in loud and one not in told]
    rows = _told_by_rows(model)
    kept = [
        one
        for one in own
        if (gate, one.subject) not in rows and not any(about(one, drift) for drift in model.drift)
    ]
    return tuple(sorted(kept, key=lambda one: loud.index(one.status)))


def _told_by_rows(model: ModelEvidence) -> set[tuple[str, str]]:
    """The findings, by gate and subject, whose row shows their status and their figures."""
    batches = model.latency.batches if model.latency else ()
    trials = model.behaviour.checks if model.behaviour else ()
    rules = [
        (table, rule) for table in model.tables for rule in table.rules if not rule.ok and not rule.problem
    ]
    failed = model.reproduction.failed if model.reproduction else ""
    return {
        *(("data", table.table) for table in model.tables if table.problem),
        *(("data", _subject(table, rule)) for table, rule in rules),
        *(("data", f"{table.table} {rule.rule}") for table, rule in rules),
        *([("reproducibility", failed)] if failed else ()),
        *(("latency", f"batch of {one.batch_size}") for one in batches),
        *(("model", one.check) for one in trials if one.ok is False),
    }


def _of(findings: Iterable[Finding], gate: str, subject: str) -> Finding | None:
    return next((one for one in findings if one.gate == gate and one.subject == subject), None)


def _status(found: Finding | None) -> str:
    if found is None:
        return ""
    waived = found.waiver is not None and found.status is Status.FAIL
    return "waived" if waived else found.status.value.lower()


# ---- data ----------------------------------------------------------------------------------------


def _table(check: TableCheck, findings: Sequence[Finding], detail: Detail) -> TableView:
    """A rule counts as broken where its gate says so; where no gate spoke, where it does not hold."""
    own = {one.subject: one for one in findings if one.gate == "data"}
    rows = [
        RuleRow(rule, _status(own.get(_subject(check, rule)) or own.get(f"{check.table} {rule.rule}")))
        for rule in check.rules
        if not rule.ok and not rule.problem
    ]
    broken = [row for row in rows if row.status or not own]
    total = max(check.checked, len(check.rules))
    lost = max(0, check.broken - sum(not rule.ok for rule in check.rules))
    return TableView(
        facts=check,
        status=_status(own.get(check.table)),
        broken=capped(sorted(broken, key=lambda row: _ORDER.index(row.status)), detail.rules),
        kept=total - lost - sum(not rule.ok for rule in check.rules),
        total=total,
    )


def _subject(check: TableCheck, rule: DataRule) -> str:
    return " ".join(part for part in (check.table, rule.column, rule.rule) if part)


# ---- fairness ------------------------------------------------------------------------------------


def _fairness(facts: Fairness, findings: Sequence[Finding], detail: Detail) -> FairnessView:
    rows = [_disparity(one, facts.column, findings) for one in facts.disparities]
    told = _of(findings, "fairness", f"{facts.column} small groups")
    small = () if told else dict.fromkeys(group for one in facts.disparities for group in one.small)
    return FairnessView(
        facts=facts,
        disparities=capped(sorted(rows, key=lambda row: _ORDER.index(row.status)), max(1, detail.rules)),
        metrics=facts.metrics,
        groups=capped(_groups(facts.metrics), detail.groups),
        small=tuple(small),
        unnamed="" if told or not facts.rare else fairness.unnamed(facts.rare),
    )


def _disparity(facts: Disparity, column: str, findings: Iterable[Finding]) -> DisparityRow:
    found = _of(findings, "fairness", f"{column} {facts.name}")
    return DisparityRow(facts, _status(found), found.limit if found else "")


def _groups(metrics: Sequence[GroupMetric]) -> list[GroupRow]:
    names = dict.fromkeys(score.group for metric in metrics for score in metric.groups)
    by_metric = [{score.group: score for score in metric.groups} for metric in metrics]
    rows = []
    for name in names:
        scores = tuple(scores.get(name) for scores in by_metric)
        rows.append(GroupRow(name, max(score.rows for score in scores if score), scores))
    return sorted(rows, key=lambda row: (-row.rows, row.group))


# ---- serving and behaviour -----------------------------------------------------------------------


def _latency(facts: Latency, findings: Sequence[Finding], detail: Detail) -> LatencyView:
    sizes = (
        ("Model size", facts.size, facts.base_size),
        ("Memory", facts.memory, facts.base_memory),
    )
    rows = [_batch(one, _of(findings, "latency", f"batch of {one.batch_size}")) for one in facts.batches]
    return LatencyView(facts, capped(rows, detail.rules), tuple(one for one in sizes if one[1] is not None))


def _batch(facts: BatchLatency, found: Finding | None) -> BatchRow:
    return BatchRow(facts, _status(found), found.limit if found else "")


def _behaviour(facts: Behaviour, findings: Sequence[Finding], detail: Detail) -> BehaviourView:
    usual = {True: "pass", False: "fail", None: "skip"}
    rows = [
        TrialRow(one, _status(_of(findings, "model", one.check)) or usual[one.ok]) for one in facts.checks
    ]
    return BehaviourView(
        facts=facts,
        failed=capped([row for row in rows if row.facts.ok is False], detail.rules),
        untried=capped([row for row in rows if row.facts.ok is None], detail.rules),
        passed=capped([row for row in rows if row.facts.ok], detail.rules),
    )


# ---- reproducibility -----------------------------------------------------------------------------


def _reproduction(facts: Reproduction, findings: Sequence[Finding], detail: Detail) -> ReproductionView:
    differing = [one for one in facts.outputs if not one.same]
    return ReproductionView(
        facts=facts,
        status=_status(_of(findings, "reproducibility", facts.failed)) if facts.failed else "",
        same=len(facts.outputs) - len(differing),
        differing=capped(differing, detail.rules),
        moved=capped([one for one in facts.metrics if one.first != one.again], detail.rules),
    )


# ---- what was not checked ------------------------------------------------------------------------


@dataclass(frozen=True)
class Unchecked:
    """A gate that could say nothing, why, and of which models."""

    gate: str
    sentence: str
    hint: str
    models: tuple[str, ...]


def unchecked(findings: Iterable[Finding], gates: Sequence[str] | None = None) -> tuple[Unchecked, ...]:
    """The skipped gates with their reasons, the models of one reason together; ``gates``: only these."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for one in findings:
        if one.status is Status.SKIP and (gates is None or one.gate in gates):
            found.setdefault((one.gate, one.sentence, one.hint), []).append(one.model)
    return tuple(
        Unchecked(gate, sentence, hint, tuple(filter(None, models)))
        for (gate, sentence, hint), models in found.items()
    )
