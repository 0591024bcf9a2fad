"""The checks of one changed model, in the order that the report tells them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeVar

from mlops_ci.collect import data, drift, fairness, reproduction, serving
from mlops_ci.collect.context import Context
from mlops_ci.errors import MlopsError
from mlops_ci.evidence import ModelEvidence, Problem, Where

Phase = Callable[[str], AbstractContextManager[None]]
Measured = TypeVar("Measured")


def measure(context: Context, phase: Phase) -> ModelEvidence:
    """The model's evidence with what every check measured; ``phase`` counts the time of each.

    A check that cannot be made costs a Problem of the report, never the other checks.
    """
    with phase("data"):
        tables = _tried(context, "data", data.measure) or ()
    with phase("drift"):
        drifts = _tried(context, "drift", drift.measure) or ()
    with phase("fairness"):
        fair = _tried(context, "fairness", fairness.measure) or ()
    with phase("serving"):
        behaviour, latency = _tried(context, "serving", serving.measure) or (None, None)
    with phase("reproduction"):
        again = _tried(context, "reproduction", reproduction.measure)
    return context.found.model_copy(
        update={
            "tables": tables,
            "drift": drifts,
            "fairness": fair,
            "behaviour": behaviour,
            "latency": latency,
            "reproduction": again,
        }
    )


def _tried(context: Context, name: str, check: Callable[[Context], Measured]) -> Measured | None:
    try:
        return check(context)
    except MlopsError as error:
        problem = Problem(
            where=Where(file=context.found.path or context.model.dvcfile),
            revision="head",
            message=f"{name} of {context.model.name} was not measured: {error.message}",
            hint=error.hint,
        )
        context.sources.reader.problems.append(problem)
        return None
