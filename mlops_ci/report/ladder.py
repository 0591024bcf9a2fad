"""How much a report shows: the steps from everything down to what always fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

Row = TypeVar("Row")


@dataclass(frozen=True)
class Rows(Generic[Row]):
    """The rows that are shown, the important ones first, and how many are not."""

    shown: tuple[Row, ...] = ()
    hidden: int = 0

    @property
    def total(self) -> int:
        """All rows, shown or not."""
        return len(self.shown) + self.hidden


def capped(rows: Sequence[Row], most: int) -> Rows[Row]:
    """At most so many rows, the first ones."""
    return Rows(tuple(rows[:most]), max(0, len(rows) - most))


@dataclass(frozen=True)
class Detail:
    """How much of each thing is shown; ``names`` caps the lists that stand in one line.

    ``cached`` are the rows of stages that did not run, ``tail`` the log lines of a failed stage,
    ``unchanged`` tells whether metrics that are equal have rows, ``machine`` shows the environment.
    ``columns``, ``rules`` and ``groups`` are rows of the checks, ``drawn`` the columns with a diagram,
    ``charts`` the curves up to which they are drawn rather than shown as bars.
    """

    plots: int = 12
    drawn: int = 1
    code: int = 50
    cached: bool = True
    stages: int = 60
    slices: int = 10
    groups: int = 20
    columns: int = 40
    rules: int = 20
    patch: int = 300
    metrics: int = 30
    changes: int = 60
    models: int = 40
    causes: int = 6
    reasons: int = 8
    tail: int = 20
    names: int = 8
    charts: int = 2
    unchanged: bool = False
    machine: bool = False


COMMENT = Detail()
SUMMARY = Detail(
    plots=200,
    drawn=20,
    code=2_000,
    stages=10_000,
    slices=200,
    groups=200,
    columns=1_000,
    rules=500,
    patch=20_000,
    metrics=1_000,
    changes=10_000,
    models=1_000,
    causes=20,
    reasons=100,
    tail=200,
    names=500,
    unchanged=True,
    machine=True,
)
# The page draws every curve itself.
PAGE = replace(SUMMARY, charts=200)

# What is folded goes first, what is judged goes last.
_STEPS: tuple[dict[str, int | bool], ...] = (
    {"plots": 0, "drawn": 0},
    {"code": 0},
    {"cached": False},
    {"stages": 0},
    {"patch": 0},
    {"slices": 0, "groups": 0, "columns": 10, "rules": 10},
    {"metrics": 10, "changes": 25, "models": 20, "machine": False, "unchanged": False, "names": 8},
    {
        "metrics": 5,
        "changes": 10,
        "models": 10,
        "causes": 3,
        "reasons": 5,
        "tail": 8,
        "columns": 5,
        "rules": 3,
    },
    {
        "metrics": 3,
        "changes": 0,
        "models": 3,
        "causes": 1,
        "reasons": 3,
        "tail": 3,
        "names": 5,
        "columns": 2,
        "rules": 1,
    },
    {"metrics": 0, "models": 0, "columns": 0, "rules": 0, "reasons": 0, "tail": 0, "causes": 0, "names": 3},
)


def ladder(full: Detail) -> tuple[Detail, ...]:
    """Every step down from ``full``, largest first."""
    steps = [full]
    for step in _STEPS:
        lower = {name: min(value, getattr(steps[-1], name)) for name, value in step.items()}
        steps.append(replace(steps[-1], **lower))
    return tuple(steps)
