"""Who promoted what, when, why, on what evidence, for how long; and which of it is asked for."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mlops_ci.audit.timeline import Query, brief, timeline
from mlops_ci.promotion.record import Approval, Hold, Merge, Previous, State, Summary
from tests.audit import story
from tests.audit.story import BEGIN, Story, begun, release

MERGE = Merge(
    pull_request=7,
    merged_by="mia",
    merged_at="2026-01-01T01:00:00Z",
    approvals=(Approval(user="bo"), Approval(user="mia")),
)


@pytest.fixture
def told_story() -> Story:
    found = story.told()
    last = found.records["production", "toy"][-1]
    previous = Previous(number=last.number, digest=last.digest, merge=MERGE)
    found.promote(
        release("a"),
        "rebase",
        action="rollback",
        previous=previous,
        reason="scores are zero",
        requested_by="eve",
    )
    return found


def test_every_promotion_is_told_once_in_order(told_story: Story) -> None:
    found = timeline(told_story.history())
    assert found.problems == ()
    assert [(one.record.number, one.record.action) for one in found.entries] == [
        (1, "promote"),
        (2, "promote"),
        (3, "promote"),
        (4, "rollback"),
    ]
    assert [one.when for one in found.entries] == [BEGIN + timedelta(hours=at) for at in (1, 2, 3, 4)]


def test_it_is_told_by_whom_and_what_for(told_story: Story) -> None:
    one, two, three, four = timeline(told_story.history()).entries
    assert (one.author, one.pull_request, one.merge) == ("Ada", 2, None)
    assert (two.pull_request, two.author) == (None, "Ada")
    assert (three.pull_request, three.merge) == (7, MERGE)
    assert four.document() == {
        "when": "2026-01-01T04:00:00+00:00",
        "environment": "production",
        "model": "toy",
        "number": 4,
        "action": "rollback",
        "digest": "sha256:" + "a" * 64,
        "version": "va",
        "from": "sha256:cccccccccccc",
        "to": "sha256:aaaaaaaaaaaa",
        "author": "Ada",
        "requested_by": "eve",
        "automatic": False,
        "merged_by": "",
        "approved_by": [],
        "pull_request": None,
        "reason": "scores are zero",
        "verdict": "",
        "evidence": "",
        "source_commit": "a" * 40,
        "commit": told_story.base[0].sha,
        "record": f"promotions/log/production/toy/0004-rollback-{'a' * 12}.yaml",
        "live_seconds": None,
        "is_live": True,
    }
    assert three.document()["approved_by"] == ["bo", "mia"]
    assert three.document()["live_seconds"] == 3600.0


def test_a_hold_changes_nothing_that_is_live() -> None:
    found = begun()
    one = found.promote(release("a"))
    held = found.record(
        release("a"), action="hold", after=one.after, edits=(), hold=Hold(reason="wait", by="bo")
    )
    found.commit(found.promoted(held))
    found.promote(release("b"))
    first, second, third = timeline(found.history()).entries
    assert first.live == timedelta(hours=2)
    assert (second.live, second.is_live, second.document()["reason"]) == (None, False, "wait")
    assert third.is_live


def test_a_record_that_no_commit_of_the_branch_brought_has_no_time() -> None:
    found = story.told()
    found.base = found.base[:1]
    entries = timeline(found.history()).entries
    assert [one.when for one in entries] == [None, None, BEGIN + timedelta(hours=3)]
    assert entries[0].commit == entries[0].author == ""
    assert entries[0].document()["when"] is None
    assert timeline(found.history(), Query(since=BEGIN)).entries == entries[2:]
    assert len(timeline(found.history(), Query(until=BEGIN)).entries) == 2


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        (Query(environment="production"), [1, 2, 3, 4]),
        (Query(environment="stag*"), []),
        (Query(model="t?y", action="rollback"), [4]),
        (Query(release="sha256:aaaa"), [1, 4]),
        (Query(release="b" * 64), [2]),
        (Query(release="b" * 63 + "c"), []),
        (Query(since=BEGIN + timedelta(hours=3)), [3, 4]),
        (Query(until=BEGIN + timedelta(hours=3)), [1, 2]),
    ],
)
def test_only_what_is_asked_for(told_story: Story, query: Query, numbers: list[int]) -> None:
    assert [one.record.number for one in timeline(told_story.history(), query).entries] == numbers


def test_who_merged_is_told_by_the_next_record_whatever_is_asked_for(told_story: Story) -> None:
    (one,) = timeline(told_story.history(), Query(release="c")).entries
    assert one.merge == MERGE
    assert one.live == timedelta(hours=1)


def test_what_is_no_record_is_said_and_hides_no_other(told_story: Story) -> None:
    path = f"promotions/log/production/toy/0002-promote-{'b' * 12}.yaml"
    told_story.commit({path: "schema: other\n"})
    found = timeline(told_story.history())
    assert [one.record.number for one in found.entries] == [1, 3, 4]
    assert found.problems == (f"{path}: is no promotion record of the schema mlops-ci/promotion/v1",)


def test_environments_are_told_together() -> None:
    found = begun()
    found.promote(release("a"), environment="staging")
    found.promote(release("a"))
    found.promote(release("b"), environment="staging")
    entries = timeline(found.history()).entries
    assert [one.record.id for one in entries] == ["staging/toy/1", "production/toy/1", "staging/toy/2"]
    assert [one.is_live for one in entries] == [False, True, True]


def test_a_verdict_is_told() -> None:
    found = begun()
    found.promote(release("a"), evidence=Summary(verdict="warned"))
    assert timeline(found.history()).entries[0].document()["verdict"] == "warned"


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State(), "nothing"),
        (State(stable=release("a")), "va"),
        (State(candidate=release("b")), "nothing + vb idle"),
        (
            State(
                stable=release("a").model_copy(update={"version": ""}),
                candidate=release("b"),
                traffic=5,
                mirror=50,
            ),
            "aaaaaaaaaaaa + vb 5 % and 50 % mirrored",
        ),
    ],
)
def test_what_is_live_in_words(state: State, words: str) -> None:
    assert brief(state) == words
