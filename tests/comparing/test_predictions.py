"""Predictions of two models: what is compared, what is not and why, floors and slices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk
from sklearn.dummy import DummyClassifier

from mlops_ci import significance
from mlops_ci.comparing import predictions
from mlops_ci.comparing.predictions import Columns, Compared
from mlops_ci.evidence import Comparison, Metric
from mlops_ci.profiles.privacy import Privacy

ROWS = 300
SMALL = 200


def binary(noise: float, seed: int = 0) -> pd.DataFrame:
    """A classifier's answers: the same truth whatever the noise and seed of its score."""
    truth = (np.random.default_rng(7).random(ROWS) < 0.4).astype(int)
    random = np.random.default_rng(seed + round(noise * 1000))
    score = 1 / (1 + np.exp(-(2 * truth - 1 + noise * random.normal(size=ROWS))))
    return pd.DataFrame(
        {
            "id": np.arange(ROWS) * 3,
            "y_true": truth,
            "y_pred": (score > 0.5).astype(int),
            "y_score": score,
            "sex": np.where(np.arange(ROWS) % 3 == 0, "f", "m"),
        }
    )


def measured(frame: pd.DataFrame) -> dict[str, float]:
    truth, pred, score = frame["y_true"], frame["y_pred"], frame["y_score"]
    return {
        "accuracy": float(sk.accuracy_score(truth, pred)),
        "roc_auc": float(sk.roc_auc_score(truth, score)),
        "log_loss": float(sk.log_loss(truth, score)),
        "f1": float(sk.f1_score(truth, pred)),
    }


def metrics_of(head: pd.DataFrame, base: pd.DataFrame | None, **more: float) -> list[Metric]:
    now = measured(head) | more
    was = measured(base) if base is not None else {}
    return [
        Metric(name=name, file="metrics.json", head=value, base=was.get(name)) for name, value in now.items()
    ]


def run(head: Any, base: Any, metrics: list[Metric], **more: Any) -> Compared:
    shown = Privacy(show_values=True).label
    options: dict[str, Any] = {"resamples": SMALL, "label": shown} | more
    return predictions.compare(head, base, metrics, path="p.parquet", **options)


def named(found: Compared) -> dict[str, Comparison]:
    return {one.metric: one for one in found.comparisons}


HEAD, BASE = binary(1.0), binary(1.6)


def test_two_classifiers() -> None:
    found = run(HEAD, BASE, metrics_of(HEAD, BASE))
    facts = found.predictions
    assert (facts.path, facts.task, facts.rows, facts.base_rows) == ("p.parquet", "binary", ROWS, ROWS)
    assert (facts.comparable, facts.reason, facts.notes, facts.seeds) == (True, "", (), 1)
    assert facts.digest == facts.base_digest
    now, was = measured(HEAD), measured(BASE)
    for name, one in named(found).items():
        assert math.isclose(one.delta, now[name] - was[name])
        assert one.interval.low < one.delta < one.interval.high
        assert (one.n, one.file, one.seeds) == (ROWS, "metrics.json", (1, 1))
    assert named(found)["roc_auc"].method == "paired bootstrap, 200 resamples"
    assert named(found)["accuracy"].method == "paired bootstrap, 200 resamples; exact McNemar test"


def test_mcnemar_counts_the_examples_that_one_model_gets_right() -> None:
    found = named(run(HEAD, BASE, metrics_of(HEAD, BASE)))["accuracy"]
    ours, theirs = HEAD.y_true == HEAD.y_pred, BASE.y_true == BASE.y_pred
    expected = significance.mcnemar(int((ours & ~theirs).sum()), int((theirs & ~ours).sum()))
    assert found.p == expected


def test_a_mapping_of_columns_is_a_table_too() -> None:
    plain: dict[str, Any] = {str(name): HEAD[name].tolist() for name in HEAD}
    assert run(plain, BASE, metrics_of(HEAD, BASE)) == run(HEAD, BASE, metrics_of(HEAD, BASE))


def test_the_same_predictions_have_no_difference() -> None:
    found = run(HEAD, HEAD.copy(), metrics_of(HEAD, HEAD))
    assert {(one.delta, one.se, one.p) for one in found.comparisons} == {(0.0, 0.0, 1.0)}


