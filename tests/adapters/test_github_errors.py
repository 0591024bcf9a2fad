"""What GitHub refuses, in words: the cause, and how to mend it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlops_ci.adapters import github_errors as errors
from mlops_ci.adapters.github_errors import Asked
from mlops_ci.adapters.github_retry import Answer, Broken, Pause
from mlops_ci.adapters.github_settings import Settings

HOST = "https://api.github.com"
SETTINGS = Settings("acme/churn", "ghs_abc")
INTEGRATION = "Resource not accessible by integration"
PERSONAL = "Resource not accessible by personal access token"
COMMENTS = "/repos/acme/churn/issues/5/comments"
GRANT = "give the job this permission (it has none that is not named):\n    permissions:"
FORK = (
    "the token of a fork's pull request reads only, whatever `permissions` says: "
    "the workflow on `workflow_run` posts its report"
)


def refuse(
    status: int, message: str = "", method: str = "POST", path: str = COMMENTS, *, fork: bool = False, errors_: Any = None, **headers: str
) -> tuple[str, str]:  # fmt: skip
    plain = {"message": message, **({"errors": errors_} if errors_ is not None else {})}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    settings = Settings("acme/churn", "ghs_abc", from_fork=fork)
    error = errors.refusal(Asked(method, path, settings), Answer(status, named, json.dumps(plain).encode()))
    assert (error.status, error.exit_code) == (status, 3)
    return error.message, error.hint


def test_a_token_that_has_ended() -> None:
    assert refuse(401, "Bad credentials") == (
        f"POST {COMMENTS}: GitHub answered 401: Bad credentials",
        "the token in GITHUB_TOKEN has expired, was revoked or belongs to another server; a job's own token ends with the job",
    )


@pytest.mark.parametrize(
    ("method", "path", "lines"),
    [
        ("POST", COMMENTS, "\n      pull-requests: write"),
        ("PATCH", "/repos/acme/churn/issues/comments/9", "\n      pull-requests: write"),
        ("POST", "/graphql", "\n      pull-requests: write"),
        ("GET", "/repos/acme/churn/commits/abc/pulls", "\n      pull-requests: read"),
        ("POST", "/repos/acme/issues/check-runs", "\n      checks: write"),
        ("POST", "/repos/acme/churn/statuses/abc", "\n      statuses: write"),
        ("POST", "/repos/acme/churn/actions/runs/1/rerun", "\n      actions: write"),
        ("GET", "/repos/acme/churn/contents/CODEOWNERS", "\n      contents: read"),
        ("GET", "/repos/acme/churn", "\n      contents: read"),
    ],
)
def test_the_line_of_yaml_that_grants_what_is_missing(method: str, path: str, lines: str) -> None:
    note = "" if method == "GET" else f"\n    ({FORK})"
    assert refuse(403, INTEGRATION, method, path)[1] == GRANT + lines + note


@pytest.mark.parametrize(
    ("accepted", "lines"),
    [
        ("issues=write; pull_requests=write", "\n      pull-requests: write"),
        ("issues=write", "\n      issues: write"),
        ("administration=write; issues=write", "\n      issues: write"),
        ("contents=read,pull_requests=write", "\n      contents: read\n      pull-requests: write"),
    ],
)
def test_github_s_own_word_on_permissions_is_taken_first(accepted: str, lines: str) -> None:
    hint = refuse(403, INTEGRATION, x_accepted_github_permissions=accepted)[1]
    assert hint == f"{GRANT}{lines}\n    ({FORK})"


def test_what_a_workflow_cannot_have_takes_an_app() -> None:
    hint = refuse(403, INTEGRATION, "GET", "/repos/acme/churn/branches/main/protection", x_accepted_github_permissions="administration=read")[1]  # fmt: skip
    assert hint == (
        "a workflow's own token cannot have `administration: read`: give a GitHub App's token by MLOPS_CI_TOKEN"
    )


def test_a_person_s_token_gets_its_permission_in_its_settings() -> None:
    assert refuse(403, PERSONAL)[1] == (
        "give the token in GITHUB_TOKEN the permission `pull-requests: write` in its settings on GitHub"
    )


def test_a_fork_s_token_is_not_asked_for_what_it_cannot_have() -> None:
    assert refuse(403, INTEGRATION, fork=True)[1] == FORK


def test_single_sign_on_names_the_organisation_and_not_the_one_time_address() -> None:
    url = "required; url=https://github.com/orgs/acme/sso?authorization_request=SECRET"
    message, hint = refuse(403, "Resource protected by organization SAML enforcement.", x_github_sso=url)
    assert hint == (
        "authorise the token in GITHUB_TOKEN for the single sign-on of acme: `Configure SSO` in its settings on GitHub"
    )
    assert "SECRET" not in message + hint


def test_other_reasons_for_a_403_are_told_as_they_are() -> None:
    said = "Repository was archived so is read-only."
    assert refuse(403, said) == (f"POST {COMMENTS}: GitHub answered 403: {said}", "")


def test_not_found_may_be_not_allowed() -> None:
    assert refuse(404, "Not Found", "GET", "/repos/acme/churn/pulls/5") == (
        "GET /repos/acme/churn/pulls/5: GitHub answered 404: Not Found",
        "check the name; GitHub says the same of what the token may not see: acme/churn may be private. "
        f"{GRANT}\n      pull-requests: read",
    )


@pytest.mark.parametrize(
    ("errors_", "said"),
    [
        ([{"resource": "IssueComment", "code": "unprocessable", "field": "data", "message": "Body is too long (maximum is 65536 characters)"}], "data: Body is too long (maximum is 65536 characters)"),
        ([{"resource": "Label", "code": "missing"}], "Label: missing"),
        ([{}], "request: refused"),
        (["in words"], "in words"),
        ("odd", ""),
    ],
)  # fmt: skip
def test_every_field_that_was_refused_is_told(errors_: Any, said: str) -> None:
    whole = "; ".join(filter(None, ["Validation Failed", said]))
    assert (
        refuse(422, "Validation Failed", errors_=errors_)[0]
        == f"POST {COMMENTS}: GitHub answered 422: {whole}"
    )


def test_a_conflict_is_told() -> None:
    assert refuse(409, "Conflict") == (f"POST {COMMENTS}: GitHub answered 409: Conflict", "")


def test_a_page_instead_of_json_is_not_shown() -> None:
    error = errors.refusal(Asked("GET", "/x", SETTINGS), Answer(502, {}, b"<html>Unicorn!</html>"))
    assert (error.message, error.hint) == (
        "GET /x: GitHub answered 502",
        "GitHub has trouble: see its status page, and run the job again later",
    )


def test_what_github_says_cannot_drive_a_terminal() -> None:
    assert refuse(409, "a\x1b[31mb\nc\x07")[0] == f"POST {COMMENTS}: GitHub answered 409: ab; c"


@pytest.mark.parametrize(
    ("kind", "status"), [("FORBIDDEN", 403), ("INSUFFICIENT_SCOPES", 403), ("NOT_FOUND", 404), ("", 422)]
)
def test_graphql_refuses_in_the_same_words(kind: str, status: int) -> None:
    error = errors.refused_query(Asked("POST", "/graphql", SETTINGS), {kind: INTEGRATION})
    assert (error.status, error.message) == (
        status,
        f"POST /graphql: GitHub answered {status}: {INTEGRATION}",
    )


def test_limits_say_until_when() -> None:
    asked = Asked("GET", "/x", SETTINGS)
    primary = errors.limited(asked, Pause(3600.0, "primary"), 1_800_000_000.0)
    secondary = errors.limited(asked, Pause(90.0, "secondary"), 1_800_000_000.0)
    assert primary.message == "GET /x: GitHub's rate limit for this token is used up until 09:00:00 UTC"
    assert secondary.message == "GET /x: GitHub asks for less haste (secondary rate limit) until 08:01:30 UTC"
    assert (primary.status, secondary.status) == (429, 429)


def test_a_redirect_s_address_is_not_told_but_its_host() -> None:
    error = errors.moved(Asked("GET", "/x", SETTINGS), "https://evil.example/x?sig=SECRET")
    assert error.message == "GET /x: GitHub points to evil.example, and the token does not go there"
    assert errors.moved(Asked("GET", "/x", SETTINGS), "https://[bad").message.startswith(
        "GET /x: GitHub points to another address"
    )


@pytest.mark.parametrize(
    ("broken", "message", "word"),
    [
        (Broken("name", "", sent=False), "GET /x: the name ghe.example cannot be resolved", "GITHUB_API_URL"),
        (Broken("connect", "Connection refused", sent=False), "GET /x: ghe.example cannot be reached (Connection refused)", "HTTPS_PROXY"),
        (Broken("tls", "self-signed", sent=False), "GET /x: ghe.example cannot be trusted (self-signed)", "REQUESTS_CA_BUNDLE"),
        (Broken("proxy", "407", sent=False), "GET /x: the proxy does not let it through (407)", "NO_PROXY"),
        (Broken("timeout", "", sent=True), "GET /x: ghe.example did not answer in time", "again"),
        (Broken("cut", "", sent=True), "GET /x: the connection to ghe.example was cut", "again"),
        (Broken("size", "more than 5 bytes", sent=True), "GET /x: the answer of ghe.example is too large (more than 5 bytes)", ""),
    ],
)  # fmt: skip
def test_no_answer_has_a_reason(broken: Broken, message: str, word: str) -> None:
    error = errors.unanswered(Asked("GET", "/x", SETTINGS), broken, "ghe.example")
    assert error.message == message
    assert word in error.hint
    assert error.status == 0


def test_a_write_in_doubt_says_so() -> None:
    error = errors.unknown(errors.GitHubError("POST /x: cut", "run it again", status=502))
    assert (error.message, error.hint, error.status) == (
        "POST /x: cut; whether GitHub did it is not known",
        "look on GitHub before you run it again",
        502,
    )
