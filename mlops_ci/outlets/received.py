"""Evidence from an untrusted run, such as a fork's: read as data, and only about the head it is posted to."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mlops_ci import evidence
from mlops_ci.adapters.actions import Runner
from mlops_ci.adapters.github import GitHub
from mlops_ci.collect import live
from mlops_ci.collect.project import Project
from mlops_ci.errors import ConfigError
from mlops_ci.evidence import MAX_BYTES, Evidence
from mlops_ci.forge import PullRequest
from mlops_ci.outlets import targets
from mlops_ci.writing.markdown import clip
from mlops_ci.writing.visible import one_line

# Two machines' clocks differ; a report from the future would never be replaced by a later one.
SKEW = timedelta(minutes=10)
LONGEST = 300
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)


@dataclass(frozen=True)
class Received:
    """A document with its digest as it came, and the pull request that it is about."""

    evidence: Evidence
    digest: str
    pull: PullRequest


def receive(
    github: GitHub, runner: Runner, path: Path, number: int | None, now: datetime | None = None
) -> Received:
    """Read a document and find its pull request: its head, as GitHub tells it, is what was measured.

    Raises:
        ConfigError: it is no evidence, or is not about the head of that pull request.
        ToolError: GitHub refuses or cannot be reached.
    """
    found = _document(path, now or datetime.now(UTC))
    measured = found.repository.commit
    told = runner.head_commit if runner.event == "workflow_run" else ""
    if told and told != measured:
        raise _refused(path, f"is about {_short(measured)}, but the run that sent it was for {_short(told)}")
    pull = github.pull_request(number) if number is not None else _of(github, runner, path, found)
    if pull.head_commit != measured:
        head = f"pull request #{pull.number} is at {_short(pull.head_commit)} now"
        raise _refused(path, f"is about {_short(measured)}, but {head}")
    if told and pull.head_repository.lower() != runner.head_repository.lower():
        raise _refused(
            path, f"was sent from a repository that is not the head of pull request #{pull.number}"
        )
    if found.repository.pull_request not in (None, pull.number):
        raise _refused(path, f"is about pull request #{found.repository.pull_request}, not #{pull.number}")
    return Received(found, found.digest, pull)


def ruled(found: Received, project: Project) -> Evidence:
    """The document with what only a trusted checkout may say instead: rules, waivers, commits, releases."""
    own = project.base
    rules = [note for note in own.notes if note not in project.revisions.notes]
    origin = f"measured by a run of the fork {found.pull.head_repository}, whose numbers are its own word"
    notes = (*found.evidence.base.notes, *rules, *([origin] if found.pull.fork else []))
    base = found.evidence.base.model_copy(
        update={"policy": own.policy, "configured": own.configured, "notes": notes}
    )
    mode = project.policy.lock
    if mode == "commit" and found.pull.fork:
        mode = "report"  # nobody commits to a fork's branch
    lock = found.evidence.lock.model_copy(update={"mode": mode, "commit": None})
    own_words = found.evidence.model_copy(update={"base": base, "lock": lock, "waivers": ()})
    return live.ruled(project, own_words)


def _document(path: Path, now: datetime) -> Evidence:
    try:
        found = evidence.read(_bytes(path), str(path))
    except ConfigError as error:
        # It may quote what the document holds.
        raise ConfigError(clip(one_line(error.message), LONGEST), error.hint) from error
    if not _MOMENT.fullmatch(found.created):
        raise _refused(path, "does not say when it was made")
    if datetime.fromisoformat(found.created) > now + SKEW:
        raise _refused(path, f"was made at {found.created}, which is yet to come")
    return found


def _bytes(path: Path) -> bytes:
    """The file's bytes, one more than may be at most; no link and no pipe is followed."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ConfigError(f"{path}: is no plain file", "name the evidence.json of the artifact")
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror or error})", "name the evidence.json of the artifact"
        ) from error


def _of(github: GitHub, runner: Runner, path: Path, found: Evidence) -> PullRequest:
    """The event's pull request, else the open one with this head; of several the one the document names."""
    if runner.pull_request is not None:
        return github.pull_request(runner.pull_request)
    commit = found.repository.commit
    if not re.fullmatch(r"[0-9a-f]{40}", commit):
        raise _refused(path, "names no commit")
    possible = targets.of_head(github, commit, runner.head_repository)
    named = [pull for pull in possible if pull.number == found.repository.pull_request]
    for pull in [*named, *possible]:
        return pull
    raise _refused(
        path,
        f"is about {_short(commit)}, which is the head of no open pull request of {runner.head_repository}",
    )


def _refused(path: Path, why: str) -> ConfigError:
    return ConfigError(
        f"{path}: {clip(one_line(why), LONGEST)}", "nothing was posted; run the pull request again"
    )


def _short(commit: str) -> str:
    return commit[:10]
