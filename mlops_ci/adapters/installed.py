"""Our own installation: the commit it was made from, so that workflows can be pinned to it."""

from __future__ import annotations

import json
import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from mlops_ci import __version__
from mlops_ci.adapters import process
from mlops_ci.errors import ToolError

HOME = "mlops-ci/mlops-ci"
SERVER = "https://github.com"
PATIENCE = 20.0
_COMMIT = re.compile(r"[0-9a-f]{40}")


def commit(source: str = HOME, server: str = SERVER) -> str:
    """The commit of this code: by how it was installed, its checkout, or its version's tag; else empty."""
    return _installed() or checkout(Path(__file__).parents[1]) or tagged(f"{server}/{source}", __version__)


def is_commit(text: str) -> bool:
    """Whether a text is a full commit."""
    return _COMMIT.fullmatch(text) is not None


def checkout(package: Path) -> str:
    """The commit of the checkout that the package lies in, where that is its own and no environment."""
    done = process.run(["git", "rev-parse", "--show-prefix", "HEAD"], cwd=package, check=False)
    lines = done.stdout.splitlines()
    own = done.code == 0 and lines[:1] == [f"{package.name}/"]
    return lines[1] if own and is_commit(lines[-1]) else ""


def tagged(address: str, version: str) -> str:
    """The commit of a version's tag in a repository; empty where it cannot be reached or has none."""
    tag = f"refs/tags/v{version}"
    command = ["git", "ls-remote", "--exit-code", address, tag, f"{tag}^{{}}"]
    try:
        done = process.run(
            command, cwd=Path.cwd(), env={"GIT_TERMINAL_PROMPT": "0"}, check=False, timeout=PATIENCE
        )
    except ToolError:
        return ""
    found = {}
    for line in done.stdout.splitlines():
        sha, _, name = line.partition("\t")
        found[name] = sha
    # The peeled one is the commit; a light tag has none.
    return found.get(f"{tag}^{{}}", found.get(tag, ""))


def _installed() -> str:
    try:
        told = distribution("mlops-ci").read_text("direct_url.json")
    except PackageNotFoundError:
        return ""
    vcs = json.loads(told).get("vcs_info", {}) if told else {}
    found = str(vcs.get("commit_id", ""))
    return found if is_commit(found) else ""
