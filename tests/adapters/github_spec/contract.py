"""Holds a request, or an answer of the double, to GitHub's own description of its API."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

FOLDER = Path(__file__).parent
Schema = dict[str, Any]


@cache
def document() -> Schema:
    """The pruned document in the words of JSON Schema."""
    found: Schema = _plain_schema(json.loads((FOLDER / "openapi.json").read_text()))
    return found


@cache
def _examples() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "examples.json").read_text())
    return found


def example(name: str, /, **changes: Any) -> Any:
    """One of GitHub's examples, with some fields changed; ``a__b=1`` changes ``b`` in ``a``."""
    found = copy.deepcopy(_examples()[name])
    for key, value in changes.items():
        *path, last = key.split("__")
        place = found
        for step in path:
            place = place[step]
        place[last] = value
    return found


@dataclass(frozen=True)
class Operation:
    """An operation of the API."""

    name: str
    pattern: re.Pattern[str]
    plain: Schema

    def parameters(self, place: str) -> dict[str, Schema]:
        """The parameters in ``path`` or ``query`` by name."""
        found = [_resolved(parameter) for parameter in self.plain["parameters"]]
        return {parameter["name"]: parameter for parameter in found if parameter["in"] == place}

    def body(self) -> Schema:
        """The schema of the request's body; empty where it has none."""
        content = self.plain["requestBody"].get("content", {})
        found: Schema = content.get("application/json", {}).get("schema", {})
        return found


@cache
def operations() -> dict[str, tuple[Operation, ...]]:
    """All operations by method; those with fewer variables first."""
    found: dict[str, list[Operation]] = {}
    for path, item in sorted(document()["paths"].items(), key=lambda entry: entry[0].count("{")):
        pattern = re.sub(r"\\\{\w+\\\}", "([^/]+)", re.escape(path)).replace(
            "contents/([^/]+)", "contents/(.+)"
        )
        for method, plain in item.items():
            operation = Operation(plain["operationId"], re.compile(pattern), plain)
            found.setdefault(method.upper(), []).append(operation)
    return {method: tuple(some) for method, some in found.items()}


def find(method: str, path: str) -> Operation | None:
    """The operation that a request means."""
    return next((o for o in operations().get(method, ()) if o.pattern.fullmatch(path)), None)


def wrong_request(method: str, path: str, query: Mapping[str, str], body: Any) -> list[str]:
    """What GitHub's description has against a request."""
    operation = find(method, path)
    if operation is None:
        return [f"{method} {path}: there is no such operation"]
    known = operation.parameters("query")
    problems = [f"{operation.name}: unknown parameter {name}" for name in query if name not in known]
    problems += [
        f"{operation.name}: {name} is missing"
        for name, parameter in known.items()
        if parameter.get("required") and name not in query
    ]
    for name, text in query.items():
        schema = _resolved(known.get(name, {}).get("schema", {}))
        value = int(text) if schema.get("type") == "integer" and text.isdecimal() else text
        problems += _against(operation, schema, value)
    schema = operation.body()
    if body is None:
        return problems + [f"{operation.name}: no body"] * bool(
            operation.plain["requestBody"].get("required")
        )
    return problems + (
        _against(operation, _closed(schema), body) if schema else [f"{operation.name}: a body"]
    )


def wrong_answer(method: str, path: str, status: int, body: Any) -> list[str]:
    """What GitHub's description has against an answer of ours: a double must not lie."""
    operation = find(method, path)
    if operation is None:
        return []
    answer = operation.plain["responses"].get(str(status))
    if answer is None:
        return [f"{operation.name}: never answers {status}"]
    content = _resolved(answer).get("content", {}).get("application/json", {})
    return _against(operation, content["schema"], body) if content else []


def _against(operation: Operation, schema: Schema, value: Any) -> list[str]:
    validator = jsonschema.Draft202012Validator({**schema, "components": document()["components"]})
    return [
        f"{operation.name}: {'/'.join(map(str, error.absolute_path)) or 'the whole'}: {error.message[:200]}"
        for error in validator.iter_errors(value)
    ]


def _resolved(plain: Schema) -> Schema:
    while "$ref" in plain:
        found: Any = document()
        for key in plain["$ref"].removeprefix("#/").split("/"):
            found = found[key]
        plain = found
    return plain


def _plain_schema(plain: Any) -> Any:
    """OpenAPI 3.0's ``nullable`` in JSON Schema's words."""
    if isinstance(plain, list):
        return [_plain_schema(item) for item in plain]
    if not isinstance(plain, dict):
        return plain
    found = {key: _plain_schema(value) for key, value in plain.items()}
    if found.pop("nullable", False) is True:
        return {"anyOf": [found, {"type": "null"}]}
    return found


def _closed(plain: Any) -> Any:
    """A request's schema in which a misspelt key is a mistake."""
    if isinstance(plain, list):
        return [_closed(item) for item in plain]
    if not isinstance(plain, dict):
        return plain
    found = {key: _closed(value) for key, value in plain.items()}
    if isinstance(found.get("properties"), dict) and "type" in found:
        found.setdefault("additionalProperties", False)
    return found
