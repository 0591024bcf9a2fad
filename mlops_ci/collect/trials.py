"""Behaviour: the model is asked with sample and edge rows, and may lose its process over them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops_ci.adapters.serving import LostError, Predicted, Served, ServingError, UnknownModelError
from mlops_ci.collect import places
from mlops_ci.collect.places import Candidate
from mlops_ci.comparing import behaviour
from mlops_ci.comparing.asking import Answer, Failure
from mlops_ci.config import Data
from mlops_ci.evidence import Behaviour, CheckResult

if TYPE_CHECKING:
    import pandas as pd

BUDGET = 120.0  # seconds after which no further trial begins
MOST_LOSSES = 3  # processes that a model may bring down


@dataclass
class Asked:
    """A model that may lose its process; ``again`` starts the next one, loaded."""

    model: Candidate
    again: Callable[[], Served]
    shown: bool
    losses: int = 0
    reason: str = ""

    def answer(self, rows: pd.DataFrame, *, in_order: bool) -> Answer | Failure:
        """What the model says to rows; an error, a crash and a hang are answers too."""
        if self.given_up:
            return Failure(self.given_up, crashed=True)
        try:
            return _answer(self.model.served.predict(rows, in_order=in_order))
        except LostError as error:
            self.reason = places.told(error, shown=self.shown)
            self.renew()
            return Failure(self.reason, crashed=True)
        except ServingError as error:
            return Failure(places.told(error, shown=self.shown))

    @property
    def given_up(self) -> str:
        """Why it is asked nothing more; empty while it may be."""
        if self.losses < MOST_LOSSES:
            return ""
        slow = "gave no answer" in self.reason
        return f"{'too slow to be tried' if slow else 'its process was lost too often'}: {self.reason}"

    def renew(self) -> None:
        """Go on with a fresh process; one that cannot be had is as if it were lost too often."""
        self.losses += 1
        try:
            self.model = Candidate(self.model.place, self.again(), self.model.loaded)
        except (ServingError, UnknownModelError):
            self.losses = MOST_LOSSES


def measure(asked: Asked, rows: pd.DataFrame, data: Data, options: Any) -> Behaviour:
    """Every check of the gate's options, and that the model loads and names what it takes."""
    loaded = asked.model.loaded
    checks = [
        CheckResult(check="loads", ok=True, detail=f"loaded in {loaded.seconds:.1f} s"),
        CheckResult(
            check="signature",
            ok=loaded.names is not None,
            detail=f"{len(loaded.names)} named by its {loaded.signature}"
            if loaded.names is not None
            else "it names none, so a wrong or moved column goes unseen",
        ),
        *_trials(asked, rows, data, options),
    ]
    return Behaviour(flavor=loaded.flavor, checks=tuple(checks))


def _trials(asked: Asked, rows: pd.DataFrame, data: Data, options: Any) -> Iterator[CheckResult]:
    loaded = asked.model.loaded
    features = places.features(rows, loaded, data)
    lost = places.absent(rows, features)
    if lost:
        detail = f"the test table has no column {', '.join(lost[:5])}, which the model takes"
        yield CheckResult(check="sample", ok=False, detail=detail)
        return
    wanted = behaviour.Wanted(
        rows=options.rows,
        edges=options.edges,
        invariant=options.invariant,
        increasing=options.increasing,
        decreasing=options.decreasing,
        tolerance=options.tolerance,
        min_share=options.min_share,
    )
    end = time.monotonic() + BUDGET
    named = loaded.names is not None
    for trial in behaviour.trials(rows, features, wanted, categorical=data.categorical, by_name=named):
        if trial.tables and asked.given_up:
            # A trial that was never made says nothing of what it would have found.
            yield CheckResult(check=trial.check, ok=None, detail=asked.given_up)
        elif time.monotonic() > end:
            yield CheckResult(check=trial.check, ok=None, detail=f"the {BUDGET:g} s for all trials were over")
        else:
            yield trial.judge([asked.answer(table, in_order=trial.in_order) for table in trial.tables])


def _answer(found: Predicted) -> Answer:
    import numpy as np

    def table(numbers: tuple[tuple[float, ...], ...] | None) -> Any:
        return None if numbers is None else np.array(numbers, dtype=float).reshape(len(numbers), -1)

    return Answer(found.labels, table(found.numbers), table(found.score))
