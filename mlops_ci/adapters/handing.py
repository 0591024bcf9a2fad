"""The folders in which jobs hand on results: read without following links, and never beyond a size."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from mlops_ci.adapters import files
from mlops_ci.errors import ConfigError

MAX_DOCUMENT = 64_000_000
HINT = "name the folder with fan.json and one folder for each part"


def documents(folder: Path, name: str) -> tuple[Path, ...]:
    """The files of a name in a folder and in those directly below it.

    Raises:
        ConfigError: the folder cannot be listed.
    """
    try:
        below = sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.is_symlink())
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be listed ({error.strerror})", HINT) from error
    return tuple(path for one in (folder, *below) if os.path.lexists(path := one / name))


def read(folder: Path, name: str, limit: int = MAX_DOCUMENT) -> bytes:
    """A plain file below a folder.

    Raises:
        ConfigError: there is none, something on its way is a link, or it is larger than ``limit``.
    """
    place = folder
    try:
        for part in PurePosixPath(name).parts:
            place = place / part
            mode = place.lstat().st_mode
            if stat.S_ISLNK(mode):
                raise ConfigError(f"{place}: is a link; only plain files are taken", HINT)
        if not stat.S_ISREG(mode) or place.stat().st_size > limit:
            raise ConfigError(f"{place}: is no file, or larger than {limit:,} bytes", HINT)
        return place.read_bytes()
    except OSError as error:
        raise ConfigError(f"{place}: cannot be read ({error.strerror})", HINT) from error


def listed(top: Path, path: str) -> Iterator[str]:
    """The plain files that an output consists of, below the top of the repository."""
    place = top / path
    found: Iterable[Path] = sorted(place.rglob("*")) if place.is_dir() else [place]
    for one in found:
        if one.is_file():
            yield one.relative_to(top).as_posix()


def place(top: Path, path: str, content: bytes) -> None:
    """Write a file of the repository, unless a link leads it out of there.

    Raises:
        ConfigError: a link does; ToolError: it cannot be written.
    """
    target = top / path
    if not target.parent.resolve().is_relative_to(top.resolve()) or target.is_symlink():
        raise ConfigError(f"{path}: is a link to a place outside of the repository", "take the link away")
    files.write(target, content)


def sha256(content: bytes) -> str:
    """The digest by which a handed file is known."""
    return hashlib.sha256(content).hexdigest()
