"""A file as Git keeps it: its bytes at a commit, and nothing that only stands for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_ci.adapters import git_files
from mlops_ci.adapters.dvc_errors import PointerError, TooLargeError
from mlops_ci.adapters.git import Git
from tests.conftest import RunGit

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 3\n"


@pytest.fixture
def kept(git_repo: Path, commit: RunGit) -> Git:
    """A committed repository with a file, a folder and a Git LFS pointer."""
    (git_repo / "folder").mkdir()
    for name, raw in (("a.bin", b"\x00\xff\n"), ("folder/b", b"b"), ("lfs", POINTER)):
        (git_repo / name).write_bytes(raw)
    commit(git_repo)
    return Git(git_repo)


def test_a_file_is_its_bytes_and_all_else_is_nothing(kept: Git) -> None:
    (kept.root / "a.bin").unlink()
    assert git_files.read(kept, "a.bin", "HEAD") == b"\x00\xff\n"
    assert git_files.read(kept, "a.bin", "HEAD", 3) == b"\x00\xff\n"
    assert [git_files.read(kept, path, "HEAD") for path in ("folder", ".", "gone")] == [None, None, None]
    assert git_files.read(kept, "a.bin", "v9") is None


def test_what_is_too_large_or_a_pointer_is_refused(kept: Git) -> None:
    with pytest.raises(TooLargeError) as large:
        git_files.read(kept, "a.bin", "HEAD", 2)
    assert large.value.message == "a.bin: 3 bytes are more than the 2 that are read"
    with pytest.raises(PointerError) as pointer:
        git_files.read(kept, "lfs", "HEAD")
    assert pointer.value.message == "lfs at HEAD: is a Git LFS pointer, its content was not fetched"


def test_what_a_commit_holds_is_listed(kept: Git) -> None:
    assert [kept.kind("HEAD", path) for path in ("a.bin", "folder", ".", "gone")] == [
        "blob",
        "tree",
        "tree",
        "",
    ]
    assert kept.names("HEAD", ".") == ("a.bin", "folder", "lfs")
    assert (kept.names("HEAD", "folder"), kept.names("HEAD", "gone")) == (("b",), ())
    kept.run("tag", "v1")
    kept.run("update-ref", "refs/remotes/origin/try/it", "HEAD")
    assert kept.refs() == ("main", "origin/try/it", "v1")
