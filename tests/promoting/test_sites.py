"""Other repositories with manifests: what their branch is, and which token they are shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mlops_ci.adapters.git_access import Access
from mlops_ci.errors import ConfigError, ToolError
from mlops_ci.promoting import sites

RunGit = Callable[..., str]
OURS, PUSHES, THEIRS = ("ghs_" + name * 6 for name in ("ours", "push", "target"))
JOB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_REPOSITORY": "acme/model",
    "GITHUB_TOKEN": OURS,
    "MLOPS_CI_PUSH_TOKEN": PUSHES,
}


@pytest.fixture
def deployments(tmp_path: Path, git_repo: Path, git: RunGit, commit: RunGit) -> str:
    """The address of a repository whose branch is trunk."""
    bare = tmp_path / "deployments.git"
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=trunk", str(bare))
    (git_repo / "a.txt").write_text("1\n")
    commit(git_repo)
    git(git_repo, "push", "--quiet", str(bare), "HEAD:trunk")
    return f"file://{bare}"


def test_another_repository_is_taken_at_its_own_branch(deployments: str, git_repo: Path, git: RunGit) -> None:
    assert sites.reached(deployments, {}) == "trunk"
    with sites.other(deployments, {}) as site:
        assert (site.branch, site.address) == ("trunk", deployments)
        assert site.head == git(git_repo, "rev-parse", "HEAD")
        assert site.git.show(site.head, "a.txt") == "1\n"
        folder = site.git.root
    assert not folder.exists()


def test_one_that_is_empty_or_not_there_is_told(tmp_path: Path, git: RunGit) -> None:
    git(tmp_path, "init", "--quiet", "--bare", "empty.git")
    with pytest.raises(ConfigError, match=r"empty\.git has no branch yet"):
        sites.reached(f"file://{tmp_path}/empty.git", {})
    with pytest.raises(ToolError, match=r"nowhere\.git cannot be reached") as caught:
        sites.reached(f"file://{tmp_path}/nowhere.git", {})
    # Not the advice that Git ends with.
    assert "does not appear to be a git repository" in caught.value.message
    assert "MLOPS_CI_TARGET_TOKEN" in caught.value.hint


def test_another_repository_is_shown_its_own_token_alone() -> None:
    """Neither our token nor the one that pushes to us goes there."""
    there = Access.of(sites.shown_there({**JOB, "MLOPS_CI_TARGET_TOKEN": f" {THEIRS}\n"}))
    assert (there.reading, there.pushing) == (THEIRS, "")
    without = Access.of(sites.shown_there({**JOB, "MLOPS_CI_TARGET_TOKEN": ""}))
    assert (without.reading, without.pushing) == (OURS, PUSHES)
