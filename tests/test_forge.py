"""The sticky comment: ours is found, a newer one is kept, an equal one is left alone."""

from __future__ import annotations

from pathlib import Path

from mlops_ci.adapters.local import LocalForge
from mlops_ci.forge import Comment, Review, approvals, place, post


def stamp(body: str) -> str | None:
    """Reports in these tests are ``report TIME TEXT``."""
    words = body.split(" ")
    return words[1] if words[0] == "report" else None


def comment(number: int, body: str, *, ours: bool = True) -> Comment:
    return Comment(number, "mlops-ci" if ours else "mallory", body, ours)


def test_nothing_there_creates() -> None:
    assert place([comment(1, "hello")], "report 1 a", stamp).action == "create"


def test_a_strangers_copy_of_the_marker_does_not_count() -> None:
    assert place([comment(1, "report 9 x", ours=False)], "report 1 a", stamp).action == "create"


def test_our_own_is_updated_even_after_a_hundred_others() -> None:
    talk = [comment(number, f"talk {number}") for number in range(2, 103)]
    found = place([comment(1, "report 1 a"), *talk], "report 2 b", stamp)
    assert (found.action, found.comment and found.comment.id) == ("update", 1)


def test_an_older_run_never_overwrites_a_newer_one() -> None:
    found = place([comment(1, "report 5 new")], "report 3 old", stamp)
    assert (found.action, found.reason) == ("keep", "a newer run has reported already")


def test_the_same_words_are_not_posted_again() -> None:
    assert place([comment(1, "report 5 a")], "report 5 a", stamp).action == "keep"


def test_post_creates_once_updates_then_and_keeps(tmp_path: Path) -> None:
    forge = LocalForge(tmp_path)
    forge.open(head="t", base="main", head_commit="a" * 40, title="T")
    assert post(forge, 1, "report 1 a", stamp).body == "report 1 a"
    assert post(forge, 1, "report 2 b", stamp).body == "report 2 b"
    assert post(forge, 1, "report 1 c", stamp).body == "report 2 b"
    assert [c.body for c in forge.comments(1)] == ["report 2 b"]


def test_approvals_are_the_last_word_of_each_on_this_commit() -> None:
    said = [
        Review("ada", "approved", "new"),
        Review("ada", "commented", "new"),
        Review("bob", "approved", "old"),
        Review("eve", "approved", "new"),
        Review("eve", "changes", "new"),
        Review("kim", "changes", "old"),
        Review("kim", "approved", "new"),
        Review("lee", "dismissed", "new"),
    ]
    assert [one.user for one in approvals(said, "new")] == ["ada", "kim"]
