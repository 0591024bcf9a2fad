"""How Git gets into the server that a job runs for: by a token in the environment of one process."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from mlops_ci.adapters.github_settings import PUSH_TOKEN, TOKENS, Settings, first_token, is_safe, origin
from mlops_ci.errors import ConfigError

USER = "x-access-token"
_VARIABLE = "MLOPS_CI_GIT_TOKEN"
# Git asks it only where the server wants to know who comes. It reads the token where it lies, so that no list
# of arguments holds it.
_HELPER = (
    f'!ask() {{ if [ "$1" = get ]; then printf "username={USER}\\npassword=%s\\n" "${_VARIABLE}"; fi; }}; ask'
)


@dataclass(frozen=True)
class Access:
    """What a job of GitHub Actions shows its own server and nobody else; elsewhere nothing.

    ``pushing`` is the token that pushes, where that is another one; ``trouble`` says why there is none.
    """

    server: str = ""
    reading: str = field(default="", repr=False)
    pushing: str = field(default="", repr=False)
    certificates: str = ""
    trouble: str = ""

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Access:
        """The access of this process."""
        if environ.get("GITHUB_ACTIONS") != "true":
            return cls()
        try:
            found = Settings.of(environ)
            name, pushing = first_token(environ, (PUSH_TOKEN, *TOKENS))
        except ConfigError as error:
            return cls(trouble=error.message)
        return cls(found.server, found.token, pushing if name == PUSH_TOKEN else "", found.certificates)

    def opens(self, url: str) -> bool:
        """Whether an address is on our server and brings no password of its own."""
        if not self.server or not is_safe(url):
            return False
        return origin(url) == origin(self.server) and urlsplit(url).password is None

    def environ(self, url: str, *, push: bool = False) -> dict[str, str]:
        """What one Git process is given to get in; nothing at any other address.

        No other helper is asked, so that none keeps the token. A header that the checkout has left in the
        repository's configuration stays, unless there is a token to push with.
        """
        if not self.opens(url):
            return {}
        place = _without_user(url)
        settings = [(f"credential.{place}.helper", ""), (f"credential.{place}.helper", _HELPER)]
        settings += [(f"http.{place}.followRedirects", "false")]
        if push and self.pushing:
            settings += [(f"http.{place}.extraHeader", "")]
        if self.certificates and Path(self.certificates).is_file():
            settings += [(f"http.{place}.sslCAInfo", self.certificates)]
        token = (push and self.pushing) or self.reading
        # Whoever looks at what Git sends (GIT_TRACE_CURL) does not see the token either.
        quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_TRACE_REDACT": "1"}
        return {**_configuration(settings), **quiet, _VARIABLE: token}

    def scrub(self, text: str) -> str:
        """A text without the tokens, in whatever way Git writes them."""
        for token in filter(None, (self.reading, self.pushing)):
            for secret in (token, base64.b64encode(f"{USER}:{token}".encode()).decode()):
                text = text.replace(secret, "***")
        return text


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _configuration(settings: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Settings for one Git process, after those that the environment holds already."""
    told = os.environ.get("GIT_CONFIG_COUNT", "")
    first = int(told) if told.isdecimal() else 0
    found: dict[str, str] = {}
    for number, (key, value) in enumerate(settings, first):
        found |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return {**found, "GIT_CONFIG_COUNT": str(first + len(found) // 2)}
