"""A file as Git itself keeps it at a commit: of bounded size, and never a Git LFS pointer instead of it."""

from __future__ import annotations

from mlops_ci.adapters.dvc_errors import PointerError, TooLargeError
from mlops_ci.adapters.git import Git

_POINTER = b"version https://git-lfs.github.com/spec/v1"


def read(git: Git, path: str, rev: str, limit: int | None = None) -> bytes | None:
    """A file's content at a commit; None where Git has no such file there.

    Raises:
        PointerError: it is a Git LFS pointer; TooLargeError: it is larger than ``limit``.
    """
    if git.kind(rev, path) != "blob":
        return None
    name = f"{rev}:{path}"
    check_size(path, int(git.run("cat-file", "-s", name).stdout), limit)
    return content(git.run("cat-file", "blob", name).raw, path, rev)


def content(raw: bytes, path: str, rev: str | None) -> bytes:
    """The same bytes; PointerError where they are a Git LFS pointer."""
    if raw.startswith(_POINTER):
        raise PointerError(
            f"{path}{at(rev)}: is a Git LFS pointer, its content was not fetched",
            "check out with LFS (`git lfs pull`, or `lfs: true` in actions/checkout)",
        )
    return raw


def check_size(path: str, size: int, limit: int | None) -> None:
    """TooLargeError where a file has more bytes than the limit."""
    if limit is not None and size > limit:
        raise TooLargeError(f"{path}: {size:,} bytes are more than the {limit:,} that are read")


def at(rev: str | None) -> str:
    """A revision as it stands behind a path in a message; nothing for the workspace."""
    return f" at {rev[:10]}" if rev else ""
