"""The words for a column's type, and which type of a table fits which word of a schema."""

from __future__ import annotations

from typing import Any, Literal

Word = Literal[
    "integer",
    "number",
    "decimal",
    "boolean",
    "text",
    "date",
    "timestamp",
    "timestamp with zone",
    "time of day",
    "duration",
    "binary",
    "list",
    "struct",
    "map",
]
ORDERED = frozenset({"integer", "number", "decimal", "date", "timestamp", "timestamp with zone"})
COUNTED = frozenset({"integer", "number", "decimal"})
TIMES = frozenset({"date", "timestamp", "timestamp with zone"})
NESTED = frozenset({"list", "struct", "map"})
EMPTY = "empty"

# In this order: a question on pyarrow.types and the word where it is answered with yes.
_QUESTIONS = (
    ("is_null", EMPTY),
    ("is_boolean", "boolean"),
    ("is_integer", "integer"),
    ("is_floating", "number"),
    ("is_decimal", "decimal"),
    ("is_date", "date"),
    ("is_time", "time of day"),
    ("is_duration", "duration"),
    ("is_string", "text"),
    ("is_large_string", "text"),
    ("is_string_view", "text"),
    ("is_map", "map"),
    ("is_struct", "struct"),
    ("is_binary", "binary"),
    ("is_large_binary", "binary"),
    ("is_fixed_size_binary", "binary"),
    ("is_binary_view", "binary"),
)


def word(kind: Any) -> str:
    """The word for a pyarrow type; a type without one is named as pyarrow names it.

    The width of a number does not matter, nor which time zone it is: the values are the same.
    A dictionary counts as what it holds, a column without any value as ``empty``.
    """
    from pyarrow import types

    if types.is_dictionary(kind):
        return word(kind.value_type)
    if types.is_timestamp(kind):
        return "timestamp with zone" if kind.tz else "timestamp"
    if types.is_nested(kind) and not types.is_map(kind) and not types.is_struct(kind):
        return "list"
    for question, answer in _QUESTIONS:
        ask = getattr(types, question, None)
        if ask is not None and ask(kind):
            return answer
    return str(kind)


def fits(expected: str, found: str) -> bool:
    """Whether a table's type is the schema's: the same word, or whole numbers where numbers are asked for.

    A column without any value fits every type: that it is empty is for the rule on missing values.
    """
    return found in (expected, EMPTY) or (expected == "number" and found == "integer")
