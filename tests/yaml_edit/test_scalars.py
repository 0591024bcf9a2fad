"""A single value is written so that readers of YAML 1.1, of 1.2 and Kubernetes read that value."""

from __future__ import annotations

import math
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from mlops_ci.errors import ManifestError
from mlops_ci.yaml_edit import nodes, scalars

PLAIN = [
    "v1",
    "1.4.2",
    "s3://models/iris/sha256-aa",
    "a b",
    "it's",
    "-x",
    "sha256:ab",
    "1.4.2-rc.1",
    "größe",
    "/v1",
    "a#b",
    "x,y",
]
QUOTED = [
    *(
        "",
        " a",
        "a ",
        "a: b",
        "a #b",
        "a:",
        "- a",
        "-",
        "? a",
        ": a",
        "# a",
        "*a",
        "&a",
        "!a",
        "|",
        ">",
        "%a",
        "@a",
        "`a",
    ),
    *(
        "'a'",
        '"a"',
        "{a}",
        "[a]",
        ",a",
        "---",
        "--- a",
        "...",
        "=",
        "<<",
        "a\nb",
        "a\tb",
        "\x07",
        "\u2028",
        "\ufeff",
        "\x85",
    ),
    *("yes", "No", "ON", "off", "y", "N", "true", "FALSE", "null", "Null", "~"),
    *(
        "1",
        "-1",
        "+1",
        "0755",
        "0o755",
        "0x1F",
        "0b101",
        "1_000",
        "08",
        "1.5",
        ".5",
        "1.",
        "1e3",
        "1E-3",
        "12e5678",
        ".inf",
        "-.INF",
        ".nan",
    ),
    *("12:30:45", "1:30", "2024-03-01", "2024-03-01T12:00:00Z", "190:20:30.15"),
]


@pytest.mark.parametrize("text", PLAIN)
def test_text_that_is_text_to_all_stays_without_quotes(text: str) -> None:
    assert scalars.write(text) == text


@pytest.mark.parametrize("text", QUOTED)
def test_text_that_some_reader_takes_for_something_else_is_quoted(text: str) -> None:
    written = scalars.write(text)
    assert written.startswith('"')
    assert read(written) == [text] * 3


def read(written: str, before: str = "k: ", after: str = "\n") -> list[Any]:
    """What PyYAML (1.1), ruamel (1.2) and Kubernetes read of a value."""
    text = f"{before}{written}{after}"
    kubernetes = nodes.plain(nodes.compose(text)[0])
    return [one["k"] for one in (yaml.safe_load(text), YAML(typ="safe", pure=True).load(text), kubernetes)]


def test_quotes_are_kept_where_they_can_hold_the_text() -> None:
    assert scalars.write("a", style="'") == "'a'"
    assert scalars.write("it's: #1", style="'") == "'it''s: #1'"
    assert scalars.write("a", style='"') == '"a"'
    assert scalars.write('say "a\\b"', style='"') == '"say \\"a\\\\b\\""'
    # Single quotes hold no line breaks.
    assert scalars.write("a\nb", style="'") == '"a\\nb"'


@pytest.mark.parametrize("text", ["a,b", "[a", "a]", "a{", "a}"])
def test_braces_ask_for_more_quotes(text: str) -> None:
    assert scalars.write(text, flow=True) == f'"{text}"'
    assert read(scalars.write(text, flow=True), "{k: ", "}") == [text] * 3


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (5, "5"),
        (-7, "-7"),
        (0.5, "0.5"),
        (2.0, "2.0"),
        (1e-7, "1.0e-07"),
        (1.5e300, "1.5e+300"),
        (math.inf, ".inf"),
        (-math.inf, "-.inf"),
    ],
)
def test_numbers_and_words_are_what_all_readers_know(value: Any, text: str) -> None:
    assert scalars.write(value) == text
    assert read(text) == [value] * 3


def test_no_number_is_a_number_too() -> None:
    assert scalars.write(math.nan) == ".nan"
    assert all(math.isnan(one) for one in read(".nan"))


def test_in_quotes_a_number_becomes_text_and_nothing_stays_nothing() -> None:
    assert [scalars.quoted(one) for one in (8, 1.5, True, "a", None)] == ["8", "1.5", "true", "a", None]


def test_what_is_no_single_value_and_no_text_is_refused() -> None:
    with pytest.raises(TypeError, match="is no single value of YAML"):
        scalars.write(b"raw")
    with pytest.raises(ManifestError) as caught:
        scalars.write("a\udc80")
    assert caught.value.message == "'a\\udc80' is no text that a file can hold"


def test_a_long_value_is_cut_in_a_sentence() -> None:
    assert scalars.shown({"a": "é"}) == '{"a": "é"}'
    assert scalars.shown("x" * 100) == '"' + "x" * 56 + "..."


_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_tricky = st.text("0123456789+-.:_eExXobnyNYtrufalse~= #'\"[]{},*&!|>%@\\\n\t", max_size=9)


@given(_texts | _tricky, st.sampled_from(["", "'", '"']), st.booleans())
@example("\u2029 \x85", "'", False)
@settings(max_examples=600, derandomize=True, deadline=None)
def test_any_text_is_read_back_by_all_readers(text: str, style: str, flow: bool) -> None:
    written = scalars.write(text, style=style, flow=flow)
    assert "\n" not in written
    assert read(written, *(("{k: ", "}") if flow else ())) == [text] * 3
    # As a key and as an entry, with something behind it.
    assert list(yaml.safe_load(f"{written}: 1")) == [text]
    assert nodes.plain(nodes.compose(f"- {written} # c\n- 2\n")[0]) == [text, 2]


@given(st.floats(allow_nan=False) | st.integers())
@settings(max_examples=200, derandomize=True, deadline=None)
def test_any_number_is_read_back_by_all_readers(value: float) -> None:
    found = read(scalars.write(value))
    assert found == [value] * 3
    assert [type(one) for one in found] == [type(value)] * 3
