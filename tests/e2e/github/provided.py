"""The two tools that are no Python: where `make test` has put them, and what a test does without them."""

from __future__ import annotations

import json
import shutil
import sys
from functools import cache
from pathlib import Path

from tests.tools import without

from .emulate import LAUNCHER

HERE = Path(__file__).parent
INSTALL = "`make test` installs it"


@cache
def wanted() -> str:
    """The version of emulate that is locked."""
    found: str = json.loads((HERE / "package.json").read_text())["dependencies"]["emulate"]
    return found


def emulate_command() -> list[str]:
    """What starts emulate; its own arguments follow."""
    node = shutil.which("node")
    if node is None:
        without(
            "emulate",
            f"node is not on PATH, which the emulator of GitHub's API needs; {INSTALL} where npm is",
        )
    for package in _places():
        if package.exists() and json.loads(package.read_text())["version"] == wanted():
            return [node, str(LAUNCHER), str(package.parent / "dist" / "index.js")]
    return without("emulate", f"emulate {wanted()} is not installed; {INSTALL} where npm is")


def _places() -> list[Path]:
    """The environment's own, and one on PATH."""
    found = [Path(sys.prefix) / "node" / "node_modules" / "emulate" / "package.json"]
    if on_path := shutil.which("emulate"):
        found.append(Path(on_path).resolve().parent.parent / "package.json")
    return found


def tool(name: str) -> str:
    """The path of act, or of a linter of workflows, which the group dev brings."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        without(name, f"{name} is not on PATH; {INSTALL}")
    return found
