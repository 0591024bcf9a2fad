"""What is refused, because a change there would change more than it says."""

from __future__ import annotations

from yaml.nodes import MappingNode, Node, ScalarNode

from mlops_ci.errors import ManifestError
from mlops_ci.yaml_edit.address import Address
from mlops_ci.yaml_edit.finding import Trail
from mlops_ci.yaml_edit.nodes import below, is_merge, line, shared

BLOCK_STYLES = ("|", ">")


def guard(trail: Trail, address: Address) -> None:
    """Refuse a path that is shared, merged, or has keys that are no names.

    Raises:
        ManifestError: with what is in the way, and how to mend it.
    """
    several = shared(trail.root)
    passed = [(trail.root, None), *((step.node, step.key) for step in trail.steps)]
    for node, key in passed:
        if id(node) in several:
            _refuse_shared(node, key, address)
    containers = [step.parent for step in trail.steps] + ([trail.node] if trail.rest else [])
    for node in containers:
        if isinstance(node, MappingNode):
            _refuse_keys(node, address)


def guard_removal(trail: Trail, address: Address) -> None:
    """Refuse to take out what other places of the document refer to."""
    several = shared(trail.root)
    for node in below(trail.node):
        if id(node) in several:
            raise ManifestError(
                f"{address}: holds an anchor or alias, at line {line(node)}",
                "write out what the alias stands for",
            )


def guard_scalar(node: ScalarNode, written: str, address: Address) -> None:
    """Refuse a value that is a block of text, has a type of its own, or is a template."""
    place = f"{address} (line {line(node)})"
    if node.style in BLOCK_STYLES:
        raise ManifestError(f"{place}: is a block of text ({node.style})", "edit the block by hand")
    if written.startswith("!"):
        raise ManifestError(
            f"{place}: has a type of its own ({written.split(maxsplit=1)[0]})",
            "take the tag out, or edit it by hand",
        )
    if "{{" in node.value:
        raise ManifestError(
            f"{place}: is a template ({node.value})", "change the value that it is filled from"
        )


def _refuse_shared(node: Node, key: Node | None, address: Address) -> None:
    # What an alias stands for is written before the alias.
    is_alias = key is not None and node.start_mark.index < key.start_mark.index
    what = "is an alias of what stands at" if is_alias else "is referred to by an alias; its anchor is at"
    raise ManifestError(
        f"{address}: {what} line {line(node)}, so that a change here would change other places too",
        "write out what the alias stands for",
    )


def _refuse_keys(node: MappingNode, address: Address) -> None:
    for key, _ in node.value:
        if is_merge(key):
            raise ManifestError(
                f"{address}: line {line(key)} merges other keys in (<<)",
                "edit the mapping that is merged, or write its keys out",
            )
        if not isinstance(key, ScalarNode):
            raise ManifestError(
                f"{address}: line {line(key)} has a key that is a mapping or a list",
                "is this a template? change the values that it is filled from",
            )
