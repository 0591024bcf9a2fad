"""Unit: the hidden marker of a report, written and read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_ci.report.marker import MARKER, Marker, marker, read_marker

NOON, LATER = "2026-11-21T12:00:00Z", "2026-11-21T12:00:00.5+00:00"


def made(created: str) -> Marker:
    return Marker(title="", commit="", digest="", created=created)


def test_it_is_one_readable_line() -> None:
    expected = f"{MARKER} title=train%20%5Ba%5D commit=abc evidence=sha256:1f created={NOON} -->"
    assert expected == marker("train [a]", commit="abc", digest="sha256:1f", created=NOON)


@given(st.text(), st.text())
def test_what_is_written_is_read_back(title: str, commit: str) -> None:
    line = marker(title, commit=commit, digest="sha256:1f", created=NOON)
    # A lone surrogate has no UTF-8 form; it comes back as a question mark.
    sent = tuple(part.encode(errors="replace").decode() for part in (title, commit))
    assert Marker(sent[0], sent[1], digest="sha256:1f", created=NOON) == read_marker(f"{line}\nbody")
    assert "--" not in line.removeprefix("<!--").removesuffix("-->")


@pytest.mark.parametrize(
    "body", ["", "hello", f"a log:\n{marker()}\n", marker().replace("title", "name"), "<!-- other -->"]
)
def test_anything_else_is_no_report(body: str) -> None:
    assert read_marker(body) is None


def test_newer_by_time_not_by_text() -> None:
    assert made(LATER).newer_than(made(NOON))
    assert not made(NOON).newer_than(made(LATER))
    assert made("2026-11-21T12:00:01").newer_than(made(NOON))


def test_without_a_time_it_never_wins() -> None:
    assert not made("soon").newer_than(made(NOON))
    assert made(NOON).newer_than(made("soon"))
