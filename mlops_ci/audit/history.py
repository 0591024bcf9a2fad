"""What Git says of records and manifests: commits with what they changed, and the texts (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from mlops_ci.promotion.record import FOLDER

LOG = f"{FOLDER}/log/"

_LOGGED = re.compile(rf"{LOG}([^/]+)/([^/]+)/(\d{{4,18}})-([a-z]+)-([0-9a-f]{{12}})\.yaml", re.ASCII)
_CURRENT = re.compile(rf"{FOLDER}/(?!log/)([^/]+)/([^/]+)\.yaml")
_TRAILER = re.compile(r"^(Mlops-[A-Za-z-]+): (.*)$", re.ASCII | re.MULTILINE)
# GitHub's own subjects: of a merge commit, and of a squash.
_PULL = re.compile(r"^Merge pull request #(\d{1,18}) from |\(#(\d{1,18})\)$", re.ASCII)

Target = tuple[str, str]


@dataclass(frozen=True)
class Change:
    """A file that a commit changed: the objects before and after, empty where there was no file."""

    path: str
    old: str
    new: str


@dataclass(frozen=True)
class Commit:
    """A commit and what it changed of the files that are looked at; times are UTC."""

    sha: str
    parents: tuple[str, ...]
    author: str
    email: str
    committer: str
    authored: datetime
    committed: datetime
    message: str
    changes: tuple[Change, ...] = ()

    @property
    def short(self) -> str:
        """The first ten digits of its name."""
        return self.sha[:10]

    @property
    def subject(self) -> str:
        """The first line of its message."""
        return self.message.partition("\n")[0].strip()

    @property
    def pull_request(self) -> int | None:
        """The pull request that its subject names, as GitHub writes it."""
        found = _PULL.search(self.subject)
        return int(found[1] or found[2]) if found else None

    @cached_property
    def by_path(self) -> Mapping[str, Change]:
        """The changes by path."""
        return {change.path: change for change in self.changes}

    @cached_property
    def trailers(self) -> Mapping[str, tuple[str, ...]]:
        """Our trailers wherever in the message they stand: a squash may leave them in its middle."""
        found: dict[str, list[str]] = {}
        for key, value in _TRAILER.findall(self.message):
            found.setdefault(key, []).append(value.strip())
        return {key: tuple(values) for key, values in found.items()}


@dataclass(frozen=True)
class Logged:
    """A file of the log, by what its path says."""

    path: str
    environment: str
    model: str
    number: int
    action: str
    short: str

    @property
    def target(self) -> Target:
        """The environment and the model."""
        return self.environment, self.model


def logged(path: str) -> Logged | None:
    """A path of the log in its parts; None where it is none."""
    found = _LOGGED.fullmatch(path)
    return Logged(path, found[1], found[2], int(found[3]), found[4], found[5]) if found else None


def current(path: str) -> Target | None:
    """The target whose newest record a path holds; None where it is no such path."""
    found = _CURRENT.fullmatch(path)
    return (found[1], found[2]) if found else None


@dataclass(frozen=True)
class History:
    """Everything that Git says, the newest commit first.

    ``base`` is the branch itself: its first parents, each with all that it brought. ``inner`` are the
    commits on branches that were merged. ``files`` are the objects by path at ``head``, ``texts`` the
    contents by object. ``shallow``: the clone's history is cut off. ``claims`` are the commits whose
    messages say that they bring a record.
    """

    head: str
    base: Sequence[Commit]
    inner: Sequence[Commit] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    shallow: bool = False
    claims: Sequence[Commit] = ()

    def text(self, path: str) -> str | None:
        """A file's text at the head; None where it is not there."""
        return self.texts.get(self.files.get(path, ""))

    @cached_property
    def log(self) -> Sequence[Logged]:
        """The files of the log at the head, by target and number."""
        found = [one for path in self.files if (one := logged(path)) is not None]
        return sorted(found, key=lambda one: (one.target, one.number, one.path))

    @cached_property
    def brought(self) -> Mapping[str, Commit]:
        """Path of the log -> the commit of the branch that brought it, as far as the clone goes back."""
        return _first(self.seen)

    @cached_property
    def seen(self) -> Sequence[Commit]:
        """The commits of the branch whose changes are known: not the one that a shallow clone ends in."""
        return [one for one in self.base if one.parents or not self.shallow]

    @cached_property
    def made(self) -> Mapping[str, Commit]:
        """Path of the log -> the commit that it was made in, where a merge brought it."""
        return _first(self.inner)

    def author(self, path: str) -> Commit | None:
        """The commit that a record was made in: of the merged branch, else the one that brought it."""
        merge = self.brought.get(path)
        is_merge = merge is not None and len(merge.parents) > 1
        return self.made.get(path, merge) if is_merge else merge


def _first(commits: Sequence[Commit]) -> Mapping[str, Commit]:
    """Path of the log -> the oldest of the commits, newest first, that added it."""
    found: dict[str, Commit] = {}
    for commit in commits:
        for change in commit.changes:
            if change.new and not change.old and change.path.startswith(LOG):
                found[change.path] = commit
    return found
