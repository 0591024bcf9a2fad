"""Strategy: the release answers a growing share of the requests before it takes over."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from mlops_ci.rollout import Rollout, Served
from mlops_ci.strategies.steps import Steps


class Options(BaseModel):
    """How fast the release takes over."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: Steps = Field(
        default=(10, 50),
        min_length=1,
        max_length=20,
        description="The percents of requests, one pull request each; 100 follows by itself.",
    )


def advance(live: Rollout, release: Served, options: Options) -> Rollout:
    """The next larger share, and at the end the whole; another candidate is replaced from the start."""
    if release.is_same(live.stable) and live.is_idle:
        return live
    if release.is_same(live.stable) or (live.stable is None and not release.is_same(live.candidate)):
        return Rollout(stable=release)
    share = live.traffic if release.is_same(live.candidate) else 0
    larger = next((step for step in options.steps if step > share), None)
    # Nothing is live yet: there is nobody to share with.
    if larger is None or live.stable is None:
        return Rollout(stable=release)
    return Rollout(stable=live.stable, candidate=release, traffic=larger)
