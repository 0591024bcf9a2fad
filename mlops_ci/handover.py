"""How a run is spread (fan.json), and what the job of one part hands on: runs, lock entries, small files."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import PurePosixPath
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError

from mlops_ci.errors import ConfigError
from mlops_ci.evidence import StageRun
from mlops_ci.evidence.parts import Document
from mlops_ci.pipeline import Fan, Graph, Out, Stage

D = TypeVar("D", bound=Document)
FAN = "fan.json"
FILE = "handover.json"
FILES = "files"
MAX_BYTES = 50_000_000
MAX_FILES = 10_000
STALE = "run the whole workflow again, so that all of its jobs check out the same commit"
FORGED = "nothing of it was taken in; run the job of that part again"


class FanPart(Document):
    """The stages of one job, in order; ``runner`` is the label it needs, empty for the usual one.

    ``after`` are the parts of earlier rounds that it reads from, ``seconds`` what it took last time.
    """

    part: str
    stages: tuple[str, ...]
    runner: str = ""
    after: tuple[str, ...] = ()
    seconds: float | None = None


class FanRound(Document):
    """Parts that run at once, as GitHub's ``strategy.matrix`` takes them."""

    include: tuple[FanPart, ...]


class FanOut(Document):
    """How a commit's run is spread: round after round, then the ``rest`` in the job that judges.

    ``base`` is the digest of the commit's dvc.lock files. ``alone`` and ``spread`` are seconds.
    """

    schema_version: Literal[1] = Field(default=1, alias="schema")
    commit: str
    base: str
    rounds: tuple[FanRound, ...] = ()
    rest: tuple[str, ...] = ()
    why: str = ""
    alone: float | None = None
    spread: float | None = None

    @classmethod
    def of(cls, fan: Fan, commit: str, base: str) -> FanOut:
        """The plan of a spread run as a document."""
        rounds = [
            FanRound(include=tuple(FanPart(part=told.pop("id"), **told) for told in map(asdict, parts)))
            for parts in fan.rounds
        ]
        return cls(
            commit=commit,
            base=base,
            rounds=tuple(rounds),
            rest=fan.rest,
            why=fan.why,
            alone=fan.alone,
            spread=fan.spread,
        )

    @property
    def parts(self) -> Mapping[str, FanPart]:
        """All parts by their ids, in their order."""
        return {part.part: part for one in self.rounds for part in one.include}

    def part(self, name: str) -> FanPart:
        """One part.

        Raises:
            ConfigError: there is none of that name.
        """
        if name not in self.parts:
            names = ", ".join(self.parts) or "none"
            raise ConfigError(f"{FAN} knows no part {name!r}", f"its parts are: {names}")
        return self.parts[name]

    def before(self, name: str) -> tuple[str, ...]:
        """The parts that a part comes after: those it reads from, what these read from, and so on."""
        needed = set(self.part(name).after)
        for one in reversed([*self.parts.values()]):
            if one.part in needed:
                needed |= set(one.after)
        return tuple(part for part in self.parts if part in needed)


class HandedFile(Document):
    """A file that Git keeps and a stage wrote (``cache: false``): its sha256, its size in bytes."""

    sha256: str
    size: int = Field(ge=0, le=MAX_BYTES)


class HandOver(Document):
    """One part's result, beside the folder ``files/`` with the files it names.

    ``commit`` is what was checked out and ``base`` the digest of its dvc.lock files: a hand-over of another
    state is refused. ``entries`` maps a dvc.lock to its stages' new entries, each the text that DVC writes.
    ``seconds`` is how long the job's run took; ``pulled`` and ``pushed`` are bytes to and from the remote.
    """

    schema_version: Literal[1] = Field(default=1, alias="schema")
    part: str
    commit: str
    base: str
    stages: tuple[str, ...]
    runs: tuple[StageRun, ...] = ()
    entries: Mapping[str, Mapping[str, str]] = Field(default_factory=dict)
    files: Mapping[str, HandedFile] = Field(default_factory=dict)
    seconds: float = 0.0
    pulled: int = 0
    pushed: int = 0

    @property
    def finished(self) -> tuple[str, ...]:
        """The stages that are up to date now."""
        return tuple(run.name for run in self.runs if run.status not in ("failed", "blocked"))