def test_rows_in_another_order_are_aligned_by_id() -> None:
    shuffled = BASE.sample(frac=1, random_state=3)
    columns = Columns(id="id")
    expected = run(HEAD, BASE, metrics_of(HEAD, BASE), columns=columns)
    assert run(HEAD, shuffled, metrics_of(HEAD, BASE), columns=columns) == expected


def test_a_text_id_and_text_classes() -> None:
    words = {0: "no", 1: "yes"}

    def worded(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(
            id=frame.id.map("row-{}".format),
            y_true=frame.y_true.map(words),
            y_pred=frame.y_pred.map(words).astype("category"),
        )

    columns = Columns(id="id")
    found = run(worded(HEAD), worded(BASE).iloc[::-1].reset_index(), metrics_of(HEAD, BASE), columns=columns)
    expected = run(HEAD, BASE, metrics_of(HEAD, BASE), columns=columns)
    assert found.comparisons == expected.comparisons


# ---- not comparable ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "reason"),
    [
        (None, "the base has no predictions"),
        ("there is no base to compare with", "there is no base to compare with"),
        (BASE.iloc[:-10], "the evaluation set changed: 300 rows at head, 290 at base"),
        (
            BASE.assign(y_true=BASE.y_true.where(BASE.index >= 12, 1 - BASE.y_true)),
            "the evaluation set changed: y_true differs in 12 of 300 rows",
        ),
        (
            BASE.assign(y_true=BASE.y_true.astype(str), y_pred=BASE.y_pred.astype(str)),
            "the evaluation set changed: y_true is integers at head, text at base",
        ),
        (BASE.assign(id=BASE.id + 3), "the evaluation set changed: 1 of 300 ids at head are not at base"),
        (
            BASE.assign(id=BASE.id.astype(str)),
            "the evaluation set changed: the id is integers at head, text at base",
        ),
        (BASE.drop(columns="y_true"), "base's predictions: there is no column y_true; there are id, y_pred, "
                                      "y_score, sex"),
    ],
)  # fmt: skip
def test_a_base_that_cannot_be_compared(base: Any, reason: str) -> None:
    found = run(HEAD, base, metrics_of(HEAD, BASE), columns=Columns(id="id"))
    assert (found.predictions.comparable, found.predictions.reason) == (False, reason)
    assert found.comparisons == ()
    assert len(found.floors) == 3
    assert (found.predictions.base_rows is None) == ("evaluation set" not in reason)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"y_pred": HEAD.y_pred.where(HEAD.index > 2)}, "y_pred is missing or NaN in 3 of 300 rows"),
        ({"y_score": HEAD.y_score.where(HEAD.index > 0)}, "y_score is missing or NaN in 1 of 300 rows"),
        ({"y_score": np.inf}, "y_score is infinite in 300 of 300 rows"),
        ({"y_score": "high"}, "y_score is text, not numbers"),
        ({"id": 1}, "the id column is not unique: 299 rows repeat an id"),
        ({"y_pred": "yes"}, "y_pred is text, y_true is integers"),
    ],
)
def test_predictions_of_head_that_cannot_be_used(change: dict[str, Any], reason: str) -> None:
    found = run(HEAD.assign(**change), BASE, metrics_of(HEAD, BASE), columns=Columns(id="id"))
    assert found.predictions.reason == f"head's predictions: {reason}"
    assert (found.comparisons, found.floors, found.slices) == ((), (), ())


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ({}, "there is no column y_true; there are none"),
        (
            {f"c{n}": [1] for n in range(10)},
            "there is no column y_true; there are c0, c1, c2, c3, c4, c5, c6, c7 and 2 more",
        ),
        ({"y_true": [1]}, "there is neither a column y_pred nor y_score"),
        ({"y_true": [], "y_pred": []}, "there are no rows"),
        ({"y_true": [1, 0], "y_pred": [1]}, "the columns differ in length"),
        ({"y_true": [1, 0], "y_score_0": [0.5], "y_score_1": [0.5, 0.5]}, "the columns differ in length"),
        ({"y_true": [1, 0], "y_score": [1j, 2j]}, "y_score is text, not numbers"),
        (pd.DataFrame([[1, 2]], columns=["y_true", "y_true"]), "two columns have the same name"),
    ],
)  # fmt: skip
def test_tables_that_are_none(frame: Any, reason: str) -> None:
    assert run(frame, BASE, []).predictions.reason == f"head's predictions: {reason}"


