"""Fairness equals fairlearn's, its intervals hold, and what cannot be compared says why."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairlearn import metrics as of_fairlearn
from sklearn import metrics as of_sklearn

from mlops_ci.comparing import fairness
from mlops_ci.comparing.fairness import Asked
from mlops_ci.comparing.tables import Columns
from mlops_ci.errors import ConfigError
from mlops_ci.evidence import Disparity, Fairness, GroupScore
from mlops_ci.profiles.privacy import Privacy

RACES = ("asian", "black", "white")


def table(
    rows: int = 3000, *, seed: int = 0, share_right: tuple[float, ...] = (0.8, 0.7, 0.85)
) -> pd.DataFrame:
    """Predictions that are right in a share that depends on the race."""
    random = np.random.default_rng(seed)
    race = random.choice(3, rows, p=[0.2, 0.3, 0.5])
    truth = (random.random(rows) < 0.4 + 0.1 * race).astype(int)
    right = random.random(rows) < np.array(share_right)[race]
    return pd.DataFrame(
        {
            "y_true": truth,
            "y_pred": np.where(right, truth, 1 - truth),
            "race": np.array(RACES)[race],
            "sex": random.choice(["f", "m"], rows),
        }
    )


def shown(column: str, value: str) -> str:
    del column
    return value


def measured(
    head: Any,
    base: Any = None,
    *groups: tuple[str, ...],
    label: Callable[[str, str], str] = shown,
    **asked: Any,
) -> tuple[Fairness, ...]:
    return fairness.measure(head, base, Asked(groups or (("race",),), **asked), Columns(), label)


def one(head: Any, base: Any = None, **asked: Any) -> Fairness:
    (found,) = measured(head, base, **asked)
    return found


def by_name(found: Fairness) -> dict[str, Disparity]:
    return {each.name: each for each in found.disparities}


def scores(found: Fairness, metric: str) -> dict[str, GroupScore]:
    return {score.group: score for each in found.metrics if each.name == metric for score in each.groups}


def values(found: Fairness, metric: str) -> dict[str, float | None]:
    return {group: score.value for group, score in scores(found, metric).items()}


# ---- fairlearn's values ------------------------------------------------------------------------

PER_GROUP: dict[str, Callable[..., Any]] = {
    "selection_rate": of_fairlearn.selection_rate,
    "accuracy": of_sklearn.accuracy_score,
    "true_positive_rate": of_fairlearn.true_positive_rate,
    "false_positive_rate": of_fairlearn.false_positive_rate,
    "false_negative_rate": of_fairlearn.false_negative_rate,
    "precision": of_sklearn.precision_score,
}
DISPARITIES: dict[str, Callable[..., float]] = {
    "demographic_parity_difference": of_fairlearn.demographic_parity_difference,
    "demographic_parity_ratio": of_fairlearn.demographic_parity_ratio,
    "equalized_odds_difference": of_fairlearn.equalized_odds_difference,
    "equalized_odds_ratio": of_fairlearn.equalized_odds_ratio,
    "equal_opportunity_difference": of_fairlearn.equal_opportunity_difference,
    "equal_opportunity_ratio": of_fairlearn.equal_opportunity_ratio,
}


@pytest.mark.parametrize("metric", PER_GROUP)
def test_every_group_has_the_value_of_metric_frame(metric: str) -> None:
    frame = table()
    expected = of_fairlearn.MetricFrame(
        metrics=PER_GROUP[metric], y_true=frame.y_true, y_pred=frame.y_pred, sensitive_features=frame.race
    )
    assert values(one(frame, resamples=50), metric) == pytest.approx(expected.by_group.to_dict(), rel=1e-12)


@pytest.mark.parametrize("name", DISPARITIES)
def test_every_disparity_is_fairlearns(name: str) -> None:
    frame = table(seed=1)
    expected = DISPARITIES[name](frame.y_true, frame.y_pred, sensitive_features=frame.race)
    assert by_name(one(frame, resamples=50))[name].value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("kind", ["difference", "ratio"])
def test_mean_equalised_odds_is_fairlearns(kind: str) -> None:
    frame = table(seed=2)
    function = getattr(of_fairlearn, f"equalized_odds_{kind}")
    expected = function(frame.y_true, frame.y_pred, sensitive_features=frame.race, agg="mean")
    found = by_name(one(frame, resamples=50))[f"equalized_odds_mean_{kind}"]
    assert found.value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("metric", ["accuracy", "false_positive_rate", "false_negative_rate", "precision"])
def test_every_other_metric_has_a_difference_and_a_ratio(metric: str) -> None:
    frame = table(seed=3)
    expected = of_fairlearn.MetricFrame(
        metrics=PER_GROUP[metric], y_true=frame.y_true, y_pred=frame.y_pred, sensitive_features=frame.race
    )
    found = by_name(one(frame, resamples=50))
    assert found[f"{metric}_difference"].value == pytest.approx(expected.difference(), rel=1e-12)
    assert found[f"{metric}_ratio"].value == pytest.approx(expected.ratio(), rel=1e-12)


def test_combinations_are_groups() -> None:
    frame = table(seed=4)
    (found,) = measured(frame, None, ("sex", "race"), resamples=50)
    expected = of_fairlearn.demographic_parity_difference(
        frame.y_true, frame.y_pred, sensitive_features=frame[["sex", "race"]]
    )
    assert found.column == "sex, race"
    assert by_name(found)["demographic_parity_difference"].value == pytest.approx(expected, rel=1e-12)
    assert list(scores(found, "accuracy")) == [f"{sex}, {race}" for sex in "fm" for race in RACES]
    assert sum(score.rows for score in scores(found, "accuracy").values()) == found.rows == 3000


def test_quantities_have_mean_errors() -> None:
    random = np.random.default_rng(5)
    frame = table(seed=5)
    frame["y_true"] = random.normal(10, 1, len(frame))
    frame["y_pred"] = frame.y_true + np.where(frame.race == "black", 0.5, 0.1) * random.normal(
        size=len(frame)
    )
    expected = of_fairlearn.MetricFrame(
        metrics={
            "mean_prediction": of_fairlearn.mean_prediction,
            "mean_absolute_error": of_sklearn.mean_absolute_error,
        },
        y_true=frame.y_true,
        y_pred=frame.y_pred,
        sensitive_features=frame.race,
    )
    found = one(frame, frame.assign(y_pred=frame.y_true + 0.1), resamples=200)
    assert (found.positive, found.problem, found.note) == ("", "", "")
    for metric in ("mean_prediction", "mean_absolute_error"):
        assert values(found, metric) == pytest.approx(expected.by_group[metric].to_dict(), rel=1e-12)
    errors = (frame.y_pred - frame.y_true).groupby(frame.race).mean()
    assert values(found, "mean_error") == pytest.approx(errors.to_dict(), rel=1e-9)
    told = by_name(found)
    assert list(told) == [
        "mean_prediction_difference",
        "mean_error_difference",
        "mean_absolute_error_difference",
        "mean_absolute_error_ratio",
    ]
    worst = told["mean_absolute_error_difference"]
    assert worst.value == pytest.approx(expected.difference()["mean_absolute_error"], rel=1e-12)
    assert worst.base == pytest.approx(0, abs=1e-12)
    assert worst.groups is not None
    assert worst.groups[1] == "black"
    assert worst.interval is not None
    assert worst.interval.low > 0.2
    assert worst.change is not None
    assert worst.change.low > 0.2


def test_of_several_classes_one_may_be_named() -> None:
    frame = table(seed=6)
    random = np.random.default_rng(6)
    frame["y_true"] = random.choice(["high", "low", "mid"], len(frame))
    frame["y_pred"] = np.where(random.random(len(frame)) < 0.7, frame.y_true, "high")
    plain = one(frame, resamples=50)
    assert [metric.name for metric in plain.metrics] == ["accuracy"]
    assert plain.note == "the base has no predictions"
    alone = one(frame, frame, resamples=50)
    assert alone.note == "of several classes none is named as positive, so only accuracy is compared"
    found = one(frame, resamples=50, positive="high")
    chosen = (frame.y_true == "high").astype(int), (frame.y_pred == "high").astype(int)
    expected = of_fairlearn.equalized_odds_ratio(*chosen, sensitive_features=frame.race)
    assert found.positive == "high"
    assert by_name(found)["equalized_odds_ratio"].value == pytest.approx(expected, rel=1e-12)
    right = (frame.y_true == frame.y_pred).groupby(frame.race).mean()
    assert values(found, "accuracy") == pytest.approx(right.to_dict(), rel=1e-12)


def test_the_positive_class_may_be_the_other_one() -> None:
    frame = table(seed=7).replace({"y_true": {0: "no", 1: "yes"}, "y_pred": {0: "no", 1: "yes"}})
    assert one(frame, resamples=50).positive == "yes"
    found = one(frame, resamples=50, positive="no")
    refused = (frame.y_pred == "no").groupby(frame.race).mean()
    assert values(found, "selection_rate") == pytest.approx(refused.to_dict(), rel=1e-12)


def test_several_trainings_count_as_their_mean() -> None:
    first, second = table(seed=8), table(seed=8, share_right=(0.9, 0.6, 0.8))
    second[["y_true", "race", "sex"]] = first[["y_true", "race", "sex"]]
    both = pd.concat([first.assign(seed=0), second.assign(seed=1)])
    found = one(both, first, resamples=400)
    single = [values(one(frame, resamples=50), "true_positive_rate") for frame in (first, second)]
    expected = {race: (single[0][race] + single[1][race]) / 2 for race in RACES}  # type: ignore[operator]
    assert values(found, "true_positive_rate") == pytest.approx(expected, rel=1e-9)
    assert found.rows == 3000
    told = by_name(found)["demographic_parity_difference"]
    apart = values(one(first, resamples=50), "selection_rate")
    assert told.base == pytest.approx(max(apart.values()) - min(apart.values()), rel=1e-9)  # type: ignore[type-var, operator]


# ---- intervals ---------------------------------------------------------------------------------


def test_two_groups_have_the_interval_of_a_difference_of_shares() -> None:
    frame = table(20_000, seed=9)
    (found,) = measured(frame, None, ("sex",))
    told = by_name(found)["accuracy_difference"]
    shares = (frame.y_true == frame.y_pred).groupby(frame.sex).agg(["mean", "size"])
    se = math.sqrt(sum(row["mean"] * (1 - row["mean"]) / row["size"] for _, row in shares.iterrows()))
    assert told.interval is not None
    assert told.value is not None
    assert told.interval.high - told.value == pytest.approx(1.96 * se, rel=0.05)
    score = scores(found, "accuracy")["f"]
    assert score.interval is not None
    alone = math.sqrt(score.value * (1 - score.value) / score.rows)  # type: ignore[operator]
    assert (score.interval.high - score.interval.low) / 2 == pytest.approx(1.96 * alone, rel=0.06)


def test_the_same_table_gives_the_same_interval_twice() -> None:
    assert one(table(), table(seed=1), resamples=300) == one(table(), table(seed=1), resamples=300)


@pytest.mark.slow
def test_many_equal_groups_are_seldom_surely_apart() -> None:
    """Ten equal groups of 300 rows differ by 0.09 by chance, and the interval knows."""
    sure, trials = 0, 60
    for seed in range(trials):
        random = np.random.default_rng(seed)
        frame = pd.DataFrame(
            {
                "y_true": random.integers(0, 2, 3000),
                "y_pred": random.integers(0, 2, 3000),
                "race": np.repeat(np.arange(10), 300),
            }
        )
        found = by_name(one(frame, resamples=400))["demographic_parity_difference"].interval
        assert found is not None
        sure += found.low > 0
    assert sure <= 7


def test_a_change_against_the_base_is_paired() -> None:
    head = table(seed=10, share_right=(0.8, 0.6, 0.85))
    base = head.copy()
    rows = np.flatnonzero(base.race == "black")[:60]
    base.loc[rows, "y_pred"] = base.loc[rows, "y_true"]
    told = by_name(one(head, base))["accuracy_difference"]
    assert told.change is not None
    assert told.value is not None
    assert told.base is not None
    assert told.value > told.base
    assert told.change.low > 0
    same = by_name(one(head, head))["accuracy_difference"]
    assert same.change is not None
    assert (same.change.low, same.change.high) == (0.0, 0.0)


def test_without_fairlearn_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fairlearn.metrics", None)
    with pytest.raises(ConfigError, match="fairlearn, which cannot be imported") as caught:
        one(table())
    assert caught.value.hint == "pip install 'mlops-ci[checks]'"


# ---- what cannot be compared -------------------------------------------------------------------


def with_more(frame: pd.DataFrame, rows: int, race: str) -> pd.DataFrame:
    odd = pd.DataFrame({"y_true": 1, "y_pred": 0, "race": race, "sex": "f"}, index=range(rows))
    return pd.concat([frame, odd])


def test_small_groups_are_named_and_do_not_enter() -> None:
    frame = table(3000, seed=11)
    whole = by_name(one(frame, resamples=50))["demographic_parity_difference"]
    found = one(with_more(frame, 10, "samoan"), resamples=50)
    told = by_name(found)["demographic_parity_difference"]
    assert (told.value, told.groups, told.small) == (whole.value, whole.groups, ("samoan",))
    score = scores(found, "selection_rate")["samoan"]
    assert (score.rows, score.value, score.interval) == (10, 0.0, None)
    assert values(found, "false_positive_rate")["samoan"] is None
    assert found.rare == 0


@pytest.mark.parametrize("min_rows", [200, 2])
def test_rare_groups_are_counted_and_never_named(min_rows: int) -> None:
    frame = table(3000, seed=11)
    whole = by_name(one(frame, resamples=50))["demographic_parity_difference"]
    found = one(with_more(with_more(frame, 9, "SECRETnine"), 1, "SECRETone"), resamples=50, min_rows=min_rows)
    told = by_name(found)["demographic_parity_difference"]
    assert (told.value, told.groups, told.small) == (whole.value, whole.groups, ())
    assert found.rare == 2
    assert list(scores(found, "accuracy")) == list(RACES)
    assert "SECRET" not in found.model_dump_json()


def test_a_misspelt_column_is_told_with_the_one_that_is_there() -> None:
    wrong, right = measured(table(seed=16), None, ("sexx",), ("sex",), resamples=50)
    assert wrong.problem == "there is no column sexx in the predictions; did you mean sex?"
    assert right.problem == ""


def test_a_group_without_positives_has_no_true_positive_rate() -> None:
    frame = table(seed=12)
    frame.loc[frame.race == "asian", "y_true"] = 0
    told = by_name(one(frame, frame, resamples=50))
    assert told["equal_opportunity_difference"].small == ("asian",)
    assert told["equalized_odds_difference"].small == ("asian",)
    assert told["demographic_parity_difference"].small == ()


def test_one_class_only_leaves_the_rates_that_are_defined() -> None:
    frame = table(seed=13).assign(y_true=0)
    found = one(frame, resamples=50)
    told = by_name(found)
    assert told["equalized_odds_difference"].value is None
    assert told["equalized_odds_difference"].small == RACES
    assert told["false_positive_rate_difference"].value is not None
    assert values(found, "true_positive_rate") == dict.fromkeys(RACES)
    assert (found.only, one(table(seed=13), resamples=50).only) == ("0", "")


def test_nobody_selected_is_the_same_for_all() -> None:
    told = by_name(one(table(seed=14).assign(y_pred=0), resamples=50))
    assert told["demographic_parity_difference"].value == 0
    assert told["demographic_parity_ratio"].value == 1


def test_one_group_never_selected_is_a_ratio_of_nothing() -> None:
    frame = table(seed=15)
    frame.loc[frame.race == "black", "y_pred"] = 0
    told = by_name(one(frame, resamples=200))["demographic_parity_ratio"]
    assert (told.value, told.groups) == (0.0, ("black", "white"))
    assert told.interval is not None
    assert told.interval.low == 0
    assert told.interval.high < 0.1


def test_a_base_that_is_undefined_on_a_group_has_no_value() -> None:
    head = table(seed=16)
    base = head.copy()
    base.loc[base.race == "black", "y_pred"] = 0
    found = one(head, base, resamples=50)
    assert by_name(found)["precision_difference"].base is None
    assert scores(found, "precision")["black"].base is None
    assert by_name(found)["demographic_parity_difference"].base is not None
    nobody = by_name(one(head, head.assign(y_pred=0), resamples=50))
    assert nobody["demographic_parity_ratio"].base == 1
    assert nobody["demographic_parity_difference"].base == 0


def test_missing_values_are_a_group_of_their_own() -> None:
    frame = table(seed=17)
    frame.loc[frame.index[:500], "race"] = None
    assert scores(one(frame, resamples=50), "accuracy")["(missing)"].rows == 500


def test_a_sensitive_column_is_told_in_hashes() -> None:
    frame = table(seed=18)
    frame.loc[frame.index[:500], "race"] = None
    label = Privacy(sensitive=["race"], show_values=["race", "sex"]).label
    race, both = measured(frame, None, ("race",), ("sex", "race"), label=label, resamples=50)
    names = list(scores(race, "accuracy"))
    assert [name[0] for name in names] == ["(", "#", "#", "#"]
    assert not any(name in f"{race}{both}" for name in RACES)
    assert list(scores(both, "accuracy"))[:2] == ["f, (missing)", f"f, {names[1]}"]


@pytest.mark.parametrize(
    ("frame", "asked", "problem"),
    [
        (table().drop(columns="race"), {}, "there is no column race in the predictions"),
        (table().assign(race="x"), {}, "there is one group only, so nothing is compared"),
        (
            table().assign(race=range(3000)),
            {},
            "3,000 groups are too many, so nothing is compared",
        ),
        (
            table().assign(y_true=np.array([np.nan] * 5 + [1.0] * 2995)),
            {},
            "y_true is missing or NaN in 5 of 3,000 rows",
        ),
        (table().head(0), {}, "there are no rows"),
        (table(), {"positive": "2"}, "there is no class 2; there are 0, 1"),
        (
            table().assign(y_true=0.5, y_pred=0.25),
            {"positive": "1"},
            "there is no class 1: the predictions are quantities",
        ),
        (
            table().rename(columns={"y_pred": "y_score"}),
            {},
            "there are scores only; a column of predicted classes is needed",
        ),
    ],
)
def test_what_cannot_be_measured_says_why(frame: pd.DataFrame, asked: dict[str, Any], problem: str) -> None:
    found = one(frame, **asked)
    assert (found.column, found.problem, found.metrics) == ("race", problem, ())


@pytest.mark.parametrize(
    ("base", "note"),
    [
        ("the base has no predictions", "the base has no predictions"),
        (
            table(2000),
            "the base's predictions cannot be compared: 3,000 rows at head, 2,000 at base",
        ),
    ],
)
def test_without_a_comparable_base_there_are_no_values_of_it(base: Any, note: str) -> None:
    found = one(table(), base, resamples=50)
    assert found.note == note
    told = by_name(found)["demographic_parity_difference"]
    assert (told.base, told.change) == (None, None)
    assert scores(found, "accuracy")["white"].base is None


def test_the_base_needs_no_group_columns() -> None:
    head = table(seed=19)
    found = one(head, head[["y_true", "y_pred"]], resamples=50)
    assert scores(found, "accuracy")["white"].base == values(found, "accuracy")["white"]
