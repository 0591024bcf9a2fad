"""Change one value of a YAML text and not a byte else, and prove it (pure).

An address says where: ``InferenceService/iris:spec.predictor.model.storageUri`` is a path in the document of
that kind and name; ``:image.tag`` one in a file with a single document. ``containers[name=server]`` takes the
entry of a list whose ``name`` is that, ``rules[0]`` the first; ``literals[MODEL_URI=*]`` the plain entry of
that form. A key with dots stands in quotes: ``metadata.annotations."serving.kserve.io/deploymentMode"``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mlops_ci.errors import ManifestError
from mlops_ci.yaml_edit.address import Address, Match, Part
from mlops_ci.yaml_edit.comparing import Change, compared
from mlops_ci.yaml_edit.finding import find, identity
from mlops_ci.yaml_edit.nodes import BOM, compose, plain
from mlops_ci.yaml_edit.orders import Delete, Set, order
from mlops_ci.yaml_edit.proving import proved
from mlops_ci.yaml_edit.scalars import shown
from mlops_ci.yaml_edit.splicing import deleting, same, setting

__all__ = [
    "Address",
    "Change",
    "Delete",
    "Document",
    "Match",
    "Part",
    "Set",
    "changes",
    "documents",
    "edit",
    "order",
    "same",
    "shown",
    "value",
]


@dataclass(frozen=True)
class Document:
    """One document of a text as plain values, for reading."""

    kind: str
    name: str
    namespace: str
    api_version: str
    data: Mapping[str, Any]


def documents(text: str) -> tuple[Document, ...]:
    """Every document of a text that is a mapping, fast (for reading many).

    Raises:
        ManifestError: it is no YAML.
    """
    found = []
    with _bounded():
        for root in compose(text.removeprefix(BOM)):
            data = plain(root)
            if isinstance(data, dict):
                named = identity(root)
                found.append(Document(named.kind, named.name, named.namespace, named.api_version, data))
    return tuple(found)


def value(text: str, address: Address) -> Any:
    """The value at an address. Raises ManifestError where nothing, or more than one thing, is there."""
    with _bounded():
        trail = find(compose(text.removeprefix(BOM)), address)
        if trail.rest:
            raise ManifestError(f"{address}: is not there", _near(trail.node))
        return plain(trail.node)


def edit(text: str, *changes: Set | Delete) -> str:
    """The text with these changes alone, one after the other, proved by reading it back.

    Raises:
        ManifestError: a place is not there, is there more than once, or cannot be changed alone.
    """
    body = text.removeprefix(BOM)
    mark = text[: len(text) - len(body)]
    with _bounded():
        roots = compose(body)
        for change in changes:
            trail = find(roots, change.address)
            if isinstance(change, Set):
                splice = setting(body, trail, change.address, change.value)
            else:
                splice = deleting(body, trail, change.address)
            if splice is not None:
                body = splice.apply(body)
                roots = proved(roots, body, splice, change.address)
    return mark + body


def changes(before: str, after: str) -> tuple[Change, ...]:
    """Every value that differs between two texts, in the order of the new one.

    A mapping or list that came or went is told by the values in it; null is told as not there.
    Raises ManifestError where one is no YAML.
    """
    with _bounded():
        return compared(compose(before.removeprefix(BOM)), compose(after.removeprefix(BOM)))


@contextmanager
def _bounded() -> Iterator[None]:
    """A text that nests without end is refused like any other that is no manifest."""
    try:
        yield
    except RecursionError:
        raise ManifestError("nests too deep, or merges itself", "is this a manifest?") from None


def _near(node: Any) -> str:
    keys = [str(pair[0].value) for pair in node.value] if node.id == "mapping" else []
    return f"there is: {', '.join(keys[:8])}" if keys else "see how the path is written: docs/edit.md"