def test_a_named_column_that_is_missing() -> None:
    found = run(HEAD, BASE, [], columns=Columns(seed="training"))
    assert found.predictions.reason == (
        "head's predictions: there is no column training; there are id, y_true, y_pred, y_score, sex"
    )


def test_no_score_column_is_asked_for() -> None:
    found = run(HEAD, BASE, metrics_of(HEAD, BASE), columns=Columns(y_score=None))
    assert set(named(found)) == {"accuracy", "f1"}
    nothing = run({"y_true": [1]}, None, [], columns=Columns(y_score=None))
    assert (
        nothing.predictions.reason
        == "head's predictions: there is neither a column y_pred nor a score column"
    )


# ---- which metrics take part ---------------------------------------------------------------------


def test_a_value_that_the_predictions_contradict_is_left_out() -> None:
    metrics = [Metric(name="accuracy", file="m.json", head=0.5, base=0.5)]
    found = run(HEAD, BASE, metrics)
    value = measured(HEAD)["accuracy"]
    assert found.comparisons == ()
    assert found.predictions.notes == (
        f"accuracy: the pipeline reported 0.5 at head, the predictions give {value:.6g}, so not compared",
    )


def test_a_value_that_the_bases_predictions_contradict_is_left_out() -> None:
    now = measured(HEAD)["accuracy"]
    found = run(HEAD, BASE, [Metric(name="accuracy", file="m.json", head=now, base=now)])
    assert found.comparisons == ()
    assert "at base" in found.predictions.notes[0]


def test_rounded_values_are_recognised() -> None:
    now, was = measured(HEAD)["roc_auc"], measured(BASE)["roc_auc"]
    metrics = [Metric(name="auc", file="m.json", head=round(now, 3), base=round(was, 2))]
    assert set(named(run(HEAD, BASE, metrics))) == {"auc"}


@pytest.mark.parametrize(
    ("reported", "value", "expected"),
    [
        (None, 0.3, True),
        (0.912, 0.91234, True),
        (0.912, 0.9126, False),
        (0.9, 0.91, False),
        (1.0, 0.98, False),
        (12345.7, 12345.72, True),
        (3, 3.2, False),
        (1e-7, 1.2e-7, False),
        (0.5, math.nan, False),
        (0.0, 0.0, True),
    ],
)
def test_agreement(reported: float | None, value: float, expected: bool) -> None:
    assert predictions.agrees(reported, value) is expected


def test_metrics_that_are_no_scores_or_have_no_value_are_passed_over() -> None:
    metrics = [
        Metric(name="latency_ms", file="m.json", head=3.0, base=4.0),
        Metric(name="accuracy", file="m.json", base=0.5, problem="NaN"),
    ]
    found = run(HEAD, BASE, metrics)
    assert (found.comparisons, found.predictions.notes) == ((), ())


def test_a_file_that_is_one_number_has_its_own_name() -> None:
    metrics = [Metric(name="", file="out/accuracy.json", head=measured(HEAD)["accuracy"])]
    assert [(one.metric, one.file) for one in run(HEAD, BASE, metrics).comparisons] == [
        ("", "out/accuracy.json")
    ]


def test_the_reported_value_chooses_among_averages() -> None:
    macro = float(sk.f1_score(HEAD.y_true, HEAD.y_pred, average="macro"))
    before = float(sk.f1_score(BASE.y_true, BASE.y_pred, average="macro"))
    found = run(HEAD, BASE, [Metric(name="f1", file="m.json", head=macro, base=before)])
    assert math.isclose(named(found)["f1"].delta, macro - before)


def test_scores_that_are_no_probabilities_still_rank() -> None:
    head, base = (frame.assign(y_score=frame.y_score * 10 - 5) for frame in (HEAD, BASE))
    metrics = [one for one in metrics_of(HEAD, BASE) if one.name in ("roc_auc", "log_loss")]
    assert set(named(run(head, base, metrics))) == {"roc_auc"}


