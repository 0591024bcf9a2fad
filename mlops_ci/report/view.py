"""A whole report as data: what a template says, in which order, and what it leaves out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from mlops_ci.evidence import (
    Base,
    Environment,
    Evidence,
    Finding,
    Lock,
    Outcome,
    Repository,
    Status,
    Verdict,
    Waiver,
)
from mlops_ci.report.changes import (
    Changes,
    Place,
    Places,
    StagesView,
    by_stage,
    causes_of,
    changes_of,
    stages_of,
)
from mlops_ci.report.checks import OPTIONAL, Unchecked, unchecked
from mlops_ci.report.drifted import Drawn, drawn
from mlops_ci.report.ladder import Detail, Rows, capped
from mlops_ci.report.model import MetricRow, ModelView, model_status, model_view, severity
from mlops_ci.report.price import Money, Price, money


@dataclass(frozen=True)
class Reason:
    """A finding with the place it points to."""

    finding: Finding
    place: Place | None


@dataclass(frozen=True)
class LockView:
    """The lock with the lines of its patch that fit; ``current`` is what its gate says."""

    facts: Lock
    current: bool
    patch: Rows[str]


@dataclass(frozen=True)
class Better:
    """A metric that improved, for the line of a passed report."""

    model: str
    row: MetricRow


@dataclass(frozen=True)
class Head:
    """The verdict in a sentence and what to do next; ``quiet`` is True where there is nothing to tell.

    ``accept`` are the comments by which an owner accepts what refuses, where there may be one.
    """

    outcome: str
    strict: bool
    lead: Reason | None
    reasons: Rows[Reason]
    next: tuple[str, ...]
    accept: Rows[str]
    improved: Rows[Better]
    quiet: bool


@dataclass(frozen=True)
class Models:
    """The changed models, worst first; the names of those without a section; the unchanged names."""

    sections: Rows[ModelView]
    further: Rows[str]
    unchanged: Rows[str]


@dataclass(frozen=True)
class View:
    """Everything a report template may say. The same data for comment and summary."""

    head: Head
    models: Models
    drawn: tuple[Drawn, ...]
    unchecked: Rows[Unchecked]
    changes: Changes
    stages: StagesView
    lock: LockView
    findings: tuple[Finding, ...]
    waived: tuple[Finding, ...]
    waivers: Rows[Waiver]
    repository: Repository
    base: Base
    digest: str
    tool: str
    created: str
    seconds: float
    cost: Money | None
    timings: tuple[tuple[str, float], ...]
    environment: Environment
    details_url: str
    detail: Detail
    left_out: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Facts:
    """What a report is made of; ``source_url`` is where the files of the commit are shown."""

    evidence: Evidence
    findings: tuple[Finding, ...]
    verdict: Verdict
    digest: str
    details_url: str = ""
    source_url: str = ""
    price: Price | None = None


def view(facts: Facts, detail: Detail) -> View:
    """Prepare a report in some detail."""
    evidence, verdict = facts.evidence, facts.verdict
    places = Places(facts.source_url)
    # What the head tells is not told again further down.
    reasons = tuple(sorted(verdict.reasons, key=severity))
    said = frozenset(reasons[: detail.reasons + 1])
    models = _models(evidence, facts.findings, places, detail, said)
    changes = changes_of(evidence, places, detail)
    stages = stages_of(evidence.stages, detail, evidence.pace)
    lock = _lock(evidence.lock, facts.findings, detail)
    seconds = evidence.timings.get("total", sum(evidence.timings.values()))
    return View(
        head=_head(facts, reasons, models, changes, detail),
        models=models,
        drawn=_drawn(models, detail),
        unchecked=_unchecked(models, facts.findings, detail),
        changes=changes,
        stages=stages,
        lock=lock,
        findings=_general(evidence, facts.findings, said),
        waived=tuple(
            finding.model_copy(update={"waiver": _at_home(finding.waiver, facts)})
            for finding in facts.findings
            if finding.waiver and finding.status is not Status.PASS
        ),
        waivers=capped([_at_home(one, facts) for one in verdict.waivers], detail.names),
        repository=evidence.repository,
        base=evidence.base,
        digest=facts.digest,
        tool=evidence.tool,
        created=evidence.created,
        seconds=seconds,
        cost=money(facts.price, seconds),
        timings=tuple(sorted(evidence.timings.items(), key=lambda item: (-item[1], item[0]))),
        environment=evidence.environment,
        details_url=facts.details_url,
        detail=detail,
        left_out=_left_out(models.sections, stages, changes, lock, detail),
    )


def _head(
    facts: Facts, findings: Sequence[Finding], models: Models, changes: Changes, detail: Detail
) -> Head:
    verdict, places = facts.verdict, Places(facts.source_url)
    reasons = [Reason(finding, places.of(finding.where)) for finding in findings]
    # What was accepted needs no mending.
    hints = dict.fromkeys(finding.hint for finding in findings if finding.hint and not finding.waiver)
    better = [
        Better(model.name, row)
        for model in models.sections.shown
        for row in model.rows.shown
        if row.change == "better"
    ]
    return Head(
        outcome=verdict.outcome.value,
        strict=verdict.strict,
        lead=reasons[0] if reasons else None,
        reasons=capped(reasons[1:], detail.reasons),
        next=tuple(hints)[: max(1, detail.reasons)],
        accept=capped(_accepting(verdict, findings), detail.reasons),
        improved=capped(better, 3),
        quiet=_quiet(facts.evidence, verdict, models.sections.total, moved=changes.moved),
    )


def _at_home(waiver: Waiver, facts: Facts) -> Waiver:
    """A waiver without an address that is not the repository's own: evidence may name any."""
    home = facts.source_url.partition("/blob/")[0]
    return waiver if home and waiver.url.startswith(f"{home}/") else waiver.model_copy(update={"url": ""})


