"""A policy of another repository: fetched once at its pinned commit, kept beside .git."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mlops_ci.adapters import policy
from mlops_ci.adapters.git import Git
from mlops_ci.errors import ConfigError, ToolError
from tests.repositories import Repo


@pytest.fixture
def rules(tmp_path: Path) -> Repo:
    made = Repo.init(tmp_path / "rules")
    made.commit("old", policy__ml_dot_yaml="version: 1\n")
    made.commit("new", policy__ml_dot_yaml="version: 1\nstrict: true\n")
    return made


@pytest.fixture
def git(tmp_path: Path) -> Git:
    made = Repo.init(tmp_path / "mine")
    made.commit("one", a="1")
    return Git.open(made.path)


@pytest.mark.parametrize("relative", [True, False])
def test_the_pinned_commit_is_read_not_the_newest(git: Git, rules: Repo, relative: bool) -> None:
    old = rules.git("rev-parse", "HEAD^")
    address = "../rules" if relative else rules.path.as_uri()
    assert policy.fetch(git, address, old, "policy/ml.yaml") == "version: 1\n"
    # It is kept: the repository may be gone now.
    shutil.rmtree(rules.path)
    assert policy.fetch(git, address, old, "policy/ml.yaml") == "version: 1\n"
    assert not git.is_dirty()


def test_a_missing_file_a_missing_commit_and_a_missing_repository(git: Git, rules: Repo) -> None:
    head = rules.git("rev-parse", "HEAD")
    with pytest.raises(ConfigError, match=r"has no file 'nope.yaml' at"):
        policy.fetch(git, "../rules", head, "nope.yaml")
    with pytest.raises(ToolError, match="does not give the commit aaaaaaaaaa"):
        policy.fetch(git, "../rules", "a" * 40, "policy/ml.yaml")
    with pytest.raises(ToolError, match="does not give the commit"):
        policy.fetch(git, "../gone", "b" * 40, "policy/ml.yaml")
