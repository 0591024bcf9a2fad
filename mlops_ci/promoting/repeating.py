"""A release made again from scratch in a clean clone of its commit, and how much of it is the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from pydantic import BaseModel

from mlops_ci.adapters.dvc import Dvc, FromScratch, Settings
from mlops_ci.audit.links import Unseen
from mlops_ci.audit.origin import Repeated
from mlops_ci.collect import reproduction
from mlops_ci.errors import MlopsError
from mlops_ci.evidence import (
    Base,
    Environment,
    Evidence,
    Lock,
    ModelEvidence,
    Repository,
    Reproduction,
    RerunMetric,
    Status,
)
from mlops_ci.gates import reproducibility
from mlops_ci.pipeline import producer_of
from mlops_ci.promotion.record import Record


def repeated(dvc: Dvc, record: Record, options: BaseModel, settings: Settings) -> Repeated | Unseen:
    """Run the stages of a release again, and judge as the gate does: bytes, else metrics within tolerance."""
    commit = record.release.commit
    maker = producer_of(dvc.graph(commit), record.source.output)
    if maker is None:
        return Unseen(f"no stage at {commit[:10]} makes {record.source.output or 'the model'}")
    try:
        again = dvc.from_scratch(commit, [maker.name], settings=settings)
    except MlopsError as error:
        return Unseen(f"it could not be made again: {error.message}")
    asked = cast(reproducibility.Options, options).model_copy(update={"run": "always"})
    return _judged(record, _measured(dvc, commit, again), asked)


def _measured(dvc: Dvc, commit: str, again: FromScratch) -> Reproduction:
    failed = next((run for run in again.runs if run.status == "failed"), None)
    seconds = round(sum(run.seconds or 0.0 for run in again.runs), 3)
    if failed is not None:
        problem = reproduction.failure(failed, again)
        return Reproduction(commit=commit, seconds=seconds, failed=failed.name, problem=problem)
    graph = dvc.graph(commit)
    ran = [graph.by_name[run.name] for run in again.runs if run.status == "ran"]
    if not ran:
        return Reproduction(commit=commit, problem="none of its stages can be run: they are frozen")
    made = {out.path for stage in ran for out in stage.outs}
    return Reproduction(
        commit=commit,
        seconds=seconds,
        outputs=tuple(reproduction.outputs(ran, again)),
        metrics=tuple(one for file in graph.metrics if file in made for one in _metrics(dvc, file, again)),
    )


def _metrics(dvc: Dvc, file: str, again: FromScratch) -> Iterator[RerunMetric]:
    """The numbers of a metrics file, both times."""
    first = reproduction.numbers(dvc.read(file, again.commit), file)
    second = reproduction.numbers(again.files.get(file), file)
    for name in dict.fromkeys((*first, *second)):
        yield RerunMetric(name=name, file=file, first=first.get(name), again=second.get(name))


def _judged(record: Record, found: Reproduction, options: reproducibility.Options) -> Repeated | Unseen:
    model = ModelEvidence(name=record.model, reproduction=found)
    findings = reproducibility.check(_document(model, found.commit), options)
    failed = [one.sentence for one in findings if one.status is Status.FAIL]
    if failed:
        return Repeated(same=False, sentence=" ".join(failed))
    if not all(one.status in (Status.PASS, Status.WARN) for one in findings):
        return Unseen(" ".join(one.sentence for one in findings))
    return Repeated(same=True, sentence=" ".join(one.sentence for one in findings))


def _document(model: ModelEvidence, commit: str) -> Evidence:
    """As much of a document of evidence as the gate looks at."""
    return Evidence(
        created="",
        tool="",
        repository=Repository(name="", commit=commit),
        base=Base(),
        lock=Lock(mode="report", digest=""),
        models=(model,),
        environment=Environment(python="", platform="", cpu_count=0),
    )