def _accepting(verdict: Verdict, findings: Sequence[Finding]) -> list[str]:
    """What an owner copies; the last word is to be replaced by a reason."""
    if verdict.outcome is not Outcome.REFUSED:
        return []
    return [f"{finding.accept} why" for finding in findings if finding.accept]


def _lock(lock: Lock, findings: Iterable[Finding], detail: Detail) -> LockView:
    judged = [f.status for f in findings if f.gate == "lock" and f.subject == "dvc.lock"]
    current = all(status is Status.PASS for status in judged) if judged else not lock.stale
    patch = lock.patch.rstrip("\n")
    return LockView(lock, current, capped(patch.split("\n") if patch else (), detail.patch))


def _quiet(evidence: Evidence, verdict: Verdict, models: int, *, moved: bool) -> bool:
    """Whether there is nothing to tell: nothing ran, changed, failed or is odd."""
    calm = verdict.outcome is Outcome.PASSED and not (moved or models or verdict.waivers)
    idle = all(stage.status == "cached" for stage in evidence.stages)
    lock = evidence.lock
    settled = not (lock.stale or lock.missing or lock.patch or lock.commit)
    return calm and idle and settled and not (evidence.policy_edits or evidence.problems)


# ---- models --------------------------------------------------------------------------------------


def _models(
    evidence: Evidence, findings: Sequence[Finding], places: Places, detail: Detail, said: Collection[Finding]
) -> Models:
    by_model: dict[str, list[Finding]] = {}
    for finding in findings:
        by_model.setdefault(finding.model, []).append(finding)
    causes = by_stage(causes_of(evidence, places))
    changed = sorted(
        (model for model in evidence.models if _has_section(model.name, model.changed, by_model)),
        key=lambda model: (_model_order(by_model.get(model.name, ())), model.name),
    )
    shown = capped(changed, detail.models)
    views = tuple(model_view(m, by_model.get(m.name, ()), causes, detail, said) for m in shown.shown)
    quiet = sorted({model.name for model in evidence.models} - {model.name for model in changed})
    further = [model.name for model in changed[detail.models :]]
    return Models(Rows(views, shown.hidden), capped(further, detail.names), capped(quiet, detail.names))


def _has_section(name: str, changed: bool, by_model: Mapping[str, Sequence[Finding]]) -> bool:
    """An unchanged model that a gate complains about still needs its section."""
    loud = (Status.FAIL, Status.WARN, Status.INCONCLUSIVE)
    return changed or any(finding.status in loud for finding in by_model.get(name, ()))


def _model_order(findings: Sequence[Finding]) -> int:
    order = ("fail", "waived", "warn", "inconclusive", "skip", "pass", "")
    return order.index(model_status(findings))


def _drawn(models: Models, detail: Detail) -> tuple[Drawn, ...]:
    found = [(model.name, one) for model in models.sections.shown for one in model.checks.drift]
    return drawn(found, detail.drawn)


def _unchecked(models: Models, findings: Sequence[Finding], detail: Detail) -> Rows[Unchecked]:
    """What no check could say of the changed models.

    A repository that configures no check at all reads nothing of it in a comment, only in the summary.
    """
    changed = [model for model in models.sections.shown if detail.machine or model.checks.measured]
    names = {model.name for model in changed}
    found = unchecked((one for one in findings if one.model in names), OPTIONAL)
    return capped(found, detail.rules)


def _general(
    evidence: Evidence, findings: Sequence[Finding], said: Collection[Finding]
) -> tuple[Finding, ...]:
    """Findings about no model that the head has not told: warnings beside a refusal."""
    names = {model.name for model in evidence.models}
    loud = (Status.FAIL, Status.WARN, Status.INCONCLUSIVE)
    return tuple(f for f in findings if f.status in loud and f.model not in names and f not in said)


def _left_out(
    models: Rows[ModelView],
    stages: StagesView,
    changes: Changes,
    lock: LockView,
    detail: Detail,
) -> tuple[tuple[str, int], ...]:
    """What a smaller report does not show, by kind, in a fixed order; the template has the words."""
    counts = {
        "models": models.hidden,
        "metrics": sum(model.rows.hidden for model in models.shown),
        "params": changes.params.hidden,
        "data": changes.data.hidden,
        "code": changes.code.hidden,
        "stages": stages.rows.hidden if detail.cached else 0,
        "columns": sum(one.hidden for model in models.shown for one in model.checks.drift),
        "checks": sum(model.checks.hidden for model in models.shown),
        "slices": sum(model.slices.hidden for model in models.shown),
        "plots": sum(model.plots.hidden for model in models.shown),
        "patch": lock.patch.hidden,
        "others": changes.edits.hidden + changes.problems.hidden,
    }
    return tuple((kind, hidden) for kind, hidden in counts.items() if hidden)
