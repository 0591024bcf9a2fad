"""Addresses are read and written back the same, and what is wrong with one is said."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_ci.errors import ConfigError
from mlops_ci.yaml_edit import Address, Match

EXAMPLES = {
    "InferenceService/iris:spec.predictor.model.storageUri": Address(
        ("spec", "predictor", "model", "storageUri"), "InferenceService", "iris"
    ),
    ":image.tag": Address(("image", "tag")),
    "Deployment/staging/iris:spec.replicas": Address(("spec", "replicas"), "Deployment", "iris", "staging"),
    "Kustomization:images[name=iris].newTag": Address(
        ("images", Match("name", "iris"), "newTag"), "Kustomization"
    ),
    "Service.serving.knative.dev/iris:spec.traffic[0].percent": Address(
        ("spec", "traffic", Match("", "0"), "percent"), "Service.serving.knative.dev", "iris"
    ),
    ":configMapGenerator[name=m].literals[MODEL_URI=*]": Address(
        ("configMapGenerator", Match("name", "m"), "literals", Match("MODEL_URI", "*"))
    ),
    'Service/iris:metadata.annotations."serving.kserve.io/deploymentMode"': Address(
        ("metadata", "annotations", "serving.kserve.io/deploymentMode"), "Service", "iris"
    ),
    'ClusterRole/"system:reader":rules[0].verbs[1]': Address(
        ("rules", Match("", "0"), "verbs", Match("", "1")), "ClusterRole", "system:reader"
    ),
    ":[op=replace].value": Address((Match("op", "replace"), "value")),
    ':a."b\\"c\\\\"[k="x ]"]': Address(("a", 'b"c\\', Match("k", "x ]"))),
    ':"ends-"': Address(("ends-",)),
    ":": Address(()),
    "List:": Address((), "List"),
    "/iris:kind": Address(("kind",), "", "iris"),
}


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_address_is_read_and_written_as_it_was(text: str) -> None:
    assert Address.parse(text) == EXAMPLES[text]
    assert str(EXAMPLES[text]) == text


def test_what_need_not_be_quoted_may_be() -> None:
    assert Address.parse('"Deployment"/"iris":"spec"."replicas"') == Address.parse(
        "Deployment/iris:spec.replicas"
    )
    assert Address.parse(':args[007]."x"') == Address(("args", Match("", "7"), "x"))
    assert Address.parse(":env[0=a]").path == ("env", Match("0", "a"))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("spec.replicas", "has no colon between the document and the path"),
        ("", "has no colon between the document and the path"),
        ("a/b/c/d:e", "has too many parts before its colon"),
        (":a..b", "has no name where one should be, at character 4"),
        (":a.", "has no name where one should be, at character 4"),
        (":a[name]", "has brackets without key=value or a number in them"),
        (":a[]", "has no name where one should be, at character 4"),
        (":a[name=b", "has a bracket that is not closed"),
        (":a[name=]", "has no name where one should be, at character 9"),
        (':a."b', "has no name where one should be, at character 4"),
        (":a b", "cannot be read from ' b' on"),
        (":a[0]b", "cannot be read from 'b' on"),
    ],
)
def test_what_is_wrong_with_an_address_is_said(text: str, why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Address.parse(text)
    assert caught.value.message == f"the address {text!r} {why}"
    assert caught.value.hint.startswith("write Kind/name:path.to.key")


_words = st.text(min_size=1, max_size=8)
_parts = st.one_of(
    _words,
    st.builds(Match, _words, _words),
    st.builds(Match, st.just(""), st.integers(0, 99).map(str)),
)


@given(st.lists(_parts, max_size=5), st.text(max_size=5), st.text(max_size=5), st.text(max_size=5))
@settings(max_examples=300, derandomize=True, deadline=None)
def test_any_address_is_read_back(path: list[str | Match], kind: str, name: str, namespace: str) -> None:
    address = Address(tuple(path), kind, name, namespace)
    assert Address.parse(str(address)) == address
