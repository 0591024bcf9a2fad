"""A run that several jobs share: what each hands on is taken in, checked, and the rest is run here."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlops_ci import handover, pipeline
from mlops_ci.adapters import dvc_entries, files, git_files, handing
from mlops_ci.adapters.dvc import Dvc, Settings, lock_digest
from mlops_ci.adapters.git import Git
from mlops_ci.errors import ConfigError
from mlops_ci.evidence import Pace, StageRun
from mlops_ci.handover import FanOut, FanPart, HandedFile, HandOver
from mlops_ci.pipeline import Graph, Plan

LOST = "the job of part {part} ended without handing anything over; re-run the failed job"
BLOCKED = "{source} did not finish"


@dataclass(frozen=True)
class Handed:
    """One part's hand-over, and the folder that holds its files."""

    folder: Path
    document: HandOver


@dataclass(frozen=True)
class Spread:
    """A spread run as far as it came: its plan, and what its parts handed over."""

    fan: FanOut
    handed: Mapping[str, Handed]

    @classmethod
    def open(cls, folder: Path, dvc: Dvc, git: Git) -> Spread:
        """Read what a folder holds, and hold it to the commit that is checked out; nothing is changed.

        Raises:
            ConfigError: there is no plan, it is another commit's, or a hand-over is not what it may be.
        """
        where = handing.documents(folder, handover.FAN)
        if len(where) != 1:
            how = "there is no" if not where else f"there are {len(where)} files"
            raise ConfigError(f"{folder}: {how} {handover.FAN}", "`mlops-ci plan --matrix` writes it")
        fan = handover.read_fan(handing.read(where[0].parent, handover.FAN), str(where[0]))
        graph, commit = dvc.graph(), git.head()
        if (fan.commit, fan.base) != (commit, base_of(dvc, git, commit)):
            raise ConfigError(
                f"{where[0]}: is the plan of another commit ({fan.commit[:12]})", handover.STALE
            )
        unknown = [name for part in fan.parts.values() for name in part.stages if name not in graph.by_name]
        if unknown:
            raise ConfigError(f"{where[0]}: {unknown[0]} is not a stage of this pipeline", handover.STALE)
        return cls(fan, _handed(folder, fan, graph))

    def take_in(self, dvc: Dvc, parts: Iterable[str]) -> None:
        """Bring the workspace to what parts handed over: dvc.lock, small files, .gitignore lines.

        Raises:
            ConfigError: a file is not the one that was handed over, or a stage would have to run again.
        """
        there = [self.handed[part] for part in parts if part in self.handed]
        contents = [(name, raw) for one in there for name, raw in _contents(one)]
        entries: dict[str, dict[str, str]] = {}
        for one in there:
            for path, texts in one.document.entries.items():
                entries.setdefault(path, {}).update(texts)
        finished = [name for one in there for name in one.document.finished]
        dvc.take_in(entries, finished)
        for name, raw in contents:
            handing.place(dvc.top, name, raw)
        dvc.refresh()
        _nothing_left(dvc, {name: one.document.part for one in there for name in one.document.finished})

    def outcome(self, graph: Graph, parts: Iterable[str]) -> dict[str, StageRun]:
        """What became of the stages of parts; those of a part that handed nothing over failed."""
        found: dict[str, StageRun] = {}
        for part in (self.fan.part(name) for name in parts):
            if part.part in self.handed:
                runs = self.handed[part.part].document.runs
                found |= {run.name: run.model_copy(update={"part": part.part}) for run in runs}
            else:
                found |= _lost(graph, part, found)
        return found

    # ---- the job that judges ---------------------------------------------------------------------

    def run(self, dvc: Dvc, plan: Plan, settings: Settings) -> tuple[StageRun, ...]:
        """Take in every part, then run what no part was to run; ``plan`` was made before.

        Raises:
            ConfigError: the plan here is another, or a hand-over is not what it may be.
        """
        graph = dvc.graph()
        placed = {name: part.part for part in self.fan.parts.values() for name in part.stages}
        planned = {step.stage for step in plan.having("run", "maybe")}
        if odd := planned ^ {*placed, *self.fan.rest}:
            raise ConfigError(f"{sorted(odd)[0]}: {handover.FAN} does not fit the plan here", handover.STALE)
        self.take_in(dvc, self.fan.parts)
        done = self.outcome(graph, self.fan.parts)
        here = [name for name in pipeline.order(graph) if name not in placed]
        done |= blocked(graph, here, done)
        runs = dvc.run(settings=settings, without=done.keys())
        told = {**done, **{run.name: run for run in runs}}
        return tuple(told[name] for name in pipeline.order(graph))

    def pace(self, here: Pace | None) -> Pace:
        """How the whole run went: each round as long as its slowest part, then what ran here."""
        own = here or Pace()
        documents = [one.document for one in self.handed.values()]
        took = {one.part: one.seconds for one in documents}
        rounds = [[took.get(part.part, 0.0) for part in one.include] for one in self.fan.rounds]
        return own.model_copy(
            update={
                "runners": max([1, *map(len, rounds)]),
                "wall": round(own.wall + sum(map(max, rounds)), 3),
                "pulled": own.pulled + sum(one.pulled for one in documents),
                "pushed": own.pushed + sum(one.pushed for one in documents),
            }
        )


def base_of(dvc: Dvc, git: Git, commit: str) -> str:
    """The digest of the dvc.lock files that a commit has, whatever lies in the workspace."""
    paths = sorted({handover.lock_of(stage)[0] for stage in dvc.graph().stages})
    found = {path: git_files.read(git, path, commit, None) for path in paths}
    return lock_digest({path: raw for path, raw in found.items() if raw is not None})


