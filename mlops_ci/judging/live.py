"""A candidate against what is live: allowed drops must not add up, pull request by pull request (pure).

No predictions of a live release are at hand here, so its metrics are judged by their values. How well such a
value is known, the difference to the base tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlops_ci.evidence import LiveRelease, Status
from mlops_ci.judging import limits
from mlops_ci.judging.metric import OWN_PULL_REQUEST, Judged, Said
from mlops_ci.judging.sentences import amount, enumerated
from mlops_ci.writing.figures import distinct

_MORE = "measure on more examples, or average over more training seeds"
_KNOWN = "the base is that far from it already: mend it in a pull request of its own"
_PROMOTE = "it ends when a release that was measured on these examples is live there"


@dataclass(frozen=True)
class Rival:
    """A metric's value in one or more environments that serve the same release."""

    value: float
    releases: tuple[LiveRelease, ...]

    def worse(self, judged: Judged, value: float | None) -> float:
        """By how much a value of the metric is worse than this one, in the metric's own unit."""
        if value is None:
            return 0.0
        return self.value - value if judged.direction == "higher" else value - self.value

    def allowed(self, judged: Judged) -> float:
        """How much worse it may be; a percentage is one of the live value."""
        return limits.allowed_drop(judged.limit, self.value)

    def excess(self, judged: Judged) -> float:
        """How much of the drop is not allowed; 0 where all of it is."""
        drop, allowed = self.worse(judged, judged.metric.head), self.allowed(judged)
        return drop - allowed if limits.drop_exceeds(drop, allowed) else 0.0


def of_metric(judged: Judged, live: Sequence[LiveRelease], noise: float = 0.0) -> Iterator[Said]:
    """What the live releases say of a metric with an allowed drop, the largest excess first.

    ``noise`` is half of the interval of its difference to the base, 0 where it has none: the same examples
    do not tell a difference to the live release better.
    """
    broken = [one for one in _rivals(judged, live) if one.excess(judged)]
    for rival in sorted(broken, key=lambda one: one.excess(judged), reverse=True):
        yield _fallen(judged, rival, noise)


def of_model(judged: Sequence[Judged], live: Sequence[LiveRelease]) -> Iterator[tuple[str, Said]]:
    """What is to say of live releases as wholes, with a subject each; nothing where no drop is limited."""
    if not any(map(_is_asked, judged)):
        return
    for release in live:
        if said := _not_compared(release):
            yield f"live in {release.environment}", said
    rivals = [rival for one in judged for rival in _rivals(one, live)]
    if rivals and not any(said for one in judged for said in of_metric(one, live)):
        places = dict.fromkeys(release.environment for rival in rivals for release in rival.releases)
        where = enumerated(list(places))
        yield (
            "live",
            Said(Status.PASS, f"No metric is worse than what is live in {where} by more than is allowed."),
        )


def _is_asked(judged: Judged) -> bool:
    limited = judged.limit.max_drop is not None and judged.direction is not None
    return limited and judged.metric.head is not None


def _rivals(judged: Judged, live: Sequence[LiveRelease]) -> list[Rival]:
    """The values to keep up with, each release once however many environments serve it."""
    known = {one.environment: one for one in live if not one.other_examples}
    found: dict[tuple[str, float], list[LiveRelease]] = {}
    for one in judged.metric.live if _is_asked(judged) else ():
        if release := known.get(one.environment):
            found.setdefault((release.digest, one.value), []).append(release)
    return [Rival(value, tuple(releases)) for (_, value), releases in found.items()]


def _fallen(judged: Judged, rival: Rival, noise: float) -> Said:
    """A drop that is not allowed; where the base has it already and nothing is added to it, a warning."""
    metric, drop = judged.metric, rival.worse(judged, judged.metric.head)
    now, then = distinct([metric.head or 0.0, rival.value])
    side, move = ("below", "drop") if judged.direction == "higher" else ("above", "rise")
    facts = ", ".join(filter(None, (then, rival.releases[0].name)))
    allowed = rival.allowed(judged)
    said = (
        f"{metric.name} is {now}, {amount(drop)} {side} the live release of {_places(rival)} ({facts}); "
        f"a {move} of at most {amount(allowed)} is allowed"
    )
    if rival.excess(judged) <= noise:
        rest = f"the rest may be noise (the difference to the base is known to \u00b1{amount(noise)})"
        return Said(Status.INCONCLUSIVE, f"{said}, and {rest}.", _MORE)
    before = rival.worse(judged, metric.base)
    if limits.drop_exceeds(before, allowed) and drop <= before:
        return Said(Status.WARN, f"{said}.", _KNOWN)
    return Said(Status.FAIL, f"{said}.", OWN_PULL_REQUEST)


def _places(rival: Rival) -> str:
    return enumerated([release.environment for release in rival.releases])


def _not_compared(release: LiveRelease) -> Said | None:
    place = release.environment
    if release.unknown:
        return Said(Status.SKIP, f"The live release of {place} is not compared with: {release.unknown}.")
    if release.other_examples:
        said = f"Drops against the live release of {place} are not judged: {release.other_examples}."
        return Said(Status.INCONCLUSIVE, said, _PROMOTE)
    return None
