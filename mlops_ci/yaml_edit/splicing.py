"""What to replace in the text for one change: a span, and what stands there then."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from mlops_ci.errors import ManifestError
from mlops_ci.yaml_edit import blocks, places, scalars
from mlops_ci.yaml_edit.address import Address, Match, Part
from mlops_ci.yaml_edit.finding import Step, Trail, is_nothing
from mlops_ci.yaml_edit.guarding import BLOCK_STYLES, guard, guard_removal, guard_scalar
from mlops_ci.yaml_edit.nodes import is_flow, line, plain


class Effect(StrEnum):
    """What a splice does to the entry at its path."""

    REPLACE = "replace"
    INSERT = "insert"
    DELETE = "delete"


@dataclass(frozen=True)
class Splice:
    """Text for a span; ``path`` is the places of the entry it is about, ``wanted`` what is there then."""

    start: int
    end: int
    text: str
    effect: Effect
    document: int
    path: tuple[int, ...]
    wanted: Any = None
    key: str | None = None

    def apply(self, text: str) -> str:
        """The text with the span replaced."""
        return text[: self.start] + self.text + text[self.end :]


def setting(text: str, trail: Trail, address: Address, value: Any) -> Splice | None:
    """The splice that gives a place a value; None where it has it. Raises ManifestError."""
    node = trail.node
    if not trail.rest and same(plain(node), value):
        return None
    if not trail.steps and not trail.rest:
        raise ManifestError(f"{address}: is the whole document", "name a key in it")
    guard(trail, address)
    if not trail.rest and not is_nothing(node):
        return _replaced(text, trail, address, value)
    wanted = wrapped(trail.rest, value, address)
    if is_nothing(node):
        return _filled(text, trail, address, wanted)
    return _inserted(text, trail, address, wanted)


def same(one: Any, other: Any) -> bool:
    """Whether two plain values are the same, in type too: 5 is not 5.0, true is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and (one == other or (one != one and other != other))  # noqa: PLR0124


def wrapped(rest: tuple[Part, ...], value: Any, address: Address) -> Any:
    """A value inside the keys and entries of a path that are missing."""
    if not rest:
        return value
    part, inner = rest[0], wrapped(rest[1:], value, address)
    if isinstance(part, str):
        return {part: inner}
    return [_entry(part, inner, address)]


def _entry(match: Match, inner: Any, address: Address) -> Any:
    """The entry of a list that fits a match."""
    if match.place is not None:
        return inner
    if isinstance(inner, dict) and match.value != "*" and match.key not in inner:
        return {match.key: match.value, **inner}
    if isinstance(inner, dict):
        fits = match.key in inner and match.value in ("*", inner[match.key])
    else:
        wanted = f"{match.key}={match.value}"
        fits = isinstance(inner, str) and (
            inner.startswith(wanted[:-1]) if match.value == "*" else inner == wanted
        )
    if not fits:
        raise ManifestError(
            f"{address}: there is no entry {match}, and {inner!r} would be none",
            "give a value that the brackets fit",
        )
    return inner


# ---- a value in place of another ----------------------------------------------------------------


def _replaced(text: str, trail: Trail, address: Address, value: Any) -> Splice | None:
    node = trail.node
    if not isinstance(node, ScalarNode) or isinstance(value, dict | list):
        what = "a single value" if isinstance(node, ScalarNode) else "a mapping or a list"
        raise ManifestError(
            f"{address} (line {line(node)}): is {what}, and {scalars.shown(value)} cannot take its place",
            "name a single value in it, or delete it first",
        )
    start = places.written(text, node)
    guard_scalar(node, text[start : node.end_mark.index], address)
    wanted = scalars.quoted(value) if node.style else value
    if same(plain(node), wanted):
        return None
    style = "" if wanted is None else node.style or ""
    flow = any(is_flow(step.parent) for step in trail.steps)
    new = scalars.write(wanted, style=style, flow=flow)
    end = int(node.end_mark.index)
    return Splice(start, end, new, Effect.REPLACE, trail.document, trail.places, wanted)


