"""Trailers agree with the records that their commits bring; without any nothing is wrong."""

from __future__ import annotations

import pytest

from mlops_ci.audit.claims import check
from mlops_ci.audit.links import Link
from mlops_ci.audit.trails import trails
from tests.audit.story import Story, begun, release, told, trailers


def links(story: Story) -> list[Link]:
    history = story.history()
    return list(check(history, trails(history)))


def test_trailers_that_agree_and_a_squash_that_dropped_them() -> None:
    assert [(one.status, one.sentence) for one in links(told())] == [
        ("ok", "those of the commits agree with the records; record 3 came without, a squash drops them")
    ]


def test_all_commits_have_them() -> None:
    story = begun()
    story.promote(release("a"))
    assert [one.sentence for one in links(story)] == ["those of the commits agree with the records"]


def test_no_commit_has_any() -> None:
    story = begun()
    story.promote(release("a"), "squash")
    said = "no commit has any, a squash drops them: the records say all that they would"
    assert [(one.status, one.sentence) for one in links(story)] == [("ok", said)]


@pytest.mark.parametrize("how", ["merge", "rebase"])
def test_a_trailer_that_was_forged(how: str) -> None:
    story = begun()
    one = story.record(release("a"))
    message = trailers(one, Mlops_Requested_By="the boss", Mlops_Evidence="sha256:0")
    if how == "merge":
        commit = story.merge(story.promoted(one), message, "Merge pull request #2 from x")
    else:
        commit = story.commit(story.promoted(one), message, "Ada")
    by = f"commit {commit.short} (Ada, 2026-01-01) says"
    assert [(link.status, link.sentence, link.commit) for link in links(story)] == [
        ("broken", f"{by} Mlops-Evidence: sha256:0, and record 1 says nothing", commit.sha),
        ("broken", f"{by} Mlops-Requested-By: the boss, and record 1 says nothing", commit.sha),
    ]


def test_of_several_values_one_is_the_records() -> None:
    story = begun()
    one = story.record(release("a"))
    message = trailers(one) + "Mlops-Model: other\nMlops-Model: toy\n"
    story.commit(story.promoted(one), message)
    assert [link.status for link in links(story)] == ["ok"]


def test_a_commit_that_claims_a_record_and_brings_none() -> None:
    story = told()
    one = story.records["production", "toy"][-1]
    commit = story.made({"code.py": "x"}, trailers(one), author="Eve")
    story.claims = [commit, story.base[0]]
    assert [(link.environment, link.model, link.status, link.sentence) for link in links(story)] == [
        (
            "production",
            "toy",
            "broken",
            f"commit {commit.short} (Eve, 2026-01-01) claims by its trailers to bring "
            "promotions/production/toy.yaml, and brings no record of it",
        )
    ]


@pytest.mark.parametrize(
    ("path", "target"), [("promotions/prod/new.yaml", ("prod", "new")), ("../nonsense", ("", ""))]
)
def test_a_claim_of_what_there_never_was(path: str, target: tuple[str, str]) -> None:
    story = told()
    story.claims = [story.made({}, f"x\n\nMlops-Record: {path}\n")]
    first = links(story)[0]
    assert (first.environment, first.model) == target
    assert first.status == "broken"


def test_a_claim_by_the_path_of_the_log() -> None:
    story = begun()
    one = story.record(release("a"))
    made = story.commit(story.promoted(one), f"x\n\nMlops-Record: {one.log_path}\n")
    story.claims = [made]
    assert [link.status for link in links(story)] == ["ok"]
