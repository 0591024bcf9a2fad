"""Base and policy commits: merge refs, merge bases, shallow clones, unknown bases."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_ci.adapters import revisions
from mlops_ci.adapters.git import Git
from mlops_ci.errors import ConfigError
from tests.repositories import Repo
from tests.repositories import git as run_git


@pytest.fixture
def origin(tmp_path: Path) -> Repo:
    """Main: one, two; branch `topic` from one; main moved on."""
    made = Repo.init(tmp_path / "origin")
    one = made.commit("one", a="1")
    made.git("checkout", "--quiet", "-b", "topic")
    made.commit("topic", b="1")
    made.git("checkout", "--quiet", "main")
    made.commit("two", a="2")
    made.git("tag", "one", one)
    made.git("config", "uploadpack.allowAnySHA1InWant", "true")
    return made


def at(origin: Repo, rev: str) -> str:
    return origin.git("rev-parse", rev)


def test_a_branch_is_compared_with_its_merge_base_and_judged_by_the_tip(origin: Repo, tmp_path: Path) -> None:
    clone = Repo.clone(origin.path, tmp_path / "c", "--branch=topic")
    found = revisions.find(Git.open(clone.path), {})
    assert found.metrics is not None
    assert found.policy is not None
    assert (found.metrics.commit, found.metrics.how) == (at(origin, "one"), "merge base with main")
    assert (found.policy.commit, found.policy.how) == (at(origin, "main"), "tip of main")
    assert (found.candidate, found.head, found.branch, found.base_branch) == (
        at(origin, "topic"),
        at(origin, "topic"),
        "topic",
        "main",
    )


@pytest.mark.parametrize("depth", [1, 2])
def test_a_merge_ref_is_compared_with_its_first_parent(origin: Repo, tmp_path: Path, depth: int) -> None:
    origin.git("checkout", "--quiet", "--detach", "main")
    origin.git("merge", "--quiet", "--no-ff", "-m", "merge", "topic")
    merge = at(origin, "HEAD")
    origin.git("update-ref", "refs/pull/7/merge", merge)
    clone = Repo.init(tmp_path / "c")
    clone.git("remote", "add", "origin", f"file://{origin.path}")
    clone.git("fetch", "--quiet", f"--depth={depth}", "origin", "refs/pull/7/merge")
    clone.git("checkout", "--quiet", "--detach", "FETCH_HEAD")
    environ = {"GITHUB_REF": "refs/pull/7/merge", "GITHUB_BASE_REF": "main", "GITHUB_HEAD_REF": "topic"}
    found = revisions.find(Git.open(clone.path), environ)
    assert found.metrics is not None
    assert found.metrics.commit == at(origin, "main")
    assert found.metrics.how == "first parent of the pull request's merge ref"
    assert (found.candidate, found.head) == (merge, at(origin, "topic"))
    assert (found.branch, found.pull_request) == ("topic", 7)
    assert Git.open(clone.path).resolve(found.metrics.commit) == at(origin, "main")


def test_a_shallow_branch_is_deepened_until_the_merge_base(origin: Repo, tmp_path: Path) -> None:
    for number in range(40):
        origin.commit(f"main {number}", a=str(number + 10))
    origin.git("checkout", "--quiet", "topic")
    for number in range(20):
        origin.commit(f"topic {number}", b=str(number + 10))
    origin.git("checkout", "--quiet", "main")
    run_git(tmp_path, "clone", "--quiet", "--depth=1", "--branch=topic", f"file://{origin.path}", "c")
    found = revisions.find(Git.open(tmp_path / "c"), {"GITHUB_BASE_REF": "main"})
    assert found.metrics is not None
    assert found.metrics.commit == at(origin, "one")


def test_on_the_base_branch_the_commit_before_is_the_base(origin: Repo, tmp_path: Path) -> None:
    clone = Repo.clone(origin.path, tmp_path / "c")
    found = revisions.find(Git.open(clone.path), {})
    assert found.metrics is not None
    assert (found.metrics.commit, found.metrics.how) == (at(origin, "one"), "the commit before it on main")


def test_uncommitted_work_is_compared_with_the_last_commit(origin: Repo, tmp_path: Path) -> None:
    clone = Repo.clone(origin.path, tmp_path / "c")
    clone.write("a", "dirty")
    found = revisions.find(Git.open(clone.path), {})
    assert found.metrics is not None
    assert (found.metrics.commit, found.metrics.how) == (at(origin, "main"), "the last commit")


def test_the_first_commit_has_nothing_to_compare_with(tmp_path: Path) -> None:
    alone = Repo.init(tmp_path / "alone")
    alone.commit("one", a="1")
    found = revisions.find(Git.open(alone.path), {})
    assert found.metrics is None
    assert found.notes == ("this is the first commit, so there is nothing to compare with",)


def test_a_branch_without_common_history(origin: Repo, tmp_path: Path) -> None:
    clone = Repo.clone(origin.path, tmp_path / "c")
    clone.git("checkout", "--quiet", "--orphan", "island")
    clone.commit("island", z="1")
    found = revisions.find(Git.open(clone.path), {})
    assert found.metrics is None
    assert found.notes == ("this branch shares no history with main: there is nothing to compare with",)


def test_no_base_branch_at_all(tmp_path: Path) -> None:
    alone = Repo.init(tmp_path / "alone")
    alone.commit("one", a="1")
    alone.git("branch", "-m", "trunk")
    found = revisions.find(Git.open(alone.path), {})
    assert (found.metrics, found.policy, found.base_branch) == (None, None, "")
    assert found.notes == ("no base branch was found, so there is nothing to compare with",)


@pytest.mark.parametrize(("base", "environ"), [("nope", {}), ("", {"GITHUB_BASE_REF": "nope"})])
def test_an_unknown_base_is_a_mistake(
    origin: Repo, base: str, environ: dict[str, str], tmp_path: Path
) -> None:
    clone = Repo.clone(origin.path, tmp_path / "c")
    with pytest.raises(ConfigError, match="the base 'nope' is not a branch or commit"):
        revisions.find(Git.open(clone.path), environ, base=base)


@pytest.mark.parametrize(
    ("event", "ref", "base"),
    [
        ("merge_group", f"refs/heads/gh-readonly-queue/release/1/pr-7-{'0' * 40}", "release/1"),
        ("merge_group", "refs/heads/something", "main"),
        # Anybody who may push could name a branch so.
        ("push", f"refs/heads/gh-readonly-queue/release/1/pr-7-{'0' * 40}", "main"),
    ],
    ids=["queue", "unknown", "only named so"],
)
def test_a_merge_queue_is_judged_by_the_branch_that_it_merges_into(
    origin: Repo, tmp_path: Path, event: str, ref: str, base: str
) -> None:
    origin.git("checkout", "--quiet", "-b", "release/1")
    origin.commit("Allow more", c="1")
    origin.git("checkout", "--quiet", "-B", "tried", "release/1")
    origin.git("merge", "--quiet", "--no-ff", "-m", "merge", "topic")
    clone = Repo.clone(origin.path, tmp_path / "c", "--branch=tried")
    clone.git("remote", "set-head", "origin", "main")
    found = revisions.find(Git.open(clone.path), {"GITHUB_EVENT_NAME": event, "GITHUB_REF": ref})
    assert found.policy is not None
    assert (found.base_branch, found.policy.commit) == (base, at(origin, base))
    assert found.pull_request is None


def test_a_base_may_be_a_commit(origin: Repo, tmp_path: Path) -> None:
    clone = Repo.clone(origin.path, tmp_path / "c", "--branch=topic")
    found = revisions.find(Git.open(clone.path), {}, base=at(origin, "one"))
    assert found.metrics is not None
    assert found.metrics.commit == at(origin, "one")


def test_a_detached_head_has_no_branch(origin: Repo, tmp_path: Path) -> None:
    clone = Repo.clone(origin.path, tmp_path / "c", "--branch=topic")
    clone.git("checkout", "--quiet", "--detach")
    found = revisions.find(Git.open(clone.path), {})
    assert found.branch == ""
    assert found.metrics is not None
    assert found.metrics.commit == at(origin, "one")


def test_a_run_is_about_the_pull_requests_own_tip(origin: Repo, tmp_path: Path) -> None:
    clone = Repo.clone(origin.path, tmp_path / "c")
    clone.git("merge", "--quiet", "--no-ff", "-m", "merge", "origin/topic")
    git, merge = Git.open(clone.path), clone.git("rev-parse", "HEAD")
    told = {"GITHUB_REF": "refs/pull/7/merge", "GITHUB_SHA": merge}
    assert revisions.own_commit(git, told) == at(origin, "topic")
    assert revisions.own_commit(git, told | {"GITHUB_SHA": "0" * 40}) == merge
    assert revisions.own_commit(git, told | {"GITHUB_REF": "refs/heads/main"}) == merge
