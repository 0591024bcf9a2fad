"""The classifier that tells current rows from reference rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import roc_auc_score

from mlops_ci.comparing import domain
from mlops_ci.errors import ConfigError
from tests.drift.samples import random


def table(seed: int, rows: int = 600, *, twisted: bool = False) -> pa.Table:
    """Two numbers that go together, or (twisted) against each other: each alone stays as it is."""
    draw = random(seed)
    first = draw.normal(size=rows)
    second = (-first if twisted else first) + draw.normal(0, 0.3, rows)
    return pa.table({"first": first, "second": second, "other": draw.normal(size=rows)})


def test_rows_of_one_kind_cannot_be_told() -> None:
    found = domain.classify(table(1), table(2), columns=["first", "second", "other"], categorical=())
    assert found.interval.low < 0.5 < found.interval.high + 0.03
    assert found.rows == (600, 600)


def test_what_no_single_column_shows_is_found_and_the_columns_are_named() -> None:
    found = domain.classify(
        table(1), table(2, twisted=True), columns=["first", "second", "other"], categorical=()
    )
    assert found.interval.low > 0.8
    assert [one.column for one in found.drivers[:2]] in (["first", "second"], ["second", "first"])
    assert found.drivers[0].loss > 0.2


def test_the_same_rows_and_seed_give_the_same() -> None:
    once, twice = (
        domain.classify(table(1, 200), table(3, 90), columns=["first"], categorical=()) for _ in range(2)
    )
    assert once == twice
    other = domain.classify(table(1, 200), table(3, 90), columns=["first"], categorical=(), seed=5)
    assert once.auc != other.auc


def test_of_many_rows_a_sample_is_taken() -> None:
    big = pa.table({"x": np.arange(domain.MOST_ROWS + 5000.0)})
    found = domain.classify(big, big.slice(0, 1000), columns=["x"], categorical=())
    assert found.rows == (domain.MOST_ROWS, 1000)


def test_columns_of_many_types() -> None:
    def side(level: str, seed: int) -> pa.Table:
        codes = random(seed).integers(0, 3, 120)
        return pa.table(
            {
                "text": pa.array([level if at % 3 else None for at in range(120)]),
                "large": pa.array(["z"] * 120, pa.large_string()),
                "codes": pa.array(codes),
                "flag": pa.array([bool(one) for one in codes]),
                "dictionary": pa.array([f"v{one}" for one in codes]).dictionary_encode(),
                "decimal": pa.array([None, *[1] * 119], pa.decimal128(5, 2)),
                "nested": pa.array([[1]] * 120),
                "typed": pa.array([1.0] * 120) if level == "a" else pa.array(["1"] * 120),
            }
        )

    names = [*side("a", 1).schema.names, "missing"]
    found = domain.classify(side("a", 1), side("b", 2), columns=names, categorical=["codes"])
    assert found.auc > 0.7
    assert found.drivers[0].column == "text"
    assert {one.column for one in found.drivers} <= {
        "text",
        "large",
        "codes",
        "flag",
        "dictionary",
        "decimal",
    }


def test_more_levels_than_the_trees_take() -> None:
    names = pa.table({"x": [f"v{at % 400}" for at in range(900)]})
    found = domain.classify(names, names, columns=["x"], categorical=())
    assert found.auc < 0.55


@pytest.mark.parametrize(
    ("current", "columns", "words"),
    [
        (table(1, 29), ["first"], "at least 30 rows a side"),
        (table(1, 40), ["nothing"], "no column to look at"),
    ],
)
def test_what_cannot_be_classified_says_why(current: pa.Table, columns: list[str], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        domain.classify(table(1, 40), current, columns=columns, categorical=())
    assert words in caught.value.message
    assert caught.value.hint


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ConfigError) as caught:
        domain.classify(table(1, 40), table(2, 40), columns=["first"], categorical=())
    assert caught.value.message == ("a domain classifier needs the package sklearn, which is not installed")
    assert caught.value.hint == "pip install 'mlops-ci[checks]'"


def test_the_area_is_scikit_learns_and_its_spread_that_of_many_samples() -> None:
    def drawn(seed: int) -> tuple[Any, Any]:
        draw = random(seed)
        sides = np.repeat([0.0, 1.0], [80, 120])
        return sides, np.round(draw.normal(size=200) + 0.5 * sides, 1)

    found = [domain._auc(*drawn(seed)) for seed in range(150)]
    areas = np.array([area for area, _ in found])
    assert areas.tolist() == pytest.approx([roc_auc_score(*drawn(seed)) for seed in range(150)], abs=1e-12)
    assert np.sqrt(np.mean([variance for _, variance in found])) == pytest.approx(areas.std(), rel=0.15)
