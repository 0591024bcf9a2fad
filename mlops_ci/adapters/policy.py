"""A policy file of another repository, at one pinned commit, kept beside .git once it was fetched."""

from __future__ import annotations

from pathlib import Path

from mlops_ci.adapters import files, process
from mlops_ci.adapters.git import Git
from mlops_ci.errors import ConfigError, ToolError


def fetch(git: Git, repository: str, commit: str, path: str) -> str:
    """The policy file's text; a commit never changes, so it is fetched once and kept.

    Raises:
        ToolError: the repository cannot be reached or does not give that commit.
        ConfigError: the commit has no such file.
    """
    kept = git.git_dir() / "mlops-ci" / "policies" / commit / path
    if kept.is_file():
        return kept.read_text(encoding="utf-8")
    store = git.git_dir() / "mlops-ci" / "policies" / "store.git"
    if not store.is_dir():
        process.run(["git", "init", "--quiet", "--bare", str(store)], cwd=git.root)
    address = (
        repository if "://" in repository or "@" in repository else str((git.root / repository).resolve())
    )
    text = _blob(store, commit, path)
    if text is None:
        _fetch_commit(store, address, repository, commit)
        text = _blob(store, commit, path)
    if text is None:
        raise ConfigError(f"extends: {repository} has no file {path!r} at {commit[:10]}", "check `path:`")
    files.write(kept, text.encode())
    return text


def _blob(store: Path, commit: str, path: str) -> str | None:
    found = process.run(["git", "cat-file", "blob", f"{commit}:{path}"], cwd=store, check=False)
    return found.stdout if found.code == 0 else None


def _fetch_commit(store: Path, address: str, repository: str, commit: str) -> None:
    """By the commit alone where the server allows it, else with every branch."""
    for what in ([commit], ["+refs/heads/*:refs/policy/*"]):
        done = process.run(
            ["git", "fetch", "--quiet", *(["--depth=1"] if what == [commit] else []), address, *what],
            cwd=store,
            check=False,
        )
        if done.code == 0 and _has(store, commit):
            return
    raise ToolError(
        f"extends: {repository} does not give the commit {commit[:10]}",
        "check the address, the commit and the credentials of the policy repository",
    )


def _has(store: Path, commit: str) -> bool:
    return process.run(["git", "cat-file", "-e", f"{commit}^{{commit}}"], cwd=store, check=False).code == 0
