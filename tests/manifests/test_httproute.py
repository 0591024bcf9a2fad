"""HTTPRoutes: weights and mirrors before two workloads."""

from __future__ import annotations

import pytest

from mlops_ci.rollout import Rollout
from tests.manifests.samples import A, B, C, Sample, sample

ROUTED, MIRRORED = sample("httproute", "deployments"), sample("httproute", "mirror")
PERCENT = "        percent: 50\n"
RULE = "  - backendRefs:\n    - {name: iris-blue, weight: 100}\n    - {name: iris-green, weight: 0}\n"


def test_a_canary_edits_the_weights_alone() -> None:
    assert ROUTED.diff(Rollout(A, B, 10)) == ["- weight: 100", "+ weight: 90", "- weight: 0", "+ weight: 10"]


def test_a_promotion_goes_to_the_stable_workload_and_takes_the_requests_back() -> None:
    during = ROUTED.write(Rollout(A, B, 50))
    after = ROUTED.write(Rollout(B), during)
    assert ROUTED.read(after) == Rollout(B, B)
    assert ("weight: 100" in after, "weight: 50" in after) == (True, False)


def test_a_mirror_comes_and_goes_as_a_filter() -> None:
    shadowed = ROUTED.write(Rollout(A, C, mirror=100))
    assert ROUTED.read(shadowed) == Rollout(A, C, mirror=100)
    assert "filters:\n    - type: RequestMirror\n" in shadowed
    assert ROUTED.write(Rollout(A, B), shadowed) == ROUTED.text
    assert MIRRORED.diff(Rollout(A, B, mirror=5)) == ["- percent: 50", "+ percent: 5"]
    gone = MIRRORED.write(Rollout(A, B))
    assert ("RequestMirror" in gone, "RequestHeaderModifier" in gone) == (False, True)
    again = MIRRORED.write(Rollout(A, B, mirror=50), gone)
    assert MIRRORED.read(again) == Rollout(A, B, mirror=50)


def test_weights_are_shares_of_their_sum() -> None:
    nine = ROUTED.but(("weight: 100", "weight: 9"), ("weight: 0", "weight: 1"))
    assert nine.read() == Rollout(A, B, 10)
    assert ROUTED.but(("      weight: 100\n", ""), ("      weight: 0\n", "")).read() == Rollout(A, B, 50)
    # One of the two is right already.
    assert nine.but(("weight: 9", "weight: 50"), ("weight: 1", "weight: 0")).diff(Rollout(A, B, 50)) == [
        "- weight: 0",
        "+ weight: 50",
    ]


@pytest.mark.parametrize(
    ("said", "percent"),
    [
        ("", 100),
        ("        fraction: {numerator: 20}\n", 20),
        ("        fraction: {numerator: 1, denominator: 4}\n", 25),
    ],
)
def test_a_mirror_without_a_percent_is_a_fraction_or_all(said: str, percent: int) -> None:
    one = MIRRORED.but((PERCENT, said))
    assert one.read() == Rollout(A, B, mirror=percent)
    assert one.read(one.write(Rollout(A, B, mirror=50))) == Rollout(A, B, mirror=50)


def test_all_rules_are_written() -> None:
    one = ROUTED.but(("  rules:\n", f"  rules:\n{RULE}"))
    after = one.write(Rollout(A, B, 10))
    assert (after.count("weight: 90"), after.count("weight: 10")) == (2, 2)


def test_a_workload_is_found_by_the_service_before_it_or_by_its_name() -> None:
    services = "".join(
        f"---\napiVersion: v1\nkind: Service\nmetadata: {{name: svc-{name}}}\nspec: {{selector: {{slot: {name}}}}}\n"
        for name in ("blue", "green")
    )
    one = ROUTED.but(
        ("- name: iris-blue\n      port", "- name: svc-blue\n      port"),
        ("- name: iris-green\n      port", "- name: svc-green\n      port"),
    )
    assert (
        "which workload is behind the backend svc-blue cannot be told; the manifest has Dep" in one.refusal()
    )
    assert one.but(("---\n", f"{services}---\n")).read() == Rollout(A, B)
    assert one.but(stable="iris-blue", candidate="iris-green").read() == Rollout(A, B)
    assert ROUTED.but(stable="iris-green", candidate="iris-blue").read() == Rollout(B, A)


