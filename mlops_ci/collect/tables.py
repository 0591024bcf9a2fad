"""The tables of both sides: streamed from the workspace, read through DVC, or told by a stored profile."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from mlops_ci import pipeline
from mlops_ci.adapters import named, sources
from mlops_ci.adapters.dvc import Dvc
from mlops_ci.adapters.git import Git
from mlops_ci.collect.reading import Reader, Side
from mlops_ci.config import Data
from mlops_ci.errors import ConfigError, MlopsError
from mlops_ci.pipeline import Graph
from mlops_ci.profiles import shape
from mlops_ci.profiles.shape import Profile

if TYPE_CHECKING:
    from mlops_ci.adapters.source import Source


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
        folder = PurePosixPath(place.paths[0]).parent
        committed = [str(folder / name) for name in Git(self.dvc.top).names(side.rev, str(folder))]
        path = stored_path(side.graph, place.paths[0], committed)
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
        database = self.data.database or ""
        if side is None or (side.rev is None and _is_inside(self.dvc.top, path)):
            yield sources.open_source(path, root=self.dvc.top, database=database)
        else:
            with named.recorded(self.dvc, path, side.rev) as source:
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


def stored_path(graph: Graph, table: str, committed: Collection[str] = ()) -> str | None:
    """Where the profile of just this table is kept: beside it, or where a stage that knows it puts one.

    ``committed`` are paths that Git keeps. t.csv and t.parquet may both call theirs t.profile.json: where the
    graph does not tell whose it is, it is nobody's.
    """
    pure = PurePosixPath(table)
    kept = [path for path in (*graph.producers, *graph.sources) if _may_be_of(path, table)]
    kept.sort(key=lambda path: PurePosixPath(path).parent != pure.parent)
    others = (str(pure), *committed)
    return next((path for path in kept if _subjects(graph, path, others) == {str(pure)}), None)


def _subjects(graph: Graph, profile: str, others: Collection[str]) -> set[str]:
    """The tables that a profile may be of: as the stage that writes it says, else all beside it."""
    stage = graph.by_name[graph.producers[profile]] if profile in graph.producers else None
    mine = (*(dep.path for dep in stage.deps), *(out.path for out in stage.outs)) if stage else ()
    told = {path for path in mine if _may_be_of(profile, path)}
    known = told or {p for p in (*graph.producers, *graph.sources, *others) if _may_be_of(profile, p)}
    folder = PurePosixPath(profile).parent
    return {path for path in known if PurePosixPath(path).parent == folder} or told


def _may_be_of(profile: str, table: str) -> bool:
    """Whether a profile is called as the table's would be."""
    is_table = PurePosixPath(table).suffix.lower() in ("", *sources.SUFFIXES)
    return is_table and PurePosixPath(profile).name in sources.profile_names(table)
