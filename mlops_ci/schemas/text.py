"""The schema as a file: read with the line of every mistake, written so that people can review it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

import yaml

from mlops_ci.config import mistakes as checking
from mlops_ci.config import reading
from mlops_ci.config.source import Document, Mistake
from mlops_ci.errors import ConfigError
from mlops_ci.schemas.shape import ColumnRules, Schema

MAX_CHARACTERS = 8_000_000
MAX_NODES = 500_000
HINT = "docs/data.md says what every key means; `mlops-ci data infer TABLE` writes a schema"
_SHOWN = 5
_PLAIN = re.compile(r"[A-Za-z_](?:[A-Za-z0-9_ -]*[A-Za-z0-9_-])?")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
HEADER = """\
# What {table} must look like, as `mlops-ci data infer` found it. Review it, and change what is not meant so.
# Ranges and shares of missing values are wider than what was seen; docs/data.md says how, and which
# other rules there are. To check a table: mlops-ci data check TABLE --schema THIS_FILE
"""


def read(text: str, source: str) -> Schema:
    """The schema that a file's text holds; ``source`` names the file in mistakes.

    Raises:
        ConfigError: it is no YAML or no schema; every mistake is named with its line, five at most.
    """
    document = _document(text, source)
    found = list(document.mistakes)
    if document.empty:
        found.append(Mistake(source, 1, "", "the file says nothing; a schema has at least `columns`"))
    schema, wrong = checking.check(Schema, document) if not found else (None, ())
    found += wrong
    if schema is None or found:
        shown = "; ".join(_plain(one) for one in found[:_SHOWN])
        more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise ConfigError(f"{shown}{more}", HINT)
    return schema


def _plain(mistake: Mistake) -> str:
    return str(mistake).replace("Value error, ", "")


def _document(text: str, source: str) -> Document:
    """YAML with places. A table of 10,000 columns has a longer schema than any configuration has."""
    if len(text) > MAX_CHARACTERS:
        return Document(source, mistakes=(Mistake(source, 1, "", f"{len(text):,} characters are too many"),))
    if len(text) <= reading.MAX_CHARACTERS // 4:
        return reading.read(text, source)
    try:
        node = yaml.compose(text, Loader=reading._LOADER)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        return Document(source, mistakes=(Mistake(source, line, "", "not YAML"),))
    builder = reading._Builder(source)
    builder.nodes = reading.MAX_NODES - MAX_NODES
    return builder.document(node) if node is not None else Document(source, empty=True)


# ---- writing -----------------------------------------------------------------------------------


def write(schema: Schema, table: str) -> str:
    """A schema as YAML: a header, one line a column, sorted by name; what is a default is left out."""
    lines = [HEADER.format(table=_comment(table)) + "version: 1"]
    if schema.about:
        lines.append(f"about: {scalar(schema.about)}")
    lines.append(f"rows: {_flow(_set(schema.rows, keep=('min',)))}")
    lines.append(f"further_columns: {scalar(schema.further_columns)}")
    if schema.unique:
        lines.append(f"unique: {_flow([list(key) for key in schema.unique])}")
    if schema.fresh:
        lines.append(f"fresh: {_flow(_set(schema.fresh))}")
    if schema.checks:
        lines.append(f"checks: {_flow(list(schema.checks))}")
    return "\n".join([*lines, "columns:", *_columns(schema.columns.items())]) + "\n"


def _columns(columns: Iterable[tuple[str, ColumnRules]]) -> Iterator[str]:
    for name, rules in sorted(columns):
        yield f"  {scalar(name)}: {_flow(_set(rules, keep=('type',)))}"


def _set(part: Any, keep: tuple[str, ...] = ()) -> dict[str, Any]:
    """The keys that are not at their default, in the order of their declaration."""
    return {
        key: getattr(part, key)
        for key, field in type(part).model_fields.items()
        if key in keep or getattr(part, key) != field.default
    }


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow(one) for one in value) + "]"
    return scalar(value)


def scalar(value: Any) -> str:
    """One value as YAML 1.2 reads it back; text that could be anything else stands in quotes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g}s" if value.total_seconds() % 86400 else f"{value.days}d"
    if isinstance(value, int | float):
        return repr(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return str(value)
    quoted = json.dumps(value, ensure_ascii=False)
    # YAML takes fewer characters as they are than JSON does.
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in quoted)


def _comment(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)
