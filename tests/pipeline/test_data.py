"""The data in the repository: what data/README.md says about it is so."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pipeline.columns import RANGES, TARGET

DATA = Path(__file__).parents[2] / "data"
DELIVERIES = sorted((DATA / "deliveries").glob("*.parquet"))


def everything() -> pd.DataFrame:
    return pd.concat([pd.read_parquet(path) for path in (DATA / "2015.parquet", *DELIVERIES)])


def test_all_files_in_order_are_the_original_file() -> None:
    rows = everything()
    assert rows["id"].tolist() == list(range(277_677))
    assert rows["year"].is_monotonic_increasing
    assert rows["year"].value_counts().to_dict() == {2015: 68_785, 2016: 69_126, 2017: 69_635, 2018: 70_131}
    assert {str(kind) for kind in rows.dtypes} == {"int32"}


def test_every_value_is_one_the_dictionary_knows() -> None:
    rows = everything()
    assert set(rows.columns) == {"id", "year", TARGET, *RANGES}
    outside = {name: int((~rows[name].between(low, high)).sum()) for name, (low, high) in RANGES.items()}
    assert outside == dict.fromkeys(RANGES, 0)
    assert sorted(rows[TARGET].unique()) == [0, 1]


def test_a_delivery_is_named_after_its_ids() -> None:
    assert [path.stem for path in DELIVERIES] == [f"{number:03d}" for number in range(13, 56)]
    for path in DELIVERIES:
        assert set(pd.read_parquet(path, columns=["id"])["id"] // 5000) == {int(path.stem)}


def test_the_dormitories_are_where_the_readme_says() -> None:
    later = pd.concat([pd.read_parquet(path, columns=["id", "year", "RELP"]) for path in DELIVERIES])
    block = later["id"].between(200_000, 214_999)
    assert (later[block]["RELP"] == 17).mean() > 0.3
    assert (later[~block & (later["year"] >= 2017)]["RELP"] == 17).sum() == 0


def test_the_data_is_small_enough_for_git() -> None:
    assert sum(path.stat().st_size for path in DATA.rglob("*.parquet")) < 2_000_000
