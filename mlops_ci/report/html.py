"""Evidence, findings and verdict as one self-contained page: no script, no request, pictures inline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from jinja2 import Environment

from mlops_ci.evidence import Drift, Evidence, Finding, Status, Verdict
from mlops_ci.judging import drifting
from mlops_ci.judging.drifting import Decision
from mlops_ci.report.checks import unchecked
from mlops_ci.report.drawing import Drawings
from mlops_ci.report.drifted import drift_view
from mlops_ci.report.ladder import PAGE, Detail, Rows, capped
from mlops_ci.report.model import model_status, severity
from mlops_ci.report.price import Price
from mlops_ci.report.view import Facts, View, view
from mlops_ci.writing import templating

# A page of ten thousand columns must still open on a phone.
MOST_FIGURES = 60


@dataclass(frozen=True)
class GateFindings:
    """What one gate says: what is loud, worst first, and what passed."""

    gate: str
    loud: Rows[Finding]
    passed: Rows[Finding]


def page(
    evidence: Evidence,
    findings: Iterable[Finding],
    verdict: Verdict,
    *,
    source_url: str = "",
    title: str = "",
    digest: str = "",
    price: Price | None = None,
) -> str:
    """The whole report as one HTML page; pure, and never fails for any evidence.

    ``source_url`` is where the files of the commit are shown, ``title`` tells several reports apart,
    ``digest`` is that of the document as it was received, ``price`` that of the runner.
    """
    digest = digest or evidence.digest
    facts = Facts(evidence, tuple(findings), verdict, digest, source_url=source_url, price=price)
    found: View = view(facts, PAGE)
    return _rendered(
        "report.html.j2",
        report=found,
        evidence=evidence,
        gates=_by_gate(facts.findings, PAGE),
        glance=_glance(facts.findings),
        skipped=unchecked(facts.findings),
        has_changes=bool(evidence.params or evidence.files or evidence.policy_edits or evidence.problems)
        or bool(found.waived or found.waivers.shown),
        title=title,
    )


def drift_page(drift: Drift, decisions: Sequence[Decision] | None = None, *, tool: str = "") -> str:
    """One comparison of two tables as a page; without ``decisions`` the usual rules decide."""
    made = drifting.judge(drift, drifting.Rules()) if decisions is None else decisions
    tally = drifting.tally(drift, made)
    return _rendered(
        "drift.html.j2",
        one=drift_view(drift, (), PAGE, (), made),
        tally=tally,
        headline=drifting.headline(tally),
        # Without a label a picture has no axis: the values may not be shown.
        hidden=any(column.bins and not column.bins.labels for column in drift.columns),
        tool=tool,
    )


def _rendered(template: str, **context: object) -> str:
    text = _environment().get_template(template).render(draw=Drawings(), figures=MOST_FIGURES, **context)
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line) + "\n"


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return templating.page_environment()


def _by_gate(findings: Iterable[Finding], detail: Detail) -> tuple[GateFindings, ...]:
    by_gate: dict[str, list[Finding]] = {}
    for found in findings:
        if found.status is not Status.SKIP:
            by_gate.setdefault(found.gate, []).append(found)
    return tuple(_gate(name, found, detail) for name, found in by_gate.items())


def _glance(findings: Iterable[Finding]) -> dict[str, dict[str, str]]:
    """The status of every gate by model: what a reader looks for first."""
    found: dict[str, dict[str, list[Finding]]] = {}
    for one in findings:
        found.setdefault(one.model, {}).setdefault(one.gate, []).append(one)
    return {
        model: {gate: model_status(ones) for gate, ones in gates.items()} for model, gates in found.items()
    }


def _gate(name: str, findings: list[Finding], detail: Detail) -> GateFindings:
    ordered = sorted(findings, key=lambda one: (severity(one), one.model, one.subject))
    loud = [one for one in ordered if one.status is not Status.PASS]
    passed = [one for one in ordered if one.status is Status.PASS]
    return GateFindings(name, capped(loud, detail.columns), capped(passed, detail.columns))
