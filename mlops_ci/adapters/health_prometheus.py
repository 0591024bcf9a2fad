"""A Prometheus query as a source of health: 1 or more for as long as all is well."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from mlops_ci.adapters.health import Asked, Source, dicts, filled, inside
from mlops_ci.adapters.http_get import Service
from mlops_ci.errors import ToolError
from mlops_ci.promotion.plan import Health

TOKEN = "PROMETHEUS_TOKEN"  # noqa: S105 - the name of a variable
# Prometheus gives at most 11,000 points a series.
_POINTS, _FINEST = 2000, 30.0


def source(address: str, query: str, environ: Mapping[str, str]) -> tuple[str, Source]:
    """The source for a server and a query, and its name."""
    words = "the Prometheus query"
    service = Service(words, address.rstrip("/"), TOKEN, environ)

    def look(asked: Asked) -> Health:
        begin = max(asked.merged, asked.now - asked.soak - timedelta(minutes=5))
        step = max(_FINEST, (asked.now - begin).total_seconds() / _POINTS)
        told = service.get(
            "/api/v1/query_range",
            {
                "query": filled(query, asked),
                "start": f"{begin.timestamp():.3f}",
                "end": f"{asked.now.timestamp():.3f}",
                "step": f"{step:.3f}",
            },
        )
        return judged(told, begin, asked.now, step)

    return words, look


def judged(told: Any, begin: datetime, now: datetime, step: float) -> Health:
    """What the samples of all series say: well since the last time one was below 1, or missing.

    ``step`` is in seconds.

    Raises:
        ToolError: it is no answer of Prometheus to a range query.
    """
    if inside(told, "data", "resultType") != "matrix":
        raise ToolError(
            "the Prometheus query: the answer is none of Prometheus", "check the server's address"
        )
    least: dict[int, float] = {}
    for one in dicts(inside(told, "data", "result")):
        for at, value in _samples(one):
            index = round((at - begin.timestamp()) / step)
            least[index] = _worse(least.get(index, math.inf), value)
    steps = range(1 + math.floor((now - begin).total_seconds() / step + 1e-6))
    since: int | None = None
    for index in steps:
        well = least.get(index, -math.inf) >= 1
        since = (index if since is None else since) if well else None
    value_now = least.get(steps[-1])
    if value_now is None:
        return Health(problem="it gives nothing now")
    if since is None:
        return Health(problem=f"it gives {value_now:g} now, which is not 1 or more")
    return Health(since=begin + timedelta(seconds=since * step))


def _samples(series: Mapping[str, Any]) -> list[tuple[float, float]]:
    refusal = ToolError("the Prometheus query: a series has no values that are numbers", "check the query")
    try:
        found = [(float(at), float(value)) for at, value in series["values"]]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise refusal from error
    if not all(math.isfinite(at) for at, _ in found):
        raise refusal
    return found


def _worse(one: float, other: float) -> float:
    """The lesser value; one that is no number is the worst."""
    return math.nan if math.isnan(one) or math.isnan(other) else min(one, other)
