"""Change one value of a YAML text and not a byte else, and prove it (pure).

An address says where: ``InferenceService/iris:spec.predictor.model.storageUri`` is a path in the document of
that kind and name; ``:image.tag`` one in a file with a single document. ``containers[name=server]`` takes the
entry of a list whose ``name`` is that; ``literals[MODEL_URI=*]`` the plain entry of that form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Match:
    """An entry of a list by one of its keys: ``[name=server]``."""

    key: str
    value: str


Part = str | Match


@dataclass(frozen=True)
class Address:
    """A place in a YAML text: a document by kind and name (empty: the only one), and a path in it."""

    path: tuple[Part, ...]
    kind: str = ""
    name: str = ""
    namespace: str = ""

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read ``Kind/name:path.to[name=x].key``. Raises ConfigError."""
        raise NotImplementedError

    def __str__(self) -> str:
        raise NotImplementedError


@dataclass(frozen=True)
class Set:
    """Give a place a value: a scalar in place of a scalar; where the key is missing it is inserted.

    A mapping or a list may be inserted, never put in place of something.
    """

    address: Address
    value: Any


@dataclass(frozen=True)
class Delete:
    """Take a key, or an entry of a list, out."""

    address: Address


@dataclass(frozen=True)
class Document:
    """One document of a text as plain values, for reading."""

    kind: str
    name: str
    namespace: str
    api_version: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Change:
    """One value that differs between two texts; None: it is not there."""

    address: Address
    old: Any
    new: Any


def documents(text: str) -> tuple[Document, ...]:
    """Every document of a text, fast (for reading many). Raises ManifestError where it is no YAML."""
    raise NotImplementedError


def value(text: str, address: Address) -> Any:
    """The value at an address. Raises ManifestError where nothing, or more than one thing, is there."""
    raise NotImplementedError


def edit(text: str, *changes: Set | Delete) -> str:
    """The text with these changes alone, proved by reading it back. Raises ManifestError with a hint."""
    raise NotImplementedError


def changes(before: str, after: str) -> tuple[Change, ...]:
    """Every value that differs between two texts, in the order of the new one."""
    raise NotImplementedError
