"""The proof of a change: the text is read again, and nothing but the one entry may differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode

from mlops_ci.errors import ManifestError
from mlops_ci.yaml_edit.address import Address
from mlops_ci.yaml_edit.nodes import compose, is_flow, plain
from mlops_ci.yaml_edit.splicing import Effect, Splice, same

_HINT = "nothing was changed; edit this place by hand"
_ELSEWHERE: tuple[int, ...] = ()


def proved(before: Sequence[Node], text: str, splice: Splice, address: Address) -> tuple[Node, ...]:
    """The documents of the changed text, of which the splice changed what it should and nothing else.

    Raises:
        ManifestError: the text reads otherwise than it should; it must not be used.
    """
    try:
        after = compose(text)
    except ManifestError as error:
        raise ManifestError(f"{address}: the changed text would be {error.message}", _HINT) from error
    is_proved = len(before) == len(after) and all(
        _Proof(splice.effect).holds(old, new, splice.path if at == splice.document else _ELSEWHERE)
        for at, (old, new) in enumerate(zip(before, after, strict=True))
    )
    if not is_proved or not _is_wanted(after[splice.document], splice):
        raise ManifestError(f"{address}: the change would reach further than this place", _HINT)
    return after


def _is_wanted(root: Node, splice: Splice) -> bool:
    """Whether at the path of the splice stands what it says."""
    if splice.effect is Effect.DELETE:
        return True
    node, key = root, None
    try:
        for place in splice.path:
            entry = node.value[place]
            key, node = entry if isinstance(node, MappingNode) else (None, entry)
    except LookupError:
        return False
    named = splice.key is None or (key is not None and key.value == splice.key)
    return named and same(plain(node), splice.wanted)


class _Proof:
    """Two documents are alike node for node but for one entry: type, look, value, and what is shared."""

    def __init__(self, effect: Effect) -> None:
        self._effect = effect
        # The nodes that were met, and their counterparts: what was shared must be shared the same way.
        self._met: dict[int, int] = {}
        self._counterparts: set[int] = set()

    def holds(self, old: Node, new: Node, path: tuple[int, ...]) -> bool:
        """Whether two nodes are alike but for the entry at a path below; an empty path: throughout."""
        if id(old) in self._met or id(new) in self._counterparts:
            return self._met.get(id(old)) == id(new)
        self._met[id(old)] = id(new)
        self._counterparts.add(id(new))
        if type(old) is not type(new) or old.tag != new.tag or is_flow(old) != is_flow(new):
            return False
        if isinstance(old, ScalarNode) and isinstance(new, ScalarNode):
            return old.value == new.value and (old.style or "") == (new.style or "")
        return self._entries_hold(old.value, new.value, path)

    def _entries_hold(self, old: list[Any], new: list[Any], path: tuple[int, ...]) -> bool:
        last = path[0] if len(path) == 1 else None
        if last is not None and self._effect is Effect.INSERT:
            new = new[:last] + new[last + 1 :]
        if last is not None and self._effect is Effect.DELETE:
            old = old[:last] + old[last + 1 :]
        replaced = last if self._effect is Effect.REPLACE else None
        return len(old) == len(new) and all(
            self._entry_holds(one, other, path[1:] if path and path[0] == at else _ELSEWHERE, at == replaced)
            for at, (one, other) in enumerate(zip(old, new, strict=True))
        )

    def _entry_holds(self, old: Any, new: Any, path: tuple[int, ...], is_replaced: bool) -> bool:
        if isinstance(old, tuple):
            return self.holds(old[0], new[0], _ELSEWHERE) and (
                is_replaced or self.holds(old[1], new[1], path)
            )
        return is_replaced or self.holds(old, new, path)
