"""Unit: numbers, sizes, durations and curves as a report writes them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_ci.evidence import Scalar
from mlops_ci.writing import figures


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.90312, "0.9031"),
        (0.9, "0.9000"),
        (1, "1"),
        (0.0, "0"),
        (-0.0, "0"),
        (-0.5, "−0.5000"),
        (12_345.0, "12,345"),
        (12_345.678, "12,346"),
        (1_234.56, "1,235"),
        (0.000012, "1.2e-05"),
        (-3.0e13, "−3e+13"),
        (float("inf"), "inf"),
        (float("-inf"), "−inf"),
    ],
)
def test_number(value: float, expected: str) -> None:
    assert expected == figures.number(value)


@pytest.mark.parametrize(
    ("amount", "expected"),
    [(0.84, "0.84"), (1234.5, "1,234.50"), (0.0, "0.00"), (0.006, "0.0060"), (0.01, "0.01"), (7.0, "7.00")],
)
def test_money(amount: float, expected: str) -> None:
    assert figures.money(amount) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0031, "+0.0031"),
        (-0.031, "−0.031"),
        (0.0, "0"),
        (2e-5, "+2e-05"),
        (1_500, "+1,500"),
        (0.1 + 0.2, "+0.3"),
    ],
)
def test_change(value: float, expected: str) -> None:
    assert expected == figures.change(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(812, "812 B"), (1_200_000, "1.2 MB"), (999_990, "1 MB"), (3 * 10**15, "3 PB"), (10**19, "10000 PB")],
)
def test_size(value: int, expected: str) -> None:
    assert expected == figures.size(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.41, "0.4 s"),
        (41, "41 s"),
        (59.7, "1 min"),
        (72, "1 min 12 s"),
        (3_599.9, "1 h"),
        (7_500, "2 h 5 min"),
    ],
)
def test_duration(value: float, expected: str) -> None:
    assert expected == figures.duration(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.4, "0.4"), (True, "true"), (None, "null"), ("adam", "adam"), ("", '""'), (10**20, "1" + "0" * 20)],
)
def test_scalar(value: Scalar, expected: str) -> None:
    assert expected == figures.scalar(value)


def test_small_words() -> None:
    assert figures.count(-12_345) == "−12,345"
    assert (figures.percent(0.95), figures.percent(0.999)) == ("95", "99.9")
    assert (
        figures.short("abcdef0123456789"),
        figures.short("sha256:abcdef0123456789"),
    ) == ("abcdef01", "sha256:abcdef012345")
    assert (figures.axis(1.2e-06), figures.axis(-3.0)) == ("0.0000012", "-3")


def test_a_curve_on_a_grid_is_interpolated_and_held_flat_outside() -> None:
    assert figures.resampled([(3, 3), (1, 1)], 0, 4, 5) == (1.0, 1.0, 2.0, 3.0, 3.0)


def test_span() -> None:
    assert figures.span([(0.0, 1.0)], [(3.0, 2.0)], axis=0) == (0.0, 3.0)
    assert figures.span([(0.0, 1.0)], [(3.0, 2.0)]) == (1.0, 2.0)


def test_sparkline() -> None:
    assert figures.sparkline([0, 3, 7], 0, 7) == "▁▄█"
    assert figures.sparkline([5, 5], 5, 5) == "▁▁"


def test_sparklines_share_bins_and_scale() -> None:
    assert figures.sparklines((0.2, 0.3, 0.5), (0.5, 0.3, 0.2)) == ("▄▅█", "█▅▄")
    assert figures.sparklines((), ()) == ("", "")


@pytest.mark.parametrize(
    ("at", "shares", "expected"),
    [
        (0, (1.0, 0.0), ("█▁▁▁▁▁▁▁▁▁▁▁", "▁█▁▁▁▁▁▁▁▁▁▁")),
        (0, (0.75, 0.25), ("█▃▁▁▁▁▁▁▁▁▁▁", "▃█▁▁▁▁▁▁▁▁▁▁")),
        (10, (0.75, 0.25), ("▁▁▁▁▁█▃▁▁▁▁▁", "▁▁▁▁▁▃█▁▁▁▁▁")),
        (18, (0.75, 0.25), ("▁▁▁▁▁▁▁▁▁▁█▃", "▁▁▁▁▁▁▁▁▁▁▃█")),
    ],
)
def test_neighbours_that_would_share_a_bar_are_drawn_apart(
    at: int, shares: tuple[float, float], expected: tuple[str, str]
) -> None:
    before, after = [0.0] * 20, [0.0] * 20
    before[at : at + 2], after[at : at + 2] = shares, shares[::-1]
    assert figures.sparklines(before, after) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((0.25, 12.0, -3.5), ["0.2500", "12", "−3.500"]),
        ((5.0, 5.0001), ["5", "5.0001"]),
        ((1.2341e-7, 1.2342e-7), ["1.2341e-07", "1.2342e-07"]),
        ((0.1, 0.1), ["0.1000", "0.1000"]),
        ((1.0, math.nextafter(1.0, 2.0)), ["1", "1.0000000000000002"]),
        ((1e16, 1e16 + 2), ["1e+16", "1e+16"]),
        ((), []),
    ],
)
def test_numbers_that_differ_are_told_apart(values: tuple[float, ...], expected: list[str]) -> None:
    assert figures.distinct(values) == expected


@given(st.floats(-1e300, 1e300))
def test_a_number_is_short_and_keeps_its_value(value: float) -> None:
    shown = figures.number(value)
    assert len(shown) <= 20
    assert float(shown.replace("−", "-").replace(",", "")) == pytest.approx(value, rel=6e-3)


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        (0.1, 0.4, ("0.1", "0.4")),
        ('["a", "b"]', '["a"]', ('["a", "b"]', '["a"]')),
        (
            '["a", "b", "c", "d", "e"]',
            '["a", "b", "c", "d"]',
            ('[… "e"]', "[…]"),
        ),
        ('["a", "b", "c", "d", "e"]', '["x", "b", "c", "d", "e", 1]', ('[… "a"]', '[… "x", 1]')),
        ("[1, 2, 3, 4, 5]", "[5, 4, 3, 2, 1]", ("[1, 2, 3, 4, 5]", "[5, 4, 3, 2, 1]")),
        ("[1, 2, 3, 4, 5]", "[6, 7, 8, 9, 10]", ("[1, 2, 3, 4, 5]", "[6, 7, 8, 9, 10]")),
        ("[no json", '{"a": 1}', ("[no json", '{"a": 1}')),
    ],
)
def test_of_two_long_lists_only_what_differs(old: Scalar, new: Scalar, shown: tuple[str, str]) -> None:
    assert figures.differing(old, new) == shown


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (8.5e-7, "850 ns"),
        (1.23e-5, "12.3 µs"),
        (0.00456, "4.56 ms"),
        (0.9996, "1 s"),
        (1.24, "1.2 s"),
        (72, "1 min 12 s"),
    ],
)
def test_moment(seconds: float, expected: str) -> None:
    assert expected == figures.moment(seconds)


@pytest.mark.parametrize(
    ("p", "expected"), [(0.0, "<0.001"), (0.0123, "0.012"), (0.5, "0.5"), (0.416, "0.42"), (1.0, "1")]
)
def test_chance(p: float, expected: str) -> None:
    assert expected == figures.chance(p)


def test_condensed_keeps_the_sum_and_splits_a_bin_in_proportion() -> None:
    assert figures.condensed((0.5, 0.5), 12) == (0.5, 0.5)
    assert figures.condensed((0.3, 0.3, 0.4), 2) == pytest.approx((0.45, 0.55))
    twenty = tuple(index / 190 for index in range(20))
    made = figures.condensed(twenty, 12)
    assert len(made) == 12
    assert sum(made) == pytest.approx(1.0)
    assert list(made) == sorted(made)
