"""Stage evaluate: predictions row by row, metrics with known answers, slices and plots."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from pipeline import curves, evaluate, prepare, train
from pipeline.columns import AGE_BANDS, RACE, RANGES
from tests.pipeline.people import people

TABLE = prepare.select_columns(people(1200), list(RANGES))
MODEL = train.fit("logistic", TABLE, {"C": 1.0, "knots": 6}, seed=1)
PREDICTIONS = evaluate.predict(MODEL, TABLE, threshold=0.5)


def test_every_person_has_one_row_with_truth_score_decision_and_groups() -> None:
    assert list(PREDICTIONS.columns) == [
        "id",
        "y_true",
        "y_pred",
        "y_score",
        "sex",
        "race",
        "age_band",
        "dis",
    ]
    assert PREDICTIONS["id"].tolist() == TABLE["id"].tolist()
    assert PREDICTIONS["y_true"].tolist() == TABLE["employed"].tolist()
    assert not PREDICTIONS.isna().any().any()
    assert set(PREDICTIONS["race"]) == set(RACE.values())


def test_the_threshold_decides_and_nothing_else_changes() -> None:
    strict = evaluate.predict(MODEL, TABLE, threshold=0.8)
    assert strict["y_score"].tolist() == PREDICTIONS["y_score"].tolist()
    assert strict["y_pred"].tolist() == (strict["y_score"] >= 0.8).astype(int).tolist()


@pytest.mark.parametrize(
    ("age", "band"), [(0, "0-15"), (15, "0-15"), (16, "16-24"), (24, "16-24"), (64, "45-64"), (95, "65+")]
)
def test_age_bands_end_where_the_next_begins(age: int, band: str) -> None:
    assert evaluate.age_band(np.array([age])) == [band]
    assert band in AGE_BANDS.values()


def test_metrics_of_four_people_by_hand() -> None:
    four = pd.DataFrame({"y_true": [1, 1, 0, 0], "y_pred": [1, 0, 0, 0], "y_score": [0.8, 0.4, 0.5, 0.1]})
    expected = {
        "accuracy": 0.75,
        "average_precision": 0.833333,
        "brier_score": 0.165,
        "f1": 0.666667,
        "log_loss": round(float(-np.log([0.8, 0.4, 0.5, 0.9]).mean()), 6),
        "roc_auc": 0.75,
    }
    assert evaluate.measure(four) == expected


def test_a_model_that_finds_nobody_still_has_numbers() -> None:
    nobody = pd.DataFrame({"y_true": [1, 0, 0], "y_pred": [0, 0, 0], "y_score": [0.3, 0.2, 0.1]})
    numbers = evaluate.measure(nobody)
    assert numbers["f1"] == 0.0
    assert json.loads(json.dumps(numbers, allow_nan=False)) == numbers


def test_slices_cover_every_person_once_per_column() -> None:
    table = evaluate.slices(PREDICTIONS)
    assert table.groupby("column")["rows"].sum().to_dict() == dict.fromkeys(sorted(evaluate.SLICES), 1200)
    male = table[(table["column"] == "sex") & (table["level"] == "male")].iloc[0]
    men = PREDICTIONS[PREDICTIONS["sex"] == "male"]
    assert male["accuracy"] == (men["y_true"] == men["y_pred"]).mean()


def test_plots_have_the_columns_that_dvc_yaml_names() -> None:
    plots = {name: list(points.columns) for name, points in evaluate.plots(PREDICTIONS).items()}
    assert plots == {
        "roc": ["fpr", "tpr"],
        "precision_recall": ["recall", "precision"],
        "calibration": ["predicted", "observed"],
        "confusion": ["actual", "predicted"],
    }


def test_a_long_curve_is_thinned_with_both_ends() -> None:
    long = pd.DataFrame({"x": range(1000)})
    thin = curves.thinned(long)
    assert (len(thin), thin["x"].iloc[0], thin["x"].iloc[-1]) == (curves.POINTS, 0, 999)
    assert curves.thinned(long.head(5)).equals(long.head(5))


def test_confusion_names_the_classes() -> None:
    rows = curves.confusion(np.array([1, 0]), np.array([0, 0]))
    assert rows.to_dict("list") == {
        "actual": ["employed", "not employed"],
        "predicted": ["not employed", "not employed"],
    }
