"""From an address to the node it names, and how far one comes where it is not there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from mlops_ci.errors import ManifestError
from mlops_ci.yaml_edit.address import Address, Match, Part
from mlops_ci.yaml_edit.nodes import line, pairs

_ANY = "*"


@dataclass(frozen=True)
class Identity:
    """What names a document: apiVersion, kind, metadata.name and metadata.namespace."""

    api_version: str
    kind: str
    name: str
    namespace: str

    @property
    def typed(self) -> str:
        """The kind with its API group, such as ``Service.serving.knative.dev``, or ``Service.v1``."""
        return f"{self.kind}.{self.api_version.partition('/')[0]}"

    def fits(self, address: Address) -> bool:
        """Whether an address asks for this document."""
        return (
            address.kind in ("", self.kind, self.typed)
            and address.name in ("", self.name)
            and address.namespace in ("", self.namespace)
        )

    def __str__(self) -> str:
        return Address((), self.kind, self.name, self.namespace).document


@dataclass(frozen=True)
class Step:
    """One step of a path that is there: the entry at a place of a mapping or a list."""

    parent: Node
    place: int
    node: Node
    key: Node | None = None


@dataclass(frozen=True)
class Trail:
    """How an address leads through a document: the steps that are there, and the parts that are not."""

    document: int
    root: Node
    steps: tuple[Step, ...]
    rest: tuple[Part, ...]

    @property
    def node(self) -> Node:
        """The last node that is there."""
        return self.steps[-1].node if self.steps else self.root

    @property
    def places(self) -> tuple[int, ...]:
        """The places of the steps."""
        return tuple(step.place for step in self.steps)


def identity(root: Node) -> Identity:
    """What names a document; empty texts where it does not say."""
    metadata = _under(root, "metadata")
    return Identity(
        _text(_under(root, "apiVersion")),
        _text(_under(root, "kind")),
        _text(_under(metadata, "name")),
        _text(_under(metadata, "namespace")),
    )


def is_nothing(node: Node) -> bool:
    """Whether a node is an empty place, such as that of ``annotations:``."""
    return isinstance(node, ScalarNode) and not node.style and node.value == ""


def find(roots: Sequence[Node], address: Address) -> Trail:
    """Follow an address as far as it goes.

    Raises:
        ManifestError: no document or more than one fits, a part of the path fits more than one entry, or
            leads into what has no entries.
    """
    at = _document(roots, address)
    steps: list[Step] = []
    node = roots[at]
    for done, part in enumerate(address.path):
        step = _step(node, part, Address(address.path[:done], address.kind, address.name, address.namespace))
        if step is None:
            return Trail(at, roots[at], tuple(steps), address.path[done:])
        steps.append(step)
        node = step.node
    return Trail(at, roots[at], tuple(steps), ())


def _document(roots: Sequence[Node], address: Address) -> int:
    named = {at: identity(root) for at, root in enumerate(roots) if not is_nothing(root)}
    fitting = [at for at, one in named.items() if one.fits(address)]
    if len(fitting) == 1:
        return fitting[0]
    there = _listed(str(one) or f"one without kind at line {line(roots[at])}" for at, one in named.items())
    if not fitting:
        asked = address.document or "document"
        raise ManifestError(f"there is no {asked}", f"there is: {there}" if there else "the file is empty")
    asked = address.document or "the address"
    raise ManifestError(
        f"{asked} fits {len(fitting)} documents, at {_lines([roots[at] for at in fitting])}",
        f"say which one, as Kind/name: or Kind/namespace/name:; there is: {there}",
    )


def _step(node: Node, part: Part, above: Address) -> Step | None:
    """The entry that a part names; None where it is not there."""
    if is_nothing(node):
        return None
    if isinstance(node, MappingNode) and isinstance(part, str):
        fitting = [
            Step(node, place, value, key)
            for place, (key, value) in enumerate(pairs(node))
            if isinstance(key, ScalarNode) and key.value == part
        ]
    elif isinstance(node, SequenceNode) and isinstance(part, Match):
        fitting = [Step(node, place, one) for place, one in enumerate(node.value) if _fits(place, one, part)]
    else:
        raise _misfit(node, part, above)
    if len(fitting) > 1:
        lines = _lines([step.key or step.node for step in fitting])
        said = "is there twice" if isinstance(part, str) else f"fits {len(fitting)} entries"
        hint = "take one out" if isinstance(part, str) else "name the entry by a key that tells it apart"
        raise ManifestError(f"{above.at(part)}: {said}, at {lines}", hint)
    return fitting[0] if fitting else None


def _fits(place: int, node: Node, match: Match) -> bool:
    if match.place is not None:
        return place == match.place
    if isinstance(node, ScalarNode):
        wanted = f"{match.key}={match.value}"
        return node.value.startswith(wanted[:-1]) if match.value == _ANY else bool(node.value == wanted)
    if not isinstance(node, MappingNode):
        return False
    found = _under(node, match.key)
    return isinstance(found, ScalarNode) and match.value in (_ANY, found.value)


def _misfit(node: Node, part: Part, above: Address) -> ManifestError:
    place = f"{above} (line {line(node)})"
    if isinstance(node, SequenceNode):
        return ManifestError(
            f"{place}: is a list, it has no key {part!r}",
            "name an entry as [name=...], or by its place, as [0]",
        )
    if isinstance(node, MappingNode):
        return ManifestError(f"{place}: is a mapping, it has no entry {part}", "name a key, as .key")
    return ManifestError(f"{place}: is a single value, nothing stands below it", "shorten the path")


def _under(node: Node | None, name: str) -> Node | None:
    """The value of a key; the last one where it is there twice, as readers take it."""
    if not isinstance(node, MappingNode):
        return None
    found = [v for k, v in pairs(node) if isinstance(k, ScalarNode) and k.value == name]
    return found[-1] if found else None


def _text(node: Node | None) -> str:
    return str(node.value) if isinstance(node, ScalarNode) else ""


def _lines(nodes: Iterable[Node]) -> str:
    numbers = [str(line(one)) for one in nodes]
    return f"lines {', '.join(numbers[:-1])} and {numbers[-1]}"


def _listed(names: Iterable[str]) -> str:
    found = list(names)
    return ", ".join(found[:8]) + (f" and {len(found) - 8} more" if len(found) > 8 else "")
