"""Unit tests of the plan: every target ends in one decision, or in one wait with its reason."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_ci.promotion.plan import MOST_IN_A_GROUP, Decision, Health, Live, Offered, Wait, World, plan
from mlops_ci.promotion.record import Action, Hold, Record, Step
from mlops_ci.rollout import Release, Rollout, Served
from mlops_ci.strategies import STRATEGIES, canary, path
from tests.promotion.samples import (
    HOUR,
    NEW,
    NEWER,
    NOW,
    OLD,
    PRODUCTION,
    STAGING,
    asks,
    decided,
    held,
    live,
    of,
    offered,
    planned,
    record,
    release,
    rules,
    serving,
    staged,
    state,
    waits,
)

A, B, C = "sha256:aaaaaaaaaaaa (v7)", "sha256:bbbbbbbbbbbb (v8)", "sha256:cccccccccccc (v9)"
FROM_MERGE = "it counts from the merge, for no health source is configured"
AUTO = replace(PRODUCTION, merge="auto")


# ---- the first environment: main's release ---------------------------------------------------------


def test_main_s_release_goes_to_the_first_environment() -> None:
    found = decided(live("staging", record("staging", state(OLD))), at="staging")
    assert (found.action, found.step, found.of, found.number) == ("promote", 1, 1, 2)
    assert (found.before, found.after) == (Rollout(OLD.served), Rollout(NEW.served))
    assert found.release == NEW
    assert found.id == "staging/iris/promote/bbbbbbbbbbbb/0.0.1"
    assert (found.target, found.manifest, found.automatic) == (
        "staging/iris",
        "deploy/staging/iris.yaml",
        False,
    )


def test_the_first_release_of_all_has_no_record_before_it() -> None:
    found = decided(live("staging", None), at="staging")
    assert (found.number, found.record, found.before) == (1, None, Rollout(None))


def test_what_somebody_deployed_by_hand_before_is_taken_as_it_is() -> None:
    there = Served("s3://somewhere/model.json")
    found = decided(live("staging", None, rollout=Rollout(there)), at="staging")
    assert (found.before, found.after) == (Rollout(there), Rollout(NEW.served))


def test_what_is_live_already_is_not_promoted() -> None:
    assert waits(staged(), at="staging") == f"nothing to promote: staging already serves {B}"


@pytest.mark.parametrize(
    ("offer", "reason"),
    [
        ({}, "main has no model iris"),
        (
            {"iris": Offered("iris", problem="it has no artifact")},
            "main offers no release of iris: it has no artifact",
        ),
        ({"iris": Offered("iris")}, "main offers no release of iris"),
        ({"iris": Offered("iris", NEW)}, "main offers no release of iris"),
        (
            {"iris": Offered("iris", verdict="refused", problem="accuracy fell")},
            "the evidence of main's release is refused: accuracy fell",
        ),
        (offered(NEW, "refused"), f"the evidence of main's release {B} is refused"),
        (
            offered(NEW, "incomplete"),
            f"the evidence of main's release {B} is incomplete: a required check could not be made",
        ),
        (offered(NEW, "odd"), f"the evidence of main's release {B} is odd"),
    ],
)
def test_what_main_cannot_offer_has_a_reason(offer: dict[str, Offered], reason: str) -> None:
    found = of(planned(live("staging", None), offers=offer), "staging")
    assert found == Wait("staging", "iris", reason, blocked=True)


def test_an_environment_may_take_only_what_passed() -> None:
    strict = replace(STAGING, verdict="passed")
    target = live("staging", None)
    assert waits(target, at="staging", by=[strict], offers=offered(NEW, "warned")) == (
        f"the evidence of main's release {B} has warnings, and staging takes only what passed"
    )
    assert decided(target, at="staging", offers=offered(NEW, "warned")).release == NEW
    assert decided(target, at="staging", by=[strict]).release == NEW


# ---- what cannot be read ---------------------------------------------------------------------------


def test_a_manifest_that_cannot_be_read_blocks() -> None:
    target = live("staging", None, rollout=None, problem="deploy/x.yaml: two documents fit")
    assert of(planned(target), "staging") == Wait(
        "staging", "iris", "deploy/x.yaml: two documents fit", blocked=True
    )
    assert waits(replace(target, problem=""), at="staging") == (
        "there is no manifest deploy/staging/iris.yaml"
    )


def test_an_environment_that_is_gone_blocks() -> None:
    assert waits(live("old", None), at="old") == "mlops-ci.yaml has no environment old any more"


def test_a_hidden_stable_release_needs_a_record() -> None:
    hidden = Rollout(None, NEW.served, traffic=10)
    assert waits(live("production", None, rollout=hidden)) == (
        "deploy/production/iris.yaml does not name the stable release during its canary, and there is no "
        "record that does: end the canary first"
    )
    said = serving(traffic=10).record
    found = decided(staged(), live("production", said, rollout=hidden))
    assert (found.before.stable, found.after) == (OLD.served, Rollout(OLD.served, NEW.served, 50))


def test_a_digest_that_the_manifest_does_not_tell_is_the_record_s() -> None:
    said = record("staging", state(OLD))
    target = live("staging", said, rollout=Rollout(Served(OLD.uri)))
    assert decided(target, at="staging").before == Rollout(OLD.served)


def test_a_candidate_that_no_record_knows_blocks_until_somebody_takes_it_over() -> None:
    there = Rollout(OLD.served, NEWER.served, traffic=10)
    target = live("production", None, rollout=there)
    assert waits(staged(), target) == (
        "deploy/production/iris.yaml gives requests to a candidate that no record knows: "
        "sha256:aaaaaaaaaaaa, and sha256:cccccccccccc for 10 % of requests. End that; or "
        "`mlops-ci promote production/iris` proposes what is due from there"
    )
    found = decided(staged(), target, asked=asks("promote"))
    assert (found.before, found.after) == (there, Rollout(OLD.served, NEW.served, 10))
    # One that stands idle in its slot does no harm.
    idle = live("production", None, rollout=Rollout(OLD.served, NEWER.served))
    assert decided(staged(), idle).after == Rollout(OLD.served, NEW.served, 10)


def test_a_manifest_that_somebody_edited_blocks_until_somebody_takes_it_over() -> None:
    target = live("production", record("production", state(OLD)), rollout=Rollout(NEWER.served))
    assert waits(staged(), target) == (
        "the manifest deploy/production/iris.yaml does not say what the record says: somebody edited it by "
        "hand. It says sha256:cccccccccccc; the record, sha256:aaaaaaaaaaaa. Put it back; or "
        "`mlops-ci promote production/iris` proposes what is due from there"
    )
    found = decided(staged(), target, asked=asks("promote"))
    assert found.before == Rollout(NEWER.served)
    assert found.notes == (
        "The manifest was edited by hand since record 1: it says sha256:cccccccccccc, and not "
        "sha256:aaaaaaaaaaaa. Merging this takes that as the state before.",
    )
    for action in ("hold", "unhold"):
        assert waits(staged(), target, asked=asks(action)).startswith("the manifest deploy/production/")
    back = decided(staged(), target, asked=asks("rollback", release=OLD))
    assert (back.before, back.after) == (Rollout(NEWER.served), Rollout(OLD.served))


def test_after_an_edit_by_hand_the_ramp_begins_anew() -> None:
    said = serving(traffic=10).record
    target = live("production", said, rollout=Rollout(OLD.served, NEW.served, 20))
    found = decided(staged(), target, asked=asks("promote"))
    assert (found.action, found.automatic) == ("promote", False)
    assert found.after == Rollout(OLD.served, NEW.served, 50)


# ---- the next environment --------------------------------------------------------------------------


def test_a_release_moves_on_once_it_has_soaked() -> None:
    young = staged(merged=NOW - 2 * HOUR)
    found = of(planned(young, serving()), "production")
    assert found == Wait(
        "production", "iris", f"waits for {B} in staging to soak 22 h more; {FROM_MERGE}", NOW + 22 * HOUR
    )
    due = decided(staged(merged=NOW - 24 * HOUR), serving())
    assert (due.action, due.step, due.of, due.strategy) == ("promote", 1, 3, "canary")
    assert due.after == Rollout(OLD.served, NEW.served, traffic=10)
    assert [one.traffic for one in due.path] == [10, 50, 0]


def test_soak_counts_from_the_record_that_made_it_stable() -> None:
    ramping = record(
        "staging", state(NEW, NEWER, 10), before=state(NEW), number=3, step=Step(strategy="x", number=1, of=2)
    )
    target = live("staging", ramping, merged=NOW - HOUR)
    assert waits(target, serving(), offers=offered(NEWER)).startswith(
        f"waits for {B} in staging to soak 23 h"
    )
    assert decided(replace(target, stable_since=NOW - 30 * HOUR), serving()).release == NEW


def test_soak_counts_only_while_a_source_says_healthy() -> None:
    argo = "Argo CD"
    ill = staged(health=Health(argo, problem="it is Degraded"))
    assert (
        waits(ill, serving())
        == f"waits until {argo} says that {B} in staging is live and healthy: it is Degraded"
    )
    assert waits(staged(health=Health(argo)), serving()) == (
        f"waits until {argo} says that {B} in staging is live and healthy"
    )
    young = staged(health=Health(argo, NOW - 3 * HOUR))
    assert waits(young, serving()) == (
        f"waits for {B} in staging to soak 21 h more; {argo} says that it is healthy since 2026-11-28 09:00 UTC"
    )
    well = staged(health=Health(argo, NOW - 30 * HOUR))
    assert decided(well, serving()).health == ""
    # The source may have been healthy before this release was merged.
    fresh = replace(well, merged=NOW - HOUR)
    assert waits(fresh, serving()).startswith(f"waits for {B} in staging to soak 23 h more")
    unknown = staged(merged=None)
    assert waits(unknown, serving()) == (
        f"it is not known since when {B} in staging is live, so it cannot soak"
    )
    assert decided(unknown, serving(), by=[STAGING, replace(PRODUCTION, soak=timedelta())]).release == NEW


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        (
            live("staging", None, problem="no YAML"),
            "what staging serves is not known: see staging/iris",
        ),
        (staged(rollout=Rollout(NEWER.served)), "what staging serves is not known: see staging/iris"),
        (live("staging", None), "waits until a release was promoted to staging"),
        (
            live("staging", record("staging", state(None, NEW, 10))),
            "waits until a release was promoted to staging; sha256:bbbbbbbbbbbb (v8) is at 10 % of requests "
            "in staging",
        ),
    ],
)
def test_what_the_environment_before_does_not_have_cannot_move_on(before: Live, reason: str) -> None:
    assert waits(before, serving(), offers={}) == reason


def test_a_model_that_does_not_go_to_the_environment_before_is_told() -> None:
    assert waits(serving()) == "iris does not go to staging, which comes before"


def test_while_the_environment_before_ramps_the_wait_says_where_it_is() -> None:
    step = Step(strategy="canary", number=1, of=3)
    before = live("staging", record("staging", state(OLD, NEW, 10), step=step, number=2))
    assert waits(before, serving()) == (
        f"nothing to promote: production already serves {A}; {B} is at step 1 of 3 in staging"
    )


def test_what_a_rollback_left_does_not_move_on_unless_somebody_asks() -> None:
    back = record("staging", state(OLD), before=state(NEW), action="rollback", number=3)
    before, target = live("staging", back), live("production", record("production", state(NEW)))
    assert waits(before, target) == f"staging was rolled back to {A}: that does not move on"
    ended = record("staging", state(OLD), before=state(OLD), action="unhold", number=4)
    assert waits(live("staging", ended, arrived="rollback"), target) == (
        f"staging was rolled back to {A}: that does not move on"
    )
    assert decided(before, target, asked=asks("promote")).release.digest == OLD.digest


def test_the_evidence_counts_in_every_environment() -> None:
    assert waits(staged(), serving(), offers=offered(NEW, "refused")) == f"the evidence of {B} is refused"
    silent = live("staging", record("staging", state(NEW), number=2, verdict=""))
    assert waits(silent, serving(), offers={}) == (
        f"the evidence of {B} is not known: run `mlops-ci run` on main"
    )
    # Main may be further: then the record tells.
    assert decided(staged(), serving(), offers=offered(NEWER, "refused")).release == Release(
        "iris", NEW.digest, NEW.uri, NEW.commit, NEW.version, NEW.lock, NEW.md5, NEW.evidence
    )


# ---- ramps -----------------------------------------------------------------------------------------


def test_a_step_follows_when_the_one_before_has_soaked() -> None:
    young = serving(traffic=10, merged=NOW - timedelta(minutes=20))
    found = of(planned(staged(), young), "production")
    assert found == Wait(
        "production",
        "iris",
        f"waits for step 1 of 3 (10 % of requests) to soak 40 min more; {FROM_MERGE}",
        NOW + timedelta(minutes=40),
    )
    due = decided(staged(), serving(traffic=10))
    assert (due.action, due.step, due.of, due.automatic) == ("ramp", 2, 3, True)
    assert due.id == "production/iris/ramp/bbbbbbbbbbbb/50.0.2"
    last = decided(staged(), serving(traffic=50))
    assert (last.action, last.step, last.after) == ("ramp", 3, Rollout(NEW.served))


def test_a_step_without_a_number_is_told_by_its_share() -> None:
    said = record("production", state(OLD, NEW, 10), before=state(OLD), number=2)
    target = live("production", said, merged=NOW)
    assert waits(staged(), target).startswith("waits for 10 % of requests to soak 1 h more")


def test_who_merges_what_itself() -> None:
    targets = (staged(), serving(traffic=10))
    assert decided(*targets).automatic
    assert not decided(*targets, by=[STAGING, replace(PRODUCTION, ramp="manual")]).automatic
    assert decided(staged(), serving(), by=[STAGING, AUTO]).automatic
    assert not decided(staged(), serving()).automatic
    back = asks("rollback", release=OLD)
    assert decided(*targets, by=[STAGING, AUTO], asked=back).automatic
    assert not decided(*targets, asked=back).automatic


def test_a_newer_release_waits_until_the_ramp_has_ended() -> None:
    newer = staged(NEWER)
    waiting = f"{C} waits until the ramp of {B} has ended or is rolled back"
    found = decided(newer, serving(traffic=10), offers=offered(NEWER))
    assert (found.release.digest, found.notes) == (NEW.digest, (f"{waiting}.",))
    young = serving(traffic=10, merged=NOW)
    assert waits(newer, young, offers=offered(NEWER)).endswith(f"is configured. {waiting}")
    assert waits(newer, young, offers=offered(NEWER), asked=asks("promote")) == waiting
    # The release before is none that waits.
    assert decided(staged(OLD), serving(traffic=10)).notes == ()


def test_a_ramp_whose_evidence_is_refused_today_stops() -> None:
    assert waits(staged(), serving(traffic=10), offers=offered(NEW, "refused")) == (
        f"the ramp of {B} stops: by the rules of today its evidence is refused; "
        "`mlops-ci rollback production/iris` goes back"
    )
    assert decided(staged(), serving(traffic=10), offers=offered(NEW, "warned")).step == 2


def test_a_shadow_comes_first_where_the_strategy_says_so() -> None:
    shadowing = replace(rules("production", "shadow", after="staging"), step_soak=HOUR)
    first = decided(staged(), serving(), by=[STAGING, shadowing])
    assert (first.action, first.after) == ("shadow", Rollout(OLD.served, NEW.served, mirror=100))
    last = decided(staged(), serving(mirror=100), by=[STAGING, shadowing])
    assert (last.action, last.after, last.automatic) == ("ramp", Rollout(NEW.served), True)


def test_blue_and_green_stand_beside_each_other_first() -> None:
    switching = rules("production", "blue_green", after="staging")
    first = decided(staged(), serving(), by=[STAGING, switching])
    assert (first.action, first.after, first.of) == ("promote", Rollout(OLD.served, NEW.served), 2)
    said = record("production", state(OLD, NEW), before=state(OLD), number=2)
    second = decided(staged(), live("production", said), by=[STAGING, switching])
    assert (second.action, second.after, second.step) == ("ramp", Rollout(NEW.served), 2)


def test_a_strategy_that_goes_nowhere_or_has_no_end_is_told() -> None:
    def stays(there: Rollout, _release: Served, _options: object) -> Rollout:
        return there

    def turns(there: Rollout, to: Served, _options: object) -> Rollout:
        return Rollout(there.stable, to, traffic=50 if there.is_idle else 0)

    def with_advance(advance: object) -> list[object]:
        strategy = SimpleNamespace(Options=canary.Options, advance=advance)
        return [replace(STAGING, strategy=strategy, strategy_name="mine")]

    target = live("staging", record("staging", state(OLD)))
    assert waits(target, at="staging", by=with_advance(stays)) == (
        "nothing to promote: the strategy mine has no step from what is live"
    )
    assert waits(target, at="staging", by=with_advance(turns)) == (
        "the strategy mine cannot be followed: the strategy does not end within 100 steps"
    )


# ---- freezes, closed pull requests -----------------------------------------------------------------


def test_nothing_new_is_proposed_while_it_is_frozen_but_rollbacks_are() -> None:
    until = NOW + 44 * HOUR
    frozen = replace(PRODUCTION, frozen="frozen until Monday 08:00 UTC (holiday)", frozen_until=until)
    by = [STAGING, frozen]
    for target in (serving(), serving(traffic=10)):
        found = of(planned(staged(), target, by=by), "production")
        assert found == Wait("production", "iris", "frozen until Monday 08:00 UTC (holiday)", until)
    assert decided(
        staged(), serving(traffic=10), by=by, asked=asks("rollback", release=OLD)
    ).after == Rollout(OLD.served)
    assert waits(staged(), live("production", record("production", state(NEW))), by=by).startswith("nothing")


def test_what_a_person_closed_is_not_proposed_again_unless_somebody_asks() -> None:
    id = "production/iris/promote/bbbbbbbbbbbb/10.0.1"
    again = "so it is not proposed again; `mlops-ci promote production/iris` asks for it anew"
    targets = (staged(), serving())
    assert waits(*targets, refused=frozenset([id])) == (
        f"a pull request for this was closed without merging, {again}"
    )
    assert waits(*targets, refused={id: 12}) == (
        f"a pull request for this was closed without merging (#12), {again}"
    )
    asked = decided(*targets, refused={id: 12}, asked=asks("promote", reason="try it again"))
    assert (asked.requested_by, asked.reason) == ("ada", "try it again")
    other = live("staging", record("staging", state(NEWER), number=3))
    assert decided(other, serving(), offers=offered(NEWER), refused={id: 12}).release.digest == NEWER.digest


# ---- by hand ---------------------------------------------------------------------------------------


def test_another_release_may_be_asked_for_where_its_evidence_is_good() -> None:
    target = live("staging", record("staging", state(OLD)))
    good = asks("promote", "staging", release=NEWER, verdict="passed")
    assert decided(target, at="staging", asked=good).release == NEWER
    bad = asks("promote", "staging", release=NEWER)
    assert waits(target, at="staging", asked=bad) == (
        f"the evidence of {C} is not known: run `mlops-ci run` on main"
    )
    assert decided(target, at="staging", asked=asks("promote", "staging", release=NEW)).release == NEW


def test_a_promotion_by_hand_soaks_too() -> None:
    young = staged(merged=NOW - HOUR)
    assert waits(young, serving(), asked=asks("promote")).startswith(f"waits for {B} in staging to soak 23 h")


def test_a_rollback_goes_back_in_one_step_and_holds() -> None:
    now = live("production", record("production", state(NEW), before=state(OLD), number=4))
    found = decided(staged(), now, asked=asks("rollback", release=OLD, reason="scores are zero"))
    assert (found.action, found.number, found.step, found.of) == ("rollback", 5, 1, 1)
    assert (found.before, found.after) == (Rollout(NEW.served), Rollout(OLD.served))
    assert (found.hold, found.requested_by, found.strategy, found.group) == ("scores are zero", "ada", "", "")
    unsaid = decided(staged(), now, asked=asks("rollback", release=OLD))
    assert unsaid.hold == f"rolled back from {B}"


def test_a_rollback_during_a_ramp_drops_the_candidate() -> None:
    found = decided(staged(), serving(traffic=10), asked=asks("rollback", release=OLD))
    assert (found.before.candidate, found.after) == (NEW.served, Rollout(OLD.served))
    assert found.hold == f"rolled back from {B}"


@pytest.mark.parametrize(
    ("target", "to", "reason"),
    [
        (serving(), OLD, f"production serves {A} already: there is nothing to roll back"),
        (
            serving(traffic=10),
            NEW,
            f"{B} is what is being ramped up: going back means to what is still stable",
        ),
        (
            held(),
            NEW,
            f"the rollback of {B} by ada: scores are zero took {B} away; if it is good after all, end the hold "
            "with `mlops-ci unhold production/iris` and promote it",
        ),
        (serving(), None, "no release is known to go back to"),
    ],
)
def test_a_rollback_to_nowhere_is_refused(target: Live, to: Release | None, reason: str) -> None:
    found = of(planned(staged(), target, asked=asks("rollback", release=to)), "production")
    assert found == Wait("production", "iris", f"a rollback was asked for by ada, but {reason}", blocked=True)


def test_a_rollback_without_a_release_says_why() -> None:
    asked = asks("rollback", by="", problem="nothing was ever promoted here")
    assert waits(staged(), serving(), asked=asked) == (
        "a rollback was asked for, but nothing was ever promoted here"
    )
    broken = live("production", None, problem="no YAML")
    assert waits(staged(), broken, asked=asks("rollback", release=OLD)) == "no YAML"


def test_a_hold_keeps_everything_out_until_it_ends() -> None:
    ends = "; `mlops-ci unhold production/iris` ends that"
    by_rollback = f"held by the rollback of {B} by ada: scores are zero{ends}"
    assert waits(staged(NEWER), held(), offers=offered(NEWER)) == by_rollback
    assert waits(staged(), held(rollback=False)) == f"held by ada: scores are zero{ends}"
    assert waits(staged(), held("", "", rollback=False)) == f"held{ends}"
    assert waits(staged(NEWER), held(), offers=offered(NEWER), asked=asks("promote")) == by_rollback
    ended = decided(staged(), held(), asked=asks("unhold"))
    assert (ended.action, ended.before, ended.after, ended.hold) == (
        "unhold",
        Rollout(OLD.served),
        Rollout(OLD.served),
        "",
    )
    ramped_back = record(
        "production", state(OLD), before=state(OLD, NEW, 10), action="rollback", hold=Hold(reason="x")
    )
    assert waits(staged(), live("production", ramped_back)) == f"held by the rollback of {B}: x{ends}"
    from_nothing = record("production", state(OLD), action="rollback", hold=Hold(reason="x"))
    assert waits(staged(), live("production", from_nothing)) == f"held by the rollback: x{ends}"


def test_a_hold_is_a_record_of_its_own() -> None:
    found = decided(staged(), serving(), asked=asks("hold", reason="the fair"))
    assert (found.action, found.after, found.hold, found.release.version) == (
        "hold",
        Rollout(OLD.served),
        "the fair",
        "v7",
    )
    ramping = decided(staged(), serving(traffic=10), asked=asks("hold"))
    assert (ramping.release.digest, ramping.hold) == (NEW.digest, "held by hand")
    assert ramping.after == Rollout(OLD.served, NEW.served, 10)
    unrecorded = live("production", None, rollout=Rollout(OLD.served))
    assert decided(staged(), unrecorded, asked=asks("hold")).release == Release(
        "iris", OLD.digest, OLD.uri, ""
    )


@pytest.mark.parametrize(
    ("target", "action", "reason"),
    [
        (
            held(),
            "hold",
            "a hold was asked for by ada, but the rollback of sha256:bbbbbbbbbbbb (v8) by ada: scores are zero "
            "holds it already",
        ),
        (
            live("production", None),
            "hold",
            "a hold was asked for by ada, but nothing is live there whose digest is known",
        ),
        (
            live("production", None, rollout=Rollout(Served("s3://x"))),
            "hold",
            "a hold was asked for by ada, but nothing is live there whose digest is known",
        ),
        (serving(), "unhold", "the end of the hold was asked for by ada, but nothing holds production/iris"),
    ],
)
def test_a_hold_that_cannot_be_is_told(target: Live, action: Action, reason: str) -> None:
    assert waits(staged(), target, asked=asks(action)) == reason


def test_what_is_asked_of_no_target_is_told() -> None:
    found = planned(staged(), asked=asks("rollback", "shop"))
    assert of(found, "shop").reason == (
        "a rollback was asked for by ada: there is no such target; `mlops-ci status` shows those there are"
    )


# ---- many ------------------------------------------------------------------------------------------


def many(count: int, environment: str = "staging") -> list[Live]:
    """So many models that serve nothing yet."""
    return [
        Live(environment, f"m{at}", f"deploy/{environment}/m{at}.yaml", Rollout(None)) for at in range(count)
    ]


def offers_of(count: int) -> dict[str, Offered]:
    return {f"m{at}": Offered(f"m{at}", release("b", "v8", f"m{at}"), "passed") for at in range(count)}


def test_no_more_pull_requests_than_the_limit_and_what_is_open_keeps_its_place() -> None:
    open_already = ["staging/m2/promote/bbbbbbbbbbbb/0.0.1"]
    found = planned(*many(3), offers=offers_of(3), limit=2, open=open_already)
    assert [one.model for one in found.decisions] == ["m0", "m2"]
    assert of(found, "staging", "m1") == Wait(
        "staging", "m1", "waits until there is room: 2 of our pull requests are open, as many as "
        "`promotion.limit` allows",
    )  # fmt: skip
    one = planned(*many(2), offers=offers_of(2), limit=1)
    assert of(one, "staging", "m1").reason.startswith(
        "waits until there is room: one of our pull requests is open"
    )


def test_rollbacks_and_ramps_go_before_promotions() -> None:
    targets = (*many(1), staged(), serving(traffic=10))
    found = planned(*targets, offers=offers_of(1) | offered(), limit=1)
    assert [one.target for one in found.decisions] == ["production/iris"]
    asked = planned(*targets, offers=offers_of(1) | offered(), limit=1, asked=asks("hold", "staging"))
    assert [one.target for one in asked.decisions] == ["staging/iris"]


def test_a_group_is_one_pull_request_of_bounded_size() -> None:
    grouped = replace(STAGING, group="shop")
    count = MOST_IN_A_GROUP + 1
    found = planned(*many(count), by=[grouped], offers=offers_of(count), limit=1)
    assert len(found.decisions) == MOST_IN_A_GROUP
    [wait] = found.waits
    assert wait.reason == "waits until the pull request of the group shop is merged: it is full"
    assert {one.group for one in found.decisions} == {"shop"}


def test_three_thousand_targets_are_planned_at_once() -> None:
    one, names = staged(), ("staging", "production", "shop")
    targets = [replace(one, environment=name, model=f"m{at}") for at in range(1000) for name in names]
    by = [STAGING, PRODUCTION, replace(PRODUCTION, name="shop", after="production")]
    started = time.perf_counter()
    found = planned(*targets, by=by, offers=offers_of(1000))
    assert time.perf_counter() - started < 5
    assert len(found.decisions) + len(found.waits) == 3000


# ---- laws ------------------------------------------------------------------------------------------


def applied(decision: Decision) -> Record:
    """The record that a merged decision leaves."""
    last = decision.record.after if decision.record else state(None)
    known = {one.digest: one for one in (OLD, NEW, NEWER)}

    def named(served: Served | None) -> Release | None:
        return known[served.digest] if served else None

    after = decision.after
    return record(
        decision.environment,
        state(named(after.stable), named(after.candidate), after.traffic, after.mirror),
        before=last,
        number=decision.number,
        action=decision.action,
        of=decision.release,
        step=Step(strategy="x", number=decision.step, of=decision.of),
        hold=Hold(reason=decision.hold) if decision.hold else None,
    )


@given(
    st.sampled_from(sorted(STRATEGIES)),
    st.sampled_from([(NEW,), (NEW, NEWER)]),
)
def test_merging_what_is_due_ends_at_the_newest_release(strategy: str, releases: tuple[Release, ...]) -> None:
    by = rules("staging", strategy, step_soak=HOUR)
    target = live("staging", record("staging", state(OLD)))
    seen: list[Decision] = []
    for at in range(20):
        offer = releases[min(at // 2, len(releases) - 1)]
        world = World((target,), offered(offer), NOW + at * HOUR)
        found = plan(world, {"staging": by})
        assert found == plan(world, {"staging": by})  # the same for the same world
        if not found.decisions:
            continue
        [decision] = found.decisions
        assert decision.number == len(seen) + 2
        seen.append(decision)
        target = live("staging", applied(decision), merged=world.now)
    assert target.rollout == Rollout(releases[-1].served)
    assert [one.after for one in seen[-1:]] == [Rollout(releases[-1].served)]
    first = path(by.strategy, Rollout(OLD.served), NEW.served, by.options)
    assert [one.after for one in seen[: len(first)]] == list(first)
