"""KServe: what both modes can say, where they hide something, and what is refused."""

from __future__ import annotations

import pytest

from mlops_ci.rollout import Rollout, Served
from tests.manifests.samples import A, B, C, Sample, sample

KNATIVE, CANARY, OLD = (sample("kserve", name) for name in ("knative", "knative canary", "old style"))
CUSTOM, SEVERAL = sample("kserve", "custom"), sample("kserve", "several uris")
STANDARD, BOTH = sample("kserve", "standard"), sample("kserve", "standard canary")
SET_B = [f'- storageUri: "{A.uri}"  # set by promotions', f'+ storageUri: "{B.uri}"  # set by promotions']


def test_a_promotion_edits_one_line() -> None:
    assert KNATIVE.diff(Rollout(B)) == SET_B


def test_a_canary_in_knative_mode_is_the_pointer_and_a_share() -> None:
    assert KNATIVE.diff(Rollout(A, B, 10)) == ["+ canaryTrafficPercent: 10", *SET_B]
    assert CANARY.diff(Rollout(A, B, 50)) == ["- canaryTrafficPercent: 10", "+ canaryTrafficPercent: 50"]
    assert CANARY.diff(Rollout(B)) == ["- canaryTrafficPercent: 10"]
    assert "+ canaryTrafficPercent: 0" in KNATIVE.diff(Rollout(A, B))


def test_a_share_of_100_is_the_promotion_itself() -> None:
    whole = CANARY.but(("canaryTrafficPercent: 10", "canaryTrafficPercent: 100"))
    assert whole.read() == Rollout(B)
    assert whole.diff(Rollout(C))[0] == "- canaryTrafficPercent: 100"
    assert "a share of 100 % is the promotion itself | make the candidate" in KNATIVE.refusal(
        Rollout(A, B, 100)
    )


def test_a_canary_runs_beside_what_is_live_and_nothing_else() -> None:
    assert f"beside the release that is live, {A.uri} | promote the stable" in KNATIVE.refusal(
        Rollout(C, B, 5)
    )
    empty = KNATIVE.but((A.uri, ""))
    assert empty.read() == Rollout(None)
    assert empty.write(Rollout(A)) == KNATIVE.text
    assert "beside the release that is live, and none is |" in empty.refusal(Rollout(A, B, 5))
    assert "does not say which release is to be stable" in KNATIVE.refusal(Rollout(None))


def test_a_canary_in_standard_mode_is_a_second_predictor() -> None:
    assert STANDARD.diff(Rollout(A, B, 5)) == [
        "+ canary:",
        "+ - trafficPercent: 5",
        "+ predictor:",
        "+ name: m-bbbbbbbbbbbb",
        "+ minReplicas: 2",
        "+ model:",
        "+ name: kserve-container",
        "+ modelFormat:",
        "+ name: sklearn",
        f"+ storageUri: {B.uri}",
    ]
    assert BOTH.diff(Rollout(A, B, 50)) == ["- - trafficPercent: 5", "+ - trafficPercent: 50"]


def test_a_promoted_canary_gives_its_name_to_the_predictor() -> None:
    after = BOTH.write(Rollout(B))
    assert "predictor: {name: v2, model:" in after
    assert "canary:" not in after
    assert "predictor: {name: v1, model:" in BOTH.write(Rollout(C))


def test_a_name_made_of_a_release_follows_it() -> None:
    during = STANDARD.write(Rollout(A, B, 5))
    other = STANDARD.write(Rollout(A, C, 5), during)
    assert ("m-bbbbbbbbbbbb" in other, "m-cccccccccccc" in other) == (False, True)
    assert "name: v2" in BOTH.write(Rollout(A, C, 5))
    taken = STANDARD.but(("name: v1", "name: m-bbbbbbbbbbbb"))
    assert "name: m-bbbbbbbbbbbb-2" in taken.write(Rollout(A, B, 5))
    by_uri = STANDARD.write(Rollout(A, Served("s3://models/iris/v7"), 5))
    assert "name: m-b6b26b3f2dfd" in by_uri or "name: m-" in by_uri


