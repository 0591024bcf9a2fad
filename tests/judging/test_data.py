"""How a broken rule is told to be mended."""

from __future__ import annotations

import pytest

from mlops_ci.evidence import DataRule
from mlops_ci.judging import data


@pytest.mark.parametrize(
    ("expected", "found", "hint"),
    [
        (
            "boolean",
            "integer",
            "0 and 1 are no true and false: write them so, or say `type: integer, allowed: [0, 1]` of paid in the"
            " schema",
        ),
        (
            "integer",
            "boolean",
            "true and false are no 0 and 1: write them so, or say `type: boolean` of paid in the schema",
        ),
    ],
)
def test_what_reads_alike_is_told_how_to_be_written(expected: str, found: str, hint: str) -> None:
    rule = DataRule.model_validate(
        {"column": "paid", "rule": "type", "ok": False, "failing": 9, "expected": expected, "found": found}
    )
    assert data.hint(rule) == hint
