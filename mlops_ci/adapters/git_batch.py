"""Many objects of a repository by one process: texts at a commit, and commits as they are written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mlops_ci.adapters.git import Git

_FEW = 50
_NOTHING = "0" * 40
_HEAD = re.compile(rb"[0-9a-f]{40,64} (\w+) (\d+)")
_WHO = re.compile(r"(?P<name>.*?) ?<(?P<email>[^>]*)> (?P<date>-?\d+ [+-]\d{4})$")


@dataclass(frozen=True)
class Commit:
    """A commit as it is written; ``date`` is the committer's, seconds since the epoch and zone."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: str
    author_email: str
    committer: str
    committer_email: str
    date: str
    message: str


def texts(git: Git, commit: str, paths: Iterable[str]) -> dict[str, str | None]:
    """The texts of files at a commit by path; None where there is no such file.

    Bytes that are no UTF-8 stay in the text (``surrogateescape``), so that it can be written back.
    """
    names = list(dict.fromkeys(paths))
    found = _blobs(git, _objects(git, commit, names), "blob")
    return {
        name: None if raw is None else raw.decode("utf-8", "surrogateescape")
        for name, raw in zip(names, found, strict=True)
    }


def contents(git: Git, names: Iterable[str]) -> dict[str, bytes]:
    """The bytes of files by names such as an object's or ``COMMIT:path``; what is no file is left out."""
    asked = sorted(set(names))
    found = zip(asked, _blobs(git, asked, "blob"), strict=True)
    return {name: raw for name, raw in found if raw is not None}


def commits(git: Git, shas: Iterable[str]) -> dict[str, Commit]:
    """Commits by their names; those that this clone does not have are left out."""
    names = list(dict.fromkeys(shas))
    found = zip(names, _blobs(git, names, "commit"), strict=True)
    return {name: _commit(name, raw.decode("utf-8", "replace")) for name, raw in found if raw is not None}


def _objects(git: Git, commit: str, names: Sequence[str]) -> list[str]:
    """How Git is to be asked for the files: for each path it reads the folder from its beginning, so that
    for many all names are read once.
    """
    if len(names) <= _FEW:
        return [f"{commit}:{name}" for name in names]
    listed = git.run("ls-tree", "-r", "-z", commit).raw.decode("utf-8", "surrogateescape").split("\0")
    known = {path: head[12:] for head, _, path in (entry.partition("\t") for entry in listed)}
    return [known.get(name, _NOTHING) for name in names]


def _blobs(git: Git, names: Sequence[str], kind: str) -> Iterator[bytes | None]:
    """The content of each object of a kind, in order; None for another kind and for what is not there.

    A line feed ends a name for Git: a name that holds one is asked for alone.
    """
    plain = [name for name in names if "\n" not in name]
    asked = "".join(f"{name}\n" for name in plain).encode("utf-8", "surrogateescape")
    answer = git.run("cat-file", "--batch", stdin=asked).raw if plain else b""
    at = 0
    for name in names:
        if "\n" in name:
            alone = git.run("cat-file", kind, name, check=False)
            yield alone.raw if alone.code == 0 else None
            continue
        end = answer.index(b"\n", at)
        head = _HEAD.fullmatch(answer, at, end)
        if head is None:
            at = end + 1
            yield None
            continue
        at = end + 1 + int(head[2]) + 1
        yield answer[end + 1 : at - 1] if head[1].decode() == kind else None


def _commit(sha: str, text: str) -> Commit:
    head, _, message = text.partition("\n\n")
    lines = [line.partition(" ") for line in head.split("\n")]
    said = {key: value for key, _, value in reversed(lines)}
    author, committer = (_WHO.fullmatch(said.get(role, "")) for role in ("author", "committer"))
    return Commit(
        sha=sha,
        tree=said.get("tree", ""),
        parents=tuple(value for key, _, value in lines if key == "parent"),
        author=author["name"] if author else "",
        author_email=author["email"] if author else "",
        committer=committer["name"] if committer else "",
        committer_email=committer["email"] if committer else "",
        date=committer["date"] if committer else "",
        message=message,
    )
