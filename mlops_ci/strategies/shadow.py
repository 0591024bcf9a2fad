"""Strategy: the release gets copies of the requests first, and its answers are dropped."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from mlops_ci.rollout import Rollout, Served
from mlops_ci.strategies.steps import Steps


class Options(BaseModel):
    """How many requests are copied, and what follows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mirror: int = Field(default=100, ge=1, le=100, description="The percent of requests that are copied.")
    then: Steps = Field(
        default=(),
        max_length=20,
        description="The percents of requests it answers after that, as a canary; default: all at once.",
    )


def advance(live: Rollout, release: Served, options: Options) -> Rollout:
    """First the mirror, then the shares of ``then``, then the whole."""
    if release.is_same(live.stable) and live.is_idle:
        return live
    if live.stable is None or release.is_same(live.stable):
        return Rollout(stable=release)
    if not release.is_same(live.candidate) or live.is_idle:
        return Rollout(stable=live.stable, candidate=release, mirror=options.mirror)
    larger = next((step for step in options.then if step > live.traffic), None)
    if larger is None:
        return Rollout(stable=release)
    return Rollout(stable=live.stable, candidate=release, traffic=larger)
