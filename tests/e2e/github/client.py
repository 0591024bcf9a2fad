"""A plain client for tests: one request, one answer, nothing hidden."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Got:
    """An answer: its status, its body as JSON where it is, and its headers in lower case."""

    status: int
    body: Any
    headers: dict[str, str]
    data: bytes = b""


def ask(address: str, method: str, path: str, body: Any = None, token: str = "", accept: str = "") -> Got:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    headers = {"User-Agent": "tests"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    if accept:
        headers["Accept"] = accept
    if token:
        headers["Authorization"] = f"Bearer {token}"
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        data = answer.read()
    finally:
        connection.close()
    found = {name.lower(): value for name, value in answer.headers.items()}
    parsed = json.loads(data) if data and "json" in found.get("content-type", "") else None
    return Got(answer.status, parsed, found, data)
