"""Argo Rollouts: Git says what to roll out, the controller how."""

from __future__ import annotations

import pytest

from mlops_ci.rollout import Rollout
from tests.manifests.samples import IMAGES, A, B, C, Sample, sample

CANARY, BLUE_GREEN = sample("rollouts", "canary"), sample("rollouts", "blue-green")
WAITING = sample("rollouts", "waiting")


def test_a_promotion_edits_the_pod_template_and_its_digest() -> None:
    after = CANARY.write(Rollout(B))
    assert (after.count(B.uri), after.count(A.uri)) == (1, 0)
    assert f'{{name: MODEL_SHA256, value: "{"b" * 64}"}}' in after


def test_a_blue_green_candidate_waits_until_the_switch_is_allowed() -> None:
    during = BLUE_GREEN.write(Rollout(A, B))
    assert BLUE_GREEN.diff(Rollout(A, B))[0] == "+ autoPromotionEnabled: false"
    assert BLUE_GREEN.read(during) == Rollout(None, B)
    assert "autoPromotionEnabled: true" in BLUE_GREEN.write(Rollout(B), during)
    back = BLUE_GREEN.write(Rollout(A), during)
    assert back == BLUE_GREEN.text.replace(
        "previewService: iris-preview", "previewService: iris-preview\n      autoPromotionEnabled: true"
    )
    assert WAITING.diff(Rollout(IMAGES["b"])) == [
        "- autoPromotionEnabled: false",
        "+ autoPromotionEnabled: true",
    ]


def test_an_empty_pointer_waits_for_nothing() -> None:
    assert BLUE_GREEN.but((A.uri, '""')).read() == Rollout(None)


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (
            CANARY.but(("  template:", "  workloadRef: {kind: Deployment}\n  template:")),
            "(spec.workloadRef) | use the",
        ),
        (
            WAITING.but(("Enabled: false", "Enabled: 'no'")),
            "autoPromotionEnabled: 'no' stands there | write true",
        ),
        (CANARY.but(("argoproj.io", "example.com")), "no Rollout of argoproj.io | add the Rollout to it"),
    ],
)
def test_what_cannot_be_is_refused(one: Sample, said: str) -> None:
    assert said in one.refusal()


@pytest.mark.parametrize(
    ("one", "rollout", "said"),
    [
        (
            CANARY,
            Rollout(A, B, 5),
            "spec.strategy.canary cannot share requests with a second release | its contr",
        ),
        (
            CANARY,
            Rollout(A, B, mirror=5),
            "spec.strategy.canary cannot copy requests to a second release | its",
        ),
        (CANARY, Rollout(A, B), "has no room for a candidate beside the stable release | its controller"),
        (CANARY, Rollout(None), "does not say which release is to be stable"),
        (
            BLUE_GREEN,
            Rollout(A, B, 5),
            "spec.strategy.blueGreen cannot share requests with a second release | use",
        ),
        (BLUE_GREEN, Rollout(C, B), f"a candidate waits beside what is live, {A.uri} | promote the stable"),
        (BLUE_GREEN.but((A.uri, '""')), Rollout(C, B), "a candidate waits beside what is live, nothing |"),
        (WAITING, Rollout(B), "containers[name=server].image: s3://models/iris/sha256-bbbb"),
    ],
)
def test_what_it_cannot_say_is_refused(one: Sample, rollout: Rollout, said: str) -> None:
    assert said in one.refusal(rollout)


def test_reviewers_learn_who_ramps() -> None:
    assert "The controller ramps" in CANARY.notes(Rollout(B))
    assert "Git names the waiting release alone" in BLUE_GREEN.notes(Rollout(A, B))
    assert "once the new pods are ready" in BLUE_GREEN.notes(Rollout(B))
