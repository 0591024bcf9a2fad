"""What an edit writes: where new keys go, how they look, what stays."""

from __future__ import annotations

from typing import Any

import pytest

from mlops_ci.yaml_edit import Address, Delete, Set, edit, value
from tests.yaml_edit.corpus import text_of

SERVICE = """\
# what is served
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: iris   # the model
spec:
  predictor:
    minReplicas: 1
    model:
      modelFormat: {name: sklearn}
      storageUri: 's3://models/iris/1'   # moved by promotions
      env:
      - name: A
        value: "7"
"""


def lines(before: str, *orders: Set | Delete) -> tuple[list[str], list[str]]:
    """The lines that an edit takes out and puts in, all others being as they were."""
    old, new = before.split("\n"), edit(before, *orders).split("\n")
    while old and new and old[0] == new[0]:
        del old[0], new[0]
    while old and new and old[-1] == new[-1]:
        del old[-1], new[-1]
    return old, new


@pytest.mark.parametrize(
    ("address", "new", "out", "into"),
    [
        (
            "spec.predictor.model.storageUri",
            "s3://models/iris/2",
            ["      storageUri: 's3://models/iris/1'   # moved by promotions"],
            ["      storageUri: 's3://models/iris/2'   # moved by promotions"],
        ),
        ("metadata.name", "yes", ["  name: iris   # the model"], ['  name: "yes"   # the model']),
        ("spec.predictor.minReplicas", 2, ["    minReplicas: 1"], ["    minReplicas: 2"]),
        ("spec.predictor.minReplicas", "2", ["    minReplicas: 1"], ['    minReplicas: "2"']),
        ("spec.predictor.minReplicas", None, ["    minReplicas: 1"], ["    minReplicas: null"]),
        ("spec.predictor.model.env[name=A].value", 8, ['        value: "7"'], ['        value: "8"']),
        ("spec.predictor.model.env[name=A].value", None, ['        value: "7"'], ["        value: null"]),
        (
            "spec.predictor.model.modelFormat.name",
            "a, b",
            ["      modelFormat: {name: sklearn}"],
            ['      modelFormat: {name: "a, b"}'],
        ),
        # New keys: a single value after those at the top, all else at the end.
        ("spec.predictor.canaryTrafficPercent", 5, [], ["    canaryTrafficPercent: 5"]),
        ("metadata.namespace", "models", [], ["  namespace: models"]),
        ("metadata.labels", {"app": "iris", "v": "1"}, [], ["  labels:", "    app: iris", '    v: "1"']),
        (
            'metadata.annotations."serving.kserve.io/deploymentMode"',
            "Standard",
            [],
            ["  annotations:", "    serving.kserve.io/deploymentMode: Standard"],
        ),
        (
            "spec.canary[name=v2].predictor.model.storageUri",
            "s3://models/iris/2",
            [],
            [
                "  canary:",
                "  - name: v2",
                "    predictor:",
                "      model:",
                "        storageUri: s3://models/iris/2",
            ],
        ),
        ("spec.predictor.model.modelFormat.version", "1", ["      modelFormat: {name: sklearn}"], ['      modelFormat: {name: sklearn, version: "1"}']),
        ("spec.predictor.model.env[name=B].value", "x", [], ["      - name: B", "        value: x"]),
        ("spec.predictor.model.env[name=B]", {"value": "x"}, [], ["      - name: B", "        value: x"]),
        ("spec.predictor.model.env[name=B]", {"value": "x", "name": "B"}, [], ["      - value: x", "        name: B"]),
        ("spec.predictor.model.env[1]", "plain", [], ["      - plain"]),
        ("spec.predictor.model.env[A=*]", "A=1", [], ["      - A=1"]),
        ("spec.predictor.model.args", ["--a", ["b", {}], {"c": []}], [], ["      args:", "      - --a", "      - - b", "        - {}", "      - c: []"]),
        ("spec.predictor.model.args", [], [], ["      args: []"]),
        ("spec.predictor.note", "two\nlines", [], ['    note: "two\\nlines"']),
        ("spec.on", {"80": 1, "true": 2, "a: b": 3}, [], ['  "on":', '    "80": 1', '    "true": 2', '    "a: b": 3']),
    ],
)  # fmt: skip
def test_an_edit_of_a_manifest(address: str, new: Any, out: list[str], into: list[str]) -> None:
    order = Set(Address.parse(f"InferenceService/iris:{address}"), new)
    assert lines(SERVICE, order) == (out, into)


