"""The branch whose history is audited, found without reading more of the rules than that takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlops_ci.adapters import git_history, revisions
from mlops_ci.adapters.git import Git
from mlops_ci.adapters.git_access import Access
from mlops_ci.audit.history import History

_FILE = "mlops-ci.yaml"
# What may name another branch; a policy may do it for a file that extends it.
_NAMES_A_BRANCH = re.compile(r"^(?:base|extends)\s*:", re.MULTILINE)


@dataclass(frozen=True)
class Trunk:
    """A repository at the newest commit of its base branch; ``rules`` is where mlops-ci.yaml stands there."""

    git: Git
    head: str
    rules: str


def find(start: Path, environ: Mapping[str, str], *, base: str = "") -> Trunk:
    """The repository around a folder.

    Raises:
        ConfigError: no repository, no commit, an unknown branch, or an mlops-ci.yaml with mistakes.
        ToolError: the remote or the policy's repository cannot be reached.
    """
    git = Git.open(start, Access.of(environ))
    path = (_root(git, start).relative_to(git.root.resolve()) / _FILE).as_posix()
    head = _head(git, environ, base)
    text = git.show(head, path) or ""
    if not base and not revisions.told_base(environ) and _NAMES_A_BRANCH.search(text):
        from mlops_ci.collect import project

        named = project.rules(git, text, path).base
        head = _head(git, environ, named) if named else head
    return Trunk(git, head, path)


def history(start: Path, environ: Mapping[str, str], *, base: str = "") -> History:
    """What Git says of the records alone; raises what `find` does."""
    found = find(start, environ, base=base)
    return git_history.read(found.git, found.head)


def _head(git: Git, environ: Mapping[str, str], base: str) -> str:
    """The newest commit of the base branch; without one what is checked out."""
    found = revisions.find(git, environ, base=base)
    return found.policy.commit if found.policy else git.head()


def _root(git: Git, start: Path) -> Path:
    """The nearest folder with a .dvc folder, up to the repository's top."""
    here, top = start.resolve(), git.root.resolve()
    inside = [folder for folder in (here, *here.parents) if folder.is_relative_to(top)]
    return next((folder for folder in inside if (folder / ".dvc").is_dir()), top)
