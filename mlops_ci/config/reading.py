"""YAML text -> Document: the words of YAML 1.2, a place for every key, every mistake noted."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import yaml

from mlops_ci.config.source import Document, Mistake, Path, Place, dotted, printable, shown

# A configuration is written by hand; these bounds only stop a text that was made to hurt.
MAX_CHARACTERS = 256_000
MAX_NODES = 20_000
MAX_DEPTH = 40

_STANDARD = "tag:yaml.org,2002:"
_MERGE = _STANDARD + "merge"
# YAML 1.2: `on`, `no` and 2:30 are text, 1e-3 is a number. DVC and editors read it the same way.
_RESOLVERS: tuple[tuple[str, str, list[str] | None], ...] = (
    ("merge", r"<<", ["<"]),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
)


def _loader() -> Any:
    """PyYAML's loader, in C where it is there, with the words of YAML 1.2."""
    fastest = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader: Any = type("CoreLoader", (fastest,), {"yaml_implicit_resolvers": {}})
    for tag, pattern, first in _RESOLVERS:
        loader.add_implicit_resolver(_STANDARD + tag, re.compile(f"(?:{pattern})$"), first)
    return loader


_LOADER = _loader()


def read(text: str | None, source: str) -> Document:
    """Read YAML text; mistakes are collected in the document and the rest is read all the same."""
    if text is not None and len(text) > MAX_CHARACTERS:
        return _unreadable(source, 1, f"{len(text):,} characters are more than a configuration may have")
    try:
        deep = _too_deep(text or "")
        node = None if deep else yaml.compose(text or "", Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        return _unreadable(source, *_syntax(error, text or ""))
    except (yaml.reader.ReaderError, UnicodeError) as error:
        line = (text or "").count("\n", 0, getattr(error, "position", getattr(error, "start", 0))) + 1
        return _unreadable(source, line, "not YAML: a character stands here that no text file may have")
    if deep:
        return _unreadable(source, deep, f"nested deeper than {MAX_DEPTH} levels")
    return Document(source, empty=True) if node is None else _Builder(source).document(node)


def _unreadable(source: str, line: int, message: str) -> Document:
    return Document(source, mistakes=(Mistake(source, line, "", message),))


def _line(mark: Any) -> int:
    """The line of a mark, from 1."""
    return int(mark.line) + 1 if mark else 1


def _too_deep(text: str) -> int:
    """The line where nesting goes too deep, 0 where it does not."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            return _line(event.start_mark)
    return 0


_PLAIN_WORDS = {
    "mapping values are not allowed": "a second `:` in a line, or wrong indentation; quote text with `: `",
    "could not find expected ':'": "a key without `:`",
    "did not find expected key": "wrong indentation, or a quote that is not closed",
    "undefined alias": "an alias (*name) without its anchor (&name) above it",
    "another document": "a second document (---); a configuration has one",
}


def _syntax(error: yaml.MarkedYAMLError, text: str) -> tuple[int, str]:
    """Line and plain words of a syntax error."""
    mark = error.problem_mark or error.context_mark
    number = _line(mark)
    line = "".join(text.split("\n")[number - 1 : number])
    problem = str(error.problem)
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return number, "not YAML: the line is indented with a tab; YAML indents with spaces"
    words = next((plain for known, plain in _PLAIN_WORDS.items() if known in problem), printable(problem))
    return number, f"not YAML: {words}"


class _Builder:
    """Turns YAML nodes into data; holds what was found on the way."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.places: dict[Path, Place] = {}
        self.mistakes: list[Mistake] = []
        self.open: list[int] = []
        self.nodes = 0

    def document(self, node: yaml.Node) -> Document:
        """The whole document; its top must be a mapping."""
        data, last = self.value(node, ())
        self.places[()] = Place(self.source, 1, last, ())
        if data is None and not self.mistakes:
            return Document(self.source, empty=True)
        if not isinstance(data, dict):
            self.wrong(node, (), f"expected keys such as `lock: report`, but {shown(data)} stands there")
            data = {}
        return Document(self.source, data, self.places, tuple(self.mistakes))

    def wrong(self, node: yaml.Node, path: Path, message: str) -> None:
        """Note a mistake at a node."""
        self.mistakes.append(Mistake(self.source, _line(node.start_mark), dotted(path), message))

    def value(self, node: yaml.Node, path: Path) -> tuple[Any, int]:
        """The data of a node and its last line."""
        self.nodes += 1
        if self.nodes > MAX_NODES or id(node) in self.open or len(path) > MAX_DEPTH:
            if self.nodes <= MAX_NODES + 1:
                self.wrong(node, path, "its aliases make it contain itself, or make it far too large")
            return None, _line(node.start_mark)
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node, path), _last_line(node)
        self.open.append(id(node))
        try:
            return self.mapping(node, path) if isinstance(node, yaml.MappingNode) else self.items(node, path)
        finally:
            self.open.pop()

    def items(self, node: Any, path: Path) -> tuple[Any, int]:
        """A list."""
        last, result = _line(node.start_mark), []
        for position, child in enumerate(node.value):
            value, end = self.value(child, (*path, position))
            self.places[(*path, position)] = Place(
                self.source, _line(child.start_mark), end, (*path, position)
            )
            result.append(value)
            last = max(last, end)
        return result, last

    def mapping(self, node: yaml.MappingNode, path: Path) -> tuple[Any, int]:
        """A mapping; merged keys (<<) lie below its own, a key that stands twice is a mistake."""
        last, result = _line(node.start_mark), {}
        seen: dict[str, int] = {}
        for key_node, value_node, own in self.pairs(node, path):
            key = self.key(key_node, path)
            if key is None:
                continue
            line = _line(key_node.start_mark)
            if own and key in seen:
                self.wrong(key_node, (*path, key), f"stands twice, first in line {seen[key]}")
            if own:
                seen.setdefault(key, line)
            result[key], end = self.value(value_node, (*path, key))
            self.places[(*path, key)] = Place(self.source, line, max(line, end), (*path, key))
            last = max(last, line, end) if own else last
        return result, last

    def pairs(self, node: yaml.MappingNode, path: Path) -> Iterator[tuple[yaml.Node, yaml.Node, bool]]:
        """Keys and values, what ``<<`` brings first; the flag tells which are the mapping's own."""
        for key, value in node.value:
            if key.tag == _MERGE:
                yield from self.brought(value, path)
        for key, value in node.value:
            if key.tag != _MERGE:
                yield key, value, True

    def brought(self, value: yaml.Node, path: Path) -> Iterator[tuple[yaml.Node, yaml.Node, bool]]:
        """What ``<<: *name`` or ``<<: [*one, *two]`` brings; of a list the first has the last word."""
        sources = list(reversed(value.value)) if isinstance(value, yaml.SequenceNode) else [value]
        for source in sources:
            if not isinstance(source, yaml.MappingNode) or id(source) in self.open:
                self.wrong(source, (*path, "<<"), "expected a mapping of another place (<<: *name)")
                continue
            self.open.append(id(source))
            for key, merged, _ in self.pairs(source, path):
                yield key, merged, False
            self.open.pop()

    def key(self, node: yaml.Node, path: Path) -> str | None:
        """A key as text; other keys are mistakes."""
        if not isinstance(node, yaml.ScalarNode):
            self.wrong(node, path, "expected a plain key, but a list or a mapping stands there")
            return None
        text = str(node.value)
        if node.tag != _STANDARD + "str":
            kind = node.tag.removeprefix(_STANDARD)
            self.wrong(
                node, (*path, text), f'YAML reads this key as {kind}, not as text: write "{printable(text)}"'
            )
        return text

    def scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        """Text, number, true, false or nothing."""
        text = str(node.value)
        kind = node.tag.removeprefix(_STANDARD)
        if kind in ("str", "null"):
            return text if kind == "str" else None
        if kind == "bool" and text.lower() in ("true", "false"):
            return text.lower() == "true"
        if kind in ("int", "float"):
            return self.number(node, path, text, kind)
        self.wrong(node, path, f"{shown(text)} with the tag {printable(kind)} is not understood here")
        return None

    def number(self, node: yaml.ScalarNode, path: Path, text: str, kind: str) -> Any:
        """A finite number; what YAML readers disagree about is a mistake."""
        if re.fullmatch(r"[-+]?0[0-9]+", text):
            self.wrong(
                node,
                path,
                f"YAML readers disagree about {shown(text)}: write no leading 0, or put text in quotes",
            )
            return None
        try:
            number = int(text, 0) if kind == "int" else float(text)
            finite = math.isfinite(number)
        except (ValueError, OverflowError):
            finite = False
        if not finite:
            self.wrong(
                node, path, f"expected a finite number, but {shown(text)} stands there; put text in quotes"
            )
            return None
        return number


def _last_line(node: yaml.ScalarNode) -> int:
    """The last line of a scalar; the end of a block scalar is the start of the line after it."""
    start, end = node.start_mark, node.end_mark
    return int(end.line) if end.line > start.line and end.column == 0 else int(end.line) + 1
