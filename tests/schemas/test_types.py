"""The words for types, and which fit."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from mlops_ci.schemas import types


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (pa.int8(), "integer"),
        (pa.uint64(), "integer"),
        (pa.float32(), "number"),
        (pa.decimal128(9, 2), "decimal"),
        (pa.bool_(), "boolean"),
        (pa.string(), "text"),
        (pa.large_string(), "text"),
        (pa.string_view(), "text"),
        (pa.dictionary(pa.int32(), pa.string()), "text"),
        (pa.dictionary(pa.int8(), pa.int64()), "integer"),
        (pa.date32(), "date"),
        (pa.date64(), "date"),
        (pa.timestamp("us"), "timestamp"),
        (pa.timestamp("ns", "Europe/Berlin"), "timestamp with zone"),
        (pa.time64("us"), "time of day"),
        (pa.duration("s"), "duration"),
        (pa.binary(), "binary"),
        (pa.binary(4), "binary"),
        (pa.list_(pa.int8()), "list"),
        (pa.large_list(pa.int8()), "list"),
        (pa.struct([("a", pa.int8())]), "struct"),
        (pa.map_(pa.string(), pa.int8()), "map"),
        (pa.null(), "empty"),
        (pa.month_day_nano_interval(), "month_day_nano_interval"),
    ],
)
def test_word(kind: Any, word: str) -> None:
    assert types.word(kind) == word


@pytest.mark.parametrize(
    ("expected", "found", "answer"),
    [
        ("text", "text", True),
        ("number", "integer", True),
        ("integer", "number", False),
        ("text", "integer", False),
        ("timestamp with zone", "timestamp", False),
        ("date", "empty", True),
    ],
)
def test_fits(expected: str, found: str, answer: bool) -> None:
    assert types.fits(expected, found) is answer
