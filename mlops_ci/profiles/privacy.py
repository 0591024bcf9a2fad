"""What may be told of a column's values: themselves where the configuration allows it, else a hash."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase

# Levels and groups with fewer rows could name a person; they are counted, and never listed.
RARE_ROWS = 10
LONGEST = 40
_DIGITS = 6
_GONE = "\ufffd"


@dataclass(frozen=True)
class Privacy:
    """Which columns' values reports may show.

    ``show_values`` names them, or is true for all; ``sensitive`` columns (names or globs) are never
    shown, whatever else is said.
    """

    sensitive: Collection[str] = ()
    show_values: bool | Collection[str] = False

    def shows(self, column: str) -> bool:
        """Whether values of this column may stand in a report."""
        if any(column == name or fnmatchcase(column, name) for name in self.sensitive):
            return False
        return self.show_values if isinstance(self.show_values, bool) else column in self.show_values

    def label(self, column: str, value: str) -> str:
        """The value itself, printable and at most 40 characters, or a hash of it such as ``#3f2a91``.

        The hash is the start of the sha256 over column and value: the same value has the same label in
        every report, in another column it has another. It hides a value from readers; who knows all
        possible values of a column can still try them one by one.
        """
        if self.shows(column):
            return _printable(value)
        raw = f"{len(column)}:{column}{value}".encode("utf-8", "surrogatepass")
        return "#" + hashlib.sha256(raw).hexdigest()[:_DIGITS]


def _printable(value: str) -> str:
    shown = "".join(map(_visible, value))
    if not shown.strip():
        return "(empty)" if not shown else "(blank)"
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"


def _visible(character: str) -> str:
    """The character; control, bidirectional and half characters become U+FFFD, any blank a space."""
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return _GONE
    return " " if character.isspace() else character
