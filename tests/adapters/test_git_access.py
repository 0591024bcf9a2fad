"""The token that opens a server for Git: to whom it is shown, and in which process alone."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from mlops_ci.adapters import process
from mlops_ci.adapters.git_access import Access
from mlops_ci.adapters.github_settings import PUSH_TOKEN

JOB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_REPOSITORY": "acme/model",
    "GITHUB_SERVER_URL": "https://git.example:8443",
    "GITHUB_TOKEN": "ghs_read",
}


def access(**more: str) -> Access:
    return Access.of({**JOB, **more})


@pytest.mark.parametrize(
    ("url", "opened"),
    [
        ("https://git.example:8443/acme/model.git", True),
        ("https://GIT.example:8443/acme/other", True),
        ("https://somebody@git.example:8443/acme/model", True),
        ("https://somebody:password@git.example:8443/acme/model", False),
        ("https://git.example/acme/model", False),
        ("http://git.example:8443/acme/model", False),
        ("https://git.example:8443.evil.invalid/acme/model", False),
        ("https://git.example:8443@evil.invalid/acme/model", False),
        ("https://evil.invalid/git.example:8443", False),
        ("https://[broken", False),
        ("ssh://git@git.example:8443/acme/model.git", False),
        ("git@git.example:acme/model.git", False),
        ("file:///srv/model.git", False),
        ("../origin.git", False),
        ("", False),
    ],
)
def test_the_token_is_for_the_jobs_own_server(url: str, opened: bool) -> None:
    assert access().opens(url) is opened
    assert bool(access().environ(url)) is opened


def test_the_public_server_is_the_default_and_its_port_may_be_said() -> None:
    found = Access.of({**JOB, "GITHUB_SERVER_URL": ""})
    assert found.opens("https://github.com/acme/model")
    assert found.opens("https://github.com:443/acme/model")
    assert not found.opens("https://gist.github.com/acme/model")


@pytest.mark.parametrize(
    ("more", "trouble"),
    [
        ({"GITHUB_ACTIONS": ""}, ""),
        ({"GITHUB_TOKEN": " "}, "there is no GitHub token: GITHUB_TOKEN is not set"),
        (
            {PUSH_TOKEN: "two words"},
            f"{PUSH_TOKEN} is no GitHub token: it holds blanks or letters that no token has",
        ),
        ({"GITHUB_REPOSITORY": "no"}, "GITHUB_REPOSITORY: 'no' is no repository"),
    ],
    ids=["outside of Actions", "no token", "no header", "no repository"],
)
def test_without_a_usable_token_nothing_is_shown(more: dict[str, str], trouble: str) -> None:
    found = access(**more)
    assert (found.opens("https://git.example:8443/acme/model"), found.trouble) == (False, trouble)


URL = "https://git.example:8443/acme/model.git"


def configured(environ: dict[str, str]) -> list[tuple[str, str]]:
    count = int(environ["GIT_CONFIG_COUNT"])
    return [(environ[f"GIT_CONFIG_KEY_{n}"], environ[f"GIT_CONFIG_VALUE_{n}"]) for n in range(count)]


def test_what_reads_leaves_the_checkouts_header_alone() -> None:
    found = access(**{PUSH_TOKEN: "ghs_push"}).environ(URL)
    assert found["MLOPS_CI_GIT_TOKEN"] == "ghs_read"
    helper = configured(found)[1][1]
    assert configured(found) == [
        (f"credential.{URL}.helper", ""),
        (f"credential.{URL}.helper", helper),
        (f"http.{URL}.followRedirects", "false"),
    ]
    assert (found["GIT_TERMINAL_PROMPT"], found["GIT_TRACE_REDACT"]) == ("0", "1")
    assert "ghs_" not in helper


@pytest.mark.parametrize("separate", [True, False])
def test_what_pushes_overrides_the_checkouts_header_where_it_has_a_token_of_its_own(separate: bool) -> None:
    found = access(**({PUSH_TOKEN: "ghs_push"} if separate else {})).environ(URL, push=True)
    assert found["MLOPS_CI_GIT_TOKEN"] == ("ghs_push" if separate else "ghs_read")
    assert ((f"http.{URL}.extraHeader", "") in configured(found)) is separate


def test_settings_that_are_there_already_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_COUNT", "2")
    found = access().environ(URL)
    assert found["GIT_CONFIG_COUNT"] == "5"
    assert [name for name in found if name.endswith(("_0", "_1"))] == []


def test_a_private_certificate_authority_is_gits_too(tmp_path: Path) -> None:
    pem = tmp_path / "ca.pem"
    pem.write_text("")
    found = access(SSL_CERT_FILE=str(pem)).environ(URL)
    assert configured(found)[-1] == (f"http.{URL}.sslCAInfo", str(pem))
    folder = access(SSL_CERT_FILE=str(tmp_path)).environ(URL)
    assert [key for key, _ in configured(folder) if "sslCAInfo" in key] == []


def test_a_name_in_the_address_is_no_part_of_the_key() -> None:
    assert configured(access().environ(URL.replace("://", "://me@")))[0][0] == f"credential.{URL}.helper"


def test_tokens_are_blotted_out_as_git_writes_them() -> None:
    found = access(**{PUSH_TOKEN: "ghs_push"})
    basic = base64.b64encode(b"x-access-token:ghs_push").decode()
    said = f"for https://x:ghs_read@git.example: Authorization: Basic {basic} ghs_push."
    assert found.scrub(said) == "for https://x:***@git.example: Authorization: Basic *** ***."
    assert Access().scrub("as it was") == "as it was"
    assert "ghs_" not in repr(found)


def test_no_child_is_given_the_token_that_pushes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stages, models that are loaded, CML: none of them needs it."""
    monkeypatch.setenv(PUSH_TOKEN, "ghs_push")
    shown = ["sh", "-c", f'echo "[${PUSH_TOKEN}]"']
    assert process.run(shown, cwd=tmp_path).stdout == "[]\n"
    assert process.run(shown, cwd=tmp_path, env={PUSH_TOKEN: "given"}).stdout == "[given]\n"
    log = tmp_path / "log"

    def task() -> int:
        return 0 if process.run(shown, cwd=tmp_path, env={}).stdout == "[]\n" and not _has() else 1

    assert process.forked(task, log=log).code == 0
    assert _has()


def _has() -> bool:
    import os

    return PUSH_TOKEN in os.environ
