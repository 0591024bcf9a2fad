"""GitHub's own description of its API: which operation a request is, and whether request and answer keep to it."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema

SUBSET = Path(__file__).with_name("openapi.json.gz")
# Path parameters that may hold slashes.
DEEP = {"ref", "path", "basehead", "branch"}


@cache
def description() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(gzip.decompress(SUBSET.read_bytes()))
    return found


def resolved(part: Any) -> Any:
    """A part, or what it points to."""
    while isinstance(part, dict) and "$ref" in part:
        _, kind, name = part["$ref"].rsplit("/", 2)
        part = description()["components"][kind][name]
    return part


@cache
def validator(pointer: str) -> Any:
    """The validator of the schema at a slash-separated place of the description."""
    components = {"components": description()["components"]}
    found: Any = description()
    for step in pointer.split("|"):
        found = resolved(found[step])
    return jsonschema.Draft202012Validator({**found, **components})


def problems(pointer: str, value: Any) -> list[str]:
    """What is wrong with a value, each with its place."""
    return [
        f"{'/'.join(str(step) for step in error.absolute_path) or 'body'}: {_worded(error)}"
        for error in validator(pointer).iter_errors(value)
    ]


def _worded(error: Any) -> str:
    """The message, unless it repeats a large value."""
    if len(error.message) <= 200:
        return str(error.message)
    return f"breaks {error.validator}: {str(error.validator_value)[:80]}"


@dataclass(frozen=True)
class Operation:
    """One method of one path of the description."""

    name: str
    method: str
    template: str

    @property
    def place(self) -> str:
        return f"paths|{self.template}|{self.method.lower()}"

    @property
    def facts(self) -> dict[str, Any]:
        found: dict[str, Any] = description()["paths"][self.template][self.method.lower()]
        return found

    def request_problems(self, query: dict[str, str], body: Any) -> list[str]:
        """What a client got wrong."""
        return [*self._query_problems(query), *self._body_problems(body)]

    def _query_problems(self, query: dict[str, str]) -> Iterator[str]:
        known = {one["name"]: one for one in map(resolved, self.facts.get("parameters", ()))}
        for name, value in query.items():
            if known.get(name, {}).get("in") != "query":
                yield f"unknown query parameter {name}"
            elif problem := _misfit(resolved(known[name]["schema"]), value):
                yield f"query parameter {name}: {problem}"

    def _body_problems(self, body: Any) -> list[str]:
        facts = resolved(self.facts.get("requestBody", {}))
        if "application/json" not in facts.get("content", {}):
            return [] if body is None else ["a body where none is known"]
        if body is None:
            return ["no body"] if facts.get("required") else []
        return problems(f"{self.place}|requestBody|content|application/json|schema", body)

    def answer_problems(self, status: int, body: Any) -> list[str]:
        """What our own part of the stand got wrong."""
        facts = resolved(self.facts["responses"].get(str(status)))
        if facts is None:
            return [f"status {status} is not described, only {', '.join(sorted(self.facts['responses']))}"]
        kinds = [kind for kind in facts.get("content", {}) if "json" in kind]
        if not kinds:
            return [] if body is None else ["a body where none is described"]
        return problems(f"{self.place}|responses|{status}|content|{kinds[0]}|schema", body)


def _misfit(schema: dict[str, Any], text: str) -> str | None:
    """Why a query parameter's text does not fit its schema."""
    kind = schema.get("type")
    if kind == "integer" and not text.isdigit():
        return f"{text!r} is no number"
    if kind == "boolean" and text not in ("true", "false"):
        return f"{text!r} is neither true nor false"
    if "enum" in schema and text not in map(str, schema["enum"]):
        return f"{text!r} is none of {', '.join(map(str, schema['enum']))}"
    return None


def _pattern(template: str) -> re.Pattern[str]:
    def group(match: re.Match[str]) -> str:
        return f"(?P<{match[1]}>{'.*' if match[1] in DEEP else '[^/]+'})"

    return re.compile(re.sub(r"\\\{(\w+)\\\}", group, re.escape(template)))


@cache
def operations() -> list[tuple[Operation, re.Pattern[str]]]:
    """Fixed paths before those with parameters, greedy ones last."""
    found = [
        Operation(facts["operationId"], method.upper(), template)
        for template, item in description()["paths"].items()
        for method, facts in item.items()
    ]
    found.sort(key=lambda one: (_greed(one.template), one.template.count("{"), -len(one.template)))
    return [(one, _pattern(one.template)) for one in found]


def _greed(template: str) -> int:
    """Whether the template ends in a parameter that takes slashes, and so would take a longer template's place."""
    last = template.rpartition("/")[2].strip("{}")
    return int(last in DEEP)


def find(method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
    """The operation that a request is, with its path parameters."""
    if path.endswith("/contents"):
        path += "/"
    for operation, pattern in operations():
        if operation.method == method and (match := pattern.fullmatch(path)):
            return operation, {name: unquote(value) for name, value in match.groupdict().items()}
    return None
