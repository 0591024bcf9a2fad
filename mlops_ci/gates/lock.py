"""Gate: dvc.lock holds what was measured, and the remote holds what dvc.lock names."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from mlops_ci.evidence import Evidence, Finding, Lock, StageReason, Status, Where

PER_MODEL = False
_NAMED = 5


class Options(BaseModel):
    """No options: the key ``lock`` of mlops-ci.yaml says what is asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def check(evidence: Evidence, options: Options) -> list[Finding]:  # noqa: ARG001 - the shape of a gate
    """dvc.lock holds what was measured, and the remote holds what dvc.lock names."""
    lock = evidence.lock
    if not lock.digest:
        return [_finding(Status.SKIP, "There is no dvc.lock: nothing was ever run.", "run dvc repro")]
    stale = _still_stale(evidence)
    return [_stale(lock, stale) if stale else _current(lock), *_pushed(lock)]


def _still_stale(evidence: Evidence) -> tuple[StageReason, ...]:
    """The stages whose entry in the committed dvc.lock is not what this commit makes.

    A stage that had to run and left the committed bytes as they were was current after all.
    """
    lock = evidence.lock
    if lock.commit:
        return ()
    ran = {run.name for run in evidence.stages if run.status in ("ran", "restored", "cached")}
    return tuple(one for one in lock.stale if lock.digest != lock.committed or one.stage not in ran)


def _stale(lock: Lock, stages: Sequence[StageReason]) -> Finding:
    said = f"dvc.lock is not what this commit makes: {_reasons(stages)}."
    if lock.mode == "verify":
        return _finding(Status.FAIL, said, "run dvc repro, then git add dvc.lock, dvc push, and commit")
    if lock.mode == "commit":
        said = f"{said} It was not committed to the branch{_because(lock)}."
    return _finding(
        Status.WARN, said, "apply the patch below, or run dvc repro, git add dvc.lock and dvc push"
    )


def _current(lock: Lock) -> Finding:
    if lock.commit:
        done = f"dvc.lock was brought up to date in commit {lock.commit[:8]}."
    elif lock.comment_only:
        names = _some([one.stage for one in lock.comment_only])
        done = f"dvc.lock is current: only comments or formatting changed in the code of {names}."
    else:
        done = "dvc.lock is what this commit makes."
    return _finding(Status.PASS, done if lock.pushed is not None else f"{done} {_unknown(lock)}")


def _unknown(lock: Lock) -> str:
    return f"Whether its objects are pushed is not known{_because(lock) or ': no remote was asked'}."


def _pushed(lock: Lock) -> list[Finding]:
    if lock.pushed is not False:
        return []
    count = f"{len(lock.missing):,} " if lock.missing else ""
    names = f": {_some(lock.missing)}" if lock.missing else ""
    plural = "object" if len(lock.missing) == 1 else "objects"
    sentence = f"The remote lacks {count}{plural} that dvc.lock names{names}."
    status = Status.WARN if lock.mode == "report" else Status.FAIL
    return [_finding(status, sentence, "run dvc push", subject="remote")]


def _because(lock: Lock) -> str:
    return f": {lock.note.rstrip('.')}" if lock.note else ""


def _reasons(stale: Sequence[StageReason]) -> str:
    shown = [f"{one.stage} ({_some(one.reasons, 3)})" if one.reasons else one.stage for one in stale[:_NAMED]]
    more = f" and {len(stale) - _NAMED} more" if len(stale) > _NAMED else ""
    return ", ".join(shown) + more


def _some(names: Sequence[str], most: int = _NAMED) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _finding(status: Status, sentence: str, hint: str = "", subject: str = "dvc.lock") -> Finding:
    return Finding(
        gate="lock",
        subject=subject,
        status=status,
        sentence=sentence,
        hint=hint,
        where=Where(file="dvc.lock") if subject == "dvc.lock" else None,
    )
