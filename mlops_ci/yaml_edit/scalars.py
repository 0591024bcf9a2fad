"""One value as YAML text that every reader reads back as that value, be it of YAML 1.1 or 1.2."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import yaml

from mlops_ci.errors import ManifestError
from mlops_ci.yaml_edit import nodes

# As plain text these are no syntax anywhere: first character, further ones.
_SAFE = re.compile(r"(?:[^\s\-?:,\[\]{}#&*!|>'\"%@`=<]|-(?=[\w./-]))(?:.*\S)?")
_BREAKING = re.compile(r":(?=\s|$)|\s#|^---|^\.\.\.")
_CONTROL = re.compile("[\x00-\x1f\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]")
_FLOW = re.compile(r"[,\[\]{}]|:$")
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
# The core schema of YAML 1.2, which the resolvers of 1.1 and Go do not cover.
_CORE = re.compile(r"[-+]?0o[0-7]+|0x[0-9a-fA-F]+|[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_ONE_ONE = yaml.SafeLoader.yaml_implicit_resolvers


def write(value: Any, *, style: str = "", flow: bool = False) -> str:
    """A single value in YAML, in the quotes named by ``style`` where it is text.

    Raises:
        ManifestError: it is text that no file can hold.
        TypeError: it is no single value.
    """
    if isinstance(value, str):
        return _text(value, style, flow)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number(value)
    raise TypeError(f"{value!r} is no single value of YAML")


def quoted(value: Any) -> Any:
    """What a value becomes where text stands in quotes: a number there is meant as text."""
    return value if value is None or isinstance(value, str) else write(value)


def shown(value: Any, longest: int = 60) -> str:
    """A value for a sentence, cut where it is longer than so many characters."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def is_text(text: str) -> bool:
    """Whether text without quotes is text to every reader."""
    if nodes.scalar(text) != text or _CORE.fullmatch(text):
        return False
    return not any(pattern.match(text) for _, pattern in _ONE_ONE.get(text[0], ()))


def _text(text: str, style: str, flow: bool) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ManifestError(f"{text!r} is no text that a file can hold", "give it as UTF-8") from None
    if not style and _is_safe(text) and not (flow and _FLOW.search(text)):
        return text
    if style == "'" and not _CONTROL.search(text):
        return "'" + text.replace("'", "''") + "'"
    escaped = json.dumps(text, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", escaped)


def _is_safe(text: str) -> bool:
    """Whether text may stand without quotes in a block."""
    if not _SAFE.fullmatch(text) or _BREAKING.search(text) or _CONTROL.search(text):
        return False
    return is_text(text)


def _number(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    text = repr(value)
    # Without a point, or without a sign of the exponent, YAML 1.1 reads text.
    mantissa, e, exponent = text.partition("e")
    if not e:
        return text
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}e{exponent}"
