"""Whether a release is live and healthy, by whoever the configuration says knows it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from mlops_ci.promotion.world import Live

if TYPE_CHECKING:
    from mlops_ci.promoting.looking import Ground


def told(ground: Ground, live: Live, now: datetime) -> Live:
    """The target with what its health source says; without one a soak counts from the merge."""
    source = ground.config.environments[live.environment].health
    if source is None or live.record is None:
        return live
    return replace(live, health=live.health)
