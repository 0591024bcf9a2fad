"""TLS with an authority of one's own, proxies, and what is said where nothing answers."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mlops_ci.adapters.github import GitHub
from mlops_ci.adapters.github_errors import GitHubError
from mlops_ci.adapters.github_http import Limits
from tests.adapters import github_tls
from tests.adapters.github_double import ROOT, TOKEN, Double, Reply, running
from tests.adapters.github_spec.contract import example
from tests.adapters.github_tls import HOST, Identity

ONCE = Limits(attempts=1)


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return github_tls.identity(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def enterprise(identity: Identity) -> Iterator[Double]:
    """A server that only its own authority knows."""
    with running(tls=identity.server) as double:
        yield double


def read(github: GitHub) -> str:
    return github.http.get(ROOT).text("full_name")


def repository(double: Double) -> None:
    double.on("GET", ROOT, Reply(body=example("full-repository-default-response")))


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"])
def test_an_authority_of_one_s_own_is_believed(enterprise: Double, identity: Identity, name: str) -> None:
    repository(enterprise)
    github = enterprise.github(environ={name: str(identity.authority)})
    assert read(github) == "octocat/Hello-World"


def test_an_unknown_authority_is_not_believed_and_the_variable_is_named(enterprise: Double) -> None:
    with pytest.raises(GitHubError) as caught:
        read(enterprise.github())
    # How the last words are spelt depends on OpenSSL's version.
    assert caught.value.message.replace("self signed", "self-signed") == (
        f"GET {ROOT}: 127.0.0.1 cannot be trusted (certificate verify failed: self-signed certificate)"
    )
    assert caught.value.hint == (
        "name the PEM file of your own certificate authority in REQUESTS_CA_BUNDLE or SSL_CERT_FILE"
    )
    # A certificate does not get better by waiting.
    assert enterprise.time.slept == []


def test_a_folder_of_certificates_may_be_empty_and_a_file_may_be_none(
    enterprise: Double, tmp_path: Path
) -> None:
    (tmp_path / "no.pem").write_text("no certificate")
    for path in (tmp_path, tmp_path / "no.pem"):
        with pytest.raises(GitHubError, match=r"127\.0\.0\.1 cannot be trusted"):
            read(enterprise.github(environ={"SSL_CERT_FILE": str(path)}))


def behind(double: Double, identity: Identity, proxy: str, **environ: str) -> GitHub:
    """A client of a host that only the proxy knows the way to."""
    port = urlsplit(double.url).port
    return double.github(
        limits=ONCE,
        environ={
            "GITHUB_API_URL": f"https://{HOST}:{port}/api/v3",
            "SSL_CERT_FILE": str(identity.authority),
            "HTTPS_PROXY": proxy,
            **environ,
        },
    )


def test_a_proxy_is_asked_for_a_tunnel_and_never_sees_the_token(
    enterprise: Double, identity: Identity
) -> None:
    repository(enterprise)
    with github_tls.proxy(enterprise.url) as proxy:
        github = behind(enterprise, identity, f"http://ada:p%40ss@{proxy.url}")
        assert read(github) == "octocat/Hello-World"
    head = proxy.heads[0].splitlines()
    secret = base64.b64encode(b"ada:p@ss").decode()
    assert head[0].split()[:2] == ["CONNECT", f"{HOST}:{urlsplit(enterprise.url).port}"]
    assert [line for line in head if line.endswith(f": Basic {secret}")] != []
    assert TOKEN.encode() not in bytes(proxy.seen) + proxy.heads[0].encode()
    assert enterprise.requests[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_a_proxy_that_refuses_is_named_without_its_password(enterprise: Double, identity: Identity) -> None:
    with github_tls.proxy(enterprise.url, refuse=True) as proxy, pytest.raises(GitHubError) as caught:
        read(behind(enterprise, identity, f"http://ada:hidden@{proxy.url}"))
    assert caught.value.message == (
        f"GET {ROOT}: the proxy does not let it through (Tunnel connection failed: 407 Proxy Authentication Required)"
    )
    assert "hidden" not in caught.value.message + caught.value.hint


def test_what_needs_no_proxy_goes_straight(enterprise: Double, identity: Identity) -> None:
    with github_tls.proxy(enterprise.url) as proxy:
        github = behind(enterprise, identity, proxy.url, NO_PROXY=HOST)
        with pytest.raises(GitHubError, match=f"the name {HOST} cannot be resolved"):
            read(github)
    assert proxy.heads == []
