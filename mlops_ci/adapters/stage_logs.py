"""The logs of stages: which file holds whose, and the end of one as it may be shown."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from mlops_ci.adapters import process_text
from mlops_ci.writing import visible

LONGEST_NAME = 120
SHOWN_BYTES = 200_000  # of a log that a CI's own log repeats; the file has it all
SHOWN_LINE = 2_000

# How the logs of odd names, and those of earlier attempts, end.
_TAKEN = re.compile(r"(?:-[0-9a-f]{8}|\.attempt-\d+)$")
_UNSAFE = re.compile(r"[^A-Za-z0-9._@+=-]|^[.-]")


def path(folder: Path, stage: str) -> Path:
    """The file with what a stage printed; its name is safe everywhere, and no other stage has it."""
    name = _UNSAFE.sub("_", stage)[:LONGEST_NAME]
    if name != stage or _TAKEN.search(name):
        name = f"{name}-{hashlib.sha256(stage.encode(errors='surrogateescape')).hexdigest()[:8]}"
    return folder / f"{name}.log"


def shown(file: Path) -> list[str]:
    """The last lines of a log with nothing in them that steers a terminal; empty where there is no log."""
    text, before = process_text.end(file, SHOWN_BYTES)
    lines = text.split("\n")
    if before:
        lines[0] = f"… {before:,} bytes before this are in the log's file alone"
    found = [visible.last_state(line)[:SHOWN_LINE] for line in lines]
    while found and not found[-1].strip():
        found.pop()
    return found
