"""Running only what failed again: act knows no attempts, so the files say what is left to do.

As on GitHub: the jobs that failed and all that wait for them are run, of a matrix the combinations that failed. What succeeded keeps
its outputs, which steps of the same ids give once more, and its artifacts.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from .act_output import Job
from .plans import Planned, called_file
from .workflows import Workflow

AGAIN = ("failure", "cancelled")


def narrow(
    workflow: Workflow,
    clone: Path,
    mapped: Mapping[str, Path],
    planned: Sequence[Planned],
    before: Sequence[Job],
) -> list[Job]:
    """Rewrite the files so that act runs what failed; gives the jobs of before that are not run."""
    return list(_narrow(clone / workflow.path, clone, mapped, planned, before))


def merged(kept: Sequence[Job], ran: Iterable[Job], attempt: int) -> list[Job]:
    """The jobs of a run as GitHub shows them after an attempt: what was kept, and what was run."""
    return [*kept, *(replace(job, attempt=attempt) for job in ran if not _given(job, kept))]


def _given(job: Job, kept: Sequence[Job]) -> bool:
    """Whether a job has run as a mere giver of outputs; of a matrix it was then but one."""
    names = [one.name for one in kept if one.id == job.id]
    return any(name == job.name or name.startswith(f"{job.name} (") for name in names)


def _narrow(
    file: Path, clone: Path, mapped: Mapping[str, Path], planned: Sequence[Planned], before: Sequence[Job]
) -> Iterator[Job]:
    document = yaml.safe_load(file.read_text())
    jobs: dict[str, dict[str, Any]] = document["jobs"]
    parts = {one.id: [job for job in before if _of(job, one)] for one in planned}
    again = _again(jobs, parts)
    for one in planned:
        job, then = jobs[one.id], parts[one.id]
        failed = [each for each in then if each.result in AGAIN]
        if one.workflow and (failed or one.id not in again):
            called = called_file(str(job["uses"]), clone, mapped)
            yield from _narrow(called, clone, mapped, one.jobs, then)
        elif one.id not in again:
            yield from then
            _give(job, then)
        elif failed and failed[0].matrix:
            yield from (each for each in then if each not in failed)
            job["strategy"]["matrix"] = {"include": [dict(each.matrix) for each in failed]}
    # YAML 1.1 takes the key `on` for the truth.
    named = {"on" if key is True else key: value for key, value in document.items()}
    file.write_text(yaml.safe_dump(named, sort_keys=False))


def _of(job: Job, planned: Planned) -> bool:
    """Whether a job is a planned one, one of its combinations, or one of those that it calls."""
    if planned.workflow:
        return any(_of(job, one) for one in planned.jobs)
    return job.id == planned.id and (job.name == planned.name or job.name.startswith(f"{planned.name} ("))


def _again(jobs: Mapping[str, Mapping[str, Any]], parts: Mapping[str, Sequence[Job]]) -> set[str]:
    """The ids of the jobs that failed, and of those that wait for them."""
    found = {key for key, of in parts.items() if any(job.result in AGAIN for job in of)}
    while more := {key for key, job in jobs.items() if key not in found and found & set(_needs(job))}:
        found |= more
    return found


def _needs(job: Mapping[str, Any]) -> list[str]:
    needs = job.get("needs", [])
    return [needs] if isinstance(needs, str) else list(needs)


def _give(job: dict[str, Any], before: Sequence[Job]) -> None:
    """A job that succeeded does nothing any more but give its outputs; one that was skipped is skipped again."""
    if not any(one.result == "success" for one in before):
        return
    last = before[-1]
    job.pop("strategy", None)
    job["runs-on"] = "ubuntu-latest"
    steps = [
        step
        for step in last.steps.values()
        if step.result == "success" and re.fullmatch(r"[a-z][\w-]*", step.id)
    ]
    job["steps"] = [{"run": "true"}, *({"id": step.id, "run": _script(step.outputs)} for step in steps)]
    # What it said of its own attempt it says still.
    job["outputs"] = {
        name: str(value).replace("github.run_attempt", f"'{last.attempt}'")
        for name, value in job.get("outputs", {}).items()
    }


def _script(outputs: Mapping[str, str]) -> str:
    lines = (shlex.quote(f"{name}={value}") for name, value in outputs.items())
    return "\n".join(["true", *(f'printf "%s\\n" {line} >> "$GITHUB_OUTPUT"' for line in lines)])
