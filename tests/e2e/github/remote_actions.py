"""Actions and reusable workflows of other repositories, mapped to folders: act fetches nothing here.

A repository of the stand is taken as it stands at the commit that `uses:` names; a test can name a folder instead; for the
rest there are the stand-ins in actions/. What act 0.2.89 does not know is said in its words, or left out: `uses: $/path` (of the workflow's own
repository at its own commit) becomes `owner/repository/path@commit`, `cache-mode:` is dropped.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from .bare import Bare

STANDINS = Path(__file__).with_name("actions")
OWNERS = {"setup-cml": "iterative"}
KNOWN = {
    f"{OWNERS.get(path.name, 'actions')}/{path.name}": path
    for path in sorted(STANDINS.iterdir())
    if path.is_dir()
}

USES = re.compile(r"""\buses:\s*["']?([\w.-]+/[\w.-]+)((?:/[\w./-]+)?)@([\w./-]+)""")
OWN = re.compile(r"""(\buses:\s*["']?)\$/([\w./-]+)""")
UNKNOWN = re.compile(r"(?m)^ *cache-mode:.*\n")
COMMENT = re.compile(r"(?m)^\s*#.*$")


class UnknownActionError(Exception):
    """A workflow uses an action that nothing stands in for."""


@dataclass(frozen=True)
class Sources:
    """Where actions come from: folders that a test names, and the repositories of the stand."""

    folders: Mapping[str, Path]
    repository: Callable[[str], Bare | None]

    def folder(self, name: str, ref: str, into: Path) -> Path:
        """An action's repository: a stand-in as it is, all others as a rewritten copy of what Git has."""
        bare = self.repository(name)
        copy = into / f"{name}@{ref}".replace("/", "+")
        if name in self.folders:
            export(self.folders[name], copy)
        elif bare is not None:
            checkout(bare, name, ref, copy)
        elif name in KNOWN:
            return KNOWN[name]
        else:
            known = ", ".join([*self.folders, *KNOWN])
            raise UnknownActionError(f"nothing stands in for {name}@{ref}; there are {known}")
        rewrite(copy, name, ref)
        return copy


def mapped(clone: Path, repository: str, sha: str, sources: Sources, into: Path) -> dict[str, Path]:
    """``owner/name@ref`` to a folder, for all that the workflows of a clone use, directly or through each other."""
    rewrite(clone, repository, sha)
    found = {f"{repository}@{sha}": clone}
    pending = list(used(definitions(clone)))
    seen: set[tuple[str, str, str]] = set()
    while pending:
        name, path, ref = one = pending.pop()
        if one in seen:
            continue
        seen.add(one)
        key = f"{name}@{ref}"
        if key not in found:
            found[key] = sources.folder(name, ref, into)
        pending += used(defined(found[key] / path.lstrip("/")))
    return found


def export(source: Path, target: Path) -> None:
    """Copy what Git has or would take of a work tree: act copies whole folders, and an environment is large."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(listed, cwd=source, check=True, capture_output=True, text=True)
    for name in filter(None, done.stdout.split("\0")):
        if (source / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, target / name)


def checkout(bare: Bare, name: str, ref: str, target: Path) -> None:
    """Write the files of a commit of the stand's own repository."""
    commit = bare.commit(ref)
    if commit is None:
        raise UnknownActionError(f"{name} has no commit {ref}")
    with tarfile.open(fileobj=BytesIO(bare.raw("archive", commit))) as archive:
        archive.extractall(target, filter="data")


def definitions(folder: Path) -> Iterator[Path]:
    """Workflows and actions of a repository."""
    for pattern in (
        ".github/workflows/*.y*ml",
        "action.y*ml",
        "*/action.y*ml",
        ".github/actions/**/action.y*ml",
    ):
        yield from folder.glob(pattern)


def defined(place: Path) -> list[Path]:
    """The file that ``uses:`` means: a reusable workflow, or the action in a folder."""
    return [place] if place.is_file() else sorted(place.glob("action.y*ml"))


def used(files: Iterable[Path]) -> Iterator[tuple[str, str, str]]:
    """Repository, path in it and ref of every ``uses:``."""
    for file in files:
        yield from USES.findall(COMMENT.sub("", file.read_text()))


def rewrite(folder: Path, name: str, ref: str) -> None:
    """Say in act's words what it does not know."""
    for path in definitions(folder):
        text = path.read_text()
        changed = UNKNOWN.sub("", OWN.sub(rf"\g<1>{name}/\g<2>@{ref}", text))
        if changed != text:
            path.write_text(changed)
