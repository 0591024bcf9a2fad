"""Gate: every stage of the pipeline that had to run has run."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from mlops_ci.evidence import Evidence, Finding, StageRun, Status

PER_MODEL = False
_NAMED = 5


class Options(BaseModel):
    """No options: a stage that fails always refuses."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def check(evidence: Evidence, options: Options) -> list[Finding]:  # noqa: ARG001 - the shape of a gate
    """Every stage of the pipeline that had to run has run."""
    runs = evidence.stages
    if not runs:
        return [_finding(Status.SKIP, "stages", "No stage was looked at, so nobody knows whether they run.")]
    failed = [run for run in runs if run.status == "failed"]
    blocked = [run.name for run in runs if run.status == "blocked"]
    if failed:
        waiting = f" Waiting for it: {_some(blocked)}." if blocked and len(failed) == 1 else ""
        findings = [_finding(Status.FAIL, run.name, _failure(run) + waiting, _LOG) for run in failed]
        return findings if len(failed) == 1 or not blocked else [*findings, _blocked(blocked)]
    if blocked:
        return [_blocked(blocked)]
    return [_finding(Status.PASS, "stages", _summary(runs))]


_LOG = "see the last lines of its log below, mend the stage and push again"


def _failure(run: StageRun) -> str:
    return f"Stage {run.name} failed: {(run.error or 'no reason was given').rstrip('.')}."


def _blocked(names: Sequence[str]) -> Finding:
    sentence = f"{_counted(len(names), 'stage')} did not run: {_some(names)}."
    return _finding(
        Status.FAIL, "blocked stages", sentence, "mend what failed or was interrupted before them"
    )


def _summary(runs: Sequence[StageRun]) -> str:
    ran = sum(run.status == "ran" for run in runs)
    restored = sum(run.status == "restored" for run in runs)
    cached = sum(run.status == "cached" for run in runs)
    parts = [(ran, "ran"), (restored, "restored from the run cache"), (cached, "up to date")]
    return f"{_counted(len(runs), 'stage')}: " + ", ".join(f"{n} {words}" for n, words in parts if n) + "."


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _finding(status: Status, subject: str, sentence: str, hint: str = "") -> Finding:
    return Finding(gate="stages", subject=subject, status=status, sentence=sentence, hint=hint)
