"""A push moves a branch only over what was seen, and a refusal is one line that mends it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mlops_ci.adapters import git_push
from mlops_ci.adapters.git import Git
from mlops_ci.adapters.git_access import Access
from mlops_ci.errors import ToolError
from tests.repositories import Repo


class Pair:
    """A bare origin, one clone that made a commit, and another one that can move the branch."""

    def __init__(self, folder: Path) -> None:
        first = Repo.init(folder / "first")
        first.commit("first", params_dot_yaml="a: 1\n")
        self.origin = folder / "origin.git"
        Repo.clone(first.path, self.origin, "--bare")
        self.other = Repo.clone(self.origin, folder / "other")
        self.one = Repo.clone(self.origin, folder / "one")
        self.git = Git.open(self.one.path)
        self.seen = self.git.head()
        self.one.write("params.yaml", "a: 2\n")
        self.made = self.git.commit_onto(self.seen, ["params.yaml"], "Measured\n")

    def push(self, branch: str = "main", commit: str = "") -> str:
        return git_push.push(self.git, commit or self.made, branch, expected=self.seen)

    def at(self, branch: str) -> str:
        return self.other.git("ls-remote", "origin", f"refs/heads/{branch}")[:40]

    def hook(self, *lines: str) -> None:
        path = self.origin / "hooks" / "update"
        path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
        path.chmod(0o755)


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


def test_the_branch_moves_and_no_other(pair: Pair) -> None:
    pair.other.git("push", "--quiet", "origin", "HEAD:refs/heads/a/main")
    pair.push()
    assert (pair.at("main"), pair.at("a/main")) == (pair.made, pair.seen)


def test_a_branch_that_moved_is_left_alone(pair: Pair) -> None:
    moved = pair.other.commit("meanwhile", x="1")
    pair.other.git("push", "--quiet", "origin", "main")
    with pytest.raises(ToolError) as caught:
        pair.push()
    assert caught.value.message == "the branch main moved while this ran, so nothing was pushed over it"
    assert pair.at("main") == moved


def test_the_same_change_by_an_earlier_attempt_is_what_was_wanted(pair: Pair, tmp_path: Path) -> None:
    """It was killed after it had pushed. Another clone has not seen its commit."""
    assert pair.push() == pair.made
    again = Repo.clone(pair.origin, tmp_path / "again")
    again.git("update-ref", "-d", "refs/remotes/origin/main")
    again.git("reset", "--quiet", "--hard", pair.seen)
    again.git("reflog", "expire", "--expire=now", "--all")
    again.git("prune", "--expire=now")
    git = Git.open(again.path)
    assert git.resolve(pair.made) is None
    again.write("params.yaml", "a: 2\n")
    made = git.commit_onto(pair.seen, ["params.yaml"], "Measured again\n")
    assert made != pair.made
    assert git_push.push(git, made, "main", expected=pair.seen) == pair.made
    assert pair.at("main") == pair.made
    # Another change, and the same one on top of something else, are somebody's.
    again.write("params.yaml", "a: 3\n")
    other = git.commit_onto(pair.seen, ["params.yaml"], "Measured\n")
    pair.other.git("commit", "--quiet", "--allow-empty", "-m", "Between")
    pair.other.write("params.yaml", "a: 2\n")
    moved = pair.other.commit("By hand")
    pair.other.git("push", "--quiet", "--force", "origin", "HEAD:main")
    for commit in (other, made):
        with pytest.raises(ToolError, match="moved while this ran"):
            git_push.push(git, commit, "main", expected=pair.seen)
    assert pair.at("main") == moved


def test_a_branch_that_moves_at_the_last_moment_is_left_alone(pair: Pair) -> None:
    """Between the remote's list of its refs and the push itself."""
    moved = pair.other.commit("meanwhile", x="1")
    pair.other.git("push", "--quiet", "origin", "HEAD:refs/heads/side")
    pair.hook('[ "$1" = refs/heads/main ] || exit 0', f"git update-ref refs/heads/main {moved}", "exit 0")
    with pytest.raises(ToolError, match="moved while this ran"):
        pair.push()
    assert pair.at("main") == moved


def test_a_branch_that_is_gone_is_not_made_again(pair: Pair) -> None:
    pair.other.git("push", "--quiet", "origin", "HEAD:refs/heads/topic")
    pair.other.git("push", "--quiet", "origin", "--delete", "topic")
    with pytest.raises(ToolError, match="the branch topic is gone, so nothing was pushed"):
        pair.push("topic")
    assert pair.at("topic") == ""


def test_a_rule_of_the_server_is_told_in_its_words(pair: Pair) -> None:
    pair.hook('echo "error: GH006: Protected branch update failed for $1." >&2', "echo more >&2", "exit 1")
    with pytest.raises(ToolError) as caught:
        pair.push()
    assert caught.value.message == (
        "git push to main: GH006: Protected branch update failed for refs/heads/main."
    )
    assert caught.value.hint == "mend it, or set `lock: report` in mlops-ci.yaml"
    assert pair.at("main") == pair.seen


def test_no_hook_of_the_work_tree_runs(pair: Pair, tmp_path: Path) -> None:
    hook = pair.one.path / ".git" / "hooks" / "pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\nenv > '{tmp_path}/seen'\nexit 1\n")
    hook.chmod(0o755)
    pair.push()
    assert (pair.at("main"), (tmp_path / "seen").exists()) == (pair.made, False)


