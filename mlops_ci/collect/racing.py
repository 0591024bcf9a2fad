"""Latency: the model and the base's timed in turn, so that both meet the same machine."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_ci.adapters import serving
from mlops_ci.adapters.serving import ServingError, UnknownModelError
from mlops_ci.collect import places
from mlops_ci.collect.context import Context
from mlops_ci.collect.models import path_at
from mlops_ci.collect.places import Candidate
from mlops_ci.comparing import latency
from mlops_ci.comparing.latency import Side
from mlops_ci.errors import MlopsError
from mlops_ci.evidence import BatchLatency, Latency

if TYPE_CHECKING:
    import pandas as pd

NO_BASE = "there is no model at the base to compare with"


@dataclass(frozen=True)
class Runner:
    """A model and the rows that it is asked, with the columns that it takes."""

    model: Candidate
    rows: pd.DataFrame


def measure(
    context: Context, model: Candidate, rows: pd.DataFrame, options: Any, limit: float, scratch: Path
) -> Latency:
    """What serving costs; where the base's model cannot be asked, the note says why.

    ``limit`` are the seconds that one answer may take.

    Raises:
        ServingError: the model cannot be asked.
    """
    runners: dict[Side, Runner] = {"head": _runner(context, model, rows)}
    with ExitStack() as until_done:
        base = _champion(until_done, context, rows, limit, scratch)
        if isinstance(base, Runner):
            runners["base"] = base
        batches = race(runners, options.batch_sizes, options.seconds * len(runners))
        other = runners["base"].model if "base" in runners else None
        return Latency(
            batches=tuple(batches),
            size=serving.size(model.place.model),
            memory=model.served.memory(),
            load=model.loaded.seconds,
            base_size=serving.size(other.place.model) if other else None,
            base_memory=other.served.memory() if other else None,
            base_load=other.loaded.seconds if other else None,
            note="" if isinstance(base, Runner) else base,
        )


def _runner(context: Context, model: Candidate, rows: pd.DataFrame) -> Runner:
    wanted = places.features(rows, model.loaded, context.model.data)
    lost = places.absent(rows, wanted)
    if lost:
        raise ServingError(f"the test table has no column {', '.join(lost)}, which the model takes")
    return Runner(model, rows[list(wanted)])


def _champion(
    until_done: ExitStack, context: Context, rows: pd.DataFrame, limit: float, scratch: Path
) -> Runner | str:
    """The base's model in a process of its own, or why there is none."""
    base = context.sources.base
    if base is None or not path_at(context.model, base.graph):
        return NO_BASE
    shown = places.shows(context.model.data)
    try:
        place = until_done.enter_context(places.champion(context, base, scratch))
        served = until_done.enter_context(places.serving(place, limit))
        model = Candidate(place, served, served.load())
        try:
            return _asked_once(_runner(context, model, rows))
        except ServingError as error:
            # The base may take columns that head has no more: its own rows are as good for timing.
            own = places.table(context, base)
            if isinstance(own, str):
                both = f"; and at the base {own}"
                raise ServingError(f"{error}{both}", f"{error.told}{both}") from error
            return _asked_once(_runner(context, model, own))
    except MlopsError as error:
        return f"the base's model cannot be had: {error.message}"
    except (ServingError, UnknownModelError) as error:
        return f"the base's model cannot be asked: {places.told(error, shown=shown)}"


def _asked_once(runner: Runner) -> Runner:
    runner.model.served.predict(runner.rows.iloc[:1])
    return runner


def race(
    runners: Mapping[Side, Runner], batch_sizes: Sequence[int], seconds: float
) -> Iterator[BatchLatency]:
    """Time every batch size, its share of ``seconds`` at most; only one model is at work at a time.

    Raises:
        ServingError: a model cannot be asked.
    """
    slowest = {
        size: max(one.model.served.prepare(one.rows, size) for one in runners.values())
        for size in batch_sizes
    }
    for size in batch_sizes:
        calls = latency.calls(slowest[size])

        def taken(side: Side, size: int = size, calls: int = calls) -> tuple[int, ...]:
            return runners[side].model.served.time(size, calls)

        end = time.monotonic() + seconds / len(batch_sizes)

        def is_over(end: float = end) -> bool:
            return time.monotonic() >= end

        if "base" in runners:
            yield latency.together(size, taken, is_over)
        else:
            yield latency.alone(size, taken, is_over)
