"""Git through its command line: what is committed, what changed, and commits made beside the work tree."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mlops_ci.adapters import process
from mlops_ci.adapters.git_access import Access
from mlops_ci.errors import ConfigError, ToolError

MAX_DEEPEN = 1 << 20
BOT_EMAIL = "mlops-ci@users.noreply.github.com"
_HUNK = re.compile(r"^@@ -\d+(?:,\d+)? \+(\d+)(?:,\d+)? @@", re.ASCII)


@dataclass(frozen=True)
class Git:
    """A repository; ``root`` is the top of its work tree. No global configuration is ever written.

    ``access`` opens the remote where that is the job's own server.
    """

    root: Path
    access: Access = field(default=Access(), repr=False)

    @classmethod
    def open(cls, path: Path, access: Access | None = None) -> Git:
        """Find the repository that holds ``path``.

        Raises:
            ConfigError: there is none, it is bare, or Git refuses it (another owner).
        """
        found = process.run(["git", "rev-parse", "--show-toplevel"], cwd=path, check=False)
        if found.code == 0 and found.stdout.strip():
            return cls(Path(found.stdout.rstrip("\n")), access or Access())
        if "dubious ownership" in found.stderr:
            raise ConfigError(
                f"{path}: git does not trust this folder, another user owns it",
                f"git config --global --add safe.directory {path}",
            )
        raise ConfigError(
            f"{path}: not inside a git work tree", "run `git init`, or change to your repository"
        )

    def run(
        self,
        *args: str,
        check: bool = True,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        timeout: float | None = None,
    ) -> process.Result:
        """Run ``git ARGS`` in the repository."""
        command = ["git", "-c", "core.quotePath=false", *args]
        return process.run(command, cwd=self.root, check=check, env=env, input=stdin, timeout=timeout)

    # ---- reading ---------------------------------------------------------------------------

    def head(self) -> str:
        """The commit that is checked out.

        Raises:
            ConfigError: there is no commit yet.
        """
        commit = self.resolve("HEAD")
        if commit is None:
            raise ConfigError(f"{self.root}: the repository has no commit yet", "commit your pipeline first")
        return commit

    def branch(self) -> str:
        """The branch that is checked out, empty on a detached HEAD."""
        return self.run("symbolic-ref", "--quiet", "--short", "HEAD", check=False).stdout.strip()

    def resolve(self, rev: str) -> str | None:
        """The commit a revision names, or None."""
        found = self.run(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}", check=False
        )
        return found.stdout.strip() or None

    def parents(self, commit: str) -> tuple[str, ...]:
        """The parents a commit names, also where a shallow clone does not have them."""
        text = self.run("cat-file", "commit", commit).stdout
        header = text.split("\n\n", 1)[0]
        return tuple(line[7:] for line in header.splitlines() if line.startswith("parent "))

    def message(self, commit: str) -> str:
        """The full commit message."""
        return self.run("show", "--no-patch", "--format=%B", commit).stdout

    def git_dir(self) -> Path:
        """The common .git folder, shared by all work trees."""
        text = self.run("rev-parse", "--git-common-dir").stdout.rstrip("\n")
        return (self.root / text).resolve()

    def is_shallow(self) -> bool:
        """Whether history was cut off by the clone."""
        return self.run("rev-parse", "--is-shallow-repository").stdout.strip() == "true"

    def is_dirty(self) -> bool:
        """Whether tracked files differ from HEAD."""
        return bool(self.run("status", "--porcelain", "--untracked-files=no").stdout.strip())

    def show(self, commit: str, path: str) -> str | None:
        """The text of a file at a commit, or None where it is not there."""
        found = self.run("cat-file", "blob", f"{commit}:{path}", check=False)
        return found.stdout if found.code == 0 else None

    def kind(self, commit: str, path: str) -> str:
        """What a path is at a commit: ``blob`` (a file), ``tree`` (a folder), or empty: nothing."""
        return self.run("cat-file", "-t", _object(commit, path), check=False).stdout.strip()

    def listed(self, commit: str, folder: str) -> tuple[str, ...]:
        """The files below a folder at a commit."""
        names = self.run("ls-tree", "-r", "-z", "--name-only", commit, "--", f"{folder}/").stdout
        return tuple(name for name in names.split("\0") if name)

    def names(self, commit: str, folder: str) -> tuple[str, ...]:
        """The names of the files and folders directly in a folder at a commit; none where it is not there."""
        found = self.run("ls-tree", "-z", "--name-only", _object(commit, folder), check=False).stdout
        return tuple(name for name in found.split("\0") if name)

    def refs(self) -> tuple[str, ...]:
        """The names of all branches and tags, those of remotes too."""
        kinds = ("refs/heads", "refs/tags", "refs/remotes")
        return tuple(self.run("for-each-ref", "--format=%(refname:short)", *kinds).stdout.split())

    def remote(self) -> str:
        """The remote pull requests go to: ``origin`` where it exists, else the only one, else empty."""
        names = self.run("remote").stdout.split()
        if "origin" in names:
            return "origin"
        return names[0] if len(names) == 1 else ""

    def remote_url(self, *, push: bool = False) -> str:
        """The remote's address, to fetch from or to push to, or an empty text."""
        name, which = self.remote(), ["--push"] if push else []
        return self.run("remote", "get-url", *which, name, check=False).stdout.strip() if name else ""

    def merge_base(self, one: str, other: str) -> str | None:
        """The best common ancestor that this clone knows, or None."""
        return self.run("merge-base", one, other, check=False).stdout.strip() or None

    def changed_lines(self, base: str) -> dict[str, int | None]:
        """Every file that differs between a commit and the work tree -> first changed line, from 1.

        The line is None for deleted and binary files. Submodules are left out.
        """
        listed = self.run("diff", "--name-only", "-z", "--no-renames", "--ignore-submodules", base).stdout
        changed: dict[str, int | None] = {name: None for name in listed.split("\0") if name}
        if changed:
            text = self.run(
                "diff", "-U0", "--no-color", "--no-ext-diff", "--no-renames", "--ignore-submodules", base
            ).stdout
            changed.update(_first_lines(text))
        return changed

    def changed_files(self) -> tuple[str, ...]:
        """Every file that differs from HEAD or is new and not ignored."""
        listed = self.run("status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames").stdout
        return tuple(sorted(entry[3:] for entry in listed.split("\0") if entry))

    def diff(self, paths: Iterable[str]) -> str:
        """The work tree's difference to HEAD in some files, as a patch that ``git apply`` takes."""
        names = sorted(paths)
        if not names:
            return ""
        with self._scratch_index() as env:
            self.run("read-tree", "HEAD", env=env)
            self.run("add", "--force", "--", *(n for n in names if (self.root / n).exists()), env=env)
            return self.run(
                "diff", "--cached", "--no-color", "--no-ext-diff", "HEAD", "--", *names, env=env
            ).stdout

    # ---- the remote ------------------------------------------------------------------------

    def remotely(self, *args: str, push: bool = False, timeout: float | None = None) -> process.Result:
        """Run ``git ARGS`` that speaks to the remote, with what opens it; no token is in its answer."""
        opened = self.access.environ(self.remote_url(push=push), push=push)
        done = self.run(*args, check=False, env=opened, timeout=timeout)
        scrub = self.access.scrub
        return replace(done, stdout=scrub(done.stdout), stderr=scrub(done.stderr))

    def fetch(self, *refspecs: str, depth: int | None = None, deepen: int | None = None) -> bool:
        """Fetch refspecs from the remote; False where the remote does not have one of them.

        Raises:
            ToolError: the remote cannot be reached.
        """
        options = [f"--depth={depth}"] if depth else []
        options += [f"--deepen={deepen}"] if deepen else []
        done = self.remotely("fetch", "--quiet", "--no-tags", *options, self.remote(), *refspecs)
        if done.code == 0:
            return True
        if re.search(r"couldn't find remote ref|not our ref|unadvertised object", done.stderr):
            return False
        raise ToolError(
            f"git fetch {refspecs[0]}: {complaint(done.stderr)}",
            "check the remote and its credentials, or check out with the full history (fetch-depth: 0)",
        )

    # ---- writing ---------------------------------------------------------------------------

    def commit_onto(self, parent: str, paths: Iterable[str], message: str) -> str:
        """Make a commit of some work-tree files on top of ``parent``; index and HEAD stay as they are.

        Files that no longer exist are removed. Nothing refers to the new commit yet.
        """
        names = sorted(paths)
        with self._scratch_index() as env:
            self.run("read-tree", parent, env=env)
            present = [name for name in names if (self.root / name).exists()]
            gone = [name for name in names if name not in present]
            if present:
                self.run("add", "--force", "--", *present, env=env)
            if gone:
                self.run("rm", "--quiet", "--cached", "--ignore-unmatch", "--", *gone, env=env)
            tree = self.run("write-tree", env=env).stdout.strip()
        if tree == self.run("rev-parse", f"{parent}^{{tree}}").stdout.strip():
            return parent
        made = self.run("commit-tree", tree, "-p", parent, stdin=message.encode(), env=self._identity())
        return made.stdout.strip()

    def _identity(self) -> dict[str, str]:
        """A name to commit by where the repository has none (a bot's machine)."""
        if self.run("config", "user.email", check=False).stdout.strip():
            return {}
        found = {}
        for role in ("AUTHOR", "COMMITTER"):
            found[f"GIT_{role}_NAME"] = os.environ.get(f"GIT_{role}_NAME", "mlops-ci")
            found[f"GIT_{role}_EMAIL"] = os.environ.get(
                f"GIT_{role}_EMAIL", "mlops-ci@users.noreply.github.com"
            )
        return found

    def _scratch_index(self) -> _ScratchIndex:
        return _ScratchIndex()


