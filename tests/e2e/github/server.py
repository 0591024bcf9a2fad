"""The HTTP side of the stand: one loopback origin that hands requests on and loses answers when told to."""

from __future__ import annotations

import base64
import binascii
import http.server
import json
import socket
import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import parse_qsl

from .calls import Answer
from .faults import REFUSALS, Fault


@dataclass(frozen=True)
class Incoming:
    """One request as it came."""

    method: str
    path: str
    query_text: str
    headers: Mapping[str, str]
    data: bytes

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.query_text, keep_blank_values=True))

    @property
    def secret(self) -> str:
        """The token, by Bearer, ``token`` or Basic authorization."""
        kind, _, value = self.headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic":
            return value
        try:
            return base64.b64decode(value).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""

    @property
    def json(self) -> Any:
        return json.loads(self.data) if self.data else None


class Serving(Protocol):
    """What answers."""

    def planned(self, incoming: Incoming) -> Fault | None:
        """The trouble planned for a request."""

    def answer(self, incoming: Incoming) -> Answer:
        """The answer to a request."""


class Server:
    """A running server; ``address`` is its origin."""

    def __init__(self) -> None:
        self._http = _Listener(("127.0.0.1", 0), _Connection)
        self.port: int = self._http.server_address[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    def start(self, serving: Serving) -> None:
        self._http.serving = serving
        self._thread.start()

    def close(self) -> None:
        if self._thread.is_alive():
            self._http.shutdown()
            self._thread.join()
        self._http.server_close()


class _Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    serving: Serving

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no news."""
        import sys

        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Connection(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Listener

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: requests are recorded by the gateway."""

    def _serve(self) -> None:
        incoming = self._incoming()
        fault = self.server.serving.planned(incoming)
        if fault and fault.kind == "cut-before":
            return self._cut()
        if fault and fault.kind in REFUSALS:
            return self._send(REFUSALS[fault.kind])
        if fault and fault.kind == "slow":
            fault.reached.set()
            fault.release.wait()
        answer = self.server.serving.answer(incoming)
        if fault and fault.kind.startswith("cut-"):
            return self._cut(answer if fault.kind == "cut-middle" else None)
        return self._send(answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

    def _incoming(self) -> Incoming:
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Incoming(self.command, path, query, headers, self._data(headers))

    def _data(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(headers.get("content-length", 0)))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _send(self, answer: Answer) -> None:
        data = self._head(answer)
        self.wfile.write(data)

    def _head(self, answer: Answer) -> bytes:
        """Send the head; gives the body that follows."""
        data = answer.data if answer.data is not None else b""
        headers = dict(answer.headers)
        if answer.data is None and answer.body is not None:
            data = json.dumps(answer.body).encode()
            headers["Content-Type"] = "application/json; charset=utf-8"
        self.send_response(answer.status)
        if answer.status != 204:
            headers["Content-Length"] = str(len(data))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        return data

    def _cut(self, answer: Answer | None = None) -> None:
        """Reset the connection, after half of the answer where there is one."""
        if answer is not None:
            data = self._head(answer)
            self.wfile.write(data[: len(data) // 2])
            self.wfile.flush()
        else:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()
