"""Values files: the model's values, and those of a canary where the chart has them."""

from __future__ import annotations

import pytest

from mlops_ci.rollout import Rollout
from tests.manifests.samples import A, B, C, Sample, sample

VALUES, CANARY, RUNNING = (sample("helm", name) for name in ("values", "canary", "running canary"))


def test_a_promotion_edits_the_values_of_the_model() -> None:
    assert VALUES.diff(Rollout(B)) == [
        f'- uri: "{A.uri}"',
        f"- sha256: {'a' * 64}",
        f'+ uri: "{B.uri}"',
        f"+ sha256: {'b' * 64}",
    ]


def test_a_canary_is_switched_on_and_off() -> None:
    during = CANARY.write(Rollout(A, B, 10))
    assert CANARY.read(during) == Rollout(A, B, 10)
    assert ("enabled: true" in during, "weight: 10" in during) == (True, True)
    after = CANARY.write(Rollout(B), during)
    assert CANARY.read(after) == Rollout(B)
    assert ("enabled: false" in after, "weight: 0" in after) == (True, True)


def test_without_a_switch_the_candidate_stays_named() -> None:
    assert RUNNING.read(RUNNING.write(Rollout(B))) == Rollout(B, B)
    assert RUNNING.read(RUNNING.write(Rollout(A, C, 50))) == Rollout(A, C, 50)


def test_places_are_named_by_dotted_keys() -> None:
    one = VALUES.but(
        ("model:\n", "serving:\n"), ("  uri:", "  address:"), uri="serving.address", digest="serving.sha256"
    )
    assert one.read() == Rollout(A)
    assert B.uri in one.write(Rollout(B))


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (
            VALUES.but(("uri:", "url:")),
            "the values have no model.uri | say where the model's address stands with",
        ),
        (
            VALUES.but(digest="model.md5"),
            "the values have no model.md5 | add it, or correct the option `digest`",
        ),
        (
            VALUES.but(("replicas: 2\n", "replicas: 2\n---\n")),
            "is one document, but 2 stand there | split the file",
        ),
        (
            CANARY.but(("    weight: 0\n", "")),
            "the values have canary.uri but no canary.weight | a canary needs",
        ),
        (
            CANARY.but(("    uri: ''\n", "")),
            "the values have canary.weight but no canary.uri | a canary needs",
        ),
        (CANARY.but(("weight: 0", "weight: '0'")), "canary.weight: expected a whole percent, but '0' stands"),
        (
            CANARY.but(("enabled: false", "enabled: 'no'")),
            "canary.enabled: 'no' stands there | write true or false",
        ),
        (VALUES.but(("sha256: a", "sha256: b")), "stands beside an address that names sha256:aaa"),
    ],
)
def test_what_cannot_be_is_refused(one: Sample, said: str) -> None:
    assert said in one.refusal()


@pytest.mark.parametrize(
    ("one", "rollout", "said"),
    [
        (
            VALUES,
            Rollout(A, B, 5),
            "the chart cannot share requests with a second release | use strategy: direct",
        ),
        (VALUES, Rollout(A, B), "the chart has no room for a candidate"),
        (CANARY, Rollout(A, B, mirror=5), "the values of a chart have no mirror | use strategy: canary"),
        (CANARY, Rollout(None, B, 5), "does not say which release is to be stable"),
    ],
)
def test_what_it_cannot_say_is_refused(one: Sample, rollout: Rollout, said: str) -> None:
    assert said in one.refusal(rollout)


def test_reviewers_learn_what_the_chart_must_do() -> None:
    assert VALUES.notes(Rollout(B)).endswith("into the pod template.")
    assert RUNNING.notes(Rollout(B)).endswith("stays named in canary.uri, with no share of the requests.")
    assert "stays named" not in CANARY.notes(Rollout(B))
    assert "stays named" not in RUNNING.but(
        (f'uri: "{B.uri}", sha256: "sha256:{"b" * 64}", weight: 25', 'uri: "", weight: 0')
    ).notes(Rollout(B))
