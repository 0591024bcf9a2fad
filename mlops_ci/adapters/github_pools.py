"""The one place that speaks HTTP to GitHub: a request in, an answer or the reason for none out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3 import connection, connectionpool, exceptions
from urllib3.response import BaseHTTPResponse

from mlops_ci.adapters.github_retry import Answer, Broken
from mlops_ci.adapters.github_settings import Settings

_BLOCK = 1 << 16


class _Connection(connection.HTTPConnection):
    # http.client prints whole requests, token included, where somebody has switched that on.
    debuglevel = 0


class _SecureConnection(connection.HTTPSConnection):
    debuglevel = 0


class _Pool(connectionpool.HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(connectionpool.HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class Pools:
    """Connections that are kept open, straight and through the proxy; nothing is retried here."""

    def __init__(self, settings: Settings, *, connect: float, read: float) -> None:
        self._settings = settings
        self._timeout = urllib3.Timeout(connect=connect, read=read)

    def exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, *, most: int
    ) -> Answer | Broken:
        """Make one request, follow nothing, and read at most ``most`` bytes.

        Errors are told as a value: an exception of urllib3 has the headers in its frames.
        """
        pools = self._proxied if self._settings.proxy_for(url) else self._direct
        try:
            response = pools.request(
                method,
                url,
                body=body,
                headers=dict(headers),
                timeout=self._timeout,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            with closing(response):
                content = _read(response, most)
        except (exceptions.HTTPError, OSError) as error:
            return _broken(error)
        if content is None:
            return Broken("size", f"more than {most:,} bytes", sent=True)
        return Answer(response.status, {k.lower(): v for k, v in response.headers.items()}, content)

    @cached_property
    def _direct(self) -> urllib3.PoolManager:
        return _quiet(urllib3.PoolManager(**self._trust()))

    @cached_property
    def _proxied(self) -> urllib3.PoolManager:
        parts = urlsplit(self._settings.proxy)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        headers = urllib3.make_headers(proxy_basic_auth=f"{user}:{password}") if user else None
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        address = f"{parts.scheme}://{host}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
        return _quiet(urllib3.ProxyManager(address, proxy_headers=headers, **self._trust()))

    def _trust(self) -> dict[str, Any]:
        """Whose certificates are believed: the system's, unless others are named."""
        path = self._settings.certificates
        if not path:
            return {}
        return {"ca_cert_dir" if Path(path).is_dir() else "ca_certs": path}


def _quiet(manager: urllib3.PoolManager) -> urllib3.PoolManager:
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
    return manager


def _read(response: BaseHTTPResponse, most: int) -> bytes | None:
    """The whole body, or None where it is longer."""
    content = bytearray()
    for block in response.stream(_BLOCK):
        content += block
        if len(content) > most:
            return None
    return bytes(content)


def _broken(error: Exception) -> Broken:
    """What went wrong, and whether the request may have arrived."""
    if isinstance(error, exceptions.ProxyError):
        return Broken("proxy", _reason(error.original_error), sent=False)
    # An end without a goodbye is a cut connection, also inside of TLS.
    if isinstance(error, exceptions.SSLError) and "EOF" not in str(error):
        return Broken("tls", _reason(error), sent=False)
    if isinstance(error, exceptions.NameResolutionError):
        return Broken("name", "", sent=False)
    if isinstance(error, exceptions.ConnectTimeoutError | exceptions.NewConnectionError):
        return Broken("connect", _reason(error), sent=False)
    if isinstance(error, exceptions.ReadTimeoutError):
        return Broken("timeout", "", sent=True)
    return Broken("cut", _reason(error), sent=True)


def _reason(error: BaseException) -> str:
    """The system's words for it, without objects, addresses in memory and places in C files."""
    cause = error.__cause__ or error.__context__
    said = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(error)
    text = re.sub(r"<[^>]*>[:,]? ?|\s*\(_ssl\.c:\d+\)|^\[[^]]*\] ?", "", said)
    return " ".join(text.split())[:200]
