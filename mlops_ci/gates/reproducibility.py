"""Gate: a run from scratch gives the same hashes, or metrics within tolerance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from mlops_ci.evidence import (
    Evidence,
    Finding,
    ModelEvidence,
    Reproduction,
    Rerun,
    RerunMetric,
    Status,
    Where,
)
from mlops_ci.judging import unmeasured
from mlops_ci.writing.figures import count, duration, number

PER_MODEL = True

_CAUSES = "set every seed, sort what is listed, and fix the number of threads; or allow it under tolerance"
_NAMED = 5

# YAML reads a bare ``off`` as false.
OnRun = Annotated[Literal["off", "always"], BeforeValidator(lambda value: "off" if value is False else value)]
Size = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0)]


class Tolerance(BaseModel):
    """How far a metric of the second run may be from the first; the wider of both counts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    abs: Size = Field(default=0.0, description="Allowed difference in the metric's own unit.")
    rel: Size = Field(default=0.0, description="Allowed difference as a share of the first value.")

    def allowed(self, first: float) -> float:
        """The allowed difference in the metric's own unit."""
        return max(self.abs, self.rel * abs(first))


class Options(BaseModel):
    """What is asked of the check."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    run: OnRun = Field(
        default="off",
        description="always: a changed model's stages run a second time, from scratch in a clean clone; "
        "off: they do not.",
    )
    tolerance: dict[str, Tolerance] = Field(
        default_factory=dict,
        description="Allowed differences by metric: a name, a glob or file:name; default rel 0.000001.",
    )
    bitwise: tuple[str, ...] = Field(
        default=(), description="Outputs, or globs of them, that must be the same byte by byte."
    )
    ignore: tuple[str, ...] = Field(
        default=(), description="Metrics, or globs of them, that are not compared, such as measured times."
    )
    required: bool = Field(default=False, description="Whether the verdict is incomplete without this check.")


# Sums in another order differ in their last digits.
DEFAULT = Tolerance(rel=1e-6)


@unmeasured.told_first("reproducibility")
def check(evidence: Evidence, options: Options) -> list[Finding]:
    """A run from scratch gives the same hashes, or metrics within tolerance."""
    if not evidence.models:
        return [_skip("", "There is no model, so nothing was run again.", required=options.required)]
    return [finding for model in evidence.models for finding in _model(model, options)]


def _model(model: ModelEvidence, options: Options) -> Iterator[Finding]:
    found = model.reproduction
    if found is None:
        said = "The pipeline was not run a second time."
        hint = "set gates.reproducibility.run: always in mlops-ci.yaml"
        yield _skip(model.name, said, required=options.required or options.run != "off", hint=hint)
    elif found.failed:
        said = f"Run again from scratch in a clean clone of {found.commit[:8]}, {found.problem}."
        hint = "declare everything a stage reads under deps, and commit it or track it with DVC"
        yield _finding(model, found.failed, Status.FAIL, said, hint=hint)
    elif found.problem:
        said = f"The pipeline could not be run again from scratch: {found.problem.rstrip('.')}."
        yield _skip(model.name, said, required=True)
    else:
        yield from _compared(model, found, options)


def _compared(model: ModelEvidence, found: Reproduction, options: Options) -> Iterator[Finding]:
    """What moved too far; then, in one finding, how much is the same."""
    metrics = [one for one in found.metrics if not any(_is_named(one, key) for key in options.ignore)]
    moved = [finding for one in metrics if (finding := _metric(model, one, options))]
    yield from moved
    differing = [one for one in found.outputs if not one.same]
    strict = [one for one in differing if any(fnmatchcase(one.path, key) for key in options.bitwise)]
    for one in strict:
        said = f"{one.path} has other bytes when the stage {one.stage} is run again from scratch."
        yield _finding(model, one.path, Status.FAIL, said, hint=_CAUSES, where=Where(file=one.path))
    yield from _absent(model, found, options)
    if found.kept:
        yield _kept(model, found.kept)
    elif not moved and not strict:
        yield _total(model, found, metrics, differing)


def _kept(model: ModelEvidence, stages: Sequence[str]) -> Finding:
    """What was not run again is not shown to be the same, whatever else is."""
    named = ", ".join(stages[:_NAMED])
    many = f"stages {named} write" if len(stages) > 1 else f"stage {named} writes"
    said = f"The {many} the model, its predictions or metrics and did not run again: frozen."
    return _skip(model.name, said, required=True, hint="take `frozen: true` out of dvc.yaml")


# ---- one metric --------------------------------------------------------------------------------


def _is_named(metric: RerunMetric, key: str) -> bool:
    return any(fnmatchcase(name, key) for name in (metric.name, f"{metric.file}:{metric.name}"))


def _tolerance(metric: RerunMetric, options: Options) -> Tolerance:
    """The one under the metric's own name, else the last glob that fits, else the default."""
    exact = [key for key in (f"{metric.file}:{metric.name}", metric.name) if key in options.tolerance]
    globs = [key for key in options.tolerance if _is_named(metric, key)]
    chosen = exact[:1] or globs[-1:]
    return options.tolerance[chosen[0]] if chosen else DEFAULT


