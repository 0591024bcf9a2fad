"""What the stages hand to each other: equal content gives equal bytes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from pipeline import files
from tests.pipeline.people import people


def test_equal_tables_give_equal_bytes_and_come_back(tmp_path: Path) -> None:
    files.write_table(people(50), tmp_path / "a" / "one.parquet")
    files.write_table(people(50), tmp_path / "two.parquet")
    assert (tmp_path / "a" / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    pd.testing.assert_frame_equal(people(50), files.read_table(tmp_path / "two.parquet"))


def test_plot_points_are_short(tmp_path: Path) -> None:
    files.write_csv(pd.DataFrame({"x": [1 / 3], "y": [2]}), tmp_path / "points.csv")
    assert (tmp_path / "points.csv").read_bytes() == b"x,y\n0.333333,2\n"


def test_json_is_readable_and_refuses_what_is_not_a_number(tmp_path: Path) -> None:
    files.write_json({"b": 1, "a": [2]}, tmp_path / "facts.json")
    text = (tmp_path / "facts.json").read_text()
    assert text == '{\n  "b": 1,\n  "a": [\n    2\n  ]\n}\n'
    assert files.read_json(tmp_path / "facts.json") == {"b": 1, "a": [2]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json({"accuracy": float("nan")}, tmp_path / "facts.json")


def test_params_are_read_by_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text("train: {seed: 7}\nselect: {metric: roc_auc}\n")
    assert files.params("train") == {"seed": 7}
