"""Evidence in short, as a record and a pull request tell it (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mlops_ci.evidence import Comparison, Evidence, Finding, ModelEvidence, Status, Verdict
from mlops_ci.evidence import Metric as Measured
from mlops_ci.promotion.record import Accepted, Judgement, Metric, Summary
from mlops_ci.writing.markdown import clip
from mlops_ci.writing.visible import one_line

MOST_METRICS = 50
MOST_GATES = 100
_LONGEST = 300
_ORDER = tuple(Status[name] for name in ("FAIL", "WARN", "INCONCLUSIVE", "SKIP", "PASS"))


def summary_of(
    evidence: Evidence,
    findings: Iterable[Finding],
    verdict: Verdict,
    model: str,
    *,
    digest: str = "",
    champion: str = "",
) -> Summary:
    """What the evidence says of one model.

    ``digest`` is that of the document as it was received. ``champion`` is the digest of the live release that
    the model was compared with: as ``live`` values of the metrics, or else as the base of the evidence; empty
    where it was compared with none.
    """
    told = [one for one in findings if one.model in ("", model)]
    measured = next((one for one in evidence.models if one.name == model), None)
    return Summary(
        digest=digest or evidence.digest,
        verdict=verdict.outcome.value,
        champion=champion,
        metrics=_metrics(measured, told, compared=bool(champion)) if measured else (),
        gates=_gates(told),
        waivers=_waivers(told),
    )


def _metrics(model: ModelEvidence, findings: Sequence[Finding], *, compared: bool) -> tuple[Metric, ...]:
    """The metrics, first those that a gate has a limit for or that were compared."""
    named = {(one.metric, one.file) for one in findings if one.metric and one.limit}
    pairs = [(one, _comparison(model, one)) for one in model.metrics]
    pairs.sort(key=lambda pair: ((pair[0].name, pair[0].file) not in named, pair[1] is None))
    return tuple(_metric(one, found if compared else None, compared) for one, found in pairs[:MOST_METRICS])


def _comparison(model: ModelEvidence, metric: Measured) -> Comparison | None:
    place = (metric.name, metric.file)
    return next((one for one in model.comparisons if (one.metric, one.file) == place), None)


def _metric(measured: Measured, comparison: Comparison | None, compared: bool) -> Metric:
    before = measured.base if measured.live is None else measured.live
    interval = comparison.interval if comparison and measured.live is None else None
    return Metric(
        name=_line(measured.name),
        file=_line(measured.file),
        candidate=measured.head,
        champion=before if compared else None,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        direction=measured.direction or "",
    )


def _gates(findings: Sequence[Finding]) -> tuple[Judgement, ...]:
    """What the gates said, the worst first; of the passes as many as there is room for."""
    ordered = sorted(findings, key=lambda one: _ORDER.index(one.status))
    return tuple(
        Judgement(
            gate=one.gate,
            subject=_line(one.subject),
            status="WAIVED" if one.waiver and one.status is not Status.PASS else one.status.value,
            sentence=_line(one.sentence),
        )
        for one in ordered[:MOST_GATES]
    )


def _waivers(findings: Sequence[Finding]) -> tuple[Accepted, ...]:
    return tuple(
        Accepted(
            finding=_line(one.waiver.finding or f"{one.gate}/{one.subject}"),
            owner=_line(one.waiver.owner),
            reason=_line(one.waiver.reason),
            until=one.waiver.until,
        )
        for one in findings
        if one.waiver and one.status is not Status.PASS
    )


def _line(text: str) -> str:
    """Foreign text as a record keeps it: one line that can be seen, of bounded length."""
    return clip(one_line(text), _LONGEST)
