"""What was promoted, when, by whom, on what evidence, and how long it was live (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from itertools import groupby, pairwise
from typing import Any

from mlops_ci.audit import reading
from mlops_ci.audit.history import History, Logged
from mlops_ci.promotion.record import Merge, Named, Record, State
from mlops_ci.promotion.words import rollout_name


@dataclass(frozen=True)
class Entry:
    """One promotion as history tells it.

    ``when`` it came to the branch, by the commit ``commit``; ``author`` is who made the change and
    ``requested_by`` who asked for it. Who merged and approved stands in the next record of the target, so of
    the newest one ``merge`` may be None. ``live`` is how long it was what the manifest says; None where it
    still is (``is_live``), or where it changed nothing that is live.
    """

    record: Record
    path: str
    when: datetime | None
    commit: str
    author: str
    pull_request: int | None
    merge: Merge | None
    live: timedelta | None = None
    is_live: bool = False

    def document(self) -> dict[str, Any]:
        """The entry as plain values, for machines; times are ISO 8601, durations seconds."""
        one = self.record
        return {
            "when": self.when.isoformat() if self.when else None,
            "environment": one.environment,
            "model": one.model,
            "number": one.number,
            "action": one.action,
            "digest": one.release.digest,
            "version": one.release.version,
            "from": rollout_name(one.before.rollout),
            "to": rollout_name(one.after.rollout),
            "author": self.author,
            "requested_by": one.requested_by,
            "automatic": one.automatic,
            "merged_by": self.merge.merged_by if self.merge else "",
            "approved_by": [approval.user for approval in self.merge.approvals] if self.merge else [],
            "pull_request": self.pull_request,
            "reason": one.reason or (one.hold.reason if one.hold else ""),
            "verdict": one.evidence.verdict,
            "evidence": one.release.evidence,
            "source_commit": one.release.commit,
            "commit": self.commit,
            "record": self.path,
            "live_seconds": self.live.total_seconds() if self.live is not None else None,
            "is_live": self.is_live,
        }


@dataclass(frozen=True)
class Query:
    """Which entries are asked for; what is empty does not restrict. ``until`` is the first moment after."""

    environment: str = ""
    model: str = ""
    action: str = ""
    release: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def fits_file(self, one: Logged) -> bool:
        """Whether a record of this file may be asked for, by what its path says."""
        digest = self.release.removeprefix("sha256:")
        return (
            fnmatchcase(one.environment, self.environment or "*")
            and fnmatchcase(one.model, self.model or "*")
            and self.action in ("", one.action)
            and (not digest or one.short.startswith(digest[:12]))
        )

    def fits(self, entry: Entry) -> bool:
        """Whether an entry is asked for."""
        digest = self.release.removeprefix("sha256:")
        return (
            entry.record.release.digest.removeprefix("sha256:").startswith(digest)
            and (self.since is None or (entry.when is not None and entry.when >= self.since))
            and (self.until is None or entry.when is None or entry.when < self.until)
        )


@dataclass(frozen=True)
class Timeline:
    """The entries, oldest first, and which files of the log could not be read, with why."""

    entries: tuple[Entry, ...]
    problems: tuple[str, ...] = ()


def timeline(history: History, query: Query | None = None) -> Timeline:
    """Everything that was promoted."""
    asked = query or Query()
    entries: list[Entry] = []
    problems: list[str] = []
    for _, files in groupby(history.log, key=lambda one: one.target):
        for found in _target(history, list(files), asked):
            if isinstance(found, str):
                problems.append(found)
            elif asked.fits(found):
                entries.append(found)
    # Clocks of committers differ; the branch knows what came first.
    order = {commit.sha: -at for at, commit in enumerate(history.base)}
    entries.sort(key=lambda one: (order.get(one.commit, -len(order)), one.record.number))
    return Timeline(tuple(entries), tuple(problems))


def _target(history: History, files: Sequence[Logged], asked: Query) -> Iterator[Entry | str]:
    """The entries of one environment of a model; of the others only what those that are asked for need."""
    wanted = {at for at, one in enumerate(files) if asked.fits_file(one)}
    # The next record knows how one was merged.
    needed = wanted | {at + 1 for at in wanted if at + 1 < len(files)}
    read = {at: reading.brief(history.text(files[at].path) or "", files[at].path) for at in needed}
    changing = [at for at, one in enumerate(files) if one.action not in ("hold", "unhold")]
    ends = dict(pairwise(changing))
    for at in sorted(wanted):
        found, after = read[at], read.get(at + 1)
        if isinstance(found, str):
            yield found
            continue
        previous = after.previous if isinstance(after, Record) else None
        made = _entry(history, files[at], found, previous.merge if previous else None)
        live = _span(history, files[at], files[ends[at]]) if at in ends else None
        yield replace(made, live=live, is_live=[at] == changing[-1:])


def _span(history: History, one: Logged, other: Logged) -> timedelta | None:
    """How long what a record brought was live."""
    begin, end = history.brought.get(one.path), history.brought.get(other.path)
    return end.committed - begin.committed if begin and end else None


def _entry(history: History, file: Logged, found: Record, merge: Merge | None) -> Entry:
    brought, made = history.brought.get(file.path), history.author(file.path)
    return Entry(
        record=found,
        path=file.path,
        when=brought.committed if brought else None,
        commit=brought.sha if brought else "",
        author=made.author if made else "",
        pull_request=merge.pull_request if merge else brought.pull_request if brought else None,
        merge=merge,
    )


def brief(state: State) -> str:
    """What is live in a few words, by version where there is one: ``v7 + v8 10 %``."""
    stable = _called(state.stable) if state.stable else "nothing"
    if state.candidate is None:
        return stable
    shares = [f"{state.traffic} %"] if state.traffic else []
    shares += [f"{state.mirror} % mirrored"] if state.mirror else []
    return f"{stable} + {_called(state.candidate)} {' and '.join(shares) or 'idle'}"


def _called(release: Named) -> str:
    return release.version or release.digest.removeprefix("sha256:")[:12]


def documents(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """All entries as plain values."""
    return [entry.document() for entry in entries]
