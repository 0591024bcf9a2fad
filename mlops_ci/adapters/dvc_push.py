"""Sending data to the remotes: what they lack of some outputs, with DVC's own parallelism, and counted."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_ci.adapters import dvc_whole
from mlops_ci.adapters.dvc_errors import remote_trouble
from mlops_ci.adapters.dvc_fetch import few, is_legacy
from mlops_ci.adapters.dvc_graph import Loaded
from mlops_ci.adapters.dvc_remote_errors import remote_error
from mlops_ci.adapters.dvc_store import Store, address


def is_pushed(out: Any) -> bool:
    """Whether `dvc push` sends an output: not with ``push: false`` or ``cache: false``, nor what another
    repository keeps, which is fetched from there.
    """
    ours = out.use_cache and out.can_push and out.is_in_repo and not out.stage.is_repo_import
    return bool(ours and out.hash_info)


@dataclass
class Push:
    """Sends data of the workspace's revision; ``sent`` counts files, ``store.pushed`` bytes."""

    loaded: Loaded
    store: Store
    sent: int = 0

    def send(self, outs: Iterable[Any]) -> None:
        """Send what the remotes lack of the outputs, folders after their files.

        What this machine does not have itself is left out: it was not made here.

        Raises:
            NoRemoteError: there is no default remote.
            ToolError: a remote cannot be written; whatever was sent before stays there.
        """
        groups: dict[tuple[str, bool], list[Any]] = {}
        for out in outs:
            if is_pushed(out):
                groups.setdefault((out.remote or "", is_legacy(out)), []).append(out)
        for (name, legacy), members in groups.items():
            remote = self.store.remote(name)
            if remote.worktree or remote.fs.version_aware:
                self._by_dvc(remote, members)
            else:
                self._to(remote, legacy, members)

    def _to(self, remote: Any, legacy: bool, outs: Sequence[Any]) -> None:
        target, cache = self.store.odb(remote, legacy), self.store.cache(legacy)
        files, folders = self._objects(outs, cache)
        there = self.store.existing(target, [*files, *folders])
        self._send(remote, cache, target, {oid: path for oid, path in files.items() if oid not in there})
        # A listing says that its files are there, so it goes last, and not without them.
        absent = {oid for oid in files if oid not in there and not cache.exists(oid)}
        whole = {
            oid: path
            for oid, path in folders.items()
            if oid not in there and absent.isdisjoint((self.store.tree(oid) or {}).values())
        }
        self._send(remote, cache, target, whole)

    def _objects(self, outs: Sequence[Any], cache: Any) -> tuple[dict[str, str], dict[str, str]]:
        """Hash -> path of the outputs' files, and of the listings of those that are folders."""
        files: dict[str, str] = {}
        folders: dict[str, str] = {}
        for out in outs:
            value, path = str(out.hash_info.value), self.loaded.path(out)
            if not out.hash_info.isdir:
                files[value] = path
            elif cache.exists(value):
                folders[value] = path
                files.update({oid: f"{path}/{name}" for name, oid in (self.store.tree(value) or {}).items()})
        return files, folders

    def _send(self, remote: Any, cache: Any, target: Any, objects: Mapping[str, str]) -> None:
        at_hand = {oid: path for oid, path in objects.items() if cache.exists(oid)}
        if not at_hand:
            return
        failed: dict[str, BaseException] = {}
        places = [cache.oid_to_path(oid) for oid in at_hand]
        doing = f"pushing {few(list(at_hand.values()))} to the DVC remote {remote.name} ({address(remote)})"
        with remote_trouble(doing), dvc_whole.objects_in(target.path):
            target.add(
                places,
                cache.fs,
                list(at_hand),
                check_exists=False,
                on_error=failed.__setitem__,
                batch_size=target.fs.jobs,
            )
        gone = [oid for oid in at_hand if oid not in failed]
        self.sent += len(gone)
        self.store.pushed += sum(Path(cache.oid_to_path(oid)).stat().st_size for oid in gone)
        if failed:
            names = few([at_hand[oid] for oid in failed])
            error = next(iter(failed.values()))
            where = f"the DVC remote {remote.name} ({address(remote)})"
            raise remote_error(error, f"pushing {names} to {where}") from error

    def _by_dvc(self, remote: Any, outs: Sequence[Any]) -> None:
        """Remotes that keep files by their names, in versions."""
        targets = [os.path.relpath(f"{self.loaded.top}/{self.loaded.path(out)}") for out in outs]
        with remote_trouble(f"pushing to the DVC remote {remote.name} ({address(remote)})"):
            sent = int(self.loaded.repo.push(targets=targets))
        self.sent += sent
        if sent:
            self.store.pushed += sum(int((out.meta.size if out.meta else None) or 0) for out in outs)
