"""Evidence in short, as a record and a pull request tell it (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mlops_ci.evidence import Comparison, Evidence, Finding, ModelEvidence, Status, Verdict
from mlops_ci.evidence import Metric as Measured
from mlops_ci.promotion.record import Accepted, Judgement, Metric, Summary
from mlops_ci.writing.markdown import clip
from mlops_ci.writing.visible import one_line

MOST_METRICS = 50
MOST_GATES = 100
_LONGEST = 300
_ORDER = tuple(Status[name] for name in ("FAIL", "WARN", "INCONCLUSIVE", "SKIP", "PASS"))


@dataclass(frozen=True)
class _Champion:
    """The live release beside the candidate; ``intervals``: the evidence has some of the differences."""

    digest: str = ""
    values: Mapping[tuple[str, str], float] = field(default_factory=dict)
    intervals: bool = False


def summary_of(
    evidence: Evidence,
    findings: Iterable[Finding],
    verdict: Verdict,
    model: str,
    *,
    digest: str = "",
    champion: str = "",
    environment: str = "",
) -> Summary:
    """What the evidence says of one model.

    ``digest`` is that of the document as it was received. ``champion`` is the digest of what is live in
    ``environment``, empty where nothing is. Where that is the base of the evidence differences have their
    intervals; else its values are those that its record told, if they can be compared.
    """
    told = [one for one in findings if one.model in ("", model)]
    measured = next((one for one in evidence.models if one.name == model), None)
    live = _champion(measured, champion, environment) if measured else _Champion()
    return Summary(
        digest=digest or evidence.digest,
        verdict=verdict.outcome.value,
        champion=live.digest,
        examples=measured.predictions.digest if measured and measured.predictions else "",
        metrics=_metrics(measured, told, live) if measured else (),
        gates=_gates(told),
        waivers=_waivers(told),
    )


def against(told: Summary, live: Summary | None, champion: str) -> Summary:
    """What a record told of a release, beside what another one told of what is live: without intervals."""
    values = {(one.name, one.file): one.candidate for one in live.metrics} if live else {}
    metrics = (
        one.model_copy(update={"champion": values.get((one.name, one.file)), "low": None, "high": None})
        for one in told.metrics
    )
    return told.model_copy(update={"champion": champion if live else "", "metrics": tuple(metrics)})


def _champion(model: ModelEvidence, digest: str, environment: str) -> _Champion:
    live = next((one for one in model.live if one.environment == environment), None)
    if not digest or (live and (live.unknown or live.other_examples or live.same_as == "head")):
        return _Champion()
    if live is None or live.same_as == "base":
        based = {(one.name, one.file): one.base for one in model.metrics if one.base is not None}
        return _Champion(digest, based, intervals=True)
    values = {
        (metric.name, metric.file): one.value
        for metric in model.metrics
        for one in metric.live
        if one.environment == environment
    }
    return _Champion(digest, values)


def _metrics(model: ModelEvidence, findings: Sequence[Finding], live: _Champion) -> tuple[Metric, ...]:
    """The metrics, first those that a gate has a limit for, then those that were compared."""
    limited = {(one.metric, one.file) for one in findings if one.metric and one.limit}
    pairs = [(one, _comparison(model, one)) for one in model.metrics]
    pairs.sort(key=lambda pair: ((pair[0].name, pair[0].file) not in limited, pair[1] is None))
    return tuple(_metric(one, found, live) for one, found in pairs[:MOST_METRICS])


def _comparison(model: ModelEvidence, metric: Measured) -> Comparison | None:
    place = (metric.name, metric.file)
    return next((one for one in model.comparisons if (one.metric, one.file) == place), None)


def _metric(measured: Measured, comparison: Comparison | None, live: _Champion) -> Metric:
    interval = comparison.interval if comparison and live.intervals else None
    return Metric(
        name=_line(measured.name),
        file=_line(measured.file),
        candidate=measured.head,
        champion=live.values.get((measured.name, measured.file)),
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
