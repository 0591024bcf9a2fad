"""The refs of the merge queue."""

from __future__ import annotations

import pytest

from mlops_ci.adapters import merge_queue
from mlops_ci.adapters.merge_queue import Queued


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        (f"refs/heads/gh-readonly-queue/main/pr-12-{'a' * 40}", Queued("main", 12, "a" * 40)),
        (f"gh-readonly-queue/release/1/pr-3-{'0' * 40}", Queued("release/1", 3, "0" * 40)),
        ("refs/heads/main", None),
        ("refs/heads/gh-readonly-queue/main/pr-x-abc", None),
    ],
)
def test_the_merge_queue_s_refs(ref: str, expected: Queued | None) -> None:
    assert merge_queue.queued(ref) == expected
