"""Stage train: both families learn, the same way every time, and know codes from numbers."""

from __future__ import annotations

import io
from typing import Any

import joblib
import pytest

from pipeline import prepare, train
from pipeline.columns import CODES, RANGES
from pipeline.families import FAMILIES
from tests.pipeline.people import people

SETTINGS: dict[str, dict[str, Any]] = {
    "logistic": {"C": 1.0, "knots": 4},
    "boosting": {"max_iter": 5, "max_features": 0.5},
}
TABLE = prepare.select_columns(people(1500), list(RANGES))


def dumped(model: Any) -> bytes:
    out = io.BytesIO()
    joblib.dump(model, out)
    return out.getvalue()


def test_every_family_has_settings_here() -> None:
    assert sorted(FAMILIES) == sorted(SETTINGS)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_family_learns_and_sees_only_features(family: str) -> None:
    model = train.fit(family, TABLE, SETTINGS[family], seed=1)
    assert list(model.feature_names_in_) == list(RANGES)
    assert model.score(TABLE[list(RANGES)], TABLE["employed"]) > 0.8


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_the_same_seed_gives_the_same_bytes(family: str) -> None:
    one, two = (train.fit(family, TABLE, SETTINGS[family], seed=3) for _ in range(2))
    assert dumped(one) == dumped(two)


def test_another_seed_gives_another_forest() -> None:
    one, two = (train.fit("boosting", TABLE, SETTINGS["boosting"], seed=seed) for seed in (1, 2))
    features = list(RANGES)
    assert (one.predict_proba(TABLE[features]) != two.predict_proba(TABLE[features])).any()


def test_only_codes_are_categories() -> None:
    model = train.fit("boosting", TABLE, SETTINGS["boosting"], seed=1)
    named = dict(zip(RANGES, model.is_categorical_, strict=True))
    assert named == {name: name in CODES for name in RANGES}


def test_a_code_that_training_did_not_meet_is_no_error() -> None:
    seen = TABLE[TABLE["RAC1P"] != 9]
    for family, settings in SETTINGS.items():
        model = train.fit(family, seen, settings, seed=1)
        assert model.predict(TABLE[list(RANGES)]).shape == (1500,)


def test_a_family_without_its_numbers_still_trains() -> None:
    few = prepare.select_columns(people(300), ["SEX", "DIS"])
    for family, settings in SETTINGS.items():
        assert train.fit(family, few, settings, seed=1).predict(few[["SEX", "DIS"]]).shape == (300,)


def test_an_unknown_setting_is_an_error() -> None:
    with pytest.raises(TypeError, match="gamma"):
        train.fit("logistic", TABLE, {"C": 1.0, "knots": 4, "gamma": 2}, seed=1)


@pytest.mark.parametrize("arguments", [["train"], ["train", "forest"]])
def test_an_unknown_family_is_named(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", arguments)
    with pytest.raises(SystemExit, match="name one model family: boosting, logistic"):
        train.main()