def test_probabilities_in_place_of_classes() -> None:
    head, base = (
        frame.drop(columns=["y_pred", "y_score"]).assign(y_pred=frame.y_score) for frame in (HEAD, BASE)
    )
    found = run(head, base, metrics_of(HEAD, BASE))
    assert found.predictions.task == "binary"
    assert set(named(found)) == {"roc_auc", "log_loss"}


def test_one_class_only() -> None:
    head = HEAD[HEAD.y_true == 1]
    now = float((head.y_true == head.y_pred).mean())
    metrics = [
        Metric(name="accuracy", file="m.json", head=now),
        Metric(name="roc_auc", file="m.json", head=0.5),
    ]
    found = run(head, None, metrics)
    assert found.predictions.task == "binary"
    assert found.predictions.notes == (
        "roc_auc: undefined on head's predictions (perhaps only one class occurs), so not compared",
    )
    assert [one.metric for one in found.floors] == ["accuracy"]


def test_a_single_row() -> None:
    accuracy = Metric(name="accuracy", file="m", head=1.0)
    found = run({"y_true": [1], "y_pred": [1]}, {"y_true": [1], "y_pred": [0]}, [accuracy])
    assert (found.predictions.comparable, found.comparisons, found.floors) == (True, (), ())


# ---- other tasks ---------------------------------------------------------------------------------


def numbers(noise: float) -> pd.DataFrame:
    random = np.random.default_rng(round(noise * 100))
    truth = np.random.default_rng(3).normal(size=ROWS) * 3 + 10
    return pd.DataFrame({"y_true": truth, "y_pred": truth + random.normal(size=ROWS) * noise})


def errors_of(frame: pd.DataFrame) -> dict[str, float]:
    return {
        "rmse": float(sk.root_mean_squared_error(frame.y_true, frame.y_pred)),
        "mae": float(sk.mean_absolute_error(frame.y_true, frame.y_pred)),
        "medae": float(sk.median_absolute_error(frame.y_true, frame.y_pred)),
        "r2": float(sk.r2_score(frame.y_true, frame.y_pred)),
    }


def regression_metrics(head: pd.DataFrame, base: pd.DataFrame) -> list[Metric]:
    now, was = errors_of(head), errors_of(base)
    return [Metric(name=name, file="m.json", head=now[name], base=was[name]) for name in now]


def test_regression_and_its_floors() -> None:
    head, base = numbers(1.0), numbers(2.0)
    found = run(head, base, regression_metrics(head, base))
    assert found.predictions.task == "regression"
    assert set(named(found)) == {"rmse", "mae", "medae", "r2"}
    assert named(found)["rmse"].interval.high < 0
    kinds = {one.metric: one.kind for one in found.floors if one.metric != "medae"}
    assert kinds == {"rmse": "mean", "mae": "median", "r2": "mean"}
    mean = head.y_true.mean()
    by_metric = {one.metric: one for one in found.floors}
    assert math.isclose(by_metric["rmse"].value, float(np.sqrt(((head.y_true - mean) ** 2).mean())))
    assert by_metric["rmse"].margin.interval.high < 0
    assert math.isclose(by_metric["r2"].value, 0.0, abs_tol=1e-12)


@pytest.mark.parametrize("frame", [binary(0.8), None])
def test_the_trivial_model_is_scikit_learns(frame: pd.DataFrame | None) -> None:
    head = many(0.5) if frame is None else frame
    columns = [name for name in head if str(name).startswith("y_score")]
    score = head[columns[0]] if len(columns) == 1 else head[columns]
    told = {
        "accuracy": float(sk.accuracy_score(head["y_true"], head["y_pred"])),
        "log_loss": float(sk.log_loss(head["y_true"], score)),
    }
    found = run(head, None, [Metric(name=name, file="m", head=value) for name, value in told.items()])
    dummy = DummyClassifier(strategy="prior").fit(head[columns], head["y_true"])
    answers = dummy.predict(head[columns]), dummy.predict_proba(head[columns])
    by_metric = {one.metric: one.value for one in found.floors}
    assert math.isclose(by_metric["accuracy"], sk.accuracy_score(head["y_true"], answers[0]))
    assert math.isclose(by_metric["log_loss"], sk.log_loss(head["y_true"], answers[1]))


