"""The metrics gate against what is live: allowed drops do not add up, pull request by pull request."""

from __future__ import annotations

from typing import Any

import pytest

from mlops_ci.evidence import Finding, LiveRelease, LiveValue, Metric, ModelEvidence, Predictions, Status
from mlops_ci.gates import metrics as gate
from mlops_ci.gates.metrics import Options
from tests.gates.samples import comparison, evidence, metric, model

PASS, WARN, FAIL = Status.PASS, Status.WARN, Status.FAIL
SKIP, INCONCLUSIVE = Status.SKIP, Status.INCONCLUSIVE
V7 = LiveRelease(environment="production", digest="sha256:" + "7" * 64, version="v7", record=3)
DROP = {"default": {"max_drop": 0.01}}


def live(**values: float) -> tuple[LiveValue, ...]:
    return tuple(LiveValue(environment=name, value=value) for name, value in values.items())


def accuracy(head: float | None, base: float | None, **more: Any) -> Metric:
    return metric("accuracy", head, base, **({"live": live(production=0.83)} | more))


def findings(*metrics: Metric, releases: tuple[LiveRelease, ...] = (V7,), **more: Any) -> list[Finding]:
    facts = {"live": releases} | {
        key: more.pop(key) for key in tuple(more) if key in ModelEvidence.model_fields
    }
    return gate.check(evidence(model(*metrics, **facts)), Options.model_validate(more or DROP))


def said(*metrics: Metric, **more: Any) -> list[tuple[str, Status, str]]:
    return [(one.subject, one.status, one.sentence) for one in findings(*metrics, **more)]


def test_a_drop_within_what_the_base_allows_may_be_too_much_for_what_is_live() -> None:
    (found,) = findings(accuracy(0.812, 0.82))
    assert (found.subject, found.status) == ("accuracy", FAIL)
    assert found.sentence == (
        "accuracy is 0.8120, 0.018 below the live release of production (0.8300, v7); "
        "a drop of at most 0.01 is allowed."
    )
    # What an owner accepts is the value, and what the base says of it stays known.
    assert (found.value, found.change) == (0.812, "worse")
    assert found.delta == pytest.approx(-0.008)
    assert found.hint == "mend the cause; if the limit is wrong, change it in a pull request of its own"


def test_the_same_is_said_of_a_drop_that_has_an_interval() -> None:
    small = comparison("accuracy", -0.008, 0.0005)
    (found,) = findings(accuracy(0.812, 0.82), comparisons=(small,))
    assert (found.status, found.change) == (FAIL, "worse")
    assert found.interval == small.interval
    assert "the live release of production" in found.sentence


def test_a_drop_that_noise_may_explain_refuses_no_more_than_one_from_the_base() -> None:
    """Else `max_drop: 0` would refuse every second change that does nothing."""
    noisy: dict[str, Any] = {"comparisons": (comparison("accuracy", -0.002, 0.003),)}
    (found, *_) = findings(accuracy(0.829, 0.831), default={"max_drop": 0.0}, **noisy)
    assert (found.status, found.change) == (INCONCLUSIVE, "inconclusive")
    (found, *_) = findings(accuracy(0.815, 0.82), **noisy)
    assert found.status is INCONCLUSIVE
    assert found.sentence == (
        "accuracy is 0.8150, 0.015 below the live release of production (0.8300, v7); a drop of at most 0.01 is "
        "allowed, and the rest may be noise (the difference to the base is known to ±0.00588)."
    )
    assert found.hint == "measure on more examples, or average over more training seeds"
    (found, *_) = findings(accuracy(0.814, 0.82), **noisy)
    assert found.status is FAIL


def test_what_is_lower_the_better_may_not_rise() -> None:
    loss = metric("log_loss", 0.35, 0.345, direction="lower", live=live(production=0.33))
    assert said(loss) == [
        (
            "log_loss",
            FAIL,
            "log_loss is 0.3500, 0.02 above the live release of production (0.3300, v7); "
            "a rise of at most 0.01 is allowed.",
        )
    ]


def test_a_percentage_is_one_of_the_live_value() -> None:
    share: dict[str, Any] = {"limits": {"accuracy": {"max_drop": "2%"}}}
    assert [one.status for one in findings(accuracy(0.8134, 0.82), **share)] == [PASS, PASS]
    (found,) = findings(accuracy(0.8133, 0.82), **share)
    assert found.sentence.endswith("a drop of at most 0.0166 is allowed.")


def test_what_is_kept_is_said_once_a_model() -> None:
    kept = "No metric is worse than what is live in production by more than is allowed."
    found = said(accuracy(0.82, 0.825), metric("log_loss", 0.3, 0.3, live=live(production=0.3)))
    assert found[-1] == ("live", PASS, kept)
    assert [one[0] for one in found] == ["accuracy", "log_loss", "live"]


def test_a_drop_that_the_base_has_and_nothing_is_added_to_warns() -> None:
    for head in (0.815, 0.818):
        (found,) = findings(accuracy(head, 0.815))
        assert (found.status, found.subject) == (WARN, "accuracy")
        assert found.hint == "the base is that far from it already: mend it in a pull request of its own"
    assert [one.status for one in findings(accuracy(0.814, 0.815))] == [FAIL]


