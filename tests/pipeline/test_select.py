"""Stage select: the best family on the validation rows, and always the same one."""

from __future__ import annotations

from pipeline import prepare, select, train
from pipeline.columns import RANGES
from tests.pipeline.people import people


def test_the_highest_score_wins() -> None:
    assert select.best({"boosting": 0.9, "logistic": 0.91}) == "logistic"


def test_equals_go_by_name() -> None:
    assert select.best({"logistic": 0.9, "boosting": 0.9}) == "boosting"


def test_a_metric_is_measured_on_the_features_of_the_model() -> None:
    table = prepare.select_columns(people(800), list(RANGES))
    model = train.fit("logistic", table[["id", "employed", "DIS", "AGEP"]], {"C": 1.0, "knots": 6}, seed=1)
    accuracy = round(float((model.predict(table[["DIS", "AGEP"]]) == table["employed"]).mean()), 6)
    assert select.score(model, table, "accuracy") == accuracy
    assert select.score(model, table, "neg_log_loss") < 0
