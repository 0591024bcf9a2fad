"""DVC in one process: graphs, plans, runs and data of a repository. All private DVC API is in dvc*.py."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from mlops_ci import pipeline
from mlops_ci.adapters import (
    dvc_code,
    dvc_copy,
    dvc_entries,
    dvc_graph,
    dvc_journal,
    dvc_lock,
    dvc_locks,
    dvc_run,
    git_files,
    leftovers,
)
from mlops_ci.adapters.dvc_copy import FromScratch
from mlops_ci.adapters.dvc_errors import (
    MissingFileError,
    NoRemoteError,
    PointerError,
    TooLargeError,
    translated,
)
from mlops_ci.adapters.dvc_graph import Loaded
from mlops_ci.adapters.dvc_lock import lock_digest
from mlops_ci.adapters.dvc_needs import Needs
from mlops_ci.adapters.dvc_store import Store
from mlops_ci.adapters.dvc_transfers import Transfers
from mlops_ci.adapters.git import Git
from mlops_ci.adapters.run_settings import WAITING, Settings, StageEvent
from mlops_ci.errors import ConfigError
from mlops_ci.evidence import StageRun
from mlops_ci.pipeline import Graph, Known, Plan, Step

__all__ = [
    "Dvc",
    "FromScratch",
    "MissingFileError",
    "Needs",
    "NoRemoteError",
    "PointerError",
    "Settings",
    "StageEvent",
    "TooLargeError",
    "lock_digest",
]


@dataclass(frozen=True)
class _Held:
    """A path that DVC tracks, and its hash."""

    path: PurePosixPath
    value: str


class Dvc(Transfers):
    """A DVC repository, held open for one process; paths are relative to the top of Git's."""

    def __init__(self, repo: Any, git: Git) -> None:
        self._repo = repo
        self._git = git
        self._loaded: dict[str, Loaded] = {}
        self._same_code = dvc_lock.SameCode(git)
        self._runs_code = dvc_code.RunsCode(git.root)
        self._again: FromScratch | None = None
        # What is new in each dvc.lock since this was opened: a serial run would have its own order for it.
        self._added: dict[str, set[str]] = {}
        self._last_run = ""
        self.store = Store(repo)

    @classmethod
    def open(cls, root: Path) -> Dvc:
        """Open the DVC repository that holds ``root``, or the only one below it.

        Raises:
            ConfigError: no Git repository, or no DVC repository, or several below ``root``.
        """
        git = Git.open(root)
        os.environ["DVC_NO_ANALYTICS"] = "1"
        from dvc.repo import Repo

        # After the import, which sets them: DVC's own words would stand between the lines of our --json.
        for name in ("dvc", "dvc_data", "dvc_objects", "scmrepo"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        with translated():
            return cls(Repo(str(_project(root.resolve(), git))), git)

    def close(self) -> None:
        """Let go of DVC's databases."""
        self._repo.close()

    @property
    def top(self) -> Path:
        """The top of the Git repository."""
        return self._git.root

    @property
    def _real_top(self) -> str:
        return os.path.realpath(self.top)

    @property
    def root(self) -> Path:
        """The folder that holds ``.dvc``; DVC's stage names are told from here."""
        return Path(self._repo.root_dir)

    # ---- what there is ---------------------------------------------------------------------

    def graph(self, rev: str | None = None) -> Graph:
        """Every pipeline of the workspace, or of a commit; a commit without DVC gives an empty one.

        Raises:
            ConfigError: there is no dvc.yaml in the workspace, or something in it is broken.
        """
        return self._load(rev).graph

    def refresh(self) -> None:
        """Forget the workspace's graph after files changed."""
        self._loaded.pop("", None)
        self._repo._reset()

    def present(self) -> dict[str, str]:
        """Content hashes of every dependency and output that lies in the workspace."""
        with translated(top=self._real_top):
            return dvc_graph.hashes(self._load(None), self.store.tree)

    def plan(self) -> Plan:
        """Which stages must run and why; needs no data."""
        return pipeline.plan(
            self.graph(),
            self.present(),
            inside=self.store.inside,
            same_code=self._same_code,
            runs_code=self._runs_code,
        )

    def same_code(self, path: str, recorded: str) -> bool:
        """Whether a Python source differs from its recorded version in comments and layout only."""
        return self._same_code(path, recorded)

    def _load(self, rev: str | None) -> Loaded:
        key = rev or ""
        if key not in self._loaded:
            self._loaded[key] = self._load_commit(rev) if rev else self._load_workspace()
        return self._loaded[key]

    def _load_workspace(self) -> Loaded:
        self._last_run = dvc_locks.last_run(self._repo)
        with translated(top=self._real_top):
            if not dvc_graph.has_project_file(self._repo):
                raise ConfigError(
                    f"no dvc.yaml found in {self.root} or below",
                    "describe your pipeline in a dvc.yaml, see `dvc stage add --help`",
                )
            return dvc_graph.load(self._repo, self._real_top)

    def _load_commit(self, rev: str) -> Loaded:
        from dvc.exceptions import NotDvcRepoError
        from dvc.fs import GitFileSystem
        from dvc.repo import Repo

        commit = self._git.resolve(rev)
        if commit is None:
            raise ConfigError(f"{rev} is not a commit of this repository", "fetch it first")
        with translated(commit):
            fs = GitFileSystem(scm=self._repo.scm, rev=commit)
            inner = os.path.relpath(os.path.realpath(self.root), self._real_top)
            try:
                repo = Repo(os.path.normpath(f"/{inner}"), fs=fs, scm=self._repo.scm)
            except NotDvcRepoError:
                return Loaded(self._repo, "/", Graph(), {}, {})
            return dvc_graph.load(repo, "/")

    # ---- reading files ---------------------------------------------------------------------

    def read(self, path: str, rev: str | None = None, *, limit: int | None = None) -> bytes:
        """A file's content in the workspace or at a commit: from Git, DVC's cache or its remote.

        Raises:
            MissingFileError: it is nowhere; PointerError: it is a Git LFS pointer;
            TooLargeError: it is larger than ``limit``; ToolError: DVC tracks it, but nobody has it.
        """
        inside = os.path.normpath(path)
        if PurePosixPath(inside).is_absolute() or inside.split("/", 1)[0] == "..":
            raise ConfigError(f"{path}: is outside of the repository")
        raw = git_files.read(self._git, inside, rev, limit) if rev else self._from_workspace(inside, limit)
        if raw is None:
            raw = self._from_dvc(inside, rev, limit)
        return git_files.content(raw, path, rev)

    def _from_workspace(self, path: str, limit: int | None) -> bytes | None:
        found = self.top / path
        if found.is_dir():
            raise MissingFileError(f"{path}: is a folder, not a file")
        if not found.is_file():
            return None
        real = found.resolve()
        allowed = (self.top.resolve(), Path(self._repo.cache.local.path).resolve().parent.parent)
        if not any(real.is_relative_to(folder) for folder in allowed):
            raise ConfigError(f"{path}: is a link to a place outside of the repository")
        git_files.check_size(path, real.stat().st_size, limit)
        return real.read_bytes()

    def _from_dvc(self, path: str, rev: str | None, limit: int | None) -> bytes:
        held = self._held(path, rev)
        if held and held.value.endswith(".dir") and self.store.tree(held.value) is None:
            # Says why nobody has the listing of the folder.
            self.store.read(held.value, str(held.path))
        value = self.tracked(path, rev)
        if value is None:
            raise MissingFileError(f"{path}{git_files.at(rev)}: is neither in Git nor tracked by DVC")
        if value.endswith(".dir"):
            raise MissingFileError(f"{path}{git_files.at(rev)}: is a folder, not a file")
        return self.store.read(value, path, limit)

    def tracked(self, path: str, rev: str | None = None) -> str | None:
        """The hash under which DVC tracks a file or folder: its own, or inside a tracked folder."""
        held, pure = self._held(path, rev), PurePosixPath(path)
        if held is None or held.path == pure:
            return held.value if held else None
        found = self.store.inside(held.value, str(pure.relative_to(held.path)))
        return None if found == "absent" else found

    def files(self, path: str, rev: str | None = None) -> tuple[str, ...]:
        """The files below a folder that DVC tracks at a revision, or a folder in one; else none."""
        held = self._held(path, rev)
        tree = self.store.tree(held.value) if held and held.value.endswith(".dir") else None
        if held is None or tree is None:
            return ()
        found = (held.path / name for name in sorted(tree))
        # A listing that was made by hand must not lead out of its folder.
        return tuple(
            str(name) for name in found if PurePosixPath(path) in name.parents and ".." not in name.parts
        )

    def _held(self, path: str, rev: str | None) -> _Held | None:
        """What DVC tracks as a whole: the path itself, or the folder that holds it."""
        graph, pure = self.graph(rev), PurePosixPath(path)
        recorded = {**graph.sources, **graph.recorded}
        for one in (pure, *pure.parents):
            if (value := recorded.get(str(one))) is not None:
                return _Held(one, value)
        return None

    # ---- running ---------------------------------------------------------------------------

    def run(
        self,
        targets: Iterable[str] = (),
        *,
        settings: Settings | None = None,
        push: bool = False,
        without: Collection[str] = (),
    ) -> tuple[StageRun, ...]:
        """Run what must run: everything, or the targets and what feeds them; nothing of ``without``.

        Raises:
            ConfigError: a target is no stage.
            ToolError: data could not be fetched, the disk is full, or DVC is locked.
        """
        names, settings = list(targets), settings or Settings()
        _wanted(self._load(None).graph, names)
        lock = dvc_locks.running(self._repo, lambda: settings.on_event(WAITING))
        with lock as before, self._repo.scm_context(quiet=True):
            dvc_locks.forget(self._repo)
            if before == dvc_locks.AT_WORK:
                leftovers.clear(self._load(None))
            if before != self._last_run or before == dvc_locks.AT_WORK:
                # Another run was at work since we looked.
                self.refresh()
            try:
                runs = self._run(_wanted(self._load(None).graph, names) - frozenset(without), settings)
            finally:
                self.refresh()
        if push:
            self.push()
        return runs

    def _run(self, wanted: frozenset[str], settings: Settings) -> tuple[StageRun, ...]:
        writer = self._writer()
        if dvc_journal.is_left(self._repo):
            # What was read of dvc.lock may be older than what a killed run wrote into it.
            self.refresh()
            writer = self._writer()
            if writer.recover():
                self.refresh()
            writer = self._writer()
        loaded = writer.loaded
        known = Known(
            dict(self.present()),
            dict(loaded.graph.recorded),
            self.store.inside,
            self._same_code,
            self._runs_code,
        )
        runs = dvc_run.run(loaded, known, wanted, settings, self.store, writer)
        writer.finish(whole=not any(one.status in ("failed", "blocked") for one in runs))
        return runs

    def _writer(self) -> dvc_journal.Writer:
        loaded = self._load(None)
        return dvc_journal.Writer(loaded, pipeline.serial_order(loaded.graph), self._added)

    def entries(self, stages: Iterable[str]) -> dict[str, dict[str, str]]:
        """The entries of stages in the workspace's dvc.lock files, for another clone."""
        return dvc_entries.read(self._writer(), stages)

    def take_in(self, entries: dvc_entries.Entries, stages: Collection[str]) -> None:
        """Bring dvc.lock to what stages gave in another clone, and have Git ignore their outputs.

        Raises:
            ConfigError: an entry is not what DVC writes; ToolError: a file cannot be written.
        """
        with dvc_locks.running(self._repo), self._repo.scm_context(quiet=True):
            dvc_entries.put(self._writer(), entries, stages)
            self._repo.scm_context.ignored_paths.clear()
        self.refresh()

    def restamp(self, steps: Iterable[Step]) -> tuple[str, ...]:
        """Write the new hashes of the steps' stamps into dvc.lock; gives the files written."""
        written = dvc_lock.restamp(self._load(None), steps)
        self.refresh()
        return written

    @contextmanager
    def seeded_copy(
        self, overrides: Mapping[str, Mapping[str, Any]], *, commit: str | None = None
    ) -> Iterator[Dvc]:
        """A temporary copy, with other parameters (file -> key -> value), that shares the cache.

        ``run`` it and ``read`` its outputs; it is gone when the block ends.
        """
        with dvc_copy.copied(self._git, self._repo, commit) as root:
            copy = Dvc.open(root)
            try:
                for file, values in overrides.items():
                    for key, value in values.items():
                        dvc_copy.override(copy.top, file, key, value)
                yield copy
            finally:
                copy.close()

    def from_scratch(
        self, commit: str, targets: Iterable[str], *, settings: Settings | None = None
    ) -> FromScratch:
        """Run stages and all that feeds them again in a clean clone of a commit, which is removed then.

        Nothing they wrote before is used: no output, no run cache. Frozen stages and tracked data come from
        the cache or the remote. The last result is kept, so models that share stages ask once for all.

        Raises:
            ConfigError: a target is no stage of that commit; ToolError: data could not be fetched.
        """
        wanted = _wanted(self.graph(commit), targets)
        if self._again and self._again.commit == commit and wanted <= self._again.stages:
            return self._again
        with dvc_copy.copied(self._git, self._repo, commit, runs=False) as root:
            stages = [stage for stage in self.graph(commit).stages if stage.name in wanted]
            top = root / os.path.relpath(self.top, self.root)
            dvc_copy.forget(top, [stage for stage in stages if not stage.frozen])
            copy = Dvc.open(root)
            try:
                runs = copy.run(wanted, settings=settings)
                graph = copy.graph()
                written = (path for path in graph.metrics if (copy.top / path).is_file())
                files = {path: copy.read(path) for path in written}
            finally:
                copy.close()
            self._again = FromScratch(commit, wanted, runs, graph, files, str(copy.top))
        return self._again

    # ---- the lock -----------------------------------------------------------

    def lock_files(self, rev: str | None = None) -> dict[str, bytes]:
        """Every dvc.lock that there is, by its path."""
        found: dict[str, bytes] = {}
        for path in dvc_lock.lock_paths(self._load(rev)):
            raw = git_files.read(self._git, path, rev) if rev else self._from_workspace(path, None)
            if raw is not None:
                found[path] = raw
        return found


def _project(root: Path, git: Git) -> Path:
    """The DVC repository to open: the one ``root`` is in, else the only one below it."""
    if any((folder / ".dvc").is_dir() for folder in (root, *root.parents) if folder.is_relative_to(git.root)):
        return root
    listed = git.run("ls-files", "-z", "--", ".dvc/config", "*/.dvc/config").stdout.split("\0")
    below = [git.root / name.removesuffix("/.dvc/config") for name in listed if name]
    found = [folder for folder in below if folder.is_relative_to(root)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise ConfigError(f"{root}: not a DVC repository, there is no .dvc folder", "run `dvc init`")
    names = ", ".join(str(folder.relative_to(git.root)) for folder in found)
    raise ConfigError(f"{root}: holds several DVC repositories: {names}", "change to one of them")


def _wanted(graph: Graph, targets: Iterable[str]) -> frozenset[str]:
    names = list(targets)
    unknown = [name for name in names if name not in graph.by_name]
    if unknown:
        raise ConfigError(f"{unknown[0]} is not a stage of this pipeline", "see `dvc stage list`")
    return frozenset([*names, *pipeline.upstream(graph, names)] if names else graph.by_name)