def test_the_last_value_is_a_floor_of_a_series() -> None:
    truth = np.cumsum(np.random.default_rng(1).normal(size=ROWS))
    head = pd.DataFrame({"y_true": truth, "y_pred": truth + 0.5})
    metrics = regression_metrics(head, head)
    found = run(head, None, metrics, time_ordered=True)
    assert {one.kind for one in found.floors} == {"last value"}
    assert {one.kind for one in run(head, None, metrics).floors} <= {"mean", "median"}


def test_the_last_class_is_a_floor_of_a_series_of_classes() -> None:
    truth = np.repeat([0, 1] * 3, 50)
    head = pd.DataFrame({"y_true": truth, "y_pred": truth})
    found = run(head, None, [Metric(name="accuracy", file="m", head=1.0)], time_ordered=True)
    assert [(one.kind, round(one.value, 4)) for one in found.floors] == [("last value", 0.9833)]


def many(noise: float) -> pd.DataFrame:
    truth = np.random.default_rng(5).integers(0, 3, ROWS)
    raw = np.exp(np.random.default_rng(round(noise * 10)).normal(size=(ROWS, 3)) * noise)
    raw = raw * (1 + 4 * (truth[:, None] == np.arange(3)))
    score = raw / raw.sum(axis=1, keepdims=True)
    labels = np.array(["cat", "dog", "owl"])
    told = {f"y_score_{label}": score[:, place] for place, label in enumerate(labels)}
    return pd.DataFrame({"y_true": labels[truth], "y_pred": labels[score.argmax(axis=1)], **told})


def test_several_classes() -> None:
    head, base = many(0.5), many(0.9)
    probabilities = [[f"y_score_{label}" for label in ("cat", "dog", "owl")]] * 2
    now, was = (
        {
            "test.f1": float(sk.f1_score(one.y_true, one.y_pred, average="macro")),
            "log_loss": float(sk.log_loss(one.y_true, one[names])),
            "roc_auc": float(sk.roc_auc_score(one.y_true, one[names], multi_class="ovr")),
        }
        for one, names in zip((head, base), probabilities, strict=True)
    )
    metrics = [Metric(name=name, file="m.json", head=now[name], base=was[name]) for name in now]
    found = run(head, base, metrics)
    assert found.predictions.task == "multiclass"
    for name, one in named(found).items():
        assert math.isclose(one.delta, now[name] - was[name])
    assert {one.metric: one.kind for one in found.floors} == {
        "test.f1": "majority class",
        "log_loss": "class prior",
        "roc_auc": "class prior",
    }


def test_several_classes_with_one_score_or_with_too_few() -> None:
    head = many(0.5)
    accuracy = Metric(name="accuracy", file="m", head=float((head.y_true == head.y_pred).mean()))
    loss = Metric(name="log_loss", file="m", head=0.5)
    single = head.drop(columns=["y_score_dog", "y_score_owl"])
    assert [one.metric for one in run(single, single, [accuracy, loss]).comparisons] == ["accuracy"]
    two = head.drop(columns=["y_score_owl"])
    assert [one.metric for one in run(two, two, [accuracy, loss]).comparisons] == ["accuracy"]


def test_two_classes_with_a_score_each() -> None:
    head, base = (
        frame.drop(columns="y_score").assign(y_score_0=1 - frame.y_score, y_score_1=frame.y_score)
        for frame in (HEAD, BASE)
    )
    assert (
        run(head, base, metrics_of(HEAD, BASE)).comparisons
        == run(HEAD, BASE, metrics_of(HEAD, BASE)).comparisons
    )


@pytest.mark.parametrize(
    ("truth", "pred", "names", "expected"),
    [
        ([1.5, 2.0], [1.0, 2.0], [], "regression"),
        ([3, 4], [3.5, 4.0], [], "regression"),
        ([3, 4, 5], [3, 4, 5], [], "multiclass"),
        ([3, 4, 5], [3, 4, 5], ["rmse"], "regression"),
        ([3, 4, 5], [3, 4, 5], ["accuracy"], "multiclass"),
        ([3, 4, 5], [3, 4, 5], ["accuracy", "rmse"], "multiclass"),
        (list(range(50)), list(range(50)), [], "regression"),
        (list(range(50)), list(range(50)), ["accuracy"], "multiclass"),
        ([0, 1], [0.2, 0.7], [], "binary"),
        ([0, 1], [0.2, 0.7], ["rmse"], "regression"),
        ([True, False], [True, True], [], "binary"),
        (["a", "b"], ["a", "a"], ["rmse"], "binary"),
        ([0.0, 1.0], [1.0, 1.0], [], "binary"),
        (["a"], ["a"], [], "binary"),
        ([1, 1], [1, 1], [], "binary"),
    ],
)
def test_the_task_is_found_out(truth: list[Any], pred: list[Any], names: list[str], expected: str) -> None:
    metrics = [Metric(name=name, file="m", head=0.123) for name in names]
    assert run({"y_true": truth, "y_pred": pred}, None, metrics).predictions.task == expected


