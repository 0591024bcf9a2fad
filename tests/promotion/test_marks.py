"""Hidden marks: what a pull request is about, why it was closed, what was said already."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlops_ci.forge import PullRequest
from mlops_ci.promotion import marks

ID = "production/iris/promote/ab12cd34/10.None.1"
PULL = PullRequest(7, "Promote", f"{marks.PREFIX}production/iris", "main", "f" * 40, state="closed")


@pytest.mark.parametrize("id", [ID, "a b/--> <!-- x/é"])
def test_what_it_is_about_is_read_back(id: str) -> None:
    body = marks.marked("Words\n", id)
    assert body.startswith("Words\n\n<!-- mlops-ci:promotion ")
    assert body.count("-->") == 1
    assert marks.id_of(body) == id
    # Ours is the last: what the words hold is somebody's.
    assert marks.id_of(marks.marked(marks.marked("", "other"), id)) == id
    assert marks.id_of("Words") == ""


def test_closed_by_us_is_no_no() -> None:
    body = marks.marked("Words", ID)
    ours = marks.superseded(body)
    assert marks.superseded(ours) == ours
    assert marks.id_of(ours) == ID
    pulls = [
        replace(PULL, body=body),
        replace(PULL, body=ours),
        replace(PULL, body="somebody's own"),
        replace(PULL, body=marks.marked("", "open"), state="open"),
        replace(PULL, body=marks.marked("", "merged"), state="merged"),
    ]
    assert [marks.is_superseded(one) for one in pulls] == [False, True, False, False, False]
    assert marks.refused(pulls) == {ID}
    assert marks.refused(pulls[1:]) == frozenset()


def test_a_forge_may_change_line_ends_and_outer_blanks() -> None:
    assert marks.is_same("a\nb\n", " a\r\nb")
    assert not marks.is_same("a\nb", "a b")


def test_comments_of_a_kind_and_about_something() -> None:
    assert marks.comment("closed") == "<!-- mlops-ci:closed -->"
    assert marks.comment("paused", "ab>12") == "<!-- mlops-ci:paused ab%3E12 -->"
