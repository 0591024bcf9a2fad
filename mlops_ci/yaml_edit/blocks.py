"""Values with entries as YAML text: lines of a block, or one line in braces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlops_ci.yaml_edit import scalars


@dataclass(frozen=True)
class Layout:
    """How a text indents: spaces a level, and by how much a list stands right of its key."""

    step: int = 2
    offset: int = 2


def entry(key: str, value: Any, layout: Layout) -> list[str]:
    """The lines of ``key: value`` in a block, the first at column 0."""
    name = scalars.write(key)
    if _is_single(value):
        return [f"{name}: {inline(value)}"]
    if isinstance(value, Mapping):
        return [f"{name}:", *_indented(mapping(value, layout), layout.step)]
    return [f"{name}:", *_indented(sequence(value, layout), layout.offset)]


def mapping(value: Mapping[str, Any], layout: Layout) -> list[str]:
    """The lines of a mapping with entries, from column 0 on."""
    return [text for key, one in value.items() for text in entry(key, one, layout)]


def sequence(value: list[Any], layout: Layout) -> list[str]:
    """The lines of a list with entries, from column 0 on."""
    return [text for one in value for text in item(one, layout)]


def item(value: Any, layout: Layout, dash: str = "- ") -> list[str]:
    """The lines of one entry of a list, the dash at column 0."""
    if _is_single(value):
        return [f"{dash}{inline(value)}"]
    lines = mapping(value, layout) if isinstance(value, Mapping) else sequence(value, layout)
    return [f"{dash}{lines[0]}", *_indented(lines[1:], len(dash))]


def inline(value: Any, *, flow: bool = False, style: str = "") -> str:
    """A value on one line; ``style`` is the quotes of its keys and texts."""
    if isinstance(value, Mapping):
        inside = (
            f"{scalars.write(k, style=style, flow=True)}: {inline(v, flow=True, style=style)}"
            for k, v in value.items()
        )
        return "{" + ", ".join(inside) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(inline(one, flow=True, style=style) for one in value) + "]"
    return scalars.write(value, style=style, flow=flow)


def _is_single(value: Any) -> bool:
    """Whether it fits on one line of a block: a single value, or nothing in braces."""
    return not isinstance(value, Mapping | list) or not value


def _indented(lines: list[str], by: int) -> list[str]:
    return [" " * by + text for text in lines]
