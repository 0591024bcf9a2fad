"""Training rows among the test rows: natural repetition is told from copies."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mlops_ci.errors import ConfigError
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


IDS = [0, 7, -3, 10**15, 2**53 + 1, 7_000_000_000_000_000_001, 2**63 - 1]


@pytest.mark.parametrize(
    "other",
    [
        pa.array(map(str, IDS)),
        pa.array(f" {one}" for one in IDS),
        pa.array(f"{one}.0" for one in IDS),
        pa.array(map(str, IDS)).dictionary_encode(),
        pa.array(map(str, IDS), pa.large_string()),
        pa.array([Decimal(one) for one in IDS]),
        pa.array([Decimal(f"{one}.00") for one in IDS]),
    ],
)
def test_an_id_is_the_same_whatever_its_type(other: Any) -> None:
    assert pairs.overlap(rows(pa.array(IDS)), rows(other)) == Overlap(len(IDS), len(IDS))
    assert pairs.overlap(rows(other), rows(pa.array(IDS))) == Overlap(len(IDS), len(IDS))


def test_texts_that_are_no_whole_number_stay_texts() -> None:
    assert pairs.overlap(rows(["007", "a", "1e3", "", "-0"]), rows([7, 1000, 0])) == Overlap(0, 3)
    assert pairs.overlap(rows(["007", "a"]), rows(["007", "b"])) == Overlap(1, 2)
    huge = "9" * 30
    assert pairs.overlap(rows([huge, str(2**64 - 1)]), rows([huge, "8" * 30])) == Overlap(1, 2)
    assert pairs.overlap(rows([str(2**64 - 1)]), rows(pa.array([2**64 - 1], pa.uint64()))) == Overlap(1, 1)


@pytest.mark.parametrize(
    ("train", "test"),
    [
        (pa.array([None, None, 1]), pa.array([None, 2, None])),
        (pa.array([None, "a"]), pa.array([None, "b", None])),
        (pa.array([np.nan, 1.0, None]), pa.array([np.nan, 2.0, None])),
    ],
)
def test_rows_without_an_id_are_nobodys_twins(train: Any, test: Any) -> None:
    assert pairs.overlap(rows(train), rows(test)) == Overlap(0, 3)


@pytest.mark.parametrize("noise", [1e-9, -1e-9])
def test_a_copy_with_a_trace_of_noise_is_a_copy(noise: float) -> None:
    generator = np.random.default_rng(5)
    one, other = generator.normal(size=4_000) * 50, generator.integers(0, 2_000_000, 4_000)
    known = rows(one, other)
    copied = rows(one[:500] + noise, other[:500] + noise)
    assert pairs.overlap(known, copied).shared >= 498
    assert pairs.overlap(known, rows(one[:500] * 1.001, other[:500])).shared <= 5
    assert pairs.overlap(known, rows(one[:500], other[:500] + 1)).shared <= 5


def test_text_that_is_not_utf8_is_named() -> None:
    broken = pa.Array.from_buffers(pa.string(), 1, [None, *pa.array([b"\xff"]).buffers()[1:]])
    with pytest.raises(ConfigError, match="c0: holds text that is not UTF-8"):
        rows(broken)
    with pytest.raises(ConfigError, match="c0, c1: holds text that is not UTF-8"):
        rows(broken, [1])
