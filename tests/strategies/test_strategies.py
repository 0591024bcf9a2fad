"""Laws that every strategy keeps, what each does step by step, and the plug-ins."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, ValidationError

from mlops_ci import strategies
from mlops_ci.errors import ConfigError
from mlops_ci.rollout import Rollout, Served
from mlops_ci.strategies import STRATEGIES, blue_green, canary, direct, path, shadow


class Options(BaseModel):
    """The options of a strategy of another package."""

    model_config = ConfigDict(extra="forbid")


class Open(BaseModel):
    """Options that take any key."""


def advance(live: Rollout, release: Served, _options: BaseModel) -> Rollout:
    return Rollout(stable=release)


def turn(live: Rollout, release: Served, _options: BaseModel) -> Rollout:
    return Rollout(live.stable, release, traffic=50 if live.is_idle else 0)


GOOD = SimpleNamespace(Options=Options, advance=advance)
NO_OPTIONS = SimpleNamespace(Options=dict, advance=advance)
OPEN = SimpleNamespace(Options=Open, advance=advance)
NO_ADVANCE = SimpleNamespace(Options=Options, advance=None)

OLD, NEW, OTHER = (
    Served(f"s3://models/iris/sha256-{digit * 64}/m.json", f"sha256:{digit * 64}") for digit in "abc"
)


def steps(smallest: int) -> st.SearchStrategy[tuple[int, ...]]:
    """Growing percents."""
    some = st.lists(st.integers(1, 99), unique=True, min_size=smallest, max_size=20)
    return some.map(sorted).map(tuple)


OPTIONS: dict[str, st.SearchStrategy[Any]] = {
    "direct": st.just(direct.Options()),
    "canary": st.builds(canary.Options, steps=steps(1)),
    "blue_green": st.just(blue_green.Options()),
    "shadow": st.builds(shadow.Options, mirror=st.integers(1, 100), then=steps(0)),
}


@st.composite
def rollouts(draw: st.DrawFn) -> Rollout:
    """Anything that a manifest may say, a hidden stable release and another candidate among it."""
    stable = draw(st.sampled_from([None, OLD, NEW, OTHER, Served(OLD.uri)]))
    candidate = draw(st.sampled_from([None, OLD, NEW, OTHER]))
    share = st.integers(0, 100) if candidate else st.just(0)
    return Rollout(stable, candidate, draw(share), draw(share))


# ---- laws ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STRATEGIES)
@settings(max_examples=30)
@given(data=st.data())
def test_it_ends_at_the_release_and_the_stable_one_stays_until_then(name: str, data: st.DataObject) -> None:
    options, live = data.draw(OPTIONS[name]), data.draw(rollouts())
    release = data.draw(st.sampled_from([OLD, NEW]))  # forward, or back to what was live
    found = path(STRATEGIES[name], live, release, options)
    last = found[-1] if found else live
    assert last.fits(Rollout(stable=release))
    assert not found or last == Rollout(stable=release)
    for step in found[:-1]:
        assert step.stable == live.stable
        assert step.candidate == release
    assert len(set(found)) == len(found) <= 22


@pytest.mark.parametrize("name", STRATEGIES)
@settings(max_examples=30)
@given(data=st.data())
def test_what_is_reached_stays(name: str, data: st.DataObject) -> None:
    options = data.draw(OPTIONS[name])
    for reached in (Rollout(stable=NEW), Rollout(stable=NEW, candidate=OLD)):
        assert STRATEGIES[name].advance(reached, NEW, options) == reached


@pytest.mark.parametrize("name", STRATEGIES)
@settings(max_examples=30)
@given(data=st.data())
def test_back_to_what_is_stable_is_one_step_that_drops_the_candidate(name: str, data: st.DataObject) -> None:
    options, share = data.draw(OPTIONS[name]), data.draw(st.integers(1, 100))
    for live in (Rollout(OLD, NEW, traffic=share), Rollout(OLD, NEW, mirror=share)):
        assert path(STRATEGIES[name], live, OLD, options) == (Rollout(stable=OLD),)


@pytest.mark.parametrize("name", STRATEGIES)
@settings(max_examples=30)
@given(data=st.data())
def test_the_first_release_of_all_takes_over_at_once(name: str, data: st.DataObject) -> None:
    found = path(STRATEGIES[name], Rollout(None), NEW, data.draw(OPTIONS[name]))
    assert found == (Rollout(stable=NEW),)


@pytest.mark.parametrize("name", STRATEGIES)
def test_its_first_line_says_what_it_does(name: str) -> None:
    first = (STRATEGIES[name].__doc__ or "").splitlines()[0]
    assert first.startswith("Strategy: ")
    assert len(first) <= 90 + len("Strategy: ")


# ---- each, step by step ----------------------------------------------------------------------------


def test_direct_is_one_step() -> None:
    assert path(direct, Rollout(OLD), NEW, direct.Options()) == (Rollout(NEW),)
    assert path(direct, Rollout(OLD, OTHER, traffic=5), NEW, direct.Options()) == (Rollout(NEW),)


def test_a_canary_grows() -> None:
    options = canary.Options(steps=(5, 25))
    grown = (Rollout(OLD, NEW, traffic=5), Rollout(OLD, NEW, traffic=25), Rollout(NEW))
    assert path(canary, Rollout(OLD), NEW, options) == grown
    assert path(canary, grown[0], NEW, options) == grown[1:]
    # A share between two steps, as after a change of the steps, goes on with the next larger one.
    assert path(canary, Rollout(OLD, NEW, traffic=24), NEW, options) == grown[1:]
    assert path(canary, Rollout(OLD, OTHER, traffic=25), NEW, options) == grown


def test_blue_green_stands_beside_first() -> None:
    beside = Rollout(OLD, NEW)
    assert path(blue_green, Rollout(OLD), NEW, blue_green.Options()) == (beside, Rollout(NEW))
    assert path(blue_green, beside, NEW, blue_green.Options()) == (Rollout(NEW),)
    ramping = Rollout(OLD, NEW, traffic=50)
    assert path(blue_green, ramping, NEW, blue_green.Options()) == (beside, Rollout(NEW))


def test_a_shadow_is_copied_to_then_answers() -> None:
    copied = Rollout(OLD, NEW, mirror=30)
    assert path(shadow, Rollout(OLD), NEW, shadow.Options(mirror=30)) == (copied, Rollout(NEW))
    grown = (copied, Rollout(OLD, NEW, traffic=10), Rollout(NEW))
    assert path(shadow, Rollout(OLD), NEW, shadow.Options(mirror=30, then=(10,))) == grown
    assert path(shadow, Rollout(OLD, NEW), NEW, shadow.Options(mirror=30)) == (copied, Rollout(NEW))


@pytest.mark.parametrize("wrong", [(), (5, 5), (50, 5), (0, 5), (5, 100)])
def test_steps_grow_between_1_and_99(wrong: tuple[int, ...]) -> None:
    with pytest.raises(ValidationError):
        canary.Options(steps=wrong)


def test_a_strategy_without_an_end_is_stopped() -> None:
    with pytest.raises(ValueError, match="does not end within 100 steps"):
        path(SimpleNamespace(Options=Options, advance=turn), Rollout(OLD), NEW, Options())


# ---- plug-ins --------------------------------------------------------------------------------------


def plugin(name: str, value: str) -> EntryPoint:
    return EntryPoint(name=name, value=value, group=strategies.GROUP)


def test_installed_plugins_are_looked_up_by_default() -> None:
    assert set(STRATEGIES) <= set(strategies.all_strategies())


def test_a_plugin_joins_ours() -> None:
    found = strategies.all_strategies([plugin("mine", "tests.strategies.test_strategies:GOOD")])
    assert [*found] == [*STRATEGIES, "mine"]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("canary", "GOOD", "the name is taken by a strategy of mlops-ci"),
        ("mine", "MISSING", "cannot be loaded: AttributeError"),
        ("mine", "NO_OPTIONS", "is no strategy: Options must be a pydantic model"),
        ("mine", "OPEN", "is no strategy: Options must refuse unknown keys (extra='forbid')"),
        ("mine", "NO_ADVANCE", "is no strategy: advance must be a function"),
    ],
)
def test_a_plugin_that_does_not_fit_is_named(name: str, value: str, expected: str) -> None:
    place = f"tests.strategies.test_strategies:{value}"
    with pytest.raises(ConfigError) as caught:
        strategies.all_strategies([plugin(name, place)])
    assert caught.value.message.startswith(f"strategy {name} ({place}): {expected}")
    assert caught.value.hint
