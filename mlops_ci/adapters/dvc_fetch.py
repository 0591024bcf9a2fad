"""Bringing data into the cache: only what is needed, each object once, checked before it gets its name."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_ci.adapters import dvc_locks, dvc_needs, dvc_whole
from mlops_ci.adapters.dvc_errors import remote_trouble, translated
from mlops_ci.adapters.dvc_graph import Loaded, stage_name
from mlops_ci.adapters.dvc_needs import Part
from mlops_ci.adapters.dvc_remote_errors import is_missing, remote_error
from mlops_ci.adapters.dvc_store import Store, address
from mlops_ci.adapters.files import locked
from mlops_ci.adapters.git import Git
from mlops_ci.errors import MlopsError, ToolError

NAMED = 3  # of many objects in trouble


@dataclass(frozen=True)
class FetchTask:
    """What a forked child does: bring what stands behind ``paths`` into the cache; nothing else is touched.

    It writes down ``bytes``, what came over, and where it failed ``error``, ``hint`` and ``fatal``, the exit
    code that goes with it. Its exit code is 0 whenever it came to an answer.
    """

    loaded: Loaded
    paths: tuple[str, ...]
    answer: Path

    def __call__(self) -> int:
        """Fetch, and write the answer down."""
        # Connections of the parent must not be used here, so this process has remotes of its own.
        fetch = Fetch(self.loaded, Store(self.loaded.repo))
        # What DVC itself fetches takes its lock, which stages that hash hold together.
        self.loaded.repo.lock = dvc_locks.shared(self.loaded.repo)
        answer: dict[str, Any] = {}
        try:
            fetch.bring(self.paths)
        except MlopsError as error:
            answer = {"error": error.message, "hint": error.hint, "fatal": error.exit_code}
        answer["bytes"] = fetch.store.pulled
        self.answer.write_text(json.dumps(answer), encoding="utf-8")
        return 0


def lacking(loaded: Loaded, store: Store, paths: Iterable[str]) -> bool:
    """Whether anything that stands behind the paths is not in the cache; asks no remote."""
    return any(not _is_cached(store, part) for part in dvc_needs.parts(loaded, paths))


def check_out(loaded: Loaded, paths: Sequence[str]) -> None:
    """Put what the cache has into the workspace.

    Raises:
        ToolError: the cache does not have it, or it cannot be written there.
    """
    if paths:
        with translated(top=loaded.top):
            loaded.repo.checkout(targets=[os.path.relpath(f"{loaded.top}/{path}") for path in paths])


@dataclass(frozen=True)
class _Wanted:
    """One object: its hash, the path it belongs to, and the output or source that names it."""

    value: str
    path: str
    out: Any


@dataclass
class _Failed:
    """What did not come: missing in the remote, damaged there, or lost on the way (with the first reason)."""

    missing: list[_Wanted] = field(default_factory=list)
    damaged: list[_Wanted] = field(default_factory=list)
    lost: list[tuple[_Wanted, BaseException]] = field(default_factory=list)


@dataclass(frozen=True)
class Fetch:
    """Brings data of a revision into the cache of its repository."""

    loaded: Loaded
    store: Store

    def bring(self, paths: Iterable[str]) -> None:
        """Bring what stands behind the paths into the cache; ``store.pulled`` counts the bytes.

        Whatever came over whole is kept, also where something else failed.

        Raises:
            ToolError: a remote lacks something, has it damaged, or cannot be read.
            ConfigError: there is no remote, or it is set up wrongly.
        """
        repo = self.loaded.repo
        if not lacking(self.loaded, self.store, paths := list(paths)):
            return
        # Processes take turns, so that two that want the same object fetch it once.
        with locked(Path(repo.tmp_dir) / "mlops-ci.pull"), translated(top=self.loaded.top):
            parts = dvc_needs.parts(self.loaded, paths)
            left = [part for part in parts if not _is_cached(self.store, part)]
            ours = [part for part in left if self._is_plain(part.out)]
            self._bring(_Wanted(part.value, part.path, part.out) for part in ours)
            self._bring(file for part in ours for file in self._files(part))
            self._bring_by_dvc([part for part in left if not self._is_plain(part.out)])

    def _is_plain(self, out: Any) -> bool:
        """Whether its objects lie in a remote by their hash; DVC itself knows the other ways."""
        if out.stage.is_repo_import:
            return False
        remote = self.store.remote(out.remote or "")
        return not (remote.worktree or remote.fs.version_aware)

    def _files(self, part: Part) -> Iterator[_Wanted]:
        tree = self.store.tree(part.value) if part.out.hash_info.isdir else None
        for path, value in part.files(tree or {}).items():
            yield _Wanted(value, path, part.out)

    def _bring(self, objects: Iterable[_Wanted]) -> None:
        groups: dict[tuple[str, bool], dict[str, _Wanted]] = {}
        for one in objects:
            groups.setdefault((one.out.remote or "", is_legacy(one.out)), {})[one.value] = one
        for (name, legacy), group in groups.items():
            self._from(self.store.remote(name), legacy, group)

    def _from(self, remote: Any, legacy: bool, group: Mapping[str, _Wanted]) -> None:
        """Bring objects out of one remote: first to a place of their own, then checked into the cache."""
        source, cache = self.store.odb(remote, legacy), self.store.cache(legacy)
        there = set(cache.oids_exist(list(group)))
        wanted = [one for value, one in group.items() if value not in there]
        if wanted and source.fs.protocol == "local" and not Path(remote.path).is_dir():
            where = f"the folder {remote.path} of the DVC remote {remote.name}"
            raise ToolError(
                f"fetching {_names(wanted)}: {where} is not there",
                "mount it, or check `url` of the remote in .dvc/config",
            )
        failed = _Failed()
        with self._staging() as folder:
            reached = self._transfer(source, wanted, folder, failed)
            for one in reached:
                if not self._take(folder / one.value, one.value, cache):
                    failed.damaged.append(one)
        _complain(self.loaded, remote, source, failed)

    def _transfer(
        self, source: Any, wanted: Sequence[_Wanted], folder: Path, failed: _Failed
    ) -> list[_Wanted]:
        """Copy objects into a folder; gives those that came whole."""
        places = {str(folder / one.value): one for one in wanted}
        pairs = {place: str(source.oid_to_path(one.value)) for place, one in places.items()}
        # Some plug-ins connect before anything is asked for.
        with remote_trouble(f"fetching {_names(wanted)} from {source.fs.unstrip_protocol(source.path)}"):
            bad = _copied(source.fs, pairs) if pairs else {}
        for place, error in bad.items():
            if is_missing(error):
                failed.missing.append(places[place])
            else:
                failed.lost.append((places[place], error))
        return [one for place, one in places.items() if place not in bad]

    def _take(self, found: Path, value: str, cache: Any) -> bool:
        """Put an object under its name in the cache; False where its bytes are not those of its hash."""
        from dvc_data.hashfile.hash import hash_file
        from dvc_objects.fs import localfs

        self.store.pulled += found.stat().st_size
        _, info = hash_file(str(found), localfs, cache.hash_name)
        if str(info.value) != value.removesuffix(".dir"):
            return False
        place = Path(cache.oid_to_path(value))
        cache.makedirs(str(place.parent))
        found.replace(place)
        cache.protect(str(place))
        info.value = value
        cache.state.save(str(place), cache.fs, info)
        return True

    @contextmanager
    def _staging(self) -> Iterator[Path]:
        """A folder on the disk of the cache; what a killed process left there is removed."""
        repo = self.loaded.repo
        root = hashlib.sha256(str(repo.root_dir).encode()).hexdigest()[:8]
        folder = Path(repo.cache.legacy.path) / f"incoming-{root}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _bring_by_dvc(self, parts: Sequence[Part]) -> None:
        """What is imported from another repository, and remotes that keep files by their names."""
        if not parts:
            return
        before = self._cached_bytes(parts)
        targets = [os.path.relpath(f"{self.loaded.top}/{part.name}") for part in parts]
        doing = f"fetching {', '.join(part.name for part in parts[:NAMED])}"
        cache = self.loaded.repo.cache
        with remote_trouble(doing), dvc_whole.objects_in(cache.local.path, cache.legacy.path):
            self.loaded.repo.fetch(targets=targets)
        self.store.pulled += self._cached_bytes(parts) - before
        lost = [part for part in parts if not _is_cached(self.store, part)]
        if lost:
            raise ToolError(
                f"{doing}: neither the remote nor where it was imported from has it",
                "whoever made it runs `dvc push` there; for an import `dvc update` takes what is there now",
            )

    def _cached_bytes(self, parts: Sequence[Part]) -> int:
        """The bytes of the parts' objects that the cache has."""
        places = {
            Path(self.store.cache(is_legacy(part.out)).oid_to_path(value))
            for part in parts
            for value in (part.value, *(one.value for one in self._files_at_hand(part)))
        }
        return sum(place.stat().st_size for place in places if place.is_file())

    def _files_at_hand(self, part: Part) -> Iterator[_Wanted]:
        if self.store.cache(is_legacy(part.out)).exists(part.value):
            yield from self._files(part)


