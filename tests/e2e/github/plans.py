"""Which jobs a run has by its files: those of its own workflow, and those of the workflows that it calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .remote_actions import USES
from .workflows import Workflow


@dataclass(frozen=True)
class Planned:
    """A job by its id, with the name that it shows; of a call the called workflow and its jobs."""

    id: str
    name: str
    workflow: str = ""
    jobs: Sequence[Planned] = ()


def planned(workflow: Workflow, clone: Path, mapped: Mapping[str, Path]) -> list[Planned]:
    """The jobs of a workflow. A called workflow's jobs are named after both, as GitHub does it."""
    return list(_planned(workflow, clone, mapped))


def _planned(workflow: Workflow, clone: Path, mapped: Mapping[str, Path]) -> Iterator[Planned]:
    jobs: dict[str, dict[str, Any]] = workflow.document.get("jobs", {})
    for key, job in jobs.items():
        name = str(job.get("name", key))
        if "uses" not in job:
            yield Planned(key, name)
            continue
        file = called_file(str(job["uses"]), clone, mapped)
        called = Workflow(file.name, file.read_text())
        inner = called.document.get("jobs", {}).items()
        theirs = [Planned(one, f"{name} / {about.get('name', one)}") for one, about in inner]
        yield Planned(key, name, called.label, theirs)


def called_file(uses: str, clone: Path, mapped: Mapping[str, Path]) -> Path:
    """The file of the workflow that a job calls."""
    if found := USES.search(f"uses: {uses}"):
        repository, path, ref = found.groups()
        return mapped[f"{repository}@{ref}"] / path.lstrip("/")
    return clone / uses.partition("/")[2]
