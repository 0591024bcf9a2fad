"""Manifests with one value of the wrong kind, wherever there is a value."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import yaml

WRONG: tuple[Any, ...] = (None, 7, True, "x", [], {}, [1], {"a": 1})


def broken(text: str) -> Iterator[str]:
    """A manifest with each of its values replaced by each wrong one, in turn."""
    whole = list(yaml.safe_load_all(text))
    for path in _paths(whole):
        for value in WRONG:
            changed = deepcopy(whole)
            *above, last = path
            node: Any = changed
            for step in above:
                node = node[step]
            node[last] = value
            yield yaml.safe_dump_all(changed)


def _paths(node: Any) -> Iterator[tuple[Any, ...]]:
    below = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in below:
        yield (key,)
        yield from ((key, *rest) for rest in _paths(value))
