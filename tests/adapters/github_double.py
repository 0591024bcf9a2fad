"""A GitHub that answers what a test has scripted, over real HTTP, and holds every request to GitHub's description.

A ``world`` (github_world.py) answers what the script does not, so that a test may script only the trouble.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

from mlops_ci.adapters.github import MINIMIZE, VIEWER, GitHub
from mlops_ci.adapters.github_http import Clock, Limits
from mlops_ci.adapters.github_promotions import DISABLE, ENABLE
from tests.adapters.github_spec import contract

TOKEN = "ghs_" + "s3cr3t" * 6
REPOSITORY = "octocat/Hello-World"
ROOT = f"/repos/{REPOSITORY}"
NOON = 1_800_000_000.0  # 2027-01-15 08:00:00 UTC
QUERIES = (VIEWER, MINIMIZE, ENABLE, DISABLE)


@dataclass(frozen=True)
class Reply:
    """One answer; ``true`` is False where it is meant to be none that GitHub gives."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    true: bool = True
    raw: bytes | None = None

    @property
    def content(self) -> bytes:
        if self.raw is not None:
            return self.raw
        return b"" if self.body is None else json.dumps(self.body).encode()


@dataclass(frozen=True)
class Cut:
    """The connection ends: before the answer, or in its middle."""

    middle: bool = False


@dataclass(frozen=True)
class Silence:
    """Nothing is said until the test is over."""


@dataclass(frozen=True)
class Request:
    """A request as it arrived."""

    method: str
    path: str
    quoted: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any

    @property
    def line(self) -> str:
        return f"{self.method} {self.path}"


class Time:
    """A clock that a test turns; nobody sleeps."""

    def __init__(self) -> None:
        self.now = NOON
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    @property
    def clock(self) -> Clock:
        return Clock(now=lambda: self.now, sleep=self.sleep)


class Double:
    """The scripted GitHub: ``on`` says what it answers, ``requests`` is what it was asked."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.requests: list[Request] = []
        self.problems: list[str] = []
        self.over = threading.Event()
        self.time = Time()
        self.url = ""
        self.world: Callable[[Request], Reply | None] | None = None
        self._script: dict[tuple[str, str], list[Reply | Cut | Silence]] = {}

    def on(self, method: str, path: str, *answers: Reply | Cut | Silence) -> None:
        """Answer these requests in turn."""
        self._script.setdefault((method, path), []).extend(answers)

    def account(self, login: str = "github-actions[bot]") -> None:
        """Tell who asks."""
        self.on("POST", "/graphql", Reply(body={"data": {"viewer": {"login": login}}}))

    @property
    def lines(self) -> list[str]:
        return [request.line for request in self.requests]

    @property
    def left(self) -> list[str]:
        return [f"{method} {path}" for (method, path), rest in self._script.items() if rest]

    def github(
        self, *, limits: Limits | None = None, environ: dict[str, str] | None = None, **more: Any
    ) -> GitHub:
        """A client of this GitHub."""
        names = {
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_API_URL": self.url + self.prefix,
            **(environ or {}),
        }
        return GitHub.of(names, clock=self.time.clock, limits=limits, **more)

    def answer(self, request: Request) -> Reply | Cut | Silence:
        """What the script says; what is wrong with either side is a problem."""
        self.requests.append(request)
        reply = self._reply(request)
        if reply is None:
            self.problems.append(f"{request.line}: was not expected")
            return Reply(500, {"message": "not in the script"})
        if request.path == "/graphql":
            self.problems += [] if request.body["query"] in QUERIES else ["an unknown query"]
        elif not request.path.startswith("/storage"):
            self.problems += contract.wrong_request(
                request.method, request.quoted, request.query, request.body
            )
            if isinstance(reply, Reply) and reply.true and reply.status < 300:
                self.problems += contract.wrong_answer(
                    request.method, request.quoted, reply.status, reply.body
                )
        return reply

    def _reply(self, request: Request) -> Reply | Cut | Silence | None:
        if rest := self._script.get((request.method, request.path), []):
            return rest.pop(0)
        return self.world(request) if self.world else None


class _Handler(BaseHTTPRequestHandler):
    double: ClassVar[Double]
    protocol_version = "HTTP/1.1"

    def _handle(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("content-length") or 0)
        text = self.rfile.read(length)
        quoted = parts.path.removeprefix(self.double.prefix)
        path = unquote(quoted)
        request = Request(
            self.command,
            "/graphql" if path.endswith("/graphql") else path,
            quoted,
            dict(parse_qsl(parts.query)),
            {name.lower(): value for name, value in self.headers.items()},
            json.loads(text) if text else None,
        )
        reply = self.double.answer(request)
        if isinstance(reply, Silence):
            self.double.over.wait()
        if not isinstance(reply, Reply):
            self._cut(isinstance(reply, Cut) and reply.middle)
            return
        self.send_response(reply.status)
        for name, value in {"content-length": str(len(reply.content)), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.content)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = _handle  # noqa: N815

    def _cut(self, middle: bool) -> None:
        if middle:
            self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n[{")
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Say nothing on the terminal."""


@contextmanager
def running(prefix: str = "/api/v3", tls: ssl.SSLContext | None = None) -> Iterator[Double]:
    """A double that listens on this machine; at the end whatever was wrong with it is told."""
    double = Double(prefix)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"double": double}))
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    double.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.005,), daemon=True)
    thread.start()
    try:
        yield double
    finally:
        double.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
    if wrong := double.problems + [f"{line}: was expected" for line in double.left]:
        raise AssertionError("\n".join(wrong))
