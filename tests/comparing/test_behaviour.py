"""Trials of models that are plain functions: what each table holds, and what the answers say."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlops_ci.comparing import behaviour, edges
from mlops_ci.comparing.asking import Answer, Failure, put, spread
from mlops_ci.comparing.behaviour import Wanted
from mlops_ci.evidence import CheckResult

Model = Callable[[pd.DataFrame], Answer | Failure]

TABLE = pd.DataFrame(
    {
        "age": [20 + at % 60 for at in range(300)],
        "income": [1000.0 + 7 * at for at in range(300)],
        "town": [("ada", "bern", "cork")[at % 3] for at in range(300)],
        "sex": [1 + at % 2 for at in range(300)],
        "flag": [at % 5 == 0 for at in range(300)],
        "target": [at % 2 for at in range(300)],
    }
)
FEATURES = ["age", "income", "town", "sex", "flag"]


def scored(values: Any) -> Answer:
    return Answer(
        score=np.asarray(values, dtype=float).reshape(len(values), -1), numbers=np.zeros((len(values), 1))
    )


def steady(rows: pd.DataFrame) -> Answer:
    return scored(rows["age"].astype(float).fillna(0).clip(-1e6, 1e6) / 100)


def tried(
    model: Model, table: pd.DataFrame = TABLE, by_name: bool = True, **wanted: Any
) -> dict[str, CheckResult]:
    features = [name for name in FEATURES if name in table]
    found = behaviour.trials(table, features, Wanted(**wanted), categorical=("sex",), by_name=by_name)
    return {one.check: one.judge([model(rows) for rows in one.tables]) for one in found}


def edge(name: str, model: Model, table: pd.DataFrame = TABLE) -> CheckResult:
    return tried(model, table, edges=(name,))[f"edge:{name}"]


def given(said: list[Answer | Failure]) -> Iterator[Answer | Failure]:
    return iter(said)


def fails(rows: pd.DataFrame) -> Failure:
    return Failure("ValueError: no")


def crashes(rows: pd.DataFrame) -> Failure:
    return Failure("the model's process was ended by SIGSEGV", crashed=True)


# ---- the sample --------------------------------------------------------------------------------


def test_a_sample_is_spread_over_the_table_and_the_same_every_time() -> None:
    assert [*spread(TABLE, 4)["income"]] == [1000, 1000 + 7 * 100, 1000 + 7 * 199, 1000 + 7 * 299]
    assert len(spread(TABLE, 10_000)) == 300
    assert len(spread(TABLE.iloc[:1], 10)) == 1


@pytest.mark.parametrize(
    ("model", "ok", "detail", "value"),
    [
        (steady, True, "200 rows, all predictions are finite and repeat", 1.0),
        (fails, False, "ValueError: no", None),
        (lambda rows: scored([1.0]), False, "1 predictions for 200 rows", None),
        (lambda rows: Answer(), False, "0 predictions for 200 rows", None),
        (
            lambda rows: scored(np.where(rows["sex"] == 1, np.inf, 1)),
            False,
            "100 of 200 predictions are missing, NaN or infinite",
            0.5,
        ),
        (
            lambda rows: Answer(labels=tuple([None, "yes"] * 100)),
            False,
            "100 of 200 predictions are missing, NaN or infinite",
            0.5,
        ),
        (
            lambda rows: Answer(labels=("yes",) * 200),
            True,
            "200 rows, all predictions are finite and repeat",
            1.0,
        ),
    ],
)
def test_the_sample(model: Model, ok: bool, detail: str, value: float | None) -> None:
    found = tried(model)["sample"]
    assert (found.ok, found.detail, found.value, found.rows) == (ok, detail, value, 200)


@pytest.mark.parametrize(
    ("second", "other"),
    [
        (scored([1.0, 2.0]), 0),
        (scored([1.0, 2.1]), 1),
        (scored([1.0]), 2),
        (scored([[1.0, 0.0], [2.0, 0.0]]), 2),
        (Failure("no"), 2),
    ],
)
def test_a_prediction_that_does_not_repeat_is_counted(second: Answer | Failure, other: int) -> None:
    answers = given([scored([1.0, 2.0]), second])
    found = tried(lambda rows: next(answers), TABLE.iloc[:2])["sample"]
    assert found.ok is (other == 0)
    if other:
        assert found.detail == f"{other} of 2 rows get another prediction when they are asked again"


def test_labels_that_do_not_repeat_are_counted() -> None:
    answers = iter([Answer(labels=("a", "b")), Answer(labels=("a", "c"))])
    assert tried(lambda rows: next(answers), TABLE.iloc[:2])["sample"].detail.startswith("1 of 2 rows")


# ---- the edges ---------------------------------------------------------------------------------


def test_every_edge_of_a_steady_model_passes() -> None:
    found = tried(steady, edges=tuple(edges.EDGES))
    assert [one.ok for one in found.values()] == [True] * 8
    assert (found["edge:nulls"].rows, found["edge:nulls"].value) == (100, 1.0)


@pytest.mark.parametrize("name", ["nulls", "zeros", "huge", "unseen"])
def test_a_clean_error_on_strange_values_is_an_answer(name: str) -> None:
    found = edge(name, fails)
    assert (found.ok, found.value) == (True, 0.0)
    assert "raise an error" in found.detail
    assert found.detail.endswith(": ValueError: no")


@pytest.mark.parametrize("name", ["extremes", "one_row", "reordered"])
def test_an_error_on_usual_values_is_wrong(name: str) -> None:
    assert (edge(name, fails).ok, edge(name, fails).detail) == (False, "ValueError: no")


@pytest.mark.parametrize("name", [*edges.EDGES])
def test_a_crash_is_wrong_everywhere(name: str) -> None:
    found = edge(name, crashes)
    assert (found.ok, found.detail) == (False, "the model's process was ended by SIGSEGV")


def test_columns_that_raise_are_named() -> None:
    def model(rows: pd.DataFrame) -> Answer | Failure:
        return fails(rows) if rows["age"].isna().any() else steady(rows)

    found = edge("nulls", model)
    assert found.detail == "missing values in age raise an error (1 of 5 tried): ValueError: no"
    assert found.value == pytest.approx(0.8)


def test_columns_whose_values_give_nan_are_named() -> None:
    def model(rows: pd.DataFrame) -> Answer:
        broken = rows.drop(columns="flag").isna().any(axis=1)
        return scored(np.where(broken, np.nan, 1.0))

    found = edge("nulls", model)
    assert found.ok is False
    assert found.detail == (
        "predictions are missing, NaN or infinite with missing values in age, income, town and 1 more"
    )


def test_extremes_that_give_nan_are_counted() -> None:
    found = edge("extremes", lambda rows: scored(np.where(rows["age"] < 79, 1.0, np.inf)))
    assert (found.ok, found.detail) == (False, "1 of 6 predictions are missing, NaN or infinite")


def test_the_edge_values_are_what_they_say() -> None:
    asked: list[pd.DataFrame] = []

    def model(rows: pd.DataFrame) -> Answer:
        asked.append(rows)
        return steady(rows)

    tried(model, edges=("extremes", "huge", "unseen"))
    extremes, huge_age, huge_income, _, town, sex = asked[2:]
    assert [*extremes["age"][:2]] == [20, 79]
    assert (huge_age["age"].iloc[0], huge_income["income"].iloc[0]) == (2**31 - 1, 1e30)
    assert (set(town["town"]), set(sex["sex"])) == ({edges.UNSEEN}, {3})


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nulls", None),
        ("zeros", "there is no column of numbers"),
        ("huge", "there is no column of numbers"),
        ("extremes", "there is no column of numbers"),
    ],
)
def test_an_edge_that_no_column_has_is_not_tried(name: str, why: str | None) -> None:
    found = edge(name, lambda rows: scored(np.ones(len(rows))), TABLE[["town", "target"]])
    assert (found.ok, found.detail) == ((None, why) if why else (True, "20 rows"))


def test_without_categories_none_is_unseen() -> None:
    found = edge("unseen", steady, TABLE[["age", "target"]])
    assert (found.ok, found.detail) == (None, "there is no column of categories")


def test_columns_without_any_value_are_no_categories_and_have_no_extremes() -> None:
    table = TABLE[["age", "target"]].assign(town=None, income=math.nan)
    assert edge("unseen", steady, table).ok is None
    assert edge("extremes", steady, table).rows == 2


def test_of_very_many_columns_the_rest_is_tried_at_once() -> None:
    wide = pd.DataFrame({f"x{at}": [1.0, 2.0] for at in range(60)})
    found = [*behaviour.trials(wide, [*wide.columns], Wanted(edges=("nulls",)))][1]
    assert len(found.tables) == 51
    assert int(found.tables[-1].isna().any().sum()) == 10
    said = found.judge([scored([1.0, 1.0])] * 50 + [Failure("no")])
    assert said.detail == "missing values in 10 further columns at once raise an error (1 of 51 tried): no"


def test_a_row_that_is_predicted_otherwise_alone_is_found() -> None:
    found = edge("one_row", lambda rows: scored(rows["income"] - rows["income"].mean()))
    assert (found.ok, found.detail) == (False, "5 of 5 rows get another prediction alone than among others")
    labels = edge("one_row", lambda rows: Answer(labels=("a",) * len(rows)))
    assert (labels.ok, labels.detail) == (True, "5 rows asked one by one")


def test_columns_in_another_order() -> None:
    by_place = edge("reordered", lambda rows: scored((rows.iloc[:, 0] == rows["age"]).astype(float)))
    assert (by_place.ok, by_place.detail) == (False, "20 of 20 rows silently get another prediction")
    answers = given([scored([1.0]), scored([1.0]), scored([1.0]), Failure("ValueError: order")])
    refused = edge("reordered", lambda rows: next(answers), TABLE.iloc[:1])
    assert (refused.ok, refused.detail) == (True, "an error says so: ValueError: order")
    answers = given([scored([1.0]), scored([1.0]), scored([1.0]), Failure("gone", crashed=True)])
    assert edge("reordered", lambda rows: next(answers), TABLE.iloc[:1]).detail == "gone"
    unnamed = tried(steady, by_name=False, edges=("reordered",))["edge:reordered"]
    assert (unnamed.ok, unnamed.detail) == (
        None,
        "the model names no columns, so it takes them by their place",
    )


# ---- values of any type ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "value", "kind", "expected"),
    [
        (pd.Series([1, 2]), None, "float64", None),
        (pd.Series([1, 2]), 7, "int64", 7),
        (pd.Series([1, 2], dtype="int8"), 300, "int64", 300),
        (pd.Series([1, 2]), 0.5, "float64", 0.5),
        (pd.Series([1.5, 2], dtype="float32"), 0, "float32", 0.0),
        (pd.Series([True, False]), None, "object", None),
        (pd.Series(["a", "b"]), None, "str", None),
        (pd.Series(["a", "b"]), "c", "str", "c"),
        (pd.Series(["a", "b"], dtype="category"), "c", "category", "c"),
        (pd.Series(["a", "b"], dtype="category"), "b", "category", "b"),
        (pd.Series(["a", "b"], dtype="category"), None, "category", None),
        (pd.Series(pd.to_datetime(["2015-01-01", "2016-01-01"])), None, "datetime64[us]", None),
        (pd.Series([1, None], dtype="Int64"), 9, "Int64", 9),
    ],
)
def test_a_value_is_put_into_a_column_and_its_type_stays_where_it_can(
    column: pd.Series[Any], value: Any, kind: str, expected: Any
) -> None:
    table = pd.DataFrame({"x": column, "y": [1, 2]})
    found = put(table, "x", value)
    assert str(found["x"].dtype) == kind
    assert [None if pd.isna(one) else one for one in found["x"]] == [expected, expected]
    assert table["x"].equals(column)


# ---- behaviour ---------------------------------------------------------------------------------


def test_an_invariance_that_holds_and_one_that_does_not() -> None:
    def model(rows: pd.DataFrame) -> Answer:
        return scored(0.5 + 0.2 * ((rows["sex"] == 2) & (rows["age"] > 49)))

    found = tried(model, invariant=("town", "sex"))
    assert found["invariant:town"].detail == "200 rows with 3 values keep their predictions"
    assert found["invariant:sex"].ok is False
    assert found["invariant:sex"].value == pytest.approx(0.5, abs=0.05)
    assert "at most by 0.2, over 2 values" in found["invariant:sex"].detail
    assert tried(model, invariant=("sex",), min_share=0.4)["invariant:sex"].ok is True
    assert tried(model, invariant=("sex",), tolerance=0.25)["invariant:sex"].ok is True


def test_an_invariance_of_labels_is_counted_without_a_distance() -> None:
    found = tried(lambda rows: Answer(labels=tuple(rows["town"])), invariant=("town",))["invariant:town"]
    assert found.detail == "200 of 200 predictions change, over 3 values"


def test_a_column_of_many_values_is_tried_along_its_quantiles() -> None:
    names = pd.DataFrame({"income": range(300), "name": [f"n{at}" for at in range(300)]})
    counts = {
        one.check: len(one.tables)
        for one in behaviour.trials(names, ["income", "name"], Wanted(invariant=("income", "name")))
    }
    assert counts == {"sample": 2, "invariant:income": 12, "invariant:name": 51}


@pytest.mark.parametrize("kind", ["invariant", "increasing", "decreasing"])
def test_columns_that_are_not_there_or_not_seen(kind: str) -> None:
    wanted: dict[str, Any] = {kind: ("colour", "target")}
    found = tried(steady, **wanted)
    assert found[f"{kind}:colour"] == CheckResult(
        check=f"{kind}:colour", ok=None, detail="the test table has no such column"
    )
    wanted = {kind: ("incomee",)}
    (lost,) = (one for name, one in tried(steady, **wanted).items() if name != "sample")
    assert (lost.ok, lost.detail) == (None, "the test table has no such column; did you mean income?")
    assert found[f"{kind}:target"] == CheckResult(
        check=f"{kind}:target", ok=True, detail="the model is not shown this column"
    )


@pytest.mark.parametrize("kind", ["invariant", "increasing"])
def test_an_error_on_the_way_is_the_reason(kind: str) -> None:
    wanted: dict[str, Any] = {kind: ("sex",)}
    found = tried(fails, **wanted)[f"{kind}:sex"]
    assert (found.ok, found.detail) == (False, "ValueError: no")


def test_directions() -> None:
    found = tried(steady, increasing=("age", "income"), decreasing=("age", "income", "town", "sex"))
    assert {name: one.ok for name, one in found.items() if name != "sample"} == {
        "increasing:age": True,
        "increasing:income": True,
        "decreasing:age": False,
        "decreasing:income": True,
        "decreasing:town": None,
        "decreasing:sex": True,
    }
    assert found["increasing:age"].detail == "200 rows along 11 values"
    assert found["decreasing:age"].detail == "the score rises for 200 of 200 rows, at most by 0.06"
    assert found["decreasing:town"].detail == "the column has no two numbers to go along"


def test_a_score_of_two_classes_goes_by_the_second_and_several_have_no_direction() -> None:
    def classes(count: int) -> Model:
        return lambda rows: scored(np.linspace(1, 0, count)[None, :] * np.ones((len(rows), 1)))

    two = tried(classes(2), increasing=("age",))["increasing:age"]
    three = tried(classes(3), increasing=("age",))["increasing:age"]
    assert (two.ok, three.ok) == (True, None)
    assert three.detail == "the model gives no single score that has a direction"


def test_a_score_that_is_nan_keeps_no_direction() -> None:
    found = tried(lambda rows: scored(np.full(len(rows), np.nan)), increasing=("age",))["increasing:age"]
    assert (found.ok, found.value) == (False, 0.0)
    assert found.detail == "the score falls or is NaN for 200 of 200 rows"
