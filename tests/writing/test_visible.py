"""Unit: foreign text is seen as it is, and steers nothing."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_ci.writing import visible
from mlops_ci.writing.visible import GONE

FAMILY = "\U0001f469\u200d\U0001f469"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a\r\nb\tc\u2028d\x0be", "a b c d e"),
        (" kept ", " kept "),
        ("\x1b[31mred\x1b[0m\x1b]0;title\x07", "red"),
        ("a\u202eb\x00c\u200bd\ufeffe\U000e0041", f"a{GONE}b{GONE}c{GONE}d{GONE}e{GONE}"),
        ("acc\u200duracy \u200c", f"acc{GONE}uracy {GONE}"),
        (FAMILY, FAMILY),
        (
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        ),
        ("a\u3164b\u034fc\uffa0\U000e0100", f"a{GONE}b{GONE}c{GONE}{GONE}"),
        ("\ud800", GONE),
        (3, "3"),
    ],
)
def test_one_line(value: object, expected: str) -> None:
    assert visible.one_line(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a\n\tb\r\nc\n", "a\n\tb\nc\n"),
        ("a\rb\x1b[2Jc\x08", f"a{GONE}bc{GONE}"),
        ("\u2066::error::x", f"{GONE}::error::x"),
    ],
)
def test_lines_stay_lines(value: str, expected: str) -> None:
    assert visible.lines(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1 %\r50 %\r100 %\r", "100 %"), ("\x1b[1ma\tb\u202e", f"a\tb{GONE}"), ("", "")],
)
def test_a_progress_bar_is_told_by_its_last_state(value: str, expected: str) -> None:
    assert visible.last_state(value) == expected


@given(st.text())
def test_nothing_hidden_is_left(value: str) -> None:
    for text in (visible.one_line(value), visible.lines(value), visible.last_state(value)):
        left = {unicodedata.category(one) for one in text if one not in "\n\t\u200c\u200d"}
        assert not left & {"Cc", "Cf", "Cs"}
