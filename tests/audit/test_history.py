"""Paths of records in their parts, trailers in messages, and which commit a record was made in."""

from __future__ import annotations

import pytest

from mlops_ci.audit.history import Logged, current, logged
from tests.audit.story import Story, begun, release, told


def test_a_path_of_the_log_says_what_it_holds() -> None:
    path = "promotions/log/prod/toy/0012-rollback-0123456789ab.yaml"
    assert logged(path) == Logged(path, "prod", "toy", 12, "rollback", "0123456789ab")
    assert logged(path).target == ("prod", "toy")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "path", ["promotions/prod/toy.yaml", "promotions/log/prod/toy/1-x-0.yaml", "promotions/log/prod/toy.yaml"]
)
def test_other_paths_are_none(path: str) -> None:
    assert logged(path) is None


def test_a_current_record_is_of_a_target() -> None:
    assert current("promotions/prod/toy.yaml") == ("prod", "toy")
    assert current("promotions/log/toy.yaml") is None
    assert current("deploy/prod/toy.yaml") is None


@pytest.mark.parametrize(
    ("subject", "number"),
    [
        ("Merge pull request #12 from x", 12),
        ("Promote toy (#7)", 7),
        ("Promote toy", None),
        ("see (#7) there", None),
        (f"Promote toy (#{'1' * 5000})", None),
    ],
)
def test_github_names_the_pull_request_in_the_subject(subject: str, number: int | None) -> None:
    assert begun().commit({}, f"{subject}\n\nbody").pull_request == number


def test_trailers_are_found_wherever_they_stand_and_each_value_is_kept() -> None:
    message = "Squash\n\n* one\n\nMlops-Model: a\nMlops-Model: b\nMlops-X.Y: no\n\nCo-authored-by: Bo <b@x>\n"
    assert begun().commit({}, message).trailers == {"Mlops-Model": ("a", "b")}


def test_a_record_is_brought_by_the_merge_and_made_on_the_branch() -> None:
    story = told()
    history = story.history()
    by_merge, by_rebase = (one.log_path for one in story.records["production", "toy"][:2])
    assert history.brought[by_merge].author == "Mia"
    assert history.author(by_merge) == story.inner[0]
    assert history.author(by_rebase) == history.brought[by_rebase]


def test_a_record_that_only_a_merge_shows_has_no_other_author() -> None:
    story = begun()
    one = story.promote(release("a"))
    assert story.history(inner=()).author(one.log_path) == story.base[0]
    assert Story().history().author(one.log_path) is None


def test_the_log_is_in_the_order_of_its_numbers() -> None:
    assert [one.number for one in told().history().log] == [1, 2, 3]


def test_a_file_that_is_not_there_has_no_text() -> None:
    assert begun().history().text("nowhere") is None
