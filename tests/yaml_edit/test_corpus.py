"""Every value, key and list of more than 100 manifests is edited; nothing but the place may change."""

from __future__ import annotations

import difflib
import itertools
from typing import Any

import pytest
import yaml
from ruamel.yaml import YAML

from mlops_ci.errors import ManifestError
from mlops_ci.yaml_edit import Address, Delete, Match, Set, changes, documents, edit, nodes, value
from tests.yaml_edit.corpus import FILES, Place, changed, head, loaded, places, roots, span, text_of, without

KEY = "example.com/new"
NEW = {"list": ["x", {"on": "off"}], "number": 1.5}

# What must be refused, and nothing else: the part of the address that is refused, and why.
REFUSED = {
    "argocd/application-set.yaml": {
        "spec.template.metadata.name": "is a template ({{.model}})",
        "spec.template.spec.source.targetRevision": "is a template ({{.revision}})",
        "spec.template.spec.source.path": "is a template (models/{{.model}})",
    },
    "argocd/config-map.yaml": {
        'data."resource.customizations.health.serving.kserve.io_InferenceService"': "is a block of text (|)"
    },
    "argocd/helm-application.yaml": {"spec.source.helm.values": "is a block of text (|)"},
    "flux/git-repository.yaml": {"spec.ignore": "is a block of text (|)"},
    "helm/anchors.yaml": {
        "defaults.cpu": "is referred to by an alias",
        "defaults.memory": "is referred to by an alias",
        "staging.resources.cpu": "line 6 merges other keys in (<<)",
        "staging.resources.memory": "line 6 merges other keys in (<<)",
        "production.resources.cpu": "is an alias of what stands at line 1",
        "production.resources.memory": "is an alias of what stands at line 1",
    },
    "helm/multi-line.yaml": {
        "server.config": "is a block of text (|)",
        "server.script": "is a block of text (>)",
        "server.keep": "is a block of text (|)",
    },
    "istio/envoy-filter.yaml": {
        "spec.configPatches[0].patch.value.typed_config.inlineCode": "is a block of text (|)"
    },
    "kserve/llm.yaml": {"metadata.annotations.description": "is a block of text (>)"},
    "kserve/serving-runtime.yaml": {
        "spec.containers[0].env[1].value": "is a template ({{.Labels.modelDir}})"
    },
    "kubernetes/all-in-one.yaml": {"data.FEATURES": "is a block of text (|)"},
    "kubernetes/ingress.yaml": {
        'metadata.annotations."nginx.ingress.kubernetes.io/configuration-snippet"': "is a block of text (|)"
    },
    "kubernetes/tagged.yaml": {
        "data.port": "has a type of its own (!!str)",
        "binaryData.raw": "has a type of its own (!!binary)",
    },
    "kustomize/overlays/patches/kustomization.yaml": {"patches[0].patch": "is a block of text (|)"},
    "rollouts/analysis-template.yaml": {
        "spec.metrics[0].provider.prometheus.address": "is a template (http://prometheus.example.com:{{args.",
        "spec.metrics[0].provider.prometheus.query": "is a block of text (|)",
    },
    "rollouts/istio-canary.yaml": {
        "spec.selector.matchLabels.app": "is referred to by an alias",
        "spec.template.metadata.labels.app": "is an alias of what stands at line 7",
    },
    "rollouts/prometheus-metrics.yaml": {
        "spec.metrics[1].provider.web.headers[0].value": "is a template (Bearer {{ args.token }})"
    },
}
# Values that come back otherwise than they were written, because not every reader takes that for text.
RESPELLED = {
    ("argocd/application-set.yaml", "spec.generators[0].list.elements[1].revision"),  # 12e5678
    ("helm/numbers.yaml", "octal12"),  # 0o755
    ("helm/numbers.yaml", "exponent"),  # 1e3
    ("helm/numbers.yaml", "sha"),  # 12e5678
    ("helm/multi-line.yaml", "after"),  # over several lines
    ("helm/multi-line.yaml", "plain"),
}
# A tab before a comment is YAML to libyaml and Go, and none to readers written in Python.
TABS = "kubernetes/pod-tabs.yaml"
# Null that is written out is a value; an empty entry of a list has no line of its own to go on from.
FILLED = ("nothing", "tilde", "redis.auth.password", "names[1]")
# Where nothing stood, what is inserted is the only entry, and that cannot be taken out alone.
ONLY_ENTRY = "is the only entry there"


