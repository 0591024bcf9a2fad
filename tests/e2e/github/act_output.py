"""What act's --json lines say: the result of every job and step, outputs, summaries, annotations, logs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .plans import Planned

# What the runner writes after a failed step.
PADDING = "~" * 1023
LEVELS = {"notice": "notice", "warning": "warning", "error": "failure"}


@dataclass(frozen=True)
class Annotation:
    """A notice, warning or failure that a step has told of."""

    level: str
    message: str
    file: str = ""
    line: int = 0
    title: str = ""


@dataclass
class Step:
    """A step of a job, or of an action within it: then its id is ``outer/inner``."""

    id: str
    name: str
    result: str = "skipped"
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    annotations: list[Annotation] = field(default_factory=list)
    log: str = ""
    started: bool = False


@dataclass
class Job:
    """One job; of a matrix, one of its combinations."""

    id: str
    name: str
    matrix: Mapping[str, Any]
    result: str = "skipped"
    steps: dict[str, Step] = field(default_factory=dict)
    # In which attempt of the run it was run: where only what failed is run again, the rest is of an earlier one.
    attempt: int = 1

    @property
    def log(self) -> str:
        return "".join(step.log for step in self.steps.values())

    @property
    def summary(self) -> str:
        """The job's summary. Of an action act tells the last inner step's summary once more as the action's own."""
        outer = {step.id.rpartition("/")[0] for step in self.steps.values()}
        return "".join(step.summary for step in self.steps.values() if step.id not in outer)

    @property
    def annotations(self) -> list[Annotation]:
        return [one for step in self.steps.values() for one in step.annotations]

    def step(self, key: str) -> Step:
        """A step by its id or name."""
        for step in self.steps.values():
            if key in (step.id, step.name):
                return step
        raise AssertionError(
            f"{self.id} has no step {key!r}, only {[one.name for one in self.steps.values()]}"
        )


def jobs(lines: Iterable[str], workflow: str, planned: Sequence[Planned]) -> list[Job]:
    """The jobs of a run of a workflow; act is silent about those that are skipped, so all that are planned are given."""
    found: dict[str, Job] = {}
    called: set[str] = set()
    calls = [one for one in planned if one.workflow]
    for line in lines:
        entry = json.loads(line)
        if "jobID" not in entry:
            continue
        label = entry["job"].strip()
        outer = [call.id for call in calls if label == f"{workflow}/{call.name}"]
        inner = [call.jobs for call in calls if label.startswith(f"{call.name}/{call.workflow}/")]
        called.update(outer)
        if not outer:
            _take(found, entry, inner[0] if inner else planned)
    return [*found.values(), *_silent(planned, called, {(job.id, job.name) for job in found.values()})]


def _silent(
    planned: Iterable[Planned], called: Iterable[str], seen: Iterable[tuple[str, str]]
) -> Iterator[Job]:
    """What was skipped: a call as a whole, or jobs within it."""
    ids = {key for key, _ in seen}
    for one in planned:
        if one.id in called:
            yield from (Job(job.id, job.name, {}) for job in one.jobs if not _ran(job, seen))
        elif one.workflow or one.id not in ids:
            yield Job(one.id, one.name, {})


def _ran(job: Planned, seen: Iterable[tuple[str, str]]) -> bool:
    """Whether a job was run, or a combination of its matrix."""
    return any(key == job.id and (name == job.name or name.startswith(f"{job.name} (")) for key, name in seen)


def _take(found: dict[str, Job], entry: dict[str, Any], planned: Iterable[Planned]) -> None:
    matrix = entry.get("matrix") or {}
    known = {one.id: one.name for one in planned}
    # GitHub's names: what the workflow says, with the combination of a matrix.
    name = known.get(entry["jobID"]) or entry["job"].partition("/")[2].strip()
    if matrix and entry["jobID"] in known:
        name += f" ({', '.join(map(str, matrix.values()))})"
    key = f"{entry['job'].strip()} {json.dumps(matrix, sort_keys=True)}"
    job = found.setdefault(key, Job(entry["jobID"], name, matrix))
    _take_result(job, entry)
    if "stepID" in entry:
        identifier = "/".join(entry["stepID"])
        step = job.steps.setdefault(identifier, Step(identifier, entry["step"]))
        if entry.get("stage") == "Main" and not step.started:
            # Steps are told of first when they are prepared; they stand in the order in which they run.
            step.started = True
            job.steps[identifier] = job.steps.pop(identifier)
        _take_step(step, entry)


def _take_result(job: Job, entry: dict[str, Any]) -> None:
    """Act gives every combination of a matrix the result of the first that failed; it cleans up after those that did not."""
    if entry["msg"].startswith("Cleaning up container for job"):
        job.result = "success"
    elif "jobResult" in entry and not (job.matrix and job.result == "success"):
        job.result = entry["jobResult"]


def _take_step(step: Step, entry: dict[str, Any]) -> None:
    # What comes before and after, also of a step that was skipped, has results of its own.
    if entry.get("stage") == "Main":
        step.result = entry.get("stepResult", step.result)
    command = entry.get("command")
    if entry.get("raw_output"):
        step.log += entry["msg"].partition(PADDING)[0]
    elif command == "set-output":
        step.outputs[entry["name"]] = entry["arg"]
    elif command == "summary":
        step.summary += entry["content"]
    elif command in LEVELS:
        step.annotations.append(_annotation(LEVELS[command], entry))


def _annotation(level: str, entry: dict[str, Any]) -> Annotation:
    facts = entry.get("kvPairs") or {}
    return Annotation(
        level, entry["arg"], facts.get("file", ""), int(facts.get("line", 0) or 0), facts.get("title", "")
    )
