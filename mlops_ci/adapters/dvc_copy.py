"""A copy of the repository beside itself that shares the cache, to train again with other parameters."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlops_ci.adapters.dvc_errors import translated
from mlops_ci.adapters.git import Git
from mlops_ci.errors import ConfigError


@contextmanager
def copied(git: Git, repo: Any, commit: str | None = None) -> Iterator[Path]:
    """A temporary work tree of a commit, or of the working tree as it is; gives its DVC root.

    It shares the DVC cache and the remotes, so nothing is downloaded or computed twice.
    """
    with tempfile.TemporaryDirectory(prefix="mlops-ci-copy-") as folder:
        top = Path(folder).resolve() / "repository"
        git.run("worktree", "add", "--quiet", "--detach", str(top), commit or "HEAD")
        try:
            if commit is None:
                _carry_changes(git, top)
            root = top / os.path.relpath(repo.root_dir, git.root)
            _share_cache(repo, root, Path(folder))
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


def _share_cache(repo: Any, root: Path, scratch: Path) -> None:
    """Point the copy's own, untracked DVC configuration to the original's cache and remotes.

    Through links with plain names: DVC cannot write a path with an umlaut into its configuration.
    """
    from dvc.config import Config

    original, local = Path(repo.dvc_dir) / "config.local", root / ".dvc" / "config.local"
    if original.is_file():
        shutil.copy2(original, local)
    with translated(), Config(str(local.parent)).edit("local", validate=False) as config:
        cache = repo.cache.local.path.removesuffix("/files/md5")
        config.setdefault("cache", {})["dir"] = _link(scratch / "cache", cache)
        config.setdefault("core", {})["site_cache_dir"] = str(scratch / "site")
        for number, (name, settings) in enumerate(repo.config["remote"].items()):
            if "://" not in settings["url"]:
                link = _link(scratch / f"remote-{number}", str(settings["url"]))
                config.setdefault("remote", {}).setdefault(name, {})["url"] = link


def _link(place: Path, target: str) -> str:
    place.symlink_to(target)
    return str(place)