def test_the_corpus_is_as_mixed_as_what_people_write() -> None:
    texts = [text_of(name) for name in FILES]
    assert len(FILES) >= 100
    assert sum("\r\n" in text for text in texts) >= 8
    assert sum(text.startswith(nodes.BOM) for text in texts) >= 5
    assert sum(not text.endswith("\n") for text in texts) >= 8
    assert sum(len(loaded(text)) > 1 for text in texts) >= 6
    assert sum("#" in text for text in texts) >= 30
    assert sum(" {" in text or "[" in text for text in texts) >= 40


def refused(name: str, place: Place) -> str:
    """Why a place must not be edited; empty where it may."""
    return REFUSED.get(name, {}).get(place.address.where, "")


@pytest.mark.parametrize("name", FILES)
def test_each_value_is_changed_and_no_byte_else(name: str) -> None:
    text = text_of(name)
    before = loaded(text)
    for place in places(name):
        if isinstance(place.value, dict | list):
            continue
        order = Set(place.address, "v2: #new")
        if why := refused(name, place):
            with pytest.raises(ManifestError) as caught:
                edit(text, order)
            assert why in caught.value.message
            assert caught.value.hint
            continue
        after = edit(text, order)
        assert loaded(after) == changed(before, place.keys, "v2: #new"), place.address
        assert edit(after, Set(moved(order.address, after, place), "v2: #new")) == after
        old, new = span(text, after)
        assert "\n" not in new
        assert "\n" not in old or (name, place.address.where) in RESPELLED


def moved(address: Address, text: str, place: Place) -> Address:
    """The address after a change that may have been of the kind or the name."""
    now = head(loaded(text)[int(place.keys[0])])
    return Address(address.path, now.kind, now.name, now.namespace)


@pytest.mark.parametrize("name", FILES)
def test_setting_a_text_and_setting_it_back_gives_the_bytes(name: str) -> None:
    text = text_of(name)
    for place in places(name):
        if not isinstance(place.value, str) or refused(name, place):
            continue
        there = edit(text, Set(place.address, "v2"))
        back = edit(there, Set(moved(place.address, there, place), place.value))
        if (name, place.address.where) in RESPELLED:
            assert loaded(back) == loaded(text)
        else:
            assert back == text, place.address


@pytest.mark.parametrize("name", FILES)
def test_an_inserted_key_is_new_lines_and_taken_out_again_gives_the_bytes(name: str) -> None:
    text = text_of(name)
    before = loaded(text)
    for place, new in itertools.product((*roots(name), *places(name)), ("v2", NEW)):
        if not isinstance(place.value, dict):
            continue
        address = place.address.at(KEY)
        if is_shared(name, place):
            with pytest.raises(ManifestError, match=r"alias|merges"):
                edit(text, Set(address, new))
            continue
        after = edit(text, Set(address, new))
        assert loaded(after) == changed(before, (*place.keys, KEY), new), address
        assert is_only_added(text, after), address
        assert edit(after, Delete(address)) == text, address


def is_shared(name: str, place: Place) -> bool:
    """Whether a mapping's values are refused because other places refer to them."""
    where = place.address.where
    return any(
        one.rpartition(".")[0] == where
        for one, why in REFUSED.get(name, {}).items()
        if "alias" in why or "<<" in why
    )


def is_only_added(before: str, after: str) -> bool:
    """Whether all of a text is still there, in one piece or around one piece."""
    old, _ = span(before, after)
    return old == ""


@pytest.mark.parametrize("name", FILES)
def test_an_appended_entry_is_new_lines_and_taken_out_again_gives_the_bytes(name: str) -> None:
    text = text_of(name)
    before = loaded(text)
    for place in places(name):
        if not isinstance(place.value, list):
            continue
        entry = {"name": "a-new-one", "value": "5"}
        address = place.address.at(Match("name", "a-new-one"))
        after = edit(text, Set(address, {"value": "5"}))
        assert loaded(after) == changed(before, place.keys, [*place.value, entry]), address
        assert is_only_added(text, after), address
        assert edit(after, Delete(address)) == text, address


@pytest.mark.parametrize("name", FILES)
def test_what_is_taken_out_is_gone_alone(name: str) -> None:
    text = text_of(name)
    before = loaded(text)
    reasons = (ONLY_ENTRY, "lines of its own", "comment stands beside", "alias", "merges other keys")
    done, refusals = 0, []
    for place in places(name):
        try:
            after = edit(text, Delete(place.address))
        except ManifestError as error:
            refusals.append(error.message)
            continue
        done += 1
        assert loaded(after) == without(before, place.keys), place.address
        _, new = span(text, after)
        assert new == "", place.address
    assert [one for one in refusals if not any(why in one for why in reasons)] == []
    assert done or all(ONLY_ENTRY in one for one in refusals)


