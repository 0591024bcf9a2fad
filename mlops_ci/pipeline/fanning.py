"""Which stages go to runners of their own: rounds of parts that know nothing of each other (pure)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """Stages that one job runs, in order; ``runner`` is the label it needs, empty for the usual one.

    ``id`` is safe as the name of an artifact. ``seconds`` is what it took last time, where that is known.
    ``after`` are the parts of earlier rounds whose outputs it reads.
    """

    id: str
    stages: tuple[str, ...]
    runner: str = ""
    seconds: float | None = None
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fan:
    """How a run is spread over runners: rounds one after the other, the parts of a round at once.

    ``rest`` are the stages that the last job, which judges, runs itself. Without rounds that is everything:
    ``why`` says why spreading would not pay, or why it does. ``alone`` and ``spread`` are the seconds that
    the run would take on one runner and on several, where the durations are known.
    """

    rounds: tuple[tuple[Part, ...], ...] = ()
    rest: tuple[str, ...] = ()
    why: str = ""
    alone: float | None = None
    spread: float | None = None
