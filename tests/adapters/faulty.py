"""A web server over a folder, or in front of another one, whose answers go wrong as a test says."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Fault:
    """Another answer than the right one: a ``status`` with a body, or only half of the body, the rest being
    cut off or, with ``hang``, never coming; with ``drop`` no answer at all.
    """

    status: int = 0
    body: bytes = b""
    cut: bool = False
    hang: bool = False
    drop: bool = False


def expired() -> Fault:
    """What S3 says of credentials of yesterday."""
    said = b"<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"
    return Fault(400, said)


@dataclass
class Faulty:
    """The server: what goes wrong with which method and path, and what it was asked for."""

    folder: Path
    upstream: str = ""
    fault: Callable[[str, str], Fault | None] = lambda _method, _path: None
    asked: list[tuple[str, str]] = field(default_factory=list)
    port: int = 0
    over: Event = field(default_factory=Event)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def got(self) -> list[str]:
        """The hashes whose bytes were asked for, in order."""
        return ["".join(path.rsplit("/", 2)[1:]) for method, path in self.asked if method == "GET"]

    def answer(
        self, method: str, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, bytes, dict[str, str]]:
        """The right answer."""
        if self.upstream:
            return self._forward(method, path, body, headers)
        file = self.folder / path.lstrip("/")
        if method in ("PUT", "POST"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(body)
            return 201, b"", {}
        return (200, file.read_bytes(), {}) if file.is_file() else (404, b"", {})

    def _forward(
        self, method: str, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, bytes, dict[str, str]]:
        host = urlsplit(self.upstream)
        connection = http.client.HTTPConnection(host.hostname or "", host.port, timeout=10)
        connection.request(method, path, body, headers)
        found = connection.getresponse()
        raw = found.read()
        connection.close()
        kept = {
            name: value
            for name, value in found.getheaders()
            if name.lower() not in ("transfer-encoding", "connection", "date", "server")
        }
        return found.status, raw, kept


@contextmanager
def serving(folder: Path, upstream: str = "") -> Iterator[Faulty]:
    """A server on loopback until the block ends."""
    faulty = Faulty(folder, upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

        def _body(self) -> bytes:
            if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def _answer(self) -> None:
            if self.headers.get("Expect") == "100-continue":
                self.send_response_only(100)
                self.end_headers()
            body = self._body()
            faulty.asked.append((self.command, self.path.partition("?")[0]))
            fault = faulty.fault(self.command, self.path) or Fault()
            if fault.drop:
                self.close_connection = True
                return
            if fault.status:
                status, raw, headers = fault.status, fault.body, dict[str, str]()
            else:
                status, raw, headers = faulty.answer(self.command, self.path, body, dict(self.headers))
            self.send_response_only(status)
            headers.pop("Content-Length", None) if self.command != "HEAD" else None
            for name, value in headers.items():
                self.send_header(name, value)
            if "Content-Length" not in headers and "content-length" not in headers:
                self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            if self.command == "HEAD":
                return
            half = fault.cut or fault.hang
            with suppress(ConnectionError):
                self.wfile.write(raw[: len(raw) // 2] if half else raw)
                self.wfile.flush()
            if fault.hang:
                faulty.over.wait(30)
            self.close_connection = half or self.close_connection

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815 - the server's names

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    faulty.port = server.server_port
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield faulty
    finally:
        faulty.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
