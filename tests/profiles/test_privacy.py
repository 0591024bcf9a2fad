"""Labels of values: shown where allowed, hashed elsewhere, never more than 40 characters."""

from __future__ import annotations

import pytest

from mlops_ci.profiles.privacy import Privacy


@pytest.mark.parametrize(
    ("privacy", "column", "expected"),
    [
        (Privacy(), "SEX", False),
        (Privacy(show_values=True), "SEX", True),
        (Privacy(show_values=True, sensitive=("SEX",)), "SEX", False),
        (Privacy(show_values=True, sensitive=("S*",)), "SEX", False),
        (Privacy(show_values=True, sensitive=("sex",)), "SEX", True),
        (Privacy(show_values=("SEX",)), "SEX", True),
        (Privacy(show_values=("SEX",)), "RACE", False),
        (Privacy(show_values=("S*",)), "SEX", False),
        (Privacy(show_values=("SEX",), sensitive=("SEX",)), "SEX", False),
        (Privacy(show_values=True, sensitive=("[odd]",)), "[odd]", False),
    ],
)
def test_which_columns_are_shown(privacy: Privacy, column: str, expected: bool) -> None:
    assert privacy.shows(column) is expected


def test_a_hidden_value_is_a_short_stable_hash_of_column_and_value() -> None:
    privacy = Privacy()
    assert privacy.label("SEX", "1") == "#34e93f"
    assert privacy.label("SEX", "2") != privacy.label("SEX", "1")
    assert privacy.label("RACE", "1") != privacy.label("SEX", "1")
    assert privacy.label("a", "bc") != privacy.label("ab", "c")
    assert len(privacy.label("a\ud800", "x" * 1000)) == 7


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("north", "north"),
        ("x" * 40, "x" * 40),
        ("x" * 41, "x" * 39 + "…"),
        ("a\x1b[31mb", "a\ufffd[31mb"),
        ("a\u202eb\nc\u2028d", "a\ufffdb\ufffdc\ufffdd"),
        ("a\u00a0b", "a b"),
        ("\ud800", "\ufffd"),
        ("", "(empty)"),
        ("  ", "(blank)"),
    ],
)
def test_a_shown_value_is_printable_and_short(value: str, expected: str) -> None:
    assert Privacy(show_values=True).label("c", value) == expected
