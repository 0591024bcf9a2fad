"""Strategy: the release takes over at once."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from mlops_ci.rollout import Rollout, Served


class Options(BaseModel):
    """There is nothing to choose."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def advance(live: Rollout, release: Served, _options: Options) -> Rollout:
    """One step: the release is stable, and nothing else gets a request."""
    if release.is_same(live.stable) and live.is_idle:
        return live
    return Rollout(stable=release)
