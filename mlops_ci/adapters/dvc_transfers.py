"""What goes over to remotes and comes from there, for a repository that is held open."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from mlops_ci.adapters import dvc_fetch, dvc_needs, dvc_push, dvc_trim
from mlops_ci.adapters.dvc_graph import Loaded
from mlops_ci.adapters.dvc_needs import Needs
from mlops_ci.adapters.dvc_store import Store
from mlops_ci.pipeline import Graph, Plan


class Transfers(ABC):
    """The remotes' side of a DVC repository."""

    store: Store

    @abstractmethod
    def graph(self, rev: str | None = None) -> Graph:
        """Every pipeline of the workspace, or of a commit."""

    @abstractmethod
    def plan(self) -> Plan:
        """Which stages must run and why."""

    @abstractmethod
    def refresh(self) -> None:
        """Forget the workspace's graph."""

    @abstractmethod
    def _load(self, rev: str | None) -> Loaded: ...

    def push(self, stages: Iterable[str] | None = None) -> int:
        """Push what the workspace's dvc.lock names, or the outputs of some stages; gives the number of files.

        Raises:
            NoRemoteError: there is no default remote.
            ToolError: the remote cannot be written.
        """
        loaded = self._load(None)
        items = loaded.stages.values() if stages is None else [loaded.stages[name] for name in stages]
        outs = [out for item in items for out in item.outs]
        sending = dvc_push.Push(loaded, self.store)
        if any(not out.remote for out in outs) or stages is None:
            self.store.remote()
        sending.send([*outs, *(loaded.sources.values() if stages is None else ())])
        self.refresh()
        return sending.sent

    def fetch(self, paths: Iterable[str]) -> None:
        """Bring data behind paths into the cache; nothing else is touched.

        Raises:
            ToolError: a remote lacks something, has it damaged, or cannot be read.
        """
        dvc_fetch.Fetch(self._load(None), self.store).bring(paths)

    def needs(self) -> Needs:
        """What a run has to bring, by the plan alone: no data is needed and no remote is asked."""
        return dvc_needs.needs(self._load(None), self.plan())

    def trim(self, revs: Iterable[str]) -> int:
        """Leave in the cache only what the workspace or one of the commits names; gives the bytes freed."""
        graphs = [self.graph(), *(self.graph(rev) for rev in revs)]
        return dvc_trim.trim(self.store, dvc_trim.named(self.store, graphs))

    @property
    def pulled(self) -> int:
        """The bytes that came out of remotes so far."""
        return self.store.pulled

    @property
    def pushed(self) -> int:
        """The bytes that went to remotes so far."""
        return self.store.pushed

    def missing_in_remote(self) -> tuple[str, ...] | None:
        """The outputs and sources whose data the remote lacks; None where no remote is configured.

        Outputs with ``push: false`` or ``cache: false`` do not count. No data is needed.
        """
        loaded = self._load(None)
        outs = [out for item in loaded.stages.values() for out in item.outs]
        kept = [out for out in [*outs, *loaded.sources.values()] if dvc_push.is_pushed(out)]
        found = self.store.missing(kept)
        return None if found is None else tuple(sorted(loaded.path(out) for out in found))

    def remote_write(self, name: str, content: bytes) -> None:
        """Keep a document under ``mlops-ci/`` in the default remote (NoRemoteError without one)."""
        self.store.write(name, content)

    def remote_read(self, name: str, *, limit: int | None = None) -> bytes | None:
        """A document that ``remote_write`` kept, or None."""
        return self.store.read_document(name, limit)

    def remote_list(self, prefix: str = "") -> tuple[str, ...]:
        """The names of the documents below a folder."""
        return self.store.documents(prefix)
