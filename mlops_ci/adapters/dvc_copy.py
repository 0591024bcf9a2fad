"""A copy of the repository beside itself that shares the cache: to train again, or to run from scratch."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_ci.adapters.dvc_errors import translated
from mlops_ci.adapters.git import Git
from mlops_ci.errors import ConfigError
from mlops_ci.evidence import StageRun
from mlops_ci.pipeline import Graph, Stage


@dataclass(frozen=True)
class FromScratch:
    """What stages gave that ran again in a clean clone of a commit, from their raw inputs.

    ``stages`` are those that were to run, ``graph`` has the hashes of this time, ``files`` the content of
    the metrics files. ``top`` was the clone's folder, which is gone.
    """

    commit: str
    stages: frozenset[str]
    runs: tuple[StageRun, ...]
    graph: Graph
    files: Mapping[str, bytes]
    top: str


@contextmanager
def copied(git: Git, repo: Any, commit: str | None = None, *, runs: bool = True) -> Iterator[Path]:
    """A temporary work tree of a commit, or of the working tree as it is; gives its DVC root.

    It shares the DVC cache and the remotes, so nothing is downloaded or computed twice. ``runs`` False:
    not the run cache, so that a stage which has to run really runs, and what it gave is not remembered.
    """
    with tempfile.TemporaryDirectory(prefix="mlops-ci-copy-") as folder:
        top = Path(folder).resolve() / "repository"
        git.run("worktree", "add", "--quiet", "--detach", str(top), commit or "HEAD")
        try:
            if commit is None:
                _carry_changes(git, top)
            root = top / os.path.relpath(repo.root_dir, git.root)
            _share_cache(repo, root, Path(folder), runs=runs)
            yield root
        finally:
            git.run("worktree", "remove", "--force", str(top), check=False)
            git.run("worktree", "prune", check=False)


def override(root: Path, file: str, key: str, value: Any) -> None:
    """Set one dotted key in a params file (YAML, JSON, TOML or Python), its layout kept.

    Raises:
        ConfigError: the file or the key is not there.
    """
    from dvc.utils.serialize import MODIFIERS

    path = root / file
    if not path.is_file():
        raise ConfigError(f"{file}: there is no such params file to set {key} in")
    with translated(), MODIFIERS[path.suffix.lower()](str(path)) as data:
        *folders, last = key.split(".")
        place = data
        for part in folders:
            place = place.get(part) if isinstance(place, Mapping) else None
        if not isinstance(place, Mapping) or last not in place:
            raise ConfigError(f"{file}: has no parameter {key}", "name an existing one")
        place[last] = value  # type: ignore[index]


def forget(root: Path, stages: Iterable[Stage]) -> None:
    """Leave nothing of what these stages wrote: no entry in dvc.lock, no output that lies in Git.

    ``root`` is the top of Git's work tree, as the stages' paths are.
    """
    gone: dict[Path, set[str]] = {}
    for stage in stages:
        place = (root / stage.dvcfile).with_name("dvc.lock")
        gone.setdefault(place, set()).add(stage.name.rpartition(":")[2])
        for out in stage.outs:
            path = root / out.path
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    for place, names in gone.items():
        if place.is_file():
            _forget_in(place, names)


def _forget_in(place: Path, names: Collection[str]) -> None:
    from dvc.utils.serialize import modify_yaml

    with translated(), modify_yaml(str(place)) as data:
        for name in names:
            data.get("stages", {}).pop(name, None)


def _carry_changes(git: Git, top: Path) -> None:
    """What is not committed yet: changed, deleted and new files that Git does not ignore."""
    changed = git.run("diff", "--name-only", "-z", "--no-renames", "HEAD").stdout.split("\0")
    new = git.run("ls-files", "--others", "--exclude-standard", "-z").stdout.split("\0")
    for name in filter(None, [*changed, *new]):
        source, target = git.root / name, top / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
        elif not source.exists():
            target.unlink(missing_ok=True)


def _share_cache(repo: Any, root: Path, scratch: Path, *, runs: bool) -> None:
    """Point the copy's own, untracked DVC configuration to the original's cache and remotes.

    Through links with plain names: DVC cannot write a path with an umlaut into its configuration.
    """
    from dvc.config import Config

    original, local = Path(repo.dvc_dir) / "config.local", root / ".dvc" / "config.local"
    if original.is_file():
        shutil.copy2(original, local)
    with translated(), Config(str(local.parent)).edit("local", validate=False) as config:
        cache = repo.cache.local.path.removesuffix("/files/md5")
        place = _link(scratch / "cache", cache) if runs else _link_all_but_runs(scratch / "cache", cache)
        config.setdefault("cache", {})["dir"] = place
        config.setdefault("core", {})["site_cache_dir"] = str(scratch / "site")
        for number, (name, settings) in enumerate(repo.config["remote"].items()):
            if "://" not in settings["url"]:
                link = _link(scratch / f"remote-{number}", str(settings["url"]))
                config.setdefault("remote", {}).setdefault(name, {})["url"] = link


def _link_all_but_runs(place: Path, cache: str) -> str:
    """A cache folder of its own whose objects are the shared ones."""
    place.mkdir()
    for found in Path(cache).iterdir() if Path(cache).is_dir() else ():
        if found.name != "runs":
            _link(place / found.name, str(found))
    return str(place)


def _link(place: Path, target: str) -> str:
    place.symlink_to(target)
    return str(place)
