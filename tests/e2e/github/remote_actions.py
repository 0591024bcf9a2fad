"""Actions of other repositories, mapped to folders: act fetches nothing here.

Also rewrites ``uses: $/path`` (an action of the workflow's own repository at its own commit), which act 0.2.89 does not
know, to ``owner/repository/path@commit``.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

STANDINS = Path(__file__).with_name("actions")
KNOWN = {f"actions/{path.name}": path for path in sorted(STANDINS.iterdir()) if path.is_dir()}

USES = re.compile(r"""\buses:\s*["']?([\w.-]+/[\w.-]+)((?:/[\w./-]+)?)@([\w./-]+)""")
OWN = re.compile(r"""(\buses:\s*["']?)\$/([\w./-]+)""")
COMMENT = re.compile(r"(?m)^\s*#.*$")


class UnknownActionError(Exception):
    """A workflow uses an action that nothing stands in for."""


def mapped(
    clone: Path, repository: str, sha: str, given: Mapping[str, Path], folder: Path
) -> dict[str, Path]:
    """``owner/name@ref`` to a folder, for all that the workflows of a clone use, directly or through each other."""
    found: dict[str, Path] = {}
    rewrite(clone, repository, sha)
    pending = [clone]
    found[f"{repository}@{sha}"] = clone
    while pending:
        for name, ref in used(pending.pop()):
            key = f"{name}@{ref}"
            if key not in found:
                found[key] = _local(name, ref, given, folder)
                pending.append(found[key])
    return found


def _local(name: str, ref: str, given: Mapping[str, Path], folder: Path) -> Path:
    """The folder of an action: a stand-in as it is, a repository as a rewritten copy of what Git would take."""
    if name in given:
        copy = folder / f"{name}@{ref}".replace("/", "+")
        export(given[name], copy)
        rewrite(copy, name, ref)
        return copy
    if name in KNOWN:
        return KNOWN[name]
    raise UnknownActionError(f"nothing stands in for {name}@{ref}; there are {', '.join([*given, *KNOWN])}")


def export(source: Path, target: Path) -> None:
    """Copy what Git has or would take of a work tree: act copies whole folders, and an environment is large."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(listed, cwd=source, check=True, capture_output=True, text=True)
    for name in filter(None, done.stdout.split("\0")):
        if (source / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, target / name)


def definitions(folder: Path) -> Iterator[Path]:
    """Workflows and actions of a repository."""
    for pattern in (
        ".github/workflows/*.y*ml",
        "action.y*ml",
        "*/action.y*ml",
        ".github/actions/**/action.y*ml",
    ):
        yield from folder.glob(pattern)


def used(folder: Path) -> Iterator[tuple[str, str]]:
    for path in definitions(folder):
        for name, _, ref in USES.findall(COMMENT.sub("", path.read_text())):
            yield name, ref


def rewrite(folder: Path, name: str, ref: str) -> None:
    """Say ``$/path`` in words that act knows."""
    for path in definitions(folder):
        text = path.read_text()
        changed = OWN.sub(rf"\g<1>{name}/\g<2>@{ref}", text)
        if changed != text:
            path.write_text(changed)
