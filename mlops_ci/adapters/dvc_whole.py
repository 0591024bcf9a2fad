"""Objects get their names when they are whole: several processes put the same one into a cache at once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def objects_in(*folders: str) -> Iterator[None]:
    """While the block lasts, no file below the folders is opened under its name to be written.

    DVC clones files where the file system can. It opens the name first, which empties what another process
    has put there; where the file system cannot (ext4) it removes that, and only then copies.
    """
    from dvc_objects.fs import system
    from dvc_objects.fs.utils import tmp_fname

    own, below = system.reflink, tuple(f"{folder}{os.sep}" for folder in folders)

    def reflink(source: str, target: str) -> None:
        if not target.startswith(below):
            own(source, target)
            return
        half = Path(target).with_name(tmp_fname())
        own(source, str(half))
        half.replace(target)

    system.reflink = reflink
    try:
        yield
    finally:
        system.reflink = own
