"""Where the branches of the remote are, and who has touched them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_ci.adapters import git_branches, git_commit, git_push
from mlops_ci.adapters.git import Git
from mlops_ci.adapters.git_branches import Tip
from mlops_ci.errors import ToolError
from tests.repositories import Repo

PREFIX = "mlops-ci/promote/"


@pytest.mark.parametrize("depth", ["", "--depth=1"])
def test_branches_by_one_request_and_whose_they_are(tmp_path: Path, depth: str) -> None:
    first = Repo.init(tmp_path / "first")
    first.commit("Before")
    base = first.commit("Begin", a="1")
    first.git("branch", f"x/{PREFIX}far")
    origin = tmp_path / "origin.git"
    Repo.clone(first.path, origin, "--bare")
    ada = Repo.clone(origin, tmp_path / "ada")
    ours = git_commit.commit_files(Git(ada.path), base, {"a": "2"}, "Ours\n")
    git_push.place(Git(ada.path), ours, f"{PREFIX}staging/iris", expected="")
    ada.git("checkout", "--quiet", "--detach", ours)
    theirs = ada.commit("Theirs", a="3")
    ada.git("push", "--quiet", "origin", f"HEAD:refs/heads/{PREFIX}staging/wine")
    runner = Repo.clone(origin, tmp_path / "runner", "--single-branch", "--no-local", *filter(None, [depth]))
    git = Git(runner.path)
    heads = git_branches.heads(git, "main", f"{PREFIX}*")
    assert heads == {"main": base, f"{PREFIX}staging/iris": ours, f"{PREFIX}staging/wine": theirs}
    assert git.is_shallow() is bool(depth)
    tips = git_branches.tips(git, heads)
    assert tips == {
        "main": Tip(base, "Ada"),
        f"{PREFIX}staging/iris": Tip(ours),
        f"{PREFIX}staging/wine": Tip(theirs, "Ada"),
    }
    # A whole clone stays whole.
    assert git.is_shallow() is bool(depth)


def test_what_cannot_be_fetched_is_somebody_s(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path / "one")
    repo.commit()
    origin = tmp_path / "origin.git"
    Repo.clone(repo.path, origin, "--bare")
    repo.git("remote", "add", "origin", str(origin))
    assert git_branches.tips(Git(repo.path), {"x": "1" * 40}) == {"x": Tip("1" * 40, "somebody")}


def test_a_remote_that_fails_makes_nobody_the_author(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path / "one")
    repo.commit()
    repo.git("remote", "add", "origin", str(tmp_path / "gone"))
    with pytest.raises(ToolError, match="branches of the remote cannot be fetched: ") as found:
        git_branches.tips(Git(repo.path), {"x": "1" * 40})
    assert found.value.hint == "check the remote and its credentials"


def test_a_remote_that_is_gone(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path / "one")
    repo.git("remote", "add", "origin", str(tmp_path / "gone"))
    with pytest.raises(ToolError, match="the branches of the remote cannot be listed: "):
        git_branches.heads(Git(repo.path), "main")