def _metric(model: ModelEvidence, metric: RerunMetric, options: Options) -> Finding | None:
    """What is wrong with one metric; None where it is within its tolerance."""
    name = metric.name or metric.file
    if metric.first is None or metric.again is None:
        which = "the first time only" if metric.again is None else "only when run again"
        said = f"{name} was written {which}."
        return _finding(model, name, Status.FAIL, said, metric=metric, hint=_CAUSES)
    delta = metric.again - metric.first
    allowed = _tolerance(metric, options).allowed(metric.first)
    # 0.90 and 0.89 are no more than 0.01 apart, whatever binary fractions say.
    if abs(delta) <= allowed * (1 + 1e-9):
        return None
    first, again = _told_apart(metric.first, metric.again)
    apart = f"{number(abs(delta), 3)} apart, allowed {number(allowed, 2)}"
    said = f"{name} is {first} in the run and {again} when run again from scratch: {apart}."
    found = _finding(model, name, Status.FAIL, said, metric=metric, hint=_CAUSES)
    return found.model_copy(update={"delta": delta, "limit": f"max difference {allowed:.2g}"})


def _told_apart(one: float, other: float) -> tuple[str, str]:
    """Both values with as many digits as it takes to see that they differ."""
    for digits in range(4, 17):
        shown = number(one, digits), number(other, digits)
        if shown[0] != shown[1]:
            return shown
    return repr(one), repr(other)


# ---- findings ----------------------------------------------------------------------------------


def _skip(model: str, sentence: str, *, required: bool, hint: str = "") -> Finding:
    return Finding(
        gate="reproducibility",
        subject="reproducibility",
        status=Status.SKIP,
        sentence=sentence,
        model=model,
        required=required,
        hint=hint,
    )


def _finding(
    model: ModelEvidence,
    subject: str,
    status: Status,
    sentence: str,
    *,
    hint: str = "",
    metric: RerunMetric | None = None,
    where: Where | None = None,
) -> Finding:
    return Finding(
        gate="reproducibility",
        subject=subject,
        status=status,
        sentence=sentence,
        model=model.name,
        metric=metric.name if metric else "",
        file=metric.file if metric else "",
        value=metric.again if metric else None,
        hint=hint,
        where=where,
    )


def _absent(model: ModelEvidence, found: Reproduction, options: Options) -> Iterator[Finding]:
    """Names under ``bitwise`` that no output has: a slip of the pen would hide so."""
    for key in options.bitwise:
        if not any(fnmatchcase(one.path, key) for one in found.outputs):
            said = f"{key} is to be the same byte by byte, but the second run has no such output."
            hint = "mend the name under gates.reproducibility.bitwise"
            yield _finding(model, key, Status.WARN, said, hint=hint)


def _total(
    model: ModelEvidence, found: Reproduction, metrics: Sequence[RerunMetric], differing: Sequence[Rerun]
) -> Finding:
    """How much of the second run is the same; bytes that differ need a metric that says what it means."""
    outputs = _counted(len(found.outputs), "output")
    took = f"run again from scratch in {duration(found.seconds)}"
    if not differing:
        said = f"All {outputs} are the same byte by byte, {took}." if len(found.outputs) != 1 else ""
        said = said or f"The only output is the same byte by byte, {took}."
        return _finding(model, "reproducibility", Status.PASS, said)
    names = [one.path for one in differing]
    more = f" and {count(len(names) - _NAMED)} more" if len(names) > _NAMED else ""
    start = f"{count(len(names))} of {outputs} have other bytes ({', '.join(names[:_NAMED])}{more}), {took}"
    if metrics:
        said = f"{start}; {_counted(len(metrics), 'metric')} within tolerance."
        return _finding(model, "reproducibility", Status.PASS, said)
    said = f"{start}, and there is no metric to tell how much that matters."
    hint = "let a stage write metrics, or name under bitwise what must be the same"
    return _finding(model, "reproducibility", Status.INCONCLUSIVE, said, hint=hint)


def _counted(many: int, noun: str) -> str:
    return f"{count(many)} {noun}" if many == 1 else f"{count(many)} {noun}s"
