"""What a test does without a tool: it skips and says why, or fails where CI has promised the tool."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

# Read when tests are collected: while they run, nothing of the machine's environment that begins with MLOPS_CI_ is left.
PROMISED = frozenset(os.environ.get("MLOPS_CI_TEST_NEEDS", "").split())


def without(tool: str, reason: str, promised: frozenset[str] = PROMISED) -> NoReturn:
    """Skip, or fail where MLOPS_CI_TEST_NEEDS names the tool."""
    if tool in promised:
        pytest.fail(f"{tool} is needed here: {reason}")
    pytest.skip(reason)
