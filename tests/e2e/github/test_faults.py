"""Every kind of trouble shows as it is, once, and the next request is fine."""

from __future__ import annotations

import http.client
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from .client import Got
from .events import Events
from .stand import Stand

COMMENTS = "/repos/acme/model/issues/1/comments"
CASES = {
    "401": (401, "Bad credentials", {}),
    "403": (
        403,
        "Resource not accessible by integration",
        {"x-accepted-github-permissions": "issues=write; pull_requests=write"},
    ),
    "404": (404, "Not Found", {}),
    "409": (409, "Conflict", {}),
    "422": (422, "Validation Failed", {}),
    "429": (
        429,
        "API rate limit exceeded for installation.",
        {"retry-after": "7", "x-ratelimit-remaining": "0"},
    ),
    "secondary": (
        403,
        "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
        {"retry-after": "60"},
    ),
    "500": (500, "Server Error", {}),
}


@pytest.fixture
def issue(stand: Stand) -> Stand:
    """A stand with one issue."""
    stand.must("POST", "issues", {"title": "One"})
    return stand


def comment(stand: Stand, text: str = "hello") -> Got:
    return stand.api("POST", COMMENTS, {"body": text})


def bodies(stand: Stand) -> list[str]:
    return [one["body"] for one in stand.comments(1)]


@pytest.mark.parametrize("kind", sorted(CASES))
def test_a_refusal_is_given_as_often_as_asked(issue: Stand, kind: str) -> None:
    status, message, headers = CASES[kind]
    issue.gateway.fault("POST", "/comments$", kind, times=2)
    for _ in range(2):
        got = comment(issue)
        assert (got.status, got.body["message"]) == (status, message)
        assert {name: got.headers[name] for name in headers} == headers
    assert comment(issue).status == 201
    assert bodies(issue) == ["hello"]


def test_a_bad_gateway_answers_html(issue: Stand) -> None:
    issue.gateway.fault("*", "/comments", "502")
    got = comment(issue)
    assert (got.status, got.body, got.data[:6]) == (502, None, b"<html>")
    assert bodies(issue) == []


def test_other_methods_and_paths_are_left_alone(issue: Stand) -> None:
    issue.gateway.fault("POST", "/comments$", "500")
    assert issue.api("GET", COMMENTS).status == 200
    assert issue.api("POST", "issues", {"title": "Two"}).status == 201
    assert comment(issue).status == 500


@pytest.mark.parametrize(("kind", "left"), [("cut-before", []), ("cut-after", ["hello"])])
def test_a_lost_answer_may_have_been_done_or_not(issue: Stand, kind: str, left: list[str]) -> None:
    issue.gateway.fault("POST", "/comments$", kind)
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        comment(issue)
    assert bodies(issue) == left


def test_half_an_answer(issue: Stand) -> None:
    issue.gateway.fault("POST", "/comments$", "cut-middle")
    with pytest.raises(http.client.IncompleteRead) as caught:
        comment(issue)
    whole = len(caught.value.partial) + (caught.value.expected or 0)
    assert len(caught.value.partial) == whole // 2
    assert bodies(issue) == ["hello"]


def test_a_slow_answer_waits_to_be_released_and_others_do_not(issue: Stand) -> None:
    fault = issue.gateway.fault("POST", "/comments$", "slow")
    got: list[Any] = []
    thread = threading.Thread(target=lambda: got.append(comment(issue, "slow")))
    thread.start()
    assert fault.reached.wait(30)
    comment(issue, "quick")
    assert (bodies(issue), got) == (["quick"], [])
    fault.release.set()
    thread.join(30)
    assert [one.status for one in got] == [201]
    assert bodies(issue) == ["quick", "slow"]


def test_git_meets_trouble_too(stand: Stand, tmp_path: Path) -> None:
    stand.clone().commit("Begin")
    stand.gateway.fault("POST", "/git-receive-pack$", "500")
    with pytest.raises(AssertionError, match="500"):
        stand.push(stand.clone(), "main")
    stand.gateway.fault("POST", "/git-receive-pack$", "cut-after")
    with pytest.raises(AssertionError, match=r"RPC failed|failed to push"):
        stand.push(stand.clone(), "main")
    # It was done although nobody was told; libcurl may even have sent it a second time.
    listed = ["git", "ls-remote", stand.gateway.remote("acme/model", "ada-token"), "refs/heads/main"]
    out = subprocess.run(listed, capture_output=True, text=True, check=True).stdout
    assert out.split() == [stand.clone().git("rev-parse", "HEAD"), "refs/heads/main"]


def test_an_unknown_kind_is_a_mistake_of_the_test(stand: Stand) -> None:
    with pytest.raises(ValueError, match="418 is none of 401"):
        stand.gateway.fault("GET", "/", "418")


# ---- deliveries


def told(events: Events) -> list[tuple[int, str]]:
    return [(event.delivery, event.label) for event in events.delivered]


def test_an_event_can_be_delivered_twice_or_late() -> None:
    events = Events()
    events.disturb("push", "twice")
    events.disturb("pull_request.opened", "late")
    for name, action in (
        ("pull_request", "opened"),
        ("push", None),
        ("pull_request", "closed"),
        ("push", None),
    ):
        events.emit(name, "acme/model", "ada", {"action": action} if action else {})
    assert told(events) == [
        (2, "push"),
        (2, "push"),
        (1, "pull_request.opened"),
        (3, "pull_request.closed"),
        (4, "push"),
    ]
    with pytest.raises(ValueError, match="never is neither twice nor late"):
        events.disturb("push", "never")
