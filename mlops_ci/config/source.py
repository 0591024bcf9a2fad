"""Plain data that knows the file, line and key of everything in it, and what is wrong where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Place:
    """Where something stands: file, line of its key, last line of its value, key as written."""

    source: str
    line: int
    last: int
    path: Path


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong, with its place; ``str`` gives the line a person reads."""

    source: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        key = f"{self.key}: " if self.key else ""
        return f"{self.source}:{self.line}: {key}{self.message}"


@dataclass(frozen=True)
class Document:
    """Plain data with the place of every key; ``empty`` is True where the text says nothing."""

    source: str
    data: dict[str, Any] = field(default_factory=dict)
    places: Mapping[Path, Place] = field(default_factory=dict)
    mistakes: tuple[Mistake, ...] = ()
    empty: bool = False

    def place(self, path: Path) -> Place:
        """The place of a key, or of the nearest key above it."""
        return self.places.get(self._known(path), Place(self.source, 1, 1, ()))

    def mistake(self, path: Path, message: str) -> Mistake:
        """A mistake at a path; its key is named as it was written."""
        place = self.place(path)
        key = (*place.path, *path[len(self._known(path)) :])
        return Mistake(place.source, place.line, dotted(key), message)

    def _known(self, path: Path) -> Path:
        while path not in self.places and path:
            path = path[:-1]
        return path

    def below(self, *path: str | int) -> Document:
        """The document that starts at a key: its mapping, or nothing where no mapping stands there."""
        found = value_at(self.data, path)
        data = found if isinstance(found, dict) else {}
        known = ((key, self.places.get((*path, *key))) for key in _paths(data, ()))
        return Document(self.source, data, {key: place for key, place in known if place is not None})


def _paths(data: Any, path: Path) -> Iterator[Path]:
    """The paths of everything in the data, the data itself included."""
    yield path
    parts = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in parts:
        yield from _paths(value, (*path, key))


class Absent:
    """The type of ABSENT, which no YAML value equals."""


ABSENT = Absent()


def value_at(data: Any, path: Path) -> Any:
    """The value at a path of keys and list positions, or ABSENT."""
    for part in path:
        if isinstance(data, dict):
            data = data.get(part, ABSENT)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            return ABSENT
    return data


def dotted(path: Path) -> str:
    """A path as people write it, ``columns.groups[1]``; unprintable characters are escaped."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{printable(part)}"
    return text.removeprefix(".")


def printable(text: str) -> str:
    """Text in one line that a terminal shows as it is: everything else becomes an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shown(value: Any) -> str:
    """A value as a message names it, never longer than a line."""
    if isinstance(value, str):
        return f'"{printable(value if len(value) <= 60 else value[:59] + "…")}"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    return "nothing" if value is None else str(value)


def suggestion(word: str, words: Mapping[str, object] | list[str]) -> str:
    """What a mistyped word may have meant: ``did you mean "limits"?``, else every word there is."""
    close = get_close_matches(word, list(words), n=1, cutoff=0.6)
    if close:
        return f'did you mean "{printable(close[0])}"?'
    listed = [printable(known) for known in sorted(words)]
    return (
        f"there are: {', '.join(listed[:20])}{', …' if len(listed) > 20 else ''}"
        if listed
        else "there are none"
    )


def leaves(data: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value that is no mapping, with its path; a list counts as one value, so does ``{}``."""
    if isinstance(data, dict) and data:
        for key, value in data.items():
            yield from leaves(value, (*path, key))
    else:
        yield path, data


def merge(low: Document, high: Document) -> Document:
    """``high`` over ``low``: mappings merge key by key, lists and values replace."""
    return Document(high.source, _merged(low.data, high.data), {**low.places, **high.places})


def _merged(low: dict[str, Any], high: dict[str, Any]) -> dict[str, Any]:
    result = dict(low)
    for key, value in high.items():
        below = result.get(key)
        result[key] = _merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result


def without_nulls(data: Any, keep: frozenset[str] = frozenset()) -> Any:
    """The data without keys that hold null, except directly below a key of ``keep``."""
    if not isinstance(data, dict):
        return data
    return {
        key: value if key in keep else without_nulls(value, keep)
        for key, value in data.items()
        if value is not None
    }
