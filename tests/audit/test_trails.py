"""The log is whole, a chain, only added to, and ends in the current record; else it is said what is not."""

from __future__ import annotations

from typing import Any

import pytest

from mlops_ci.audit.links import Link
from mlops_ci.audit.trails import check, trails
from mlops_ci.promotion.record import Previous, State
from tests.audit.story import Story, begun, release, told

CURRENT = "promotions/production/toy.yaml"
LOG = "promotions/log/production/toy/"


def links(story: Story) -> list[Link]:
    history = story.history()
    return [link for trail in trails(history) for link in check(history, trail)]


def broken(story: Story) -> list[tuple[str, str, str]]:
    return [(link.name, link.sentence, link.where) for link in links(story) if link.status == "broken"]


def path(number: int, letter: str) -> str:
    return f"{LOG}{number:04d}-promote-{letter * 12}.yaml"


def test_a_clean_log() -> None:
    assert [(one.name, one.status, one.sentence, one.where) for one in links(told())] == [
        (
            "log",
            "ok",
            "records 1 to 3: no number is missing, each names the sha256 of the one before",
            LOG[:-1],
        ),
        (
            "append-only",
            "ok",
            "records 1 to 3: nothing in the log was changed or removed since it was added",
            LOG[:-1],
        ),
        ("record", "ok", "is byte for byte the last one of the log, record 3", CURRENT),
    ]


def test_a_record_that_was_edited_is_named_with_its_commit() -> None:
    story = told()
    text = story.files[path(2, "b")].replace("version: vb", "version: v9")
    commit = story.commit({path(2, "b"): text})
    assert broken(story) == [
        ("log", "record 2 is not what record 3 names: its sha256 differs", path(2, "b")),
        ("append-only", f"commit {commit.short} (Eve, 2026-01-01) changed record 2", path(2, "b")),
    ]


def test_the_newest_record_that_was_edited_in_both_places_is_caught() -> None:
    story = told()
    text = story.files[CURRENT].replace("version: vc", "version: v9")
    commit = story.commit({CURRENT: text, path(3, "c"): text})
    assert broken(story) == [
        ("append-only", f"commit {commit.short} (Eve, 2026-01-01) changed record 3", path(3, "c"))
    ]


def test_a_current_record_that_is_not_the_last_one() -> None:
    story = told()
    commit = story.commit({CURRENT: story.files[path(2, "b")]})
    said = "is not byte for byte the last record of the log, " + path(3, "c")
    assert broken(story) == [
        ("record", f"{said}, last changed by commit {commit.short} (Eve, 2026-01-01)", CURRENT)
    ]
    # A shallow clone may not know who did it.
    history = story.history()
    blind = type(history)(history.head, (), files=history.files, texts=history.texts)
    assert [one.sentence for one in check(blind, trails(blind)[0]) if one.status == "broken"] == [said]


def test_a_record_that_was_removed() -> None:
    story = told()
    commit = story.commit({path(1, "a"): None, path(2, "b"): None})
    who = f"commit {commit.short} (Eve, 2026-01-01) removed record"
    assert broken(story) == [
        ("log", "record 3 comes where record 1 should", path(3, "c")),
        ("append-only", f"{who} 1", path(1, "a")),
        ("append-only", f"{who} 2", path(2, "b")),
    ]


def test_everything_that_was_removed() -> None:
    story = told()
    gone = [name for name in story.files if name.startswith("promotions/")]
    commit = story.commit(dict.fromkeys(gone))
    assert [one[0] for one in broken(story)] == ["append-only", "append-only", "append-only", "record"]
    assert links(story)[-1].sentence == "the newest record is gone"
    assert links(story)[-1].commit == commit.sha


def test_a_current_record_without_a_log() -> None:
    story = begun()
    commit = story.commit({CURRENT: story.record(release("a")).text()})
    assert [(one.sentence, one.commit) for one in links(story)] == [
        ("there is a record, and none in the log", commit.sha)
    ]


def test_a_number_that_is_there_twice() -> None:
    story = told()
    one = story.records["production", "toy"][2]
    other = one.model_copy(update={"release": release("d")})
    story.commit({other.log_path: other.text(), CURRENT: other.text()})
    assert broken(story) == [("log", "record 3 is there twice", other.log_path)]


def test_a_file_that_is_called_after_another_record() -> None:
    story = begun()
    one = story.record(release("a"))
    name = path(1, "b")
    story.commit({name: one.text(), CURRENT: one.text()})
    assert broken(story) == [("log", f"holds the record whose file is {one.log_path}", name)]


def test_a_file_that_holds_no_record() -> None:
    story = told()
    name = path(4, "d")
    story.commit({name: "hello"})
    said = f"holds no record: {name}: is no promotion record of the schema mlops-ci/promotion/v1"
    assert broken(story) == [("log", said, name)]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"previous": None}, "record 4 names no record before it"),
        (
            {"previous": Previous(number=3, digest="sha256:" + "0" * 64)},
            "record 3 is not what record 4 names: its sha256 differs",
        ),
        (
            {"before": State(stable=release("e"))},
            "record 4 starts from sha256:eeeeeeeeeeee, but record 3 left sha256:cccccccccccc",
        ),
    ],
)
def test_a_record_that_does_not_follow_the_one_before(fields: dict[str, Any], said: str) -> None:
    story = told()
    story.promote(release("d"), "rebase", **fields)
    assert [one[:2] for one in broken(story)] == [("log", said)]


def test_a_first_record_that_names_one_before_it() -> None:
    story = begun()
    story.promote(release("a"), "rebase", previous=Previous(number=1, digest="sha256:" + "0" * 64))
    assert [one[:2] for one in broken(story)] == [("log", "record 1 names a record before it")]
