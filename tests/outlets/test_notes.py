"""Trouble is one line, with what mends it; a hint is said once."""

from __future__ import annotations

import pytest

from mlops_ci.errors import ConfigError, ToolError
from mlops_ci.outlets.notes import Notes, reason


def failing(error: Exception) -> int:
    raise error


def test_what_works_says_nothing(notes: Notes, said: list[str]) -> None:
    assert (notes.tried("x", lambda: 5), said) == (5, [])


def test_message_and_hint_are_shown_and_the_hint_once(notes: Notes, said: list[str]) -> None:
    for name in ("one", "two"):
        assert notes.tried(f"{name} failed", lambda: failing(ToolError("no\nnetwork", "plug it in"))) is None
    notes.failed("three failed", ConfigError("bad"))
    assert said == [
        "note: one failed: no network",
        "  → plug it in",
        "note: two failed: no network",
        "note: three failed: bad",
    ]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ToolError("refused", "hint"), "refused"),
        (OSError(28, "No space left on device"), "[Errno 28] No space left on device"),
        (KeyError("a"), "a bug of ours, please report it: KeyError('a') in test_notes.py:12"),
    ],
)
def test_what_an_error_says(error: Exception, words: str) -> None:
    with pytest.raises(type(error)) as caught:
        failing(error)
    assert reason(caught.value) == words
