"""Pull requests of promotions, one builder a story; the golden files are composed from these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from mlops_ci.forge import Proposal
from mlops_ci.promotion.compose import proposals
from mlops_ci.promotion.context import Context, Setting
from mlops_ci.promotion.record import Edit, Merge, Metric, Step, Summary
from mlops_ci.promotion.world import Decision
from mlops_ci.rollout import Rollout
from tests.promotion.samples import (
    CONTEXT,
    HOUR,
    NEW,
    OLD,
    SETTING,
    STAGING,
    SUMMARY,
    asks,
    decided,
    held,
    live,
    offered,
    planned,
    record,
    release,
    rules,
    serving,
    staged,
    state,
)


@dataclass(frozen=True)
class Story:
    """Decisions with what is known of each."""

    parts: tuple[tuple[Decision, Context], ...]
    setting: Setting = SETTING

    def proposals(self) -> tuple[Proposal, ...]:
        """The pull requests."""
        contexts = {decision.id: context for decision, context in self.parts}
        return proposals([decision for decision, _ in self.parts], contexts, self.setting)

    def proposal(self) -> Proposal:
        """The only pull request."""
        [found] = self.proposals()
        return found


def story(decision: Decision, context: Context = CONTEXT) -> Story:
    """One decision."""
    return Story(((decision, context),))


def _edit(name: str, old: object, new: object) -> Edit:
    return Edit(
        file="deploy/production/iris.yaml",
        place=f"InferenceService/iris:spec.predictor.{name}",
        old=old,
        new=new,
    )


RAMPED = replace(CONTEXT, edits=(_edit("canaryTrafficPercent", 10, 50),), notes=(), ships=(), commits=None)
BACK = Context(
    text="kind: InferenceService\n",
    edits=(_edit("model.storageUri", NEW.uri, OLD.uri), _edit("canaryTrafficPercent", 10, None)),
    size=1_200_000,
    merge=Merge(pull_request=7, merged_by="grace"),
)


def canary() -> Story:
    """The first step of a canary."""
    return story(decided(staged(), serving()))


def promoted() -> Story:
    """A promotion in one step, which merges itself."""
    by = replace(STAGING, merge="auto", approvals=1)
    return story(decided(live("staging", record("staging", state(OLD))), at="staging", by=[by]))


def first() -> Story:
    """The first release of all, of which no metrics are known."""
    bare = Context(text="kind: InferenceService\n", edits=CONTEXT.edits[:1])
    return story(decided(live("staging", None), at="staging"), bare)


def ramp() -> Story:
    """A later step, while a newer release waits."""
    newer = offered(release("c", "v9"))
    target = serving(traffic=10)
    return story(decided(staged(release("c", "v9")), target, offers=newer), RAMPED)


def ramp_end() -> Story:
    """The last step, of an environment that asks each time."""
    by = [
        STAGING,
        replace(rules("production", "canary", after="staging", step_soak=HOUR), ramp="manual", approvals=2),
    ]
    return story(
        decided(staged(), serving(traffic=50, step=Step(strategy="canary", number=2, of=3)), by=by), RAMPED
    )


def shadow() -> Story:
    """Copies of the requests first."""
    by = [STAGING, rules("production", "shadow", after="staging")]
    return story(decided(staged(), serving(), by=by), replace(CONTEXT, notes=()))


def blue_green() -> Story:
    """A second slot first."""
    by = [STAGING, rules("production", "blue_green", after="staging", step_soak=HOUR)]
    return story(decided(staged(), serving(), by=by), replace(CONTEXT, notes=()))


def rollback() -> Story:
    """Back to what is still stable during a canary."""
    asked = asks("rollback", release=OLD, reason="Scores are all zero since noon.")
    return story(decided(staged(), serving(traffic=10), asked=asked), BACK)


def hold() -> Story:
    """Nothing newer during the fair."""
    return story(decided(staged(), serving(), asked=asks("hold", reason="The fair.")), Context())


def unhold() -> Story:
    """The end of the hold that a rollback left."""
    return story(decided(staged(), held(), asked=asks("unhold")), Context())


def by_value() -> Story:
    """What is live was measured before, so that differences have no intervals; no address is known."""
    metrics = (
        Metric(name="accuracy", candidate=0.942, champion=0.931, direction="higher"),
        Metric(name="rmse", candidate=3.2, champion=3.1, direction="lower"),
    )
    context = replace(CONTEXT, evidence=Summary(champion=OLD.digest, metrics=metrics), source=None)
    return Story(story(decided(staged(), serving()), context).parts, Setting("main"))


def edited() -> Story:
    """Taken over from what somebody wrote by hand, whose bytes nobody knows."""
    there = Rollout(replace(OLD.served, uri="s3://somewhere/model.json", digest=""))
    target = live("production", record("production", state(OLD)), rollout=there)
    found = decided(staged(), target, asked=asks("promote", reason="It was an emergency."))
    return story(
        found, replace(CONTEXT, unknown=("Which pull requests ship: the commits are not here.",), ships=())
    )


def group() -> Story:
    """Three models in one pull request."""
    grouped = replace(STAGING, group="shop")
    targets = [
        replace(
            live("staging", record("staging", state(OLD))), model=name, manifest=f"deploy/staging/{name}.yaml"
        )
        for name in ("churn", "fraud", "price")
    ]
    offers = {
        name: replace(offered()["iris"], model=name, release=release("b", "v8", name))
        for name in ("churn", "fraud", "price")
    }
    found = planned(*targets, by=[grouped], offers=offers)
    return Story(
        tuple((decision, replace(CONTEXT, evidence=SUMMARY, notes=())) for decision in found.decisions)
    )


STORIES: dict[str, Callable[[], Story]] = {
    made.__name__: made
    for made in (
        canary, promoted, first, ramp, ramp_end, shadow, blue_green, rollback, hold, unhold, by_value, edited, group,
    )
}  # fmt: skip
