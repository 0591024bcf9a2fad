"""The hidden marker on a report's first line: whose comment it is, and how new; written and read here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, unquote

MARKER = "<!-- mlops-ci:report"

# Only the very first line counts: a log or a patch inside the report may hold the same characters.
_MARKER = re.compile(
    r"\A\s*" + MARKER + r" title=(\S*) commit=(\S*) evidence=(\S*) created=(\S*) -->",
)


@dataclass(frozen=True)
class Marker:
    """What a report says about itself; ``created`` is when its evidence was made (ISO 8601)."""

    title: str
    commit: str
    digest: str
    created: str

    def newer_than(self, other: Marker) -> bool:
        """Whether this report was made after the other one."""
        return _instant(self.created) > _instant(other.created)


def _instant(created: str) -> datetime:
    try:
        moment = datetime.fromisoformat(created)
    except ValueError:
        # Whoever cannot say when it was made never wins over one who can.
        return datetime.min.replace(tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def marker(title: str = "", *, commit: str = "", digest: str = "", created: str = "") -> str:
    """The marker's line. Every value is encoded, so none can end the hidden part."""
    return (
        f"{MARKER} title={_encoded(title)} commit={_encoded(commit)}"
        f" evidence={_encoded(digest)} created={_encoded(created)} -->"
    )


def _encoded(value: str) -> str:
    # A hyphen is kept by quote(), and two of them would end the comment.
    return quote(value, safe=":+", errors="replace").replace("--", "-%2D")


def read_marker(body: str) -> Marker | None:
    """The marker of a report, None where the body is not one."""
    found = _MARKER.match(body)
    return Marker(*(unquote(value) for value in found.groups())) if found else None
