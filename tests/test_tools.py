"""A tool that CI has promised is never skipped."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools import without


def test_a_missing_tool_skips() -> None:
    with pytest.raises(pytest.skip.Exception, match="no such thing here"):
        without("thing", "no such thing here", frozenset({"other"}))


def test_a_promised_tool_fails() -> None:
    with pytest.raises(pytest.fail.Exception, match="thing is needed here: no such thing"):
        without("thing", "no such thing", frozenset({"thing"}))


def test_the_promise_outlives_the_environment() -> None:
    """The tests' own home takes every MLOPS_CI_ variable away before the first test runs."""
    script = (
        "import os, tests.tools; del os.environ['MLOPS_CI_TEST_NEEDS']; print(sorted(tests.tools.PROMISED))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "MLOPS_CI_TEST_NEEDS": "chromium act"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "['act', 'chromium']\n"
