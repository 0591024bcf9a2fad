"""Where in the text things begin and end: lines, the last character of an entry, the column of a dash."""

from __future__ import annotations

import re

from yaml.nodes import MappingNode, Node, ScalarNode

from mlops_ci.yaml_edit.guarding import BLOCK_STYLES
from mlops_ci.yaml_edit.nodes import is_flow

_ALIAS = re.compile(r"(?:[\s:,\[{-]|#[^\n]*\n)*\*[^\s,\[\]{}]+")
_PROPERTIES = re.compile(r"(?:&[^\s,\[\]{}]+\s+)+")


def line_start(text: str, at: int) -> int:
    """Where the line of a place begins."""
    return text.rfind("\n", 0, at) + 1


def after_line(text: str, at: int) -> int:
    """Where the next line begins; the end of the text where there is none."""
    if at and text[at - 1] == "\n":
        return at
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1


def newline(text: str) -> str:
    """How the text ends its lines, as its first line does."""
    first = text.find("\n")
    return "\r\n" if first > 0 and text[first - 1] == "\r" else "\n"


def written(text: str, node: Node) -> int:
    """Where a value begins, after its anchor."""
    start = int(node.start_mark.index)
    found = _PROPERTIES.match(text, start)
    return found.end() if found else start


def column(text: str, at: int) -> int:
    """The column of a place, counted from 0."""
    return at - line_start(text, at)


def dash(text: str, node: Node) -> int:
    """Where the first dash of a list in a block stands."""
    return text.index("-", written(text, node))


def end(text: str, node: Node, floor: int) -> int:
    """Where a node's last character is passed; ``floor`` is where what stands before it ended."""
    if node.start_mark.index < floor:
        found = _ALIAS.match(text, floor)
        return found.end() if found else floor
    if isinstance(node, ScalarNode):
        return _scalar_end(text, node)
    if is_flow(node):
        return int(node.end_mark.index)
    if isinstance(node, MappingNode):
        key, value = node.value[-1]
        return end(text, value, key.end_mark.index)
    return entries(text, node)[-1][1]


def entries(text: str, node: Node) -> list[tuple[int, int]]:
    """Where each entry of a mapping or list begins and ends; an alias begins where the one before ended."""
    spans: list[tuple[int, int]] = []
    floor = int(node.start_mark.index)
    for one in node.value:
        key, value = one if isinstance(one, tuple) else (None, one)
        if key is not None:
            start = max(floor, int(key.start_mark.index))
            floor = end(text, value, max(floor, int(key.end_mark.index)))
        else:
            start = max(floor, int(value.start_mark.index))
            floor = end(text, value, floor)
        spans.append((start, floor))
    return spans


def _scalar_end(text: str, node: ScalarNode) -> int:
    stop = int(node.end_mark.index)
    if node.style not in BLOCK_STYLES:
        return stop
    header = text[node.start_mark.index : after_line(text, node.start_mark.index)].partition("#")[0]
    if "+" in header:
        return stop
    # Without "+" the empty lines after the text are no part of it.
    return len(text[:stop].rstrip())
