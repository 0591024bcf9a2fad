"""A service of the user is asked for JSON: its token goes to its host alone, no redirect is followed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from mlops_ci import __version__
from mlops_ci.adapters.github_pools import Pools
from mlops_ci.adapters.github_retry import Answer, Broken
from mlops_ci.adapters.github_settings import Settings, is_safe
from mlops_ci.errors import ConfigError, ToolError

_CONNECT, _READ = 5.0, 20.0  # seconds
_MOST = 32 << 20
_ATTEMPTS = 2
_AGAIN = (502, 503, 504)


@dataclass(frozen=True)
class Service:
    """A service by its address; ``name`` is what it is in words, ``variable`` the one that holds the token.

    What must not be seen is not in its ``repr``.
    """

    name: str
    address: str
    variable: str
    environ: Mapping[str, str] = field(repr=False)

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """The JSON below the address.

        Raises:
            ConfigError: the address is none, or a token would travel unencrypted.
            ToolError: it does not answer, refuses, or answers something else.
        """
        token = self._token()
        answer = self._asked(f"{self.address}{path}?{urlencode(query or {})}".rstrip("?"), token)
        if isinstance(answer, Broken):
            raise ToolError(
                f"{self.name} does not answer ({answer.kind}{f': {answer.reason}' if answer.reason else ''})",
                "check its address, and that it can be reached from here",
            )
        plain = answer.json()
        if answer.status != 200:
            raise self._refused(answer, plain, token)
        if plain is None:
            raise ToolError(f"{self.name} does not answer with JSON", "check that the address is its own")
        return plain

    def _token(self) -> str:
        if not _is_address(self.address):
            raise ConfigError(
                f"{self.name}: its address is none", "write https://HOST/..., without user and password"
            )
        token = self.environ.get(self.variable, "").strip()
        if not re.fullmatch(r"[!-~]*", token):
            raise ConfigError(f"{self.variable} holds blanks or letters that no token has", "copy it anew")
        if token and not is_safe(self.address):
            raise ConfigError(
                f"{self.name}: {self.variable} travels by https only", "write https://... as the address"
            )
        return token

    def _asked(self, url: str, token: str) -> Answer | Broken:
        pools = Pools(Settings.network(self.environ), connect=_CONNECT, read=_READ)
        headers = {"accept": "application/json", "user-agent": f"mlops-ci/{__version__}"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        for attempt in range(1, _ATTEMPTS + 1):
            answer = pools.exchange("GET", url, headers, None, most=_MOST)
            good = isinstance(answer, Answer) and answer.status not in _AGAIN
            if good or attempt == _ATTEMPTS:
                break
        return answer

    def _refused(self, answer: Answer, plain: Any, token: str) -> ToolError:
        said = plain.get("error") or plain.get("message") if isinstance(plain, dict) else ""
        words = " ".join(str(said or "").split())
        # Before it is cut: half a token is no longer found.
        words = (words.replace(token, "***") if token else words)[:200]
        why = f": {words}" if words else ""
        if answer.status in (401, 403):
            hint = f"check {self.variable}" if token else f"set {self.variable} to a token that may read it"
            return ToolError(f"{self.name} refuses the request ({answer.status}{why})", hint)
        if 300 <= answer.status < 400:
            return ToolError(f"{self.name} is elsewhere ({answer.status})", "write the address it leads to")
        return ToolError(f"{self.name} answers with {answer.status}{why}", "check its address")


def _is_address(text: str) -> bool:
    """Whether it is the address of a server, without user and password."""
    try:
        parts = urlsplit(text)
    except ValueError:
        # Brackets that are no IPv6 address.
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None