def usual(name: str) -> Place:
    """The first value of a file whose text stands in it as it is."""
    told = (one for one in places(name) if isinstance(one.value, str | int) and not refused(name, one))
    return next(one for one in told if str(one.value) in text_of(name) and "'" not in str(one.value))


@pytest.mark.parametrize("name", [one for one in FILES if one != TABS])
def test_readers_of_both_versions_of_yaml_agree_on_an_edited_file(name: str) -> None:
    """A value and an insertion a file, read by ruamel (YAML 1.2) and PyYAML (1.1), both without C."""
    text = text_of(name)
    place, root = usual(name), roots(name)[0]
    after = edit(text, Set(place.address, "no"))
    if isinstance(root.value, dict):
        now = moved(root.address, after, root)
        after = edit(after, Set(now.at("inserted", "list"), ["12:30:45", "0o7", {"y": "1e3"}]))
    ruamel = [plain(one) for one in YAML(typ="rt", pure=True).load_all(after)]
    for read in (ruamel, list(yaml.load_all(after, yaml.SafeLoader))):
        assert found(read, place.keys) == "no"
        if isinstance(root.value, dict):
            assert read[int(root.keys[0])]["inserted"] == {"list": ["12:30:45", "0o7", {"y": "1e3"}]}


def plain(one: Any) -> Any:
    if isinstance(one, dict):
        return {key: plain(inner) for key, inner in one.items()}
    return [plain(inner) for inner in one] if isinstance(one, list) else one


def found(documents: Any, keys: tuple[str | int, ...]) -> Any:
    for key in keys:
        documents = documents[key]
    return documents


@pytest.mark.parametrize("name", FILES)
def test_the_diff_of_a_changed_value_is_its_line(name: str) -> None:
    text = text_of(name)
    place = usual(name)
    after = edit(text, Set(place.address, "v2"))
    lines = [
        one
        for one in difflib.unified_diff(text.splitlines(keepends=True), after.splitlines(keepends=True), n=0)
        if not one.startswith(("---", "+++", "@@"))
    ]
    assert [one[0] for one in lines] == ["-", "+"]
    key = str(place.keys[-1])
    start = lines[0].find(str(place.value), lines[0].find(key) + len(key) if key in lines[0] else 0)
    assert lines[1][1:] == lines[0][1:start] + "v2" + lines[0][start + len(str(place.value)) :]


@pytest.mark.parametrize("name", FILES)
def test_what_changed_is_told_by_an_address_that_leads_there(name: str) -> None:
    text = text_of(name)
    assert changes(text, text) == ()
    for place in places(name)[::2]:
        if isinstance(place.value, dict | list) or refused(name, place) or is_naming(place):
            continue
        after = edit(text, Set(place.address, "v2x"))
        (one,) = changes(text, after)
        assert one.new == "v2x"
        assert Address.parse(str(one.address)) == one.address
        assert value(after, one.address) == "v2x"
        assert value(text, one.address) == one.old


def is_naming(place: Place) -> bool:
    """Whether a value names a document or an entry of a list, so that another one comes and one goes."""
    last = place.address.path[-1]
    return last in ("kind", "apiVersion", "namespace", "name", "mountPath", "containerPort", "key", "id") or (
        isinstance(last, Match) and "=" in str(place.value)
    )


@pytest.mark.parametrize("name", [one for one in FILES if one != TABS])
def test_edits_are_the_same_where_libyaml_was_not_built(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = text_of(name)
    empty = (one.address for one in places(name) if one.value is None or one.value == {})
    orders = [
        Set(usual(name).address, "v2"),
        *(Set(one.at(KEY), NEW) for one in empty if one.where not in FILLED),
    ]
    fast = [edit(text, one) for one in orders]
    slow = type("Slow", (yaml.SafeLoader,), {"resolve": nodes._Loader.resolve})
    monkeypatch.setattr(nodes, "_Loader", slow)
    assert [edit(text, one) for one in orders] == fast


def test_documents_are_read_as_kubernetes_names_them() -> None:
    found = documents(text_of("kubernetes/all-in-one.yaml"))
    assert [(one.api_version, one.kind, one.namespace, one.name) for one in found] == [
        ("v1", "Namespace", "", "models"),
        ("v1", "ConfigMap", "models", "iris"),
        ("apps/v1", "Deployment", "models", "iris"),
        ("v1", "Service", "models", "iris"),
    ]
