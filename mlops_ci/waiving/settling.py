"""Which waivers hold today for which findings, and why the others do not (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from mlops_ci.evidence import Finding, Waiver
from mlops_ci.waiving.handles import Handle, handles, holds, refuses
from mlops_ci.waiving.orders import MARK, WAIVE

Known = Mapping[str, tuple[Handle, Finding]]


@dataclass(frozen=True)
class Settled:
    """The findings, waived ones with their waiver; the waivers that do not count, each with its problem."""

    findings: tuple[Finding, ...]
    unused: tuple[Waiver, ...] = ()


def settle(
    findings: Sequence[Finding],
    waivers: Sequence[Waiver],
    *,
    today: date,
    strict: bool = False,
    days: int = 0,
) -> Settled:
    """Put every waiver to what it accepts. No finding is taken away and none changes its status.

    ``days`` are proposed where somebody may waive what refuses; 0: nobody may here.
    """
    named = handles(findings)
    latest = _latest(waivers)
    told = [
        _told(one, handle, latest, today, days) if refuses(one, strict=strict) and not handle.never else one
        for one, handle in zip(findings, named, strict=True)
    ]
    used = {id(one.waiver) for one in told}
    known = {handle.key: (handle, one) for one, handle in zip(told, named, strict=True)}
    unused = [_refused(one, known, today) for one in latest if id(one) not in used]
    return Settled(tuple(told), tuple(unused))


def _told(finding: Finding, handle: Handle, waivers: Sequence[Waiver], today: date, days: int) -> Finding:
    """A finding with the last waiver that covers it, and with what an owner writes to give one."""
    found = [one for one in waivers if _covers(one, handle, finding, today)]
    accept = f"{MARK} {WAIVE} {handle} {days}d" if days else ""
    return finding.model_copy(update={"waiver": found[-1] if found else None, "accept": accept})


def _latest(waivers: Sequence[Waiver]) -> list[Waiver]:
    """Of several good waivers with one handle the last; what has a problem replaces none."""
    last = {one.finding: one for one in waivers if not one.problem}
    return [one for one in waivers if one.problem or last[one.finding] is one]


def _covers(waiver: Waiver, handle: Handle, finding: Finding, today: date) -> bool:
    accepted = Handle.of(waiver.finding)
    return (
        not waiver.problem
        and not _expired(waiver, today)
        and accepted.key == handle.key
        and holds(accepted.value, handle.value, finding.direction)
    )


def _expired(waiver: Waiver, today: date) -> bool:
    """Whether its last day is over; one without a day that can be read is."""
    try:
        return date.fromisoformat(waiver.until) < today
    except ValueError:
        return True


def _refused(waiver: Waiver, known: Known, today: date) -> Waiver:
    return waiver.model_copy(update={"problem": waiver.problem or _why(waiver, known, today)})


def _why(waiver: Waiver, known: Known, today: date) -> str:
    accepted = Handle.of(waiver.finding)
    if accepted.never:
        return "a stage that failed and a dvc.lock that is not what was measured cannot be waived"
    if accepted.key not in known:
        return "there is no such finding now"
    if _expired(waiver, today):
        return "it has expired"
    handle, finding = known[accepted.key]
    if not holds(accepted.value, handle.value, finding.direction):
        return f"it was given for another value: that was {accepted.value} and is {handle.value} now"
    return "another one holds" if finding.waiver else "it is not needed now"
