"""A sandbox for the example: a bare origin, a DVC storage, an author's clone and a runner's clone."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from mlops_ci.adapters import process
from mlops_ci.adapters.git import Git
from mlops_ci.adapters.local import LocalForge
from mlops_ci.errors import ToolError

EXAMPLE = (
    "data",
    "deploy",
    "pipeline",
    "schemas",
    "params.yaml",
    "dvc.yaml",
    "mlops-ci.yaml",
    ".dvcignore",
    ".gitignore",
)
# The sandbox must not inherit a pull request, a signing key or a Git configuration from outside.
NEUTRAL = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    # A demo in somebody's CI tells nothing to GitHub.
    "GITHUB_ACTIONS": "",
    "GITHUB_REF": "",
    "GITHUB_HEAD_REF": "",
    "GITHUB_BASE_REF": "",
    "GITHUB_STEP_SUMMARY": "",
    "DVC_NO_ANALYTICS": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONWARNINGS": "ignore",
}


OnLine = Callable[[str], None] | None


@dataclass(frozen=True)
class Sandbox:
    """Everything one pull request needs, in one folder; nothing outside of it is written."""

    folder: Path

    @property
    def origin(self) -> Path:
        """The bare repository both clones push to."""
        return self.folder / "origin.git"

    @property
    def author(self) -> Path:
        """The clone in which the author edits."""
        return self.folder / "author" / "census"

    @property
    def runner(self) -> Path:
        """The clone in which CI runs, with a cache of its own."""
        return self.folder / "runner" / "census"

    @property
    def forge(self) -> LocalForge:
        """Where the pull requests and comments are."""
        return LocalForge.beside(Git.open(self.author))

    def git(self, where: Path, *args: str) -> str:
        """Run git with neutral settings."""
        return process.run(["git", *args], cwd=where, env=NEUTRAL).stdout.strip()

    def tool(self, where: Path, *args: str, ci: bool = False, on_line: OnLine = None) -> process.Result:
        """Run mlops-ci or dvc as a user does, with this interpreter's own packages."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        env = {
            **NEUTRAL,
            "PATH": path,
            "CI": "true" if ci else "",
            "MLFLOW_TRACKING_URI": f"sqlite:///{self.folder}/mlflow.db",
            "DVC_SITE_CACHE_DIR": str(self.folder / "dvc-site"),
        }
        command = [sys.executable, "-m", *args]
        return process.run(command, cwd=where, env=env, check=False, on_line=on_line)

    def prepare(self, on_line: OnLine = None) -> None:
        """The first model on main: the example is committed, run once, and pushed with data and evidence.

        Raises:
            ToolError: a step failed.
        """
        self.author.mkdir(parents=True)
        for name in EXAMPLE:
            _copy(_example() / name, self.author / name)
        self.git(self.folder, "init", "--quiet", "--bare", "--initial-branch=main", str(self.origin))
        self.git(self.author, "init", "--quiet", "--initial-branch=main")
        self.git(self.author, "remote", "add", "origin", str(self.origin))
        self._must("dvc", "init", "--quiet")
        self._must("dvc", "remote", "add", "-d", "storage", str(self.folder / "storage"))
        self._commit("A model of employment, from the census")
        self._must("mlops_ci", "run", on_line=on_line)
        self._commit("Train the first model")
        self._must("dvc", "push", "--quiet")
        self.git(self.author, "push", "--quiet", "--set-upstream", "origin", "main")
        self.runner.parent.mkdir()
        self.git(self.folder, "clone", "--quiet", str(self.origin), str(self.runner))

    def propose(self, branch: str, title: str, edits: Iterable[tuple[str, str, str]]) -> None:
        """What the author does: a branch, edits (file, old text, new text), a commit, a push; no run.

        Raises:
            ToolError: a text to replace is not there exactly once.
        """
        self.git(self.author, "checkout", "--quiet", "-B", branch, "main")
        self._edit(edits)
        self._commit(title)
        self.git(self.author, "push", "--quiet", "--force", "origin", branch)

    def check(self, branch: str, on_line: OnLine = None) -> process.Result:
        """What CI does: check the branch out and run `mlops-ci pr`.

        Raises:
            ToolError: it ended without a verdict.
        """
        self.git(self.runner, "fetch", "--quiet", "origin")
        self.git(self.runner, "checkout", "--quiet", "--force", "-B", branch, f"origin/{branch}")
        # As actions/checkout leaves it: nothing of the run before but the cache.
        self.git(self.runner, "clean", "--quiet", "-ffdx", "--exclude=.dvc/")
        done = self.tool(self.runner, "mlops_ci", "pr", "--json", ci=True, on_line=on_line)
        if done.code not in (0, 1) or not done.stdout:
            raise ToolError(f"`mlops-ci pr` ended with exit code {done.code}: {done.stderr.strip()}")
        return done

    def verb(self, *args: str, on_line: OnLine = None) -> process.Result:
        """What CI does after a merge: a verb on main as it is now, whatever its exit code."""
        self.git(self.runner, "fetch", "--quiet", "origin")
        self.git(self.runner, "checkout", "--quiet", "--force", "-B", "main", "origin/main")
        return self.tool(self.runner, "mlops_ci", *args, ci=True, on_line=on_line)

    def promoted(self, environment: str) -> int:
        """A person merges the open promotion into an environment; gives its number.

        Raises:
            ToolError: none is open.
        """
        prefix = f"mlops-ci/promote/{environment}/"
        pulls = [pull for pull in self.forge.promotions(prefix) if pull.state == "open"]
        if not pulls:
            raise ToolError(f"no promotion to {environment} is open")
        return self.forge.merge(pulls[0].number, by="Ada").number

    def push(self, title: str, edits: Iterable[tuple[str, str, str]]) -> None:
        """Somebody edits files on main and pushes, without a pull request.

        Raises:
            ToolError: a text to replace is not there exactly once.
        """
        self.git(self.author, "checkout", "--quiet", "main")
        self.git(self.author, "fetch", "--quiet", "origin")
        self.git(self.author, "merge", "--quiet", "--ff-only", "origin/main")
        self._edit(edits)
        self._commit(title)
        self.git(self.author, "push", "--quiet", "origin", "main")

    def merge(self, branch: str) -> None:
        """A person merges: main then holds the very dvc.lock that was judged."""
        self.git(self.author, "checkout", "--quiet", "main")
        self.git(self.author, "fetch", "--quiet", "origin")
        self.git(self.author, "merge", "--quiet", "--ff-only", "origin/main")
        self.git(self.author, "merge", "--quiet", "--no-ff", "-m", f"Merge {branch}", f"origin/{branch}")
        self.git(self.author, "push", "--quiet", "origin", "main")
        self.forge.merged(self.forge.pull_requests(head=branch)[0].number)

    def _edit(self, edits: Iterable[tuple[str, str, str]]) -> None:
        for name, old, new in edits:
            path = self.author / name
            text = path.read_text(encoding="utf-8")
            if text.count(old) != 1:
                raise ToolError(f"{name}: the edit of {old!r} fits {text.count(old)} places, not one")
            path.write_text(text.replace(old, new), encoding="utf-8")

    def _commit(self, message: str) -> None:
        self.git(self.author, "add", "--all")
        self.git(self.author, "commit", "--quiet", "-m", message)

    def _must(self, *args: str, on_line: OnLine = None) -> None:
        done = self.tool(self.author, *args, on_line=on_line)
        if done.code != 0:
            said = done.stderr.strip() or done.stdout.strip()
            raise ToolError(f"the sandbox could not be made: {' '.join(args)}: {said}")


def _example() -> Path:
    """The example project: shipped inside the wheel, or beside the package in a checkout."""
    package = Path(str(resources.files("mlops_ci")))
    for folder in (package.parent, package / "_example"):
        if (folder / "dvc.yaml").is_file() and (folder / "pipeline").is_dir():
            return folder
    raise ToolError("the example project is not part of this installation", "install mlops-ci anew")


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    elif source.is_file():
        shutil.copy2(source, target)
