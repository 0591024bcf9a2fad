"""Requests against a real server that fails in every way GitHub and networks do; nobody sleeps."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from mlops_ci import __version__
from mlops_ci.adapters.github import VIEWER, GitHub
from mlops_ci.adapters.github_errors import GitHubError
from mlops_ci.adapters.github_http import Limits, segment
from mlops_ci.errors import ConfigError, ToolError
from tests.adapters.github_double import NOON, ROOT, TOKEN, Cut, Double, Reply, Silence, running
from tests.adapters.github_spec.contract import example

COMMENTS = f"{ROOT}/issues/1347/comments"
LABELS = f"{ROOT}/issues/1347/labels"
STATUS = f"{ROOT}/statuses/abc"
GONE = Reply(404, {"message": "Not Found"})
SECONDARY = {"message": "You have exceeded a secondary rate limit."}


def read(github: GitHub) -> str:
    return github.http.get(ROOT).text("full_name")


def repository() -> Reply:
    return Reply(body=example("full-repository-default-response"))


def failure(call: Any) -> GitHubError:
    with pytest.raises(GitHubError) as caught:
        call()
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value


def test_a_request_says_who_asks_and_how(double: Double, github: GitHub) -> None:
    double.on("GET", ROOT, repository())
    assert read(github) == "octocat/Hello-World"
    sent = double.requests[0].headers
    assert {name: sent.get(name) for name in ("accept", "authorization", "user-agent", "x-github-api-version")} == {
        "accept": "application/vnd.github+json",
        "authorization": f"Bearer {TOKEN}",
        "user-agent": f"mlops-ci/{__version__}",
        "x-github-api-version": "2022-11-28",
    }  # fmt: skip


@pytest.mark.parametrize("prefix", ["", "/api/v3"])
def test_enterprise_and_github_com_have_the_same_paths(prefix: str) -> None:
    with running(prefix) as double:
        double.on("GET", ROOT, repository())
        double.account("ada")
        github = double.github()
        assert (read(github), github.account()) == ("octocat/Hello-World", "ada")


# ---- again -------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [Reply(502), Reply(500), Cut(), Cut(middle=True)], ids=str)
def test_reading_is_tried_again_ever_later(double: Double, github: GitHub, fault: Any) -> None:
    double.on("GET", ROOT, fault, fault, fault, repository())
    assert read(github) == "octocat/Hello-World"
    assert double.time.slept == [1.0, 2.0, 4.0]


def test_reading_is_given_up_in_the_end(double: Double, github: GitHub) -> None:
    double.on("GET", ROOT, *[Reply(503)] * 5)
    error = failure(lambda: read(github))
    assert (error.status, error.message) == (503, f"GET {ROOT}: GitHub answered 503")
    assert double.time.slept == [1.0, 2.0, 4.0, 8.0]


def test_a_slow_answer_is_not_waited_for_for_ever(double: Double) -> None:
    double.on("GET", ROOT, Silence(), repository())
    assert read(double.github(limits=Limits(read=0.1))) == "octocat/Hello-World"
    assert double.time.slept == [1.0]


def test_silence_is_told_in_the_end(double: Double) -> None:
    double.on("GET", ROOT, Silence())
    error = failure(lambda: read(double.github(limits=Limits(read=0.1, attempts=1))))
    assert error.message == f"GET {ROOT}: 127.0.0.1 did not answer in time"


def test_nobody_listens(double: Double) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    github = double.github(environ={"GITHUB_API_URL": f"http://127.0.0.1:{port}"})
    error = failure(lambda: github.http.post(STATUS, {"state": "success"}))
    assert (error.status, error.message) == (
        0,
        f"POST {STATUS}: 127.0.0.1 cannot be reached (Connection refused)",
    )
    # Nothing was sent, so even this was tried again.
    assert double.time.slept == [1.0, 2.0, 4.0, 8.0]


def test_a_name_that_does_not_exist(double: Double) -> None:
    github = double.github(environ={"GITHUB_API_URL": "https://ghe.invalid"}, limits=Limits(attempts=1))
    error = failure(lambda: read(github))
    assert error.message == f"GET {ROOT}: the name ghe.invalid cannot be resolved"


def test_mistakes_are_not_repeated(double: Double, github: GitHub) -> None:
    double.on("GET", ROOT, GONE)
    assert failure(lambda: read(github)).status == 404
    assert double.time.slept == []


# ---- writing -----------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [Reply(502), Cut(), Cut(middle=True)], ids=str)
def test_a_write_in_doubt_is_not_repeated_and_the_doubt_is_told(
    double: Double, github: GitHub, fault: Any
) -> None:
    path = f"{ROOT}/actions/runs/1/rerun"
    double.on("POST", path, fault)
    error = failure(lambda: github.http.post(path))
    assert error.message.endswith("; whether GitHub did it is not known")
    assert (double.lines, double.time.slept) == ([f"POST {path}"], [])


def test_a_write_that_may_be_done_twice_is_repeated(double: Double, github: GitHub) -> None:
    double.on("POST", LABELS, Cut(), Reply(502), Reply(body=example("label-items")))
    github.http.post(LABELS, {"labels": ["bug"]}, repeatable=True)
    assert len(double.requests) == 3


def test_a_write_in_doubt_is_looked_for_before_it_is_repeated(double: Double, github: GitHub) -> None:
    found = iter([None, None, {"id": 7}])
    double.on("POST", COMMENTS, Cut(), Reply(502), Cut())
    assert github.http.post(COMMENTS, {"body": "x"}, done=lambda: next(found)).number("id") == 7
    assert double.time.slept == [1.0, 2.0, 4.0]


def test_a_write_is_looked_for_after_the_last_attempt_too(double: Double) -> None:
    github = double.github(limits=Limits(attempts=2))
    found = iter([None, {"id": 7}, None, None])
    double.on("POST", COMMENTS, *[Cut()] * 4)
    assert github.http.post(COMMENTS, {"body": "x"}, done=lambda: next(found)).number("id") == 7
    error = failure(lambda: github.http.post(COMMENTS, {"body": "x"}, done=lambda: next(found)))
    assert error.message.endswith("; whether GitHub did it is not known")
    assert double.time.slept == [1.0, 2.0, 1.0, 2.0]


def test_a_refused_write_is_not_in_doubt(double: Double, github: GitHub) -> None:
    double.on(
        "POST", COMMENTS, Reply(429, SECONDARY, {"retry-after": "3"}), Reply(201, example("issue-comment"))
    )
    assert github.http.post(COMMENTS, {"body": "x"}).number("id") == 1
    assert double.time.slept == [3.0]


def test_patch_is_repeated(double: Double, github: GitHub) -> None:
    path = f"{ROOT}/issues/comments/1"
    double.on("PATCH", path, Cut(), Reply(body=example("issue-comment")))
    assert github.http.patch(path, {"body": "x"}).number("id") == 1


def test_gone_after_an_attempt_in_doubt_is_deleted(double: Double, github: GitHub) -> None:
    path = f"{ROOT}/issues/comments/1"
    double.on("DELETE", path, Cut(), GONE, GONE)
    github.http.delete(path)
    assert failure(lambda: github.http.delete(path)).status == 404


# ---- limits ------------------------------------------------------------------------------------


def test_a_limit_is_waited_for_and_said(double: Double) -> None:
    said: list[str] = []
    github = double.github(say=said.append)
    double.on("GET", ROOT, Reply(429, SECONDARY, {"retry-after": "60"}), repository())
    assert read(github) == "octocat/Hello-World"
    assert (double.time.slept, said) == ([60.0], ["GitHub's rate limit: waiting 60 s"])


def test_the_hour_s_limit_is_waited_for_where_it_ends_soon(double: Double, github: GitHub) -> None:
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOON) + 20)}
    double.on("GET", ROOT, Reply(403, {"message": "API rate limit exceeded"}, headers), repository())
    assert read(github) == "octocat/Hello-World"
    assert double.time.slept == [21.0]


def test_a_long_limit_is_told_at_once(double: Double, github: GitHub) -> None:
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOON) + 1800)}
    double.on("GET", ROOT, Reply(403, {"message": "API rate limit exceeded"}, headers))
    error = failure(lambda: read(github))
    assert error.message == f"GET {ROOT}: GitHub's rate limit for this token is used up until 08:30:01 UTC"
    assert double.time.slept == []


def test_patience_is_for_all_requests_together(double: Double, github: GitHub) -> None:
    slow = Reply(403, SECONDARY, {"retry-after": "50"})
    double.on("GET", ROOT, slow, slow, repository(), slow, slow)
    read(github)
    error = failure(lambda: read(github))
    assert (
        error.message == f"GET {ROOT}: GitHub asks for less haste (secondary rate limit) until 08:03:20 UTC"
    )
    assert double.time.slept == [50.0, 50.0, 50.0]


def test_a_limit_that_does_not_end_is_given_up(double: Double) -> None:
    github = double.github(limits=Limits(attempts=2))
    double.on("GET", ROOT, *[Reply(429, SECONDARY, {"retry-after": "1"})] * 2)
    assert failure(lambda: read(github)).status == 429
    assert double.time.slept == [1.0]


# ---- redirects ---------------------------------------------------------------------------------


def test_a_renamed_repository_is_followed_on_the_same_host(double: Double, github: GitHub) -> None:
    new = "/repos/octocat/New-Name"
    double.on("GET", ROOT, Reply(301, headers={"location": f"{double.url}/api/v3{new}"}))
    double.on("GET", new, repository())
    assert read(github) == "octocat/Hello-World"


def test_a_write_is_followed_only_where_it_stays_a_write(double: Double, github: GitHub) -> None:
    new = "/repos/octocat/New-Name/issues/1347/comments"
    double.on(
        "POST",
        COMMENTS,
        Reply(307, headers={"location": f"/api/v3{new}"}),
        Reply(302, headers={"location": new}),
    )
    double.on("POST", new, Reply(201, example("issue-comment")))
    assert github.http.post(COMMENTS, {"body": "x"}).number("id") == 1
    assert double.requests[1].body == {"body": "x"}
    assert failure(lambda: github.http.post(COMMENTS, {"body": "x"})).message.startswith(
        f"POST {COMMENTS}: GitHub points to 127.0.0.1"
    )


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_host_never_gets_the_token(double: Double, github: GitHub, method: str) -> None:
    with running() as other:
        double.on(method, COMMENTS, Reply(307, headers={"location": f"{other.url}/api/v3{COMMENTS}"}))
        call = {
            "GET": lambda: list(github.http.pages(COMMENTS)),
            "POST": lambda: github.http.post(COMMENTS, {"body": "x"}),
        }
        error = failure(call[method])
        assert (
            error.message
            == f"{method} {COMMENTS}: GitHub points to 127.0.0.1, and the token does not go there"
        )
    assert other.requests == []


def test_a_circle_ends(double: Double, github: GitHub) -> None:
    double.on("GET", ROOT, *[Reply(301, headers={"location": f"/api/v3{ROOT}"})] * 4)
    assert failure(lambda: read(github)).message.startswith(f"GET {ROOT}: GitHub points to 127.0.0.1")


@pytest.mark.parametrize("location", ["", "ftp://127.0.0.1/x", "https://[bad"])
def test_a_redirect_to_nowhere(double: Double, location: str) -> None:
    github = double.github(limits=Limits(redirects=0))
    double.on("GET", ROOT, Reply(302, headers={"location": location}))
    assert failure(lambda: read(github)).status == 301


# ---- pages -------------------------------------------------------------------------------------


def comments(first: int, last: int) -> list[Any]:
    return [example("issue-comment", id=number) for number in range(first, last + 1)]


def link(url: str, page: int, last: int) -> dict[str, str]:
    """GitHub's own header: by the repository's number, with all that could be asked for."""
    base = f"{url}/repositories/1296269/issues/1347/comments?per_page=100&page="
    return {
        "link": f'<{base}{page - 1}>; rel="prev", <{base}{page + 1}>; rel="next", <{base}{last}>; rel="last"'
    }


def test_all_pages_are_read(double: Double, github: GitHub) -> None:
    double.on(
        "GET",
        COMMENTS,
        Reply(body=comments(1, 100), headers=link(double.url, 1, 3)),
        Reply(body=comments(101, 200), headers=link(double.url, 2, 3)),
        Reply(body=comments(201, 201)),
    )
    assert [found.number("id") for found in github.http.pages(COMMENTS)] == list(range(1, 202))
    assert [request.query for request in double.requests] == [
        {"per_page": "100"},
        {"per_page": "100", "page": "2"},
        {"per_page": "100", "page": "3"},
    ]


def test_a_link_leads_to_no_other_host_and_in_no_circle(double: Double, github: GitHub) -> None:
    evil = {"link": '<https://evil.example/steal?page=2>; rel="next"'}
    double.on(
        "GET", COMMENTS, Reply(body=comments(1, 1), headers=evil), Reply(body=comments(2, 2), headers=evil)
    )
    assert [found.number("id") for found in github.http.pages(COMMENTS)] == [1, 2]


# ---- answers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"<html>Welcome</html>", "GitHub's answer is no JSON"),
        (b"", "in GitHub's answer `full_name` is missing"),
        (b"[]", "in GitHub's answer `full_name` is missing"),
        (b'{"full_name": 5}', "in GitHub's answer `full_name` is not a text"),
    ],
)
def test_what_is_no_answer_of_github_is_told(
    double: Double, github: GitHub, body: bytes, problem: str
) -> None:
    double.on("GET", ROOT, Reply(raw=body, true=False))
    with pytest.raises(ToolError) as caught:
        read(github)
    assert caught.value.message == f"GET {ROOT}: {problem}"
    assert caught.value.hint == "is GITHUB_API_URL the address of a GitHub API?"


def test_an_answer_has_a_size_that_we_bear(double: Double) -> None:
    double.on("GET", ROOT, repository())
    error = failure(lambda: read(double.github(limits=Limits(answer=1000))))
    assert error.message == f"GET {ROOT}: the answer of 127.0.0.1 is too large (more than 1,000 bytes)"


def test_an_error_that_repeats_the_token_is_shown_without_it(double: Double, github: GitHub) -> None:
    double.on("GET", ROOT, Reply(401, {"message": f"Bad credentials: {TOKEN}"}))
    assert failure(lambda: read(github)).message == f"GET {ROOT}: GitHub answered 401: Bad credentials: ***"


# ---- GraphQL -----------------------------------------------------------------------------------


def test_graphql_sends_its_variables_and_gives_the_data(double: Double, github: GitHub) -> None:
    double.account("ada")
    assert github.http.graphql(VIEWER, id="x").text("viewer", "login") == "ada"
    assert double.requests[0].body == {"query": VIEWER, "variables": {"id": "x"}}


def test_graphql_s_errors_are_errors(double: Double, github: GitHub) -> None:
    refused = {
        "data": None,
        "errors": [{"type": "FORBIDDEN", "message": "Resource not accessible by integration"}],
    }
    double.on("POST", "/graphql", Reply(body=refused))
    error = failure(lambda: github.http.graphql(VIEWER))
    assert error.message == "POST /graphql: GitHub answered 403: Resource not accessible by integration"
    assert "pull-requests: write" in error.hint


def test_graphql_s_limit_is_waited_for(double: Double, github: GitHub) -> None:
    limited = {"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]}
    double.on(
        "POST",
        "/graphql",
        Reply(body=limited, headers={"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOON) + 9)}),
    )
    double.account("ada")
    assert github.account() == "ada"
    assert double.time.slept == [10.0]


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"data": []}'])
def test_graphql_without_data(double: Double, github: GitHub, body: bytes) -> None:
    double.on("POST", "/graphql", Reply(raw=body))
    with pytest.raises(ToolError) as caught:
        github.account()
    assert caught.value.message == "POST /graphql: in GitHub's answer `data.viewer.login` is missing"


# ---- downloads ---------------------------------------------------------------------------------

ARCHIVE = f"{ROOT}/actions/artifacts/11/zip"


def test_a_download_leaves_the_token_at_home(double: Double, github: GitHub) -> None:
    with running("") as storage:
        storage.on("GET", "/storage/a.zip", Reply(raw=b"PK"))
        double.on("GET", ARCHIVE, Reply(302, headers={"location": f"{storage.url}/storage/a.zip?sig=SECRET"}))
        assert github.http.download(ARCHIVE, most=2) == b"PK"
    names = set(storage.requests[0].headers)
    assert names == {"host", "user-agent", "accept-encoding"}


def test_a_download_has_a_size_that_we_bear(double: Double, github: GitHub) -> None:
    with running("") as storage:
        storage.on("GET", "/storage/a.zip", Reply(raw=b"PK" * 1000))
        double.on("GET", ARCHIVE, Reply(302, headers={"location": f"{storage.url}/storage/a.zip?sig=SECRET"}))
        error = failure(lambda: github.http.download(ARCHIVE, most=1999))
    assert error.message == f"GET {ARCHIVE}: the answer of 127.0.0.1 is too large (more than 1,999 bytes)"


def test_a_download_that_the_storage_refuses_shows_no_signature(double: Double, github: GitHub) -> None:
    with running("") as storage:
        storage.on("GET", "/storage/a.zip", Reply(403, raw=b"<Error>sig=SECRET</Error>"))
        double.on("GET", ARCHIVE, Reply(302, headers={"location": f"{storage.url}/storage/a.zip?sig=SECRET"}))
        error = failure(lambda: github.http.download(ARCHIVE, most=1999))
    assert (error.message, error.hint) == (f"GET {ARCHIVE}: GitHub answered 403", "")


def test_a_download_goes_over_no_open_network(double: Double, github: GitHub) -> None:
    double.on("GET", ARCHIVE, Reply(302, headers={"location": "http://storage.example/a.zip?sig=SECRET"}))
    error = failure(lambda: github.http.download(ARCHIVE, most=1999))
    assert (
        error.message == f"GET {ARCHIVE}: GitHub points to storage.example, and the token does not go there"
    )


def test_a_server_may_send_a_download_itself(double: Double, github: GitHub) -> None:
    double.on("GET", ARCHIVE, Reply(raw=b"PK", true=False))
    assert github.http.download(ARCHIVE, most=2) == b"PK"


# ---- paths -------------------------------------------------------------------------------------


def test_a_name_stays_one_part_of_a_path() -> None:
    assert segment("a b/c?d#e%ü") == "a%20b%2Fc%3Fd%23e%25%C3%BC"
    assert segment("docs/a b.md", slashes=True) == "docs/a%20b.md"


@pytest.mark.parametrize(
    ("text", "slashes"), [("", False), ("..", False), (".", False), ("a/../b", True), ("/a", True)]
)
def test_a_name_leads_to_no_other_endpoint(text: str, slashes: bool) -> None:
    with pytest.raises(ConfigError, match="is no name that GitHub has"):
        segment(text, slashes=slashes)
