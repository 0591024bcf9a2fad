"""What a schema can ask, and what makes no sense."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from mlops_ci.schemas import shape
from mlops_ci.schemas.shape import ColumnRules, Schema


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("integer", 3, 3),
        ("number", 1.5, 1.5),
        ("decimal", "1.10", Decimal("1.10")),
        ("decimal", 2, Decimal(2)),
        ("date", "2026-01-31", date(2026, 1, 31)),
        ("timestamp", "2026-01-31T10:00:00", datetime(2026, 1, 31, 10)),
        ("timestamp with zone", "2026-01-31T10:00:00Z", datetime(2026, 1, 31, 10, tzinfo=UTC)),
    ],
)
def test_a_limit_is_a_value_of_the_type(kind: str, value: Any, expected: object) -> None:
    assert shape.limit(kind, value) == expected


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"type": "text", "min": 1}, "min: a column of type text has no range"),
        ({"type": "integer", "min": "x"}, "min: 'x' is no integer"),
        ({"type": "decimal", "max": "x"}, "max: 'x' is no decimal"),
        ({"type": "date", "max": 3}, "max: 3 is no date"),
        ({"type": "timestamp", "max": "2026-01-31T10:00:00Z"}, "is no timestamp"),
        ({"type": "number", "min": 2, "max": 1}, "min 2 is greater than max 1"),
        ({"type": "integer", "pattern": "a"}, "pattern: only text has one"),
        ({"type": "text", "pattern": "("}, "pattern: no regular expression"),
        ({"type": "text", "allowed": [1]}, "allowed: 1 is no text; put it in quotes"),
        ({"type": "integer", "allowed": [True]}, "allowed: True is no integer"),
        ({"type": "boolean", "allowed": [1]}, "allowed: 1 is no boolean"),
        ({"type": "date", "allowed": ["x"]}, "allowed: 'x' is no date"),
        ({"type": "struct", "allowed": ["x"]}, "allowed: a column of type struct has no list of values"),
        ({"type": "integer", "allowed": [1, 1]}, "1 stands twice in the list"),
        ({"type": "list", "unique": True}, "unique: a list cannot be compared"),
        ({"type": "text", "nulls": 1.5}, "less than or equal to 1"),
        ({"type": "text", "checks": ["os.system"]}, "expected package.module:function"),
    ],
)
def test_rules_that_make_no_sense_are_named(rules: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ColumnRules.model_validate(rules)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"rows": {"min": 3, "max": 2}}, "min 3 is greater than max 2"),
        ({"unique": [["b"]]}, "unique: there is no column b among columns"),
        ({"fresh": {"column": "b", "within": "1d"}}, "fresh: b is no date or timestamp among columns"),
        ({"fresh": {"column": "a", "within": "1d"}}, "fresh: a is no date or timestamp among columns"),
    ],
)
def test_a_schema_that_makes_no_sense_is_named(more: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Schema.model_validate({"columns": {"a": {"type": "integer"}}} | more)
    assert said in str(caught.value)


def test_the_functions_of_a_schema() -> None:
    schema = Schema.model_validate(
        {
            "checks": ["m:rows"],
            "columns": {"a": {"type": "integer", "checks": ["m:one", "m:Two.three"]}, "b": {"type": "text"}},
        }
    )
    assert schema.functions == (("", "m:rows"), ("a", "m:one"), ("a", "m:Two.three"))


def test_missing_values_are_a_share() -> None:
    shares = [ColumnRules(type="text", nulls=nulls).null_share for nulls in (False, True, 0.25)]
    assert shares == [0.0, 1.0, 0.25]


@pytest.mark.parametrize(
    "rules",
    [
        {"type": "integer", "min": 1},
        {"type": "date", "allowed": ["2026-01-01"]},
        {"type": "decimal", "allowed": ["1.5", 2]},
        {"type": "text", "pattern": "[a-z]+", "allowed": ["a"]},
    ],
)
def test_rules_that_make_sense(rules: dict[str, Any]) -> None:
    assert ColumnRules.model_validate(rules).type == rules["type"]


def test_every_key_is_described() -> None:
    parts = (Schema, ColumnRules, shape.Rows, shape.Fresh)
    assert [key for part in parts for key, field in part.model_fields.items() if not field.description] == []
