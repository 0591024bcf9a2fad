"""Gate: the candidate answers as fast as the champion, measured in the same run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from mlops_ci.comparing.latency import needed
from mlops_ci.evidence import BatchLatency, Evidence, Finding, Latency, ModelEvidence, Status
from mlops_ci.judging import unmeasured
from mlops_ci.writing.figures import moment, number, size

PER_MODEL = True
# Longer than this nobody waits for an interval.
_LONG = 600


def _switch(value: object) -> object:
    """YAML reads a bare ``off`` as false and a bare ``on`` as true."""
    return "on" if value is True else "off" if value is False else value


_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
_SPAN = r"[0-9]+(?:\.[0-9]+)?(?:us|ms|s)"


def span(value: object) -> float:
    """Read ``250us``, ``50ms`` or ``1.5s`` as seconds."""
    if not isinstance(value, str) or not re.fullmatch(_SPAN, value):
        raise ValueError(f"expected a time such as 250us, 50ms or 1.5s, but {value!r} stands there")
    digits, unit = re.findall(r"([0-9.]+)([a-z]+)", value)[0]
    return float(digits) * _UNITS[unit]


Span = Annotated[float, BeforeValidator(span), WithJsonSchema({"type": "string", "pattern": f"^{_SPAN}$"})]
Times = Annotated[float, Field(strict=True, gt=0, le=1000, allow_inf_nan=False)]
BatchSize = Annotated[int, Field(ge=1, le=1_000_000)]
Switch = Annotated[Literal["on", "off"], BeforeValidator(_switch)]


class Options(BaseModel):
    """What is asked of the check."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    run: Switch = Field(default="on", description="Whether latency is measured, where data.test is set.")
    batch_sizes: tuple[BatchSize, ...] = Field(
        default=(1, 100), min_length=1, max_length=8, description="How many rows a prediction call has."
    )
    seconds: float = Field(
        default=10.0,
        gt=0,
        le=3600,
        description="How long each model is timed at most, over all batch sizes.",
    )
    max_ratio: Times | None = Field(
        default=1.2, description="How much slower than the base it may be: 1.2 allows 20 %."
    )
    max_p95: Span | dict[BatchSize, Span] | None = Field(
        default=None,
        description="What 95 % of the calls must not exceed: a time such as 50ms, or one per batch size.",
    )
    max_size_ratio: Times | None = Field(
        default=None, description="How much larger than the base's file it may be: 1.5 allows half more."
    )
    max_memory_ratio: Times | None = Field(
        default=None, description="How much more memory than the base it may take: 1.5 allows half more."
    )
    action: Literal["fail", "warn"] = Field(
        default="fail", description="What happens where a limit is exceeded."
    )
    required: bool = Field(default=False, description="Whether the verdict is incomplete without this check.")


@unmeasured.told_first("latency")
def check(evidence: Evidence, options: Options) -> list[Finding]:
    """The candidate answers as fast as the champion, measured in the same run."""
    if not evidence.models:
        return [_skip("There is no model, so nothing was timed.", "", options.required)]
    return [finding for model in evidence.models for finding in _model(model, options)]


def _model(model: ModelEvidence, options: Options) -> Iterator[Finding]:
    found = model.latency
    if options.run == "off":
        yield _skip("Latency is switched off: gates.latency.run is off.", "", options.required)
    elif found is None:
        yield _skip(*_why(model), options.required)
    elif found.problem or not found.batches:
        said = f"Latency was not measured: {found.problem or 'no batch size could be timed'}."
        yield _skip(said, "", options.required)
    else:
        yield from _measured(found, options)


def _why(model: ModelEvidence) -> tuple[str, str]:
    if not model.path:
        said = "Nothing was timed: the model has no file that the pipeline writes."
        return said, "declare it under artifacts: in dvc.yaml, with its path"
    said = "Nothing was timed: there is no table whose rows the model could be asked."
    return said, "set data.test in mlops-ci.yaml to the table the model is measured on"


def _measured(found: Latency, options: Options) -> Iterator[Finding]:
    said = [
        *(one for batch in found.batches for one in _batch(batch, options)),
        *_resource("size", found.size, found.base_size, options.max_size_ratio, options),
        *_resource("memory", found.memory, found.base_memory, options.max_memory_ratio, options),
    ]
    yield from said
    if not said:
        yield _finding("latency", Status.PASS, _summary(found))


