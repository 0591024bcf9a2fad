"""Laws that every manifest kind keeps, with every strategy; which kind a manifest is; the plug-ins."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from pydantic import BaseModel, ConfigDict

from mlops_ci import manifests
from mlops_ci.errors import ConfigError, ManifestError
from mlops_ci.manifests import MANIFESTS
from mlops_ci.rollout import Rollout
from mlops_ci.strategies import STRATEGIES, path
from tests.manifests.samples import (
    DEPLOYMENT,
    IMAGES,
    KNATIVE,
    NAMES,
    ROUTE,
    ROUTED,
    SAMPLES,
    A,
    Sample,
    served,
    slot,
)

every_sample = pytest.mark.parametrize("one", SAMPLES, ids=NAMES)
# Rollouts as strategies make them, and some that none makes.
rollouts = some.builds(
    lambda stable, candidate, traffic, mirror: (stable, candidate, traffic, mirror),
    some.sampled_from("abc"),
    some.sampled_from(["", "a", "b", "c"]),
    some.integers(0, 100),
    some.sampled_from([0, 0, 1, 100]),
)


def rollout_of(one: Sample, stable: str, candidate: str, traffic: int, mirror: int) -> Rollout:
    release = IMAGES.__getitem__ if one.images else served
    if not candidate:
        return Rollout(release(stable))
    return Rollout(release(stable), release(candidate), traffic, mirror)


def test_every_kind_has_samples() -> None:
    assert {one.kind for one in SAMPLES} == set(MANIFESTS)


@every_sample
def test_a_sample_says_what_it_says(one: Sample) -> None:
    assert one.read() == one.says


@every_sample
def test_writing_what_was_read_changes_no_byte(one: Sample) -> None:
    for text in (one.text, one.text.replace("\n", "\r\n"), "\ufeff" + one.text, one.text.rstrip("\n")):
        assert one.write(one.read(text), text) == text


@pytest.mark.parametrize("ending", ["\n", "\r\n"], ids=["LF", "CRLF"])
@every_sample
@settings(max_examples=25, deadline=None)
@given(wanted=rollouts)
def test_what_is_written_is_read_again_or_refused_with_a_hint(
    one: Sample, ending: str, wanted: tuple[str, str, int, int]
) -> None:
    rollout = rollout_of(one, *wanted)
    text = one.text.replace("\n", ending)
    try:
        after = one.write(rollout, text)
    except ManifestError as error:
        assert error.message
        assert error.hint
    else:
        assert one.read(after).fits(rollout)
        assert one.write(one.read(after), after) == after
        assert after.count("\n") == after.count(ending)


@pytest.mark.parametrize("strategy", STRATEGIES)
@every_sample
def test_every_strategy_reaches_its_end_or_is_refused_with_a_hint(one: Sample, strategy: str) -> None:
    """One pull request after the other, each on the text that the one before left."""
    kind = STRATEGIES[strategy]
    release = IMAGES["c"] if one.images else served("c")
    hidden = IMAGES["a"] if one.images else served("a")
    text, live, steps = one.text, one.read().with_stable(hidden), 0
    try:
        while following := path(kind, live, release, kind.Options()):
            text = one.write(following[0], text)
            # A hidden stable release is in the record.
            live, steps = one.read(text).with_stable(following[0].stable), steps + 1
    except ManifestError as error:
        assert error.hint
        assert strategy not in one.strategies
    else:
        assert live.fits(Rollout(release))
        assert 1 <= steps <= 4
        assert strategy in one.strategies


@every_sample
def test_a_rollback_gives_back_the_bytes(one: Sample) -> None:
    """A candidate that was written first, and is taken back, leaves no trace but an idle slot."""
    live = one.read()
    if live.stable is None or live.candidate is not None or one.kind in ("rollouts", "helm"):
        pytest.skip("there is a candidate already, or the rollback is written out")
    try:
        during = one.write(Rollout(live.stable, served("c"), 10))
    except ManifestError:
        pytest.skip("splits no requests")
    assert one.write(Rollout(live.stable), during) == one.text


@pytest.mark.parametrize("name", MANIFESTS)
def test_options_have_defaults_refuse_unknown_keys_and_describe_every_key(name: str) -> None:
    options = MANIFESTS[name].Options
    options()
    assert options.model_config.get("extra") == "forbid"
    assert [key for key, one in options.model_fields.items() if not one.description] == []


@every_sample
def test_notes_are_whole_sentences(one: Sample) -> None:
    release = IMAGES["c"] if one.images else served("c")
    for rollout in (
        Rollout(release),
        Rollout(one.says.stable, release),
        Rollout(one.says.stable, release, 10),
    ):
        for note in MANIFESTS[one.kind].notes(one.text, rollout, one.chosen):
            assert note[0].isupper() or note[0] in "`" or note.startswith("spec.")
            assert note.endswith(".")


# ---- which kind ----------------------------------------------------------------------------------


@every_sample
def test_a_kind_is_told_from_the_manifest(one: Sample) -> None:
    assert manifests.detect(one.text) == one.kind
    assert manifests.kind_of(None, one.text) is MANIFESTS[one.kind]
    assert manifests.kind_of(one.kind, "") is MANIFESTS[one.kind]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("resources: [../base]\n", "kustomize"),
        ("configMapGenerator: []\n", "kustomize"),
        ("image: {tag: v1}\n", "helm"),
        (f"{ROUTED}---\n{KNATIVE}", "httproute"),
        (f"{ROUTE}---\n{slot('blue', A)}", "deployment"),
        (f"{DEPLOYMENT}---\n{KNATIVE}", "kserve"),
    ],
)
def test_the_order_of_the_kinds_decides(text: str, kind: str) -> None:
    assert manifests.detect(text) == kind


def test_a_manifest_of_no_kind_is_refused() -> None:
    text = "apiVersion: v1\nkind: Service\n---\napiVersion: v1\nkind: Secret\n"
    with pytest.raises(ManifestError, match="these documents: Service, Secret$") as caught:
        manifests.detect(text)
    assert caught.value.hint.endswith("one of httproute, kserve, rollouts, kustomize, deployment, helm")
    with pytest.raises(ManifestError, match="these documents: nothing$"):
        manifests.detect("# nothing\n")


def test_an_unknown_kind_is_refused_with_the_one_that_may_be_meant() -> None:
    with pytest.raises(ConfigError, match="no manifest kind 'kserv'") as caught:
        manifests.kind_of("kserv", "")
    assert caught.value.hint == "did you mean 'kserve'?"
    with pytest.raises(ConfigError) as caught:
        manifests.kind_of("xyzzy", "")
    assert caught.value.hint.startswith("the kinds are httproute, kserve")


# ---- plug-ins ------------------------------------------------------------------------------------


class Options(BaseModel):
    """A plug-in's options."""

    model_config = ConfigDict(extra="forbid")


