"""Strategy: the release is deployed beside the live one, then all requests go to it at once."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from mlops_ci.rollout import Rollout, Served


class Options(BaseModel):
    """There is nothing to choose."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def advance(live: Rollout, release: Served, _options: Options) -> Rollout:
    """First the release stands idle beside the live one, then it is the live one."""
    if release.is_same(live.stable) and live.is_idle:
        return live
    waits = release.is_same(live.candidate) and live.is_idle
    if live.stable is None or waits or release.is_same(live.stable):
        return Rollout(stable=release)
    return Rollout(stable=live.stable, candidate=release)
