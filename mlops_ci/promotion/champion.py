"""What the records of a target say of its live release, beside the evidence of a candidate (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mlops_ci.evidence import LiveRelease, LiveValue, Metric, ModelEvidence
from mlops_ci.promotion.record import Named, Record

_LOGGED = re.compile(r"(\d+)-[a-z]+-([0-9a-f]{12})\.yaml", re.ASCII)


@dataclass(frozen=True)
class Table:
    """The table a candidate was measured on, with the hash that DVC has of it."""

    path: str
    md5: str


@dataclass(frozen=True)
class Champion:
    """A live release with its metrics by (name, file)."""

    release: LiveRelease
    values: Mapping[tuple[str, str], float]


def logged(names: Iterable[str], digest: str) -> tuple[str, ...]:
    """The files of a target's log that promoted these bytes, by their names; the newest first."""
    short = digest.removeprefix("sha256:")[:12]
    found = [(int(match[1]), name) for name in names if (match := _LOGGED.fullmatch(name))]
    return tuple(name for _, name in sorted(found, reverse=True) if _LOGGED.sub(r"\2", name) == short)


def measures(record: Record, digest: str) -> bool:
    """Whether a record is of these bytes and has their metrics: that of a rollback may have none."""
    return record.release.digest == digest and any(m.candidate is not None for m in record.evidence.metrics)


def champion(
    environment: str, stable: Named, record: Record | None, model: ModelEvidence, test: Table | None
) -> Champion:
    """The live release of an environment beside a candidate; ``record`` is the one with its metrics."""
    same = _same(stable, model)
    release = LiveRelease(
        environment=environment,
        digest=stable.digest,
        version=stable.version,
        commit=stable.commit,
        record=record.number if record else None,
        same_as=same,
        other_examples=_other_examples(record, model, test) if record and not same else "",
        unknown="" if record or same else "no record of it has metrics",
    )
    values = {
        (one.name, one.file): one.candidate
        for one in (record.evidence.metrics if record and not same else ())
        if one.candidate is not None
    }
    return Champion(release, values)


def beside(model: ModelEvidence, champions: Sequence[Champion]) -> ModelEvidence:
    """The model's evidence with what is live."""
    metrics = tuple(
        metric.model_copy(update={"live": tuple(_values(metric, champions))}) for metric in model.metrics
    )
    return model.model_copy(update={"live": tuple(one.release for one in champions), "metrics": metrics})


def _values(metric: Metric, champions: Sequence[Champion]) -> Iterable[LiveValue]:
    for one in champions:
        # A record may leave the file out.
        value = one.values.get((metric.name, metric.file), one.values.get((metric.name, "")))
        if value is not None:
            yield LiveValue(environment=one.release.environment, value=value)


def _same(stable: Named, model: ModelEvidence) -> Literal["head", "base"] | None:
    """Whose model it is, by DVC's hash of its bytes: with the base's everything is compared anyway."""
    if not stable.md5:
        return None
    if stable.md5 == model.base_digest:
        return "base"
    return "head" if stable.md5 == model.digest else None


def _other_examples(record: Record, model: ModelEvidence, test: Table | None) -> str:
    """Why its metrics are of other examples than head's; empty where they are not, or nobody can know."""
    here = model.predictions.digest if model.predictions else ""
    if record.evidence.examples and here:
        return "" if record.evidence.examples == here else "it was measured on other examples"
    before = next((one.md5 for one in record.data if test and one.path == test.path), "")
    if test and before and before != test.md5:
        return f"{test.path} is not what it was measured on"
    return ""
