"""Every test is alone: no user's or machine's Git and DVC settings; and cheap Git and DVC repositories."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlops_ci.adapters import process
from tests import forked, measured, shared

GIT_CONFIG = """\
[user]
    name = Test
    email = test@example.invalid
[init]
    defaultBranch = main
[commit]
    gpgsign = false
[protocol "file"]
    allow = always
[gc]
    auto = 0
"""

# Stages that do not run mlops-ci are not measured: to begin and end that takes longer than most of them.
PYTHON = """\
#!/bin/sh
case "$*" in *mlops*) ;; *) unset COVERAGE_PROCESS_CONFIG ;; esac
exec "{python}" "$@"
"""

END_TO_END = Path(__file__).parent / "e2e"

RunGit = Callable[..., str]

measured.begin()


@pytest.fixture(scope="session", autouse=True)
def isolated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home of its own for the whole session; gives it."""
    home = tmp_path_factory.mktemp("home")
    config = home / ".gitconfig"
    config.write_text(GIT_CONFIG)
    # A shell that starts the tests in the background has them ignore Ctrl-C, and so all that they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith(("GIT_", "GITHUB_", "DVC_", "MLFLOW_", "AWS_", "MLOPS_CI_", "XDG_")):
                patch.delenv(name)
        for name in ("CI", "COLUMNS", "NO_COLOR", "FORCE_COLOR"):
            patch.delenv(name, raising=False)
        # The stages of test pipelines call `python`: ours.
        patch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
        if "COVERAGE_PROCESS_CONFIG" in os.environ:
            python = tmp_path_factory.mktemp("bin") / "python"
            python.write_text(PYTHON.format(python=sys.executable))
            python.chmod(0o755)
            patch.setenv("PATH", str(python.parent), prepend=os.pathsep)
        patch.setenv("HOME", str(home))
        patch.setenv("SHELL", "/bin/sh")
        patch.setenv("GIT_CONFIG_GLOBAL", str(config))
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        patch.setenv("GIT_TERMINAL_PROMPT", "0")
        patch.setenv("DVC_NO_ANALYTICS", "1")
        patch.setenv("DVC_SITE_CACHE_DIR", str(home / "dvc-site"))
        patch.setenv("DVC_GLOBAL_CONFIG_DIR", str(home / "dvc-global"))
        patch.setenv("DVC_SYSTEM_CONFIG_DIR", str(home / "dvc-system"))
        yield home
        forked.end()


@pytest.fixture(scope="session")
def git(isolated: Path) -> RunGit:
    """Run git in a folder: ``git(root, "add", "-A")`` gives what it printed, stripped."""

    def run(root: Path, *args: str) -> str:
        return process.run(["git", *args], cwd=root).stdout.strip()

    return run


@pytest.fixture(scope="session")
def commit(git: RunGit) -> RunGit:
    """Commit everything: ``commit(root, "why")`` gives the commit's hash."""

    def run(root: Path, message: str = "change") -> str:
        git(root, "add", "-A")
        git(root, "commit", "--quiet", "--allow-empty", "-m", message)
        return git(root, "rev-parse", "HEAD")

    return run


@pytest.fixture(scope="session")
def dvc_template(tmp_path_factory: pytest.TempPathFactory, git: RunGit, commit: RunGit) -> Path:
    """A committed repository after ``git init`` and ``dvc init``; only to be copied."""

    def make(root: Path) -> None:
        git(root, "init", "--quiet")
        process.run([sys.executable, "-m", "dvc", "init", "--quiet"], cwd=root)
        commit(root, "dvc init")

    return shared.folder(tmp_path_factory, "dvc", make)


@pytest.fixture(scope="session")
def copy_repository() -> Callable[[Path, Path], Path]:
    """Copy a whole repository with its cache: ``copy_repository(source, target)``."""

    def run(source: Path, target: Path) -> Path:
        shutil.copytree(source, target, symlinks=True)
        return target

    return run


@pytest.fixture
def git_repo(tmp_path: Path, git: RunGit) -> Path:
    """An empty Git repository without a commit."""
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "--quiet")
    return root


@pytest.fixture
def dvc_repo(tmp_path: Path, dvc_template: Path, copy_repository: Callable[[Path, Path], Path]) -> Path:
    """A Git and DVC repository with one commit and no pipeline."""
    return copy_repository(dvc_template, tmp_path / "repository")


@pytest.fixture(scope="session")
def mlflow_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database of MLflow, only to be copied: it takes ten seconds, so all workers share one."""
    from mlops_ci.adapters.mlflow_registry import Registry

    def make(folder: Path) -> None:
        Registry("sqlite:///mlflow.db", folder).found("nothing")

    return shared.folder(tmp_path_factory, "mlflow", make) / "mlflow.db"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long tests first, the longest before all: at the end each worker has short ones, which the other can take over."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    longest = [one for one in items if one.path.name == "test_demo.py"]
    long = longest + [one for one in items if one.path.is_relative_to(END_TO_END) and one not in longest]
    known = set(long)
    short = [one for one in items if one not in known]
    # Each worker begins with its own part of the list.
    items[:] = [
        one
        for number in range(workers)
        for kind in (long, short)
        for one in kind[len(kind) * number // workers : len(kind) * (number + 1) // workers]
    ]
