"""Metrics files: every number found, everything else named, nothing dropped in silence."""

from __future__ import annotations

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
    ],
)
def test_unreadable_files_say_why(path: str, raw: bytes, message: str) -> None:
    with pytest.raises(UnreadableError) as error:
        parse(raw, path)
    assert str(error.value).startswith(message)


def test_ten_megabytes_are_refused_before_they_are_parsed() -> None:
    with pytest.raises(UnreadableError, match=r"is 10\.0 MB; a metrics file may have 5 MB"):
        parse(b"x" * 10_000_000, "m.json")
