"""What is judged: a Finding is one judgement, a Verdict folds them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Literal

from mlops_ci.evidence.parts import Direction, Document, Interval, Waiver, Where


class Status(StrEnum):
    """What a gate says about one subject."""

    PASS = "PASS"  # noqa: S105
    WARN = "WARN"
    INCONCLUSIVE = "INCONCLUSIVE"
    SKIP = "SKIP"
    FAIL = "FAIL"


class Finding(Document):
    """One gate's judgement of one subject, in one sentence.

    ``change`` is better, worse or inconclusive where two models were compared; ``direction`` says
    which way is good of ``value``. ``required`` makes a SKIP count as incomplete. ``accept`` is what an
    owner comments to waive it, without the reason; empty where nobody can.
    """

    gate: str
    subject: str
    status: Status
    sentence: str
    model: str = ""
    metric: str = ""
    file: str = ""
    value: float | None = None
    delta: float | None = None
    interval: Interval | None = None
    limit: str = ""
    direction: Direction | None = None
    change: Literal["better", "worse", "inconclusive", "same"] | None = None
    hint: str = ""
    where: Where | None = None
    required: bool = False
    waiver: Waiver | None = None
    accept: str = ""


class Outcome(StrEnum):
    """The four ends a run can have."""

    PASSED = "passed"
    WARNED = "warned"
    INCOMPLETE = "incomplete"
    REFUSED = "refused"


class Verdict(Document):
    """The fold over all findings; ``strict`` turned a warning into a refusal.

    ``waivers`` are those that do not count, each with its problem.
    """

    outcome: Outcome
    strict: bool = False
    reasons: tuple[Finding, ...] = ()
    waivers: tuple[Waiver, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 for passed or warned, 1 for refused or incomplete."""
        return 1 if self.outcome in (Outcome.REFUSED, Outcome.INCOMPLETE) else 0


def verdict(findings: Iterable[Finding], *, strict: bool = False, waivers: Iterable[Waiver] = ()) -> Verdict:
    """Fold findings: a FAIL without a waiver refuses, a required SKIP leaves incomplete, then warnings.

    ``waivers`` are those that do not count: they are told and weigh nothing.
    """
    return _folded(tuple(findings), strict=strict).model_copy(update={"waivers": tuple(waivers)})


def _folded(found: tuple[Finding, ...], *, strict: bool) -> Verdict:
    failed = tuple(f for f in found if f.status is Status.FAIL and f.waiver is None)
    skipped = tuple(f for f in found if f.status is Status.SKIP and f.required)
    warned = tuple(
        f
        for f in found
        if f.status in (Status.WARN, Status.INCONCLUSIVE)
        or (f.status is Status.FAIL and f.waiver is not None)
    )
    if failed:
        return Verdict(outcome=Outcome.REFUSED, reasons=failed)
    if strict and any(f.waiver is None for f in warned):
        return Verdict(
            outcome=Outcome.REFUSED, strict=True, reasons=tuple(f for f in warned if f.waiver is None)
        )
    if skipped:
        return Verdict(outcome=Outcome.INCOMPLETE, reasons=skipped)
    if warned:
        return Verdict(outcome=Outcome.WARNED, reasons=warned)
    return Verdict(outcome=Outcome.PASSED)
