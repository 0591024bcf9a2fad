"""The proof of a change: the text is read again, and nothing but the one entry may differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode

from mlops_ci.errors import ManifestError
from mlops_ci.yaml_edit.address import Address
from mlops_ci.yaml_edit.nodes import compose, is_flow, plain, shared
from mlops_ci.yaml_edit.splicing import Effect, Splice, same

_HINT = "nothing was changed; edit this place by hand"
_HOLE = ["hole"]


def proved(before: Sequence[Node], text: str, splice: Splice, address: Address) -> tuple[Node, ...]:
    """The documents of the changed text, of which the splice changed what it should and nothing else.

    Raises:
        ManifestError: the text reads otherwise than it should; it must not be used.
    """
    try:
        after = compose(text)
    except ManifestError as error:
        raise ManifestError(f"{address}: the changed text would be {error.message}", _HINT) from error
    old, new = _prints(before), _prints(after)
    try:
        if splice.effect is not Effect.INSERT:
            _pierce(old, splice, keep=splice.effect is Effect.REPLACE)
        if splice.effect is not Effect.DELETE:
            _pierce(new, splice, keep=splice.effect is Effect.REPLACE)
            read = _read(after[splice.document], splice)
        is_proved = old == new and (splice.effect is Effect.DELETE or same(read, splice.wanted))
    except LookupError:
        is_proved = False
    if not is_proved:
        raise ManifestError(f"{address}: the change would reach further than this place", _HINT)
    return after


def _read(root: Node, splice: Splice) -> Any:
    """What stands at the path of the splice; raises LookupError where it has another key."""
    node, key = root, None
    for place in splice.path:
        entry = node.value[place]
        key, node = entry if isinstance(node, MappingNode) else (None, entry)
    if splice.key is not None and (key is None or key.value != splice.key):
        raise LookupError
    return plain(node)


def _prints(roots: Sequence[Node]) -> list[list[Any]]:
    return [_print(root, dict.fromkeys(shared(root))) for root in roots]


def _print(node: Node, met: dict[int, int | None]) -> list[Any]:
    """A node as what can be compared: type, look, value.

    ``met`` holds the nodes that more than one place refers to, and when each was met first.
    """
    number = met.get(id(node))
    if number is not None:
        return ["alias", number]
    if id(node) in met:
        met[id(node)] = sum(one is not None for one in met.values())
    if isinstance(node, ScalarNode):
        return [node.tag, node.style or "", node.value]
    if isinstance(node, MappingNode):
        inside: list[Any] = [[_print(key, met), _print(value, met)] for key, value in node.value]
    else:
        inside = [[None, _print(one, met)] for one in node.value]
    return [node.tag, is_flow(node), inside]


def _pierce(prints: list[list[Any]], splice: Splice, *, keep: bool) -> None:
    """Take the entry of the splice out of the prints, or leave a hole for its value."""
    node = prints[splice.document]
    for place in splice.path[:-1]:
        node = node[2][place][1]
    last = splice.path[-1]
    if keep:
        node[2][last][1] = _HOLE
    else:
        del node[2][last]
