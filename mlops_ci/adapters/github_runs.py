"""GitHub Actions from outside: start a workflow, run it again, and fetch what it left behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mlops_ci.adapters.github import GitHub

MOST = 256 << 20


@dataclass(frozen=True)
class Artifact:
    """What a run uploaded; ``digest`` is GitHub's sha256 of the archive, where it says one."""

    id: int
    name: str
    size: int
    expired: bool
    head_sha: str = ""
    digest: str = ""


@dataclass(frozen=True)
class Run:
    """A run of a workflow; ``running`` where it has not ended yet."""

    id: int
    event: str
    head_sha: str
    running: bool
    conclusion: str = ""
    url: str = ""


def of_commit(github: GitHub, workflow: str, sha: str) -> tuple[Run, ...]:
    """The runs of a workflow, by its file name, on a commit; the newest first.

    Raises:
        ToolError: there is no such workflow, or GitHub refuses or cannot be reached.
    """
    path = github.path("actions", "workflows", workflow, "runs")
    return tuple(
        Run(
            id=found.number("id"),
            event=found.text("event"),
            head_sha=found.text("head_sha"),
            running=found.text("status", default="") != "completed",
            conclusion=found.text("conclusion", default=""),
            url=found.text("html_url", default=""),
        )
        for found in github.http.pages(path, inside="workflow_runs", head_sha=sha)
    )


def dispatch(github: GitHub, workflow: str, ref: str, inputs: Mapping[str, str] | None = None) -> None:
    """Start a workflow, by its file name, on a branch. In doubt it is not started twice.

    Raises:
        ToolError: GitHub refuses or cannot be reached.
    """
    path = github.path("actions", "workflows", workflow, "dispatches")
    github.http.post(path, {"ref": ref, "inputs": dict(inputs or {})})


def rerun(github: GitHub, run: int, *, failed: bool = False) -> None:
    """Run a finished run again, or only what failed in it. In doubt it is not started twice.

    Raises:
        ToolError: GitHub refuses (it is not finished) or cannot be reached.
    """
    github.http.post(github.path("actions", "runs", run, "rerun-failed-jobs" if failed else "rerun"))


def artifacts(github: GitHub, run: int, *, name: str = "") -> tuple[Artifact, ...]:
    """The artifacts of a run, or those of one name.

    Raises:
        ToolError: GitHub refuses or cannot be reached.
    """
    path = github.path("actions", "runs", run, "artifacts")
    found = github.http.pages(path, inside="artifacts", **({"name": name} if name else {}))
    return tuple(
        Artifact(
            id=artifact.number("id"),
            name=artifact.text("name"),
            size=artifact.number("size_in_bytes"),
            expired=artifact.flag("expired"),
            head_sha=artifact.text("workflow_run", "head_sha", default=""),
            digest=artifact.text("digest", default=""),
        )
        for artifact in found
    )


def download(github: GitHub, artifact: int, *, most: int = MOST) -> bytes:
    """The zip archive of an artifact. It is untrusted data: nothing in it was checked.

    Raises:
        ToolError: it is larger than ``most`` bytes, GitHub refuses or cannot be reached.
    """
    return github.http.download(github.path("actions", "artifacts", artifact, "zip"), most=most)
