"""What a branch did to records and manifests, by a few git processes whatever the number of commits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from mlops_ci.adapters import git_batch, git_history, process
from mlops_ci.adapters.git import Git
from tests.repositories import Repo

LOG = "promotions/log/prod/toy/0001-promote-0123456789ab.yaml"
SECOND = "promotions/log/prod/toy/0002-promote-0123456789ab.yaml"


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo.init(tmp_path / "my repo ü")
    made.commit("first", deploy_dot_yaml="a: 1\n")
    return made


def promote(repo: Repo, path: str, how: str, message: str = "Promote\n\nMlops-Record: x\n") -> str:
    """A record on a branch of its own, brought to main."""
    repo.git("checkout", "--quiet", "-b", "topic")
    repo.write(path, f"{how}\n")
    commit = repo.commit(message)
    repo.git("checkout", "--quiet", "main")
    repo.commit("in between", **{f"{how}_dot_txt": "x"})
    if how == "merge":
        repo.git("merge", "--quiet", "--no-ff", "topic", "-m", "Merge pull request #7 from topic")
    elif how == "rebase":
        repo.git("cherry-pick", "topic")
    else:
        repo.git("merge", "--quiet", "--squash", "topic")
        repo.git("commit", "--quiet", "-m", "Promote (#8)")
    repo.git("branch", "--quiet", "-D", "topic")
    return commit


def test_a_merge_brings_what_was_made_on_its_branch(repo: Repo) -> None:
    own = promote(repo, LOG, "merge")
    found = git_history.read(Git.open(repo.path), repo.git("rev-parse", "HEAD"))
    assert found.brought[LOG].pull_request == 7
    assert len(found.brought[LOG].parents) == 2
    author = found.author(LOG)
    assert author is not None
    assert (author.sha, author.author, author.email) == (own, "Ada", "ada@example.org")
    assert author.trailers == {"Mlops-Record": ("x",)}
    assert found.text(LOG) == "merge\n"
    assert not found.shallow


@pytest.mark.parametrize("how", ["rebase", "squash"])
def test_a_rebase_and_a_squash_are_commits_of_the_branch(repo: Repo, how: str) -> None:
    own = promote(repo, LOG, how)
    found = git_history.read(Git.open(repo.path), "HEAD")
    assert found.author(LOG) == found.brought[LOG]
    assert found.brought[LOG].sha not in ("", own)
    assert found.brought[LOG].trailers == ({"Mlops-Record": ("x",)} if how == "rebase" else {})


def test_what_a_merge_itself_changes_is_seen(repo: Repo) -> None:
    promote(repo, LOG, "squash")
    repo.git("checkout", "--quiet", "-b", "topic")
    repo.commit("work", code_dot_py="x")
    repo.git("checkout", "--quiet", "main")
    repo.git("merge", "--quiet", "--no-ff", "--no-commit", "topic")
    repo.write(LOG, "evil\n")
    evil = repo.commit("Merge branch topic")
    found = git_history.read(Git.open(repo.path), "HEAD")
    changed = [commit for commit in found.base if (one := commit.by_path.get(LOG)) and one.old]
    assert [commit.sha for commit in changed] == [evil]
    change = changed[0].by_path[LOG]
    assert (found.texts[change.old], found.texts[change.new]) == ("squash\n", "evil\n")


def test_every_text_that_a_manifest_ever_had(repo: Repo) -> None:
    repo.commit("second", deploy_dot_yaml="a: 2\n")
    repo.git("rm", "--quiet", "deploy.yaml")
    repo.commit("third")
    found = git_history.read(Git.open(repo.path), "HEAD", ["deploy.yaml"])
    changes = [commit.by_path["deploy.yaml"] for commit in found.base]
    assert [(found.texts.get(one.old), found.texts.get(one.new)) for one in changes] == [
        ("a: 2\n", None),
        ("a: 1\n", "a: 2\n"),
        (None, "a: 1\n"),
    ]
    assert found.text("deploy.yaml") is None


def test_a_message_cannot_pretend_to_be_another_commit(repo: Repo) -> None:
    told = f"{'0' * 40} :100644 100644 {'1' * 40} {'2' * 40} A"
    message = f"{told}\n:000000 100644 {'0' * 40} {'1' * 40} A\n{LOG}\n\x01\x1e"
    repo.write(SECOND, "x")
    commit = repo.commit(message)
    found = git_history.read(Git.open(repo.path), "HEAD")
    assert [(one.sha, [change.path for change in one.changes]) for one in found.base] == [(commit, [SECOND])]
    assert found.base[0].message.strip() == message.strip()


def test_names_of_files_and_people_are_read_as_they_are(repo: Repo) -> None:
    path = "promotions/prod/tö y'.yaml"
    repo.write(path, "x")
    repo.commit("ü", **{"deploy_dot_yaml": "a: 3\n"})
    found = git_history.read(Git.open(repo.path), "HEAD", ["deploy.yaml", "promotions/prod/*"])
    assert set(found.files) == {path, "deploy.yaml"}
    assert found.base[0].subject == "ü"


def test_claims_are_commits_that_say_that_they_bring_a_record(repo: Repo) -> None:
    claim = repo.commit("Hotfix\n\nMlops-Record: promotions/prod/toy.yaml\n", code_dot_py="1")
    repo.commit("says Mlops-Record: in a line", code_dot_py="2")
    git = Git.open(repo.path)
    assert git_history.read(git, "HEAD").claims == ()
    assert [one.sha for one in git_history.read(git, "HEAD", claims=True).claims] == [claim]


def test_a_shallow_clone_says_so(repo: Repo, tmp_path: Path) -> None:
    promote(repo, LOG, "merge")
    clone = Repo.clone(repo.path, tmp_path / "clone", "--depth=1", "--no-local")
    found = git_history.read(Git.open(clone.path), "HEAD")
    assert found.shallow
    assert found.text(LOG) == "merge\n"


def test_nothing_was_ever_promoted(repo: Repo) -> None:
    found = git_history.read(Git.open(repo.path), "HEAD")
    assert (found.base, found.inner, found.files, found.texts) == ((), (), {}, {})


def test_a_replaced_commit_is_not_believed(repo: Repo) -> None:
    promote(repo, LOG, "rebase")
    head = repo.git("rev-parse", "HEAD")
    fake = repo.git("commit-tree", "HEAD^{tree}", "-p", "HEAD^", "-m", "innocent")
    repo.git("replace", head, fake)
    assert git_history.read(Git.open(repo.path), head).base[0].subject == "Promote"


def test_contents_by_name_and_what_is_not_there(repo: Repo) -> None:
    git = Git.open(repo.path)
    asked = ["HEAD:deploy.yaml", "HEAD:no where.yaml", "HEAD:a\nb", "HEAD:"]
    assert git_batch.contents(git, asked) == {"HEAD:deploy.yaml": b"a: 1\n"}
    assert git_batch.contents(git, []) == {}


def test_the_number_of_processes_does_not_grow(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Sequence[str]] = []
    plain = process.run

    def counting(args: Sequence[str], **options: object) -> process.Result:
        started.append(args)
        return plain(args, **options)  # type: ignore[arg-type]

    for number in range(5):
        promote(repo, f"promotions/log/prod/toy/{number + 1:04d}-promote-0123456789ab.yaml", "merge")
    git = Git.open(repo.path)
    monkeypatch.setattr(process, "run", counting)
    assert len(git_history.read(git, "HEAD", ["deploy.yaml"]).log) == 5
    assert len(started) <= 6
