"""Real Git repositories for tests: made in a few calls, read back as plain values."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

WHO = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
}


def git(folder: Path, *args: str) -> str:
    """Run git in a folder with a fixed identity; gives what it printed, stripped."""
    done = subprocess.run(
        ["git", *args],
        cwd=folder,
        env={**_environ(), **WHO},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"git {' '.join(args)}: {done.stderr}")
    return done.stdout.strip()


def _environ() -> dict[str, str]:
    import os

    return dict(os.environ)


@dataclass(frozen=True)
class Repo:
    """A repository with a work tree."""

    path: Path

    @classmethod
    def init(cls, path: Path) -> Repo:
        path.mkdir(parents=True, exist_ok=True)
        git(path, "init", "--quiet", "--initial-branch=main")
        return cls(path)

    @classmethod
    def clone(cls, source: Path, path: Path, *options: str) -> Repo:
        git(path.parent, "clone", "--quiet", *options, str(source), str(path))
        return cls(path)

    def git(self, *args: str) -> str:
        return git(self.path, *args)

    def write(self, name: str, text: str) -> None:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def commit(self, message: str = "Change", **files: str) -> str:
        """Write files (``a__b`` stands for ``a/b``, ``_dot_`` for a dot), commit everything, give the SHA."""
        for name, text in files.items():
            self.write(name.replace("__", "/").replace("_dot_", "."), text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")
