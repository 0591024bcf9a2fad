"""What a release comes from, as Git, DVC and the model store have it now: each part, or why not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from mlops_ci import pipeline
from mlops_ci.adapters import dvc_lock, git_batch, model_bytes
from mlops_ci.adapters.dvc import Dvc, lock_digest
from mlops_ci.adapters.git import Git
from mlops_ci.adapters.model_bytes import LostError
from mlops_ci.adapters.model_store import ModelStore
from mlops_ci.audit.links import Gone, Unseen
from mlops_ci.audit.origin import Bytes, Lock, Origin, Repeated, evidence_of
from mlops_ci.collect import running
from mlops_ci.config import Config
from mlops_ci.errors import ConfigError, MlopsError
from mlops_ci.pipeline import Graph
from mlops_ci.promoting import repeating
from mlops_ci.promotion.record import Input, Record

OFFLINE = Unseen("not looked at: --offline")


@dataclass(frozen=True)
class Sources:
    """The repository that models come from, and the store they were published to; or why not."""

    git: Git
    config: Config
    dvc: Dvc | Unseen
    store: ModelStore | Unseen
    offline: bool = False

    @classmethod
    @contextmanager
    def opened(cls, start: Path, config: Config, *, offline: bool) -> Iterator[Sources]:
        """Open what there is around a folder; what is missing is told by each release."""
        git, dvc = Git.open(start), _dvc(start)
        try:
            store = OFFLINE if offline else _store(config, dvc)
            yield cls(git, config, dvc, store, offline)
        finally:
            if isinstance(dvc, Dvc):
                dvc.close()

    def origin(self, record: Record, *, deep: bool = False) -> Origin:
        """Everything that a release comes from."""
        here = self._missing_commit(record)
        lock = here or self._lock(record)
        repeated: Repeated | Unseen | None = None
        if deep:
            repeated = self._repeated(record) if isinstance(lock, Lock) else Unseen("its commit is not here")
        return Origin(
            evidence=self.evidence(record),
            lock=lock,
            published=self._published(record),
            kept=self._kept(record),
            data=self._data(record),
            repeated=repeated,
        )

    # ---- Git -----------------------------------------------------------------------------------

    def _missing_commit(self, record: Record) -> Unseen | Gone | None:
        """Why the commit that a release was made of is not here."""
        commit = record.release.commit
        if not commit:
            return Unseen("the record names no commit")
        if self.git.resolve(commit) is not None:
            return None
        if isinstance(self.dvc, Unseen):
            return self.dvc
        name, own = record.source.repository, self.git.remote_url() or self.git.root.name
        if name and _last(name) != _last(own):
            said = (
                f"the commit {commit[:10]} is of {name}, which is not here: name a clone of it with --models"
            )
            return Unseen(said)
        if self.git.is_shallow():
            return Unseen(f"the commit {commit[:10]} is not in this shallow clone: fetch it (fetch-depth: 0)")
        return Gone(f"the commit {commit[:10]} is not in this repository")

    def _lock(self, record: Record) -> Lock | Unseen | Gone:
        if isinstance(self.dvc, Unseen):
            return self.dvc
        commit = record.release.commit
        try:
            graph, files = self.dvc.graph(commit), self.dvc.lock_files(commit)
        except MlopsError as error:
            return Unseen(f"the pipeline at {commit[:10]} cannot be read: {error.message}")
        if not files:
            return Gone(f"there is no dvc.lock at {commit[:10]}")
        code, folders = self._code(record, graph)
        deps = {dep.path: dep.recorded for stage in graph.stages for dep in stage.deps}
        return Lock(lock_digest(files), {**deps, **graph.sources, **graph.recorded}, code, folders)

    def _code(self, record: Record, graph: Graph) -> tuple[dict[str, tuple[str, str]], tuple[str, ...]]:
        """The dependencies that lie in Git, of the stages that lead to the model: files, and folders."""
        known = {**graph.sources, **graph.recorded}
        stages = _stages(record, graph)
        deps = {dep.path: dep.recorded for stage in stages for dep in stage.deps if dep.path not in known}
        commit = record.release.commit
        raw = git_batch.contents(self.git, (f"{commit}:{path}" for path in deps))
        found: dict[str, tuple[str, str]] = {}
        for path, recorded in deps.items():
            content = raw.get(f"{commit}:{path}")
            if content is not None and recorded:
                hashes = dvc_lock.hashes(content)
                found[path] = (recorded, recorded if recorded in hashes else hashes[0])
        folders = (path for path in deps if path not in found and self.git.kind(commit, path) == "tree")
        return found, tuple(folders)

    # ---- the stores ----------------------------------------------------------------------------

    def evidence(self, record: Record) -> bytes | Unseen | Gone:
        """The document that a release was judged by."""
        if isinstance(self.store, Unseen):
            return self.store
        name = f"evidence/{evidence_of(record).replace(':', '-')}.json"
        try:
            raw = self.store.place.read(name)
        except MlopsError as error:
            return Unseen(error.message)
        return Gone(f"the evidence is gone: there is no {self.store.place.uri(name)}") if raw is None else raw

    def _published(self, record: Record) -> Bytes | Unseen | Gone:
        if isinstance(self.store, Unseen):
            return self.store
        release = record.release.release(record.model)
        try:
            there = self.store.exists(release)
        except MlopsError as error:
            return Unseen(error.message)
        if problem := self.store.verify(release):
            return Gone(f"the published bytes are not those of the record: {problem}")
        if not there:
            return Gone(f"{release.uri}: what the store says of the model is damaged")
        return Bytes(release.digest, place=release.uri)

    def _kept(self, record: Record) -> Bytes | Unseen | Gone:
        if isinstance(self.dvc, Unseen) or self.offline:
            return self.dvc if isinstance(self.dvc, Unseen) else OFFLINE
        md5, path = record.release.md5, record.source.output or record.model
        if not md5:
            return Unseen("the record names no md5")
        try:
            if not self.dvc.store.has(md5):
                return self._nowhere(path, md5)
            remotely = self.dvc.store.has_remote()
            with model_bytes.gathered(self.dvc, path, md5, remotely=remotely) as found:
                return Bytes(found.digest, md5, _where(self.dvc))
        except LostError as error:
            return Gone(error.message)
        except MlopsError as error:
            return Unseen(error.message)

    def _nowhere(self, path: str, md5: str) -> Unseen | Gone:
        if isinstance(self.dvc, Dvc) and not self.dvc.store.has_remote():
            return Unseen(f"{path} ({md5[:8]}) is not in this clone's cache, and no DVC remote is configured")
        return Gone(f"{path} ({md5[:8]}) is no longer in the DVC remote")

    def _data(self, record: Record) -> dict[str, Unseen | Gone] | Unseen:
        if isinstance(self.dvc, Unseen) or self.offline:
            return self.dvc if isinstance(self.dvc, Unseen) else OFFLINE
        commit = record.release.commit
        in_git = git_batch.contents(self.git, (f"{commit}:{one.path}" for one in record.data))
        found: dict[str, Unseen | Gone] = {}
        for one in record.data:
            raw = in_git.get(f"{commit}:{one.path}")
            if raw is not None and one.md5 in dvc_lock.hashes(raw):
                continue
            if (missing := self._missing_data(self.dvc, commit, one)) is not None:
                found[one.path] = missing
        return found

    def _missing_data(self, dvc: Dvc, commit: str, one: Input) -> Unseen | Gone | None:
        """Why an input that does not lie in Git as a file is not there."""
        if one.path.startswith(("/", "../")) or "://" in one.path:
            return Unseen("it lies outside of the repository")
        if self.git.kind(commit, one.path) == "tree":
            return Unseen("it is a folder in Git, which may have held files that Git does not have")
        try:
            there = dvc.store.has(one.md5)
        except MlopsError as error:
            return Unseen(error.message)
        return None if there else Gone(f"is no longer there: {_where(dvc)} does not have {one.md5[:8]}")

    def _repeated(self, record: Record) -> Repeated | Unseen:
        if isinstance(self.dvc, Unseen):
            return self.dvc
        options = self.config.gate_options("reproducibility", record.model)
        return repeating.repeated(self.dvc, record, options, running.settings(self.config))


def _dvc(start: Path) -> Dvc | Unseen:
    try:
        return Dvc.open(start)
    except ConfigError:
        return Unseen("this is no DVC repository: name a clone of the models' repository with --models")


def _store(config: Config, dvc: Dvc | Unseen) -> ModelStore | Unseen:
    if isinstance(dvc, Unseen):
        return dvc
    try:
        store = ModelStore.of(config.promotion.store or "", dvc)
    except MlopsError as error:
        return Unseen(error.message)
    if store.place.kind == "folder" and not Path(store.place.path).is_dir():
        return Unseen(f"the model store {store.place.address} is not on this machine")
    return store


def _stages(record: Record, graph: Graph) -> list[pipeline.Stage]:
    """The stage that makes the model, and all that feed it; without a known one every stage."""
    maker = pipeline.producer_of(graph, record.source.output) if record.source.output else None
    name = maker.name if maker else record.source.stage
    if name not in graph.by_name:
        return list(graph.stages)
    needed = {name, *pipeline.upstream(graph, [name])}
    return [stage for stage in graph.stages if stage.name in needed]


def _where(dvc: Dvc) -> str:
    """The place that keeps DVC's objects, in words."""
    return f"the DVC remote {dvc.store.remote().name}" if dvc.store.has_remote() else "the DVC cache"


def _last(address: str) -> str:
    """The name of a repository: the last part of its address."""
    return PurePosixPath(urlsplit(address).path or address).name.removesuffix(".git").lower()
