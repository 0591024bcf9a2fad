"""Unit tests of reading YAML: the words of YAML 1.2, places of keys, mistakes with their lines."""

from __future__ import annotations

from typing import Any

import pytest

from mlops_ci.config.reading import MAX_CHARACTERS, MAX_DEPTH, read
from mlops_ci.config.source import Place


def data(text: str) -> Any:
    found = read(text, "c.yaml")
    assert found.mistakes == ()
    return found.data


def wrong(text: str) -> list[str]:
    return [str(mistake) for mistake in read(text, "c").mistakes]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("on", "on"),
        ("no", "no"),
        ("2:30", "2:30"),
        ("2026-01-01", "2026-01-01"),
        ("1_000", "1_000"),
        ("1e-3", 0.001),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-7", -7),
        ("0x1F", 31),
        ("0o17", 15),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("", None),
        ("'5'", "5"),
        ('"on"', "on"),
        ("!!str 5", "5"),
        ("!!int '5'", 5),
        ("!!bool 'true'", True),
        ("|\n  two\n  lines", "two\nlines\n"),
        ("[1, {b: c}]", [1, {"b": "c"}]),
        ("{b: &x 1, c: *x}", {"b": 1, "c": 1}),
        ("{<<: {b: 1, c: 2}, c: 3}", {"b": 1, "c": 3}),
        ("{c: 3, <<: [{b: 1}, {b: 2, c: 4, d: {<<: {e: 5}}}]}", {"b": 1, "c": 3, "d": {"e": 5}}),
    ],
)
def test_values_are_read_as_yaml_1_2_says(written: str, expected: object) -> None:
    found = data(f"a: {written}\n")
    assert found == {"a": expected}
    assert type(found["a"]) is type(expected)


@pytest.mark.parametrize("text", [None, "", "\n", "# nothing", "---", "null"])
def test_a_text_that_says_nothing(text: str | None) -> None:
    found = read(text, "c")
    assert (found.empty, found.data, found.mistakes) == (True, {}, ())


def test_every_key_knows_where_it_stands() -> None:
    text = "a:\n  b: [x,\n    y]\n  c: |\n    text\n    more\n\nd: 'one\n  two'\ne: {}\n"
    places = read(text, "c.yaml").places
    assert {path: (place.line, place.last) for path, place in places.items()} == {
        (): (1, 10),
        ("a",): (1, 7),
        ("a", "b"): (2, 3),
        ("a", "b", 0): (2, 2),
        ("a", "b", 1): (3, 3),
        ("a", "c"): (4, 7),
        ("d",): (8, 9),
        ("e",): (10, 10),
    }
    assert places["a", "b"] == Place("c.yaml", 2, 3, ("a", "b"))


def test_a_merged_key_stands_where_it_was_written() -> None:
    found = read("x: &x\n  b: 1\na:\n  <<: *x\n  c: 2\n", "c.yaml")
    assert (found.place(("a", "b")).line, found.place(("a", "c")).line) == (2, 5)
    assert found.place(("a",)).last == 5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [1,\n", "c:2: not YAML: did not find expected node content"),
        ("a:\n\t- 1", "c:2: not YAML: the line is indented with a tab; YAML indents with spaces"),
        ("a: *x", "c:1: not YAML: an alias (*name) without its anchor (&name) above it"),
        ("a: b: c", "c:1: not YAML: a second `:` in a line, or wrong indentation; quote text with `: `"),
        ("a: 1\nb\nc: 2", "c:3: not YAML: a key without `:`"),
        ("a: 'x\n", "c:2: not YAML: found unexpected end of stream"),
        ("a:\n  b: 1\n c: 2", "c:3: not YAML: wrong indentation, or a quote that is not closed"),
        ("--- {a: 1}\n--- {b: 2}\n", "c:2: not YAML: a second document (---); a configuration has one"),
        ("a: 1\nb: \x00", "c:2: not YAML: a character stands here that no text file may have"),
        ("a: 1\nb: \ud800", "c:2: not YAML: a character stands here that no text file may have"),
        ("[" * 50 + "]" * 50, f"c:1: nested deeper than {MAX_DEPTH} levels"),
        ("a" * (MAX_CHARACTERS + 1), "c:1: 256,001 characters are more than a configuration may have"),
        ("- 1", "c:1: expected keys such as `lock: report`, but a list stands there"),
        ("a: 0777", 'c:1: a: YAML readers disagree about "0777": write no leading 0, or put text in quotes'),
        ("a: 1e999", 'c:1: a: expected a finite number, but "1e999" stands there; put text in quotes'),
        ("a: .nan", 'c:1: a: expected a finite number, but ".nan" stands there; put text in quotes'),
        ("a: !!int x", 'c:1: a: expected a finite number, but "x" stands there; put text in quotes'),
        ("a: !!bool x", 'c:1: a: "x" with the tag bool is not understood here'),
        ("a: !secret x", 'c:1: a: "x" with the tag !secret is not understood here'),
        ("a: 1\nb: 2\na: 3", "c:3: a: stands twice, first in line 1"),
        ("1: x", 'c:1: 1: YAML reads this key as int, not as text: write "1"'),
        ("[a]: x", "c:1: expected a plain key, but a list or a mapping stands there"),
        ("a: {<<: 5}", "c:1: a.<<: expected a mapping of another place (<<: *name)"),
        ("a: &a {<<: *a}", "c:1: a.<<: expected a mapping of another place (<<: *name)"),
        ("a: &a [*a]", "c:1: a[0]: its aliases make it contain itself, or make it far too large"),
    ],
)
def test_mistakes_say_line_and_plain_words(text: str, expected: str) -> None:
    assert wrong(text) == [expected]


def test_a_huge_whole_number_is_a_mistake() -> None:
    assert len(wrong(f"a: {'9' * 5000}\nb: {'9' * 400}")) == 2


def test_aliases_cannot_blow_a_text_up() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    found = wrong("\n".join(lines))
    assert len(found) == 1
    assert found[0].endswith("its aliases make it contain itself, or make it far too large")


def test_deep_aliases_are_stopped_too() -> None:
    lines = ["a0: &a0 {x: 1}"] + [f"a{n}: &a{n} {{x: *a{n - 1}}}" for n in range(1, 60)]
    assert wrong("\n".join(lines))
