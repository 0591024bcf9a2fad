"""Laws that every manifest kind keeps, with every strategy; which kind a manifest is; the plug-ins."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from mlops_ci.errors import ManifestError
from mlops_ci.manifests import MANIFESTS
from mlops_ci.rollout import Rollout
from mlops_ci.strategies import STRATEGIES, path
from mlops_ci.yaml_edit import changes
from tests.manifests.samples import IMAGES, NAMES, SAMPLES, Sample, served

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
    text, live, steps = one.text, one.read().with_stable(served("a")), 0
    try:
        while following := path(kind, live, release, kind.Options()):
            text = one.write(following[0], text)
            # A hidden stable release is in the record.
            live, steps = one.read(text).with_stable(following[0].stable), steps + 1
    except ManifestError as error:
        assert error.hint
        assert (one.kind, one.name, strategy) in REFUSED
    else:
        assert live.fits(Rollout(release))
        assert 1 <= steps <= 4
        assert (one.kind, one.name, strategy) not in REFUSED


REFUSED: set[tuple[str, str, str]] = set()


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


@every_sample
def test_an_edit_touches_values_alone(one: Sample) -> None:
    release = IMAGES["c"] if one.images else served("c")
    after = one.write(Rollout(release))
    found = changes(one.text, after)
    assert found
    kept = [line for line in one.text.splitlines() if line in after.splitlines()]
    assert len(one.text.splitlines()) - len(kept) <= len(found) + 8


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
