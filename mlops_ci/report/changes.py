"""What a change did, as data for a report: parameters, files, rules, stages, and which metrics they feed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from urllib.parse import quote

from mlops_ci.evidence import Evidence, FileChange, Pace, ParamChange, PolicyEdit, Problem, StageRun, Where
from mlops_ci.report.ladder import Detail, Rows, capped
from mlops_ci.writing import figures


@dataclass(frozen=True)
class Place:
    """A place in the repository; ``url`` is empty where no server is known."""

    file: str
    line: int | None = None
    url: str = ""

    @property
    def name(self) -> str:
        """``file:line``, as editors and terminals understand it."""
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True)
class Cause:
    """A change that feeds a metric; ``kind`` is param, data, code or command."""

    kind: str
    place: Place
    key: str = ""
    old: str | None = None
    new: str | None = None
    feeds: tuple[str, ...] = ()


@dataclass(frozen=True)
class ParamRow:
    """A parameter that changed, as its file writes it; None where it is not there."""

    place: Place
    key: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class FileRow:
    """A dependency that changed; ``kind`` is changed, added or removed."""

    place: Place
    role: str
    kind: str
    old_size: int | None
    new_size: int | None
    old_files: int | None
    new_files: int | None
    comment_only: bool


@dataclass(frozen=True)
class EditRow:
    """A rule of mlops-ci.yaml that the pull request edits."""

    place: Place
    key: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class ProblemRow:
    """Something that could not be measured."""

    place: Place
    revision: str
    message: str
    hint: str


@dataclass(frozen=True)
class StagesView:
    """What the pipeline did; ``saved`` are the seconds that cached and restored stages took last time.

    ``pace`` is how they shared the machines.
    """

    ran: int
    restored: int
    cached: int
    seconds: float
    saved: float
    failed: tuple[StageRun, ...]
    blocked: tuple[StageRun, ...]
    rows: Rows[StageRun]
    pace: Pace

    @property
    def at_once(self) -> bool:
        """Whether stages ran beside each other, so that it took notably less than one after the other."""
        return self.pace.wall > 0 and self.pace.work >= NOTABLE * self.pace.wall


@dataclass(frozen=True)
class Changes:
    """Everything that differs from the base; ``moved`` is False where no stage could notice it."""

    params: Rows[ParamRow]
    data: Rows[FileRow]
    code: Rows[FileRow]
    comment_only: tuple[str, ...]
    edits: Rows[EditRow]
    problems: Rows[ProblemRow]
    moved: bool


class Places:
    """Places of the repository with their addresses, where it is known who serves them."""

    def __init__(self, source_url: str) -> None:
        self.source = source_url.rstrip("/")

    def of(self, where: Where | None) -> Place | None:
        """The place, where there is one."""
        return self.at(where) if where else None

    def at(self, where: Where) -> Place:
        """The place."""
        anchor = f"#L{where.line}" if where.line else ""
        url = f"{self.source}/{quote(where.file)}{anchor}" if self.source else ""
        return Place(where.file, where.line, url)


def changes_of(evidence: Evidence, places: Places, detail: Detail) -> Changes:
    """Sort every change by file, line and key, and cap what is shown."""
    params = sorted(evidence.params, key=lambda change: (*_order(change.where), change.key))
    files = sorted(evidence.files, key=lambda change: _order(change.where))
    rows = [(change, _file_row(change, places)) for change in files]
    few = max(5, detail.changes)
    return Changes(
        params=capped([_param_row(change, places) for change in params], detail.changes),
        data=capped([row for change, row in rows if change.role == "data"], detail.changes),
        code=capped([row for change, row in rows if change.role != "data"], detail.code),
        comment_only=tuple(change.where.file for change in files if change.comment_only)[: detail.names],
        edits=capped([_edit_row(edit, places) for edit in evidence.policy_edits], few),
        problems=capped([_problem_row(problem, places) for problem in evidence.problems], few),
        moved=bool(params) or any(not change.comment_only for change in files),
    )


def _order(where: Where) -> tuple[str, int]:
    return (where.file, where.line or 0)


def _param_row(change: ParamChange, places: Places) -> ParamRow:
    old, new = figures.differing(change.old, change.new)
    return ParamRow(
        place=places.at(change.where),
        key=change.key,
        old=None if change.kind == "added" else old,
        new=None if change.kind == "removed" else new,
    )


def _file_row(change: FileChange, places: Places) -> FileRow:
    kind = "added" if change.old is None else "removed" if change.new is None else "changed"
    return FileRow(
        place=places.at(change.where),
        role=change.role,
        kind=kind,
        old_size=change.old_size,
        new_size=change.new_size,
        old_files=change.old_files,
        new_files=change.new_files,
        comment_only=change.comment_only,
    )


def _edit_row(edit: PolicyEdit, places: Places) -> EditRow:
    old = None if edit.old is None else figures.scalar(edit.old)
    new = None if edit.new is None else figures.scalar(edit.new)
    return EditRow(place=places.at(edit.where), key=edit.key, old=old, new=new)


def _problem_row(problem: Problem, places: Places) -> ProblemRow:
    return ProblemRow(places.at(problem.where), problem.revision, problem.message, problem.hint)


# ---- stages --------------------------------------------------------------------------------------

# So many times the work of what it took is worth a word.
NOTABLE = 1.1
_STAGE_ORDER = ("failed", "blocked", "ran", "restored", "cached")


def stages_of(stages: Sequence[StageRun], detail: Detail, pace: Pace | None = None) -> StagesView:
    """Failed stages first, then by what happened; the order of the run within."""
    by_status = {status: [s for s in stages if s.status == status] for status in _STAGE_ORDER}
    rows = [s for status in _STAGE_ORDER for s in by_status[status] if detail.cached or status != "cached"]
    spared = chain(by_status["cached"], by_status["restored"])
    return StagesView(
        ran=len(by_status["ran"]),
        restored=len(by_status["restored"]),
        cached=len(by_status["cached"]),
        seconds=sum(stage.seconds or 0.0 for stage in by_status["ran"] + by_status["failed"]),
        saved=sum(stage.saved or 0.0 for stage in spared),
        failed=tuple(by_status["failed"]),
        blocked=tuple(by_status["blocked"]),
        rows=capped(rows, detail.stages),
        pace=pace or Pace(),
    )


# ---- causes ----------------------------------------------------------------------------------------

_KIND_ORDER = ("param", "data", "code", "command")


def by_stage(causes: Iterable[Cause]) -> dict[str, list[Cause]]:
    """Every change under each stage it feeds: parameters first, then data, code and commands."""
    found: dict[str, list[Cause]] = {}
    for cause in sorted(causes, key=_params_first):
        for stage in cause.feeds:
            found.setdefault(stage, []).append(cause)
    return found


def _params_first(cause: Cause) -> tuple[int, str, int, str]:
    return (_KIND_ORDER.index(cause.kind), cause.place.file, cause.place.line or 0, cause.key)


def causes_of(evidence: Evidence, places: Places) -> list[Cause]:
    """Every change that a stage could notice."""
    params = [
        Cause("param", row.place, row.key, row.old, row.new, change.feeds)
        for change in evidence.params
        for row in (_param_row(change, places),)
    ]
    files = [_file_cause(change, places) for change in evidence.files if not change.comment_only]
    return params + files


def _file_cause(change: FileChange, places: Places) -> Cause:
    # A command's old and new are its texts; a file's are digests, which tell a reader nothing.
    command = change.role == "command"
    return Cause(
        kind=change.role,
        place=places.at(change.where),
        old=change.old if command else None,
        new=change.new if command else None,
        feeds=change.feeds,
    )
