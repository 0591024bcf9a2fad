"""The model served: whether it loads and behaves, and how long it takes against the base's."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_ci import pipeline
from mlops_ci.adapters.serving import Served, ServingError, UnknownModelError
from mlops_ci.collect import places, racing, trials
from mlops_ci.collect.context import Context
from mlops_ci.collect.places import Candidate
from mlops_ci.evidence import Behaviour, CheckResult, Latency

if TYPE_CHECKING:
    import pandas as pd

Found = tuple[Behaviour | None, Latency | None]


def measure(context: Context) -> Found:
    """Behaviour and latency of the model on the rows of ``data.test``; None where nothing asks for them.

    A model that cannot be loaded, hangs or dies is a result, not an error.

    Raises:
        ConfigError: packages that it needs are not installed.
        ToolError: the model's file cannot be fetched.
    """
    on = (_options(context, "model").run == "on", _options(context, "latency").run == "on")
    if not context.found.path or not context.model.data.test or not any(on):
        return None, None
    problem = _unfinished(context)
    rows = problem or places.table(context, context.sources.head)
    if isinstance(rows, str):
        return _only(on, Behaviour(problem=rows), Latency(problem=rows))
    with tempfile.TemporaryDirectory(prefix="mlops-ci-serving-") as scratch:
        return _only(on, *_served(context, rows, Path(scratch), on))


def _options(context: Context, gate: str) -> Any:
    """A gate's options, whose kind only the gate knows."""
    return context.options(gate)


def _only(on: tuple[bool, bool], behaviour: Behaviour | None, latency: Latency | None) -> Found:
    """What was asked for, of what was found."""
    return behaviour if on[0] else None, latency if on[1] else None


def _unfinished(context: Context) -> str:
    """Why the model's file or the table is not this commit's, or nothing."""
    head = context.sources.head
    for path in (context.found.path, context.model.data.test or ""):
        stage = pipeline.producer_of(head.graph, path)
        if stage is not None and stage.name in head.broken:
            return f"the stage {stage.name} did not finish"
    return ""


def _served(context: Context, rows: pd.DataFrame, scratch: Path, on: tuple[bool, bool]) -> Found:
    """The model loaded in its process, timed, then tried: what a trial brings down has been timed before."""
    limit = _options(context, "model").seconds
    data = context.model.data
    shown = places.shows(data)
    place = places.head(context, scratch)
    with ExitStack() as processes:
        served = processes.enter_context(places.serving(place, limit))
        try:
            model = Candidate(place, served, served.load())
        except (ServingError, UnknownModelError) as error:
            return _not_loaded(error, shown)
        latency = _timed(context, model, rows, scratch, shown) if on[1] else None

        def again() -> Served:
            fresh = processes.enter_context(places.serving(place, limit))
            fresh.load()
            return fresh

        if not on[0]:
            return None, latency
        asked = trials.Asked(model, again, shown)
        if served.lost and latency is not None:
            asked.reason = latency.problem
            asked.renew()
        return trials.measure(asked, rows, context.model.data, _options(context, "model")), latency


def _not_loaded(error: ServingError | UnknownModelError, shown: bool) -> Found:
    """A format that nobody here can load is no fault of the model; an error while loading it is."""
    ok = None if isinstance(error, UnknownModelError) else False
    result = CheckResult(check="loads", ok=ok, detail=places.told(error, shown=shown))
    return Behaviour(checks=(result,)), Latency(problem=f"the model was not loaded: {result.detail}")


def _timed(context: Context, model: Candidate, rows: pd.DataFrame, scratch: Path, shown: bool) -> Latency:
    options, limit = _options(context, "latency"), _options(context, "model").seconds
    try:
        return racing.measure(context, model, rows, options, limit, scratch)
    except ServingError as error:
        return Latency(problem=places.told(error, shown=shown))
