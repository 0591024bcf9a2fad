"""Definitions become strict schemas, and manifests are held to them."""

from __future__ import annotations

import json
import socket
import sys
from dataclasses import replace

import jsonschema
import pytest

from mlops_ci.errors import ConfigError, ManifestError
from mlops_ci.manifests import crds
from tests.manifests.samples import KNATIVE, ROLLOUT_CANARY

CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: inferenceservices.serving.kserve.io}
spec:
  group: serving.kserve.io
  names: {kind: InferenceService, plural: inferenceservices}
  versions:
  - name: v1beta1
    schema:
      openAPIV3Schema:
        type: object
        description: A model that answers.
        x-kubernetes-validations: [{rule: "true"}]
        properties:
          apiVersion: {type: string}
          spec:
            type: object
            required: [predictor]
            properties:
              predictor:
                type: object
                properties:
                  canaryTrafficPercent: {type: integer, format: int64, minimum: 0, maximum: 100}
                  minReplicas: {type: integer, minimum: 0, exclusiveMinimum: true, nullable: true}
                  mode: {type: string, nullable: true, enum: [a, b]}
                  port: {x-kubernetes-int-or-string: true, type: string}
                  either: {x-kubernetes-int-or-string: true, anyOf: [{type: integer}, {type: string}], pattern: "^[0-9]+%?$"}
                  odd: {type: string, pattern: "(?<go>x)"}
                  labels: {type: object, additionalProperties: {type: string}}
                  closed: {type: object, additionalProperties: false}
                  free: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {a: {type: string}}}
                  any: {}
                  template:
                    type: object
                    x-kubernetes-embedded-resource: true
                    properties: {spec: {type: object}}
                  containers:
                    type: array
                    items: {type: object, properties: {name: {type: string}}, required: [name]}
                  model:
                    type: object
                    properties:
                      modelFormat: {type: object, properties: {name: {type: string}}}
                      storageUri: {type: string}
                      storage: {type: object}
                    oneOf: [{required: [storageUri]}, {properties: {storage: {}}, required: [storage]}]
                    not: {required: [nothing]}
  - name: v1alpha1
"""
SERVICE = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: iris, labels: {a: b}}
spec:
  predictor:
    {MORE}
"""
(SCHEMA,) = crds.compiled(CRD)


def said(more: str) -> list[str]:
    """What the schema says of a predictor."""
    text = SERVICE.replace("{MORE}", more)
    return [f"{one.place}: {one.message}" for one in crds.problems(text, [SCHEMA])]


def test_a_definition_becomes_a_schema_that_says_what_it_is_of() -> None:
    assert SCHEMA.file == "serving.kserve.io_InferenceService_v1beta1.json"
    assert SCHEMA.api_version == "serving.kserve.io/v1beta1"
    body = json.loads(SCHEMA.to_json())
    jsonschema.Draft202012Validator.check_schema(body)
    assert body["x-kubernetes-group-version-kind"]["kind"] == "InferenceService"
    assert "description" not in SCHEMA.to_json()
    assert crds.loaded({SCHEMA.file: SCHEMA.to_json(), "README.md": "Ours."}) == (SCHEMA,)


@pytest.mark.parametrize(
    "more",
    [
        "model: {storageUri: s3://models/iris}",
        "canaryTrafficPercent: 0",
        "minReplicas:",
        "mode: null",
        "{port: 80, either: 5%}",
        "port: http",
        "odd: anything",
        "labels: {any: thing}",
        "free: {b: 1}",
        "any: [1, {a: b}]",
        "template: {apiVersion: v1, kind: Pod, metadata: {name: x}, spec: {any: thing}}",
        "containers: [{name: server}]",
        "model: {modelFormat: {name: sklearn}, storage: {path: x}}",
    ],
)
def test_what_the_cluster_takes_is_no_problem(more: str) -> None:
    assert said(more) == []


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (
            "model: {storagUri: s3://models/iris, modelFormat: {}}",
            "InferenceService/iris:spec.predictor.model: there is no storagUri (did you mean storageUri?) here",
        ),
        ("{zzz: 1, yyy: 2}", "InferenceService/iris:spec.predictor: there is no yyy and no zzz here"),
        (
            "canaryTrafficPercent: 101",
            "iris:spec.predictor.canaryTrafficPercent: 101 is greater than the maximum of 100",
        ),
        ("canaryTrafficPercent: 2.5", "2.5 is not of type 'integer'"),
        ("minReplicas: 0", "0 is less than or equal to the minimum of 0"),
        ("mode: c", "'c' is not one of ['a', 'b', None]"),
        ("port: 2.5", "2.5 is not valid under any of the given schemas"),
        ("either: x", "'x' does not match '^[0-9]+%?$'"),
        ("labels: {a: 1}", "1 is not of type 'string'"),
        ("closed: {a: 1}", "there is no a here"),
        ("template: {status: {}}", "there is no status here"),
        ("containers: [{name: a}, {image: b}]", "iris:spec.predictor.containers[1]: "),
        ("model: {storageUri: x, storage: {}}", "is valid under each of"),
    ],
)
def test_what_the_cluster_would_refuse_or_drop_is_named_with_its_place(more: str, problem: str) -> None:
    assert any(problem in each for each in said(more)), said(more)


