"""The log of a target is a chain: no gap, each names the one before, nothing was changed after (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from mlops_ci.audit import reading
from mlops_ci.audit.history import LOG, Commit, History, Logged, Target, current, logged
from mlops_ci.audit.links import Link, by, numbers, says
from mlops_ci.promotion import record
from mlops_ci.promotion.record import Record
from mlops_ci.promotion.words import rollout_name


@dataclass(frozen=True)
class Filed:
    """A record of the log with its file, its bytes as text, the commit that brought it and its author's."""

    file: Logged
    text: str
    record: Record
    brought: Commit | None
    made: Commit | None


@dataclass(frozen=True)
class Trail:
    """All that the log has of an environment of a model; ``unread``: files that hold no record, and why."""

    target: Target
    filed: tuple[Filed, ...] = ()
    unread: Mapping[str, str] | None = None

    @cached_property
    def records(self) -> tuple[Record, ...]:
        """The records in the order of their numbers."""
        return tuple(one.record for one in self.filed)

    @property
    def newest(self) -> Record | None:
        """The last record."""
        return self.filed[-1].record if self.filed else None

    @property
    def current_path(self) -> str:
        """The file that holds the newest record."""
        return record.current_path(*self.target)


def trails(history: History) -> tuple[Trail, ...]:
    """Every target that has, or ever had, a record."""
    known: dict[Target, list[Logged]] = {}
    for path in sorted(_paths(history)):
        if (target := current(path)) is not None:
            known.setdefault(target, [])
        elif (one := logged(path)) is not None:
            known.setdefault(one.target, [])
    for one in history.log:
        known[one.target].append(one)
    return tuple(_trail(history, target, files) for target, files in sorted(known.items()))


def _paths(history: History) -> set[str]:
    gone = {change.path for commit in history.base for change in commit.changes}
    return gone | set(history.files)


def _trail(history: History, target: Target, files: Sequence[Logged]) -> Trail:
    filed: list[Filed] = []
    unread: dict[str, str] = {}
    for file in files:
        text = history.text(file.path) or ""
        found = reading.whole(text, file.path)
        if isinstance(found, str):
            unread[file.path] = found
        else:
            brought, made = history.brought.get(file.path), history.author(file.path)
            filed.append(Filed(file, text, found, brought, made))
    return Trail(target, tuple(filed), unread)


# ---- the checks --------------------------------------------------------------------------------


def check(history: History, trail: Trail) -> Iterator[Link]:
    """Whether the log is whole, is a chain, was only ever added to, and ends in the current record."""
    yield from _held(trail, "log", [*_unread(trail), *_misfiled(trail), *_gaps(trail), *_unchained(trail)])
    yield from _held(trail, "append-only", list(_changed(history, trail)))
    yield _current(history, trail)


def _held(trail: Trail, name: str, broken: Sequence[Link]) -> Iterator[Link]:
    """What is broken, else one link that says that all is well."""
    yield from broken
    if not broken and trail.filed:
        said = {
            "log": "no number is missing, each names the sha256 of the one before",
            "append-only": "nothing in the log was changed or removed since it was added",
        }
        which = numbers(one.number for one in trail.records)
        yield says(trail.target, name, "ok")(f"{which}: {said[name]}", where=f"{LOG}{'/'.join(trail.target)}")


def _unread(trail: Trail) -> Iterator[Link]:
    broken = says(trail.target, "log", "broken")
    for path, why in (trail.unread or {}).items():
        yield broken(f"holds no record: {why}", where=path)


def _misfiled(trail: Trail) -> Iterator[Link]:
    """Records whose file is called after another one."""
    broken = says(trail.target, "log", "broken")
    for one in trail.filed:
        if one.record.log_path != one.file.path:
            yield broken(f"holds the record whose file is {one.record.log_path}", where=one.file.path)


def _gaps(trail: Trail) -> Iterator[Link]:
    broken = says(trail.target, "log", "broken")
    for expected, one in enumerate(trail.filed, start=1):
        if one.file.number != expected:
            twice = one.file.number < expected
            said = "is there twice" if twice else f"comes where record {expected} should"
            yield broken(f"record {one.file.number} {said}", where=one.file.path)
            return


def _unchained(trail: Trail) -> Iterator[Link]:
    broken = says(trail.target, "log", "broken")
    if trail.filed and trail.records[0].previous and trail.records[0].number == 1:
        yield broken("record 1 names a record before it", where=trail.filed[0].file.path)
    for before, after in pairwise(trail.filed):
        one = after.record
        if one.number != before.record.number + 1:
            continue
        if one.previous is None:
            yield broken(f"record {one.number} names no record before it", where=after.file.path)
        elif one.previous.digest != record.digest(before.text):
            said = f"record {before.record.number} is not what record {one.number} names: its sha256 differs"
            yield broken(said, where=before.file.path)
        elif not one.before.rollout.fits(before.record.after.rollout):
            left, found = (rollout_name(state.rollout) for state in (before.record.after, one.before))
            said = f"record {one.number} starts from {found}, but record {before.record.number} left {left}"
            yield broken(said, where=after.file.path)


def _changed(history: History, trail: Trail) -> Iterator[Link]:
    """Files of the log that a commit changed or removed after they were added."""
    broken = says(trail.target, "append-only", "broken")
    for commit in history.base:
        for change in commit.changes:
            one = logged(change.path) if change.old else None
            if one is not None and one.target == trail.target:
                did = "changed" if change.new else "removed"
                said = f"{by(commit)} {did} record {one.number}"
                yield broken(said, where=change.path, commit=commit.sha)


def _current(history: History, trail: Trail) -> Link:
    path, now = trail.current_path, history.text(trail.current_path)
    broken = says(trail.target, "record", "broken")
    changed = next((one for one in history.base if path in one.by_path), None)
    by_whom = {"where": path, "commit": changed.sha if changed else ""}
    if now is None:
        return broken("the newest record is gone", **by_whom)
    if not trail.filed:
        return broken("there is a record, and none in the log", **by_whom)
    last = trail.filed[-1]
    if now != last.text:
        who = f", last changed by {by(changed)}" if changed else ""
        return broken(f"is not byte for byte the last record of the log, {last.file.path}{who}", **by_whom)
    said = f"is byte for byte the last one of the log, record {last.record.number}"
    return says(trail.target, "record", "ok")(said, where=path)
