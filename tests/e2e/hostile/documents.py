"""Evidence as a fork could forge it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import cycle
from typing import Any

from tests.report import checked, samples
from tests.report.samples import HOSTILE

from .payloads import Case


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def plain(sha: str, **changes: Any) -> dict[str, Any]:
    """A document that is taken, but for what is changed."""
    found: dict[str, Any] = json.loads(samples.refused().evidence.canonical())
    found["created"] = now()
    found["repository"] |= {"commit": sha, "pull_request": None} | changes.pop("repository", {})
    return found | changes


def everywhere(cases: Sequence[Case], sha: str) -> dict[str, Any]:
    """A document with a hostile text wherever one may stand; the long one stands once."""
    names = json.loads(samples.hostile().evidence.canonical())
    checks = json.loads(checked.hostile_checks().evidence.canonical())
    names["models"] += checks["models"]
    long = [case.text for case in cases if case.kind == "long"]
    others = cycle([case.text for case in cases if case.kind != "long"])
    found: dict[str, Any] = _replaced(names, _texts(long, others))
    found["created"] = now()
    found["repository"] |= {"commit": sha, "pull_request": None}
    return found


def _texts(first: list[str], others: Iterator[str]) -> Iterator[str]:
    yield from first
    yield from others


def _replaced(part: Any, texts: Iterator[str]) -> Any:
    if isinstance(part, dict):
        return {key: _replaced(value, texts) for key, value in part.items()}
    if isinstance(part, list):
        return [_replaced(value, texts) for value in part]
    return next(texts) if isinstance(part, str) and any(one in part for one in HOSTILE) else part
