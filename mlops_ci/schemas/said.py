"""What a rule expects and what was found, in words; values only where they may be shown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from mlops_ci.evidence import DataRule
from mlops_ci.schemas import types
from mlops_ci.schemas.shape import ColumnRules, Rows
from mlops_ci.schemas.values import Column, Counts
from mlops_ci.writing.figures import percent

# A value in fewer rows than this may tell of a single person, so it is never shown.
RARE = 5
_NAMED = 5
_LONG = 60
_FUTURE = timedelta(days=1)


def count(number: int, noun: str) -> str:
    """A number with its noun: ``1 row``, ``2,000 rows``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def short(text: str) -> str:
    """A text of at most 60 printable characters."""
    plain = "".join(c if c.isprintable() else "�" for c in text)
    return plain if len(plain) <= _LONG else plain[: _LONG - 1] + "…"


def rows(limits: Rows) -> str:
    """How many rows there should be."""
    if limits.max is None:
        return f"at least {count(limits.min, 'row')}"
    return f"{limits.min:,} to {count(limits.max, 'row')}"


def type_rule(name: str, column: Column) -> DataRule:
    """Whether the column's type is the schema's, and how many values keep a text from being it."""
    expected, found, counts = column.rules.type, column.found, column.counts
    if column.maybe_whole:
        whole = not counts.broken and counts.nulls > 0
        words = (
            f"number; {count(counts.broken, 'value')} of {counts.rows:,} not whole"
            if counts.broken
            else "number"
        )
        return DataRule(
            rule="type",
            column=name,
            ok=whole,
            failing=None if whole else counts.broken or counts.rows,
            expected=expected,
            found="whole numbers beside missing ones" if whole else words,
        )
    if types.fits(expected, found):
        return DataRule(rule="type", column=name, ok=True, expected=expected, found=found)
    failing, words = counts.rows, found
    if found == "text" and counts.unreadable:
        failing = counts.unreadable
        words = f"text; {count(failing, 'value')} of {counts.rows:,} cannot be read as {expected}"
    elif found == "text":
        words = f"text, though every value can be read as {expected}"
    return DataRule(rule="type", column=name, ok=False, failing=failing, expected=expected, found=words)


def nulls(name: str, most: float, counts: Counts) -> DataRule:
    """Whether no more values are missing than may be."""
    share = counts.null_share
    expected = "no missing values" if not most else f"at most {percent(most)} % missing"
    return DataRule(
        rule="nulls",
        column=name,
        ok=share <= most,
        failing=counts.nulls,
        expected=expected,
        found=f"{percent(share)} % missing" if counts.nulls else "none missing",
        value=share,
    )


def finite(name: str, counts: Counts) -> DataRule:
    """Whether all numbers are finite."""
    infinite = counts.infinite
    return DataRule(
        rule="finite",
        column=name,
        ok=not infinite,
        failing=infinite,
        expected="finite numbers",
        found=f"{count(infinite, 'infinite value')}" if infinite else "only such",
    )


def in_range(name: str, rules: ColumnRules, counts: Counts, *, shows: bool) -> DataRule:
    """Whether all values lie in their range; values outside that are not rare are named where allowed.

    The furthest outside are not: each of them is the value of one row.
    """
    failing = counts.failing["range"]
    found = f"{count(failing, 'value')} outside" if failing else "none outside"
    often = [(value, times) for value, times in counts.outside.most_common(_NAMED) if times >= RARE]
    if shows and often:
        found += ": " + ", ".join(f"{short(value)} in {count(times, 'row')}" for value, times in often)
    return DataRule(
        rule="range", column=name, ok=not failing, failing=failing, expected=bounds(rules), found=found
    )


def bounds(rules: ColumnRules) -> str:
    """A range: ``0 to 99``, ``at least 0``, ``at most 99``."""
    if rules.max is None:
        return f"at least {rules.min}"
    return f"at most {rules.max}" if rules.min is None else f"{rules.min} to {rules.max}"


def allowed(
    name: str, rules: ColumnRules, counts: Counts, *, shows: bool, label: Callable[[str, str], str]
) -> DataRule:
    """Whether all values are allowed ones; strange values that are not rare are named by their label."""
    failing, values = counts.failing["allowed"], rules.allowed or ()
    expected = f"one of {count(len(values), 'value')}"
    if shows and len(values) <= 2 * _NAMED:
        expected = "one of " + ", ".join(short(str(value)) for value in values)
    return DataRule(
        rule="allowed",
        column=name,
        ok=not failing,
        failing=failing,
        expected=expected,
        found=_strange(name, counts, label) if failing else "only such",
    )


def _strange(name: str, counts: Counts, label: Callable[[str, str], str]) -> str:
    often = [(value, times) for value, times in counts.strange.most_common() if times >= RARE]
    parts = [f"{label(name, value)} in {count(times, 'row')}" for value, times in often[:_NAMED]]
    rest = counts.failing["allowed"] - sum(times for _, times in often[:_NAMED])
    if rest:
        parts.append(f"{'other values' if parts else 'rare values'} in {count(rest, 'row')}")
    return ", ".join(parts)


def fresh(column: str, age: timedelta | None, within: timedelta) -> DataRule:
    """Whether the newest row is young enough, and not of the future."""
    expected = f"the newest at most {days(within)} old"
    if age is None:
        return DataRule(rule="fresh", column=column, ok=False, expected=expected, found="no date at all")
    future = age < -_FUTURE
    found = f"the newest is {days(-age)} in the future" if future else f"the newest is {days(age)} old"
    return DataRule(
        rule="fresh", column=column, ok=age <= within and not future, expected=expected, found=found
    )


def days(span: timedelta) -> str:
    """A span of time in days or hours: ``3.5 days``, ``2 hours``."""
    hours = max(0.0, span.total_seconds() / 3600)
    amount, unit = (hours / 24, "day") if hours >= 48 else (hours, "hour")
    shown = f"{amount:.1f}".removesuffix(".0")
    return f"{shown} {unit}{'' if shown == '1' else 's'}"
