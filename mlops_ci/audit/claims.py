"""What commit messages claim by their trailers: an index, which has to agree with the records (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from mlops_ci import trailers
from mlops_ci.audit.history import Commit, History, Target, current, logged
from mlops_ci.audit.links import Link, by, numbers, says
from mlops_ci.audit.trails import Filed, Trail
from mlops_ci.promotion.record import Record
from mlops_ci.writing.markdown import clip
from mlops_ci.writing.visible import one_line

RECORD = trailers.RECORD
NAME = "trailers"
_LONGEST = 400


def check(history: History, trails: Sequence[Trail]) -> Iterator[Link]:
    """Whether trailers agree with the records they come with, and none comes without a record."""
    forged = list(_forged(history))
    yield from forged
    for trail in trails:
        broken = [link for one in trail.filed for link in _disagreeing(trail.target, one)]
        yield from broken
        if trail.filed and not broken and not any((f.environment, f.model) == trail.target for f in forged):
            yield says(trail.target, NAME, "ok")(_well(trail.filed))


def _well(filed: Sequence[Filed]) -> str:
    without = [one.record.number for one in filed if not any(map(_ours, _commits(one)))]
    if len(without) == len(filed):
        return "no commit has any, a squash drops them: the records say all that they would"
    said = "those of the commits agree with the records"
    return f"{said}; {numbers(without)} came without, a squash drops them" if without else said


def _commits(one: Filed) -> tuple[Commit, ...]:
    return tuple(commit for commit in dict.fromkeys((one.made, one.brought)) if commit is not None)


def _ours(commit: Commit) -> bool:
    return RECORD in commit.trailers


def _disagreeing(target: Target, one: Filed) -> Iterator[Link]:
    """Trailers of a record's own commits that say something else than the record."""
    broken = says(target, NAME, "broken")
    for commit in filter(_ours, _commits(one)):
        for key, allowed in expected(one.record).items():
            told = commit.trailers.get(key, ())
            if told and not any(value in allowed for value in told):
                said = f"{by(commit)} says {key}: {' and '.join(told)}"
                said += f", and record {one.record.number} says {_or(allowed)}"
                yield broken(said, where=one.file.path, commit=commit.sha)


def _or(allowed: Iterable[str]) -> str:
    return next((value for value in allowed if value), "nothing")


def expected(record: Record) -> Mapping[str, tuple[str, ...]]:
    """Trailer -> the values that agree with a record."""
    stable, source = record.before.stable, record.source
    commit = source.commit or record.release.commit
    previous = record.previous
    taken_back = f"{record.environment}/{record.model}/{previous.number}" if previous else ""
    found = {
        trailers.RECORD: (record.log_path, record.current_path),
        trailers.ACTION: (record.action,),
        trailers.ENVIRONMENT: (record.environment,),
        trailers.MODEL: (record.model,),
        trailers.MODEL_DIGEST: (record.release.digest,),
        trailers.PREVIOUS_DIGEST: (stable.digest if stable else "",),
        trailers.SOURCE: (f"{source.repository}@{commit}" if source.repository else commit, commit),
        trailers.DVC_OUT: (f"md5:{record.release.md5}",),
        trailers.EVIDENCE: (record.evidence.digest, record.release.evidence),
        trailers.VERDICT: (record.evidence.verdict,),
        trailers.REVERTS: (taken_back,),
        trailers.REQUESTED_BY: (record.requested_by,),
    }
    return {key: tuple(_line(value) for value in values) for key, values in found.items()}


def _line(value: str) -> str:
    """A value as a message has it: on one line, of bounded length."""
    return " ".join(clip(one_line(value).strip(), _LONGEST).split())


def _forged(history: History) -> Iterator[Link]:
    """Commits whose trailers claim a record that they did not bring."""
    bring: dict[str, set[Target]] = {}
    for commit in (*history.base, *history.inner):
        added = (logged(change.path) for change in commit.changes if change.new and not change.old)
        bring.setdefault(commit.sha, set()).update(one.target for one in added if one is not None)
    for commit in history.claims:
        for path in commit.trailers.get(RECORD, ()):
            target = _target(path)
            if target not in bring.get(commit.sha, ()):
                said = f"{by(commit)} claims by its trailers to bring {path}, and brings no record of it"
                yield says(target or ("", ""), NAME, "broken")(said, where=path, commit=commit.sha)


def _target(path: str) -> Target | None:
    one = logged(path)
    return one.target if one else current(path)
