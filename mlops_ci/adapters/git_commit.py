"""Commits of given texts, made beside the work tree: the same texts on the same parent give the same name."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from mlops_ci import trailers
from mlops_ci.adapters import git_batch
from mlops_ci.adapters.git import BOT_EMAIL, Git
from mlops_ci.errors import ConfigError

BOT = "mlops-ci"
_FILE = "100644"
_FILES = ("100644", "100755")
_FOLDER = "040000"
_WHAT = {"120000": "a symbolic link", "160000": "a submodule", _FOLDER: "a folder"}
_NOTHING = "0" * 40


def commit_files(
    git: Git, parent: str, files: Mapping[str, str | None], message: str, *, date: str = ""
) -> str:
    """Commit texts by path (None: the file goes) on top of ``parent``; gives the commit, or the parent
    where nothing changes.

    Author and committer are mlops-ci, both at ``date`` (``SECONDS +HHMM``), by default the parent's committer
    date. A trailer names the commit's own tree, by which `is_ours` tells that nobody changed it.
    Modes are kept; no hook, index, configuration of signing or of encodings has a part in it.

    Raises:
        ConfigError: a path cannot be a file there: a link, a submodule or a folder is in its way.
    """
    modes = _modes(git, parent, files)
    tree = _tree(git, parent, files, modes)
    known = git_batch.commits(git, [parent])[parent]
    if tree == known.tree:
        return parent
    text = trailers.add(message, trailers.TREE, tree)
    return git.run(
        *("-c", "commit.gpgSign=false", "-c", "i18n.commitEncoding=UTF-8"),
        *("commit-tree", tree, "-p", parent),
        stdin=text.encode("utf-8", "surrogateescape"),
        env=_identity(date or known.date),
    ).stdout.strip()


def is_ours(commit: git_batch.Commit) -> bool:
    """Whether `commit_files` made a commit, and nobody amended it since."""
    ours = {commit.author_email, commit.committer_email} == {BOT_EMAIL}
    return (
        ours and len(commit.parents) == 1 and trailers.read(commit.message).get(trailers.TREE) == commit.tree
    )


def stands(git: Git, tip: str, base: str, files: Mapping[str, str | None], message: str) -> bool:
    """Whether a commit that `commit_files` made on an earlier commit of a branch still does: it brings to the
    ``base`` of now what a new one would, the same change to files that are the same.
    """
    known = git_batch.commits(git, [tip]).get(tip)
    if known is None or not is_ours(known):
        return False
    parent = known.parents[0]
    if git.run("merge-base", "--is-ancestor", parent, base, check=False).code != 0:
        return False
    then, now = (
        git.run("--literal-pathspecs", "ls-tree", "-r", "-z", commit, "--", *files).stdout
        for commit in (parent, base)
    )
    return then == now and commit_files(git, parent, files, message) == tip


def _identity(date: str) -> dict[str, str]:
    whole = {"NAME": BOT, "EMAIL": BOT_EMAIL, "DATE": f"@{date}"}
    return {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in whole.items()}


def _tree(git: Git, parent: str, files: Mapping[str, str | None], modes: Mapping[str, str]) -> str:
    """The parent's tree with the files as they shall be."""
    lines = []
    for path, text in files.items():
        if text is None:
            lines.append(f"0 {_NOTHING}\t{path}")
            continue
        raw = text.encode("utf-8", "surrogateescape")
        name = git.run("hash-object", "-w", "--no-filters", "--stdin", stdin=raw).stdout.strip()
        lines.append(f"{modes.get(path, _FILE)} {name}\t{path}")
    with tempfile.TemporaryDirectory(prefix="mlops-ci-index-") as folder:
        env = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        git.run("read-tree", parent, env=env)
        told = "".join(f"{line}\0" for line in lines).encode("utf-8", "surrogateescape")
        git.run("update-index", "-z", "--index-info", env=env, stdin=told)
        return git.run("write-tree", env=env).stdout.strip()


def _modes(git: Git, parent: str, paths: Iterable[str]) -> dict[str, str]:
    """The modes of the files that are there already; refuses a path that nothing can be written to."""
    names = list(paths)
    for name in names:
        _check(name)
    folders = {str(folder) for name in names for folder in PurePosixPath(name).parents} - {"."}
    wanted = sorted({*names, *folders})
    listed = git.run("--literal-pathspecs", "ls-tree", "-t", "-z", parent, "--", *wanted).stdout.split("\0")
    modes = {path: line[:6] for line, _, path in (entry.partition("\t") for entry in listed if entry)}
    for folder in sorted(folders):
        if modes.get(folder, _FOLDER) != _FOLDER:
            what = _WHAT.get(modes[folder], "a file")
            raise ConfigError(f"{folder}: is {what} in the repository, and a folder is needed there")
    for name in names:
        if name in modes and modes[name] not in _FILES:
            raise ConfigError(
                f"{name}: is {_WHAT[modes[name]]} in the repository, and only a file can be changed",
                "name the file itself",
            )
    return modes


def _check(name: str) -> None:
    parts = name.split("/")
    if any(part in ("", ".", "..") or part.lower() == ".git" for part in parts) or "\0" in name:
        raise ConfigError(f"{name!r} is no path of a file in a repository", "name it from the top, with `/`")
