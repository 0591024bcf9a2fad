"""GitHub's deployments as a source of health: since a deployment with the promotion succeeded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from mlops_ci.adapters.github import GitHub
from mlops_ci.adapters.github_wire import Fields
from mlops_ci.adapters.health import Asked, Source, moment
from mlops_ci.errors import ToolError
from mlops_ci.promotion.plan import Health

# Every deployment costs a request; those of the last soak are the newest ones.
_MOST = 20


@dataclass(frozen=True)
class Event:
    """A status of a deployment: GitHub's word for its state, and what whoever wrote it says.

    GitHub's times are whole seconds; within one, ``number`` counts.
    """

    at: datetime
    state: str
    said: str = ""
    number: int = 0


def source(github: GitHub, environment: str) -> tuple[str, Source]:
    """The source for an environment of a repository's deployments, and its name."""
    words = f"GitHub's deployments to {environment}"

    def look(asked: Asked) -> Health:
        listed = islice(github.http.pages(github.path("deployments"), environment=environment), _MOST)
        ours = [one for one in listed if _has(one, asked)]
        return judged(event for one in ours for event in _statuses(github, one))

    return words, look


def judged(events: Iterable[Event]) -> Health:
    """What the statuses of all deployments with the promotion say, in the order of their times.

    A later failure ends it, also one that a monitor writes to an old deployment; a deployment that is on its
    way does not, for what is live goes on.
    """
    since: datetime | None = None
    problem = "none that has the promotion was made yet"
    for event in sorted(events, key=lambda one: (one.at, one.number)):
        if event.state == "success":
            since, problem = since or event.at, ""
        elif event.state in ("failure", "error"):
            since, problem = None, f"the last one is a {event.state}{f': {event.said}' if event.said else ''}"
        elif since is None and event.state != "inactive":
            problem = f"the last one is {event.state.replace('_', ' ')}"
    return Health(since=since, problem=problem)


def _has(one: Fields, asked: Asked) -> bool:
    """Whether a deployment has the promotion: by its commit, else it is younger."""
    told = asked.contains(one.text("sha"))
    return _time(one) >= asked.merged if told is None else told


def _statuses(github: GitHub, one: Fields) -> Iterator[Event]:
    yield Event(_time(one), "pending")
    for status in github.http.pages(github.path("deployments", one.number("id"), "statuses")):
        said = " ".join(status.text("description", default="").split())[:140]
        yield Event(_time(status), status.text("state"), said, status.number("id"))


def _time(one: Fields) -> datetime:
    found = moment(one.text("created_at"))
    if found is None:
        raise ToolError(f"{one.endpoint}: a deployment has no time", "is GITHUB_API_URL right?")
    return found
