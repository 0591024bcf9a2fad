"""Addresses, token, proxy and certificates out of the environment; mistakes said without the secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_ci.adapters.github_settings import Settings, is_safe, origin
from mlops_ci.errors import ConfigError

BASE = {"GITHUB_REPOSITORY": "acme/churn", "GITHUB_TOKEN": "ghs_abc"}


def settings(**environ: str) -> Settings:
    return Settings.of({**BASE, **environ})


def test_a_runner_on_github_com_needs_two_variables() -> None:
    assert settings() == Settings(
        repository="acme/churn",
        token="ghs_abc",
        token_from="GITHUB_TOKEN",
        api="https://api.github.com",
        graphql="https://api.github.com/graphql",
        server="https://github.com",
    )


@pytest.mark.parametrize(
    ("environ", "api", "graphql"),
    [
        ({"GITHUB_SERVER_URL": "https://ghe.acme.example"}, "https://ghe.acme.example/api/v3", "https://ghe.acme.example/api/graphql"),
        ({"GITHUB_SERVER_URL": "https://acme.ghe.com/"}, "https://api.acme.ghe.com", "https://api.acme.ghe.com/graphql"),
        ({"GITHUB_API_URL": "https://ghe.acme.example/api/v3/"}, "https://ghe.acme.example/api/v3", "https://ghe.acme.example/api/graphql"),
        ({"GITHUB_API_URL": "http://127.0.0.1:4710"}, "http://127.0.0.1:4710", "http://127.0.0.1:4710/graphql"),
        ({"GITHUB_API_URL": "http://[::1]:4710/api/v3"}, "http://[::1]:4710/api/v3", "http://[::1]:4710/api/graphql"),
        (
            {"GITHUB_API_URL": "https://x.example/api/v3", "GITHUB_GRAPHQL_URL": "https://x.example/g"},
            "https://x.example/api/v3",
            "https://x.example/g",
        ),
    ],
)  # fmt: skip
def test_where_enterprise_has_its_interfaces(environ: dict[str, str], api: str, graphql: str) -> None:
    found = settings(**environ)
    assert (found.api, found.graphql) == (api, graphql)


@pytest.mark.parametrize(
    ("environ", "source", "token"),
    [
        ({"MLOPS_CI_TOKEN": "a", "GITHUB_TOKEN": "b", "GH_TOKEN": "c"}, "MLOPS_CI_TOKEN", "a"),
        ({"MLOPS_CI_TOKEN": "", "GITHUB_TOKEN": " b\n", "GH_TOKEN": "c"}, "GITHUB_TOKEN", "b"),
        ({"GITHUB_TOKEN": " ", "GH_TOKEN": "c"}, "GH_TOKEN", "c"),
    ],
)
def test_the_most_special_token_wins_and_an_empty_secret_is_none(
    environ: dict[str, str], source: str, token: str
) -> None:
    found = Settings.of({"GITHUB_REPOSITORY": "acme/churn", **environ})
    assert (found.token_from, found.token) == (source, token)


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"GITHUB_TOKEN": ""}, "there is no GitHub token: GITHUB_TOKEN is not set"),
        ({"GITHUB_TOKEN": "secret\nsecret"}, "GITHUB_TOKEN is no GitHub token: it holds blanks or letters that no token has"),
        ({"GITHUB_TOKEN": "secrét"}, "GITHUB_TOKEN is no GitHub token: it holds blanks or letters that no token has"),
        ({"GITHUB_REPOSITORY": ""}, "GITHUB_REPOSITORY is not set"),
        ({"GITHUB_REPOSITORY": "acme/churn/../x"}, "GITHUB_REPOSITORY: 'acme/churn/../x' is no repository"),
        ({"GITHUB_REPOSITORY": "acme/.."}, "GITHUB_REPOSITORY: 'acme/..' is no repository"),
        ({"GITHUB_API_URL": "http://ghe.acme.example"}, "GITHUB_API_URL: http://ghe.acme.example cannot be used: a token travels by https only"),
        ({"GITHUB_API_URL": "ghe.acme.example"}, "GITHUB_API_URL: ghe.acme.example cannot be used: a token travels by https only"),
        ({"GITHUB_API_URL": "https://x:secret@ghe.acme.example"}, "GITHUB_API_URL: holds more than an address"),
        ({"HTTPS_PROXY": "socks5://user:secret@proxy:1"}, "HTTPS_PROXY: is no proxy that can be used"),
        ({"SSL_CERT_FILE": "absent.pem"}, "SSL_CERT_FILE: there is no file absent.pem"),
    ],
)  # fmt: skip
def test_mistakes_are_told_and_no_secret_with_them(environ: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(**environ)
    assert caught.value.message == message
    assert "secr" not in message + caught.value.hint
    assert caught.value.hint


def test_secrets_are_not_in_the_representation() -> None:
    found = settings(HTTPS_PROXY="http://user:hidden@proxy:3128")
    assert "ghs_abc" not in repr(found)
    assert "hidden" not in repr(found)


@pytest.mark.parametrize(
    ("no_proxy", "url", "proxied"),
    [
        ("", "https://api.github.com/x", True),
        ("github.com", "https://api.github.com/x", False),
        (".github.com, other", "https://api.github.com/x", False),
        ("*.github.com", "https://api.github.com/x", False),
        ("hub.com", "https://api.github.com/x", True),
        ("*", "https://api.github.com/x", False),
        ("", "http://localhost:80/x", False),
        ("", "https://127.0.0.1/x", False),
    ],
)
def test_what_goes_through_the_proxy(no_proxy: str, url: str, proxied: bool) -> None:
    found = settings(https_proxy="proxy:3128", NO_PROXY=no_proxy)
    assert found.proxy_for(url) == ("http://proxy:3128" if proxied else "")


def test_certificates_are_named_by_the_variables_that_others_read(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).touch()
    found = settings(SSL_CERT_FILE=str(tmp_path / "one"), REQUESTS_CA_BUNDLE=str(tmp_path / "two"))
    assert found.certificates == str(tmp_path / "two")


def test_an_origin_is_scheme_host_and_port() -> None:
    assert origin("https://API.github.com/a?b") == ("https", "api.github.com", 443)
    assert origin("http://localhost:8080") == ("http", "localhost", 8080)


def test_what_is_safe_to_send_to() -> None:
    urls = [
        "https://x.example",
        "http://x.example",
        "http://a.localhost",
        "https://",
        "ftp://x",
        "http://x:99999",
    ]
    assert [url for url in urls if is_safe(url)] == ["https://x.example", "http://a.localhost"]
