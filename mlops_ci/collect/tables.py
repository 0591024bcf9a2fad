"""The tables of both sides: streamed from the workspace, read through DVC, or told by a stored profile."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from mlops_ci import pipeline
from mlops_ci.adapters.dvc import Dvc
from mlops_ci.adapters.git import Git
from mlops_ci.collect.reading import MAX_TABLE, Reader, Side
from mlops_ci.config import Data
from mlops_ci.errors import ConfigError, MlopsError
from mlops_ci.pipeline import Graph
from mlops_ci.profiles import shape
from mlops_ci.profiles.shape import Profile

if TYPE_CHECKING:
    from mlops_ci.adapters.source import Source

PROFILE = ".profile.json"


@dataclass(frozen=True)
class Place:
    """Where a table stands: paths of one side, or (``side`` None) an address outside of the repository.

    Several paths are parts of one table. ``words`` says the side to a reader: head, base, the live release.
    """

    side: Side | None
    paths: tuple[str, ...]
    words: str = ""

    @property
    def name(self) -> str:
        """The table as a report names it."""
        text = ", ".join(self.paths)
        return f"{text} at {self.words}" if self.words else text


@dataclass
class Tables:
    """Opens and profiles tables, each once; a database is asked through ``data.database``."""

    reader: Reader
    data: Data
    _profiles: dict[tuple[str, tuple[str, ...], frozenset[str]], Profile] = field(default_factory=dict)
    _kept: dict[tuple[str, tuple[str, ...]], Profile | None] = field(default_factory=dict)

    @property
    def dvc(self) -> Dvc:
        """The repository."""
        return self.reader.dvc

    # ---- without reading -------------------------------------------------------------------

    def missing(self, place: Place) -> str:
        """Why a table cannot be there, as far as the graph alone tells; nothing where it may be."""
        if place.side is None:
            return ""
        for path in place.paths:
            stage = pipeline.producer_of(place.side.graph, path)
            if stage is not None and stage.name in place.side.broken:
                return f"the stage {stage.name} did not finish"
        return ""

    def same(self, one: Place, other: Place) -> bool:
        """Whether two places surely hold the same bytes, told by hashes alone."""
        mine = [self.digest(one.side, path) for path in one.paths]
        theirs = [self.digest(other.side, path) for path in other.paths]
        return bool(mine) and None not in mine and mine == theirs

    def digest(self, side: Side | None, path: str) -> str | None:
        """A file's or folder's content hash in dvc.lock, a .dvc file or Git; None where nobody knows it."""
        if side is None:
            return None
        recorded = self.dvc.tracked(path, side.rev)
        if recorded is not None:
            return recorded
        git = Git(self.dvc.top)
        if side.rev is not None:
            return (
                git.run("rev-parse", "--verify", "--quiet", f"{side.rev}:{path}", check=False).stdout or None
            )
        if not (self.dvc.top / path).is_file():
            return None
        return git.run("hash-object", "--", path, check=False).stdout or None

    # ---- reading ---------------------------------------------------------------------------

    def profile(self, place: Place, codes: Collection[str] = ()) -> Profile:
        """A table's profile: the stored one of an earlier revision where there is one, else made now.

        A stored profile of head is not believed: the pull request wrote it. ``codes`` are numbers that the
        other side counts as categories, besides those of the configuration.

        Raises:
            MlopsError: it is missing, cannot be read, or is no table.
        """
        stored = self.stored(place)
        if stored is not None:
            return stored
        key = (*_key(place), frozenset(codes))
        if key not in self._profiles:
            self._profiles[key] = self._made(place, codes)
        return self._profiles[key]

    def codes(self, place: Place) -> frozenset[str]:
        """The columns of numbers that a stored profile counts as categories: codes on both sides."""
        found = self.stored(place)
        columns = found.columns if found else ()
        return frozenset(c.name for c in columns if c.is_code)

    def _made(self, place: Place, codes: Collection[str]) -> Profile:
        from mlops_ci.adapters import profiling
        from mlops_ci.profiles import merge

        made = []
        for path in place.paths:
            with self.source(place.side, path) as source:
                if source.stored is not None and place.side is not None and place.side.rev is None:
                    raise ConfigError(f"{path}: is a profile, no table", "name the table that it is made of")
                made.append(
                    profiling.profile(
                        source,
                        engine=self.data.engine,
                        categorical={*self.data.categorical, *codes},
                        database=self.data.database or "",
                    )
                )
                if place.side is not None:
                    for note in source.notes:
                        self.reader.note(place.side, path, note)
        return reduce(merge.merge, made)

    def stored(self, place: Place) -> Profile | None:
        """The profile that an earlier revision's own pipeline wrote of a table; None for head's tables."""
        key = _key(place)
        if key not in self._kept:
            self._kept[key] = self._stored(place)
        return self._kept[key]

    def _stored(self, place: Place) -> Profile | None:
        side = place.side
        if side is None or side.rev is None or len(place.paths) > 1:
            return None
        path = stored_path(side.graph, place.paths[0])
        if path is None:
            return None
        try:
            found = shape.read(self.dvc.read(path, side.rev, limit=shape.MAX_BYTES), path)
        except MlopsError as error:
            self.reader.note(side, path, f"{error.message}; the table itself was read", error.hint)
            return None
        codes = sorted(
            c.name for c in found.columns if c.kind == "number" and c.name in self.data.categorical
        )
        if codes:
            said = f"counts {codes[0]} as a number, but data.categorical names it; the table itself was read"
            self.reader.note(side, path, said, "give its stage `mlops-ci profile --categorical ...`")
            return None
        return found

    @contextmanager
    def source(self, side: Side | None, path: str) -> Iterator[Source]:
        """A table, open for reading until the block ends.

        Raises:
            MlopsError: it is missing, cannot be read, or is no table.
        """
        from mlops_ci.adapters import sources

        database = self.data.database or ""
        if side is None or (side.rev is None and _is_inside(self.dvc.top, path)):
            yield sources.open_source(path, root=self.dvc.top, database=database)
        else:
            with opened(self.dvc, path, side.rev) as source:
                yield source


def _key(place: Place) -> tuple[str, tuple[str, ...]]:
    return place.side.rev or "" if place.side else "outside", place.paths


def _is_inside(top: Path, path: str) -> bool:
    """Whether a path of the workspace is there and leads nowhere else: a link may leave the repository."""
    found = top / path
    if not found.exists():
        return False
    inner = [found, *(found.rglob("*") if found.is_dir() else ())]
    return all(one.resolve().is_relative_to(top.resolve()) for one in inner)


@contextmanager
def opened(dvc: Dvc, path: str, rev: str | None) -> Iterator[Source]:
    """A file or folder as Git or DVC has it at a revision (None: the workspace's dvc.lock).

    Raises:
        MlopsError: it is nowhere, too large, or no table.
    """
    from mlops_ci.adapters import sources

    names = _files_below(dvc, path, rev)
    if names:
        with _copied(path, names, lambda name: dvc.read(name, rev, limit=MAX_TABLE)) as source:
            yield source
    else:
        yield sources.from_bytes(dvc.read(path, rev, limit=MAX_TABLE), path)


def _files_below(dvc: Dvc, path: str, rev: str | None) -> Sequence[str]:
    value = dvc.tracked(path, rev)
    if value and value.endswith(".dir"):
        return dvc.files(path, rev)
    return Git(dvc.top).listed(rev, path.rstrip("/")) if rev and value is None else ()


@contextmanager
def _copied(path: str, names: Sequence[str], read: Callable[[str], bytes]) -> Iterator[Source]:
    """A folder of an earlier revision, put below a temporary one until the block ends."""
    from mlops_ci.adapters import sources

    with tempfile.TemporaryDirectory(prefix="mlops-ci-") as folder:
        for name in names:
            copy = Path(folder) / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(read(name))
        yield sources.open_source(path, root=Path(folder))


def stored_path(graph: Graph, table: str) -> str | None:
    """Where a table's profile is kept: beside it, or where a stage that reads or writes it puts one."""
    pure = PurePosixPath(table)
    name = f"{pure.stem}{PROFILE}"
    outs = [*graph.producers, *graph.sources]
    beside = str(pure.with_name(name))
    if beside in outs:
        return beside
    for stage in graph.stages:
        reads = any(dep.path == table for dep in stage.deps) or any(out.path == table for out in stage.outs)
        mine = [out.path for out in stage.outs if PurePosixPath(out.path).name == name]
        if reads and mine:
            return mine[0]
    return None


@contextmanager
def at_revision(folder: Path, path: str, rev: str) -> Iterator[Source]:
    """A table that the user named as ``path@rev`` in a folder, from Git, else from DVC.

    Raises:
        ConfigError: there is no repository, no such commit, or the path leads out of it.
        MlopsError: the table is nowhere, too large, or no table.
    """
    git = Git.open(folder)
    commit = git.resolve(rev)
    if commit is None:
        raise ConfigError(
            f"{path}@{rev}: {rev!r} is no commit, branch or tag of this repository", "fetch it, or check it"
        )
    inner = _inside(git.root.resolve(), folder / path, f"{path}@{rev}")
    if (git.root / ".dvc").is_dir() or git.listed(commit, ".dvc") or not _in_git(git, commit, inner):
        dvc = Dvc.open(git.root)
        try:
            with opened(dvc, inner, commit) as source:
                yield source
        finally:
            dvc.close()
        return
    from mlops_ci.adapters import sources

    yield sources.from_bytes(git.run("cat-file", "blob", f"{commit}:{inner}").raw, inner)


def _in_git(git: Git, commit: str, path: str) -> bool:
    return git.run("cat-file", "-t", f"{commit}:{path}", check=False).stdout.strip() == "blob"


def _inside(top: Path, path: Path, named: str) -> str:
    # The file itself may be a link into DVC's cache, or not be there at all.
    normal = Path(os.path.normpath(path.parent.resolve() / path.name))
    if not normal.is_relative_to(top):
        raise ConfigError(f"{named}: is outside of the repository {top}", "name a path of the repository")
    return normal.relative_to(top).as_posix()
