"""When a request to GitHub may be made again, and after how long: what came back in, seconds out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Literal

# GitHub asks for a minute where it names no time.
UNNAMED = 60.0
UNSURE_STATUS = (500, 502, 503, 504)


@dataclass(frozen=True)
class Answer:
    """What GitHub answered; the names of ``headers`` are lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)

    def json(self) -> Any:
        """The body read as JSON; None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def said(self) -> str:
        """GitHub's own sentence, where there is one."""
        plain = self.json()
        message = plain.get("message") if isinstance(plain, dict) else None
        return message if isinstance(message, str) else ""


@dataclass(frozen=True)
class Broken:
    """No answer: why, and whether GitHub may have got the request."""

    kind: Literal["name", "connect", "tls", "proxy", "timeout", "cut", "size"]
    reason: str
    sent: bool


@dataclass(frozen=True)
class Pause:
    """How long to wait before the next attempt; ``unsure``: the last one may have been carried out."""

    seconds: float
    limited: Literal["", "primary", "secondary"] = ""
    unsure: bool = False


def pause(result: Answer | Broken, attempt: int, now: float) -> Pause | None:
    """What a failed attempt asks for before the next; None where another would end the same."""
    backoff = float(2 ** (attempt - 1))
    if isinstance(result, Broken):
        if result.kind in ("tls", "proxy", "size"):
            return None
        return Pause(backoff, unsure=result.sent)
    if limit := _limit(result):
        return Pause(_asked(result, now, limit), limited=limit)
    if result.status in UNSURE_STATUS:
        return Pause(max(backoff, _retry_after(result, now) or 0.0), unsure=True)
    return None


def _limit(answer: Answer) -> Literal["", "primary", "secondary"]:
    """Which of GitHub's two rate limits refused; a missing permission has the same status and is none."""
    errors = graphql_errors(answer)
    if answer.status not in (403, 429) and not errors:
        return ""
    said = " ".join((answer.said(), *errors.values())).lower()
    if "secondary rate limit" in said or "abuse detection" in said:
        return "secondary"
    if answer.status == 200:
        return "primary" if "RATE_LIMITED" in errors else ""
    if answer.headers.get("x-ratelimit-remaining") == "0":
        return "primary"
    return "secondary" if answer.status == 429 or "retry-after" in answer.headers else ""


def graphql_errors(answer: Answer) -> dict[str, str]:
    """The errors inside a good answer to a GraphQL request: type -> message."""
    if answer.status != 200 or b'"errors"' not in answer.body:
        return {}
    plain = answer.json()
    errors = plain.get("errors") if isinstance(plain, dict) else None
    found = [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    return {str(error.get("type", "")): str(error.get("message", "")) for error in found}


def _asked(answer: Answer, now: float, limit: str) -> float:
    """The seconds that GitHub names: ``Retry-After``, else the reset of the limit."""
    seconds = _retry_after(answer, now)
    if seconds is not None:
        return seconds
    reset = answer.headers.get("x-ratelimit-reset", "")
    if reset.isdecimal() and (limit == "primary" or answer.headers.get("x-ratelimit-remaining") == "0"):
        # Their clock and ours are not the same to the second.
        return max(0.0, int(reset) - now) + 1.0
    return UNNAMED


def _retry_after(answer: Answer, now: float) -> float | None:
    """``Retry-After`` as seconds; it may be a number or a date."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).replace(tzinfo=UTC).timestamp() - now)
    except ValueError:
        return None