def _batch(batch: BatchLatency, options: Options) -> Iterator[Finding]:
    subject = f"batch of {batch.batch_size}"
    rows = "1 row" if batch.batch_size == 1 else f"{batch.batch_size:,} rows"
    limit, interval = options.max_ratio, batch.interval
    if limit is not None and batch.ratio is not None and batch.ratio > limit:
        surely = _is_sure(batch, limit)
        allowed = f"more than the allowed {limit:g} times" if surely else f"{limit:g} are allowed"
        said = f"A call with {rows} takes {_times(batch)} the base's time, {allowed}."
        if not surely:
            why = "The measurement is too noisy" if interval else "There are too few calls"
            said += f" {why} to tell which side of the limit it is on."
        yield _finding(subject, _refusal(options) if surely else Status.INCONCLUSIVE, said).model_copy(
            update={
                "value": batch.ratio,
                "interval": interval,
                "limit": f"max_ratio {limit:g}",
                "direction": "lower",
                "change": "worse" if surely else "inconclusive",
                "hint": "profile predict, or raise max_ratio" if surely else _more(batch, options),
            }
        )
    most = options.max_p95.get(batch.batch_size) if isinstance(options.max_p95, dict) else options.max_p95
    if most is not None and batch.head.p95 > most:
        slow = f"5 % of the calls with {rows} take longer than {moment(batch.head.p95)}"
        said = f"{slow}; {moment(most)} is allowed."
        yield _finding(f"{subject} p95", _refusal(options), said).model_copy(
            update={"value": batch.head.p95, "limit": f"max_p95 {moment(most)}", "direction": "lower"}
        )


def _is_sure(batch: BatchLatency, limit: float) -> bool:
    """Whether it is slower than allowed: by the interval, else where each call is against any of the base."""
    if batch.interval is not None:
        return batch.interval.low > limit
    return batch.extremes is not None and batch.extremes[0] > limit


def _more(batch: BatchLatency, options: Options) -> str:
    """What would tell more, without asking for an hour of it."""
    if batch.interval is not None or batch.base is None:
        return "raise gates.latency.seconds"
    seconds = needed(batch.head.p50, batch.base.p50, len(options.batch_sizes))
    if seconds > _LONG:
        return "a call takes too long to be timed often: time smaller batch_sizes, or set max_p95"
    return f"raise gates.latency.seconds to about {max(seconds, int(options.seconds) + 1)}"


def _resource(
    name: str, head: int | None, base: int | None, limit: float | None, options: Options
) -> Iterator[Finding]:
    if limit is None or not head or not base or head <= limit * base:
        return
    what = "The model's file takes" if name == "size" else "Loading and asking the model takes"
    kind = "" if name == "size" else " of memory"
    said = (
        f"{what} {size(head)}{kind}, {number(head / base, 3)} times the base's {size(base)}; "
        f"{limit:g} times are allowed."
    )
    yield _finding(name, _refusal(options), said).model_copy(
        update={
            "value": head / base,
            "limit": f"max_{name}_ratio {limit:g}",
            "direction": "lower",
            "change": "worse",
        }
    )


def _times(batch: BatchLatency) -> str:
    """``1.31 times (1.27 to 1.35)``."""
    found = batch.interval
    told = f" ({number(found.low, 3)} to {number(found.high, 3)})" if found else f" ({_few(batch)})"
    return f"{number(batch.ratio or 0.0, 3)} times{told}"


def _few(batch: BatchLatency) -> str:
    least = batch.extremes[0] if batch.extremes else 0.0
    slower = f"; each took at least {number(least, 3)} times as long as any at the base" if least > 1 else ""
    return f"too few calls for an interval{slower}"


def _summary(found: Latency) -> str:
    """What was measured, where nothing is to be remarked."""
    parts = []
    for batch in found.batches:
        rows = "1 row" if batch.batch_size == 1 else f"{batch.batch_size:,} rows"
        against = f", {_times(batch)} the base's" if batch.ratio is not None else ""
        parts.append(f"{rows}: {moment(batch.head.p50)}{against}")
    end = "." if any(batch.ratio is not None for batch in found.batches) else f". {_alone(found)}"
    return f"A call takes, with {'; with '.join(parts)}{end}"


def _alone(found: Latency) -> str:
    return f"There is nothing to compare with: {found.note.rstrip('.') or 'there is no base'}."


def _refusal(options: Options) -> Status:
    return Status.FAIL if options.action == "fail" else Status.WARN


def _finding(subject: str, status: Status, sentence: str, hint: str = "") -> Finding:
    return Finding(gate="latency", subject=subject, status=status, sentence=sentence, hint=hint)


def _skip(sentence: str, hint: str, required: bool) -> Finding:
    return _finding("latency", Status.SKIP, sentence, hint).model_copy(update={"required": required})
