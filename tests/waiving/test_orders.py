"""A waiver out of a comment: its form, its days, and what makes it none."""

from __future__ import annotations

from typing import Any

import pytest

from mlops_ci.evidence import Waiver
from mlops_ci.forge import Comment
from mlops_ci.waiving.orders import FORM, is_waiver, waiver, words

NOON = "2026-11-28T12:00:00Z"
HANDLE = "census/metrics.accuracy@0.8123"


def comment(body: str, **more: Any) -> Comment:
    facts = {"id": 1, "author": "ada", "ours": False, "created": NOON, "updated": NOON, "url": "u", **more}
    return Comment(body=body, **facts)


def problem(body: str, **more: Any) -> str:
    return waiver(comment(body, **more), 30).problem


def test_a_waiver_says_who_accepts_what_until_when_and_why() -> None:
    body = f"/mlops-ci  waive {HANDLE} 14d  old data,  see #12 \r\nand more"
    assert waiver(comment(body), 30) == Waiver(
        owner="ada",
        reason="old data, see #12",
        until="2026-12-12",
        finding=HANDLE,
        given="2026-11-28",
        url="u",
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("/mlops-ci waive a/b@1 1d x", True),
        ("\n /mlops-ci WAIVE", True),
        ("/mlops-ci waiver a/b@1 1d x", False),
        ("/mlops-ci", False),
        ("/mlops-cider waive a/b@1 1d x", False),
        ("> /mlops-ci waive a/b@1 1d x", False),
        ("I would\n/mlops-ci waive a/b@1 1d x", False),
        ("", False),
    ],
)
def test_what_wants_to_waive(body: str, expected: bool) -> None:
    assert is_waiver(body) is expected


def test_the_words_of_a_command() -> None:
    assert words("/mlops-ci rerun now\nx") == ("rerun", "now")
    assert words("/mlops-ci") == ()
    assert words("hello") is None
    assert words("   ") is None


@pytest.mark.parametrize(
    "rest",
    [
        "",
        HANDLE,
        f"{HANDLE} 14 why",
        f"{HANDLE} two weeks",
        f"{HANDLE} 10000d why",
        f"{HANDLE} ٣d why",
        f"14d {HANDLE} why",
        "census/metrics.accuracy 14d why",
        "metrics.accuracy@0.8 14d why",
        "a/b@ 14d why",
        "a/b@1@2 14d why",
        "a/b/c@1 14d why",
        "<b>/@everyone@1 14d why",
        f"{'a' * 151}/b@1 14d why",
    ],
)
def test_another_form_is_told_with_the_right_one_and_not_repeated(rest: str) -> None:
    found = waiver(comment(f"/mlops-ci waive {rest}"), 30)
    assert (found.problem, found.finding, found.reason) == (f"it is not in the form `{FORM}`", "", "")


@pytest.mark.parametrize("reason", ["", " ", "\u200b", "\u2066 ...", "-"])
def test_a_reason_must_be_given(reason: str) -> None:
    assert problem(f"/mlops-ci waive {HANDLE} 14d {reason}") == "it gives no reason"


@pytest.mark.parametrize(("days", "allowed"), [(0, False), (1, True), (30, True), (31, False)])
def test_the_days_are_bounded(days: int, allowed: bool) -> None:
    expected = "" if allowed else f"it is for {days} days; 1 to 30 are allowed"
    assert problem(f"/mlops-ci waive {HANDLE} {days}d why") == expected


def test_a_long_reason_is_cut_and_hidden_characters_are_gone() -> None:
    found = waiver(comment(f"/mlops-ci waive {HANDLE} 14d a\u202eb\x1b[31m {'x' * 400}"), 30)
    assert (len(found.reason), found.reason[:5]) == (200, "a\ufffdb x")


def test_an_edited_comment_is_nobody_s_word() -> None:
    body = f"/mlops-ci waive {HANDLE} 14d why"
    said = "it was edited, so nobody knows whose words it has; write a new comment"
    assert problem(body, updated="2026-11-28T12:00:01Z") == said
    # A forge that does not tell of edits.
    assert problem(body, updated="") == ""


def test_a_bot_never_waives() -> None:
    assert problem(f"/mlops-ci waive {HANDLE} 14d why", bot=True) == "it was given by a bot"


def test_days_are_counted_from_the_comment() -> None:
    body = f"/mlops-ci waive {HANDLE} 14d why"
    assert problem(body, created="", updated="") == "nothing says when it was given"
    late = "2026-12-31T23:59:59Z"
    assert waiver(comment(body, created=late, updated=late), 30).until == "2027-01-14"


def test_an_account_that_is_gone_has_a_name_all_the_same() -> None:
    assert waiver(comment(f"/mlops-ci waive {HANDLE} 14d why", author=""), 30).owner == "nobody"
