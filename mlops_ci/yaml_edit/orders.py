"""What can be asked for at a place, and how it is written on a command line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from mlops_ci.errors import ConfigError, ManifestError
from mlops_ci.yaml_edit import nodes, scalars
from mlops_ci.yaml_edit.address import HINT, Address

_TEXT = r'"(?:[^"\\]|\\.)*"'
_ASSIGNMENT = re.compile(rf'((?:{_TEXT}|\[(?:{_TEXT}|[^"\]])*\]|[^"\[=])*)=(.*)', re.DOTALL)
_SYNTAX = ('"', "'", "[", "{")


@dataclass(frozen=True)
class Set:
    """Give a place a value: a scalar in place of a scalar; where the key is missing it is inserted.

    A mapping or a list may be inserted, never put in place of something. Where the last part is an entry of
    a list that is not there, the entry is appended: a mapping gets the key of the brackets, as
    ``env[name=MODEL_URI]`` with ``{"value": "s3://..."}``; missing mappings on the path are made. A number
    in place of text in quotes stays text in quotes.
    """

    address: Address
    value: Any


@dataclass(frozen=True)
class Delete:
    """Take a key, or an entry of a list, out."""

    address: Address


def order(text: str) -> Set | Delete:
    """Read ``ADDRESS=VALUE`` or ``ADDRESS-``, which deletes.

    A value is read as YAML: 5 is a number, '"5"' and iris are text, [a, b] is a list. What YAML reads as
    another spelling of a number or a word (1.10, 0755, yes) is refused, for it may be meant as text.

    Raises:
        ConfigError: it is neither, or the address or the value cannot be read.
    """
    if assignment := _ASSIGNMENT.fullmatch(text):
        return Set(Address.parse(assignment[1]), _value(text, assignment[2]))
    if text.endswith("-"):
        return Delete(Address.parse(text[:-1]))
    raise ConfigError(
        f"{text!r} neither sets nor deletes anything", f"ADDRESS=VALUE sets, ADDRESS- deletes; {HINT}"
    )


def _value(order: str, text: str) -> Any:
    if not text:
        raise ConfigError(f"{order!r} has no value", "write '=\"\"' for empty text, =null for nothing")
    # A comment sign or a colon in plain text is meant as it stands.
    if not text.startswith(_SYNTAX):
        return _plain(order, text)
    try:
        (root,) = nodes.compose(text)
        if root.end_mark.index == len(text.rstrip()):
            return nodes.plain(root)
    except (ManifestError, ValueError):
        # Told below, in the words of a command line.
        pass
    raise ConfigError(
        f"{order!r}: the value cannot be read as YAML", "put text that begins so in quotes: '\"...\"'"
    )


def _plain(order: str, text: str) -> Any:
    """What a value without quotes means, where there is no doubt."""
    value = nodes.scalar(text)
    usual = text if value == text else scalars.write(value)
    if usual != text:
        raise ConfigError(
            f"{order!r}: YAML reads {text} as {usual}",
            f"write {usual} if that is meant, and '\"{text}\"' for text",
        )
    return value
