"""What a schema is inferred from, and what is left to people."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mlops_ci.errors import ConfigError
from mlops_ci.schemas.checking import Checker
from mlops_ci.schemas.infer import Inference, share_of_nulls
from mlops_ci.schemas.shape import ColumnRules, Schema
from mlops_ci.schemas.values import readable


def inferred(table: pa.Table, rows: int = 300, **more: Any) -> Schema:
    inference = Inference(table.schema, **more)
    for batch in table.to_batches(max_chunksize=rows):
        inference.add(batch)
    return inference.schema()


def column(values: Any, **more: Any) -> ColumnRules:
    return inferred(pa.table({"a": values}), **more).columns["a"]


COUNT = np.arange(1_000)


@pytest.mark.parametrize(
    ("values", "rules"),
    [
        (pa.array(COUNT % 50), {"type": "integer", "min": 0, "max": 51}),
        (pa.array(COUNT % 40 + 20), {"type": "integer", "min": 19, "max": 60}),
        (pa.array(COUNT % 3), {"type": "integer", "allowed": (0, 1, 2)}),
        (pa.array(COUNT % 3 / 10), {"type": "number", "min": 0, "max": 0.2}),
        (pa.array(COUNT), {"type": "integer", "unique": True}),
        (pa.array([f"k{one}" for one in COUNT]), {"type": "text", "unique": True}),
        (pa.array([f"k{one % 900}" for one in COUNT]), {"type": "text"}),
        (pa.array(["ab"[one % 2] for one in COUNT]), {"type": "text", "allowed": ("a", "b")}),
        (pa.array(["a"] * 996 + ["b"] * 4), {"type": "text"}),
        (pa.array([7] * 1_000), {"type": "integer"}),
        (pa.array([True, False] * 500), {"type": "boolean"}),
        (pa.array([None, 1.0] * 500), {"type": "integer", "nulls": 0.75}),
        (pa.array([None, 1.5, 2.5, 3.0] * 250), {"type": "number", "nulls": 0.38, "min": 1.5, "max": 3}),
        (
            pa.array([float("nan"), float("inf"), 1.0, 2.0] * 250),
            {"type": "number", "nulls": 0.38, "infinite": True, "min": 1, "max": 2},
        ),
        (pa.array([None] * 1_000, pa.string()), {"type": "text", "nulls": True}),
        (pa.array([Decimal("1.10"), Decimal("2.30")] * 500), {"type": "decimal", "min": "1.1", "max": "2.3"}),
        (pa.array([dt.date(2026, 1, 1), dt.date(2026, 1, 2)] * 500), {"type": "date"}),
        (pa.array([[1], [2]] * 500), {"type": "list"}),
    ],
)
def test_rules_of_a_column(values: Any, rules: dict[str, Any]) -> None:
    assert column(values) == ColumnRules.model_validate(rules)


def test_codes_are_listed_where_they_are_named() -> None:
    assert column(pa.array(COUNT % 20), categorical=["a"]).allowed == tuple(range(20))


def test_whole_numbers_beside_missing_ones_are_listed_as_whole() -> None:
    assert column(pa.array([None, 1.0, 2.0, 2.0] * 250)).allowed == (1, 2)


def test_of_sensitive_columns_no_value_is_told() -> None:
    assert column(pa.array(COUNT % 3), sensitive=["a"]) == ColumnRules(type="integer")


def test_few_rows_tell_no_identifier() -> None:
    assert column(pa.array(COUNT[:50])).unique is False


def test_a_value_that_repeats_in_another_batch_is_no_identifier() -> None:
    assert column(pa.array([*range(300), *range(300)])).unique is False


RANDOM = np.random.default_rng(3)


@pytest.mark.parametrize(
    ("values", "range_"),
    [
        (RANDOM.normal(size=3_000), (-10.5, 14.6)),
        (RANDOM.lognormal(10, 0.5, 3_000), (0, 800_000)),
        (-RANDOM.lognormal(10, 0.5, 3_000), (-500_000, 0)),
        (RANDOM.random(3_000), (0, 1)),
        (RANDOM.random(3_000) * 1_000, (0, 1_020)),
        (RANDOM.normal(170, 10, 3_000), (35, 296)),
        (RANDOM.poisson(3, 3_000), (0, 28)),
        (np.repeat([0, 1, 2], [2_800, 143, 57]), (0, 9)),
        (np.repeat([0, 1], [2_950, 50]), (0, 1)),
        (np.repeat([-5, 40, 99], [60, 20, 70]), (-5, 99)),
        (np.repeat([1, 2], [7, 2]), (0, 8)),
        (np.array([-(2**63), 0, 2**63 - 1] * 60), (-(2**63), 2**63 - 1)),
    ],
)
def test_a_range_ends_at_a_bound_or_where_its_tail_may_reach(values: Any, range_: tuple[Any, Any]) -> None:
    rules = column(pa.array(values))
    assert (rules.min, rules.max) == range_


def test_a_range_is_the_same_whatever_the_batches() -> None:
    table = pa.table({"a": RANDOM.standard_t(4, 3_000)})
    assert inferred(table, rows=7) == inferred(table, rows=3_000)


@pytest.mark.parametrize(
    ("draw", "slips"),
    [
        (lambda random: random.normal(size=3_000), {"x 12": 12.0}),
        (lambda random: random.lognormal(10, 0.5, 3_000), {"x 12": 12.0, "sign": -1.0}),
        (lambda random: random.random(3_000), {"x 12": 12.0, "sign": -1.0}),
        (lambda random: random.exponential(size=3_000), {"x 12": 12.0, "sign": -1.0}),
        (lambda random: random.standard_t(4, 3_000), {"x 100": 100.0}),
        (lambda random: random.poisson(3, 3_000), {"x 100": 100, "sign": -1}),
    ],
)
def test_a_second_draw_keeps_the_schema_and_a_slip_does_not(draw: Any, slips: dict[str, Any]) -> None:
    random = np.random.default_rng(7)
    kept = 0
    for _ in range(20):
        schema = inferred(pa.table({"a": draw(random)}), rows=3_000)
        second = draw(random)
        kept += not broken(schema, second)
        assert all(broken(schema, second * factor) == ["range"] for factor in slips.values())
    assert kept == 20


def broken(schema: Schema, values: Any) -> list[str]:
    checker = Checker(schema, pa.schema({"a": pa.array(values).type}))
    checker.add(pa.record_batch({"a": pa.array(values)}))
    return [rule.rule for rule in checker.rules() if not rule.ok]


@pytest.mark.parametrize(
    ("values", "unique"),
    [
        # By chance 0.45 of them would repeat: no wonder that none does.
        (RANDOM.choice(10_000_000, 3_000, replace=False), False),
        # 45 would repeat.
        (RANDOM.choice(100_000, 3_000, replace=False), True),
        (RANDOM.integers(-(2**63), 2**63 - 1, 3_000), True),
    ],
)
def test_numbers_are_identifiers_where_chance_would_repeat_them_or_never_does(
    values: Any, unique: bool
) -> None:
    assert column(pa.array(values)).unique is unique


def test_text_with_a_rare_value_has_others_yet_unseen() -> None:
    assert column(pa.array(["a"] * 981 + ["b"] * 19)).allowed is None
    assert column(pa.array(["a"] * 980 + ["b"] * 20)).allowed == ("a", "b")


@pytest.mark.parametrize(
    ("nulls", "rows", "share"),
    [(0, 9, False), (9, 9, True), (1, 1_000, 0.01), (70, 1_000, 0.11), (2, 100, 0.08), (8, 9, 1.0)],
)
def test_more_may_be_missing_than_was_seen(nulls: int, rows: int, share: float | bool) -> None:
    assert share_of_nulls(nulls, rows) == share


def test_columns_without_a_word_are_left_out_with_the_reason() -> None:
    table = pa.table(
        {"a": pa.array([None, None]), "b": [1, 2], "c": pa.array([None, None], pa.month_day_nano_interval())}
    )
    inference = Inference(table.schema)
    inference.add(table.to_batches()[0])
    assert inference.left_out == ("a: has no value at all", "c: the type month_day_nano_interval")
    assert inference.schema().further_columns is True


@pytest.mark.parametrize(
    ("table", "more", "said"),
    [
        (pa.table({"a": pa.array([], pa.int64())}), {}, "the table has no rows"),
        (pa.table({"a": pa.nulls(3)}), {}, "no column has a value"),
        (pa.table([[1], [2], [3]], names=["a", "b", "a"]), {}, "two columns are named a"),
        (pa.table({"a": [1]}), {"categorical": ["b"]}, "--categorical: the table has no column b"),
        (pa.table({"a": [1]}), {"sensitive": ["b"]}, "--sensitive: the table has no column b"),
    ],
)
def test_what_tells_nothing_is_refused(table: pa.Table, more: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        inferred(table, **more)
    assert caught.value.message.startswith(said)


def test_a_table_keeps_the_schema_inferred_from_it() -> None:
    generator = np.random.default_rng(0)
    table = pa.table(
        {
            "id": COUNT,
            "x": generator.normal(size=1_000),
            "y": generator.integers(-5, 5, 1_000),
            "z": pa.array([None if one % 7 == 0 else f"l{one % 5}" for one in COUNT]),
            "when": pa.array([dt.datetime(2026, 1, 1, tzinfo=dt.UTC)] * 1_000, pa.timestamp("us", "UTC")),
            "d": pa.array([Decimal(int(one)) / 10 for one in COUNT]),
        }
    )
    checker = Checker(inferred(table), table.schema)
    checker.add(table.combine_chunks().to_batches()[0])
    assert [rule for rule in checker.rules() if not rule.ok] == []


def test_the_widest_numbers_there_are_have_no_limit() -> None:
    rules = column([-1.7e308, 0.5, 1.7e308] * 3)
    assert (rules.min, rules.max) == (None, None)
    rules = column([0.5, 1.7e308] * 3)
    assert (rules.min, rules.max) == (0, None)


def test_half_precision_numbers_have_a_range() -> None:
    values = pa.array(np.array([0.25, 1.5, np.nan] * 100, dtype=np.float16))
    assert column(values) == ColumnRules(type="number", nulls=0.5, min=0.25, max=1.5)
    checker = Checker(inferred(pa.table({"c": values})), pa.schema({"c": pa.float16()}))
    checker.add(pa.record_batch({"c": values}))
    assert [rule.ok for rule in checker.rules()] == [True] * 5


BROKEN = pa.Array.from_buffers(pa.string(), 1, [None, *pa.array([b"\xff"]).buffers()[1:]])


def test_text_that_is_not_utf8_is_named() -> None:
    with pytest.raises(ConfigError, match="a: holds text that is not UTF-8"):
        column(BROKEN)
    schema = Schema(columns={"c": ColumnRules(type="text", unique=True, allowed=("a",))})
    checker = Checker(schema, pa.schema({"c": pa.string()}))
    with pytest.raises(ConfigError, match="c: holds text that is not UTF-8"):
        checker.add(pa.record_batch({"c": BROKEN}))
    with pytest.raises(pa.ArrowInvalid, match="another"), readable("a"):
        raise pa.ArrowInvalid("another")
