"""Metrics files: every number found, everything else named, nothing dropped in silence."""

from __future__ import annotations

import time

import pytest

from mlops_ci.collect import values
from mlops_ci.collect.values import UnreadableError, Values, parse


@pytest.mark.parametrize(
    ("path", "raw", "numbers"),
    [
        ("m.json", b'{"acc": 0.9, "by": {"pos": 1}, "ok": true}', {"acc": 0.9, "by.pos": 1.0, "ok": 1.0}),
        ("m.json", b'\xef\xbb\xbf{"acc": 0.5}', {"acc": 0.5}),
        ("m.json", b"0.25", {"": 0.25}),
        ("m.yaml", b"acc: 0.9\nby:\n  pos: 2\n", {"acc": 0.9, "by.pos": 2.0}),
        ("m.yml", b"1: 0.5\n", {"1": 0.5}),
        ("m.toml", b"[test]\nacc = 0.75\n", {"test.acc": 0.75}),
        ("m.json", b'{"name": "churn", "acc": 1}', {"acc": 1.0}),
        ("m.json", b'{"per_class": [0.1, 0.2]}', {"per_class.0": 0.1, "per_class.1": 0.2}),
        ("m", b'{"acc": 0.5}', {"acc": 0.5}),
    ],
)
def test_numbers_by_dotted_key(path: str, raw: bytes, numbers: dict[str, float]) -> None:
    assert parse(raw, path) == Values(numbers)


def test_nan_infinity_and_null_are_named() -> None:
    raw = b'{"a": NaN, "b": Infinity, "c": -Infinity, "d": null, "e": 1}'
    assert parse(raw, "m.json") == Values(
        {"e": 1.0}, {"a": "NaN", "b": "Infinity", "c": "Infinity", "d": "null"}
    )


def test_an_integer_too_large_for_a_float_is_infinite() -> None:
    assert parse(b'{"a": 1' + b"0" * 400 + b"}", "m.json").broken == {"a": "Infinity"}


def test_a_long_list_is_noted() -> None:
    found = parse(b'{"losses": [' + b",".join([b"1"] * 400) + b'], "acc": 1}', "m.json")
    assert found.numbers == {"acc": 1.0}
    assert found.notes == (
        "losses is a list of 400 items, which is no metric: write a number that sums it up",
    )


def test_too_many_numbers_are_cut_and_said() -> None:
    raw = ("{" + ",".join(f'"k{n}": {n}' for n in range(600)) + "}").encode()
    found = parse(raw, "m.json")
    assert len(found.numbers) == values.MAX_METRICS
    assert found.notes == ("has more than 500 numbers; the rest is left out",)


@pytest.mark.parametrize(
    ("path", "raw", "message"),
    [
        ("m.json", b"", "is empty"),
        ("m.json", b" \n", "is empty"),
        ("m.json", b"{", "is not JSON: line 1: Expecting property name enclosed in double quotes"),
        ("m.json", b"\xff\xfe", "is not UTF-8 text (byte 0)"),
        ("m.json", b"[1, 2]", "holds a list, not a mapping of metric names to numbers"),
        ("m.json", b'"x"', "holds text, not a mapping of metric names to numbers"),
        ("m.json", b"null", "holds nothing, not a mapping of metric names to numbers"),
        ("m.yaml", b"a: [1\n", "is not YAML: line 2: "),
        ("m.yaml", b"a: \x00", "cannot be read: "),
        ("m.toml", b"a =", "is not TOML: Invalid value (at end of document)"),
        ("m.json", b"[" * 100_000, "cannot be read: "),
        ("m.json", b'{"a": ' + b"1" * 5_000 + b"}", "cannot be read: Exceeds the limit (4300 digits)"),
        ("m.json", b'{"a":' * 60 + b"1" + b"}" * 60, "is nested deeper than 50 levels, or holds itself"),
        ("m.toml", b"a." * 60 + b"a = 1", "is nested deeper than 50 levels, or holds itself"),
        ("m.toml", b"a = " + b"1" * 5_000, "cannot be read: Exceeds the limit (4300 digits)"),
        ("m.yaml", b"[" * 200_000, "is nested deeper than 50 levels, or holds itself"),
        ("m.yaml", b"a: 2001-99-99", "cannot be read: month must be in 1..12"),
        ("m.yaml", b"a: !!bool perhaps", "cannot be read: "),
        ("m.yaml", b"a: !!timestamp soon", "cannot be read: "),
        ("m.yaml", b"a: &a {x: *a}", "is nested deeper than 50 levels, or holds itself"),
        ("m.yaml", b"a: &a [" + b"*a, " * 90_000 + b"]", "has more than 100,000 values"),
        ("m.yaml", b"a: 1" + b":1" * 1_000_000, "line 1: has a number of 2,000,001 digits"),
        ("m.yaml", b"---\n# nothing\n", "holds nothing, not a mapping of metric names to numbers"),
    ],
)
def test_unreadable_files_say_why(path: str, raw: bytes, message: str) -> None:
    with pytest.raises(UnreadableError) as error:
        parse(raw, path)
    assert str(error.value).startswith(message)


def bomb(first: str, level: str) -> bytes:
    """Nine levels, each nine aliases of the one before."""
    lines = [f"l0: &l0 {first}"]
    for depth in range(1, 10):
        lines.append(f"l{depth}: &l{depth} " + level.format(", ".join([f"*l{depth - 1}"] * 9)))
    return "\n".join(lines).encode()


@pytest.mark.parametrize("raw", [bomb("{x: 1}", "[{}]"), bomb("{x: 1}", "{{<<: [{}]}}")])
def test_aliases_are_counted_before_they_are_followed(raw: bytes) -> None:
    start = time.perf_counter()
    with pytest.raises(UnreadableError, match="has more than 100,000 values"):
        parse(raw, "m.yaml")
    assert time.perf_counter() - start < 1


def test_an_alias_is_no_mistake() -> None:
    assert parse(b"a: &a {x: 1}\nb: *a\nc: {<<: *a, y: 2}\n", "m.yaml").numbers == {
        "a.x": 1.0,
        "b.x": 1.0,
        "c.x": 1.0,
        "c.y": 2.0,
    }


def test_half_a_character_is_replaced() -> None:
    raw = rb'{"\ud800": 1, "by": {"a\udfff": 2}, "names": ["\ud800", 3], "\ud83d\ude42": 4}'
    assert parse(raw, "m.json").numbers == {"?": 1.0, "by.a?": 2.0, "🙂": 4.0}


def test_ten_megabytes_are_refused_before_they_are_parsed() -> None:
    with pytest.raises(UnreadableError, match=r"is 10\.0 MB; a metrics file may have 5 MB"):
        parse(b"x" * 10_000_000, "m.json")
