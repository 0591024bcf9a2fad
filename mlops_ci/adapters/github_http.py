"""Requests to GitHub: retried where that is safe, patient with its limits, page by page, JSON in and out."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit

from mlops_ci import __version__
from mlops_ci.adapters import github_errors as errors
from mlops_ci.adapters import github_retry as retry
from mlops_ci.adapters.github_pools import Pools
from mlops_ci.adapters.github_retry import Answer, Broken, Pause
from mlops_ci.adapters.github_settings import Settings, is_safe, origin
from mlops_ci.adapters.github_wire import Fields
from mlops_ci.errors import ConfigError

JSON = "application/vnd.github+json"
RAW = "application/vnd.github.raw+json"
_VERSION = "2022-11-28"
_REDIRECTS = (301, 302, 307, 308)
_UNCHANGED = (307, 308)
_NEXT = re.compile(r'<([^>]*)>(?:\s*;\s*[a-z]+="?[^",;]*"?)*?\s*;\s*rel="?next"?')


@dataclass(frozen=True)
class Clock:
    """What the time is and how to wait."""

    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Limits:
    """What we bear: seconds to connect and between two bytes, attempts, seconds of waiting, bytes."""

    connect: float = 10.0
    read: float = 30.0
    attempts: int = 5
    wait: float = 60.0
    waits: float = 180.0
    answer: int = 32 << 20
    redirects: int = 3


@dataclass(frozen=True)
class Call:
    """One request. ``done`` looks whether a write of which no answer came was carried out.

    ``repeatable``: to do it twice is to do it once. ``done`` gives what the answer would have been,
    as JSON, or None.
    """

    method: str
    path: str
    query: Mapping[str, str | int] | None = None
    body: Any = None
    accept: str = JSON
    repeatable: bool = True
    done: Callable[[], Any] | None = None
    most: int = 0
    follow: bool = True
    url: str = ""


class Http:
    """One GitHub and one token, with the connections to it and what is left of our patience.

    Every method raises ToolError (mostly a GitHubError) where GitHub refuses, stays silent, or asks
    for more patience than there is.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        limits: Limits | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.settings = settings
        self.clock = clock or Clock()
        self.limits = limits or Limits()
        self._say = say
        self._waited = 0.0
        self._pools = Pools(settings, connect=self.limits.connect, read=self.limits.read)
        self._trusted = {origin(settings.api), origin(settings.graphql)}

    # ---- what is asked -----------------------------------------------------------------------

    def get(self, path: str, **query: str | int) -> Fields:
        """Read one thing."""
        return self._fields(Call("GET", path, query))

    def raw(self, path: str, **query: str | int) -> bytes:
        """Read a file as it is."""
        return self.send(Call("GET", path, query, accept=RAW)).body

    def pages(self, path: str, *, inside: str = "", **query: str | int) -> Iterator[Fields]:
        """Read every member of a list, all pages; ``inside`` is its key where it is wrapped."""
        asked: dict[str, str | int] = {"per_page": 100, **query}
        seen: list[Mapping[str, str | int]] = []
        while asked not in seen:
            seen.append(asked)
            call = Call("GET", path, asked)
            answer = self.send(call)
            yield from self._read(call, answer).items(*filter(None, [inside]))
            found = _NEXT.search(answer.headers.get("link", ""))
            if not found:
                return
            # Of the link only the query counts: so the token goes nowhere else.
            asked = dict(parse_qsl(urlsplit(found[1]).query))

    def post(
        self, path: str, body: Any = None, *, repeatable: bool = False, done: Callable[[], Any] | None = None
    ) -> Fields:
        """Make something. Without ``done`` and not ``repeatable`` it is never sent twice in doubt."""
        return self._fields(Call("POST", path, body=body, repeatable=repeatable, done=done))

    def put(self, path: str, body: Any, *, done: Callable[[], Any]) -> Fields:
        """Bring something about once; ``done`` gives the answer where it is so already."""
        return self._fields(Call("PUT", path, body=body, repeatable=False, done=done))

    def patch(self, path: str, body: Any, *, done: Callable[[], Any] | None = None) -> Fields:
        """Change something; ``done`` where to change it twice were wrong."""
        return self._fields(Call("PATCH", path, body=body, repeatable=done is None, done=done))

    def delete(self, path: str) -> None:
        """Remove something. That it is gone after an attempt in doubt is a success."""
        self.send(Call("DELETE", path))

    def graphql(self, query: str, *, repeatable: bool = True, **variables: str) -> Fields:
        """Ask by GraphQL; gives what stands in ``data``."""
        call = Call(
            "POST",
            "/graphql",
            body={"query": query, "variables": variables},
            repeatable=repeatable,
            url=self.settings.graphql,
        )
        answer = self.send(call)
        if refused := retry.graphql_errors(answer):
            raise errors.refused_query(self._asked(call), refused)
        body = self._read(call, answer)
        return Fields(body.endpoint, body.plain.get("data") if isinstance(body.plain, dict) else None, "data")

    def download(self, path: str, *, most: int) -> bytes:
        """Read a file that may lie on another host, which gets no token; at most ``most`` bytes."""
        call = Call("GET", path, most=most, follow=False)
        answer = self.send(call)
        if answer.status not in _REDIRECTS:
            return answer.body
        target = _target(self._url(call), answer)
        if not is_safe(target):
            raise errors.moved(self._asked(call), target)
        return self.send(replace(call, url=target)).body

    # ---- how ---------------------------------------------------------------------------------

    def send(self, call: Call) -> Answer:
        """Make a request, again where that is safe and worth it; gives a good answer."""
        attempt, doubt = 0, False
        while True:
            attempt += 1
            result = self._exchange(call)
            pause = retry.pause(result, attempt, self.clock.now())
            if pause is None or (pause.unsure and not call.repeatable and call.done is None):
                break
            last = attempt >= self.limits.attempts
            if not last or (pause.unsure and call.done):
                self._wait(call, pause)
            if pause.unsure and call.done and (found := call.done()) is not None:
                return Answer(200, {}, json.dumps(found).encode())
            if last:
                break
            doubt = doubt or pause.unsure
        return self._end(call, result, pause, doubt=doubt)

    def _end(self, call: Call, result: Answer | Broken, pause: Pause | None, *, doubt: bool) -> Answer:
        """The last word: a good answer, or the error of a bad one."""
        asked = self._asked(call)
        if isinstance(result, Broken):
            error = errors.unanswered(asked, result, urlsplit(self._url(call)).hostname or "")
        elif pause is not None and pause.limited:
            raise errors.limited(asked, pause, self.clock.now())
        elif result.status < 300 or (result.status in _REDIRECTS and not call.follow):
            return result
        elif doubt and call.method == "DELETE" and result.status == 404:
            return Answer(204)
        else:
            error = errors.refusal(asked, result)
        if pause is not None and pause.unsure and not call.repeatable:
            raise errors.unknown(error)
        raise error

    def _wait(self, call: Call, pause: Pause) -> None:
        if pause.limited and (
            pause.seconds > self.limits.wait or self._waited + pause.seconds > self.limits.waits
        ):
            raise errors.limited(self._asked(call), pause, self.clock.now())
        if pause.limited:
            self._say(f"GitHub's rate limit: waiting {pause.seconds:.0f} s")
        seconds = min(pause.seconds, self.limits.wait)
        self._waited += seconds
        self.clock.sleep(seconds)

    def _exchange(self, call: Call) -> Answer | Broken:
        """One attempt, along redirects that stay on the host."""
        url = self._url(call)
        body = None if call.body is None else json.dumps(call.body, allow_nan=False).encode()
        for _ in range(1 + self.limits.redirects):
            # The headers have no name here: an error would carry it to whoever reports crashes.
            result = self._pools.exchange(
                call.method, url, self._headers(call, url), body, most=call.most or self.limits.answer
            )
            if isinstance(result, Broken):
                return result
            if result.status not in _REDIRECTS or not call.follow:
                return self._without_token(call, result)
            target = _target(url, result)
            stays = is_safe(target) and origin(target) == origin(url)
            if not stays or (call.method != "GET" and result.status not in _UNCHANGED):
                raise errors.moved(self._asked(call), target)
            url = target
        raise errors.moved(self._asked(call), url)

    def _headers(self, call: Call, url: str) -> dict[str, str]:
        agent = {"user-agent": f"mlops-ci/{__version__}"}
        if origin(url) not in self._trusted:
            return agent
        content = {} if call.body is None else {"content-type": "application/json"}
        return {
            "accept": call.accept,
            "authorization": f"Bearer {self.settings.token}",
            "x-github-api-version": _VERSION,
            **agent,
            **content,
        }

    def _without_token(self, call: Call, answer: Answer) -> Answer:
        """An answer may repeat what it was sent, and our errors show what GitHub says."""
        if answer.status < 400 and call.method == "GET":
            return answer
        return replace(answer, body=answer.body.replace(self.settings.token.encode(), b"***"))

    def _url(self, call: Call) -> str:
        url = call.url or self.settings.api + call.path
        return f"{url}?{urlencode(call.query, errors='replace')}" if call.query else url

    def _asked(self, call: Call) -> errors.Asked:
        return errors.Asked(call.method, call.path, self.settings)

    def _fields(self, call: Call) -> Fields:
        return self._read(call, self.send(call))

    def _read(self, call: Call, answer: Answer) -> Fields:
        """The JSON of an answer; an empty one is read as nothing."""
        name = self._asked(call).name
        plain = answer.json()
        if plain is None and answer.body.strip() not in (b"", b"null"):
            raise errors.GitHubError(
                f"{name}: GitHub's answer is no JSON", "is GITHUB_API_URL the address of a GitHub API?"
            )
        return Fields(name, plain)


def _target(url: str, answer: Answer) -> str:
    """Where a redirect points to; empty where that is no address."""
    try:
        return urljoin(url, answer.headers.get("location", ""))
    except ValueError:
        return ""


def segment(text: str, *, slashes: bool = False) -> str:
    """A text as a part of a path, so that no name can lead to another endpoint.

    Raises:
        ConfigError: it is empty, or a step to another folder.
    """
    parts = text.split("/") if slashes else [text]
    if any(part in ("", ".", "..") for part in parts):
        raise ConfigError(f"{text!r} is no name that GitHub has", "name a file or a person as GitHub does")
    return "/".join(quote(part, safe="", errors="replace") for part in parts)
