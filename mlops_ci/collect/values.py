"""A metrics file as flat numbers: every number is found, and what is no number says why (pure)."""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import yaml

MAX_BYTES = 5_000_000
MAX_METRICS = 500
MAX_LIST = 20
# A few lines of YAML can stand for billions of values, and for values that hold themselves.
MAX_NODES = 100_000
MAX_DEPTH = 50
# YAML reads 1:1:1 in base 60, and the time that takes grows with the square of the length.
MAX_DIGITS = 1_000
_TOO_DEEP = f"is nested deeper than {MAX_DEPTH} levels, or holds itself"

# An escape of half a character; the two halves of a whole one match as well, which does no harm.
_HALF_CHARACTER = re.compile(r"\\[uU](?:0000)?[dD][89a-fA-F]")
# What the readers raise for a value that has the form of its type and is none: 2001-99-99, !!bool x.
_NO_VALUE = (ValueError, ArithmeticError, LookupError, AttributeError, TypeError)


class UnreadableError(ValueError):
    """A metrics or plots file that cannot be read; the text says why, for a person."""


@dataclass(frozen=True)
class Values:
    """The numbers of one file by dotted key; ``broken`` are keys whose value is no finite number."""

    numbers: dict[str, float] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def parse(raw: bytes, path: str) -> Values:
    """Read JSON, YAML or TOML into dotted keys, as DVC names them.

    Booleans count as 0 and 1. Short lists of numbers become ``key.0``, ``key.1``; long ones are noted.

    Raises:
        UnreadableError: the file is empty, too large, not in its format, or holds no mapping.
    """
    content = load(raw, path)
    if isinstance(content, int | float):
        content = {"": content}
    if not isinstance(content, dict):
        raise UnreadableError(f"holds {_kind(content)}, not a mapping of metric names to numbers")
    values = Values()
    notes: list[str] = []
    for key, leaf in _leaves(content, ""):
        if len(values.numbers) + len(values.broken) >= MAX_METRICS:
            notes.append(f"has more than {MAX_METRICS} numbers; the rest is left out")
            break
        _put(values, notes, key, leaf)
    return Values(values.numbers, values.broken, tuple(notes))


def load(raw: bytes, path: str) -> Any:
    """The file's content as plain Python data, by its suffix.

    Raises:
        UnreadableError: the file is empty, too large, too deep, not UTF-8 or not in its format.
    """
    if len(raw) > MAX_BYTES:
        raise UnreadableError(f"is {len(raw) / 1e6:.1f} MB; a metrics file may have {MAX_BYTES / 1e6:.0f} MB")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"is not UTF-8 text (byte {error.start})") from error
    if not text.strip():
        raise UnreadableError("is empty")
    content = _decode(text, PurePosixPath(path).suffix.lower())
    _bounded(content, _items)
    return _whole(content) if _HALF_CHARACTER.search(text) else content


def _decode(text: str, suffix: str) -> Any:
    try:
        match suffix:
            case ".yaml" | ".yml":
                return _yaml(text)
            case ".toml":
                return tomllib.loads(text)
            case _:
                return json.loads(text)
    except json.JSONDecodeError as error:
        raise UnreadableError(f"is not JSON: line {error.lineno}: {error.msg}") from error
    except tomllib.TOMLDecodeError as error:
        raise UnreadableError(f"is not TOML: {error}") from error
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise UnreadableError(f"is not YAML: {line}{error.problem}") from error
    except UnreadableError:
        raise
    except (yaml.YAMLError, RecursionError, *_NO_VALUE) as error:
        raise UnreadableError(f"cannot be read: {error}") from error


def _yaml(text: str) -> Any:
    """YAML's plain data, its size known before an alias is followed."""
    kind = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    _shallow(yaml.parse(text, Loader=kind))
    loader = kind(text)
    try:
        root = loader.get_single_node()
        _bounded(root, _nodes, most=MAX_NODES)
        return None if root is None else loader.construct_document(root)
    finally:
        loader.dispose()


def _shallow(events: Iterable[Any]) -> None:
    """Refuse what is too deep before it is composed: libyaml's own recursion would end the process."""
    depth = 0
    for event in events:
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise UnreadableError(_TOO_DEEP)


def _bounded(root: Any, children: Callable[[Any], Iterable[Any]], most: float = math.inf) -> None:
    """Refuse what is too deep, holds itself, or is more than ``most`` values with every alias followed."""
    seen, waiting = 1, [(root, 0)]
    while waiting:
        node, depth = waiting.pop()
        found = [(child, depth + 1) for child in children(node)]
        seen += len(found)
        if seen > most:
            raise UnreadableError(f"has more than {most:,} values; aliases count as what they stand for")
        if found and depth >= MAX_DEPTH:
            raise UnreadableError(_TOO_DEEP)
        waiting += found


def _items(content: Any) -> list[Any]:
    """The mappings and lists in a mapping or a list: only they can be deep."""
    values = content.values() if isinstance(content, dict) else content if isinstance(content, list) else ()
    return [value for value in values if isinstance(value, dict | list)]


def _nodes(node: Any) -> list[Any]:
    """What a YAML node holds, keys too."""
    if isinstance(node, yaml.MappingNode):
        return [one for pair in node.value for one in pair]
    if isinstance(node, yaml.SequenceNode):
        return list(node.value)
    if node is not None and node.tag.endswith(":int") and len(node.value) > MAX_DIGITS:
        raise UnreadableError(f"line {node.start_mark.line + 1}: has a number of {len(node.value):,} digits")
    return []


def _whole(content: Any) -> Any:
    """The content with a question mark for each half of a character, which no file could hold."""
    if isinstance(content, dict):
        return {_whole(key): _whole(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_whole(item) for item in content]
    return content.encode(errors="replace").decode() if isinstance(content, str) else content


def _leaves(node: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _leaves(value, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(node, list) and len(node) <= MAX_LIST and all(_is_number(item) for item in node):
        for index, item in enumerate(node):
            yield f"{prefix}.{index}", item
    else:
        yield prefix, node


def _put(values: Values, notes: list[str], key: str, leaf: Any) -> None:
    if leaf is None:
        values.broken[key] = "null"
    elif isinstance(leaf, list):
        notes.append(
            f"{key} is a list of {len(leaf)} items, which is no metric: write a number that sums it up"
        )
    elif _is_number(leaf):
        number = _finite(leaf)
        if number is None:
            values.broken[key] = "NaN" if leaf != leaf else "Infinity"  # noqa: PLR0124 - NaN is what differs
        else:
            values.numbers[key] = number


def _finite(leaf: float) -> float | None:
    try:
        number = float(leaf)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _is_number(leaf: Any) -> bool:
    return isinstance(leaf, int | float)


def _kind(content: Any) -> str:
    return {list: "a list", str: "text", type(None): "nothing"}.get(type(content), type(content).__name__)