def test_what_is_there_already_changes_nothing() -> None:
    for place, new in (
        ("metadata.name", "iris"),
        ("spec.predictor.minReplicas", 1),
        ("spec.predictor.model.env[name=A].value", 7),
        ("spec.predictor.model.modelFormat", {"name": "sklearn"}),
        ("spec.predictor.model.env", [{"value": "7", "name": "A"}]),
    ):
        assert edit(SERVICE, Set(Address.parse(f":{place}"), new)) is SERVICE
    assert edit(SERVICE) is SERVICE
    text = "a: .nan\nb: 5\nc: true\n"
    assert edit(text, Set(Address.parse(":a"), float("nan"))) == text
    assert edit(text, Set(Address.parse(":b"), 5.0)) == "a: .nan\nb: 5.0\nc: true\n"
    assert edit(text, Set(Address.parse(":c"), 1)) == "a: .nan\nb: 5\nc: 1\n"


def test_orders_are_carried_out_one_after_the_other_or_not_at_all() -> None:
    model = Address.parse("InferenceService/iris:spec.predictor.model")
    after = edit(
        SERVICE,
        Set(model.at("storageUri"), "s3://b"),
        Set(model.at("args"), ["x"]),
        Delete(model.at("env")),
        Set(model.at("storageUri"), "s3://c"),
    )
    assert after == SERVICE.replace("s3://models/iris/1", "s3://c").replace(
        '      env:\n      - name: A\n        value: "7"\n', "      args:\n      - x\n"
    )


@pytest.mark.parametrize(
    ("text", "address", "new", "after"),
    [
        # Ends of lines, a missing last one, a byte order mark.
        ("a: 1\r\nb:\r\n  c: 2\r\n", ":b.d", {"e": 1}, "a: 1\r\nb:\r\n  c: 2\r\n  d:\r\n    e: 1\r\n"),
        ("a: 1\r\nb: 2", ":c", 3, "a: 1\r\nb: 2\r\nc: 3"),
        ("a: 1", ":c", {"d": 3}, "a: 1\nc:\n  d: 3"),
        ("\ufeffa: 1\n", ":b", 2, "\ufeffa: 1\nb: 2\n"),
        ("\ufeffa: 1\n", ":a", "x", "\ufeffa: x\n"),
        # Nothing there yet.
        ("a:\n", ":a.b", 1, "a:\n  b: 1\n"),
        ("a: # why\nc: 1\n", ":a.b", 1, "a: # why\n  b: 1\nc: 1\n"),
        ("a:\n", ":a", "x", "a: x\n"),
        ("a:   # why\n", ":a", "x", "a: x   # why\n"),
        ("a:\n", ":a", [], "a: []\n"),
        ("a:\n", ":a[name=b]", {"c": 1}, "a:\n  - name: b\n    c: 1\n"),
        ("l:\n-\n- b\n", ":l[0]", "a", "l:\n- a\n- b\n"),
        ("l:\n- \n- b\n", ":l[0]", "a", "l:\n- a \n- b\n"),
        ("a: {b, c}\n", ":a.b", 1, "a: {b: 1, c}\n"),
        ("a: {b: , c: 1}\n", ":a.b", {"d": 1}, "a: {b: {d: 1} , c: 1}\n"),
        # Braces and brackets.
        ("a: {}\n", ":a.b", {"c": [1]}, "a: {b: {c: [1]}}\n"),
        ("a: []\n", ":a[name=b]", {"c": 1}, "a: [{name: b, c: 1}]\n"),
        ("a: [x]\n", ":a[1]", "y, z", 'a: [x, "y, z"]\n'),
        ("a: [\n  x,  # one\n]\n", ":a[1]", "z", "a: [\n  x, z,  # one\n]\n"),
        ('{"a": 1}\n', ":b", {"c": "d"}, '{"a": 1, "b": {"c": "d"}}\n'),
        ('{"a": ["x"]}\n', ":a[1]", "y", '{"a": ["x", "y"]}\n'),
        ("a: &x {}\n", ":a.b", 1, "a: &x {b: 1}\n"),
        ("{a: 1}\n", ":b", {}, "{a: 1, b: {}}\n"),
        # Behind what is shared, or goes on over lines.
        ("d: &d {k: v}\na: *d\n", ":b", 1, "d: &d {k: v}\na: *d\nb: 1\n"),
        ("d: &d {k: v}\nm:\n  a: *d # why\nz: 1\n", ":m.b", {"c": 1}, "d: &d {k: v}\nm:\n  a: *d # why\n  b:\n    c: 1\nz: 1\n"),
        ("d: &d x\nl:\n- a\n- *d\nz: 1\n", ":l[2]", "b", "d: &d x\nl:\n- a\n- *d\n- b\nz: 1\n"),
        ("l: &l\n- a\n", ":l[1]", "b", "l: &l\n- a\n- b\n"),
        ("l:\n-   a\n", ":l[1]", {"b": 1, "c": 2}, "l:\n-   a\n-   b: 1\n    c: 2\n"),
        ("l:\n-\n  a: 1\n", ":l[1]", {"b": 1, "c": 2}, "l:\n-\n  a: 1\n- b: 1\n  c: 2\n"),
        ("m:\n  a: x\n    y\n\n# z\n", ":m.b", {"c": 1}, "m:\n  a: x\n    y\n  b:\n    c: 1\n\n# z\n"),
        ("m:\n  a: |\n    x\n\nz: 1\n", ":m.b", 1, "m:\n  a: |\n    x\n  b: 1\n\nz: 1\n"),
        ("m:\n  a: |+ # all\n    x\n\nz: 1\n", ":m.b", 1, "m:\n  a: |+ # all\n    x\n\n  b: 1\nz: 1\n"),
        ("m:\n  a: |\n    x\n  c: 1\n", ":m.b", 1, "m:\n  a: |\n    x\n  c: 1\n  b: 1\n"),
        # The document's own indents.
        ("a:\n    b: 1\n", ":c.d.e", 1, "a:\n    b: 1\nc:\n    d:\n        e: 1\n"),
        ("a:\n - 1\n", ":c[0].d[0]", 1, "a:\n - 1\nc:\n - d:\n    - 1\n"),
        ("a: &a\n  b: 1\nc: *a\n", ":d.e", 1, "a: &a\n  b: 1\nc: *a\nd:\n  e: 1\n"),
        # An anchor that nobody uses.
        ("a: &x v1 # why\n", ":a", "v2", "a: &x v2 # why\n"),
        # Documents.
        ("---\n---\na: 1\n---\n", ":a", 2, "---\n---\na: 2\n---\n"),
        ("kind: A\n---\nkind: B\nx: 1\n...\n", "B:x", 2, "kind: A\n---\nkind: B\nx: 2\n...\n"),
        ("- a: 1\n- a: 2\n", ":[a=2].a", 3, "- a: 1\n- a: 3\n"),
    ],
)  # fmt: skip
def test_set(text: str, address: str, new: Any, after: str) -> None:
    assert edit(text, Set(Address.parse(address), new)) == after


