"""Enough people approved the very commit that was merged; the next record tells, or the forge does."""

from __future__ import annotations

from typing import Any

import pytest

from mlops_ci.audit.approvals import Asked, check
from mlops_ci.audit.links import Unseen
from mlops_ci.audit.trails import Trail, trails
from mlops_ci.promotion.record import Approval, Merge, Previous
from tests.audit.story import begun, release

LATER = "who approved and merged is not in Git yet: the next record of this target tells"


NONE = Asked()


def merge(*people: str, commit: str = "", **more: Any) -> Merge:
    fields: dict[str, Any] = {"pull_request": 7, "merged_at": "2026-01-01", "merged_by": "mia"}
    approvals = tuple(Approval(user=one, commit=commit) for one in people)
    return Merge(**{**fields, "approvals": approvals, **more})


def trail(how: str = "merge", **more: Any) -> Trail:
    story = begun()
    one = story.promote(release("a"), how)
    made = story.history().author(one.log_path)
    assert made is not None
    told = more.get("merge") or merge("bo", commit=made.sha)
    story.promote(release("b"), previous=Previous(number=1, digest=one.digest, merge=told))
    return trails(story.history())[0]


def said(
    found: Trail, asked: Asked = NONE, told: dict[str, Merge | Unseen] | None = None
) -> list[tuple[str, str]]:
    return [(one.status, one.sentence) for one in check(found, asked, told or {})]


def test_the_next_record_tells_and_of_the_last_one_nobody_knows() -> None:
    assert said(trail()) == [
        ("ok", "record 1: merged, no approval is asked for"),
        ("unknown", f"record 2: {LATER}"),
    ]


def test_enough_people_approved() -> None:
    asked = Asked(1, frozenset({"bo"}))
    assert said(trail(), asked)[0] == ("ok", "record 1: merged, with 1 approval or more")


def test_the_forge_tells_of_the_last_one() -> None:
    found = trail()
    path = found.filed[1].file.path
    assert said(found, told={path: merge()})[0] == (
        "ok",
        "records 1 to 2: merged, no approval is asked for",
    )
    assert said(found, told={path: Unseen("no token")})[1] == ("unknown", "record 2: no token")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (Asked(2), "1 approval, and 2 approvals asked for"),
        (Asked(1, frozenset({"mia"})), "0 approvals of the owners, and 1 approval asked for"),
    ],
)
def test_too_few_people_approved(asked: Asked, words: str) -> None:
    assert said(trail(), asked)[0] == ("broken", f"record 1 (pull request 7): {words}")


def test_of_the_members_of_a_team_nobody_here_can_tell() -> None:
    assert said(trail(), Asked(1, frozenset({"mia"}), teams=True))[0][0] == "ok"


def test_an_approval_of_another_commit_does_not_count() -> None:
    found = trail(merge=merge("bo", "al", commit="0" * 40))
    assert said(found, Asked(1))[:2] == [
        (
            "broken",
            "record 1 (pull request 7): bo and al approved another commit than the one that was merged",
        ),
        ("broken", "record 1 (pull request 7): 0 approvals, and 1 approval asked for"),
    ]
    # Where none is asked for it is nobody's business.
    assert said(found)[0][0] == "ok"


def test_after_a_squash_nobody_can_tell_of_which_commit() -> None:
    assert said(trail("squash", merge=merge("bo", commit="0" * 40)), Asked(1))[0][0] == "ok"


def test_a_merge_that_was_another_one() -> None:
    found = trail(merge=merge("bo", **{"merged_at": "", "commit": ""}))
    assert said(found)[0] == (
        "broken",
        "record 1 (pull request 7): the forge does not say that it was merged",
    )
    other = merge().model_copy(update={"commit": "0" * 40})
    brought = found.filed[0].brought
    assert brought is not None
    assert said(trail(merge=other))[0] == (
        "broken",
        f"record 1 (pull request 7): it was merged as 0000000000, and the record came with {brought.short}",
    )
