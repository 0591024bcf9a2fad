"""When a request is made again and after how long: GitHub's words first, then our own patience."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlops_ci.adapters.github_retry import Answer, Broken, Pause, graphql_errors, pause

NOW = 1_800_000_000.0


def answer(status: int, message: str = "", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, named, json.dumps({"message": message}).encode())


def graphql(*errors: Any) -> Answer:
    return Answer(200, {}, json.dumps({"data": None, "errors": list(errors)}).encode())


SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
PRIMARY = "API rate limit exceeded for installation ID 1."


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (answer(429, SECONDARY, retry_after="7"), Pause(7.0, "secondary")),
        (answer(403, SECONDARY, retry_after="60"), Pause(60.0, "secondary")),
        (answer(403, SECONDARY), Pause(60.0, "secondary")),
        (answer(403, "You have triggered an abuse detection mechanism."), Pause(60.0, "secondary")),
        (answer(403, "slow", retry_after="5"), Pause(5.0, "secondary")),
        (answer(429), Pause(60.0, "secondary")),
        (answer(403, SECONDARY, x_ratelimit_remaining="0", x_ratelimit_reset="1800000030"), Pause(31.0, "secondary")),
        (answer(403, PRIMARY, x_ratelimit_remaining="0", x_ratelimit_reset="1800000030"), Pause(31.0, "primary")),
        (answer(429, PRIMARY, x_ratelimit_remaining="0", x_ratelimit_reset="1799999000"), Pause(1.0, "primary")),
        (answer(403, PRIMARY, x_ratelimit_remaining="0"), Pause(60.0, "primary")),
        (answer(429, "", retry_after="Fri, 15 Jan 2027 08:00:09 GMT"), Pause(9.0, "secondary")),
        (graphql({"type": "RATE_LIMITED", "message": "API rate limit exceeded"}), Pause(60.0, "primary")),
        (graphql({"message": SECONDARY}), Pause(60.0, "secondary")),
        (answer(502), Pause(1.0, unsure=True)),
        (answer(503, "", retry_after="20"), Pause(20.0, unsure=True)),
        (Broken("cut", "", sent=True), Pause(1.0, unsure=True)),
        (Broken("connect", "", sent=False), Pause(1.0)),
        (Broken("name", "", sent=False), Pause(1.0)),
        (Broken("tls", "", sent=False), None),
        (Broken("proxy", "", sent=False), None),
        (Broken("size", "", sent=True), None),
        (answer(403, "Resource not accessible by integration", x_ratelimit_remaining="4999"), None),
        (answer(404), None),
        (answer(422), None),
        (answer(501), None),
        (answer(200), None),
        (graphql({"type": "FORBIDDEN", "message": "no"}), None),
    ],
)  # fmt: skip
def test_what_an_attempt_asks_for(result: Answer | Broken, expected: Pause | None) -> None:
    assert pause(result, 1, NOW) == expected


def test_every_attempt_waits_twice_as_long() -> None:
    found = [pause(Broken("cut", "", sent=True), attempt, NOW) for attempt in (1, 2, 3, 4)]
    assert [p and p.seconds for p in found] == [1.0, 2.0, 4.0, 8.0]


def test_an_answer_that_is_no_json_says_nothing() -> None:
    junk = Answer(502, {}, b"<html>Unicorn!</html>")
    assert (junk.json(), junk.said()) == (None, "")
    assert Answer(400, {}, b'{"message": 5}').said() == ""


def test_graphql_errors_by_type() -> None:
    assert graphql_errors(graphql({"type": "NOT_FOUND", "message": "gone"}, "odd")) == {"NOT_FOUND": "gone"}
    assert graphql_errors(Answer(200, {}, b'{"errors": "odd"}')) == {}
    assert graphql_errors(Answer(200, {}, b'[{"errors": []}]')) == {}
    assert graphql_errors(Answer(500, {}, b'{"errors": [{"type": "X"}]}')) == {}
