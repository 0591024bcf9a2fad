"""What tools print, made readable for a person."""

from __future__ import annotations

import os
import re
from pathlib import Path

MAX_LINE = 300

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def tail(log: Path, lines: int = 20) -> tuple[str, ...]:
    """The last lines of a log, readable by a person; reads only the end of the file."""
    text, _ = end(log, lines * 4 * MAX_LINE)
    return tuple(clean(text)[-lines:])


def end(log: Path, room: int) -> tuple[str, int]:
    """The last ``room`` bytes of a log as text, and how many are before them; without a log nothing."""
    try:
        with log.open("rb") as file:
            before = max(0, file.seek(0, os.SEEK_END) - room)
            file.seek(before)
            raw = file.read(room)
    except OSError:
        return "", 0
    return raw.decode("utf-8", errors="replace"), before


def clean(text: str) -> list[str]:
    """The lines of a tool's output without colours, control characters and empty lines.

    Of a line that was overwritten in place (a progress bar) only the last state is kept.
    """
    kept = []
    for line in _ESCAPES.sub("", text).split("\n"):
        shown = _CONTROLS.sub("", line.rstrip("\r").rpartition("\r")[2]).rstrip()
        if shown.strip():
            kept.append(shown if len(shown) <= MAX_LINE else shown[: MAX_LINE - 1] + "…")
    return kept
