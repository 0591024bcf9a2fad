"""Where a value stands in a YAML text: a document by kind and name, and a path in it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from mlops_ci.errors import ConfigError

HINT = 'write Kind/name:path.to.key, or :path.to.key in a file with one document; quote odd keys: a."b.c/d"'
# What may stand without quotes: part of a document's name, a key of a path, a key and a value in brackets.
_HEAD = re.compile(r'[^\s"\[\]:=/\\]+')
_KEY = re.compile(r'[^\s."\[\]=\\]+')
_INNER = re.compile(r'[^\s"\[\]=\\]+')
_VALUE = re.compile(r'[^\s"\[\]\\]+')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_PLACE = re.compile(r"[0-9]{1,9}(?=\])")


@dataclass(frozen=True)
class Match:
    """An entry of a list by one of its keys: ``[name=server]``.

    The value ``*`` takes any; in a list of single values ``[NAME=*]`` takes the one that begins with
    ``NAME=``. Without a key the value is the entry's place, counted from 0: ``[0]``.
    """

    key: str
    value: str

    @property
    def place(self) -> int | None:
        """The place, where the entry is named by it."""
        return None if self.key else int(self.value)

    def __str__(self) -> str:
        return (
            f"[{_spelled(self.key, _INNER)}={_spelled(self.value, _VALUE)}]"
            if self.key
            else f"[{self.value}]"
        )


Part = str | Match


@dataclass(frozen=True)
class Address:
    """A place in a YAML text: a document by kind and name (empty: the only one), and a path in it.

    The kind may carry its API group, as kubectl writes it: ``Service.serving.knative.dev``;
    what has none, its version: ``Service.v1``.
    """

    path: tuple[Part, ...]
    kind: str = ""
    name: str = ""
    namespace: str = ""

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read ``Kind/name:path.to[name=x].key``, or ``Kind/namespace/name:path``. Raises ConfigError."""
        reader = _Reader(text)
        head = reader.head()
        path = reader.path()
        kind, name = head[0], head[-1] if len(head) > 1 else ""
        return cls(path, kind, name, head[1] if len(head) > 2 else "")

    @property
    def document(self) -> str:
        """The document alone, such as ``InferenceService/iris``; empty for the only one."""
        names = (self.kind, self.namespace, self.name) if self.namespace else (self.kind, self.name)
        spelled = [_spelled(one, _HEAD) if one else "" for one in names]
        return "/".join(spelled) if self.name or self.namespace else spelled[0]

    @property
    def where(self) -> str:
        """The path alone, such as ``spec.containers[name=server].image``."""
        text = ""
        for part in self.path:
            if isinstance(part, str):
                # A last "-" would be read as the order to delete.
                bare = not part.endswith("-")
                text += ("." if text else "") + (_spelled(part, _KEY) if bare else _quoted(part))
            else:
                text += str(part)
        return text

    def __str__(self) -> str:
        return f"{self.document}:{self.where}"

    def at(self, *more: Part) -> Address:
        """A place below this one."""
        return replace(self, path=(*self.path, *more))


class _Reader:
    """Reads an address from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def head(self) -> list[str]:
        parts = [self._word(_HEAD, empty=True)]
        while self._take("/"):
            parts.append(self._word(_HEAD, empty=True))
        if len(parts) > 3:
            raise self._refusal("has too many parts before its colon")
        if not self._take(":"):
            raise self._refusal("has no colon between the document and the path")
        return parts

    def path(self) -> tuple[Part, ...]:
        parts: list[Part] = []
        while self._at < len(self._text):
            if self._take("["):
                parts.append(self._match())
            elif not parts or self._take("."):
                parts.append(self._word(_KEY))
            else:
                raise self._refusal(f"cannot be read from {self._text[self._at :]!r} on")
        return tuple(parts)

    def _match(self) -> Match:
        if place := _PLACE.match(self._text, self._at):
            self._at = place.end()
            found = Match("", str(int(place[0])))
        else:
            key = self._word(_INNER)
            if not key or not self._take("="):
                raise self._refusal("has brackets without key=value or a number in them")
            found = Match(key, self._word(_VALUE))
        if not self._take("]"):
            raise self._refusal("has a bracket that is not closed")
        return found

    def _word(self, bare: re.Pattern[str], *, empty: bool = False) -> str:
        if quoted := _QUOTED.match(self._text, self._at):
            self._at = quoted.end()
            return _ESCAPED.sub(r"\1", quoted[1])
        if plain := bare.match(self._text, self._at):
            self._at = plain.end()
            return plain[0]
        if empty:
            return ""
        raise self._refusal(f"has no name where one should be, at character {self._at + 1}")

    def _take(self, character: str) -> bool:
        if not self._text.startswith(character, self._at):
            return False
        self._at += 1
        return True

    def _refusal(self, why: str) -> ConfigError:
        return ConfigError(f"the address {self._text!r} {why}", HINT)


def _spelled(word: str, bare: re.Pattern[str]) -> str:
    return word if bare.fullmatch(word) else _quoted(word)


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
