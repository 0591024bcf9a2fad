"""The embedded forge: pull requests and comments beside the repository, nothing in the work tree."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlops_ci.adapters.git import Git
from mlops_ci.adapters.local import LocalForge
from mlops_ci.errors import ConfigError, ToolError
from mlops_ci.forge import PullRequest
from tests.repositories import Repo

SHA = "a" * 40


@pytest.fixture
def forge(tmp_path: Path) -> LocalForge:
    return LocalForge(tmp_path / "mlops-ci")


def test_one_open_pull_request_a_branch(forge: LocalForge) -> None:
    first = forge.open(head="topic", base="main", head_commit=SHA, title="Better", author="ada")
    again = forge.open(head="topic", base="main", head_commit="b" * 40, title="ignored")
    other = forge.open(head="other ü", base="main", head_commit=SHA, title="Other")
    assert (first.number, again.number, other.number) == (1, 1, 2)
    assert (again.title, again.head_commit) == ("Better", "b" * 40)
    assert [pull.number for pull in forge.pull_requests()] == [2, 1]
    assert [pull.number for pull in forge.pull_requests(head="topic")] == [1]


def test_a_merged_one_is_closed_and_the_branch_may_open_another(forge: LocalForge) -> None:
    forge.open(head="topic", base="main", head_commit=SHA, title="Better")
    assert forge.merged(1).state == "merged"
    assert forge.pull_requests() == ()
    assert forge.open(head="topic", base="main", head_commit=SHA, title="More").number == 2
    assert [pull.number for pull in forge.pull_requests(state="merged")] == [1]


def test_comments_are_created_and_updated_in_place(forge: LocalForge) -> None:
    forge.open(head="topic", base="main", head_commit=SHA, title="Better")
    made = forge.create_comment(1, "one")
    assert forge.update_comment(1, made.id, "two").body == "two"
    assert [(c.author, c.body, c.ours) for c in forge.comments(1)] == [("mlops-ci", "two", True)]


def test_a_strangers_comment_is_neither_ours_nor_changed(forge: LocalForge, tmp_path: Path) -> None:
    forge.open(head="topic", base="main", head_commit=SHA, title="Better")
    stranger = LocalForge(forge.folder, account="mallory")
    theirs = stranger.create_comment(1, "copy")
    assert [c.ours for c in forge.comments(1)] == [False]
    with pytest.raises(ToolError, match="is gone or not ours"):
        forge.update_comment(1, theirs.id, "x")


def test_an_unknown_pull_request_is_a_mistake(forge: LocalForge) -> None:
    with pytest.raises(ConfigError, match="no pull request #3"):
        forge.create_comment(3, "x")


def test_a_broken_file_is_named_and_kept(forge: LocalForge) -> None:
    forge.folder.mkdir()
    (forge.folder / "forge.json").write_text("{")
    with pytest.raises(ToolError, match=r"forge\.json: not readable as JSON"):
        forge.pull_requests()
    assert (forge.folder / "forge.json").read_text() == "{"


def test_it_lives_in_the_origin_or_in_the_own_git_folder(tmp_path: Path) -> None:
    work = Repo.init(tmp_path / "work")
    work.commit("one", a="1")
    bare = tmp_path / "or igin.git"
    Repo.clone(work.path, bare, "--bare")
    assert LocalForge.beside(Git.open(work.path)).folder == work.path / ".git" / "mlops-ci"
    clone = Repo.clone(bare, tmp_path / "clone")
    assert LocalForge.beside(Git.open(clone.path)).folder == bare / "mlops-ci"
    clone.git("remote", "set-url", "origin", bare.as_uri())
    assert LocalForge.beside(Git.open(clone.path)).folder == bare / "mlops-ci"
    second = Repo.clone(work.path, tmp_path / "second")
    assert LocalForge.beside(Git.open(second.path)).folder == work.path / ".git" / "mlops-ci"
    clone.git("remote", "set-url", "origin", "git@example.org:a/b.git")
    assert LocalForge.beside(Git.open(clone.path)).folder == clone.path / ".git" / "mlops-ci"


def test_labels_stay_a_tuple_and_a_forge_of_before_has_none(forge: LocalForge) -> None:
    forge.open(head="topic", base="main", head_commit=SHA, title="Better")
    state = json.loads((forge.folder / "forge.json").read_text())
    state["pulls"][0]["labels"] = ["ml"]
    (forge.folder / "forge.json").write_text(json.dumps(state))
    assert forge.pull_request(1).labels == ("ml",)
    for name in ("labels", "fork", "draft", "head_repository", "base_commit"):
        del state["pulls"][0][name]
    (forge.folder / "forge.json").write_text(json.dumps(state))
    assert forge.pull_request(1) == PullRequest(1, "Better", "topic", "main", SHA)