class _ScratchIndex:
    """A Git index of our own, so that the user's staged files are never touched."""

    def __enter__(self) -> dict[str, str]:
        self._folder = tempfile.TemporaryDirectory(prefix="mlops-ci-index-")
        return {"GIT_INDEX_FILE": str(Path(self._folder.name) / "index")}

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()


def _object(commit: str, path: str) -> str:
    """A path at a commit as Git wants it written; the top folder has no name there."""
    return f"{commit}:{'' if path == '.' else path}"


def _first_lines(patch: str) -> dict[str, int]:
    """File -> the first changed line in its new version, out of a patch without context lines."""
    lines: dict[str, int] = {}
    current = ""
    in_header = False
    for line in patch.split("\n"):
        if line.startswith("diff --git "):
            in_header, current = True, ""
        elif in_header and line.startswith("+++ b/"):
            current = line[6:].rstrip("\t")
        elif found := _HUNK.match(line):
            in_header = False
            if current and current not in lines:
                lines[current] = max(1, int(found.group(1)))
    return lines


def complaint(text: str) -> str:
    """The line of Git's messages that says what is wrong: the first fatal one, else the last.

    After a fatal line Git may go on with advice, which alone says nothing.
    """
    lines = [line.strip() for line in process.clean(text)]
    fatal = (line.removeprefix("fatal: ") for line in lines if line.startswith("fatal: "))
    return next(fatal, lines[-1] if lines else "no message")
