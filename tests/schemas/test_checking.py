"""A table against its schema: every rule, kept and broken, over batches of any size."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mlops_ci.evidence import DataRule
from mlops_ci.schemas.checking import Checker, Custom, Shown
from mlops_ci.schemas.shape import Schema

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
OPEN = Shown(lambda _column: True, lambda _column, value: value)
BERLIN = pa.timestamp("us", "Europe/Berlin")


def checked(table: pa.Table, schema: dict[str, Any], **more: Any) -> tuple[DataRule, ...]:
    custom = more.pop("custom", None)
    checker = Checker(Schema.model_validate(schema), table.schema, **more)
    for batch in table.to_batches(max_chunksize=3):
        checker.add(batch)
    return checker.rules(custom=custom, now=NOW)


def rule(name: str, values: Any, rules: dict[str, Any], **more: Any) -> DataRule:
    """The one rule of a name on a single column."""
    found = checked(pa.table({"a": values}), {"columns": {"a": rules}}, **more)
    (one,) = [one for one in found if one.rule == name]
    return one


def said(one: DataRule) -> tuple[bool, int | None, str]:
    return one.ok, one.failing, one.found


# ---- types -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (pa.array([1, 2], pa.int16()), "integer", (True, None, "integer")),
        (pa.array([1, 2]), "number", (True, None, "integer")),
        (pa.array([1.0, None]), "integer", (True, None, "whole numbers beside missing ones")),
        (pa.array([1.0, 2.0]), "integer", (False, 2, "number")),
        (pa.array([1.0, 2.5, None, 3.5]), "integer", (False, 2, "number; 2 values of 4 not whole")),
        (pa.array(["1", "x", None]), "integer", (False, 1, "text; 1 value of 3 cannot be read as integer")),
        (
            pa.array(["1", "x"]).dictionary_encode(),
            "integer",
            (False, 1, "text; 1 value of 2 cannot be read as integer"),
        ),
        (pa.array(["1", "2.5"]), "integer", (False, 1, "text; 1 value of 2 cannot be read as integer")),
        (pa.array(["1", "2.5"]), "number", (False, 2, "text, though every value can be read as number")),
        (pa.array(["2026-01-01", "no"]), "date", (False, 1, "text; 1 value of 2 cannot be read as date")),
        (pa.array(["true", "0", "?"]), "boolean", (False, 1, "text; 1 value of 3 cannot be read as boolean")),
        (pa.array(["a"]), "list", (False, 1, "text; 1 value of 1 cannot be read as list")),
        (pa.array([1, 2, 3, 4]), "text", (False, 4, "integer")),
        (pa.array([True]), "integer", (False, 1, "boolean")),
        (pa.nulls(2), "text", (True, None, "empty")),
        (pa.array([dt.datetime(2026, 1, 1)]), "timestamp with zone", (False, 1, "timestamp")),
        (pa.array([b"x"]), "text", (False, 1, "binary")),
        (pa.array([{"x": 1}]), "struct", (True, None, "struct")),
    ],
)
def test_types(values: Any, kind: str, expected: tuple[bool, int | None, str]) -> None:
    assert said(rule("type", values, {"type": kind})) == expected


def test_a_column_of_another_type_has_no_other_rule_on_its_values() -> None:
    found = checked(pa.table({"a": ["1"]}), {"columns": {"a": {"type": "integer", "min": 5}}})
    assert [one.rule for one in found] == ["rows", "type", "nulls"]


# ---- values ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "nulls", "expected"),
    [
        (pa.array([1, 2]), False, (True, 0, "none missing")),
        (pa.array([1, None, 2, 3]), False, (False, 1, "25 % missing")),
        (pa.array([1, None, 2, 3]), 0.25, (True, 1, "25 % missing")),
        (pa.array([1.0, float("nan"), None, 3.0]), 0.25, (False, 2, "50 % missing")),
        (pa.array([None, None], pa.int64()), True, (True, 2, "100 % missing")),
        (pa.array([], pa.int64()), False, (True, 0, "none missing")),
    ],
)
def test_missing_values(values: Any, nulls: Any, expected: tuple[bool, int, str]) -> None:
    kind = "number" if pa.types.is_floating(values.type) else "integer"
    assert said(rule("nulls", values, {"type": kind, "nulls": nulls})) == expected


@pytest.mark.parametrize(
    ("values", "rules", "expected", "found"),
    [
        (pa.array([1, 9, None, -4, 12]), {"type": "integer", "min": 0, "max": 9}, "0 to 9", (False, 2)),
        (pa.array([1.0, float("nan"), float("inf")]), {"type": "number", "max": 2}, "at most 2", (True, 0)),
        (pa.array([2**53 + 1, None]), {"type": "integer", "max": 2**53}, f"at most {2**53}", (False, 1)),
        (pa.array([Decimal("1.10"), None]), {"type": "decimal", "min": "1.2"}, "at least 1.2", (False, 1)),
        (
            pa.array([dt.date(2025, 1, 1), None]),
            {"type": "date", "min": "2026-01-01"},
            "at least 2026-01-01",
            (False, 1),
        ),
        (
            pa.array([dt.datetime(2026, 1, 1, tzinfo=dt.UTC)], BERLIN),
            {"type": "timestamp with zone", "max": "2026-01-01T01:30:00+01:00"},
            "at most 2026-01-01T01:30:00+01:00",
            (True, 0),
        ),
        (
            pa.array([dt.datetime(2026, 1, 2)]),
            {"type": "timestamp", "max": "2026-01-01"},
            "at most 2026-01-01",
            (False, 1),
        ),
        (
            pa.array([None, None], pa.int64()),
            {"type": "integer", "nulls": True, "min": 3},
            "at least 3",
            (True, 0),
        ),
    ],
)
def test_ranges(values: Any, rules: dict[str, Any], expected: str, found: tuple[bool, int]) -> None:
    one = rule("range", values, rules)
    assert (one.expected, (one.ok, one.failing)) == (expected, found)


def test_what_lies_outside_is_named_where_it_may_be_and_is_not_rare() -> None:
    values = pa.array([-3, -1, 0, 11, 12, 200, 5])
    rules = {"type": "integer", "min": 0, "max": 9}
    assert rule("range", values, rules).found == "5 values outside"
    assert rule("range", values, rules, shown=OPEN).found == "5 values outside"
    assert rule("range", values[:4], rules, shown=OPEN).found == "3 values outside"
    assert rule("range", pa.array([20] * 5), rules, shown=OPEN).found == "5 values outside: 20 in 5 rows"
    often = pa.array([999] * 6 + [-9] * 5 + [52345] * 4)
    assert rule("range", often, rules).found == "15 values outside"
    words = "15 values outside: 999 in 6 rows, -9 in 5 rows"
    assert rule("range", often, rules, shown=OPEN).found == words


@pytest.mark.parametrize("encoded", [False, True])
def test_allowed_values(encoded: bool) -> None:
    values = pa.array(["a", "b", "x", "x", "x", "x", "x", "y", None] * 4)
    rules = {"type": "text", "allowed": ["a", "b"], "nulls": True}
    one = rule("allowed", values.dictionary_encode() if encoded else values, rules, shown=OPEN)
    assert said(one) == (False, 24, "x in 20 rows, other values in 4 rows")
    assert one.expected == "one of a, b"


def test_strange_values_are_labels_and_rare_ones_not_even_that() -> None:
    rules = {"type": "text", "allowed": ["a"]}
    hidden = Shown(lambda _column: False, lambda column, value: f"#{column}{len(value)}")
    one = rule("allowed", pa.array(["a"] + ["secret"] * 6), rules, shown=hidden)
    assert (one.expected, one.found) == ("one of 1 value", "#a6 in 6 rows")
    assert rule("allowed", pa.array(["secret"]), rules, shown=OPEN).found == "rare values in 1 row"
    assert rule("allowed", pa.array(["a"]), rules).found == "only such"


def test_a_million_strange_values_are_counted_not_named() -> None:
    values = pa.array([f"v{one}" for one in range(5_000)])
    one = rule("allowed", values, {"type": "text", "allowed": ["a"]}, shown=OPEN)
    assert said(one) == (False, 5_000, "rare values in 5,000 rows")


@pytest.mark.parametrize(
    ("values", "rules"),
    [
        (pa.array([Decimal("1.5"), Decimal("2.5")]), {"type": "decimal", "allowed": ["1.50"]}),
        (pa.array([dt.date(2026, 1, 1), dt.date(2026, 1, 2)]), {"type": "date", "allowed": ["2026-01-01"]}),
        (pa.array([True, False]), {"type": "boolean", "allowed": [True]}),
        (pa.array([1, 2]), {"type": "integer", "allowed": [1]}),
        (pa.array([0.1, 2.0]), {"type": "number", "allowed": [0.1, 3]}),
    ],
)
def test_allowed_values_of_every_type(values: Any, rules: dict[str, Any]) -> None:
    one = rule("allowed", values, rules)
    assert (one.ok, one.failing) == (False, 1)


def test_patterns_fit_as_a_whole() -> None:
    values = pa.array(["AB1", "ab1", "AB12", None, "xAB1"])
    rules = {"type": "text", "pattern": r"[A-Z]+\d", "nulls": True}
    one = rule("pattern", values, rules)
    assert said(one) == (False, 3, "3 values that do not")
    assert one.expected == r"text that fits [A-Z]+\d"
    assert said(rule("pattern", values[:1], rules)) == (True, 0, "only such")
    assert rule("pattern", values[:2], rules).found == "1 value that does not"
    assert len(rule("pattern", pa.array(["a"]), {"type": "text", "pattern": "a" * 99}).expected) == 75


def test_infinite_numbers() -> None:
    values = pa.array([1.0, float("inf"), float("-inf"), 1e308])
    assert said(rule("finite", values, {"type": "number"})) == (False, 2, "2 infinite values")
    assert said(rule("finite", values[:1], {"type": "number"})) == (True, 0, "only such")
    found = checked(pa.table({"a": values}), {"columns": {"a": {"type": "number", "infinite": True}}})
    assert [one.rule for one in found] == ["rows", "type", "nulls"]


# ---- uniqueness --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([1, 2, 3, 4, 5]), (True, 0, "none")),
        (pa.array([1, 2, 3, 1, 1]), (False, 2, "2 rows that repeat an earlier one")),
        (pa.array([1, None, None, 2, 2]), (False, 1, "1 row that repeats an earlier one")),
        (pa.array(["a", "b", "c", "b"]).dictionary_encode(), (False, 1, "1 row that repeats an earlier one")),
    ],
)
def test_unique(values: Any, expected: tuple[bool, int, str]) -> None:
    kind = "text" if pa.types.is_dictionary(values.type) else "integer"
    assert said(rule("unique", values, {"type": kind, "unique": True})) == expected


def test_keys_of_several_columns() -> None:
    table = pa.table({"a": [1, 1, 2, 1], "b": ["x", "y", "x", "x"], "c": [1, 2, 3, 4]})
    columns = {name: {"type": kind} for name, kind in (("a", "integer"), ("b", "text"), ("c", "integer"))}
    found = checked(table, {"columns": columns, "unique": [["a", "b"], ["a", "c"]]})
    unique = [(one.column, one.ok, one.failing) for one in found if one.rule == "unique"]
    assert unique == [("a, b", False, 1), ("a, c", True, 0)]


def test_a_key_without_its_column_is_told_by_the_missing_column() -> None:
    columns = {"a": {"type": "integer"}, "b": {"type": "integer"}}
    found = checked(pa.table({"a": [1]}), {"columns": columns, "unique": [["a", "b"]]})
    assert [(one.rule, one.column) for one in found if not one.ok] == [("missing", "b")]


# ---- the table ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "limits", "expected", "found", "ok"),
    [
        (3, {}, "at least 1 row", "3 rows", True),
        (0, {}, "at least 1 row", "an empty table", False),
        (0, {"min": 0}, "at least 0 rows", "an empty table", True),
        (9, {"min": 2, "max": 8}, "2 to 8 rows", "9 rows", False),
    ],
)
def test_rows(rows: int, limits: dict[str, int], expected: str, found: str, ok: bool) -> None:
    table = pa.table({"a": pa.array(range(rows), pa.int64())})
    first = checked(table, {"rows": limits, "columns": {"a": {"type": "integer"}}})[0]
    assert (first.rule, first.expected, first.found, first.ok) == ("rows", expected, found, ok)


@pytest.mark.parametrize(
    ("values", "ok", "found"),
    [
        (pa.array([dt.date(2026, 11, 1), dt.date(2026, 11, 20)]), True, "the newest is 36 hours old"),
        (pa.array([dt.date(2026, 11, 1)]), False, "the newest is 20.5 days old"),
        (pa.array([dt.date(2027, 1, 1)]), False, "the newest is 40.5 days in the future"),
        (pa.array([dt.datetime(2026, 11, 21, 11)]), True, "the newest is 1 hour old"),
        (pa.array([dt.datetime(2026, 11, 21, 11, tzinfo=dt.UTC)], BERLIN), True, "the newest is 1 hour old"),
        (pa.array([dt.datetime(2026, 11, 21, 13, tzinfo=dt.UTC)], BERLIN), True, "the newest is 0 hours old"),
        (pa.array([None], pa.date32()), False, "no date at all"),
    ],
)
def test_freshness(values: Any, ok: bool, found: str) -> None:
    zone = getattr(values.type, "tz", None)
    kind = "date" if pa.types.is_date(values.type) else "timestamp with zone" if zone else "timestamp"
    schema = {"fresh": {"column": "a", "within": "2d"}, "columns": {"a": {"type": kind, "nulls": True}}}
    (one,) = [one for one in checked(pa.table({"a": values}), schema) if one.rule == "fresh"]
    assert (one.expected, one.ok, one.found) == ("the newest at most 2 days old", ok, found)


def test_freshness_of_a_column_that_is_gone_is_told_by_the_missing_column() -> None:
    schema = {"fresh": {"column": "a", "within": "2d"}, "columns": {"a": {"type": "date"}}}
    found = checked(pa.table({"b": [1]}), schema)
    assert [(one.rule, one.column) for one in found if not one.ok] == [("missing", "a"), ("added", "b")]


def test_columns_missing_added_renamed_and_reordered() -> None:
    columns = {"a": {"type": "integer"}, "b": {"type": "text"}, "c": {"type": "text", "optional": True}}
    table = pa.table({"b2": ["x"], "a": [1]})
    broken = [(one.rule, one.column) for one in checked(table, {"columns": columns}) if not one.ok]
    assert broken == [("missing", "b"), ("added", "b2")]
    allowed = checked(table, {"columns": columns, "further_columns": True})
    assert [(one.rule, one.column) for one in allowed if not one.ok] == [("missing", "b")]
    assert [
        one for one in checked(table.rename_columns(["b", "a"]), {"columns": columns}) if not one.ok
    ] == []


def test_what_a_table_may_lack() -> None:
    columns = {"a": {"type": "integer"}, "target": {"type": "integer"}}
    found = checked(pa.table({"a": [1]}), {"columns": columns}, may_lack=["target"])
    assert [one for one in found if not one.ok] == []


def test_two_columns_of_one_name() -> None:
    table = pa.table([[1], [2], ["x"]], names=["a", "b", "a"])
    checker = Checker(Schema.model_validate({"columns": {"a": {"type": "integer"}}}), table.schema)
    assert checker.wanted is None
    checker.add(table.to_batches()[0])
    broken = [(one.rule, one.column, one.found) for one in checker.rules(now=NOW) if not one.ok]
    assert broken == [("repeated", "a", "2"), ("added", "b", "a column")]


def test_only_columns_with_rules_are_read() -> None:
    table = pa.table({"a": [1], "b": [2]})
    schema = Schema.model_validate({"further_columns": True, "columns": {"b": {"type": "integer"}}})
    assert Checker(schema, table.schema).wanted == ["b"]


def test_the_answers_of_the_users_own_functions() -> None:
    schema = {
        "checks": ["m:all", "m:other"],
        "columns": {"a": {"type": "integer", "checks": ["m:one", "m:two"]}},
    }
    custom = {("", "m:all"): Custom(2), ("a", "m:one"): Custom(), ("a", "m:two"): Custom(0, "has no two")}
    found = checked(pa.table({"a": [1, 2]}), schema, custom=custom)
    own = [
        (one.rule, one.column, one.ok, one.failing, one.found, one.problem)
        for one in found
        if ":" in one.rule
    ]
    assert own == [
        ("m:all", "", False, 2, "2 rows with false", ""),
        ("m:one", "a", True, 0, "only true", ""),
        ("m:two", "a", False, None, "", "has no two"),
    ]


def test_ages_are_counted_from_now_unless_told() -> None:
    schema = {"fresh": {"column": "a", "within": "2d"}, "columns": {"a": {"type": "date"}}}
    table = pa.table({"a": [dt.datetime.now(dt.UTC).date()]})
    checker = Checker(Schema.model_validate(schema), table.schema)
    checker.add(table.to_batches()[0])
    assert [one for one in checker.rules() if not one.ok] == []


def test_ten_thousand_columns() -> None:
    table = pa.table({f"c{place}": np.arange(20.0) for place in range(10_000)})
    columns = {name: {"type": "number", "min": 0, "max": 18} for name in table.column_names}
    checker = Checker(Schema.model_validate({"columns": columns}), table.schema)
    checker.add(table.combine_chunks().to_batches()[0])
    assert sum(not one.ok for one in checker.rules()) == 10_000


def test_a_unique_column_of_more_rows_than_are_kept() -> None:
    table = pa.table({"a": [1, 2, 3, 1]})
    schema = Schema.model_validate({"columns": {"a": {"type": "integer", "unique": True}}})
    checker = Checker(schema, table.schema)
    checker.add(table.to_batches()[0])
    for keys in checker._keys.values():
        keys.scale = 4
    (one,) = [one for one in checker.rules() if one.rule == "unique"]
    assert one.found == "4 rows that repeat an earlier one, about, from one of 4 values"
