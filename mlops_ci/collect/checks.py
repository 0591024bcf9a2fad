"""The checks of one changed model, in the order that the report tells them."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

import mlops_ci
from mlops_ci.collect import data, drift, fairness, reproduction, serving
from mlops_ci.collect.context import Context
from mlops_ci.errors import MlopsError
from mlops_ci.evidence import ModelEvidence, Problem, Where

Phase = Callable[[str], AbstractContextManager[None]]
Measured = TypeVar("Measured")

# The gates that judge what a check measured.
GATES = {
    "data": ("data",),
    "drift": ("drift",),
    "fairness": ("fairness",),
    "serving": ("model", "latency"),
    "reproduction": ("reproducibility",),
}


def measure(context: Context, phase: Phase) -> ModelEvidence:
    """The model's evidence with what every check measured; ``phase`` counts the time of each.

    A check that cannot be made costs a Problem of the report and a reason in ``unmeasured``, never the
    other checks.
    """
    lost: dict[str, str] = {}
    with phase("data"):
        tables = _tried(context, "data", data.measure, lost) or ()
    with phase("drift"):
        drifts = _tried(context, "drift", drift.measure, lost) or ()
    with phase("fairness"):
        fair = _tried(context, "fairness", fairness.measure, lost) or ()
    with phase("serving"):
        behaviour, latency = _tried(context, "serving", serving.measure, lost) or (None, None)
    with phase("reproduction"):
        again = _tried(context, "reproduction", reproduction.measure, lost)
    return context.found.model_copy(
        update={
            "tables": tables,
            "drift": drifts,
            "fairness": fair,
            "behaviour": behaviour,
            "latency": latency,
            "reproduction": again,
            "unmeasured": lost,
        }
    )


def _tried(
    context: Context, name: str, check: Callable[[Context], Measured], lost: dict[str, str]
) -> Measured | None:
    try:
        return check(context)
    except MlopsError as error:
        reason, hint = error.message, error.hint
    except Exception as error:
        # One mistake of ours must not cost the whole run, its comment and its verdict.
        # Never its text: that may hold values of a table.
        reason, hint = f"{type(error).__name__} at {_place(error)}", "a mistake of mlops-ci: please report it"
    lost.update(dict.fromkeys(GATES[name], reason))
    problem = Problem(
        where=Where(file=context.found.path or context.model.dvcfile),
        revision="head",
        message=f"{name} of {context.model.name} was not measured: {reason}",
        hint=hint,
    )
    context.sources.reader.problems.append(problem)
    return None


def _place(error: Exception) -> str:
    """The last line of this package that an exception came through, as ``mlops_ci/file.py:line``."""
    package = Path(mlops_ci.__file__).parent
    frames = reversed(traceback.extract_tb(error.__traceback__))
    inner = next((one for one in frames if Path(one.filename).is_relative_to(package)), None)
    place = Path(inner.filename).relative_to(package.parent).as_posix() if inner else ""
    return f"{place}:{inner.lineno}" if inner else "an unknown place"
