"""GitHub Enterprise Server's front door before a stand: https, and the API below /api.

CML's command finds the API by the server's host, always by https; so this is where it can be asked.
"""

from __future__ import annotations

import http.client
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import urlsplit

API = "/api/v3"
DROPPED = ("content-length", "connection", "transfer-encoding", "date", "server")


class _Door(BaseHTTPRequestHandler):
    behind: ClassVar[str]
    address: ClassVar[str]
    protocol_version = "HTTP/1.1"

    def _hand_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        connection = http.client.HTTPConnection(urlsplit(self.behind).netloc, timeout=60)
        try:
            connection.request(self.command, _below(self.path), body or None, headers)
            answer = connection.getresponse()
            data = answer.read().replace(self.behind.encode(), self.address.encode())
        finally:
            connection.close()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in DROPPED:
                self.send_header(name, value.replace(self.behind, self.address + API))
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _hand_on  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: the gateway records what is asked."""


def _below(path: str) -> str:
    """The gateway's path: /api/v3/repos/... and /api/graphql."""
    return path.removeprefix(API) if path.startswith(API) else path.removeprefix("/api")


@contextmanager
def opened(behind: str, tls: ssl.SSLContext) -> Iterator[str]:
    """The address of a door before the gateway at ``behind``."""
    door: type[_Door] = type("Door", (_Door,), {"behind": behind})
    server = ThreadingHTTPServer(("127.0.0.1", 0), door)
    server.daemon_threads = True
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    door.address = f"https://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.005,), daemon=True)
    thread.start()
    try:
        yield door.address
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
