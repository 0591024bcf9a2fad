"""Finding documents, places and values in a manifest, for all kinds (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlops_ci.errors import ManifestError
from mlops_ci.yaml_edit import Address, Document, Match, Part

Path = tuple[Part, ...]


@dataclass(frozen=True)
class Problem:
    """What is wrong at a place, in words."""

    place: str
    message: str


def is_kind(data: Mapping[str, Any], group: str, kind: str) -> bool:
    """Whether a document is of a kind, in any version of its API group; the core group is ``""``."""
    version = str(data.get("apiVersion", ""))
    found = version.rpartition("/")[0]
    return data.get("kind") == kind and bool(version) and found == group


def of_kind(documents: Sequence[Document], group: str, kind: str) -> tuple[Document, ...]:
    """All documents of a kind."""
    return tuple(one for one in documents if is_kind(one.data, group, kind))


def the(documents: Sequence[Document], group: str, kind: str, name: str | None = None) -> Document:
    """The document of a kind with that name; without a name the only one.

    Raises:
        ManifestError: there is none, or more than one.
    """
    every = of_kind(documents, group, kind)
    found = [one for one in every if name in (None, one.name)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(one.name for one in every)
    if not every:
        raise ManifestError(
            f"the manifest has no {kind} of {group or 'the core API'}", f"add the {kind} to it"
        )
    if not found:
        raise ManifestError(f"the manifest has no {kind} named {name}", f"name one of: {names}")
    raise ManifestError(
        f"the manifest has {len(found)} documents of kind {kind}: {names}",
        "say which one is the model's with the kind's option `name`, or give each model a file of its own",
    )


def address(document: Document, *path: Part) -> Address:
    """A place in a document."""
    return Address(path, document.kind, document.name, document.namespace)


def label(document: Document) -> str:
    """A document as people say it: ``InferenceService/iris``."""
    return f"{document.kind}/{document.name}"


def look(data: Any, *path: Part) -> Any:
    """What stands at a path below a value; None where nothing does."""
    for part in path:
        if isinstance(part, Match):
            data = _entry(data if isinstance(data, list) else [], part)
        else:
            data = data.get(part) if isinstance(data, Mapping) else None
    return data


def _entry(listed: list[Any], match: Match) -> Any:
    if match.place is not None:
        return listed[match.place] if match.place < len(listed) else None
    fitting = (one for one in listed if isinstance(one, Mapping) and one.get(match.key) == match.value)
    return next(fitting, None)


def has(data: Any, *path: Part) -> bool:
    """Whether a key stands there, be it empty."""
    below = look(data, *path[:-1])
    return isinstance(below, Mapping) and path[-1] in below


def entries(data: Any, *path: Part) -> tuple[Mapping[str, Any], ...]:
    """The mappings in a list below a value, each at its place; none where there is no list.

    Raises:
        ManifestError: something else stands among them, so that their places would be others.
    """
    found = look(data, *path)
    listed = found if isinstance(found, list) else []
    for one in listed:
        if not isinstance(one, Mapping):
            raise ManifestError(
                f"{Address(path).where}: {one!r} stands among its entries", "each of them must be a mapping"
            )
    return tuple(listed)


def part(index: int, entry: Mapping[str, Any]) -> Match:
    """How an entry of a list is named: by its name, else by its place."""
    name = entry.get("name")
    return Match("name", name) if isinstance(name, str) else Match("", str(index))


def percent(value: Any, place: Address | str) -> int:
    """A whole percent from 0 to 100.

    Raises:
        ManifestError: it is none.
    """
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 100:
        return value
    raise ManifestError(
        f"{place}: expected a whole percent, but {value!r} stands there", "write a number from 0 to 100"
    )