def test_a_manifest_is_refused_by_its_first_problem() -> None:
    crds.check(KNATIVE.replace("    minReplicas: 1\n", ""), [SCHEMA])
    typos = KNATIVE.replace("storageUri:", "storage: {}\n      storagUri:").replace(
        "  predictor:", "  predicto: {}\n  predictor:"
    )
    with pytest.raises(
        ManifestError, match=r"InferenceService/iris:spec: there is no predicto .*, and 1 more$"
    ) as caught:
        crds.check(typos, [SCHEMA])
    assert caught.value.hint == "mend it; `mlops-ci schema check FILE` shows everything"
    with pytest.raises(ManifestError, match=r"did you mean storageUri\?\) here$"):
        crds.check(
            KNATIVE.replace("storageUri:", "storage: {}\n      storagUri:").replace(
                "    minReplicas: 1\n", ""
            ),
            [SCHEMA],
        )


def test_kinds_without_a_schema_are_passed_over_and_need_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    assert crds.problems(ROLLOUT_CANARY, [SCHEMA]) == ()
    with pytest.raises(ConfigError, match="but jsonschema is not installed") as caught:
        crds.problems(KNATIVE, [SCHEMA])
    assert caught.value.hint == 'install it with `pip install "mlops-ci[promotion]"`'


def test_definitions_in_a_list_and_among_other_documents_are_found() -> None:
    items = "".join(f"  {line}\n" for line in CRD.splitlines())
    listed = "kind: List\nitems:\n-" + items[1:]
    assert crds.compiled(f"kind: Namespace\n---\n{listed}---\nkind: List\nitems: 7\n") == (SCHEMA,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (KNATIVE, "there is no CustomResourceDefinition with a schema in it"),
        (CRD.replace("k8s.io/v1\n", "k8s.io/v1beta1\n"), "is in the old form apiextensions.k8s.io/v1beta1"),
        (CRD.replace("  group:", "  groups:"), "lacks spec.group, spec.names.kind or spec.versions"),
        (CRD.replace("group: serving.kserve.io", "group: ../../x"), "a definition has the name '../../x'"),
        (
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec:\n"
            "  {group: a, names: {kind: B}, versions: [{name: v1, schema: {openAPIV3Schema: {not: {}, properties: {a: 7}}}}]}",
            "a definition has 7 where a schema should be",
        ),
    ],
)
def test_what_is_no_definition_is_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        crds.compiled(text)
    assert caught.value.hint


@pytest.mark.parametrize("text", ["{", "{}", "[]", '{"x-kubernetes-group-version-kind": {"group": "a"}}'])
def test_what_is_no_schema_of_ours_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"a\.json: is no schema of a kind") as caught:
        crds.loaded({"a.json": text})
    assert caught.value.hint == "make it anew with `mlops-ci schema add`, or remove a.json"


def test_a_schema_that_refers_to_an_address_is_refused_and_nothing_is_fetched() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/a.json"
        foreign = replace(SCHEMA, body={**SCHEMA.body, "$ref": address})
        with pytest.raises(ConfigError, match=f"refers to what is not in it \\({address}\\)") as caught:
            crds.problems(KNATIVE, [foreign])
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert caught.value.hint.startswith("make it anew with `mlops-ci schema add`, or remove ")
