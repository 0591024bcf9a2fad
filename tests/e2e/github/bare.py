"""The bare repositories behind the stand: what GitHub does with Git, done by Git."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

NONE = "0" * 40
FORGE = {
    "GIT_AUTHOR_NAME": "GitHub",
    "GIT_AUTHOR_EMAIL": "noreply@github.com",
    "GIT_COMMITTER_NAME": "GitHub",
    "GIT_COMMITTER_EMAIL": "noreply@github.com",
}

# What a push may not do: refs that are closed to its token, and workflow files without the permission for them.
UPDATE_HOOK = """\
#!/bin/sh
case " $STAND_CLOSED " in *" $1 "*)
  echo "error: GH006: Protected branch update failed for $1." >&2
  echo "error: Changes must be made through a pull request." >&2
  exit 1;;
esac
[ "$STAND_WORKFLOWS" = yes ] && exit 0
[ "$3" = 0000000000000000000000000000000000000000 ] && exit 0
file=$(git log --format= --name-only "$3" --not --all -- .github/workflows | head -n 1)
[ -z "$file" ] && exit 0
echo "refusing to allow a GitHub App to create or update workflow \\`$file\\` without \\`workflows\\` permission" >&2
exit 1
"""


class GitError(Exception):
    """Git said no."""


@dataclass(frozen=True)
class Bare:
    """One bare repository."""

    path: Path

    @classmethod
    def create(cls, path: Path) -> Bare:
        path.mkdir(parents=True)
        made = cls(path)
        made.git("init", "--quiet", "--bare", "--initial-branch=main")
        made.git("config", "http.receivepack", "true")
        # Commits are fetched by their name, as on GitHub.
        made.git("config", "uploadpack.allowAnySHA1InWant", "true")
        made.git("config", "receive.hideRefs", "refs/pull")
        made.git("config", "core.quotePath", "false")
        hook = path / "hooks" / "update"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(UPDATE_HOOK)
        hook.chmod(0o755)
        return made

    def raw(
        self, *args: str, data: bytes = b"", ok: Iterable[int] = (0,), author: Mapping[str, str] | None = None
    ) -> bytes:
        """What git printed."""
        done = subprocess.run(
            ["git", *args],
            cwd=self.path,
            input=data,
            env={**os.environ, **FORGE, **(author or {})},
            capture_output=True,
            check=False,
        )
        if done.returncode not in ok:
            raise GitError(f"git {' '.join(args)}: {done.stderr.decode()}")
        return done.stdout

    def git(self, *args: str, data: str = "", ok: Iterable[int] = (0,)) -> str:
        """What git printed, without its last newline."""
        return self.raw(*args, data=data.encode(), ok=ok).decode().removesuffix("\n")

    # ---- reading

    def commit(self, name: str) -> str | None:
        """The commit that a name stands for."""
        return self.git("rev-parse", "--quiet", "--verify", f"{name}^{{commit}}", ok=(0, 1, 128)) or None

    def branch(self, name: str) -> str | None:
        return self.commit(f"refs/heads/{name}")

    def refs(self) -> dict[str, str]:
        """Branches and tags."""
        lines = self.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/tags")
        return dict(line.split() for line in lines.splitlines())

    def has(self, sha: str) -> bool:
        done = subprocess.run(["git", "cat-file", "-e", sha], cwd=self.path, capture_output=True, check=False)
        return done.returncode == 0

    def parents(self, commit: str) -> list[str]:
        return self.git("log", "-1", "--format=%P", commit).split()

    def message(self, commit: str) -> str:
        """With its last line feed."""
        return self.raw("cat-file", "commit", commit).decode().partition("\n\n")[2]

    def between(self, base: str, head: str) -> list[str]:
        """The commits of head that base has not, oldest first."""
        return self.git("rev-list", "--reverse", "--topo-order", head, f"^{base}").split()

    def contains(self, commit: str, ancestor: str) -> bool:
        done = subprocess.run(
            ["git", "merge-base", "--is-ancestor", ancestor, commit],
            cwd=self.path,
            capture_output=True,
            check=False,
        )
        return done.returncode == 0

    def text(self, commit: str, name: str) -> str | None:
        """A file's text at a commit."""
        if not self.git("ls-tree", commit, "--", name):
            return None
        return self.raw("cat-file", "blob", f"{commit}:{name}").decode()

    def names(self, commit: str, folder: str) -> list[str]:
        return self.git("ls-tree", "--name-only", commit, "--", f"{folder}/").splitlines()

    # ---- writing

    def move(self, ref: str, to: str, expected: str | None = None) -> None:
        self.git("update-ref", ref, to, *([expected] if expected else []))

    def write_commit(self, tree: str, parents: Iterable[str], message: str, login: str = "") -> str:
        """A commit by GitHub, in somebody's name where a login is given."""
        flags = [flag for parent in parents for flag in ("-p", parent)]
        author = {"GIT_AUTHOR_NAME": login, "GIT_AUTHOR_EMAIL": f"{login}@users.noreply.github.com"}
        data = f"{message.rstrip()}\n".encode()
        made = self.raw("commit-tree", tree, *flags, "-F", "-", data=data, author=author if login else None)
        return made.decode().strip()

    def merged_tree(self, base: str, head: str) -> str | None:
        """The tree of a three-way merge, or nothing where it conflicts."""
        out = self.git("merge-tree", "--write-tree", base, head, ok=(0, 1))
        tree, _, conflict = out.partition("\n")
        return None if conflict else tree

    def rebased(self, base: str, head: str) -> str | None:
        """The tip after head's own commits were put on base one by one."""
        tip = base
        for commit in self.between(base, head):
            tree = self._picked(tip, commit)
            if tree is None:
                return None
            name, email, date = self.git("log", "-1", "--format=%an%n%ae%n%aI", commit).split("\n")
            who = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": email, "GIT_AUTHOR_DATE": date}
            data = self.message(commit).encode()
            made = self.raw("commit-tree", tree, "-p", tip, "-F", "-", data=data, author=who)
            tip = made.decode().strip()
        return tip

    def _picked(self, onto: str, commit: str) -> str | None:
        """The tree of a cherry-pick: a merge whose base is the commit's parent, said with throw-away commits."""
        origin = self.write_commit(f"{commit}^^{{tree}}", [], "origin")
        ours = self.write_commit(f"{onto}^{{tree}}", [origin], "ours")
        theirs = self.write_commit(f"{commit}^{{tree}}", [origin], "theirs")
        return self.merged_tree(ours, theirs)

    def fetch(self, source: Bare, *refspecs: str) -> None:
        self.git("fetch", "--quiet", "--no-tags", str(source.path), *refspecs)
