"""The schema as a file: written as it is read, every mistake with its line."""

from __future__ import annotations

from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_ci.errors import ConfigError
from mlops_ci.schemas import text
from mlops_ci.schemas.shape import ColumnRules, Schema

WHOLE = """\
version: 1
about: "Orders, one a row"
rows: {min: 5, max: 9}
further_columns: true
unique: [[id, when]]
fresh: {column: when, within: 7d}
checks: ["rules.orders:whole"]
columns:
  b: {type: text, about: letters, nulls: 0.05, optional: true, allowed: ["NO", "1e3", "012", plain word]}
  id: {type: integer, unique: true, min: 0, max: 1000000}
  when: {type: date, nulls: true, min: "2020-01-01"}
  x: {type: number, min: -0.5, infinite: true, checks: ["rules:small"]}
  z: {type: text, pattern: "[A-Z]\\\\d+"}
"""


def test_what_is_written_is_what_was_read() -> None:
    header = text.HEADER.format(table="orders.csv")
    assert text.write(text.read(WHOLE, "s.yaml"), "orders.csv") == header + WHOLE


def test_a_short_schema_stays_short() -> None:
    schema = Schema(columns={"b": ColumnRules(type="text"), "a": ColumnRules(type="number")})
    written = text.write(schema, "evil\nname")
    assert written.removeprefix(text.HEADER.format(table="evil?name")) == dedent(
        """\
        version: 1
        rows: {min: 1}
        further_columns: false
        columns:
          a: {type: number}
          b: {type: text}
        """
    )


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", "s.yaml:1: the file says nothing; a schema has at least `columns`"),
        ("columns: [", "s.yaml:2: not YAML: "),
        ("- a", "s.yaml:1: expected keys such as"),
        ("columns:\n  a: {type: integr}", "s.yaml:2: columns.a.type: expected integer, number"),
        ("columns:\n  a: {type: text}\n  a: {type: text}", "s.yaml:3: columns.a: stands twice"),
        ("columns:\n  a: {type: text, chek: 1}", "s.yaml:2: columns.a.chek: unknown key; did you mean"),
        ("columns:\n  a:\n    type: text\n    min: 3", "s.yaml:2: columns.a: min: a column of type text"),
        ("columns: {}", "s.yaml:1: columns: expected at least 1 entries"),
        ("columns: {a: {type: date}}\nfresh: {column: a, within: 3x}", "s.yaml:2: fresh.within: expected a"),
    ],
)
def test_every_mistake_has_its_line(written: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        text.read(written, "s.yaml")
    assert caught.value.message.startswith(said)
    assert caught.value.hint == text.HINT


def test_many_mistakes_are_cut() -> None:
    columns = "".join(f"  c{place}: {{type: x}}\n" for place in range(7))
    with pytest.raises(ConfigError) as caught:
        text.read(f"columns:\n{columns}", "s.yaml")
    assert caught.value.message.count("s.yaml:") == 5
    assert caught.value.message.endswith("; and 2 more")


def test_ten_thousand_columns() -> None:
    rules = ColumnRules(type="number", min=0, max=1, nulls=0.01)
    schema = Schema(columns={f"c{place:05d}": rules for place in range(10_000)})
    assert text.read(text.write(schema, "wide"), "s.yaml") == schema


def test_a_long_schema_names_its_mistakes_too() -> None:
    long = "columns:\n" + "".join(f"  c{place}: {{type: number}}\n" for place in range(5_000))
    with pytest.raises(ConfigError) as caught:
        text.read(long + "  x: {type: y}\n", "s.yaml")
    assert caught.value.message.startswith("s.yaml:5002: columns.x.type: ")
    with pytest.raises(ConfigError) as caught:
        text.read(long + "  x: {type\n", "s.yaml")
    assert caught.value.message == "s.yaml:5003: not YAML"


def test_a_long_text_that_says_nothing_or_is_not_text() -> None:
    with pytest.raises(ConfigError) as caught:
        text.read("#\n" * 40_000, "s.yaml")
    assert caught.value.message == "s.yaml:1: the file says nothing; a schema has at least `columns`"
    with pytest.raises(ConfigError) as caught:
        text.read("#\n" * 40_000 + "\x00", "s.yaml")
    assert caught.value.message.endswith("not YAML")
    with pytest.raises(ConfigError) as caught:
        text.read("#" * (text.MAX_CHARACTERS + 1), "s.yaml")
    assert caught.value.message == "s.yaml:1: 8,000,001 characters are too many"


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8),
        st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=3, unique=True),
        min_size=1,
        max_size=4,
    )
)
def test_any_name_and_value_comes_back(columns: dict[str, list[str]]) -> None:
    schema = Schema(columns={name: ColumnRules(type="text", allowed=tuple(v)) for name, v in columns.items()})
    assert text.read(text.write(schema, "t"), "s.yaml") == schema


@settings(max_examples=100, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_number_comes_back(value: float) -> None:
    schema = Schema(columns={"a": ColumnRules(type="number", min=value)})
    assert text.read(text.write(schema, "t"), "s.yaml").columns["a"].min == value


def test_a_time_that_is_no_whole_day() -> None:
    written = "fresh: {column: a, within: 90m}\ncolumns:\n  a: {type: date}"
    schema = text.read(written, "s.yaml")
    assert "fresh: {column: a, within: 5400s}" in text.write(schema, "t")
