"""Where a GitHub is and who asks: addresses, token, proxy and certificates, out of the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from mlops_ci.adapters import withheld
from mlops_ci.errors import ConfigError

TOKENS = ("MLOPS_CI_TOKEN", "GITHUB_TOKEN", "GH_TOKEN")
# The token that pushes, where that is another one; no child process is given it.
PUSH_TOKEN = withheld.PUSHING
CERTIFICATES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE")
_PUBLIC = "https://github.com"


@dataclass(frozen=True)
class Settings:
    """One repository on one GitHub. What must not be seen is not in its ``repr``."""

    repository: str
    token: str = field(repr=False)
    token_from: str = "GITHUB_TOKEN"  # noqa: S105 - the name of a variable
    api: str = "https://api.github.com"
    graphql: str = "https://api.github.com/graphql"
    server: str = _PUBLIC
    proxy: str = field(default="", repr=False)  # may hold a password
    no_proxy: str = ""
    certificates: str = ""
    from_fork: bool = False

    @classmethod
    def of(cls, environ: Mapping[str, str], *, from_fork: bool = False) -> Settings:
        """What GitHub's runners and a person's shell say.

        Raises:
            ConfigError: the repository or the token is missing, or an address cannot be used.
        """
        name, token = first_token(environ)
        server = _address(environ, "GITHUB_SERVER_URL") or _PUBLIC
        api = _address(environ, "GITHUB_API_URL") or _api(server)
        return cls(
            repository=_repository(environ),
            token=token,
            token_from=name,
            api=api,
            graphql=_address(environ, "GITHUB_GRAPHQL_URL") or _graphql(api),
            server=server,
            proxy=_proxy(environ),
            no_proxy=environ.get("no_proxy") or environ.get("NO_PROXY") or "",
            certificates=_certificates(environ),
            from_fork=from_fork,
        )

    @classmethod
    def network(cls, environ: Mapping[str, str]) -> Settings:
        """Only how a host is reached, by proxy and certificates: for services that are not GitHub.

        Raises:
            ConfigError: the proxy or the certificates cannot be used.
        """
        return cls(
            repository="",
            token="",
            proxy=_proxy(environ),
            no_proxy=environ.get("no_proxy") or environ.get("NO_PROXY") or "",
            certificates=_certificates(environ),
        )

    def proxy_for(self, url: str) -> str:
        """The proxy that an address is reached through; empty where it is reached directly."""
        host = urlsplit(url).hostname or ""
        exceptions = [name.strip().lower().lstrip("*.") for name in self.no_proxy.split(",") if name.strip()]
        # What is left of `*` is empty, and every host ends with it.
        spared = any(not name or host == name or host.endswith(f".{name}") for name in exceptions)
        return "" if spared or is_loopback(host) else self.proxy


def first_token(environ: Mapping[str, str], names: Sequence[str] = TOKENS) -> tuple[str, str]:
    """The first token that is set, with its variable. A secret that is not there is an empty text.

    Raises:
        ConfigError: none is set, or it is none.
    """
    for name in names:
        if token := environ.get(name, "").strip():
            # http.client would print a token that is no header value in its complaint.
            if not re.fullmatch(r"[!-~]+", token):
                raise ConfigError(
                    f"{name} is no GitHub token: it holds blanks or letters that no token has",
                    "copy the token anew, without quotes and line breaks",
                )
            return name, token
    raise ConfigError(
        f"there is no GitHub token: {TOKENS[1]} is not set",
        "give the step `env: GITHUB_TOKEN: ${{ github.token }}`",
    )


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: the token goes to one of them and no other."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.scheme.lower(), (parts.hostname or "").lower(), port


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, so that plain http and no proxy are right."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_safe(url: str) -> bool:
    """Whether a token or an artifact may travel there: encrypted, or not over a network at all."""
    try:
        scheme, host, _ = origin(url)
    except ValueError:
        return False
    return bool(host) and (scheme == "https" or (scheme == "http" and is_loopback(host)))


def _repository(environ: Mapping[str, str]) -> str:
    name = environ.get("GITHUB_REPOSITORY", "").strip()
    if not name:
        raise ConfigError("GITHUB_REPOSITORY is not set", "set it to OWNER/NAME")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9_.-]+", name) or name.endswith(("/.", "/..")):
        raise ConfigError(f"GITHUB_REPOSITORY: {name!r} is no repository", "write OWNER/NAME")
    return name


def _address(environ: Mapping[str, str], name: str) -> str:
    """An address without its last slash; empty where the variable is not set."""
    url = environ.get(name, "").strip().rstrip("/")
    if not url:
        return ""
    parts = urlsplit(url)
    if parts.username is not None or parts.query or parts.fragment:
        # Not shown: it may hold a password.
        raise ConfigError(f"{name}: holds more than an address", "write https://HOST/PATH, without a token")
    if not is_safe(url):
        raise ConfigError(
            f"{name}: {url} cannot be used: a token travels by https only",
            "write https://HOST/PATH; plain http is taken on this machine alone",
        )
    return url


def _api(server: str) -> str:
    """Where the API of a server is: beside github.com and ghe.com, inside GitHub Enterprise Server."""
    scheme, host, _ = origin(server)
    if host == "github.com" or host.endswith(".ghe.com"):
        return f"{scheme}://api.{host}"
    return f"{server}/api/v3"


def _graphql(api: str) -> str:
    return f"{api.removesuffix('/v3')}/graphql" if api.endswith("/api/v3") else f"{api}/graphql"


def _proxy(environ: Mapping[str, str]) -> str:
    """The proxy for https. Plain http is spoken on this machine alone, where no proxy is between."""
    proxy = next(filter(None, map(environ.get, ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"))), "")
    if not proxy:
        return ""
    url = proxy if "://" in proxy else f"http://{proxy}"
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise ConfigError("HTTPS_PROXY: is no proxy that can be used", "write http://HOST:PORT")
    return url


def _certificates(environ: Mapping[str, str]) -> str:
    for name in CERTIFICATES:
        if path := environ.get(name, "").strip():
            if not Path(path).exists():
                raise ConfigError(f"{name}: there is no file {path}", "name a PEM file of certificates")
            return path
    return ""
