"""A pull request that is not run yet: what it waits for, and where that is said."""

from __future__ import annotations

from dataclasses import dataclass

from mlops_ci.adapters.actions import Runner
from mlops_ci.config import Label, When
from mlops_ci.outlets import Outlets
from mlops_ci.outlets.board import End
from mlops_ci.report import conclusions

VERDICT = "waiting"
# Not 0: the job's own check may be the one that a merge requires, and nobody has judged this commit.
EXIT_CODE = 1
_AGAIN = "or comment `/mlops-ci run`, or run this job again"


@dataclass(frozen=True)
class Wait:
    """What a pull request waits for, in a line of plain text, and what to do about it."""

    reason: str
    todo: str

    def document(self) -> dict[str, object]:
        """The machine-readable result of a verb that ran nothing."""
        return {"verdict": VERDICT, "exit_code": EXIT_CODE, "reason": self.reason, "next": self.todo}


def wait(when: When, runner: Runner | None) -> Wait | None:
    """What this pull request still waits for; None where it is run now, as everything else is.

    That a run is started again is an answer in itself: GitHub lets nobody do it who may not write.
    """
    if runner is None or runner.event not in ("pull_request", "pull_request_target"):
        return None
    if runner.attempt != "1":
        return None
    if isinstance(when, Label):
        return None if _carries(runner, when.label) else _label(when.label)
    if when == "ready" and runner.draft:
        return Wait("Waits until this draft is ready for review.", f"mark it as ready for review, {_AGAIN}")
    if when == "command":
        todo = "somebody who may push comments `/mlops-ci run`, or runs this job again"
        return Wait("Waits for the comment /mlops-ci run.", todo)
    return None


def tell(outlets: Outlets, waits: Wait) -> None:
    """Have the checks, the job summary and the step's outputs say it; there is no comment."""
    text = conclusions.waiting(waits.reason, waits.todo, url=outlets.url)
    board, tried = outlets.board, outlets.notes.tried
    if board is not None:
        end = End("action_required", waits.reason, text)
        tried("the checks were not written", lambda: board.end(outlets.commit, end))
    tried("the job summary was not written", lambda: outlets.summary(text))
    number = outlets.runner.pull_request if outlets.runner else None
    outlets.output(verdict=VERDICT, exit_code=EXIT_CODE, pull_request=number)


def _carries(runner: Runner, label: str) -> bool:
    """GitHub takes no two labels that differ in case alone."""
    return label.casefold() in (name.casefold() for name in runner.labels)


def _label(label: str) -> Wait:
    return Wait(f"Waits for the label {label}.", f"put the label `{label}` on the pull request, {_AGAIN}")
