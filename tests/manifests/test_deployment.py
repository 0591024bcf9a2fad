"""Plain Deployments: where pods name their model, and the two slots behind a Service."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from mlops_ci.manifests import deployment
from mlops_ci.rollout import Rollout, Served
from tests.manifests.samples import IMAGES, A, B, C, Sample, sample

VARIABLE, ANNOTATION = sample("deployment", "variable"), sample("deployment", "annotation")
IMAGE, SLOTS = sample("deployment", "image"), sample("deployment", "slots")
FLIP = ["- slot: blue   # who is live", "+ slot: green   # who is live"]


def test_the_digest_beside_the_address_is_kept_in_step() -> None:
    assert VARIABLE.diff(Rollout(B)) == [
        f'- value: "{A.uri}"',
        f'+ value: "{B.uri}"',
        f'- value: "{A.digest}"',
        f'+ value: "{B.digest}"',
    ]
    assert ANNOTATION.diff(Rollout(B))[3] == f"+ example.com/digest: {'b' * 64}"


def test_a_digest_in_an_annotation_is_found_by_its_name() -> None:
    one = ANNOTATION.but(
        ("example.com/digest:", "MODEL_SHA256:"),
        ("server:1.4\n", f"server:1.4\n        env: [{{name: MODEL_URI, value: {A.uri}}}]\n"),
        annotation=None,
        digest=None,
    )
    assert one.read() == Rollout(A)
    assert one.write(Rollout(B)).count("b" * 64) == 2


def test_an_address_without_a_digest_in_it_takes_it_from_beside() -> None:
    named = Served("s3://models/iris/v7/model.json", A.digest)
    one = VARIABLE.but((A.uri, named.uri))
    assert one.read() == Rollout(named)
    assert one.write(Rollout(B)) == VARIABLE.write(Rollout(B))
    assert "is not known, the old one must not stay" in one.refusal(Rollout(Served("s3://models/iris/v8")))


def test_an_empty_digest_is_none_yet() -> None:
    one = VARIABLE.but((f'"{A.digest}"', '""'))
    assert one.read() == Rollout(A)
    assert f'value: "{"b" * 64}"' in one.write(Rollout(B))


def test_the_image_is_the_release_where_that_is_said() -> None:
    assert IMAGE.diff(Rollout(IMAGES["b"])) == [f"- image: {IMAGES['a'].uri}", f"+ image: {IMAGES['b'].uri}"]
    tagged = IMAGE.but((IMAGES["a"].uri, "registry.example.com/iris:1.4"))
    assert tagged.read() == Rollout(Served("registry.example.com/iris:1.4"))


def test_a_container_without_a_name_is_found_by_its_place() -> None:
    one = VARIABLE.but(("- name: server\n          image:", "- image:"))
    assert one.write(Rollout(B)) == VARIABLE.write(Rollout(B)).replace(
        "- name: server\n          image:", "- image:"
    )


def test_the_switch_edits_the_selector_alone() -> None:
    assert SLOTS.diff(Rollout(B)) == FLIP
    assert SLOTS.diff(Rollout(B, A)) == FLIP


def test_a_candidate_goes_to_the_idle_slot() -> None:
    assert SLOTS.read(SLOTS.write(Rollout(A, C))) == Rollout(A, C)
    assert SLOTS.diff(Rollout(B, C))[-2:] == FLIP
    assert SLOTS.read(SLOTS.write(Rollout(B, C))) == Rollout(B, C)
    # Without the idle slot's release it is the live slot that changes.
    assert SLOTS.read(SLOTS.write(Rollout(C))) == Rollout(C, B)


def test_one_deployment_of_several_is_named() -> None:
    one = SLOTS.but(name="iris-green")
    assert one.read() == Rollout(B)
    other = SLOTS.but(("kind: Service\nmetadata:\n  name: iris\n", "kind: Service\nmetadata: {name: old}\n"))
    assert other.but(service="old").read() == Rollout(A, B)


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (VARIABLE.but(("sha256-a", "sha256-b")), "stands beside an address that names sha256:baaa"),
        (
            VARIABLE.but((f'"{A.digest}"', "abc")),
            "expected a sha256 digest, but 'abc' stands there | write the 64",
        ),
        (VARIABLE.but((f'"{A.digest}"', "7")), "expected a sha256 digest, but 7 stands there |"),
        (
            VARIABLE.but((f'"{A.uri}"', "7")),
            "env[name=MODEL_URI].value: expected the address of a model, but 7",
        ),
        (
            VARIABLE.but((f'value: "{A.uri}"', "valueFrom: {}")),
            "comes from elsewhere (valueFrom) | name the manifest",
        ),
        (
            VARIABLE.but(("MODEL_URI", "MODEL")),
            "no container of its pods sets MODEL_URI or STORAGE_URI | say",
        ),
        (VARIABLE.but(("MODEL_SHA256", "STORAGE_URI")), "more than one place of its pods sets MODEL_URI or"),
        (
            VARIABLE.but(("- name: proxy\n          image: registry.example.com/proxy:2", "- 7")),
            "spec.template.spec.containers: 7 stands among its entries | each",
        ),
        (VARIABLE.but(env="OTHER"), "no container of its pods sets OTHER | say where the model stands with"),
        (VARIABLE.but(container="proxy"), "no container of its pods sets MODEL_URI or STORAGE_URI |"),
        (
            VARIABLE.but(digest="OTHER"),
            "neither a variable nor an annotation of its pods is named OTHER | add it",
        ),
        (VARIABLE.but(image=True), "more than one place of its pods can be the one whose image it is | say"),
        (
            ANNOTATION.but(annotation="x/y"),
            "its pod template has no annotation x/y | add it below spec.template",
        ),
        (ANNOTATION.but(digest="x/y"), "its pod template has no annotation x/y |"),
        (VARIABLE.but(name="rose"), "no Deployment named rose | name one of: iris"),
        (
            SLOTS.but(("slot: blue   #", "slot: red   #")),
            "which of the Deployments iris-blue, iris-green is live cannot be told: no Service picks one",
        ),
        (SLOTS.but(("  selector:", "  old:")), "no Service picks one of two by a label |"),
        (
            SLOTS.but(("labels: {app: iris, slot: green}", "labels: 7")),
            "no Service picks one of two by a label |",
        ),
        (SLOTS.but(service="rose"), "no Service picks one of two by a label | say the Deployment with"),
        (
            replaced := SLOTS.but(
                (
                    "---\napiVersion: v1\n",
                    "---\napiVersion: v1\nkind: Service\nspec: {selector: {slot: green}}\n---\napiVersion: v1\n",
                )
            ),
            "more than one Service picks one of two by a label |",
        ),
    ],
)
def test_what_cannot_be_is_refused(one: Sample, said: str) -> None:
    assert said in one.refusal()


@pytest.mark.parametrize(
    ("one", "rollout", "said"),
    [
        (
            VARIABLE,
            Rollout(A, B),
            "has no room for a candidate beside the stable release | add a second Deployment",
        ),
        (
            VARIABLE,
            Rollout(A, B, 5),
            "Deployment/iris cannot share requests with a second release | put an HTTPR",
        ),
        (
            SLOTS,
            Rollout(A, B, mirror=5),
            "Deployment/iris-blue cannot copy requests to a second release | put",
        ),
        (VARIABLE, Rollout(None), "does not say which release is to be stable"),
        (IMAGE, Rollout(B), "model.json is no image | name the place of the model's address instead"),
        (VARIABLE, Rollout(Served(A.uri, B.digest)), "names another digest than the release has, sha256:bbb"),
        (
            SLOTS.but(("  name: iris-green\nspec:\n", "  name: iris-green\nspec:\n  replicas: 0\n")),
            Rollout(B),
            "Deployment/iris-green: has replicas: 0, and all requests would go there | give the slot",
        ),
    ],
)
def test_what_it_cannot_say_is_refused(one: Sample, rollout: Rollout, said: str) -> None:
    assert said in one.refusal(rollout)


def test_a_model_stands_in_one_place() -> None:
    with pytest.raises(ValidationError, match="say one of env, annotation and image"):
        deployment.Options(env="MODEL", image=True)


def test_reviewers_learn_which_pods_start_anew() -> None:
    assert "replaces its pods by its own strategy" in VARIABLE.notes(Rollout(B))
    assert "Service/iris sends all requests to the slot green at once" in SLOTS.notes(Rollout(B))
    assert "The live slot blue replaces its pods" in SLOTS.notes(Rollout(C))
    assert "starts in the slot green and gets no request" in SLOTS.notes(Rollout(A, C))
