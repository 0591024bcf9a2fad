"""Git: reading commits, changed lines, and commits made without touching index or HEAD."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_ci.adapters.git import Git
from mlops_ci.errors import ConfigError, ToolError
from tests.repositories import Repo


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo.init(tmp_path / "my repo ü")
    made.commit("first", params_dot_yaml="a: 1\nb: 2\n")
    return made


@pytest.fixture
def git(repo: Repo) -> Git:
    return Git.open(repo.path)


def test_opens_the_top_from_a_subfolder(repo: Repo) -> None:
    (repo.path / "deep" / "er").mkdir(parents=True)
    assert Git.open(repo.path / "deep" / "er").root == repo.path


def test_no_repository_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        Git.open(tmp_path)
    assert error.value.message == f"{tmp_path}: not inside a git work tree"
    assert "git init" in error.value.hint


def test_no_commit_yet(tmp_path: Path) -> None:
    git = Git.open(Repo.init(tmp_path / "empty").path)
    with pytest.raises(ConfigError, match="has no commit yet"):
        git.head()


def test_branch_is_empty_when_detached(repo: Repo, git: Git) -> None:
    assert git.branch() == "main"
    repo.git("checkout", "--quiet", "--detach")
    assert git.branch() == ""


def test_resolve_and_show(repo: Repo, git: Git) -> None:
    head = repo.git("rev-parse", "HEAD")
    assert (git.head(), git.resolve("main"), git.resolve("nowhere"), git.resolve("--help")) == (
        head,
        head,
        None,
        None,
    )
    assert git.show(head, "params.yaml") == "a: 1\nb: 2\n"
    assert git.show(head, "gone.yaml") is None


def test_changed_lines_names_the_first_changed_line(repo: Repo, git: Git) -> None:
    repo.write("data with space.csv", "x\n1\n")
    base = repo.commit("more")
    repo.write("params.yaml", "a: 1\nb: 3\nc: 4\n")
    repo.write("data with space.csv", "x\n1\n2\n")
    repo.write("new ü.py", "print()\n")
    repo.git("add", "--all")
    assert git.changed_lines(base) == {"data with space.csv": 3, "new ü.py": 1, "params.yaml": 2}


def test_changed_lines_of_deleted_and_binary_files(repo: Repo, git: Git) -> None:
    (repo.path / "image.png").write_bytes(b"\x89PNG\0\1")
    base = repo.commit("image")
    (repo.path / "image.png").write_bytes(b"\x89PNG\0\2")
    (repo.path / "params.yaml").unlink()
    assert git.changed_lines(base) == {"image.png": None, "params.yaml": None}
    repo.git("checkout", "--quiet", ".")
    assert git.changed_lines(base) == {}


def test_changed_files_and_dirty(repo: Repo, git: Git) -> None:
    assert git.changed_files() == ()
    repo.write("new file.txt", "x")
    assert git.changed_files() == ("new file.txt",)
    assert git.is_dirty() is False
    repo.write("params.yaml", "a: 9\n")
    assert git.is_dirty() is True


def test_diff_is_a_patch_that_applies_and_leaves_the_index_alone(repo: Repo, git: Git) -> None:
    repo.write("params.yaml", "a: 7\nb: 2\n")
    repo.write("fresh.lock", "new\n")
    patch = git.diff(["params.yaml", "fresh.lock"])
    assert repo.git("diff", "--cached", "--name-only") == ""
    repo.git("checkout", "--quiet", "params.yaml")
    (repo.path / "fresh.lock").unlink()
    (repo.path.parent / "it.patch").write_text(patch)
    repo.git("apply", str(repo.path.parent / "it.patch"))
    assert (repo.path / "params.yaml").read_text() == "a: 7\nb: 2\n"
    assert (repo.path / "fresh.lock").read_text() == "new\n"
    assert git.diff([]) == ""


def test_commit_onto_moves_nothing(repo: Repo, git: Git) -> None:
    head = git.head()
    repo.write("params.yaml", "a: 5\n")
    repo.write("staged.txt", "mine")
    repo.git("add", "staged.txt")
    commit = git.commit_onto(head, ["params.yaml"], "Measured\n")
    assert git.head() == head
    assert repo.git("diff", "--cached", "--name-only") == "staged.txt"
    assert git.parents(commit) == (head,)
    assert repo.git("diff", "--name-only", head, commit) == "params.yaml"
    assert git.message(commit).strip() == "Measured"


def test_commit_onto_removes_what_is_gone_and_makes_no_empty_commit(repo: Repo, git: Git) -> None:
    head = git.head()
    assert git.commit_onto(head, ["params.yaml"], "Nothing\n") == head
    (repo.path / "params.yaml").unlink()
    commit = git.commit_onto(head, ["params.yaml"], "Gone\n")
    assert repo.git("diff", "--name-status", head, commit) == "D\tparams.yaml"


def test_fetch_of_a_missing_ref_and_of_a_dead_remote(tmp_path: Path, repo: Repo) -> None:
    clone = Repo.clone(repo.path, tmp_path / "clone")
    git = Git.open(clone.path)
    assert git.fetch("refs/heads/nowhere") is False
    clone.git("remote", "set-url", "origin", str(tmp_path / "gone"))
    with pytest.raises(ToolError, match="git fetch main:"):
        git.fetch("main")


def test_remote_is_origin_or_the_only_one(repo: Repo, git: Git) -> None:
    assert (git.remote(), git.remote_url()) == ("", "")
    repo.git("remote", "add", "hub", "/srv/x.git")
    assert (git.remote(), git.remote_url()) == ("hub", "/srv/x.git")
    repo.git("remote", "add", "other", "/srv/y.git")
    assert git.remote() == ""
    repo.git("remote", "add", "origin", "/srv/z.git")
    assert git.remote_url() == "/srv/z.git"
