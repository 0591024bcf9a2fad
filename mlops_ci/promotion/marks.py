"""What the pull requests of promotions say to later runs: hidden marks in their text, and labels (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, unquote

from mlops_ci.forge import PullRequest

PREFIX = "mlops-ci/promote/"
# Whoever has it was opened completely: it is put on last.
LABEL = "mlops-ci/promotion"
PAUSED = "mlops-ci/paused"

_ID = re.compile(r"<!-- mlops-ci:promotion (\S+) -->")
_SUPERSEDED = "<!-- mlops-ci:superseded -->"


def marked(body: str, id: str) -> str:
    """The text of a pull request with the mark of what it is about, at its end."""
    return f"{body.rstrip()}\n\n<!-- mlops-ci:promotion {quote(id, safe='/:.@')} -->\n"


def id_of(body: str) -> str:
    """What a pull request is about; empty where nothing marks it. The last mark counts: ours."""
    found = _ID.findall(body)
    return unquote(found[-1]) if found else ""


def superseded(body: str) -> str:
    """The text of a pull request that is closed because nothing asks for it any more."""
    return body if _SUPERSEDED in body else f"{body.rstrip()}\n{_SUPERSEDED}\n"


def is_same(body: str, other: str) -> bool:
    """Whether two texts say the same: a forge may change line ends and outer blanks."""
    return body.replace("\r\n", "\n").strip() == other.replace("\r\n", "\n").strip()


def is_superseded(pull: PullRequest) -> bool:
    """Whether a closed pull request was closed by us; by a person it means no."""
    return _SUPERSEDED in pull.body


def is_no(pull: PullRequest) -> bool:
    """Whether a person closed a pull request of ours without merging it."""
    return pull.state == "closed" and not is_superseded(pull) and bool(id_of(pull.body))


def refused(pulls: Iterable[PullRequest]) -> frozenset[str]:
    """What a person said no to, by closing its pull request without merging."""
    return frozenset(id_of(pull.body) for pull in pulls if is_no(pull))


def comment(kind: str, about: str = "") -> str:
    """The hidden mark of a comment that is written once."""
    return f"<!-- mlops-ci:{kind} {quote(about, safe='/:.@')} -->" if about else f"<!-- mlops-ci:{kind} -->"
