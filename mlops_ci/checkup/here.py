"""Checks of the repository itself: Git, its history, the pipeline, the configuration."""

from __future__ import annotations

from mlops_ci.checkup.place import Found, Place
from mlops_ci.collect import running
from mlops_ci.collect.project import CONFIG
from mlops_ci.errors import ConfigError


def repository(place: Place) -> Found:
    """A Git repository with a commit."""
    try:
        head = place.git.head()
    except ConfigError as error:
        return Found("missing", error.message, error.hint)
    branch = place.git.branch() or "no branch"
    return Found("good", f"{branch} at {head[:10]}")


def history(place: Place) -> Found:
    """The whole history: the base of a pull request lies in it."""
    if place.git.is_shallow():
        return Found(
            "advice",
            "this clone has no history, so the base has to be fetched",
            "git fetch --unshallow; in a workflow `fetch-depth: 0` of actions/checkout",
        )
    return Found("good", "the whole history is here")


def pipeline(place: Place) -> Found:
    """A dvc.yaml that can be read."""
    try:
        graph = place.dvc.graph()
    except ConfigError as error:
        return Found("missing", error.message, error.hint)
    if not graph.metrics:
        return Found(
            "advice",
            f"{_counted(len(graph.stages), 'stage')} and no metrics file: there is nothing to compare",
            "name one under `metrics:` of a stage in dvc.yaml",
        )
    stages, metrics = _counted(len(graph.stages), "stage"), _counted(len(graph.metrics), "metrics file")
    return Found("good", f"{stages}, {metrics}")


def configuration(place: Place) -> Found:
    """An mlops-ci.yaml without mistakes, or none."""
    try:
        written = place.rules.configured
    except ConfigError as error:
        return Found("missing", error.message, error.hint)
    if not written:
        return Found("good", f"no {CONFIG}: the defaults hold", "`mlops-ci init` drafts one")
    if notes := _unfitting(place):
        return Found(
            "advice", f"{CONFIG}: {notes[0]}", "name stages as dvc.yaml does, or by a glob: train@gpu-*"
        )
    return Found("good", f"{CONFIG} has no mistakes")


def _unfitting(place: Place) -> tuple[str, ...]:
    """What ``stages`` says of stages that are not there; a pipeline that cannot be read is another check."""
    if not place.rules.stages:
        return ()
    try:
        return running.notes(place.rules, place.dvc.graph())
    except ConfigError:
        return ()


def _counted(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"
