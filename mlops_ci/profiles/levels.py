"""Value counts of a category column: exact up to a bound, with a tail that is counted, not named."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mlops_ci.profiles.kinds import present
from mlops_ci.profiles.shape import LEVELS, Levels

if TYPE_CHECKING:
    import pyarrow as pa

# More than this is no category that could be compared; what was counted so far is given up.
MOST_LEVELS = 100_000
# Longer values are named by a hash.
MOST_CHARACTERS = 1_000
_DIGITS = 16
TOO_MANY = f"more than {MOST_LEVELS:,} different values: an identifier?"


def text(value: object) -> str:
    """The canonical text of a value, the same whatever engine or file type it came from.

    Booleans are ``true`` and ``false``, whole numbers have no fraction (17.0 is ``17``), points in time
    are ISO 8601, other numbers are the shortest text that reads back as the same double.
    """
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < 1 << 53 else repr(value)
    isoformat = getattr(value, "isoformat", None)
    return str(isoformat() if isoformat else value)


def plain(values: pa.Array) -> list[object]:
    """The values as Python has them; what Python cannot hold as the text or the number that is stored.

    That is text that is not UTF-8, a day after the year 9999, a point in time of an unknown time zone.
    """
    try:
        found: list[object] = values.to_pylist()
    except (ValueError, OverflowError, LookupError):
        return [_held(value) for value in values]
    return found


def _held(value: Any) -> object:
    try:
        return value.as_py()
    except (ValueError, OverflowError, LookupError):
        if hasattr(value, "as_buffer"):
            return value.as_buffer().to_pybytes().decode("utf-8", "backslashreplace")
        return value.value


def named(value: object) -> str:
    """The text of a value; of more than 1,000 characters the start of its sha256, such as ``#3f2a91...``."""
    found = text(value)
    if len(found) <= MOST_CHARACTERS:
        return found
    return "#" + hashlib.sha256(found.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]


def bounded(counts: Iterable[tuple[str, int]]) -> Levels:
    """All counts as stored: the most common 1,000, ties by value, and how many values the tail has."""
    ordered = sorted(((value, count) for value, count in counts if count), key=lambda one: (-one[1], one[0]))
    tail = ordered[LEVELS:]
    return Levels(
        counts=tuple(ordered[:LEVELS]), tail_levels=len(tail), tail_rows=sum(count for _, count in tail)
    )


class LevelCounts:
    """Counts the values of one column; ``problem`` says why it gave up."""

    def __init__(self) -> None:
        self.problem = ""
        self.counts: dict[str, int] = {}
        self._dictionary: Any = None
        self._codes: Any = None

    def add(self, array: pa.Array) -> None:
        """Count the values of an array that are not null; floats are without NaN and infinities."""
        if self.problem or not len(array):
            return
        encoded = array if hasattr(array, "dictionary") else array.dictionary_encode()
        if self._dictionary is None or not self._dictionary.equals(encoded.dictionary):
            self._flush()
            self._dictionary = encoded.dictionary
        self._count(encoded.indices)

    def _count(self, indices: pa.Array) -> None:
        """Add to the counts by code: the strings themselves are only looked at when codes change."""
        import numpy as np

        codes = np.bincount(present(indices), minlength=len(self._dictionary))
        self._codes = codes if self._codes is None else self._codes + codes

    def _flush(self) -> None:
        if self._codes is None:
            return
        seen = self._codes.nonzero()[0]
        if len(seen) > MOST_LEVELS:
            self._give_up(TOO_MANY)
            return
        values = self._dictionary if len(seen) == len(self._codes) else self._dictionary.take(seen)
        self._add_all(zip(plain(values), self._codes[seen].tolist(), strict=True))
        self._codes = self._dictionary = None

    def _add_all(self, pairs: Iterable[tuple[object, int]]) -> None:
        counts = self.counts
        for value, count in pairs:
            name = named(value)
            counts[name] = counts.get(name, 0) + count
        if len(counts) > MOST_LEVELS:
            self._give_up(TOO_MANY)

    def _give_up(self, problem: str) -> None:
        self.problem = problem
        self.counts = {}
        self._codes = self._dictionary = None

    def finish(self) -> Levels | None:
        """The counts with their bounded tail, None where there was a problem."""
        self._flush()
        return None if self.problem else bounded(self.counts.items())
