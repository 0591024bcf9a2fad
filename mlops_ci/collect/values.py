"""A metrics file as flat numbers: every number is found, and what is no number says why (pure)."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import yaml

MAX_BYTES = 5_000_000
MAX_METRICS = 500
MAX_LIST = 20


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
        UnreadableError: the file is empty, too large, not UTF-8 or not in its format.
    """
    if len(raw) > MAX_BYTES:
        raise UnreadableError(f"is {len(raw) / 1e6:.1f} MB; a metrics file may have {MAX_BYTES / 1e6:.0f} MB")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"is not UTF-8 text (byte {error.start})") from error
    if not text.strip():
        raise UnreadableError("is empty")
    return _decode(text, PurePosixPath(path).suffix.lower())


def _decode(text: str, suffix: str) -> Any:
    try:
        match suffix:
            case ".yaml" | ".yml":
                return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
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
    except (yaml.YAMLError, RecursionError) as error:
        raise UnreadableError(f"cannot be read: {error}") from error


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