def _copied(fs: Any, pairs: Mapping[str, str]) -> dict[str, BaseException]:
    """Copy files (target -> source) to this machine, as many at once as DVC does; gives what failed."""
    from dvc_objects.fs import generic, localfs

    failed: dict[str, BaseException] = {}
    if fs.fs.async_impl and len(pairs) > 1:
        generic.copy(
            fs,
            list(pairs.values()),
            localfs,
            list(pairs),
            batch_size=fs.jobs,
            on_error=lambda _source, target, error: failed.__setitem__(target, error),
        )
        return failed

    # DVC's own loop over threads takes a file that broke off for a whole one.
    def copy(target: str) -> None:
        try:
            generic.copy(fs, pairs[target], localfs, target)
        except Exception as error:
            failed[target] = error

    with ThreadPoolExecutor(max_workers=fs.jobs) as pool:
        list(pool.map(copy, pairs))
    return failed


def is_legacy(out: Any) -> bool:
    """Whether DVC 2.x wrote its hash, which lies at another place and ignores the ends of lines."""
    return bool(out.hash_name == "md5-dos2unix")


def _is_cached(store: Store, part: Part) -> bool:
    cache = store.cache(is_legacy(part.out))
    if not cache.oids_exist([part.value]):
        return False
    if not part.out.hash_info.isdir:
        return True
    files = set(part.files(store.tree(part.value) or {}).values())
    return len(cache.oids_exist(list(files))) == len(files)


