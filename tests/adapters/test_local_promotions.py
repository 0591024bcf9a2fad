"""The embedded forge merges by real Git in the repository that it lies in."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_ci.adapters.git import Git
from mlops_ci.adapters.local import LocalForge
from mlops_ci.errors import ToolError
from mlops_ci.forge import Merging
from tests.repositories import Repo


class Pair:
    """A bare origin with a topic branch, Ada's clone of it, and the forge."""

    def __init__(self, folder: Path) -> None:
        first = Repo.init(folder / "first")
        first.commit("Begin", a="1\n", b="1\n")
        Repo.clone(first.path, folder / "origin.git", "--bare")
        self.ada = Repo.clone(folder / "origin.git", folder / "ada")
        self.head = self.branch("topic", "Change a", a="2\n")
        self.forge = LocalForge.beside(Git.open(self.ada.path))

    def branch(self, name: str, message: str, **files: str) -> str:
        self.ada.git("checkout", "--quiet", "-B", name, "origin/main")
        sha = self.ada.commit(message, **files)
        self.ada.git("push", "--quiet", "--force", "origin", name)
        self.ada.git("fetch", "--quiet")
        return sha

    def propose(self) -> int:
        return self.forge.propose(head="topic", base="main", title="Topic", body="words").number


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


def test_opened_once_and_revised(pair: Pair) -> None:
    assert [pair.propose(), pair.propose()] == [1, 1]
    pair.forge.revise(1, title="Other", body="more", base="main")
    pair.forge.add_labels(1, ["x", "y"])
    pair.forge.add_labels(1, ["y"])
    pair.forge.remove_label(1, "x")
    pair.forge.remove_label(1, "x")
    assert pair.forge.ask_reviews(1, ["@bob"]) == ()
    (pull,) = pair.forge.promotions("to")
    assert (pull.title, pull.body, pull.labels, pull.asked) == ("Other", "more", ("y",), ("@bob",))
    assert pair.forge.promotions("x") == ()
    with pytest.raises(ToolError, match="there is no branch gone to open a pull request for"):
        pair.forge.propose(head="gone", base="main", title="x", body="")


def test_a_merge_is_one_commit_also_where_the_base_has_moved(pair: Pair) -> None:
    pair.propose()
    base = pair.branch("main", "Change b", b="2\n")
    pull = pair.forge.merge(1, by="ada")
    pair.ada.git("fetch", "--quiet")
    assert pair.ada.git("rev-parse", "origin/main^") == base
    assert pair.ada.git("show", "origin/main:a", "origin/main:b") == "2\n2"
    assert pair.ada.git("show", "-s", "--format=%s|%an|%ae", "origin/main") == (
        "Change a|ada|ada@users.noreply.invalid"
    )
    assert (pull.state, pull.merged_by, pull.merge_commit, pull.head_commit) == (
        "merged",
        "ada",
        pair.ada.git("rev-parse", "origin/main"),
        pair.head,
    )
    with pytest.raises(ToolError, match="pull request #1 is merged or its branch is gone"):
        pair.forge.merge(1, by="ada")
    assert pair.forge.merge_when_ready(1, commit=pair.head, message="x") == Merging(pull.merge_commit)


def test_a_conflict_is_told(pair: Pair) -> None:
    pair.propose()
    pair.branch("main", "Change a too", a="3\n")
    with pytest.raises(ToolError, match=f"{pair.head[:10]} does not merge into main: it conflicts"):
        pair.forge.merge(1, by="ada")
    assert pair.forge.pull_request(1).state == "open"


def test_only_what_was_seen_merges_itself(pair: Pair) -> None:
    pair.propose()
    waits = Merging(waits="its branch moved; the next run looks again")
    assert pair.forge.merge_when_ready(1, commit="f" * 40, message="x") == waits
    pair.forge.keep_from_merging(1)
    made = pair.forge.merge_when_ready(1, commit=pair.head, message="Mine\n\nA: b\n").commit
    pair.ada.git("fetch", "--quiet")
    assert (
        pair.ada.git("show", "-s", "--format=%H|%B|%an", "origin/main") == f"{made}|Mine\n\nA: b\n|mlops-ci"
    )
    assert pair.forge.is_us("mlops-ci")
    assert not pair.forge.is_us("ada")


def test_a_closed_one_is_not_merged(pair: Pair) -> None:
    pair.propose()
    pair.forge.withdraw(1, "no")
    assert pair.forge.merge_when_ready(1, commit=pair.head, message="x") == Merging(waits="it was closed")
    assert pair.forge.pull_request(1).body == "no"


def test_what_somebody_merged_by_git_is_merged(pair: Pair) -> None:
    pair.propose()
    pair.ada.git("push", "--quiet", "origin", "topic:main")
    (pull,) = pair.forge.promotions("topic")
    assert (pull.state, pull.merge_commit, pull.merged_by) == ("merged", pair.head, "")
    assert pair.forge.pull_request(1).state == "merged"


def test_two_merged_by_git_and_pushed_at_once_came_by_their_own_commits(pair: Pair) -> None:
    pair.propose()
    other = pair.branch("topic2", "Change b", b="2\n")
    pair.forge.propose(head="topic2", base="main", title="Other", body="")
    pair.ada.git("checkout", "--quiet", "main")
    merged = []
    for head in (pair.head, other):
        pair.ada.git("merge", "--quiet", "--no-ff", "-m", "Merge", head)
        merged.append(pair.ada.git("rev-parse", "HEAD"))
    pair.ada.git("push", "--quiet", "origin", "main")
    second, first = pair.forge.promotions("topic")
    assert [first.merge_commit, second.merge_commit] == merged
    assert first.merged_by == second.merged_by == pair.ada.git("log", "-1", "--format=%cn")


def test_nothing_is_merged_behind_a_work_tree(tmp_path: Path) -> None:
    work = Repo.init(tmp_path / "work")
    base = work.commit("Begin", a="1\n")
    work.git("checkout", "--quiet", "-b", "topic")
    work.commit("Change", a="2\n")
    work.git("checkout", "--quiet", "main")
    forge = LocalForge.beside(Git.open(work.path))
    forge.propose(head="topic", base="main", title="Topic", body="")
    with pytest.raises(ToolError, match="main is checked out beside") as caught:
        forge.merge(1, by="ada")
    assert "git merge --squash" in caught.value.hint
    assert work.git("rev-parse", "main") == base
    forge.revise(1, title="Topic", body="", base="nowhere")
    with pytest.raises(ToolError, match="there is no branch nowhere to merge into"):
        forge.merge(1, by="ada")


def test_comments_are_deleted_by_who_wrote_them(pair: Pair) -> None:
    pair.propose()
    theirs = LocalForge(pair.forge.folder, account="eve").create_comment(1, "x")
    mine = pair.forge.create_comment(1, "y")
    for comment in (theirs, mine, mine):
        pair.forge.delete_comment(1, comment.id)
    assert [one.author for one in pair.forge.comments(1)] == ["eve"]