def _filled(text: str, trail: Trail, address: Address, wanted: Any) -> Splice:
    """Something in place of nothing, such as below ``annotations:``."""
    step = trail.steps[-1]
    at = int(step.node.end_mark.index)
    if step.node.start_mark.index != at:
        raise ManifestError(
            f"{address} (line {line(step.node)}): is empty but for an anchor or a tag", "edit it by hand"
        )
    if not isinstance(wanted, dict | list) or not wanted or is_flow(step.parent):
        start, colon = _after_colon(text, step, at)
        new = f"{colon} {blocks.inline(wanted, flow=is_flow(step.parent))}"
        return Splice(start, start, new, Effect.REPLACE, trail.document, trail.places, wanted)
    layout = _layout(text, trail.root)
    if step.key is None:
        raise ManifestError(
            f"{address} (line {line(step.node)}): is an empty entry of a list", "delete it first"
        )
    base = places.column(text, step.key.start_mark.index)
    if isinstance(wanted, dict):
        lines, indent = blocks.mapping(wanted, layout), base + layout.step
    else:
        lines, indent = blocks.sequence(wanted, layout), base + layout.offset
    start, new = _lines(text, at, lines, indent)
    return Splice(start, start, new, Effect.REPLACE, trail.document, trail.places, wanted)


def _after_colon(text: str, step: Step, at: int) -> tuple[int, str]:
    """Where the value of a key without one begins, and the colon where it has none, as in ``{a, b}``."""
    if step.key is None:
        return at, ""
    begin = int(step.key.end_mark.index)
    colon = text.find(":", begin, at)
    return (begin, ":") if colon < 0 else (colon + 1, "")


# ---- a new entry --------------------------------------------------------------------------------


def _inserted(text: str, trail: Trail, address: Address, wanted: Any) -> Splice:
    node = trail.node
    if isinstance(node, MappingNode):
        key = next(iter(wanted))
        value = wanted[key]
        place = _sibling(node, value)
    else:
        key, value, place = None, wanted[0], len(node.value)
        _refuse_gap(trail.rest[0], place, address)
    path = (*trail.places, place)
    if is_flow(node):
        start, new = _in_braces(text, node, key, value, place)
    else:
        start, new = _in_block(text, trail, key, value, place)
    return Splice(start, start, new, Effect.INSERT, trail.document, path, value, key)


def _refuse_gap(part: Part, length: int, address: Address) -> None:
    place = part.place if isinstance(part, Match) else None
    if place is not None and place != length:
        raise ManifestError(
            f"{address}: there is no entry {part}, the list has {length}", f"[{length}] appends one"
        )


def _sibling(node: MappingNode, value: Any) -> int:
    """The place of a new key: a single value after those at the top, all else at the end."""
    if isinstance(value, dict | list):
        return len(node.value)
    values = [one for _, one in node.value]
    leading = next((at for at, one in enumerate(values) if not _is_short(one)), len(values))
    return leading or len(values)


