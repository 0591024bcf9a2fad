"""Commits of given texts: the same name each time, whatever the machine is set to."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_ci.adapters import git_batch, git_commit
from mlops_ci.adapters.git import Git
from mlops_ci.errors import ConfigError
from tests.repositories import Repo

MESSAGE = "Promote iris\n\nBecause.\n\nMlops-Model: iris\n"
FILES = {"deploy/iris.yaml": "image: v2\n", "promotions/log/1.yaml": "n: 1\r\n", "old.txt": None}


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-11-01T10:00:00+0530")
    repo = Repo.init(tmp_path / "one")
    repo.commit("Begin", deploy__iris_dot_yaml="image: v1\n", old_dot_txt="1", run_dot_sh="#!/bin/sh\n")
    (repo.path / "run.sh").chmod(0o755)
    repo.commit("Mode")
    monkeypatch.delenv("GIT_COMMITTER_DATE")
    return repo


def test_two_machines_make_the_same_commit(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git, parent = Git(repo.path), repo.git("rev-parse", "HEAD")
    status = repo.git("status", "--porcelain")
    one = git_commit.commit_files(git, parent, FILES, MESSAGE)
    assert (repo.git("status", "--porcelain"), repo.git("rev-parse", "HEAD")) == (status, parent)
    other = Repo.clone(repo.path, tmp_path / "other")
    for name, value in {
        "user.name": "Somebody",
        "commit.gpgSign": "true",
        "i18n.commitEncoding": "ISO-8859-1",
        "core.autocrlf": "true",
    }.items():
        other.git("config", name, value)
    hook = other.path / ".git/hooks/pre-commit"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    monkeypatch.setenv("TZ", "America/Lima")
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Somebody")
    assert git_commit.commit_files(Git(other.path), parent, FILES, MESSAGE) == one
    shown = repo.git("show", "-s", "--format=%an <%ae> %ad%n%cn <%ce> %cd", "--date=iso", one).splitlines()
    assert shown == ["mlops-ci <mlops-ci@users.noreply.github.com> 2026-11-01 10:00:00 +0530"] * 2
    tree = repo.git("rev-parse", f"{one}^{{tree}}")
    assert git.message(one) == f"{MESSAGE}Mlops-Tree: {tree}\n\n"
    changed = repo.git("diff", "--name-status", parent, one).splitlines()
    assert changed == ["M\tdeploy/iris.yaml", "D\told.txt", "A\tpromotions/log/1.yaml"]
    assert git.show(one, "promotions/log/1.yaml") == "n: 1\r\n"


def test_modes_are_kept_and_bytes_that_are_no_text_too(repo: Repo) -> None:
    git, parent = Git(repo.path), repo.git("rev-parse", "HEAD")
    made = git_commit.commit_files(git, parent, {"run.sh": "caf\udce9", "[x]*": "1"}, MESSAGE)
    listed = repo.git("ls-tree", made, "run.sh", "[x]*").splitlines()
    assert [line.split()[0] for line in listed] == ["100644", "100755"]
    assert git.run("cat-file", "blob", f"{made}:run.sh").raw == b"caf\xe9"


def test_where_nothing_changes_it_is_the_parent(repo: Repo) -> None:
    parent = repo.git("rev-parse", "HEAD")
    files = {"deploy/iris.yaml": "image: v1\n", "never.txt": None}
    assert git_commit.commit_files(Git(repo.path), parent, files, MESSAGE) == parent


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("link", "link: is a symbolic link in the repository, and only a file can be changed"),
        ("link/x.yaml", "link: is a symbolic link in the repository, and a folder is needed there"),
        ("old.txt/x/y.yaml", "old.txt: is a file in the repository, and a folder is needed there"),
        ("deploy", "deploy: is a folder in the repository, and only a file can be changed"),
        ("module", "module: is a submodule in the repository, and only a file can be changed"),
        ("../x", "'../x' is no path of a file in a repository"),
        ("/x", "'/x' is no path of a file in a repository"),
        (".Git/hooks/x", "'.Git/hooks/x' is no path of a file in a repository"),
    ],
)
def test_what_is_no_file_is_refused(repo: Repo, path: str, said: str) -> None:
    (repo.path / "link").symlink_to("deploy")
    head = repo.git("rev-parse", "HEAD")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{head},module")
    repo.git("add", "link")
    repo.git("commit", "--quiet", "-m", "Odd things")
    with pytest.raises(ConfigError) as caught:
        git_commit.commit_files(Git(repo.path), repo.git("rev-parse", "HEAD"), {path: "x"}, MESSAGE)
    assert caught.value.message == said


def test_ours_until_somebody_amends_it(repo: Repo) -> None:
    git, parent = Git(repo.path), repo.git("rev-parse", "HEAD")
    made = git_commit.commit_files(git, parent, FILES, MESSAGE)
    repo.git("checkout", "--quiet", "--detach", made)
    ours = ["-c", "user.name=mlops-ci", "-c", "user.email=mlops-ci@users.noreply.github.com"]
    repo.git("commit", "--quiet", "--amend", "--no-edit", "--allow-empty")
    amended = repo.git("rev-parse", "HEAD")
    repo.write("deploy/iris.yaml", "image: v9\n")
    tree = repo.git("stash", "create")
    forged = repo.git(*ours, "commit-tree", f"{tree}^{{tree}}", "-p", parent, "-m", git.message(made))
    known = git_batch.commits(git, [made, amended, forged, parent])
    assert [git_commit.is_ours(known[sha]) for sha in (made, amended, forged, parent)] == [
        True,
        False,
        False,
        False,
    ]
