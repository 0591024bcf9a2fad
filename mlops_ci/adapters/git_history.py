"""What a branch's history did to some files: a few git processes for any number of commits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from mlops_ci.adapters import git_batch
from mlops_ci.adapters.git import Git
from mlops_ci.audit.history import LOG, Change, Commit, History
from mlops_ci.promotion.record import FOLDER

# What a message cannot hold stands between the fields, so none can pretend to be another commit.
_FIELDS = "%H%x00%P%x00%an%x00%ae%x00%cn%x00%at%x00%ct%x00%B"
_COUNT = 8
_SHOWN = ("--raw", "-z", "--no-abbrev", "--no-renames", f"--format=tformat:{_FIELDS}")


def read(git: Git, head: str, paths: Iterable[str] = (), *, claims: bool = False) -> History:
    """The history of the records, and of these further paths, up to a commit.

    The texts are those of all records at ``head``, of everything that ever stood in the further paths,
    and of records that were changed or are gone. ``claims`` looks at every message for our trailers.
    """
    looked_at = tuple(dict.fromkeys((FOLDER, *paths)))
    base = own(git, head, looked_at)
    merged = any(len(commit.parents) > 1 and commit.changes for commit in base)
    inner = _commits(git, "--full-history", "--no-merges", head, *_below(looked_at)) if merged else base
    files = _files(git, head, looked_at)
    further = {path for path in paths if not path.startswith(f"{FOLDER}/")}
    return History(
        head=head,
        base=base,
        inner=inner,
        files=files,
        texts=_texts(git, _wanted(base, files, further)),
        shallow=git.is_shallow(),
        claims=_commits(git, "--no-merges", "--grep=^Mlops-Record:", head) if claims else (),
    )


def own(git: Git, head: str, paths: Iterable[str]) -> tuple[Commit, ...]:
    """The commits of a branch itself, newest first, each with all that it brought to some paths."""
    return _commits(git, "--first-parent", "-m", head, *_below(paths))


def _below(paths: Iterable[str]) -> list[str]:
    return ["--", *(f":(top,literal){path}" for path in paths)]


def _wanted(base: Sequence[Commit], files: Mapping[str, str], further: set[str]) -> set[str]:
    """The objects whose texts are needed."""
    found = set(files.values())
    for commit in base:
        for change in commit.changes:
            # A record that is at the head as it was added is among the files.
            if change.path in further or (change.path.startswith(LOG) and change.old):
                found |= {change.old, change.new}
    return found - {""}


def _texts(git: Git, names: Iterable[str]) -> dict[str, str]:
    """The texts of objects by their names; what is missing is left out."""
    return {name: raw.decode("utf-8", "replace") for name, raw in git_batch.contents(git, names).items()}


def _commits(git: Git, *args: str) -> tuple[Commit, ...]:
    settings = ("--no-replace-objects", "-c", "log.showSignature=false", "-c", "log.showRoot=true")
    raw = git.run(*settings, "log", *_SHOWN, *args).raw
    return tuple(_parsed(raw.decode("utf-8", "replace").split("\0")))


def _parsed(words: Sequence[str]) -> Iterator[Commit]:
    place = 0
    while place + _COUNT <= len(words):
        fields = words[place : place + _COUNT]
        place += _COUNT
        changes = []
        while place + 1 < len(words) and (line := words[place].lstrip("\n")).startswith(":"):
            _, _, old, new, _ = line.split(" ")
            changes.append(Change(words[place + 1], _object(old), _object(new)))
            place += 2
        yield _commit(fields, tuple(changes))


def _commit(fields: Sequence[str], changes: tuple[Change, ...]) -> Commit:
    sha, parents, author, email, committer, authored, committed, message = fields
    return Commit(
        # Without changes of its own a commit is followed by the next one's name on a line of its own.
        sha=sha.lstrip("\n"),
        parents=tuple(parents.split()),
        author=author,
        email=email,
        committer=committer,
        authored=datetime.fromtimestamp(int(authored), UTC),
        committed=datetime.fromtimestamp(int(committed), UTC),
        message=message,
        changes=changes,
    )


def _object(name: str) -> str:
    return name if name.strip("0") else ""


def _files(git: Git, head: str, paths: Sequence[str]) -> dict[str, str]:
    """Path -> object of every file below some paths at a commit."""
    listed = git.run("ls-tree", "-r", "-z", "--full-tree", head, "--", *paths).raw.decode("utf-8", "replace")
    found = {}
    for entry in filter(None, listed.split("\0")):
        facts, _, path = entry.partition("\t")
        found[path] = facts.split(" ")[2]
    return found
