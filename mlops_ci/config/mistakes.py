"""What pydantic finds wrong in plain words: where, what was expected, what was meant."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from mlops_ci.config.source import Document, Mistake, Path, shown, suggestion, value_at

Kind = TypeVar("Kind", bound=BaseModel)

_EXPECTED = {
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "a mapping of keys to values",
    "mapping_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "dataclass_type": "a mapping of keys to values",
}
_BOUNDS = {
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "too_short": "at least {min_length} entries",
    "too_long": "at most {max_length} entries",
}


def check(kind: type[Kind], document: Document) -> tuple[Kind | None, tuple[Mistake, ...]]:
    """Validate a document strictly; None and every mistake where it does not fit."""
    try:
        return kind.model_validate_json(json.dumps(document.data), strict=True), ()
    except ValidationError as error:
        return None, tuple(_translated(kind, document, error))


def unknown_key(document: Document, path: Path, known: Mapping[str, object] | list[str]) -> Mistake:
    """The mistake of a key that does not exist."""
    return document.mistake(path, f"unknown key; {suggestion(str(path[-1]), known)}")


def not_a_mapping(document: Document, path: Path) -> Mistake:
    """The mistake of something else where keys were expected."""
    value = shown(value_at(document.data, path))
    return document.mistake(path, f"expected a mapping of keys to values, but {value} stands there")


def _translated(kind: type[BaseModel], document: Document, error: ValidationError) -> Iterator[Mistake]:
    """One mistake a place; of the alternatives of a union only what tells most."""
    found: dict[Path, list[Any]] = {}
    for detail in error.errors(include_url=False):
        found.setdefault(_path(document.data, detail), []).append(detail)
    schema: dict[str, Any] | None = None
    for path, details in found.items():
        if any(detail["type"] == "extra_forbidden" for detail in details):
            schema = schema or kind.model_json_schema()
            yield unknown_key(document, path, sorted(keys_at(schema, path[:-1])))
        elif not any(len(other) > len(path) and other[: len(path)] == path for other in found):
            yield document.mistake(path, _sentence(details, value_at(document.data, path)))


def _path(data: Any, detail: Any) -> Path:
    """The path of an error, without what pydantic adds to tell a union's alternatives apart."""
    path: Path = ()
    for part in detail["loc"]:
        there = value_at(data, path)
        if (isinstance(there, dict) and part in there) or (isinstance(there, list) and isinstance(part, int)):
            path = (*path, part)
    return (*path, detail["loc"][-1]) if detail["type"] == "missing" else path


def _sentence(details: list[Any], value: Any) -> str:
    """What is wrong with one value."""
    other = [detail for detail in details if detail["type"] not in _EXPECTED]
    if other:
        return _problem(other[0], value)
    words = list(dict.fromkeys(_EXPECTED[detail["type"]] for detail in details))
    advice = _advice(words, value)
    return f"expected {' or '.join(words)}, but {shown(value)} stands there{advice}"


def _problem(detail: Any, value: Any) -> str:
    """The words of one error that is not about the type alone."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "missing":
        return "is missing"
    if kind == "value_error":
        return str(context["error"])
    if kind in ("literal_error", "enum"):
        known = re.findall(r"'([^']*)'", str(context["expected"])) or [str(context["expected"])]
        expected = ", ".join(known[:-1]) + (" or " if known[1:] else "") + known[-1]
        close = suggestion(value, known) if isinstance(value, str) else ""
        hint = f"; {close}" if close.startswith("did you mean") else ""
        return f"expected {expected}, but {shown(value)} stands there{hint}"
    if kind in _BOUNDS:
        bounds = {key: f"{bound:g}" for key, bound in context.items() if isinstance(bound, int | float)}
        return f"expected {_BOUNDS[kind].format(**bounds)}, but {shown(value)} stands there"
    message = str(detail["msg"])
    return f"{message[:1].lower()}{message[1:]}"


def _advice(words: list[str], value: Any) -> str:
    """How to mend the mistakes that YAML invites."""
    if isinstance(value, str) and "true or false" in words and value.lower() in ("on", "yes", "y"):
        return "; write true"
    if isinstance(value, str) and "true or false" in words and value.lower() in ("off", "no", "n"):
        return "; write false"
    if words == ["text"] and isinstance(value, bool | int | float):
        return "; put text in quotes"
    if (
        isinstance(value, str)
        and re.fullmatch(r"[-+]?[0-9][0-9_]*(\.[0-9]+)?", value)
        and "text" not in words
    ):
        return "; write a number without quotes and without _"
    if words == ["a list"] and isinstance(value, str):
        return f"; write [{value}]" if value.isidentifier() else ""
    return ""


# ---- what a JSON schema knows ----------------------------------------------------------------------


def keys_at(schema: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The keys that a schema knows below a path, each with its own schema."""
    keys: dict[str, Any] = {}
    for node in nodes_at(schema, path):
        keys.update(node.get("properties", {}))
    return keys


def nodes_at(schema: Mapping[str, Any], path: Path) -> list[Mapping[str, Any]]:
    """The schemas that hold for a path, side by side; none where nothing may stand there."""
    nodes = alternatives(schema, schema)
    for part in path:
        nodes = [
            found for node in nodes for below in _below(node, part) for found in alternatives(schema, below)
        ]
    return nodes


def _below(node: Mapping[str, Any], part: str | int) -> list[Any]:
    if isinstance(part, int):
        return [node["items"]] if "items" in node else []
    if part in node.get("properties", {}):
        return [node["properties"][part]]
    extra = node.get("additionalProperties")
    return [extra] if isinstance(extra, dict) else []


def alternatives(schema: Mapping[str, Any], node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The schemas of which one must hold, references followed."""
    if "$ref" in node:
        return alternatives(schema, schema["$defs"][node["$ref"].rpartition("/")[2]])
    several = [*node.get("anyOf", ()), *node.get("allOf", ()), *node.get("oneOf", ())]
    return [found for one in several for found in alternatives(schema, one)] or [node]
