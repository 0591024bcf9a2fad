"""What this machine has for stages to share: CPUs, memory, GPUs."""

from __future__ import annotations

import os

from mlops_ci.pipeline import Capacity


def capacity(jobs: float | None = None) -> Capacity:
    """What there is; ``jobs`` is said to be the number of CPUs, where it is given."""
    return Capacity(cpu=jobs or len(os.sched_getaffinity(0)))