def test_a_server_of_ones_own_is_copied_whole() -> None:
    after = CUSTOM.write(Rollout(A, B, 5))
    assert after.count("image: registry.example.com/server:1.4") == 2
    assert after.count(A.uri) == after.count(B.uri) == 1


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (
            KNATIVE.but(('"Serverless"', '"ModelMesh"')),
            "deploymentMode 'ModelMesh' is not supported | the modes Knative (Serverless) and Standard",
        ),
        (KNATIVE.but(mode="standard"), "the option `mode` says standard, its annotation says Serverless |"),
        (KNATIVE.but(name="rose"), "no InferenceService named rose | name one of: iris"),
        (
            CANARY.but(mode="standard"),
            "spec.predictor.canaryTrafficPercent: does nothing in Standard mode | take it out",
        ),
        (BOTH.but(("RawDeployment", "Knative")), "spec.canary: KServe refuses it in Knative mode |"),
        (CANARY.but(("t: 10", "t: 2.5")), "expected a whole percent, but 2.5 stands there |"),
        (CANARY.but(("t: 10", "t: true")), "expected a whole percent, but True stands there |"),
        (CANARY.but(("t: 10", "t: 101")), "expected a whole percent, but 101 stands there |"),
        (CANARY.but(("t: 10", "t:")), "expected a whole percent, but None stands there |"),
        (
            CANARY.but((f"storageUri: {B.uri}", "storageUri: ''")),
            "canaryTrafficPercent: a canary without a model |",
        ),
        (
            CANARY.but((f"storageUri: {B.uri}", "storageUri: 7")),
            "expected the address of a model, but 7 stands",
        ),
        (
            CANARY.but(("storageUri:", "storagUri:")),
            "spec.predictor: names no model | write the model's address",
        ),
        (
            SEVERAL.but(mount=None),
            "which entry of storageUris is the model cannot be told | say its mountPath",
        ),
        (SEVERAL.but(mount="/mnt/x"), "no entry of storageUris has the mountPath /mnt/x |"),
        (
            CUSTOM.but(("    containers:", "    model:\n      storageUri: s3://m\n    containers:")),
            "names a model in 2 places: InferenceService/iris:spec.predictor.model.storageUri, Inf",
        ),
        (BOTH.but(("t: 5", "t: 5.5")), "spec.canary[0].trafficPercent: expected a whole percent, but 5.5"),
        (BOTH.but((f"storageUri: {B.uri}", "storageUri: ''")), "a canary without a model |"),
        (
            BOTH.but(("  - trafficPercent: 5\n", "  - trafficPercent: 2\n  - trafficPercent: 5\n")),
            "spec.canary: expected a list with one canary | end the other canaries first",
        ),
    ],
)
def test_what_cannot_be_is_refused(one: Sample, said: str) -> None:
    assert said in one.refusal()


@pytest.mark.parametrize(
    ("one", "rollout", "said"),
    [
        (KNATIVE, Rollout(A, B, mirror=10), "KServe cannot mirror requests | serve the release by a second"),
        (
            STANDARD.but(("    minReplicas: 2", "    workerSpec: {pipelineParallelSize: 2}")),
            Rollout(A, B, 5),
            "no canary over several nodes | use strategy: direct",
        ),
        (
            OLD.but(mode="standard"),
            Rollout(A, B, 5),
            "predictor.sklearn: a canary is written in the style `model:` only | turn `sklearn:` into `model:`",
        ),
        (BOTH, Rollout(None, B, 10), "does not say which release is to be stable |"),
    ],
)
def test_what_it_cannot_say_is_refused(one: Sample, rollout: Rollout, said: str) -> None:
    assert said in one.refusal(rollout)


def test_an_empty_list_of_canaries_is_none() -> None:
    assert BOTH.but(("  canary:\n", "  canary: []\n  old:\n")).read() == Rollout(A)


def test_a_predictor_in_its_old_style_is_found_by_any_framework() -> None:
    assert OLD.but(("sklearn:", "huggingface:")).read() == Rollout(A)
    helper = "    containers:\n    - {name: agent, image: x}\n"
    assert CUSTOM.but(("    containers:\n", helper)).read() == Rollout(A)
    assert CUSTOM.but(
        ("      env:\n      - name: PROTOCOL\n        value: v2\n", "      env:\n")
    ).read() == Rollout(A)


def test_reviewers_learn_what_git_hides() -> None:
    during = KNATIVE.notes(Rollout(A, B, 10))
    assert "Git names the candidate alone" in during
    assert "do not change one during a canary" in during
    assert "enable-tag-routing" not in during
    assert "enable-tag-routing" in KNATIVE.notes(Rollout(A, B))
    assert "Git names" not in KNATIVE.notes(Rollout(B))
    assert "KServe rewrites `predictor.sklearn`" in OLD.notes(Rollout(B))
    assert STANDARD.notes(Rollout(A, B, 5)).startswith("spec.canary needs KServe 0.20")
    assert BOTH.notes(Rollout(B)).startswith("The predictor takes the canary's name")
    assert BOTH.notes(Rollout(A)) == ""
