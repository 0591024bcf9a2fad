"""Laws that every manifest kind keeps, with every strategy; which kind a manifest is; the plug-ins."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.metadata import EntryPoint
from itertools import islice
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from pydantic import BaseModel, ConfigDict

from mlops_ci import manifests
from mlops_ci.errors import ConfigError, ManifestError
from mlops_ci.manifests import MANIFESTS, contract
from mlops_ci.rollout import Rollout
from mlops_ci.strategies import STRATEGIES, path
from tests.manifests.breaking import broken
from tests.manifests.samples import (
    DEPLOYMENT,
    IMAGES,
    KNATIVE,
    NAMES,
    ROUTE,
    ROUTED,
    SAMPLES,
    A,
    C,
    Sample,
    sample,
    served,
    slot,
)
from tests.manifests.styles import Style, styles

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


def outcome(write: Callable[[], str]) -> str | ManifestError:
    """The new text, or the refusal."""
    try:
        return write()
    except ManifestError as error:
        return error


def holds(one: Sample, text: str, wanted: Rollout) -> None:
    """The laws of one manifest and one rollout."""
    assert one.write(one.read(text), text) == text
    after = outcome(lambda: one.write(wanted, text))
    if isinstance(after, ManifestError):
        assert after.message
        assert after.hint
    else:
        assert one.read(after).fits(wanted)
        assert one.write(one.read(after), after) == after


@every_sample
@settings(max_examples=25, deadline=None)
@given(wanted=rollouts)
def test_what_is_written_is_read_again_or_refused_with_a_hint(
    one: Sample, wanted: tuple[str, str, int, int]
) -> None:
    holds(one, one.text, rollout_of(one, *wanted))


@every_sample
@settings(max_examples=15, deadline=None)
@given(style=styles(), wanted=rollouts)
def test_the_laws_hold_however_a_manifest_is_written(
    one: Sample, style: Style, wanted: tuple[str, str, int, int]
) -> None:
    text = style.write(one.text)
    assert one.read(text) == one.says
    holds(one, text, rollout_of(one, *wanted))
    assert style.ending != "\r\n" or text.count("\n") == text.count("\r\n")


@every_sample
def test_a_value_of_the_wrong_kind_is_refused_with_a_hint_or_makes_no_difference(one: Sample) -> None:
    """One in 17 of all places and values; nothing but a refusal may come out of them."""
    release = IMAGES["c"] if one.images else served("c")
    for text in islice(broken(one.text), 0, None, 17):
        contract.problems(text)
        after = outcome(partial(one.write, Rollout(release), text))
        if isinstance(after, ManifestError):
            assert after.hint
        else:
            assert one.read(after).fits(Rollout(release))
            assert after.count("image:") == text.count("image:")


@pytest.mark.parametrize("strategy", STRATEGIES)
@every_sample
def test_every_strategy_reaches_its_end_or_is_refused_with_a_hint(one: Sample, strategy: str) -> None:
    """One pull request after the other, each on the text that the one before left."""
    kind = STRATEGIES[strategy]
    first, release = [IMAGES[one] if images else served(one) for images in [one.images] for one in "ac"]
    text, live, steps = one.text, one.read().with_stable(first), 0
    while following := path(kind, live, release, kind.Options()):
        after = outcome(partial(one.write, following[0], text))
        if isinstance(after, ManifestError):
            assert after.hint
            assert strategy not in one.strategies
            return
        # A hidden stable release is in the record.
        text, live, steps = after, one.read(after).with_stable(following[0].stable), steps + 1
    assert live.fits(Rollout(release))
    assert 1 <= steps <= 4
    assert strategy in one.strategies


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("kserve", "knative"),
        ("kserve", "old style"),
        ("kserve", "custom"),
        ("kserve", "several uris"),
        ("kserve", "standard"),
        ("httproute", "deployments"),
    ],
)
def test_a_rollback_of_a_canary_gives_back_the_bytes(kind: str, name: str) -> None:
    one = sample(kind, name)
    live = one.read()
    during = one.write(Rollout(live.stable, C, 10))
    assert during != one.text
    assert one.write(live, during) == one.text


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
    with pytest.raises(ManifestError, match=r"these documents: Service, Secret$") as caught:
        manifests.detect(text)
    assert caught.value.hint.endswith("one of httproute, kserve, rollouts, kustomize, deployment, helm")
    with pytest.raises(ManifestError, match=r"these documents: nothing$"):
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