def blocked(graph: Graph, names: Iterable[str], done: Mapping[str, StageRun]) -> dict[str, StageRun]:
    """Of some stages those that wait for one that failed; ``names`` in the order of the run."""
    bad = {name for name, run in done.items() if run.status in ("failed", "blocked")}
    found: dict[str, StageRun] = {}
    for name in names:
        if sources := [source for source in graph.feeds[name] if source in bad]:
            reasons = tuple(BLOCKED.format(source=source) for source in sources)
            found[name] = StageRun(name=name, status="blocked", reasons=reasons)
            bad.add(name)
    return found


# ---- one job of the run --------------------------------------------------------------------------


def run_part(dvc: Dvc, spread: Spread, name: str, settings: Settings) -> HandOver:
    """Run the stages of one part on what earlier parts handed over, and push what they wrote.

    Raises:
        ConfigError: there is no such part; ToolError: the remote cannot be read or written.
    """
    begun = time.monotonic()
    part, graph = spread.fan.part(name), dvc.graph()
    before = spread.fan.before(name)
    spread.take_in(dvc, before)
    done = blocked(graph, part.stages, spread.outcome(graph, before))
    wanted = [stage for stage in part.stages if stage not in done]
    if wanted:
        elsewhere = set(pipeline.upstream(graph, wanted)) - set(wanted)
        ran = dvc.run(wanted, settings=settings, without=elsewhere)
        done |= {run.name: run for run in ran}
    runs = tuple(done[stage].model_copy(update={"part": name}) for stage in part.stages)
    found = HandOver(
        part=name,
        commit=spread.fan.commit,
        base=spread.fan.base,
        stages=part.stages,
        runs=runs,
        seconds=round(time.monotonic() - begun, 3),
    )
    if _has_data(dvc.graph(), found.finished):
        dvc.push(found.finished)
    return found.model_copy(update={"pulled": dvc.pulled, "pushed": dvc.pushed})


def write(dvc: Dvc, found: HandOver, folder: Path) -> HandOver:
    """Write a hand-over into a folder, with the entries of its stages and the files no remote has.

    Raises:
        ConfigError: these are too large; ToolError: the folder cannot be written.
    """
    graph = dvc.graph()
    outs = [out for name in found.finished for out in graph.by_name[name].outs if handover.is_handed(out)]
    names = [name for out in outs for name in handing.listed(dvc.top, out.path)]
    sizes = {name: (dvc.top / name).stat().st_size for name in names}
    if sum(sizes.values()) > handover.MAX_BYTES or len(sizes) > handover.MAX_FILES:
        largest = max(sizes, key=sizes.__getitem__)
        size = f"{sum(sizes.values()) / 1e6:.0f} MB in {len(sizes)} files"
        raise ConfigError(
            f"part {found.part} has {size} that no remote keeps; the largest is {largest}",
            "have DVC cache and push them: take `cache: false` or `push: false` away",
        )
    told = {}
    for name in names:
        raw = (dvc.top / name).read_bytes()
        files.write(folder / handover.FILES / name, raw)
        told[name] = HandedFile(sha256=handing.sha256(raw), size=len(raw))
    whole = found.model_copy(update={"entries": dvc.entries(found.finished), "files": told})
    # Last: a folder without it is one of a job that was lost.
    files.write(folder / handover.FILE, whole.model_dump_json(by_alias=True, indent=1).encode())
    return whole


# ---- reading -------------------------------------------------------------------------------------


def _handed(folder: Path, fan: FanOut, graph: Graph) -> dict[str, Handed]:
    found: dict[str, Handed] = {}
    for path in handing.documents(folder, handover.FILE):
        document = handover.read(handing.read(path.parent, handover.FILE), str(path))
        handover.check(document, fan, graph, dvc_entries.said(document.entries))
        if document.part in found:
            folders = f"{found[document.part].folder} and {path.parent}"
            raise ConfigError(
                f"two hand-overs are of part {document.part}: {folders}",
                "leave the one of the last attempt there",
            )
        found[document.part] = Handed(path.parent, document)
    return found


def _contents(one: Handed) -> Iterator[tuple[str, bytes]]:
    """The files of a hand-over, each the one that it names."""
    for name, told in one.document.files.items():
        raw = handing.read(one.folder, f"{handover.FILES}/{name}", handover.MAX_BYTES)
        if (len(raw), handing.sha256(raw)) != (told.size, told.sha256):
            raise ConfigError(
                f"{name}: is not the file that part {one.document.part} handed over", handover.FORGED
            )
        yield name, raw


def _nothing_left(dvc: Dvc, parts: Mapping[str, str]) -> None:
    """What parts ran must not have to run again."""
    plan, graph = dvc.plan(), dvc.graph()
    for name, part in parts.items():
        step = plan.by_stage[name]
        if step.action == "run" and not graph.by_name[name].always_changed:
            raise ConfigError(
                f"{name} was run by part {part}, and would have to run again here: {step.reasons[0]}",
                "see that the stage reads and writes only what dvc.yaml says, and nothing of its machine",
            )


def _lost(graph: Graph, part: FanPart, before: Mapping[str, StageRun]) -> dict[str, StageRun]:
    """The stages of a part that handed nothing over; what waits for another part's is blocked."""
    waiting = blocked(graph, part.stages, before)
    error = LOST.format(part=part.part)
    return {
        name: waiting.get(name, StageRun(name=name, status="failed", error=error)).model_copy(
            update={"part": part.part}
        )
        for name in part.stages
    }


def _has_data(graph: Graph, names: Collection[str]) -> bool:
    return any(out.cache and out.push for name in names for out in graph.by_name[name].outs)
