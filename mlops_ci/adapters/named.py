"""What a person names a table by, opened: a path, ``path@revision``, ``s3://...``, ``sql:SELECT ...``."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from difflib import get_close_matches
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from mlops_ci.adapters import sources
from mlops_ci.adapters.source import Source
from mlops_ci.errors import ConfigError, MlopsError

if TYPE_CHECKING:
    from mlops_ci.adapters.dvc import Dvc
    from mlops_ci.adapters.git import Git

MAX_TABLE = 512 * 1024 * 1024
# The last @ that is no part of the revision itself, as in main@{1}.
_REVISION = re.compile(r"(.+)@(?!\{)(.+)", re.DOTALL)


@contextmanager
def opened(text: str, *, database: str = "") -> Iterator[Source]:
    """A table as a person names it in the current folder, open until the block ends.

    Raises:
        ConfigError: it is not there, or is no table.
        ToolError: what holds it does not answer.
    """
    found = revision(text)
    if found is None:
        yield sources.open_source(text, database=database)
    else:
        with at_revision(Path.cwd(), *found) as source:
            yield source


def revision(text: str) -> tuple[str, str] | None:
    """``path@revision`` in its parts; None for all else. A file that is called so is itself."""
    if sources.is_address(text) or Path(text).exists():
        return None
    found = _REVISION.fullmatch(text)
    return (found[1], found[2]) if found else None


@contextmanager
def at_revision(folder: Path, path: str, rev: str, *, limit: int = MAX_TABLE) -> Iterator[Source]:
    """A table that a person named as ``path@rev`` in a folder, as Git or DVC has it there.

    Raises:
        ConfigError: there is no repository, no such commit, no such path in it, or it is no table.
        ToolError: DVC tracks it, but nobody has it.
    """
    from mlops_ci.adapters.dvc_errors import MissingFileError, PointerError, TooLargeError
    from mlops_ci.adapters.git import Git

    name = f"{path}@{rev}"
    git = Git.open(folder)
    commit = git.resolve(rev)
    if commit is None:
        said = f"there is no such file, and {rev!r} is no commit, branch or tag of this repository"
        raise ConfigError(f"{name}: {said}", _near(rev, git.refs()) or "fetch it, or check the name")
    inner = _inside(git.root.resolve(), folder / path, name)
    with ExitStack() as stack:
        try:
            source = stack.enter_context(_recorded_in(git, commit, inner, name, limit))
        except (MissingFileError, PointerError, TooLargeError) as error:
            reason = error.message.rpartition(": ")[2]
            raise ConfigError(f"{name}: {reason}", _mending(error, git, inner, rev)) from error
        yield source


@contextmanager
def recorded(
    dvc: Dvc, path: str, rev: str | None, *, name: str = "", limit: int = MAX_TABLE
) -> Iterator[Source]:
    """A file or folder as Git or DVC has it at a revision (None: the workspace's dvc.lock).

    Raises:
        MlopsError: it is nowhere, too large, or no table.
    """
    files = _files_below(dvc, path, rev)
    if files:
        with _copied(path, files, lambda file: dvc.read(file, rev, limit=limit), name) as source:
            yield source
    else:
        yield sources.from_bytes(dvc.read(path, rev, limit=limit), path, name=name)


def _files_below(dvc: Dvc, path: str, rev: str | None) -> Sequence[str]:
    """The files of a folder: those of DVC, of Git, or of both; none where it is a file or not there."""
    from mlops_ci.adapters.git import Git

    found = dvc.files(path, rev)
    if found or rev is None or dvc.tracked(path, rev) is not None:
        return found
    parts = dvc.graph(rev).within.get(str(PurePosixPath(path)), ())
    tracked = (file for part in parts for file in _tracked_files(dvc, part, rev))
    return sorted({*Git(dvc.top).listed(rev, path.rstrip("/")), *tracked})


def _tracked_files(dvc: Dvc, path: str, rev: str) -> Sequence[str]:
    value = dvc.tracked(path, rev)
    if value is None:
        return ()
    if not value.endswith(".dir"):
        return (path,)
    if dvc.store.tree(value) is None:
        # Says why nobody has the listing; its files would be missing without a word.
        dvc.read(path, rev)
    return dvc.files(path, rev)


@contextmanager
def _copied(path: str, files: Sequence[str], read: Callable[[str], bytes], name: str) -> Iterator[Source]:
    """The tables of a folder of an earlier revision, put into a temporary one until the block ends."""
    with tempfile.TemporaryDirectory(prefix="mlops-ci-") as folder:
        for file in files:
            relative = PurePosixPath(file).relative_to(path).as_posix()
            if sources.is_table(relative):
                copy = Path(folder) / relative
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(read(file))
        yield sources.from_folder(Path(folder), name or path)


# ---- path@revision -----------------------------------------------------------------------------


@contextmanager
def _recorded_in(git: Git, commit: str, path: str, name: str, limit: int) -> Iterator[Source]:
    """From Git where Git has it, else from DVC, which takes a second to begin."""
    from mlops_ci.adapters import git_files
    from mlops_ci.adapters.dvc_errors import MissingFileError

    raw = git_files.read(git, path, commit, limit)
    if raw is not None:
        yield sources.from_bytes(raw, path, name=name)
    elif (root := _dvc_root(git, path)) is not None:
        from mlops_ci.adapters.dvc import Dvc

        dvc = Dvc.open(root)
        try:
            with recorded(dvc, path, commit, name=name, limit=limit) as source:
                yield source
        finally:
            dvc.close()
    elif files := git.listed(commit, path):
        read = partial(git_files.read, git, rev=commit, limit=limit)
        with _copied(path, files, lambda file: read(file) or b"", name) as source:
            yield source
    else:
        raise MissingFileError(f"{path}: is not in Git")


def _dvc_root(git: Git, path: str) -> Path | None:
    """The folder of the DVC repository that a path belongs to; None where there is none."""
    pure = PurePosixPath(path)
    folders = (git.root / inner for inner in (pure, *pure.parents))
    return next((folder for folder in folders if (folder / ".dvc").is_dir()), None)


def _inside(top: Path, path: Path, name: str) -> str:
    # The file itself may be a link into DVC's cache, or not be there at all.
    normal = Path(os.path.normpath(path.parent.resolve() / path.name))
    if not normal.is_relative_to(top):
        raise ConfigError(f"{name}: is outside of the repository {top}", "name a path of the repository")
    return normal.relative_to(top).as_posix()


def _mending(error: MlopsError, git: Git, path: str, rev: str) -> str:
    """What a person can do where a table cannot be read at a revision."""
    from mlops_ci.adapters.dvc_errors import MissingFileError, TooLargeError

    pure = PurePosixPath(path)
    if isinstance(error, MissingFileError):
        there = git.names(rev, str(pure.parent))
        return _near(pure.name, [one.removesuffix(".dvc") for one in there]) or "check the path"
    if isinstance(error, TooLargeError) and _dvc_root(git, path) is not None:
        return f"`dvc get . {path} --rev {rev} -o COPY`, and name COPY"
    return f"`git worktree add --detach COPY {rev}`, and name COPY/{path}"


def _near(name: str, names: Collection[str]) -> str:
    near = get_close_matches(name, names, n=1)
    return f"did you mean {near[0]!r}?" if near else ""
