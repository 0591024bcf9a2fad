"""Whether a release is live and healthy, by what the user has that knows: each source one answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mlops_ci.errors import MlopsError, ToolError
from mlops_ci.promotion.plan import Health


@dataclass(frozen=True)
class Asked:
    """The release that is asked for, in an environment.

    ``merged``: when its promotion came to the base branch, before which it cannot be live. ``soak``: how long
    a time is of interest. ``contains`` says whether a commit of the manifests' repository has the promotion,
    None where that cannot be known.
    """

    environment: str
    model: str
    digest: str
    merged: datetime
    now: datetime
    soak: timedelta = timedelta(hours=24)
    contains: Callable[[str], bool | None] = lambda _: None


Source = Callable[[Asked], Health]


def together(sources: Mapping[str, Source], asked: Asked) -> Health:
    """What all sources say, by their names in words: healthy since the last of them says so.

    A source that cannot be asked is a problem of the release, never an error: nobody knows that it is well.
    """
    found = [_one(name, source, asked) for name, source in sources.items()]
    problems = [f"{one.source}: {one.problem}" for one in found if one.problem]
    since = [one.since for one in found if one.since is not None]
    whole = len(since) == len(found) and not problems
    return Health(
        source=" and ".join(one.source for one in found),
        since=max(since) if since and whole else None,
        problem="; ".join(problems),
    )


def _one(name: str, source: Source, asked: Asked) -> Health:
    try:
        found = source(asked)
    except MlopsError as error:
        hint = f" ({error.hint})" if error.hint else ""
        return Health(name, None, f"{error.message}{hint}")
    return Health(name, found.since, found.problem)


def filled(text: str, asked: Asked) -> str:
    """A text with {environment}, {model} and {digest} filled in; every other brace is PromQL's own."""
    for name in ("environment", "model", "digest"):
        text = text.replace(f"{{{name}}}", str(getattr(asked, name)))
    return text


def moment(text: Any) -> datetime | None:
    """A time as JSON has it; None where there is none.

    Raises:
        ToolError: it is something else.
    """
    if not text:
        return None
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise ToolError(f"{str(text)[:40]!r} is no time", "check the source's address and version") from error
    if found.tzinfo is None:
        raise ToolError(f"{str(text)[:40]!r} is a time without a zone", "check the source's version")
    return found


def inside(plain: Any, *keys: str) -> Any:
    """What stands below keys of JSON, None where the way ends."""
    for key in keys:
        plain = plain.get(key) if isinstance(plain, dict) else None
    return plain


def dicts(plain: Any) -> Iterator[dict[str, Any]]:
    """The objects of a JSON list; nothing where it is none."""
    yield from (one for one in plain if isinstance(one, dict)) if isinstance(plain, list) else ()
