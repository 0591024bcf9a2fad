"""The manifests to try edits on, every place in them, and what PyYAML's own loader makes of a text."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from mlops_ci.yaml_edit import Address, Match, Part

ROOT = Path(__file__).parent / "manifests"
FILES = tuple(sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.yaml")))
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# A place in the documents of a file: which document, then keys and places.
Keys = tuple[str | int, ...]


@cache
def text_of(name: str) -> str:
    """A manifest with its byte order mark and its ends of lines."""
    return (ROOT / name).read_bytes().decode()


def loaded(text: str) -> list[Any]:
    """Every document as PyYAML constructs it: a reader that knows nothing of what is tested."""
    return list(yaml.load_all(text, _Loader))


@dataclass(frozen=True)
class Place:
    """A value in a file, by the address that leads to it and by its keys in what was loaded."""

    address: Address
    keys: Keys
    value: Any


@cache
def roots(name: str) -> tuple[Place, ...]:
    """The documents of a file that are not empty."""
    documents = enumerate(loaded(text_of(name)))
    return tuple(Place(head(one), (at,), one) for at, one in documents if one is not None)


@cache
def places(name: str) -> tuple[Place, ...]:
    """Every value of a file below the documents' roots, containers before what they hold."""
    return tuple(place for root in roots(name) for place in _below(root.address, root.keys, root.value))


def head(document: Any) -> Address:
    """The address of a document; empty where it is of no kind."""
    if not isinstance(document, dict) or "kind" not in document:
        return Address(())
    metadata = document.get("metadata", {})
    group = str(document["apiVersion"]).partition("/")[0]
    return Address((), f"{document['kind']}.{group}", metadata.get("name", ""), metadata.get("namespace", ""))


def _below(address: Address, keys: Keys, value: Any) -> Iterator[Place]:
    entries: list[tuple[Part, str | int, Any]] = []
    if isinstance(value, dict):
        # Keys that are no text to YAML 1.1 (8080, on) are text to an address.
        entries = [(key, key, one) for key, one in value.items() if isinstance(key, str)]
    if isinstance(value, list):
        entries = [(Match("", str(at)), at, one) for at, one in enumerate(value)]
    for part, key, one in entries:
        yield Place(address.at(part), (*keys, key), one)
        yield from _below(address.at(part), (*keys, key), one)


def changed(documents: list[Any], keys: Keys, value: Any) -> list[Any]:
    """What was loaded, with another value at a place."""
    copy = deepcopy(documents)
    holder: Any = copy
    for key in keys[:-1]:
        holder = holder[key]
    holder[keys[-1]] = value
    return copy


def without(documents: list[Any], keys: Keys) -> list[Any]:
    """What was loaded, without a place."""
    copy = deepcopy(documents)
    holder: Any = copy
    for key in keys[:-1]:
        holder = holder[key]
    del holder[keys[-1]]
    return copy


def span(before: str, after: str) -> tuple[str, str]:
    """What differs between two texts when all that they begin and end with in common is taken off."""
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    return before[start : len(before) - end], after[start : len(after) - end]