def test_quantities_with_scores_alone() -> None:
    found = run({"y_true": [1.5, 2.5], "y_score": [0.1, 0.2]}, None, [])
    assert found.predictions.reason == (
        "head's predictions: there is a score and no prediction, and y_true is no class"
    )


def test_text_of_thousands_of_kinds() -> None:
    words = [f"answer {number}" for number in range(5000)]
    truth = {"y_true": words, "y_pred": [*words[:4000], *words[:1000]]}
    metrics = [
        Metric(name="accuracy", file="m", head=0.8),
        Metric(name="kappa", file="m", head=0.8, base=0.8),
    ]
    found = run(truth, truth, metrics)
    assert [one.metric for one in found.comparisons] == ["accuracy"]


# ---- seeds ---------------------------------------------------------------------------------------


def seeded(noise: float, seeds: int, column: str = "seed") -> pd.DataFrame:
    return pd.concat(
        [binary(noise, seed).assign(**{column: seed}) for seed in range(seeds)], ignore_index=True
    )


def mean_accuracy(noise: float, seeds: int) -> float:
    return float(np.mean([measured(binary(noise, seed))["accuracy"] for seed in range(seeds)]))


def test_several_trainings() -> None:
    metrics = [Metric(name="accuracy", file="m.json", head=mean_accuracy(1.0, 3), base=mean_accuracy(1.6, 2))]
    found = run(seeded(1.0, 3), seeded(1.6, 2), metrics)
    (one,) = found.comparisons
    assert (found.predictions.seeds, found.predictions.rows, one.seeds, one.n) == (3, ROWS, (3, 2), ROWS)
    assert math.isclose(one.delta, mean_accuracy(1.0, 3) - mean_accuracy(1.6, 2))
    assert 0 < one.seed_se < one.se
    assert one.df is not None
    assert one.method == "paired bootstrap, 200 resamples; 3 and 2 trainings"
    (floor,) = found.floors
    assert floor.margin.method == "paired bootstrap, 200 resamples"


def test_trainings_in_their_own_orders_meet_by_id() -> None:
    metrics = [Metric(name="accuracy", file="m.json", head=mean_accuracy(1.0, 3), base=mean_accuracy(1.6, 2))]
    columns = Columns(id="id", seed="training")
    head, base = seeded(1.0, 3, "training"), seeded(1.6, 2, "training")
    shuffled = head.sort_values(["training", "y_score"], kind="stable")
    expected = run(head, base, metrics, columns=columns).comparisons[0]
    found = run(shuffled, base, metrics, columns=columns).comparisons[0]
    assert math.isclose(found.delta, expected.delta)
    assert math.isclose(found.seed_se, expected.seed_se)


def test_trainings_on_other_examples() -> None:
    head = seeded(1.0, 2)
    found = run(head.iloc[:-1], None, [])
    assert found.predictions.reason == ("head's predictions: 300 rows at the first seed, 299 at another seed")


def test_a_metric_that_only_the_seeds_know() -> None:
    bleu = Metric(name="bleu", file="m.json", head=0.31, base=0.21, seeds=(0.3, 0.32), base_seeds=(0.2, 0.22))
    found = run(HEAD, BASE, [*metrics_of(HEAD, BASE), bleu])
    one = named(found)["bleu"]
    assert (one.method, one.n, one.seeds) == ("Welch's t-test over the seeds; 2 and 2 trainings", 4, (2, 2))
    assert predictions.by_seeds([bleu]) == (one,)
    assert run({}, None, [bleu]).comparisons == (one,)
    assert run(HEAD.assign(y_pred="x"), None, [bleu]).comparisons == (one,)


