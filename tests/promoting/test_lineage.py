"""Which pull requests a commit on main ships, by its message."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mlops_ci.adapters.git import Git
from mlops_ci.collect.project import Project
from mlops_ci.promoting import lineage
from mlops_ci.promotion.context import Shipped
from tests.repositories import Repo

WEB = "https://example.org/acme/model"


def project(repo: Repo, web: str = WEB) -> Project:
    plain: Any = SimpleNamespace(git=Git.open(repo.path), web=web)
    return cast(Project, plain)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.init(tmp_path)


def test_merges_and_squashes_ship_and_promotions_do_not(repo: Repo) -> None:
    first = repo.commit("Begin")
    for message in (
        "Merge pull request #3 from ada/topic\n\n\nBetter features",
        "Merge pull request #4 from ada/quiet",
        "Less noise (#5)",
        "Promote iris to staging (#6)\n\nMlops-Record: promotions/log/staging/iris/0001.yaml",
        "Merge pull request #7 from acme/mlops-ci/promote/staging/iris\n\nPromote iris",
        "Without a pull request",
    ):
        last = repo.commit(message)
    ships, commits, unknown = lineage._ships(project(repo), first, last)
    assert ships == (
        Shipped(5, "Less noise", f"{WEB}/pull/5"),
        Shipped(4, "Merge pull request #4 from ada/quiet", f"{WEB}/pull/4"),
        Shipped(3, "Better features", f"{WEB}/pull/3"),
    )
    assert (commits, unknown) == (6, ())
    assert [one.url for one in lineage._ships(project(repo, ""), first, last)[0]] == ["", "", ""]


def test_nothing_ships_where_nothing_was_live_or_is_new(repo: Repo) -> None:
    first = repo.commit("Begin")
    assert lineage._ships(project(repo), "", first) == ((), None, ())
    assert lineage._ships(project(repo), first, first) == ((), None, ())


def test_commits_that_this_clone_lacks_are_told(repo: Repo) -> None:
    first = repo.commit("Begin")
    ships, commits, unknown = lineage._ships(project(repo), "f" * 40, first)
    assert (ships, commits) == ((), None)
    assert unknown == ("Which pull requests ship is not known: this clone lacks the commits in between.",)
