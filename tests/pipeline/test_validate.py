"""Stage validate: every kind of bad table is found and said in a sentence."""

from __future__ import annotations

import pandas as pd

from pipeline import prepare, validate
from pipeline.columns import RANGES
from tests.pipeline.people import people

LIMITS = {"min_rows": 100, "target_share": [0.1, 0.9]}


def table(rows: int = 200, **columns: int) -> pd.DataFrame:
    return prepare.select_columns(people(rows), list(RANGES)).assign(**columns)


def found(broken: pd.DataFrame) -> list[str]:
    return list(validate.problems("train", broken, LIMITS))


def test_a_good_table_has_no_problem() -> None:
    assert found(table()) == []


def test_too_few_rows() -> None:
    assert found(table(99)) == ["train: 99 rows, fewer than 100"]


def test_missing_values_are_counted() -> None:
    broken = table().astype({"SCHL": float})
    broken.loc[:2, "SCHL"] = None
    assert found(broken) == ["train: SCHL: 3 values are missing"]


def test_an_id_twice() -> None:
    broken = table()
    broken.loc[1, "id"] = 0
    assert found(broken) == ["train: id: 1 ids occur more than once"]


def test_a_code_the_dictionary_does_not_have() -> None:
    broken = table()
    broken.loc[[4, 9], "SEX"] = 3
    assert found(broken) == ["train: SEX: 2 values outside 1 to 2, such as 3"]


def test_a_target_that_is_no_target() -> None:
    broken = table()
    broken.loc[0, "employed"] = 2
    assert "train: employed: has values other than 0 and 1" in found(broken)


def test_a_share_that_cannot_be() -> None:
    assert found(table(employed=0)) == ["train: employed: a share of 0.000 is outside 0.1 to 0.9"]


def test_people_in_two_tables() -> None:
    tables = {"train": people(10), "valid": people(10, first_id=7), "test": people(10, first_id=100)}
    assert list(validate.shared_ids(tables)) == ["train and valid share 3 ids"]
