"""Stage prepare: a fixed test set, disjoint parts, and only the features asked for."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline import prepare
from tests.pipeline.people import people


def test_the_place_of_an_id_is_fixed_and_even() -> None:
    place = prepare.scattered(np.arange(100_000))
    assert [round(float(value), 6) for value in place[:3]] == [0.883311, 0.566562, 0.59119]
    assert place.min() >= 0
    assert place.max() < 1
    assert abs(float((place < 0.2).mean()) - 0.2) < 0.005


def test_the_parts_are_disjoint_complete_and_in_order() -> None:
    rows = people(2000)
    parts = prepare.split(rows, validation_share=0.25)
    ids = {name: part["id"].tolist() for name, part in parts.items()}
    assert sorted(ids["train"] + ids["valid"] + ids["test"]) == rows["id"].tolist()
    assert all(values == sorted(values) for values in ids.values())
    assert abs(len(ids["valid"]) / (2000 - len(ids["test"])) - 0.25) < 0.03


def test_no_parameter_moves_a_row_into_or_out_of_the_test_set() -> None:
    rows = people(500)
    tests = [prepare.split(rows, validation_share=share)["test"]["id"].tolist() for share in (0.0, 0.1, 0.9)]
    assert tests[0] == tests[1] == tests[2]


def test_rows_that_arrive_later_leave_the_test_set_as_it_was() -> None:
    few, many = people(300), people(600)
    wanted = prepare.split(few, 0.1)["test"]["id"].tolist()
    assert [row for row in prepare.split(many, 0.1)["test"]["id"].tolist() if row < 300] == wanted


def test_groups_stay_where_the_model_may_not_see_them() -> None:
    kept = prepare.select_columns(people(10), ["SCHL", "AGEP"])
    assert list(kept.columns) == [
        "id",
        "employed",
        "SCHL",
        "AGEP",
        "group_SEX",
        "group_RAC1P",
        "group_AGEP",
        "group_DIS",
    ]


def test_an_unknown_feature_is_named() -> None:
    with pytest.raises(SystemExit, match=r"prepare\.features: no such column: AGE, WAGE"):
        prepare.select_columns(people(10), ["AGE", "SEX", "WAGE"])
