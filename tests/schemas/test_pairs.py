"""Training rows among the test rows: natural repetition is told from copies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mlops_ci.schemas import pairs
from mlops_ci.schemas.pairs import Overlap, Rows


def rows(*columns: Any) -> Rows:
    table = pa.table({f"c{place}": values for place, values in enumerate(columns)})
    found = Rows(table.column_names)
    for batch in table.to_batches(max_chunksize=1_000):
        found.add(batch)
    return found


def test_shared_ids_are_counted() -> None:
    found = pairs.overlap(rows([1, 2, 3]), rows([3, 4, 3]))
    assert found == Overlap(2, 3)
    rule = pairs.ids(found, "id")
    assert (rule.ok, rule.failing, rule.value, rule.found) == (False, 2, 2 / 3, "2 test rows of 3 with one")


def test_no_shared_id_and_no_row() -> None:
    assert pairs.ids(Overlap(0, 3), "id").found == "none"
    assert pairs.ids(Overlap(0, 0), "id").value == 0.0


def drawn(seed: int, size: int) -> tuple[Any, ...]:
    generator = np.random.default_rng(seed)
    return tuple(generator.integers(0, 4, size) for _ in range(6))


def test_short_rows_of_categories_repeat_by_chance() -> None:
    train = rows(*drawn(1, 8_000))
    rule = pairs.features(pairs.overlap(train, rows(*drawn(2, 2_000))), train)
    assert (rule.ok, rule.value) == (True, 0.0)
    assert rule.failing is not None
    assert rule.failing > 1_500
    assert rule.expected.endswith(", as among the training rows themselves")


@pytest.mark.parametrize("copied", [40, 200])
def test_copies_are_more_than_chance(copied: int) -> None:
    generator = np.random.default_rng(3)
    train, test = generator.normal(size=8_000), generator.normal(size=2_000)
    test[:copied] = train[:copied]
    known = rows(train)
    rule = pairs.features(pairs.overlap(known, rows(test)), known)
    assert (rule.ok, rule.failing) == (False, copied)
    assert rule.expected == "none, as among the training rows themselves"


def test_copies_among_rows_that_repeat_by_chance() -> None:
    generator = np.random.default_rng(4)
    train = generator.integers(0, 40_000, 8_000)
    test = generator.integers(0, 40_000, 2_000)
    test[:400] = train[:400]
    known = rows(train)
    rule = pairs.features(pairs.overlap(known, rows(test)), known)
    assert not rule.ok
    assert rule.value == pytest.approx(0.2 * 0.82 - 4 * 0.0096, abs=0.03)


def test_nothing_is_said_wrongly_without_rows() -> None:
    none = rows(pa.array([], pa.int64()))
    rule = pairs.features(pairs.overlap(none, none), none)
    assert (rule.ok, rule.value, rule.failing) == (True, 0.0, 0)


def test_both_tables_are_looked_at_through_the_same_sieve() -> None:
    train, test = rows(np.arange(4_000)), rows(np.arange(2_000, 6_000))
    train.keys.thin(4)
    found = pairs.overlap(train, test)
    assert found.rows == 4_000
    assert found.shared == pytest.approx(2_000, rel=0.15)


def test_clean_splits_are_not_accused() -> None:
    wrong = 0
    for seed in range(200):
        generator = np.random.default_rng(seed)
        everything = generator.integers(0, 5_000, 3_000)
        train = rows(everything[:2_400])
        wrong += not pairs.features(pairs.overlap(train, rows(everything[2_400:])), train).ok
    assert wrong <= 1
