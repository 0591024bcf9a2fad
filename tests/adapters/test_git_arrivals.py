"""When files came to a branch, by real Git: pushed, merged and squashed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlops_ci.adapters.git import Git
from mlops_ci.adapters.git_arrivals import arrivals, newest_touching
from tests.repositories import Repo

DAY = "2026-03-0{}T12:00:00+00:00"


def at(day: int) -> datetime:
    return datetime(2026, 3, day, 12, tzinfo=UTC)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.init(tmp_path / "repo")


def commit(repo: Repo, day: int, monkeypatch: pytest.MonkeyPatch, **files: str) -> str:
    monkeypatch.setenv("GIT_AUTHOR_DATE", DAY.format(1))
    monkeypatch.setenv("GIT_COMMITTER_DATE", DAY.format(day))
    return repo.commit("Change", **files)


def test_a_merged_file_came_with_the_merge(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(repo, 1, monkeypatch, records__a="1", other="1")
    repo.git("checkout", "--quiet", "-b", "topic")
    commit(repo, 2, monkeypatch, records__b="1", **{"records__ü z": "1"})
    repo.git("checkout", "--quiet", "main")
    commit(repo, 3, monkeypatch, records__a="2")
    monkeypatch.setenv("GIT_COMMITTER_DATE", DAY.format(4))
    repo.git("merge", "--quiet", "--no-ff", "-m", "Merge", "topic")
    found = arrivals(Git(repo.path), "HEAD", "records")
    assert found == {"records/a": at(3), "records/b": at(4), "records/ü z": at(4)}
    assert arrivals(Git(repo.path), "HEAD", "nowhere") == {}


def test_neither_odd_names_nor_the_user_s_settings_change_it(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(repo, 1, monkeypatch, **{"records__\x01a\nb": "1"})
    repo.git("config", "log.showRoot", "false")
    assert arrivals(Git(repo.path), "HEAD", "records") == {"records/\x01a\nb": at(1)}


def test_the_newest_commit_that_touched_a_path(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    first = commit(repo, 1, monkeypatch, lock="1", other="1")
    repo.git("checkout", "--quiet", "-b", "topic")
    commit(repo, 2, monkeypatch, lock="2")
    repo.git("checkout", "--quiet", "main")
    monkeypatch.setenv("GIT_COMMITTER_DATE", DAY.format(3))
    repo.git("merge", "--quiet", "--no-ff", "-m", "Merge", "topic")
    merge = repo.git("rev-parse", "HEAD")
    last = commit(repo, 4, monkeypatch, other="2")
    git = Git(repo.path)
    assert newest_touching(git, last, ("lock",)) == merge
    assert newest_touching(git, first, ("lock", "nothing")) == first
    assert newest_touching(git, last, ("nothing",)) == last
    assert newest_touching(git, last, ()) == last
