"""Short releases and records for tests."""

from __future__ import annotations

from typing import Any

from mlops_ci.promotion.record import Action, Named, Record, Source, State


def named(letter: str, **facts: Any) -> Named:
    """A release whose digest is one hex digit over and over."""
    told = {"uri": f"s3://models/iris/sha256-{letter * 64}/model.pkl", "commit": letter * 40, **facts}
    return Named(digest=f"sha256:{letter * 64}", **told)


def record(
    number: int,
    release: str,
    *,
    environment: str = "production",
    model: str = "iris",
    action: Action = "promote",
    before: str = "",
    after: str = "",
    candidate: str = "",
    pulls: tuple[int, ...] = (),
) -> Record:
    """A record; ``after`` is the stable release, by default the one that is promoted."""
    return Record(
        number=number,
        environment=environment,
        model=model,
        action=action,
        before=State(stable=named(before) if before else None),
        after=State(
            stable=named(after or release),
            candidate=named(candidate) if candidate else None,
            traffic=10 if candidate else 0,
        ),
        release=named(release),
        source=Source(pull_requests=pulls),
    )