def test_a_metric_that_the_base_does_not_have() -> None:
    (found,) = findings(accuracy(0.81, None))
    assert (found.status, found.delta) == (FAIL, None)


def test_what_refuses_already_is_not_said_twice() -> None:
    (found,) = findings(accuracy(0.79, 0.83, live=live(production=0.831)))
    assert found.sentence == "accuracy fell by 0.04 (no interval), more than the allowed 0.01."


def test_environments_with_the_same_release_are_one_and_the_worst_is_told() -> None:
    staging = V7.model_copy(update={"environment": "staging"})
    canary = V7.model_copy(update={"environment": "edge", "digest": "sha256:" + "8" * 64, "version": ""})
    values = live(production=0.83, staging=0.83, edge=0.84)
    (found,) = findings(accuracy(0.812, 0.815, live=values), releases=(V7, staging, canary))
    assert "0.028 below the live release of edge (0.8400, 888888888888);" in found.sentence
    values = live(production=0.83, staging=0.83, edge=0.81)
    (found,) = findings(accuracy(0.812, 0.815, live=values), releases=(V7, staging, canary))
    assert "0.018 below the live release of production and staging (0.8300, v7);" in found.sentence
    kept = said(accuracy(0.829, 0.83, live=values), releases=(V7, staging, canary))[-1]
    assert kept[2] == (
        "No metric is worse than what is live in production, staging and edge by more than is allowed."
    )


def test_numbers_that_look_the_same_are_told_apart() -> None:
    limit: dict[str, Any] = {"limits": {"accuracy": {"max_drop": 0.00015}}}
    (found,) = findings(accuracy(0.82988, 0.83, live=live(production=0.83004)), **limit)
    assert found.sentence.startswith(
        "accuracy is 0.8299, 0.00016 below the live release of production (0.8300"
    )
    (found,) = findings(accuracy(0.82996, 0.83, live=live(production=0.83004)), default={"max_drop": 5e-5})
    assert "is 0.82996, 8e-05 below" in found.sentence
    assert "(0.83004, v7)" in found.sentence


@pytest.mark.parametrize(
    "options",
    [
        {"limits": {"accuracy": {"min": 0.5}}},
        {"ignore": ["accuracy"], "limits": {"log_loss": {"max_drop": 0.1}, "x*": {"max_drop": 0}}},
        {"informational": ["accuracy"], "default": {"max_drop": 0.01}},
    ],
)
def test_without_an_allowed_drop_nothing_is_judged_against_what_is_live(options: dict[str, Any]) -> None:
    loss = metric("rows", 10, 10)
    found = findings(accuracy(0.812, 0.82), loss, **options)
    assert [one for one in found if "live" in one.sentence] == []


def test_a_metric_without_a_direction_or_a_value_is_not_judged() -> None:
    for odd in (accuracy(0.7, 0.82, direction=None), accuracy(None, 0.82, problem="missing")):
        assert [one for one in findings(odd) if "live" in one.sentence] == []


def test_a_live_release_that_is_the_bases_adds_nothing() -> None:
    own = V7.model_copy(update={"same_as": "base"})
    assert said(accuracy(0.82, 0.825, live=()), releases=(own,)) == [
        ("accuracy", PASS, "accuracy fell by 0.005 (no interval), within the allowed 0.01.")
    ]


def test_other_examples_are_no_drop() -> None:
    other = V7.model_copy(update={"other_examples": "it was measured on other examples"})
    first, second = findings(accuracy(0.7, 0.701), releases=(other,))
    assert first.status is PASS
    assert (second.subject, second.status) == ("live in production", INCONCLUSIVE)
    assert second.sentence == (
        "Drops against the live release of production are not judged: it was measured on other examples."
    )
    assert second.hint == "it ends when a release that was measured on these examples is live there"


def test_what_is_not_known_is_said_and_weighs_nothing() -> None:
    far = LiveRelease(environment="edge", unknown="its record is in another repository")
    found = findings(accuracy(0.9, 0.9), releases=(far, V7))
    assert [(one.subject, one.status, one.required) for one in found] == [
        ("accuracy", PASS, False),
        ("live in edge", SKIP, False),
        ("live", PASS, False),
    ]
    assert found[1].sentence == (
        "The live release of edge is not compared with: its record is in another repository."
    )


def test_on_other_examples_than_the_bases_nothing_live_is_judged_either() -> None:
    moved = Predictions(path="p.csv", rows=10, base_rows=9, reason="the evaluation set changed: 1 row more")
    found = findings(accuracy(0.7, 0.9), predictions=moved)
    assert [one.subject for one in found] == ["evaluation set"]


def test_a_model_that_nothing_changed_is_not_judged_again() -> None:
    found = findings(accuracy(0.7, 0.7), changed=False)
    assert [one.sentence for one in found] == ["Nothing that feeds the model differs from the base."]
