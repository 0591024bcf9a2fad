"""A stored profile is read back as untrusted data."""

from __future__ import annotations

import pytest

from mlops_ci.errors import ConfigError
from mlops_ci.profiles import shape
from mlops_ci.profiles.shape import ColumnProfile, Grid, Levels, Moments, Profile


def profile() -> Profile:
    moments = Moments(count=2, low=0.5, high=1.5, mean=1.0, m2=0.5)
    grid = Grid(exponent=-1, first=1, counts=(1, 0, 1))
    x = ColumnProfile(name="x", type="double", kind="number", rows=3, nulls=1, moments=moments, grid=grid)
    name = ColumnProfile(
        name="ä", type="string", kind="category", rows=3, levels=Levels(counts=(("b", 2), ("a", 1)))
    )
    return Profile(rows=3, columns=(x, name))


def test_equal_profiles_are_equal_bytes() -> None:
    raw = profile().to_json()
    assert profile() == shape.read(raw, "x.profile.json")
    assert raw == shape.read(raw, "x.profile.json").to_json()


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "is no profile: document: Invalid JSON"),
        (b"[1]", "is no profile: document: Input should be an object"),
        (b'{"schema": 2, "rows": 1}', "is no profile: schema: Input should be 1"),
        (b'{"schema": 1, "rows": 1, "more": 1}', "is no profile: more: Extra inputs are not permitted"),
        (
            profile().to_json().replace(b"0.5", b"NaN", 1),
            "is no profile: columns.0.moments.low: Input should be a finite number",
        ),
    ],
)
def test_what_is_no_profile_says_where(raw: bytes, words: str) -> None:
    with pytest.raises(ConfigError) as raised:
        shape.read(raw, "x.profile.json")
    assert raised.value.message.startswith(f"x.profile.json: {words}")


def test_a_profile_has_a_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shape, "MAX_BYTES", 10)
    with pytest.raises(ConfigError, match="more than a profile may have"):
        shape.read(profile().to_json(), "x.profile.json")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b'"counts":[1,0,1]', b'"counts":[-1,2,1]', "greater than or equal to 0"),
        (b'"exponent":-1', b'"exponent":-1000000000', "greater than or equal to -1074"),
        (b'"m2":0.5', b'"m2":-0.5', "greater than or equal to 0"),
        (b'"nulls":1', b'"nulls":2', "moments count 2 values, and 1 are there"),
        (b'"nulls":1', b'"nulls":4', "more values are missing than there are rows"),
        (b'["b",2],["a",1]', b'["b",2],["b",1]', "a level stands twice"),
        (b'"tail_rows":0', b'"tail_rows":1', "the tail has fewer rows than levels, or rows without levels"),
        (b'"counts":[1,0,1]', b'"counts":[1,1' + b",0" * 2047 + b"]", "more than 2,048 bins"),
    ],
)
def test_numbers_that_cannot_be_are_refused(old: bytes, new: bytes, words: str) -> None:
    raw = profile().to_json()
    assert old in raw
    with pytest.raises(ConfigError, match=words):
        shape.read(raw.replace(old, new, 1), "x.profile.json")