# ---- slices --------------------------------------------------------------------------------------


def test_slices_by_the_first_metric() -> None:
    columns = Columns(groups=("sex", "region", "id"))
    found = run(HEAD, BASE, metrics_of(HEAD, BASE), columns=columns)
    assert [(one.column, one.level, one.rows, one.metric) for one in found.slices] == [
        ("sex", "f", 100, "accuracy"),
        ("sex", "m", 200, "accuracy"),
    ]
    women = HEAD.sex == "f"
    first = found.slices[0]
    assert first.comparison is not None
    assert math.isclose(first.head, float((HEAD.y_true == HEAD.y_pred)[women].mean()))
    assert first.base is not None
    assert math.isclose(first.comparison.delta, first.head - first.base)
    assert first.comparison.n == 100
    assert found.predictions.notes == (
        "there is no group column region",
        "id has 300 groups, too many to slice by",
    )


def test_slices_without_a_base_and_small_ones() -> None:
    columns = Columns(groups=("sex",))
    found = run(HEAD, None, metrics_of(HEAD, None), columns=columns, min_rows=150)
    assert [(one.level, one.base, one.comparison) for one in found.slices] == [("m", None, None)]
    assert run(HEAD, BASE, [], columns=columns).slices == ()


def test_slices_are_called_as_their_column_may_be_told() -> None:
    head = HEAD.assign(team=np.where(np.arange(ROWS) % 2, "a", "b"))
    privacy = Privacy(sensitive=["sex"], show_values=["sex", "team"])
    columns = Columns(groups=("sex", "team"))
    found = run(head, None, metrics_of(head, None), columns=columns, label=privacy.label)
    assert [(one.column, one.level) for one in found.slices] == [
        ("sex", "#7a79a2"),
        ("sex", "#25b9bd"),
        ("team", "a"),
        ("team", "b"),
    ]
    assert {one.level[0] for one in predictions.compare(head, None, metrics_of(head, None), columns=columns,
                                                        resamples=SMALL).slices} == {"#"}  # fmt: skip


def test_a_rare_slice_is_not_named_whatever_is_asked() -> None:
    head = HEAD.assign(sex=np.where(np.arange(ROWS) < 9, "x", HEAD.sex))
    found = run(head, None, metrics_of(head, None), columns=Columns(groups=("sex",)), min_rows=2)
    assert [one.level for one in found.slices] == ["f", "m"]


def test_a_misspelt_group_is_told_with_the_one_that_is_there() -> None:
    found = run(HEAD, BASE, metrics_of(HEAD, BASE), columns=Columns(groups=("sexx",)))
    assert found.predictions.notes == ("there is no group column sexx; did you mean sex?",)


def test_a_slice_where_the_metric_is_undefined() -> None:
    head, base = (frame.assign(group=np.where(frame.y_true == 1, "a", "b")) for frame in (HEAD, BASE))
    metrics = [one for one in metrics_of(head, base) if one.name == "roc_auc"]
    assert run(head, base, metrics, columns=Columns(groups=("group",))).slices == ()


def test_a_missing_group_is_a_group() -> None:
    head = HEAD.assign(sex=HEAD.sex.where(HEAD.sex == "m"), number=pd.Series([1.0, None] * 150))
    found = run(head, None, metrics_of(head, None), columns=Columns(groups=("sex", "number")))
    assert [(one.column, one.level) for one in found.slices] == [
        ("sex", "(missing)"),
        ("sex", "m"),
        ("number", "(missing)"),
        ("number", "1.0"),
    ]


def test_nullable_columns_are_read() -> None:
    head = HEAD.convert_dtypes()
    assert (
        run(head, BASE, metrics_of(HEAD, BASE)).comparisons
        == run(HEAD, BASE, metrics_of(HEAD, BASE)).comparisons
    )


def test_the_digest_knows_the_examples_and_not_the_answers() -> None:
    columns = Columns(id="id")
    one = run(HEAD, None, [], columns=columns).predictions.digest
    assert one == run(BASE.iloc[::-1], None, [], columns=columns).predictions.digest
    assert one != run(HEAD.iloc[1:], None, [], columns=columns).predictions.digest
    assert one.startswith("sha256:")