def _is_short(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.style not in BLOCK_STYLES


def _in_block(text: str, trail: Trail, key: str | None, value: Any, place: int) -> tuple[int, str]:
    node, layout = trail.node, _layout(text, trail.root)
    spans = places.entries(text, node)
    if key is not None:
        indent = places.column(text, node.value[0][0].start_mark.index)
        lines = blocks.entry(key, value, layout)
    else:
        first = places.dash(text, node)
        indent = places.column(text, first)
        lines = blocks.item(value, layout, _dash(text, spans, first))
    return _lines(text, spans[place - 1][1], lines, indent)


def _dash(text: str, spans: list[tuple[int, int]], first: int) -> str:
    """A dash and the spaces after it, as the first entry has it."""
    between = text[first : spans[0][0]]
    return between if between.strip() == "-" and "\n" not in between and len(between) > 1 else "- "


def _lines(text: str, at: int, lines: list[str], indent: int) -> tuple[int, str]:
    """Whole lines after the line of a place: where they go, and their text."""
    end = places.newline(text)
    start = places.after_line(text, at)
    indented = [" " * indent + one for one in lines]
    if text[:start].endswith("\n"):
        return start, "".join(f"{one}{end}" for one in indented)
    # A file without a last newline stays one.
    return start, "".join(f"{end}{one}" for one in indented)


def _in_braces(text: str, node: Node, key: str | None, value: Any, place: int) -> tuple[int, str]:
    style = '"' if _is_json(node) else ""
    new = blocks.inline(value, flow=True, style=style)
    if key is not None:
        new = f"{scalars.write(key, style=style, flow=True)}: {new}"
    if not node.value:
        return places.written(text, node) + 1, new
    return places.entries(text, node)[place - 1][1], f", {new}"


def _is_json(node: Node) -> bool:
    """Whether what stands in the braces is quoted throughout, as JSON asks."""
    first = node.value[0] if node.value else None
    head = first[0] if isinstance(first, tuple) else first
    return isinstance(head, ScalarNode) and head.style == '"'


# ---- taking out ---------------------------------------------------------------------------------


def deleting(text: str, trail: Trail, address: Address) -> Splice:
    """The splice that takes a key or an entry out. Raises ManifestError."""
    if trail.rest or not trail.steps:
        raise ManifestError(f"{address}: is not there", "nothing is deleted")
    guard(trail, address)
    guard_removal(trail, address)
    step = trail.steps[-1]
    spans = places.entries(text, step.parent)
    cut = _cut_braces if is_flow(step.parent) else _cut_block
    start, end = cut(text, step.parent, spans, step.place, address)
    return Splice(start, end, "", Effect.DELETE, trail.document, trail.places)


def _cut_braces(
    text: str, _: Node, spans: list[tuple[int, int]], place: int, address: Address
) -> tuple[int, int]:
    start, end = spans[place]
    if place:
        start = spans[place - 1][1]
    elif len(spans) > 1:
        end = spans[1][0]
    if "#" in text[start : spans[place][0]] + text[spans[place][1] : end]:
        raise ManifestError(f"{address}: a comment stands beside it in braces", "delete it by hand")
    return start, end


def _cut_block(
    text: str, node: Node, spans: list[tuple[int, int]], place: int, address: Address
) -> tuple[int, int]:
    if len(spans) == 1:
        raise ManifestError(
            f"{address}: is the only entry there, without it nothing would be left but an empty key",
            "delete the key above it",
        )
    begin = spans[place][0]
    start = places.line_start(text, begin)
    before = text[start:begin].strip()
    if before != ("-" if isinstance(node, SequenceNode) else ""):
        raise ManifestError(
            f"{address}: does not stand on lines of its own", "delete it by hand, or the entry as a whole"
        )
    end = places.after_line(text, spans[place][1])
    if end == len(text) and not text.endswith("\n"):
        # A file without a last newline stays one.
        start -= len(places.newline(text))
    return start, end


def _layout(text: str, root: Node) -> blocks.Layout:
    """How a document indents: as its first nested mapping does, and its first list below a key."""
    steps: list[int] = []
    offsets: list[int] = []
    waiting: list[Node] = [root]
    while waiting and not (steps and offsets):
        node = waiting.pop(0)
        if isinstance(node, SequenceNode) and not is_flow(node):
            waiting.extend(node.value)
        if not isinstance(node, MappingNode) or is_flow(node):
            continue
        for key, value in node.value:
            if (
                value.start_mark.index < key.start_mark.index
                or isinstance(value, ScalarNode)
                or is_flow(value)
            ):
                continue
            waiting.append(value)
            base = places.column(text, key.start_mark.index)
            if isinstance(value, MappingNode):
                steps.append(places.column(text, value.value[0][0].start_mark.index) - base)
            else:
                offsets.append(places.column(text, places.dash(text, value)) - base)
    return blocks.Layout(*(found[0] if found else 2 for found in (steps, offsets)))
