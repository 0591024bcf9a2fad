"""Two texts value by value: what is there in one and not, or otherwise, in the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from yaml.nodes import Node

from mlops_ci.yaml_edit.address import Address, Match, Part
from mlops_ci.yaml_edit.finding import Identity, identity, is_nothing
from mlops_ci.yaml_edit.nodes import plain
from mlops_ci.yaml_edit.splicing import same

# What Kubernetes and its friends tell the entries of lists apart by, the usual ones first.
_KEYS = ("name", "id", "key", "mountPath", "containerPort")
_NOTHING: Any = object()


@dataclass(frozen=True)
class Change:
    """One value that differs between two texts; None: it is not there."""

    address: Address
    old: Any
    new: Any


def compared(before: Sequence[Node], after: Sequence[Node]) -> tuple[Change, ...]:
    """Every value that differs between the documents, in the order of the new ones."""
    old, new = _named(before), _named(after)
    heads = _heads([one for one, _ in (*old, *new)])
    changes: list[Change] = []
    for one in dict.fromkeys((*new, *old)):
        changes += _differing(heads[one[0]], old.get(one, _NOTHING), new.get(one, _NOTHING))
    return tuple(changes)


def _named(roots: Sequence[Node]) -> dict[tuple[Identity, int], Any]:
    """The documents by what names them, and the how-manieth of that name each is."""
    found: dict[tuple[Identity, int], Any] = {}
    for root in roots:
        if is_nothing(root):
            continue
        name, at = identity(root), 0
        while (name, at) in found:
            at += 1
        found[name, at] = plain(root)
    return found


def _heads(names: Sequence[Identity]) -> dict[Identity, Address]:
    """The shortest address that tells each document from the others."""
    different = list(dict.fromkeys(names))
    heads = {}
    for one in different:
        tries = [
            Address((), one.kind, one.name),
            Address((), one.typed, one.name),
            Address((), one.kind, one.name, one.namespace),
            Address((), one.typed, one.name, one.namespace),
        ]
        unique = (head for head in tries if sum(other.fits(head) for other in different) == 1)
        heads[one] = next(unique, tries[-1])
    return heads


def _differing(at: Address, old: Any, new: Any) -> Iterator[Change]:
    if old is not _NOTHING and new is not _NOTHING and same(old, new):
        return
    parts = _parts(old, new)
    if parts is None:
        yield from _leaves(at, old, new)
        return
    for part, one, other in parts:
        yield from _differing(at.at(part), one, other)


def _leaves(at: Address, old: Any, new: Any) -> Iterator[Change]:
    """Two values of which at least one is single, or empty."""
    for value, is_new in ((old, False), (new, True)):
        if isinstance(value, dict | list) and value:
            yield from _differing(at, _NOTHING if is_new else value, value if is_new else _NOTHING)
    left, right = (
        None if one is _NOTHING or (isinstance(one, dict | list) and one) else one for one in (old, new)
    )
    if left is not None or right is not None:
        yield Change(at, left, right)


def _parts(old: Any, new: Any) -> list[tuple[Part, Any, Any]] | None:
    """The entries of two mappings, or of two lists, by what names them; None where they are neither."""
    there = [one for one in (old, new) if one is not _NOTHING]
    if not any(there):
        return None
    if all(isinstance(one, dict) for one in there):
        left, right = _entries(old, dict), _entries(new, dict)
    elif all(isinstance(one, list) for one in there):
        left, right = _listed(_entries(old, list), _entries(new, list))
    else:
        return None
    names = dict.fromkeys((*right, *left))
    return [(name, left.get(name, _NOTHING), right.get(name, _NOTHING)) for name in names]


def _entries(value: Any, empty: Callable[[], Any]) -> Any:
    return empty() if value is _NOTHING else value


def _listed(old: list[Any], new: list[Any]) -> tuple[dict[Part, Any], dict[Part, Any]]:
    """The entries of two lists by what tells them apart in both, else by their places."""
    for key in (*_KEYS, ""):
        left, right = _by_key(old, key), _by_key(new, key)
        if left is not None and right is not None:
            return left, right
    return _by_place(old), _by_place(new)


def _by_place(entries: list[Any]) -> dict[Part, Any]:
    return {Match("", str(at)): one for at, one in enumerate(entries)}


def _by_key(entries: list[Any], key: str) -> dict[Part, Any] | None:
    """The entries by one of their keys, where each has it and no two have the same.

    Without a key: entries such as ``MODEL_URI=s3://...`` by what stands before the sign.
    """
    found: dict[Part, Any] = {}
    for one in entries:
        match = _by_value(one, key) if key else _by_prefix(one)
        if match is None or match in found:
            return None
        found[match] = one
    return found


def _by_value(entry: Any, key: str) -> Match | None:
    value = entry.get(key) if isinstance(entry, dict) else None
    is_name = isinstance(value, str | int) and not isinstance(value, bool) and value not in ("", "*")
    return Match(key, str(value)) if is_name else None


def _by_prefix(entry: Any) -> Match | None:
    name, equals, _ = entry.partition("=") if isinstance(entry, str) else ("", "", "")
    return Match(name, "*") if name and equals else None
