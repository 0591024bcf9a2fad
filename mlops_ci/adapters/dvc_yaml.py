"""Reading DVC's files faster: what ruamel.yaml gives, without a node for each scalar.

DVC reads dvc.yaml, dvc.lock and parameters with ruamel's safe loader. It composes nodes, asks a resolver for
each and constructs each, in Python, which is a third of what a large pipeline costs. Here the events of the
same C parser become values at once. Only what is plain is read here: a text with an anchor, an alias, a tag,
a merge key, a date, a directive, a key that comes twice or an error in it goes to ruamel itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

_INT = re.compile(r"0|-?[1-9][0-9]*")
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+")
_PREFIX = "tag:yaml.org,2002:"
_DEEPEST = 100


class UnsureError(Exception):
    """The text has something in it that is ruamel's to read."""


class Reader:
    """Reads plain YAML 1.2 the way ruamel's safe loader does."""

    def __init__(self) -> None:
        import ruamel.yaml
        from ruamel.yaml import main
        from ruamel.yaml.error import YAMLError
        from ruamel.yaml.resolver import VersionedResolver

        self._parser: Callable[[str], Any] | None = vars(main)["CParser"]
        self._ruamel: Any = ruamel.yaml
        self._errors = (YAMLError, UnicodeError)
        self._resolver = VersionedResolver()
        self._first = frozenset(self._resolver.versioned_resolver)

    def read(self, text: Any) -> Any:
        """The value of a text.

        Raises:
            UnsureError: it is not plain enough, or not YAML at all.
        """
        if self._parser is None or not isinstance(text, str):
            raise UnsureError
        try:
            return self._document(self._parser(text))
        except self._errors as error:
            raise UnsureError from error

    def _document(self, parser: Any) -> Any:
        events, next_event = self._ruamel.events, parser.get_event
        next_event()  # the stream starts
        begun = next_event()
        if type(begun) is events.StreamEndEvent:
            return None
        if begun.version is not None or begun.tags:
            raise UnsureError
        found = _Builder(self._ruamel, self._scalar).build(next_event)
        next_event()  # the document ends
        if type(next_event()) is not events.StreamEndEvent:
            raise UnsureError
        return found

    def _scalar(self, text: str) -> Any:
        """What a plain scalar means."""
        if text and text[0] not in self._first:
            return text
        if _INT.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
        tag = str(self._resolver.resolve(self._ruamel.nodes.ScalarNode, text, (True, False)))
        return self._constructed(tag.removeprefix(_PREFIX), text)

    def _constructed(self, kind: str, text: str) -> Any:
        if kind == "str":
            return text
        if kind == "null":
            return None
        if kind in ("bool", "int", "float"):
            return self._ruamel.YAML(typ="safe").load(text)
        raise UnsureError


class _Builder:
    """Puts the values of one document together."""

    def __init__(self, ruamel: Any, scalar: Callable[[str], Any]) -> None:
        events = ruamel.events
        self._starts = {events.MappingStartEvent: dict, events.SequenceStartEvent: list}
        self._ends = frozenset({events.MappingEndEvent, events.SequenceEndEvent})
        self._is_scalar = events.ScalarEvent
        self._scalar = scalar
        self._known: dict[str, Any] = {}

    def build(self, next_event: Callable[[], Any]) -> Any:
        """The value that the next events describe."""
        outer: list[tuple[Any, Any]] = []
        document: list[Any] = []
        holder: Any = document
        key: Any = _NO_KEY
        while not document or outer:
            event = next_event()
            kind = type(event)
            if kind in self._ends:
                holder, key = outer.pop()
                continue
            value = self._value(event) if kind is self._is_scalar else self._started(event, kind, len(outer))
            if type(holder) is list:
                holder.append(value)
            elif key is _NO_KEY:
                key = self._key(holder, value)
                continue
            else:
                holder[key], key = value, _NO_KEY
            if kind in self._starts:
                outer.append((holder, key))
                holder, key = value, _NO_KEY
        return document[0]

    def _key(self, holder: Any, value: Any) -> Any:
        """A key of a mapping: a scalar that the mapping does not have yet."""
        if isinstance(value, dict | list) or value in holder:
            raise UnsureError
        return value

    def _started(self, event: Any, kind: Any, depth: int) -> Any:
        if kind not in self._starts or depth >= _DEEPEST or _is_marked(event):
            raise UnsureError
        return self._starts[kind]()

    def _value(self, event: Any) -> Any:
        if _is_marked(event):
            raise UnsureError
        text: str = event.value
        if not event.implicit[0]:
            return text
        if text in self._known:
            return self._known[text]
        value = self._known[text] = self._scalar(text)
        return value


def _is_marked(event: Any) -> bool:
    """Whether something has a name or a type of its own."""
    return event.anchor is not None or event.tag is not None


_NO_KEY = object()
