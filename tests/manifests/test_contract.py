"""The contract of the fields: samples keep it, and each rule is broken once."""

from __future__ import annotations

import pytest

from mlops_ci.errors import ManifestError
from mlops_ci.manifests import contract
from mlops_ci.manifests.pointers import written
from mlops_ci.yaml_edit import Address, Set
from tests.manifests.samples import NAMES, SAMPLES, A, Sample, sample

KNATIVE, CANARY = sample("kserve", "knative"), sample("kserve", "knative canary")
STANDARD = sample("kserve", "standard canary")
ROLLOUT, BLUE_GREEN = sample("rollouts", "canary"), sample("rollouts", "waiting")
DEPLOYMENT, SLOTS = sample("deployment", "variable"), sample("deployment", "slots")
ROUTED, MIRRORED = sample("httproute", "deployments"), sample("httproute", "mirror")
LITERAL, IMAGE = sample("kustomize", "literal"), sample("kustomize", "image")


@pytest.mark.parametrize("one", SAMPLES, ids=NAMES)
def test_the_samples_keep_it(one: Sample) -> None:
    assert contract.problems(one.text) == ()


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (
            KNATIVE.but(('"Serverless"', "7")),
            "InferenceService/iris:metadata.annotations.serving.kserve.io/deploymentMode: must be a text, and 7",
        ),
        (
            CANARY.but(("t: 10", "t: 110")),
            "iris:spec.predictor.canaryTrafficPercent: must be 0 to 100, and 110",
        ),
        (
            CANARY.but(("t: 10", "t: 2.5")),
            "canaryTrafficPercent: must be a whole number, and 2.5 stands there",
        ),
        (
            CANARY.but(("t: 10", "t: on")),
            "canaryTrafficPercent: must be a whole number, and True stands there",
        ),
        (
            KNATIVE.but(("modelFormat:", "format:")),
            "spec.predictor.model.storageUri: needs modelFormat beside it",
        ),
        (KNATIVE.but((A.uri, "a b")), "storageUri: must have the form \\S*, and 'a b' stands there"),
        (
            STANDARD.but(("RawDeployment", "Knative")),
            "iris:spec.canary: is only for the mode Standard, and the mode is Knative",
        ),
        (
            STANDARD.but(("        name: kserve-container\n        ", "        ")),
            "spec.canary[0].predictor.model.storageUri: needs name beside",
        ),
        (
            STANDARD.but(("      name: v2", "      name: v1")),
            "predictor.name: must differ from spec.predictor.name",
        ),
        (
            STANDARD.but(("      name: v2", "      name: V2")),
            "predictor.name: must have the form [a-z]([-a-z0-9]",
        ),
        (
            STANDARD.but(("      name: v2", "      maxReplicas: 2\n      name: v2")),
            "must not stand beside maxReplicas",
        ),
        (
            STANDARD.but(
                (
                    "  canary:\n",
                    "  canary:\n  - {trafficPercent: 96, predictor: {name: v2, model: {name: c}}}\n  - 7\n",
                )
            ),
            "spec.canary: the sum of trafficPercent must be 0 to 100, and is 101",
        ),
        (
            ROLLOUT.but(("setWeight: 20", "setWeight: '20'")),
            "steps[0].setWeight: must be a whole number, and '20'",
        ),
        (
            ROLLOUT.but(("    canary:\n", "    blueGreen: {}\n    canary:\n")),
            "canary: must not stand beside blueG",
        ),
        (
            ROLLOUT.but(("replicas: 5", "replicas: -1")),
            "spec.replicas: must be 0 or more, and -1 stands there",
        ),
        (
            BLUE_GREEN.but(("      activeService: iris-active\n", "")),
            "autoPromotionEnabled: needs activeService",
        ),
        (BLUE_GREEN.but(("Enabled: false", "Enabled: 0")), "must be a true or false, and 0 stands there"),
        (
            DEPLOYMENT.but((f'"{A.uri}"', "7")),
            "containers[1].env[0].value: must be a text, and 7 stands there",
        ),
        (
            DEPLOYMENT.but((f'value: "{A.uri}"', 'value: "x"\n              valueFrom: {}')),
            "env[0].value: must not stand beside valueFrom",
        ),
        (
            SLOTS.but(("slot: blue   #", "slot: on   #")),
            "Service/iris:spec.selector.slot: must be a text, and True",
        ),
        (
            ROUTED.but(("weight: 100", "weight: 0")),
            "backendRefs: the sum of weight must be 1 to 16000000, and is 0",
        ),
        (
            ROUTED.but(("weight: 100", "weight: -1")),
            "backendRefs[0].weight: must be 0 to 1000000, and -1 stands",
        ),
        (
            MIRRORED.but(("percent: 50", "percent: 50\n        fraction: {}")),
            "percent: must not stand beside fract",
        ),
        (
            LITERAL.but(("THREADS=4", "THREADS")),
            "configMapGenerator[0].literals[2]: must have the form (?s)[^=]+=.*",
        ),
        (
            IMAGE.but(("digest: sha256:", "digest: ")),
            "images[0].digest: must have the form sha256:[0-9a-f]{64}, and",
        ),
    ],
)
def test_what_breaks_it_is_named_with_its_place(one: Sample, said: str) -> None:
    found = [f"{problem.place}: {problem.message}" for problem in contract.problems(one.text)]
    assert any(said in each for each in found), found


def test_two_canaries_have_two_names() -> None:
    entry = "  - {trafficPercent: 5, predictor: {name: v2, model: {name: c}}}\n"
    one = STANDARD.but(("  canary:\n", f"  canary:\n{entry}"))
    assert [problem.message for problem in contract.problems(one.text)] == [
        "predictor.name must differ from entry to entry"
    ]


def test_what_is_no_mapping_where_one_is_expected_has_no_fields() -> None:
    assert contract.problems("apiVersion: apps/v1\nkind: Deployment\nspec: [1]\n") == ()
    assert (
        contract.problems(
            "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nspec: {template: {spec: {containers: 7}}}\n"
        )
        == ()
    )


def test_an_edit_that_breaks_it_is_refused_and_what_was_broken_before_is_not() -> None:
    place = Address(("spec", "predictor", "canaryTrafficPercent"), "InferenceService", "iris")
    with pytest.raises(ManifestError, match="must be 0 to 100, and 101 stands there") as caught:
        written(CANARY.text, Set(place, 101))
    assert caught.value.hint == "the cluster would refuse it or read something else"
    broken = CANARY.but(("modelFormat:", "format:")).text
    assert "canaryTrafficPercent: 11" in written(broken, Set(place, 11))
    assert written(CANARY.text) == CANARY.text
