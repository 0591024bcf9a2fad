"""Verdicts on a commit as GitHub shows them: check runs with annotations, and commit statuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from mlops_ci.adapters.github import GitHub
from mlops_ci.adapters.github_wire import Fields

Status = Literal["queued", "in_progress", "completed"]
Conclusion = Literal[
    "", "success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required"
]
Level = Literal["notice", "warning", "failure"]
State = Literal["error", "failure", "pending", "success"]

# GitHub counts bytes here, although its documentation says characters (github/docs#35252).
MOST_SUMMARY = 65_535
MOST_MESSAGE = 64_000
MOST_TITLE = 255
MOST_DESCRIPTION = 140
BATCH = 50


@dataclass(frozen=True)
class Annotation:
    """A remark at lines of a file."""

    path: str
    start_line: int
    end_line: int
    level: Level
    message: str
    title: str = ""


@dataclass(frozen=True)
class Check:
    """What a check run shall say. Without a title it has no output, only a status."""

    name: str
    head_sha: str
    status: Status = "completed"
    conclusion: Conclusion = ""
    title: str = ""
    summary: str = ""
    annotations: tuple[Annotation, ...] = ()
    details_url: str = ""
    external_id: str = ""


@dataclass(frozen=True)
class CheckRun:
    """A check run as GitHub has it."""

    id: int
    name: str
    head_sha: str
    status: str
    conclusion: str = ""
    url: str = ""
    external_id: str = ""
    annotations: int = 0


def create(github: GitHub, check: Check) -> CheckRun:
    """Make a check run; after a cut connection only where it is not there already.

    Raises:
        ToolError: GitHub refuses (only an App's token may) or cannot be reached.
    """

    def made() -> Any:
        return next((run.plain for run in _named(github, check) if _says(run, check)), None)

    first, *rest = _bodies(check)
    run = _run(github.http.post(github.path("check-runs"), {"head_sha": check.head_sha, **first}, done=made))
    return _append(github, run, rest, len(check.annotations[:BATCH]))


def update(github: GitHub, run: int, check: Check) -> CheckRun:
    """Bring a check run to what it shall say; its annotations are added to those it has.

    Raises:
        ToolError: GitHub refuses or cannot be reached.
    """
    before = get(github, run)
    return _append(github, before, _bodies(check), before.annotations)


def bring(github: GitHub, run: CheckRun, check: Check) -> CheckRun:
    """Bring a check run that we know to what it shall say; annotations that it has are not added again.

    Raises:
        ToolError: GitHub refuses or cannot be reached.
    """
    wanted = replace(check, annotations=()) if run.annotations else check
    return _append(github, run, _bodies(wanted), run.annotations)


def get(github: GitHub, run: int) -> CheckRun:
    """The check run of that number.

    Raises:
        ToolError: GitHub refuses or cannot be reached.
    """
    return _run(github.http.get(github.path("check-runs", run)))


def named(github: GitHub, sha: str, name: str) -> tuple[CheckRun, ...]:
    """The latest check runs of a commit with this name.

    Raises:
        ToolError: GitHub refuses or cannot be reached.
    """
    return tuple(map(_run, _named(github, Check(name, sha))))


def of_commit(github: GitHub, sha: str) -> tuple[CheckRun, ...]:
    """The latest check runs of a commit, whoever made them.

    Raises:
        ToolError: GitHub refuses or cannot be reached.
    """
    path = github.path("commits", sha, "check-runs")
    return tuple(map(_run, github.http.pages(path, inside="check_runs")))


def set_status(
    github: GitHub, sha: str, state: State, *, context: str, description: str = "", url: str = ""
) -> None:
    """Set a commit's status of a name; the last one counts.

    Raises:
        ToolError: GitHub refuses or cannot be reached.
    """
    body = {"state": state, "context": context, "description": _short(description, MOST_DESCRIPTION)}
    github.http.post(
        github.path("statuses", sha), {**body, **({"target_url": url} if url else {})}, repeatable=True
    )


def cut(text: str, most: int = MOST_SUMMARY) -> str:
    """A text of at most ``most`` bytes, cut after a line where it is longer."""
    raw = text.encode()
    if len(raw) <= most:
        return text
    end = "\n…"
    kept = raw[: most - len(end.encode())].decode(errors="ignore")
    whole, line, _ = kept.rpartition("\n")
    return (whole if line else kept) + end


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _bodies(check: Check) -> list[dict[str, Any]]:
    """What to send: the verdict with the first annotations, then the others in batches."""
    body: dict[str, Any] = {"name": check.name, "status": check.status}
    optional = ("conclusion", "details_url", "external_id")
    body |= {key: value for key in optional if (value := getattr(check, key))}
    if not check.title:
        return [body]
    output = {"title": _short(check.title, MOST_TITLE), "summary": cut(check.summary)}
    plain = [_plain(annotation) for annotation in check.annotations]
    batches = [plain[start : start + BATCH] for start in range(0, len(plain), BATCH)]
    return [body | {"output": output | ({"annotations": b} if b else {})} for b in batches or [[]]]


def _plain(annotation: Annotation) -> dict[str, Any]:
    title = {"title": _short(annotation.title, MOST_TITLE)} if annotation.title else {}
    return {
        "path": annotation.path,
        "start_line": annotation.start_line,
        "end_line": annotation.end_line,
        "annotation_level": annotation.level,
        "message": cut(annotation.message, MOST_MESSAGE),
        **title,
    }


def _append(github: GitHub, run: CheckRun, bodies: list[dict[str, Any]], have: int) -> CheckRun:
    """Send the bodies one by one; what was sent in doubt is not sent twice, or it would stand there twice."""
    path = github.path("check-runs", run.id)
    for body in bodies:
        new = len(body.get("output", {}).get("annotations", ()))
        have += new
        done = partial(_grown, github, path, have) if new else None
        run = _run(github.http.patch(path, body, done=done))
    return run


def _grown(github: GitHub, path: str, expected: int) -> Any:
    found = github.http.get(path)
    return found.plain if _run(found).annotations >= expected else None


def _named(github: GitHub, check: Check) -> Iterator[Fields]:
    path = github.path("commits", check.head_sha, "check-runs")
    return github.http.pages(path, inside="check_runs", check_name=check.name)


def _says(found: Fields, check: Check) -> bool:
    """Whether a check run is what we tried to make."""
    run = _run(found)
    said = found.text("output", "title", default=""), found.text("output", "summary", default="")
    wanted = _bodies(check)[0].get("output", {})
    return (run.status, run.conclusion, run.external_id, *said) == (
        check.status,
        check.conclusion,
        check.external_id,
        wanted.get("title", ""),
        wanted.get("summary", ""),
    )


def _run(found: Fields) -> CheckRun:
    return CheckRun(
        id=found.number("id"),
        name=found.text("name"),
        head_sha=found.text("head_sha"),
        status=found.text("status"),
        conclusion=found.text("conclusion", default=""),
        url=found.text("html_url", default=""),
        external_id=found.text("external_id", default=""),
        annotations=found.number("output", "annotations_count", default=0),
    )
