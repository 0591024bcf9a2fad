"""Whether a stage of the model reads a table: itself, through its folder, earlier, or frozen."""

from __future__ import annotations

import pytest

from mlops_ci.collect.standing import is_read
from mlops_ci.pipeline import Dep, Graph, Out, Stage


def stage(name: str, reads: str, writes: str, *, frozen: bool = False) -> Stage:
    deps, outs = (Dep(path) for path in reads.split()), (Out(path) for path in writes.split())
    return Stage(name, "dvc.yaml", deps=tuple(deps), outs=tuple(outs), frozen=frozen)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("t/train.parquet", True),
        ("t", True),
        ("t/train.parquet/part-0", True),
        ("raw.csv", True),
        ("parts/2016", True),
        ("parts", True),
        ("model.bin", True),
        ("side.parquet", False),
        ("t/trai", False),
        ("elsewhere.parquet", False),
        ("late.csv", False),
    ],
)
@pytest.mark.parametrize("frozen", [False, True])
def test_a_table_is_read_by_the_model_or_by_what_feeds_it(table: str, expected: bool, frozen: bool) -> None:
    train = stage("train", "t/train.parquet train.py", "model.bin", frozen=frozen)
    graph = Graph(
        (
            stage("prepare", "raw.csv parts", "t/train.parquet side.parquet", frozen=frozen),
            train,
            stage("evaluate", "model.bin late.csv", "metrics.json"),
        )
    )
    assert is_read(graph, (train,), table) is expected
