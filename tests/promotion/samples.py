"""Releases, targets and what is known of them, for the tests of promotions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from mlops_ci.promotion.context import Context, Setting, Shipped
from mlops_ci.promotion.plan import Asked, Decision, Live, Offered, Plan, Rules, Wait, World, plan
from mlops_ci.promotion.record import (
    Accepted,
    Action,
    Edit,
    Hold,
    Input,
    Judgement,
    Metric,
    Named,
    Record,
    Source,
    State,
    Step,
    Summary,
)
from mlops_ci.rollout import Release, Rollout
from mlops_ci.strategies import STRATEGIES, Strategy

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MODEL = "iris"
SETTING = Setting(base="main", tool="mlops-ci 1.0", source_url="https://github.com/acme/iris")


def release(letter: str, version: str = "", model: str = MODEL) -> Release:
    """A release whose digest is one letter."""
    return Release(
        model=model,
        digest=f"sha256:{letter * 64}",
        uri=f"s3://models/{model}/sha256-{letter * 64}/model.json",
        commit=f"{letter}1{letter}2" * 10,
        version=version,
        lock=f"sha256:{letter * 8}{'0' * 56}",
        md5=letter * 32,
        evidence=f"sha256:{letter * 4}{'1' * 60}",
    )


OLD, NEW, NEWER = release("a", "v7"), release("b", "v8"), release("c", "v9")


def state(
    stable: Release | None, candidate: Release | None = None, traffic: int = 0, mirror: int = 0
) -> State:
    """What is live, as a record says it."""
    return State(
        stable=Named.of(stable) if stable else None,
        candidate=Named.of(candidate) if candidate else None,
        traffic=traffic,
        mirror=mirror,
    )


def record(
    environment: str,
    after: State,
    *,
    before: State | None = None,
    number: int = 1,
    action: Action = "promote",
    of: Release | None = None,
    verdict: str = "passed",
    model: str = MODEL,
    **more: Any,
) -> Record:
    """A record of what is live."""
    named = Named.of(of) if of else after.candidate or after.stable
    assert named is not None
    return Record(
        number=number,
        environment=environment,
        model=model,
        action=action,
        before=before or State(),
        after=after,
        release=named,
        evidence=Summary(verdict=verdict),
        **more,
    )


def live(environment: str, said: Record | None, **more: Any) -> Live:
    """A target that serves what its record says; its record was merged two days ago."""
    found = Live(
        environment,
        said.model if said else MODEL,
        f"deploy/{environment}/{said.model if said else MODEL}.yaml",
        said.after.rollout if said else Rollout(None),
        said,
        NOW - 48 * HOUR if said else None,
    )
    return replace(found, **more)


def rules(name: str, strategy: str = "direct", **more: Any) -> Rules:
    """The rules of an environment."""
    kind: Strategy = STRATEGIES[strategy]
    options = more.pop("options", kind.Options())
    return Rules(name, kind, options, strategy, **more)


STAGING = rules("staging")
PRODUCTION = rules("production", "canary", after="staging", soak=24 * HOUR, step_soak=HOUR)


def offered(what: Release = NEW, verdict: str = "passed", problem: str = "") -> dict[str, Offered]:
    """What main offers."""
    return {what.model: Offered(what.model, what, verdict, problem)}


def planned(*targets: Live, by: Iterable[Rules] = (STAGING, PRODUCTION), **more: Any) -> Plan:
    """The plan for some targets; main offers v8 unless something else is said."""
    world = World(targets, more.pop("offers", offered()), more.pop("now", NOW), **more)
    return plan(world, {one.name: one for one in by})


def of(found: Plan, environment: str, model: str = MODEL) -> Decision | Wait:
    """What the plan says of one target."""
    every: tuple[Decision | Wait, ...] = (*found.decisions, *found.waits)
    [one] = [one for one in every if (one.environment, one.model) == (environment, model)]
    return one


def decided(*targets: Live, at: str = "production", **more: Any) -> Decision:
    """The decision about one target."""
    found = of(planned(*targets, **more), at)
    assert isinstance(found, Decision), found
    return found


def waits(*targets: Live, at: str = "production", **more: Any) -> str:
    """Why there is none."""
    found = of(planned(*targets, **more), at)
    assert isinstance(found, Wait), found
    return found.reason


def asks(action: Any, environment: str = "production", **more: Any) -> tuple[Asked, ...]:
    """What Ada asked for."""
    return (Asked(action, environment, more.pop("model", MODEL), more.pop("by", "ada"), **more),)


SUMMARY = Summary(
    digest=NEW.evidence,
    verdict="warned",
    champion=OLD.digest,
    metrics=(
        Metric(
            name="accuracy", file="metrics.json", candidate=0.942, champion=0.931, low=0.007, high=0.015,
            direction="higher",
        ),
        Metric(
            name="log_loss", file="metrics.json", candidate=0.21, champion=0.2, low=-0.01, high=0.03,
            direction="lower",
        ),
        Metric(name="rows", file="metrics.json", candidate=300, champion=300),
        Metric(name="coverage", file="metrics.json", candidate=0.5, champion=0.4),
        Metric(name="fresh", file="metrics.json", candidate=0.7),
    ),
    gates=(
        Judgement(
            gate="drift", subject="train", status="WARN",
            sentence="1 of 12 columns moved: `AGE` by 0.31 (limit 0.2).",
        ),
        Judgement(
            gate="fairness", subject="sex", status="WAIVED",
            sentence="selection rates of `sex` differ by 0.12 (limit 0.1).",
        ),
        Judgement(gate="latency", subject="serving", status="SKIP", sentence="no latency was measured."),
        Judgement(
            gate="metrics", subject="accuracy", status="PASS", sentence="accuracy 0.942 is at least 0.9."
        ),
        Judgement(gate="data", subject="train", status="PASS", sentence="all 14 rules hold."),
    ),
    waivers=(
        Accepted(finding="iris/fairness.sex", owner="@grace", reason="being mended", until="2026-12-12"),
    ),
)  # fmt: skip

CONTEXT = Context(
    text="kind: InferenceService\n",
    edits=(
        Edit(
            file="deploy/production/iris.yaml",
            place="InferenceService/iris:spec.predictor.model.storageUri",
            old=OLD.uri,
            new=NEW.uri,
        ),
        Edit(
            file="deploy/production/iris.yaml",
            place="InferenceService/iris:spec.predictor.canaryTrafficPercent",
            new=10,
        ),
    ),
    evidence=SUMMARY,
    size=1_234_567,
    source=Source(
        repository="https://github.com/acme/iris",
        commit=NEW.commit,
        pull_requests=(41, 42),
        stage="train",
        output="model.json",
        dvcfile="dvc.yaml",
    ),
    data=(Input(path="data/train.csv", md5="d" * 32, size=52_000), Input(path="data/test.csv", md5="e" * 32)),
    params={"train": {"lr": 0.1, "layers": [32, 16], "dropout": None}, "seed": 7},
    ships=(
        Shipped(42, "Train on the data of October", "https://github.com/acme/iris/pull/42"),
        Shipped(41, "A smaller learning rate", "https://github.com/acme/iris/pull/41"),
    ),
    commits=5,
    notes=("In Knative mode the manifest does not name the stable release during a canary.",),
    reviewers=("@grace",),
)


def staged(after: Release = NEW, **more: Any) -> Live:
    """Staging with a release that is stable there."""
    return live("staging", record("staging", state(after), before=state(OLD), number=2), **more)


def serving(*, traffic: int = 0, mirror: int = 0, step: Step | None = None, **more: Any) -> Live:
    """Production with v7, and with v8 for some requests."""
    if not traffic and not mirror:
        return live("production", record("production", state(OLD)), **more)
    after = state(OLD, NEW, traffic, mirror)
    action: Action = "shadow" if mirror else "promote"
    step = step or Step(strategy="canary", number=1, of=3)
    said = record("production", after, before=state(OLD), number=2, action=action, step=step)
    return live("production", said, **more)


def held(by: str = "ada", reason: str = "scores are zero", *, rollback: bool = True) -> Live:
    """Production that went back from v8 to v7, or is only held."""
    before = state(NEW) if rollback else state(OLD)
    said = record(
        "production", state(OLD), before=before, number=3, action="rollback" if rollback else "hold",
        hold=Hold(reason=reason, by=by),
    )  # fmt: skip
    return live("production", said)
