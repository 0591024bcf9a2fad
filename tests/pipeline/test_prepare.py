"""Stage prepare: a fixed test set, disjoint parts, and only the features asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline import files, prepare
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


def test_deliveries_follow_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "DELIVERIES", tmp_path)
    for number in (13, 14):
        files.write_table(people(5, first_id=number * 5000), tmp_path / f"{number:03d}.parquet")
    assert prepare.delivered([]) is None
    found = prepare.delivered([14, 13])
    assert found is not None
    assert found["id"].tolist() == [*range(70_000, 70_005), *range(65_000, 65_005)]


def test_a_delivery_that_did_not_arrive_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "DELIVERIES", tmp_path)
    with pytest.raises(SystemExit, match=r"prepare\.deliveries: no such delivery: .*007\.parquet"):
        prepare.delivered([7])


def test_deliveries_are_learned_from_and_never_tested_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files.write_table(people(300), files.SOURCE)
    files.write_table(people(100, first_id=65_000), files.DELIVERIES / "013.parquet")
    wanted = "prepare: {{features: [AGEP], validation_share: 0.2, deliveries: {}}}\n"
    ids: dict[str, dict[str, list[int]]] = {}
    for deliveries in ("[]", "[13]"):
        files.PARAMS.write_text(wanted.format(deliveries))
        prepare.main()
        tables = {
            name: files.read_table(files.PREPARED / f"{name}.parquet") for name in ("train", "valid", "test")
        }
        ids[deliveries] = {name: table["id"].tolist() for name, table in tables.items()}
    before, after = ids["[]"], ids["[13]"]
    assert after["test"] == before["test"]
    assert after["train"][: len(before["train"])] == before["train"]
    added = {*after["train"], *after["valid"]} - {*before["train"], *before["valid"]}
    assert added == {one for one in range(65_000, 65_100) if prepare.scattered(np.array([one]))[0] >= 0.2}
