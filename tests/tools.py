"""What a test does without a tool: it skips and says why, or fails where CI has promised the tool."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def without(tool: str, reason: str) -> NoReturn:
    """Skip, or fail where MLOPS_CI_TEST_NEEDS names the tool."""
    if tool in os.environ.get("MLOPS_CI_TEST_NEEDS", "").split():
        pytest.fail(f"{tool} is needed here: {reason}")
    pytest.skip(reason)
