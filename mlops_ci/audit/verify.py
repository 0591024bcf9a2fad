"""The chain from the live manifest to the code and the data, every link of every target (pure)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mlops_ci.audit import approvals, claims, links, manifests, origin, trails
from mlops_ci.audit.approvals import Asked
from mlops_ci.audit.history import History, Target
from mlops_ci.audit.links import Link, Status, Unseen
from mlops_ci.audit.manifests import Manifest
from mlops_ci.audit.origin import Origin
from mlops_ci.audit.trails import Trail
from mlops_ci.promotion.record import Merge

# The order in which links stand: from what is live to where it comes from.
ORDER = (
    *("history", "manifest", "record", "log", "append-only", "edits", "trailers", "approvals"),
    *("evidence", "lock", "model", "remote", "data", "code", "reproduction", "earlier"),
)


@dataclass(frozen=True)
class World:
    """Everything that a verification looks at; ``merges`` is what the forge says by a record's path.

    ``every``: the releases that are no longer live are looked at too.
    """

    history: History
    manifests: Mapping[Target, Manifest] = field(default_factory=dict)
    origins: Mapping[str, Origin] = field(default_factory=dict)
    asked: Mapping[Target, Asked] = field(default_factory=dict)
    merges: Mapping[str, Merge | Unseen] = field(default_factory=dict)
    every: bool = False


@dataclass(frozen=True)
class Chain:
    """All links, by target and then by their order; the trails they are of."""

    trails: tuple[Trail, ...]
    links: tuple[Link, ...]

    @property
    def counts(self) -> Mapping[Status, int]:
        """How many links there are of each status."""
        return links.counted(self.links)

    @property
    def is_broken(self) -> bool:
        """Whether a link is broken; what nobody can tell breaks nothing."""
        return bool(self.counts["broken"])


def verify(world: World, found: Sequence[Trail], wanted: Callable[[Target], bool] = lambda _: True) -> Chain:
    """Check every link of the targets that are wanted; ``found`` are all, for manifests may be shared."""
    history = world.history
    made: list[Link] = []
    asked = tuple(trail for trail in found if wanted(trail.target))
    for trail in asked:
        made += trails.check(history, trail)
        made += manifests.live(history, trail, world.manifests.get(trail.target))
        made += approvals.check(trail, world.asked.get(trail.target, Asked()), world.merges)
        made += origin.check(trail, world.origins, every=world.every)
    made += manifests.edits(history, found, world.manifests)
    made += claims.check(history, found)
    if history.shallow:
        said = "this clone's history is cut off, so what came before is not seen: fetch it (fetch-depth: 0)"
        made.append(Link("", "", "history", "unknown", said))
    targets = {trail.target for trail in asked} | {("", "")}
    kept = [link for link in made if (link.environment, link.model) in targets]
    kept.sort(key=lambda link: (link.environment, link.model, ORDER.index(link.name)))
    return Chain(asked, tuple(kept))
