"""Tags in GTO's format: made once, the same in every clone, pushed, and read by GTO itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from gto.api import show

from mlops_ci.adapters import gto_tags
from mlops_ci.adapters.git import Git
from mlops_ci.errors import ToolError
from mlops_ci.promotion.registry import Arrived, GitTag, git_tags
from tests.conftest import RunGit
from tests.promotion.records import named, record

WHEN = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def here(git_repo: Path, tmp_path: Path, git: RunGit, commit: RunGit) -> Git:
    """A repository with a commit and a remote."""
    commit(git_repo, "one")
    git(tmp_path, "init", "--quiet", "--bare", "remote.git")
    git(git_repo, "remote", "add", "origin", str(tmp_path / "remote.git"))
    git(git_repo, "push", "--quiet", "origin", "main")
    return Git.open(git_repo)


def tags(commit: str) -> tuple[GitTag, ...]:
    release = named("a", commit=commit)
    one = record(1, "a")
    one = one.model_copy(
        update={"release": release, "after": one.after.model_copy(update={"stable": release})}
    )
    return git_tags(
        [
            Arrived(one, WHEN),
            Arrived(one.model_copy(update={"environment": "mobile"}), WHEN + timedelta(hours=1)),
        ]
    )


NAMES = ("iris@v0.0.1", "iris#production#1", "iris#mobile#2")


def test_tags_are_made_and_pushed_once(here: Git, tmp_path: Path, git: RunGit) -> None:
    wanted = tags(here.head())
    assert gto_tags.sync(here, wanted, dry_run=True) == (NAMES, ())
    assert git(here.root, "tag") == ""
    assert gto_tags.sync(here, wanted) == (NAMES, ())
    assert sorted(git(tmp_path / "remote.git", "tag").split()) == sorted(NAMES)
    assert git(
        here.root, "for-each-ref", "--format=%(taggername) %(taggerdate:iso-strict)", "refs/tags/iris@v0.0.1"
    ) == ("mlops-ci 2026-03-01T12:00:00+00:00")
    assert gto_tags.sync(here, wanted) == ((), ())


def test_gto_reads_them(here: Git) -> None:
    gto_tags.sync(here, tags(here.head()))
    assert show(str(here.root)) == {
        "iris": {
            "version": "v0.0.1",
            "stage": {"production": "v0.0.1", "mobile": "v0.0.1"},
            "registered": True,
            "active": True,
        }
    }


def test_another_clone_makes_the_same_tags(here: Git, tmp_path: Path, git: RunGit) -> None:
    git(tmp_path, "clone", "--quiet", str(tmp_path / "remote.git"), "clone")
    clone = Git.open(tmp_path / "clone")
    wanted = tags(here.head())
    gto_tags.sync(here, wanted)
    git(clone.root, "remote", "remove", "origin")
    gto_tags.sync(clone, wanted)
    objects = [
        git(root, "for-each-ref", "--format=%(objectname) %(refname)", "refs/tags")
        for root in (here.root, clone.root)
    ]
    assert objects[0] == objects[1]


def test_what_was_made_and_not_pushed_is_pushed(here: Git, tmp_path: Path, git: RunGit) -> None:
    wanted = tags(here.head())
    git(here.root, "remote", "rename", "origin", "later")
    git(here.root, "remote", "add", "other", "nowhere")
    gto_tags.sync(here, wanted)
    git(here.root, "remote", "remove", "other")
    assert gto_tags.sync(here, wanted) == (NAMES, ())
    assert sorted(git(tmp_path / "remote.git", "tag").split()) == sorted(NAMES)


def test_a_commit_that_is_not_here_is_said(here: Git) -> None:
    made, notes = gto_tags.sync(here, tags("d" * 40))
    assert made == ()
    assert notes[0] == "no tag iris@v0.0.1: this clone does not have the commit dddddddddd"


@pytest.mark.parametrize("hook", [False, True])
def test_a_remote_that_is_gone_or_refuses(here: Git, tmp_path: Path, git: RunGit, hook: bool) -> None:
    if hook:
        place = tmp_path / "remote.git" / "hooks" / "pre-receive"
        place.write_text("#!/bin/sh\necho no tags here >&2\nexit 1\n")
        place.chmod(0o755)
    else:
        git(here.root, "remote", "set-url", "origin", str(tmp_path / "gone.git"))
    with pytest.raises(
        ToolError, match=r"git push to tags: .*(no tags here|does not appear to be a git repository)"
    ) as found:
        gto_tags.sync(here, tags(here.head()))
    assert "promotion.registry.tags: false" in found.value.hint
