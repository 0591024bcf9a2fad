"""Texts are read as Kubernetes reads them: documents, values, what plain scalars mean."""

from __future__ import annotations

import math
from typing import Any

import pytest

from mlops_ci.errors import ManifestError
from mlops_ci.yaml_edit import Address, Document, documents, nodes, value
from tests.yaml_edit.corpus import text_of


def test_documents_are_plain_values_with_what_names_them() -> None:
    text = "\ufeffapiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  namespace: b\ndata: {on: yes, 8080: 0755}\n---\n- a list\n---\n# nothing\n---\nimage: {tag: 1.10}\n"
    assert documents(text) == (
        Document(
            "ConfigMap",
            "a",
            "b",
            "v1",
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "a", "namespace": "b"},
                # Keys are text as they stand.
                "data": {"on": True, "8080": 493},
            },
        ),
        Document("", "", "", "", {"image": {"tag": 1.1}}),
    )
    assert documents("") == documents("# nothing\n") == ()


def test_a_name_that_is_no_text_and_metadata_that_is_no_mapping_name_nothing() -> None:
    (one,) = documents("kind: [a]\nmetadata: b\n")
    assert (one.kind, one.name) == ("", "")
    # A reader takes the last of two.
    (two,) = documents("kind: A\nkind: B\n")
    assert (two.kind, two.data) == ("B", {"kind": "B"})


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        *((text, None) for text in ("", "~", "null", "Null", "NULL")),
        *((text, True) for text in ("y", "Y", "yes", "on", "true", "True", "TRUE", "On")),
        *((text, False) for text in ("n", "N", "no", "off", "false", "False", "FALSE", "Off")),
        *((text, text) for text in ("nUll", "tRue", "x", "12:30:45", "2024-03-01", "1.2.3", "0o8", "0xg", "1e", "-", ".", "+.", "1_", "<<")[:-2]),
        ("1_", 1),
        ("<<", "<<"),
        ("0", 0),
        ("-7", -7),
        ("+7", 7),
        ("1_000", 1000),
        ("0755", 493),
        ("0o755", 493),
        ("-0x1F", -31),
        ("0b101", 5),
        ("08", 8.0),
        ("1.50", 1.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("-1.5E-3", -0.0015),
        (".inf", math.inf),
        ("-.Inf", -math.inf),
    ],
)  # fmt: skip
def test_what_a_plain_scalar_means(text: str, meaning: Any) -> None:
    found = nodes.scalar(text)
    assert (found, type(found)) == (meaning, type(meaning))
    # A dash alone begins a list.
    assert text == "-" or value(f"a: {text}\n", Address.parse(":a")) == meaning


def test_no_number_and_types_that_are_written_out() -> None:
    assert math.isnan(nodes.scalar(".NaN"))
    text = "a: !!str 5\nb: !!int 5\nc: !!binary aGk=\ne: !secret x\nf: '5'\n"
    (one,) = documents(text)
    assert one.data == {"a": "5", "b": 5, "c": "aGk=", "e": "x", "f": "5"}


def test_merged_keys_are_read_and_own_keys_come_first() -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc:\n  <<: [*a, *b]\n  x: 3\nd: {<<: *b, '<<': text}\n"
    (one,) = documents(text)
    assert one.data["c"] == {"x": 3, "y": 1, "z": 2}
    assert one.data["d"] == {"<<": "text", "y": 2, "z": 2}
    assert one.data["c"] is not one.data["d"]


def test_values_are_found() -> None:
    text = text_of("kustomize/overlays/staging/kustomization.yaml")
    at = "Kustomization:configMapGenerator[name=iris-model].literals[MODEL_URI=*]"
    assert value(text, Address.parse(at)) == "MODEL_URI=s3://models/iris/sha256-bbbb"
    assert value(text, Address.parse("Kustomization:images[name=*].newTag")) == "1.4.2"
    assert value(text, Address.parse("Kustomization:resources")) == ["../../base"]
    assert value("l: [[1], {a: {b: 1}}, 5]\n", Address.parse(":l[2]")) == 5


@pytest.mark.parametrize(
    ("address", "message", "hint"),
    [
        (":b", ":b: is not there", "there is: a, l"),
        (":a.c.d", ":a.c.d: is not there", "there is: b"),
        (":l[a=1]", ":l[a=1]: is not there", "see how the path is written: docs/edit.md"),
        (":l[a=x]", ":l[a=x]: is not there", "see how the path is written: docs/edit.md"),
        (":l[7]", ":l[7]: is not there", "see how the path is written: docs/edit.md"),
    ],
)
def test_a_value_that_is_not_there(address: str, message: str, hint: str) -> None:
    with pytest.raises(ManifestError) as caught:
        value("a: {b: 1}\nl: [[a, x], {a: {x: 1}}]\n", Address.parse(address))
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_a_number_without_end_is_read_as_kubernetes_does() -> None:
    assert value("a: " + "1" * 5000, Address.parse(":a")) == float("inf")
