"""Two profiles compared column by column."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from mlops_ci.comparing import drifting
from mlops_ci.drift import cramers_v, ks
from mlops_ci.evidence import Drift, DriftColumn
from mlops_ci.profiles.shape import ColumnProfile, Levels, Profile
from tests.drift.samples import paired, profile, random


def shown(column: str, value: str) -> str:
    return value


def hidden(column: str, value: str) -> str:
    return f"#{len(column)}{len(value)}"


def compared(reference: dict[str, Any], current: dict[str, Any], **more: Any) -> tuple[DriftColumn, ...]:
    told: dict[str, Any] = {"roles": {}, "ignore": (), "labels": shown}
    return drifting.compare(profile(reference), profile(current), **told | more)[0]


def one(reference: Any, current: Any, **more: Any) -> DriftColumn:
    (found,) = compared({"x": reference}, {"x": current}, **more)
    return found


NORMAL = random(1).normal(size=4000)
MOVED = random(2).normal(0.5, 1, 4000)
LETTERS = ["a"] * 500 + ["b"] * 300 + ["c"] * 195 + ["rare"] * 5
OTHERS = ["a"] * 300 + ["b"] * 300 + ["c"] * 350 + ["new"] * 45 + ["odd"] * 5


def test_a_number() -> None:
    found = one(NORMAL, MOVED)
    pair = paired(NORMAL, MOVED)
    assert (found.name, found.role, found.kind, found.measure) == ("x", "feature", "number", "ks")
    assert found.effect == ks.measure(pair).value
    assert found.p == ks.measure(pair).p
    assert found.detectable == pytest.approx(1.358 * math.sqrt(2 / 4000), rel=1e-3)
    assert found.shift == pytest.approx((MOVED.mean() - NORMAL.mean()) / NORMAL.std())
    assert (found.nulls, found.null_p, found.levels, found.unseen) == ((0.0, 0.0), 1.0, (), ())
    assert set(found.scores) == {
        "ks",
        "psi",
        "kl",
        "jensen_shannon",
        "wasserstein",
        "hellinger",
        "total_variation",
        "null_rate",
    }


def test_a_category() -> None:
    found = one(LETTERS, OTHERS)
    pair = paired(LETTERS, OTHERS)
    assert (found.kind, found.measure, found.shift) == ("category", "cramers_v", None)
    assert found.effect == cramers_v.measure(pair).value
    # Five groups: a, b, c, new, and the two rare levels together.
    assert found.detectable == pytest.approx(math.sqrt(11.94 / 2000), rel=0.02)
    assert [(level.label, level.reference, level.current) for level in found.levels] == [
        ("a", 0.5, 0.3),
        ("c", 0.195, 0.35),
        ("new", 0.0, 0.045),
    ]
    assert [level.label for level in found.unseen] == ["new"]
    assert found.scores["unseen"].value == 0.045


def test_a_level_with_few_rows_is_never_listed() -> None:
    found = one(LETTERS, OTHERS)
    assert found.bins is not None
    told = {level.label for level in (*found.levels, *found.unseen)} | set(found.bins.labels)
    assert told & {"rare", "odd"} == set()
    assert found.bins.labels == ("a", "b", "c", "new", "other values")
    assert found.bins.reference == (0.5, 0.3, 0.195, 0.0, 0.005)
    assert found.bins.current == (0.3, 0.3, 0.35, 0.045, 0.005)


def test_values_that_may_not_be_shown_have_other_labels() -> None:
    found = one(LETTERS, OTHERS, labels=hidden)
    assert [level.label for level in found.levels] == ["#11", "#11", "#13"]
    assert found.bins is not None
    assert found.bins.labels == ()
    number = one(NORMAL, MOVED, labels=hidden)
    assert number.bins is not None
    assert number.bins.labels == ()


def test_bars_of_numbers_are_equally_wide_and_squeezed_by_no_outlier() -> None:
    found = one([*NORMAL, 40.0], MOVED).bins
    assert found is not None
    assert 10 <= len(found.reference) == len(found.current) == len(found.labels) <= 20
    assert sum(found.reference) == pytest.approx(1)
    assert sum(found.current) == pytest.approx(1)
    assert found.labels[0].startswith("below −")
    assert found.labels[-1].endswith(" and more")
    assert max(found.reference) < 0.2


def test_bars_of_one_value() -> None:
    found = one([3.0] * 60, [3.0] * 70).bins
    assert found is not None
    assert (found.reference, found.current) == ((1.0,), (1.0,))


@pytest.mark.parametrize(("reference", "current"), [([2.0] * 90, [2.0] * 80), (["a"] * 90, ["a"] * 80)])
def test_constant_columns_that_are_equal(reference: Any, current: Any) -> None:
    found = one(reference, current)
    assert (found.problem, found.effect, found.p) == ("", 0.0, 1.0)
    assert found.detectable is not None
    assert found.detectable > 0.1


def test_a_category_of_which_the_bars_hold_only_rare_levels() -> None:
    values = [f"v{at}" for at in range(60)]
    found = one(values, values)
    assert found.bins is not None
    assert found.bins.labels == ("other values",)


# ---- columns that cannot be compared ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "current", "problem", "nulls"),
    [
        ([1.5] * 9, [None] * 9, "every value is missing or infinite in the current table", (0.0, 1.0)),
        ([1.5] * 9, [], "the current table has no rows", None),
        (["1"] * 9, [1.5] * 9, "was a category, is a number", (0.0, 0.0)),
        ([[1]] * 9, [[1]] * 9, "nested", (0.0, 0.0)),
    ],
)
def test_a_problem_is_told_beside_what_is_known(
    reference: Any, current: Any, problem: str, nulls: tuple[float, float] | None
) -> None:
    found = one(reference, current)
    assert problem in found.problem
    assert (found.effect, found.p, found.bins, found.nulls) == (None, None, None, nulls)


def test_columns_of_one_name_are_not_compared() -> None:
    side = ColumnProfile(name="x", type="string", kind="category", rows=9, levels=Levels(counts=(("a", 9),)))
    twice = Profile(rows=9, columns=(side, side))
    (found,), added, removed = drifting.compare(twice, twice, roles={}, ignore=(), labels=shown)
    assert found.problem == "2 columns have this name (in the reference table)"
    assert (added, removed) == ((), ())


def test_columns_are_found_by_name_and_some_are_ignored() -> None:
    ours = profile({"id": [1.5], "gone": [1.5], "a": [1.5], "y": ["a"], "score": [0.5]})
    theirs = profile({"score": [0.5], "y": ["a"], "a": [1.5], "new": [1.5], "temp_id": [2.5]})
    roles = {"y": "target", "score": "prediction", "a": "anything"}
    columns, added, removed = drifting.compare(ours, theirs, roles=roles, ignore=("*id",), labels=shown)
    assert [(found.name, found.role) for found in columns] == [
        ("a", "feature"),
        ("y", "target"),
        ("score", "prediction"),
    ]
    assert (added, removed) == (("new",), ("gone",))


def test_a_shift_needs_a_spread_and_a_finite_size() -> None:
    assert one([1.0] * 80, [2.0] * 80).shift is None
    assert one([0.0, 1e-30] * 40, [1e300] * 80).shift is None


# ---- very many columns -----------------------------------------------------------------------------


def wide(columns: int, moved: int) -> tuple[Profile, Profile]:
    """Two tables of which so many columns moved; every tenth is a category with a new level."""
    both = []
    for shift in (0, 2):
        draw = np.arange(200.0) % 40
        sides = {
            f"c{at}": draw + (shift if at < moved else 0)
            if at % 10
            else np.where(np.arange(200) < 30 * shift, "new", "a")
            for at in range(40)
        }
        small = profile(sides).columns
        both.append(
            Profile(
                rows=200,
                columns=tuple(
                    small[at % 40].model_copy(update={"name": f"column {at}"}) for at in range(columns)
                ),
            )
        )
    return both[0], both[1]


def test_of_many_columns_the_most_moved_are_told_in_full() -> None:
    found, _, _ = drifting.compare(*wide(400, 20), roles={}, ignore=(), labels=shown)
    full = [column for column in found if column.bins is not None]
    least = min(column.effect or 0 for column in full)
    others = [column for column in found if column.bins is None]
    assert (len(found), len(full)) == (400, 100)
    assert max(column.effect or 0 for column in others) <= least + 1e-6
    assert all(column.effect is not None and column.p is not None for column in others)
    assert {name for column in others for name in column.scores} <= {"unseen"}


@pytest.mark.slow
def test_ten_thousand_columns_fit_into_a_document() -> None:
    found, _, _ = drifting.compare(*wide(10_000, 20), roles={}, ignore=(), labels=shown)
    document = Drift(name="train: head against base", reference="a", current="b", columns=found)
    assert len(document.model_dump_json()) < 4_000_000