class Loose(BaseModel):
    """Options that would swallow a typing mistake."""


def nothing(*_: Any) -> Any:
    return True


PARTS = {"Options": Options, "claims": nothing, "read": nothing, "write": nothing, "notes": nothing}
GOOD = SimpleNamespace(**PARTS)
NO_OPTIONS = SimpleNamespace(**{**PARTS, "Options": dict})
LOOSE = SimpleNamespace(**{**PARTS, "Options": Loose})
NO_NOTES = SimpleNamespace(**{**PARTS, "notes": ()})


def plugin(name: str, value: str) -> EntryPoint:
    return EntryPoint(name=name, value=f"{__name__}:{value}", group=manifests.GROUP)


def test_a_package_brings_a_kind_and_claims_its_own() -> None:
    seldon = plugin("seldon", "GOOD")
    assert manifests.all_manifests([seldon])["seldon"] is GOOD
    assert manifests.detect("kind: Model\n", [seldon]) == "seldon"
    assert manifests.kind_of(None, "kind: Model\n", [seldon]) is GOOD
    with pytest.raises(ManifestError, match="of the kinds kserve and seldon") as caught:
        manifests.detect(KNATIVE, [seldon])
    assert caught.value.hint == "say which: {path: ..., kserve: {}}"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("NO_OPTIONS", "Options must be a pydantic model"),
        ("LOOSE", "Options must refuse unknown keys"),
        ("NO_NOTES", "notes must be a function"),
    ],
)
def test_what_is_no_kind_is_refused(value: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        manifests.all_manifests([plugin("odd", value)])
