"""Write packages.json: which packages the core and every extra need, by the metadata of what is installed.

For maintainers, after `make lock`: `.venv/bin/python action/closure.py`. Other platforms and Pythons
count too; what is not for the runner at hand is left out by its marker in constraints-dev.txt.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, requires
from itertools import product
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
# Enough to say of every marker whether it is ever true.
MACHINES = (
    {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
    {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
    {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
)
PYTHONS = ("3.11", "3.12", "3.13")


def applies(requirement: Requirement, extra: str) -> bool:
    """Whether a requirement counts on any machine that mlops-ci runs on."""
    if requirement.marker is None:
        return True
    return any(
        requirement.marker.evaluate(
            {**machine, "python_version": python, "python_full_version": f"{python}.9", "extra": extra}
        )
        for machine, python in product(MACHINES, PYTHONS)
    )


def needed(requirement: Requirement) -> Iterator[Requirement]:
    """What a requirement's package itself requires, with the extras that were asked of it."""
    try:
        lines = requires(requirement.name) or []
    except PackageNotFoundError:
        # Of another platform or Python: nothing here knows what it needs.
        return
    for line in lines:
        inner = Requirement(line)
        if any(applies(inner, extra) for extra in ("", *requirement.extras)):
            yield inner


def closure(lines: Iterable[str]) -> list[str]:
    """The names of all packages that some requirements lead to, without mlops-ci."""
    todo = [Requirement(line) for line in lines]
    seen: set[tuple[str, frozenset[str]]] = set()
    while todo:
        requirement = todo.pop()
        key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if key not in seen:
            seen.add(key)
            todo.extend(needed(requirement))
    return sorted({name for name, _ in seen} - {"mlops-ci"})


def packages() -> dict[str, list[str]]:
    """The packages of the core, of what builds mlops-ci, and of every extra beyond the core."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras: dict[str, list[str]] = project["project"]["optional-dependencies"]
    core = closure(project["project"]["dependencies"])
    beyond = {name: sorted(set(closure(_lines(name, extras))) - set(core)) for name in extras}
    return {"build": closure(project["dependency-groups"]["build"]), "core": core, **beyond}


def _lines(extra: str, extras: dict[str, list[str]]) -> list[str]:
    """What an extra asks for, with what it takes over from another of ours: ``mlops-ci[stats]``."""
    found = []
    for line in extras[extra]:
        if line.startswith("mlops-ci["):
            found += [inner for name in Requirement(line).extras for inner in _lines(name, extras)]
        else:
            found.append(line)
    return found


def text() -> str:
    """The file's content."""
    return json.dumps(packages(), indent=1) + "\n"


if __name__ == "__main__":
    (ROOT / "action" / "packages.json").write_text(text(), encoding="utf-8")
    sys.stdout.write("action/packages.json\n")