@pytest.mark.parametrize(
    ("text", "address", "after"),
    [
        ("a: 1\nb: 2\nc: 3\n", ":b", "a: 1\nc: 3\n"),
        ("a: 1\nb: 2 # why", ":b", "a: 1"),
        ("a: 1\r\nb: 2", ":b", "a: 1"),
        ("a: 1\nb: 2", ":a", "b: 2"),
        ("# why\na: 1\n\n# b\nb: 2\n", ":a", "# why\n\n# b\nb: 2\n"),
        ("a: 1\nb: |\n  x\n\nc: 3\n", ":b", "a: 1\n\nc: 3\n"),
        ("a: 1\nb: |+\n  x\n\nc: 3\n", ":b", "a: 1\nc: 3\n"),
        ("l:\n- a\n- b: 1\n  c: 2\n", ":l[b=1]", "l:\n- a\n"),
        ("l:\n  - A=1\n  - B=2\n", ":l[A=*]", "l:\n  - B=2\n"),
        ("a: {b: 1, c: 2}\n", ":a.b", "a: {c: 2}\n"),
        ("a: {b: 1, c: 2}\n", ":a.c", "a: {b: 1}\n"),
        ("a: { b: 1 }\n", ":a.b", "a: {  }\n"),
        ("a: [x, y, z]\n", ":a[1]", "a: [x, z]\n"),
        ("d: &d x\nl: [a, *d, b]\n", ":l[2]", "d: &d x\nl: [a, *d]\n"),
    ],
)  # fmt: skip
def test_delete(text: str, address: str, after: str) -> None:
    assert edit(text, Delete(Address.parse(address))) == after


def test_a_document_is_named_by_kind_group_name_and_namespace() -> None:
    text = text_of("kubernetes/knative-service.yaml")
    knative = edit(
        text, Set(Address.parse("Service.serving.knative.dev/iris:spec.traffic[tag=candidate].percent"), 50)
    )
    assert knative == text.replace("percent: 10", "percent: 50")
    core = edit(text, Set(Address.parse("Service.v1/iris:spec.type"), "ClusterIP"))
    assert core == text.replace("ExternalName", "ClusterIP", 1)
    two = text_of("gateway/multi-namespace.yaml")
    after = edit(
        two, Set(Address.parse("HTTPRoute/production/iris:spec.rules[0].backendRefs[name=iris].weight"), 9)
    )
    assert after == "weight: 9".join(two.rsplit("weight: 1", 1))


def test_a_value_is_read_through_aliases_and_merges() -> None:
    text = text_of("helm/anchors.yaml")
    assert value(text, Address.parse(":production.resources.cpu")) == "100m"
    assert value(text, Address.parse(":staging.resources.cpu")) == "100m"
    assert value(text, Address.parse(":staging.resources")) == {"memory": "2Gi", "cpu": "100m"}
