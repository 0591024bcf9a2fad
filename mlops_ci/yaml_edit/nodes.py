"""A YAML text as nodes that know where they stand, and nodes as the plain values Kubernetes reads.

libyaml does the reading where PyYAML has it: kubectl's and Argo CD's Go reader is its port, so what it takes
for structure is what they take. What plain scalars mean follows Go too: ``yes`` is true, ``0777`` is octal,
a date and ``12:30:45`` are text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import yaml
from yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode

from mlops_ci.errors import ManifestError

BOM = "\ufeff"
# Deeper is no manifest, and readers written in C overrun their stack.
_DEEPEST = 200
_MOST_VALUES = 200_000
_LEADING = re.compile(r"^[ \t?:-]+", re.MULTILINE)
_PLAIN = "plain"
_STANDARD = "tag:yaml.org,2002:"
_TYPED = frozenset((_PLAIN, *(f"{_STANDARD}{name}" for name in ("bool", "float", "int", "null"))))
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
# Python reads no whole number of more than 4300 digits.
_INTEGER = re.compile(r"([-+]?)(?:0[bB]([01]+)|0[oO]?([0-7]+)|0[xX]([0-9a-fA-F]+)|([1-9][0-9]{0,999}|0))")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_BASES = (2, 8, 16, 10)

if TYPE_CHECKING:
    _Base = yaml.SafeLoader
else:
    _Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):
    """Marks a scalar that says nothing of its type as plain; what it means is told later."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:  # noqa: ARG002 - its signature
        if kind is ScalarNode:
            return _PLAIN if implicit[0] else f"{_STANDARD}str"
        return "map" if kind is MappingNode else "seq"


def compose(text: str) -> tuple[Node, ...]:
    """Every document of a text without a byte order mark, an empty one as null.

    Raises:
        ManifestError: it is no YAML, or nests too deep to be a manifest.
    """
    try:
        if _may_be_deep(text):
            _refuse_depth(text)
        roots = tuple(yaml.compose_all(text, _Loader))
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        raise _no_yaml(text, error) from error
    if "&" in text:
        _refuse_expansion(roots)
    return roots


def _may_be_deep(text: str) -> bool:
    """Whether it could nest too deep: a block needs a column for two levels, braces a character for one."""
    indents = (found.end() - found.start() for found in _LEADING.finditer(text))
    return text.count("[") + text.count("{") + 2 * max(indents, default=0) + 2 > _DEEPEST


def _refuse_depth(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, _Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise ManifestError(
                f"line {getattr(event.start_mark, 'line', 0) + 1}: nests more than {_DEEPEST} deep",
                "is this a manifest?",
            )


def _refuse_expansion(roots: Sequence[Node]) -> None:
    """A few lines of aliases of aliases may stand for more values than anybody can compare."""
    known: dict[int, int] = {}
    for root in roots:
        if _weight(root, known) > _MOST_VALUES:
            raise ManifestError(
                f"line {line(root)}: its aliases stand for more than {_MOST_VALUES:,} values",
                "is this a manifest?",
            )


def _weight(node: Node, known: dict[int, int]) -> int:
    """How many values a node stands for; what contains itself is told when it is read."""
    if id(node) not in known:
        known[id(node)] = 0
        below = node.value if isinstance(node, CollectionNode) else ()
        parts = (part for one in below for part in (one if isinstance(one, tuple) else (one,)))
        known[id(node)] = 1 + sum(_weight(part, known) for part in parts)
    return known[id(node)]


def _no_yaml(text: str, error: Exception) -> ManifestError:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}: " if mark else ""
    why = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    if "{{" in text:
        hint = "templates cannot be edited; change the values they are filled from"
    else:
        hint = "mend the file first"
    return ManifestError(f"{where}no YAML ({why})", hint)


def is_merge(key: Node) -> bool:
    """Whether a key merges another mapping in (``<<``)."""
    return isinstance(key, ScalarNode) and key.tag == _PLAIN and key.value == "<<"


def is_flow(node: Node) -> bool:
    """Whether a node's entries stand in braces or brackets."""
    return isinstance(node, CollectionNode) and bool(node.flow_style)


def line(node: Node) -> int:
    """The line a node begins on, counted from 1."""
    return int(node.start_mark.line) + 1


def scalar(text: str) -> Any:
    """What a plain scalar means to Kubernetes."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    digits = text.replace("_", "") if text[0] != "." else text
    if found := _INTEGER.fullmatch(digits):
        at = next(at for at in range(4) if found[at + 2])
        return int(found[1] + found[at + 2], _BASES[at])
    return float(digits) if _FLOAT.fullmatch(digits) else text


def pairs(node: MappingNode) -> Iterator[tuple[Node, Node]]:
    """The entries of a mapping as readers see them: its own, then what it merges in."""
    own = set()
    for key, value in node.value:
        if not is_merge(key):
            own.add(key.value if isinstance(key, ScalarNode) else id(key))
            yield key, value
    for merged in (value for key, value in node.value if is_merge(key)):
        for source in merged.value if isinstance(merged, SequenceNode) else [merged]:
            if not isinstance(source, MappingNode):
                raise ManifestError(f"line {line(source)}: merges what is no mapping", "mend the file first")
            for key, value in pairs(source):
                if key.value not in own:
                    own.add(key.value)
                    yield key, value


def plain(node: Node) -> Any:
    """A node as plain values; keys are text as it is written. Raises ManifestError for a loop."""
    return _value(node, {})


def _value(node: Node, known: dict[int, Any]) -> Any:
    if isinstance(node, ScalarNode):
        return scalar(node.value) if node.tag in _TYPED else node.value
    if id(node) in known:
        if known[id(node)] is None:
            raise ManifestError(f"line {line(node)}: contains itself by an alias", "mend the file first")
        return known[id(node)]
    known[id(node)] = None
    if isinstance(node, MappingNode):
        found: Any = {_key(key): _value(value, known) for key, value in pairs(node)}
    else:
        found = [_value(one, known) for one in node.value]
    known[id(node)] = found
    return found


def _key(node: Node) -> str:
    if isinstance(node, ScalarNode):
        return str(node.value)
    raise ManifestError(
        f"line {line(node)}: a key is a mapping or a list", "give it a plain key; is this a template?"
    )


def shared(root: Node) -> frozenset[int]:
    """The nodes that more than one place refers to."""
    counts = Counter(id(node) for node in below(root))
    return frozenset(one for one, count in counts.items() if count > 1)


def below(root: Node) -> Iterator[Node]:
    """A node and all below it; one that is shared is told each time and entered once."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        if id(node) in seen or isinstance(node, ScalarNode):
            continue
        seen.add(id(node))
        if isinstance(node, MappingNode):
            waiting.extend(one for pair in node.value for one in pair)
        else:
            waiting.extend(node.value)
