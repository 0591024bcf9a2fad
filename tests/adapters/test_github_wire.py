"""Fields of an answer: the missing and the odd are named with the endpoint, the unknown is ignored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mlops_ci.adapters.github_wire import Fields
from mlops_ci.errors import ToolError

PLAIN = {
    "user": {"login": "ada"},
    "body": None,
    "number": 7,
    "draft": False,
    "labels": [{"name": "ml"}, {"color": "red"}],
    "unknown": {"deep": [1]},
}
FIELDS = Fields("GET /x", PLAIN)


def test_fields_are_read_by_their_keys() -> None:
    assert FIELDS.text("user", "login") == "ada"
    assert FIELDS.number("number") == 7
    assert FIELDS.flag("draft") is False
    assert [label.text("name", default="-") for label in FIELDS.items("labels")] == ["ml", "-"]
    assert (FIELDS.has("user", "login"), FIELDS.has("body"), FIELDS.has("draft", "x")) == (True, False, False)


def test_what_may_be_missing_has_a_default() -> None:
    assert FIELDS.text("body", default="") == ""
    assert FIELDS.text("head", "repo", "full_name", default="gone") == "gone"
    assert FIELDS.number("absent", default=0) == 0
    assert FIELDS.items("absent", default=()) == ()


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (lambda f: f.text("body"), "GET /x: in GitHub's answer `body` is missing"),
        (lambda f: f.text("user", "name"), "GET /x: in GitHub's answer `user.name` is missing"),
        (lambda f: f.text("number", default=""), "GET /x: in GitHub's answer `number` is not a text"),
        (lambda f: f.number("draft"), "GET /x: in GitHub's answer `draft` is not a number"),
        (lambda f: f.flag("number"), "GET /x: in GitHub's answer `number` is not true or false"),
        (lambda f: f.items("user", default=()), "GET /x: in GitHub's answer `user` is not a list"),
        (lambda f: f.items(), "GET /x: in GitHub's answer `the whole` is not a list"),
        (lambda f: f.items("labels")[1].text("name"), "GET /x: in GitHub's answer `labels[1].name` is missing"),
    ],
)  # fmt: skip
def test_what_is_missing_or_odd_is_named(read: Callable[[Fields], Any], message: str) -> None:
    with pytest.raises(ToolError) as caught:
        read(FIELDS)
    assert (caught.value.message, caught.value.hint) == (
        message,
        "is GITHUB_API_URL the address of a GitHub API?",
    )
