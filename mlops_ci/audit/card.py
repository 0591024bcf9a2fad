"""A model card: what a record and its evidence say of a release, and what they do not (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlops_ci.audit.timeline import Entry
from mlops_ci.audit.trails import Trail
from mlops_ci.evidence import Evidence, ModelEvidence
from mlops_ci.promotion.record import Input, Metric, Record
from mlops_ci.promotion.words import release_name, share_name
from mlops_ci.writing import templating

TEMPLATE = "card.md.j2"
# So many columns that moved most are named.
MOVED = 5


@dataclass(frozen=True)
class Purpose:
    """What people wrote of the model in dvc.yaml; empty where nobody did."""

    description: str = ""
    labels: tuple[str, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Where a release is live, and with what share."""

    environment: str
    share: str
    since: str = ""


@dataclass(frozen=True)
class Material:
    """Everything a card is made of; ``absent`` says why the evidence is not here, where it is not."""

    record: Record
    trails: Sequence[Trail] = ()
    entries: Sequence[Entry] = ()
    purpose: Purpose = Purpose()
    evidence: Evidence | None = None
    absent: str = ""

    @property
    def model(self) -> ModelEvidence | None:
        """What was measured of this model."""
        models = self.evidence.models if self.evidence else ()
        return next((one for one in models if one.name == self.record.model), None)


def write(material: Material, overrides: Mapping[str, str] | None = None) -> str:
    """The card in Markdown. Raises ConfigError where a user's template is broken."""
    return templating.render(templating.environment(overrides), TEMPLATE, **context(material))


def context(material: Material) -> Mapping[str, Any]:
    """The values that the template shows."""
    record, model = material.record, material.model
    return {
        "record": record,
        "release": release_name(record.release),
        "path": record.log_path,
        "digest": record.digest,
        "purpose": material.purpose,
        "places": tuple(_places(material)),
        "metrics": tuple(_metrics(record)),
        "gates": record.evidence.gates,
        "waivers": record.evidence.waivers,
        "fairness": tuple(_fairness(model)) if model else (),
        "drift": tuple(_drift(model)) if model else (),
        "slices": tuple(model.slices) if model else (),
        "data": tuple(_data(material)),
        "environment": material.evidence.environment if material.evidence else None,
        "entries": tuple(map(_told, material.entries)),
        "limits": tuple(_limits(material)),
    }


def _places(material: Material) -> Iterator[Place]:
    """Where the newest records say that it is live, with a share where it is a candidate's."""
    digest = material.record.release.digest
    for trail in material.trails:
        newest = trail.newest
        if newest is None or trail.target[1] != material.record.model:
            continue
        since = trail.filed[-1].brought
        day = f"{since.committed:%Y-%m-%d}" if since else ""
        after = newest.after
        if after.candidate and after.candidate.digest == digest:
            yield Place(trail.target[0], share_name(after.rollout), day)
        elif after.stable and after.stable.digest == digest:
            rest = 100 - after.traffic
            yield Place(trail.target[0], "all requests" if rest == 100 else f"{rest} % of requests", day)


def _metrics(record: Record) -> Iterator[Mapping[str, Any]]:
    for one in record.evidence.metrics:
        known = one.candidate is not None and one.champion is not None
        yield {
            "name": one.name,
            "file": one.file,
            "candidate": one.candidate,
            "champion": one.champion,
            "delta": (one.candidate or 0.0) - (one.champion or 0.0) if known else None,
            "low": one.low,
            "high": one.high,
        }


def _fairness(model: ModelEvidence) -> Iterator[Mapping[str, Any]]:
    for one in model.fairness:
        for disparity in one.disparities:
            yield {"column": one.column, "rows": one.rows, "disparity": disparity}


def _drift(model: ModelEvidence) -> Iterator[Mapping[str, Any]]:
    for one in model.drift:
        told = [column for column in one.columns if column.effect is not None]
        told.sort(key=lambda column: -(column.effect or 0.0))
        yield {"drift": one, "columns": tuple(told[:MOVED]), "more": max(0, len(told) - MOVED)}


def _data(material: Material) -> Iterator[tuple[Input, int | None]]:
    """The inputs, with their rows where a check of tables counted them."""
    model = material.model
    rows = {one.path: one.rows for one in model.tables if not one.problem} if model else {}
    for one in material.record.data:
        yield one, rows.get(one.path)


def _told(entry: Entry) -> Mapping[str, Any]:
    return {
        "when": f"{entry.when:%Y-%m-%d %H:%M}" if entry.when else "",
        "environment": entry.record.environment,
        "action": entry.record.action,
        "by": entry.record.requested_by or entry.author,
        "commit": entry.commit[:10],
        "pull_request": entry.pull_request,
        "reason": entry.record.reason,
    }


def _limits(material: Material) -> Iterator[str]:
    """What this card cannot say, each in a sentence."""
    record, model = material.record, material.model
    if not material.purpose.description:
        yield "Nobody wrote what the model is for, and what it is not for."
    if material.evidence is None:
        yield f"The whole evidence is not here, so only the record's summary is told: {material.absent}."
    elif model is None:
        yield f"The evidence has no model {record.model}, so only the record's summary is told."
    if not record.evidence.metrics:
        yield "The record has no metrics."
    elif bare := [one.name for one in record.evidence.metrics if _is_bare(one)]:
        yield f"How sure the difference is, is not known of {', '.join(bare)}: no interval was measured."
    if not record.evidence.champion:
        yield "There was no live release to compare with."
    if model is not None:
        yield from _unmeasured(model)
    skipped = sorted({one.gate for one in record.evidence.gates if one.status == "SKIP"})
    if skipped:
        yield f"Not judged: {', '.join(skipped)}."
    yield "What the model is asked and answers in production is not in Git, and is not told here."


def _is_bare(metric: Metric) -> bool:
    return metric.champion is not None and metric.low is None


def _unmeasured(model: ModelEvidence) -> Iterator[str]:
    if not model.fairness:
        yield "No group of people was compared with another."
    if not model.drift:
        yield "No table was compared with what production asks."
    if model.reproduction is None:
        yield "It was not made a second time to see whether the same comes out."
    for gate, why in sorted(model.unmeasured.items()):
        yield f"{gate} was asked for and not measured: {why}"