def _complain(loaded: Loaded, remote: Any, source: Any, failed: _Failed) -> None:
    """One error for everything that did not come: what is in the way first, then what is wrong there."""
    where = f"the DVC remote {remote.name} ({address(remote)})"
    if failed.lost:
        objects = [one for one, _ in failed.lost]
        error = failed.lost[0][1]
        raise remote_error(error, f"fetching {_names(objects)} from {where}") from error
    if failed.damaged:
        first = failed.damaged[0]
        raise ToolError(
            f"{_names(failed.damaged)}: the object in {where} is damaged, so it was not taken",
            f"delete {source.oid_to_path(first.value)} there; whoever has the data runs `dvc push` again",
        )
    if failed.missing:
        first = failed.missing[0]
        raise ToolError(
            f"{where} does not have {_names(failed.missing)}",
            f"{_who(loaded, first)} runs `dvc push`{_made_again(loaded, first)}; is it the right remote?",
        )


def _names(objects: Sequence[_Wanted]) -> str:
    """The paths with their short hashes, a few of many."""
    return few([f"{one.path} ({one.value[:8]})" for one in objects])


def few(names: Sequence[str]) -> str:
    """A few of many names, and how many more there are."""
    rest = len(names) - NAMED
    shown = ", ".join(names[:NAMED])
    return f"{shown} and {rest} more" if rest > 0 else shown


def _made_again(loaded: Loaded, one: _Wanted) -> str:
    """How to do without the one who has it, where a stage makes it."""
    if not one.out.stage.cmd:
        return ""
    name = shlex.quote(stage_name(loaded.repo, one.out.stage))
    return f", or `dvc repro --force --single-item {name}` makes it again"


def _who(loaded: Loaded, one: _Wanted) -> str:
    """Who recorded a hash, as Git tells it."""
    git = Git.open(Path(loaded.top))
    value = str(one.out.hash_info.value)
    found = git.run("log", "-1", f"-S{value}", "--format=%an (commit %h)", "HEAD", check=False).stdout.strip()
    return found or "whoever made it"
