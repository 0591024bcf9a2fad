"""Files read as text, and written whole or not at all: a temporary neighbour, then a rename."""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mlops_ci.errors import ConfigError, ToolError


def text(path: Path, hint: str) -> str:
    """The text of a file that the user named, its ends of lines as they are; ``hint`` says what to name.

    Raises:
        ConfigError: it cannot be read, or is no UTF-8.
    """
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is no UTF-8 text (byte {error.start + 1})", "save it as UTF-8") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})", hint) from error


def write(path: Path, content: bytes) -> None:
    """Replace a file in one step, with its folders; a full disk leaves the old file as it was.

    Raises:
        ToolError: the file cannot be written (disk full, no permission).
    """
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, _mode(path))
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError as error:
        if temporary:
            with suppress(OSError):
                Path(temporary).unlink()
        raise ToolError(
            f"{path}: cannot be written ({error.strerror or error})",
            "free some space or choose another folder",
        ) from error


def _mode(path: Path) -> int:
    """The mode the file has, or that a new file of this process gets; a temporary one is private."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        mask = os.umask(0o022)
        os.umask(mask)
        return 0o666 & ~mask


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an advisory lock on a file beside the data it guards, until the block ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