def read_fan(raw: bytes, source: str) -> FanOut:
    """A ``fan.json``.

    Raises:
        ConfigError: it is none.
    """
    return _read(FanOut, raw, source)


def read(raw: bytes, source: str) -> HandOver:
    """A ``handover.json``.

    Raises:
        ConfigError: it is none.
    """
    return _read(HandOver, raw, source)


def _read(kind: type[D], raw: bytes, source: str) -> D:
    try:
        return kind.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigError(f"{source}: {where + ': ' if where else ''}{first['msg']}", FORGED) from error


# ---- what is believed ----------------------------------------------------------------------------


def lock_of(stage: Stage) -> tuple[str, str]:
    """The dvc.lock with a stage's entry, and the name it has there."""
    return str(PurePosixPath(stage.dvcfile).with_name("dvc.lock")), stage.name.rpartition(":")[2]


def is_handed(out: Out) -> bool:
    """Whether a job has to hand an output on itself, as no remote gets it."""
    inside = not PurePosixPath(out.path).is_absolute() and "://" not in out.path
    return inside and not (out.cache and out.push)


def check(found: HandOver, fan: FanOut, graph: Graph, said: Mapping[str, Mapping[str, Any]]) -> None:
    """Hold a hand-over to what its part may hand on; ``said`` are its entries, read.

    Raises:
        ConfigError: it is of another commit, or has something that is not its part's.
    """
    part = fan.part(found.part)
    if found.commit != fan.commit or found.base != fan.base:
        raise ConfigError(f"part {found.part} was run on another commit ({found.commit[:12]})", STALE)
    if found.stages != part.stages or sorted(run.name for run in found.runs) != sorted(part.stages):
        raise _forged(found, "does not tell of the stages of its part")
    stages = [graph.by_name[name] for name in part.stages if name in graph.by_name]
    finished = [stage for stage in stages if stage.name in found.finished]
    for problem in (*_entries(found, finished, said), *_files(found, finished)):
        raise _forged(found, problem)


def _entries(
    found: HandOver, finished: Iterable[Stage], said: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    """What is wrong with the lock entries."""
    owned = {lock_of(stage): stage for stage in finished}
    given = {(path, name) for path, names in found.entries.items() for name in names}
    for path, name in sorted(given - owned.keys()):
        yield f"has an entry in {path} that is not its own: {name}"
    for place, stage in owned.items():
        if place not in given:
            yield f"has no entry in dvc.lock for {stage.name}"
            continue
        entry = said[place[0]][place[1]]
        declared = {*(out.path for out in stage.outs), *(dep.path for dep in stage.deps)}
        for one in [*entry.get("outs", []), *entry.get("deps", [])]:
            if not {one["path"], posixpath.normpath(f"{stage.folder}/{one['path']}")} & declared:
                yield f"has {one['path']} in dvc.lock, which {stage.name} does not declare"


def _files(found: HandOver, finished: Iterable[Stage]) -> Iterator[str]:
    """What is wrong with the list of files."""
    owned = {out.path for stage in finished for out in stage.outs if is_handed(out)}
    for name in found.files:
        path = PurePosixPath(name)
        if posixpath.normpath(name) != name or path.is_absolute() or ".." in path.parts:
            yield f"has a file outside of the repository: {name!r}"
        elif not owned & {name, *map(str, path.parents)}:
            yield f"has a file that none of its stages hands on: {name}"
    if len(found.files) > MAX_FILES or sum(file.size for file in found.files.values()) > MAX_BYTES:
        yield f"has more than {MAX_FILES} files or {MAX_BYTES // 1_000_000} MB of them"


def _forged(found: HandOver, problem: str) -> ConfigError:
    return ConfigError(f"the hand-over of part {found.part} {problem}", FORGED)
