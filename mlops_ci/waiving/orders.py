"""A waiver as somebody writes it: the first line of a comment, ``/mlops-ci waive HANDLE 14d WHY`` (pure)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from mlops_ci.evidence import Waiver
from mlops_ci.forge import Comment
from mlops_ci.writing.markdown import clip
from mlops_ci.writing.visible import one_line

MARK = "/mlops-ci"
WAIVE = "waive"
FORM = f"{MARK} {WAIVE} MODEL/FINDING@VALUE DAYSd REASON"
MAX_LINE = 500
MAX_REASON = 200

_HANDLE = re.compile(r"[A-Za-z0-9._~-]{1,150}/[A-Za-z0-9._~-]{1,150}@[A-Za-z0-9.+-]{1,40}")
_DAYS = re.compile(r"([0-9]{1,4})d", re.ASCII)


@dataclass(frozen=True)
class _Order:
    """The words of a waiver; ``problem`` where they are not in the right form."""

    handle: str = ""
    days: int = 0
    reason: str = ""
    problem: str = ""


def words(body: str) -> tuple[str, ...] | None:
    """The words of a comment's first line after the mark; None where it is no command to us."""
    mark, *rest = body[:MAX_LINE].strip().partition("\n")[0].split() or [""]
    # A whole word and not a prefix: /mlops-cider is another program's.
    return tuple(rest) if mark == MARK else None


def is_waiver(body: str) -> bool:
    """Whether a comment wants to waive something."""
    found = words(body)
    return found is not None and found[:1] != () and found[0].lower() == WAIVE


def waiver(comment: Comment, max_days: int) -> Waiver:
    """The waiver that a comment gives; ``problem`` says what its text or its history makes impossible.

    Who wrote it is not asked here. The reason of one with a problem is left out: it may be a stranger's.
    """
    order = _order(comment.body)
    given = _day(comment.created)
    problem = _problem(comment, order, max_days, given)
    until = (given + timedelta(days=order.days)).date().isoformat() if given and not problem else ""
    return Waiver(
        owner=comment.author or "nobody",
        reason="" if problem else order.reason,
        until=until,
        finding=order.handle,
        given=given.date().isoformat() if given else "",
        url=comment.url,
        problem=problem,
    )


def _order(body: str) -> _Order:
    _, handle, days, *reason = *(words(body) or ()), "", "", ""
    counted = _DAYS.fullmatch(days)
    if not _HANDLE.fullmatch(handle) or counted is None:
        return _Order(problem=f"it is not in the form `{FORM}`")
    said = clip(one_line(" ".join(reason)).strip(), MAX_REASON)
    silent = not any(sign.isalnum() for sign in said)
    return _Order(handle, int(counted[1]), said, "it gives no reason" if silent else "")


def _problem(comment: Comment, order: _Order, max_days: int, given: datetime | None) -> str:
    if comment.bot:
        return "it was given by a bot"
    if comment.updated and comment.updated != comment.created:
        return "it was edited, so nobody knows whose words it has; write a new comment"
    if order.problem:
        return order.problem
    if given is None:
        return "nothing says when it was given"
    if not 1 <= order.days <= max_days:
        return f"it is for {order.days} days; 1 to {max_days} are allowed"
    return ""


def _day(moment: str) -> datetime | None:
    try:
        return datetime.fromisoformat(moment)
    except ValueError:
        return None