def test_without_a_remote_the_own_branch_moves(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path / "alone")
    seen = repo.commit("first", params_dot_yaml="a: 1\n")
    repo.git("branch", "topic")
    repo.write("params.yaml", "a: 2\n")
    git = Git.open(repo.path)
    made = git.commit_onto(seen, ["params.yaml"], "Measured\n")
    git_push.push(git, made, "topic", expected=seen)
    assert repo.git("rev-parse", "topic") == made


def test_a_remote_that_cannot_be_reached(pair: Pair) -> None:
    pair.one.git("remote", "set-url", "origin", "http://127.0.0.1:9/acme/model.git")
    with pytest.raises(ToolError, match=r"git push to main: unable to access 'http://127.0.0.1:9/") as caught:
        pair.push()
    assert caught.value.hint == "mend it, or set `lock: report` in mlops-ci.yaml"


FATAL = "fatal: unable to access 'https://github.com/acme/model.git/': The requested URL returned error: "


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            f"remote: Permission to acme/model.git denied to github-actions[bot].\n{FATAL}403\n",
            "the token may not push to topic (403)",
        ),
        (
            f"remote: Write access to repository not granted.\n{FATAL}403\n",
            "the token may not push to topic (403)",
        ),
        (
            "remote: Invalid username or token. Password authentication is not supported.\n"
            "fatal: Authentication failed for 'https://github.com/acme/model.git/'\n",
            "the server does not know the token that should push to topic (401): it has expired, was "
            "revoked or belongs elsewhere; a GitHub App's lives one hour",
        ),
        (
            "fatal: could not read Username for 'https://github.com': terminal prompts disabled\n",
            "there is no token to push to topic with (GITHUB_TOKEN is not set)",
        ),
    ],
)
def test_a_missing_permission_is_told_with_its_mend(pair: Pair, said: str, message: str) -> None:
    """What GitHub says word for word; that Git says it here too is tried on the stand."""
    git = Git(pair.git.root, Access(trouble="GITHUB_TOKEN is not set"))
    found = git_push.refusal(git, "topic", said)
    assert (found.message, found.hint) == (message, git_push.MEND)
    assert "contents: write" in found.hint
    assert "`secrets: {token: ${{ secrets.NAME }}}`" in found.hint


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            "remote: error: GH013: Repository rule violations found for refs/heads/topic.\n"
            "To https://github.com/acme/model.git\n ! [remote rejected] a -> topic (push declined)\n"
            "error: failed to push some refs to 'https://github.com/acme/model.git'\n",
            "GH013: Repository rule violations found for refs/heads/topic.",
        ),
        (
            "To x\n ! [remote rejected] a -> topic (pre-receive hook declined)\nerror: failed to push some refs to 'x'\n",
            "pre-receive hook declined",
        ),
        ("warning: x\nfatal: the remote end hung up unexpectedly\n", "the remote end hung up unexpectedly"),
        ("Killed\n", "Killed"),
        ("", "no message"),
    ],
)
def test_the_line_that_tells_most(pair: Pair, said: str, words: str) -> None:
    assert git_push.refusal(pair.git, "topic", said).message == f"git push to topic: {words}"


def test_a_new_branch_is_placed_moved_and_removed(pair: Pair) -> None:
    branch = "mlops-ci/promote/staging/iris"
    git_push.place(pair.git, pair.made, branch, expected="")
    # Another run has done the same.
    git_push.place(pair.git, pair.made, branch, expected="")
    assert pair.at(branch) == pair.made
    pair.one.write("params.yaml", "a: 9\n")
    other = pair.git.commit_onto(pair.seen, ["params.yaml"], "Another\n")
    git_push.place(pair.git, other, branch, expected=pair.made)
    assert pair.at(branch) == other
    for _ in range(2):
        git_push.remove(pair.git, branch, expected=other)
        assert pair.at(branch) == ""


@pytest.mark.parametrize("expected", ["", "made"])
def test_a_branch_that_is_somewhere_else_is_left_alone(pair: Pair, expected: str) -> None:
    moved = pair.other.commit("meanwhile", x="1")
    pair.other.git("push", "--quiet", "origin", "HEAD:refs/heads/topic")
    seen = pair.made if expected else ""
    acts: list[Callable[[], None]] = [
        lambda: git_push.place(pair.git, pair.made, "topic", expected=seen),
        lambda: git_push.remove(pair.git, "topic", expected=pair.made),
    ]
    for act in acts:
        with pytest.raises(git_push.MovedError) as caught:
            act()
        assert caught.value.message == "the branch topic moved while this ran, so nothing was pushed over it"
        assert caught.value.hint == "the next run of `mlops-ci promote` looks anew"
    assert pair.at("topic") == moved


def test_a_branch_that_is_gone_is_not_made_anew(pair: Pair) -> None:
    with pytest.raises(git_push.MovedError, match="the branch topic is gone, so nothing was pushed"):
        git_push.place(pair.git, pair.made, "topic", expected=pair.seen)


def test_what_refuses_a_promotion_is_mended_otherwise(pair: Pair) -> None:
    pair.hook("echo no >&2", "exit 1")
    with pytest.raises(ToolError) as caught:
        git_push.place(pair.git, pair.made, "topic", expected="")
    assert caught.value.hint == "mend it, and run `mlops-ci promote` again"