def test_the_route_of_another_rollout_is_not_controlled() -> None:
    controlled = ROLLOUT.replace("[{name: iris}]", "[{name: rose}]")
    assert ROUTED.but(("weight: 0\n---\n", f"weight: 0\n{controlled}")).read() == Rollout(A, B)


def test_an_empty_candidate_is_none() -> None:
    assert ROUTED.but((B.uri, '""'), (B.digest, '""')).read() == Rollout(A)


ROLLOUT = """\
---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: iris}
spec: {strategy: {canary: {trafficRouting: {plugins: {argoproj-labs/gatewayAPI: {weight: 7, httpRoutes: [{name: iris}]}}}}}}
---
"""


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (
            ROUTED.but(("---\n", ROLLOUT)),
            "Rollout/iris sets its weights in the cluster | use the manifest kind",
        ),
        (
            ROUTED.but(("    - name: iris-green\n      port: 8080\n      weight: 0\n", "")),
            "no rule has two backendRefs",
        ),
        (
            ROUTED.but(("  rules:\n", f"  rules:\n{RULE.replace('100', '90').replace(' 0}', ' 10}')}")),
            "its rules split the requests in 2 ways | give all of them the same",
        ),
        (
            ROUTED.but(("  - backendRefs:\n", "  - backendRefs:\n    - {name: red}\n")),
            "backendRefs: 3 backends share the requests | keep the stable and the candidate",
        ),
        (
            ROUTED.but(("- name: iris-green\n      port", "- port")),
            "a backend has no name | name the workload's",
        ),
        (ROUTED.but(("weight: 100", "weight: 9.5")), "the weights are [9.5, 0] | write whole numbers"),
        (
            ROUTED.but(("weight: 100", "weight: 0")),
            "the weights 0 and 0 are no whole percents | let their sum",
        ),
        (ROUTED.but(("weight: 0", "weight: 50")), "the weights 100 and 50 are no whole percents |"),
        (ROUTED.but(stable="iris-green"), "both backends lead to Deployment/iris-green | give the candidate"),
        (
            MIRRORED.but((PERCENT, "        fraction: {numerator: 1, denominator: 3}\n")),
            "requestMirror.fraction: no whole percent | write `percent:`",
        ),
        (
            MIRRORED.but(
                (
                    "    backendRefs:\n",
                    "    - requestMirror: {backendRef: {name: iris-v2-predictor}}\n    backendRefs:\n",
                )
            ),
            "two filters mirror to iris-v2-predictor | keep one of them",
        ),
        (
            MIRRORED.but(("    sklearn:\n", "    canaryTrafficPercent: 5\n    sklearn:\n")),
            "InferenceService/iris-v2: has a canary of its own behind a route that splits | end it",
        ),
        (ROUTED.but(name="rose"), "no HTTPRoute named rose | name one of: iris"),
        (
            ROUTED.but(
                (
                    "---\n",
                    "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: rose}\n---\n",
                )
            ),
            "has 3 documents of kind HTTPRoute: iris, rose, rose | say which",
        ),
    ],
)
def test_what_cannot_be_is_refused(one: Sample, said: str) -> None:
    assert said in one.refusal()


def test_a_rollout_without_a_stable_release_is_refused() -> None:
    assert "does not say which release is to be stable" in ROUTED.refusal(Rollout(None, B, 5))


def test_reviewers_learn_which_pods_start_under_load() -> None:
    assert "start with this very change" in ROUTED.notes(Rollout(A, C, 10))
    assert "The stable workload loads the release" in ROUTED.notes(Rollout(B))
    assert "it must write to nothing that is shared" in ROUTED.notes(Rollout(A, B, mirror=10))
    assert ROUTED.notes(Rollout(A, B, 10)) == ""
