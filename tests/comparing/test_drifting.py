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


SPREAD = np.linspace(0, 10, 2001)


def on_one_grid(reference: Any, current: Any, **more: Any) -> DriftColumn:
    """One column, the current side counted on the reference's bins, as a comparison of tables does it."""
    before = profile({"x": reference})
    after = profile({"x": current}, like=before)
    told: dict[str, Any] = {"roles": {}, "ignore": (), "labels": shown} | more
    return drifting.compare(before, after, **told)[0][0]


@pytest.mark.parametrize(
    ("reference", "current", "labels", "ours", "theirs"),
    [
        ([5.0] * 60, [7.0] * 80, ("5", "above 5"), (1, 0), (0, 1)),
        ([5.0] * 60, [-3.0] * 80, ("below 5", "5"), (0, 1), (1, 0)),
        ([0.1] * 60, [0.2] * 80, ("0.1000", "above 0.1000"), (1, 0), (0, 1)),
        ([0.1] * 60, [0.1, 0.2] * 40, ("0.1000", "above 0.1000"), (1, 0), (0.5, 0.5)),
        # All of it lies in the one bin of width 1 that whole numbers have.
        ([5.0] * 60, [5.0001] * 80, ("about 5", "about 5.0001"), (1, 0), (0, 1)),
        ([5.0] * 60, [5.25, 5.75] * 40, ("about 5", "about 5.500"), (1, 0), (0, 1)),
        # Below, inside of and above the reference's only bin.
        (
            [5.0] * 60,
            [4.5, 4.5, 5.0, 5.5, 6.5] * 20,
            ("below 5", "5 to 6", "6 and more"),
            (0, 1, 0),
            (0.4, 0.4, 0.2),
        ),
        ([0, 1] * 40, [0, 100] * 40, ("below 1", "1 to 2", "2 and more"), (0.5, 0.5, 0), (0.5, 0, 0.5)),
    ],
)
def test_a_constant_that_moves_is_seen_in_the_bars(
    reference: Any, current: Any, labels: tuple[str, ...], ours: Any, theirs: Any
) -> None:
    found = on_one_grid(reference, current).bins
    assert found is not None
    assert (found.labels, found.reference, found.current) == (labels, ours, theirs)


def test_equal_constants_are_one_bar() -> None:
    found = on_one_grid([5.0] * 60, [5.0] * 80).bins
    assert found is not None
    assert (found.labels, found.reference, found.current) == (("5",), (1,), (1,))


def test_two_constants_below_one_another_are_bars_in_order() -> None:
    """Neither side has the other's bins: both were profiled alone, and share the bin of width 1."""
    found = one([5.0] * 60, [5.75] * 80).bins
    assert found is not None
    assert (found.labels, found.current) == (("about 5", "about 5.750"), (0, 1))
    back = one([5.75] * 80, [5.0] * 60).bins
    assert back is not None
    assert (back.labels, back.current) == (("about 5", "about 5.750"), (1, 0))


@pytest.mark.parametrize(
    ("current", "place", "label"),
    [
        (SPREAD + 100, -1, "10.01 and more"),
        (SPREAD - 100, 0, "below 0"),
        (SPREAD * 100 + 10.01, -1, "10.01 and more"),
        (np.full(900, 50.0), -1, "10.01 and more"),
    ],
)
def test_rows_outside_of_the_references_bins_have_a_bar_of_their_own(
    current: Any, place: int, label: str
) -> None:
    found = on_one_grid(SPREAD, current).bins
    assert found is not None
    assert len(found.labels) == len(found.reference) == len(found.current) <= 20
    assert (found.labels[place], found.reference[place], found.current[place]) == (label, 0, 1)
    assert sum(found.reference) == pytest.approx(1)
    assert sum(found.current) == pytest.approx(1)


def test_a_few_rows_outside_of_the_bins_are_in_the_outermost_bars() -> None:
    plain = on_one_grid(SPREAD, SPREAD).bins
    found = on_one_grid(SPREAD, [*SPREAD[2:], -500.0, 500.0]).bins
    assert found is not None
    assert plain is not None
    assert found.labels == plain.labels
    assert found.reference == plain.reference


def test_few_current_rows_are_seen_beside_very_many_of_the_reference() -> None:
    found = on_one_grid(np.full(100_000, 5.0), [7.0] * 60).bins
    assert found is not None
    assert (found.labels, found.reference, found.current) == (("5", "above 5"), (1, 0), (0, 1))


def test_spread_becomes_constant() -> None:
    found = on_one_grid(SPREAD, np.full(900, 5.0)).bins
    assert found is not None
    assert (len(found.current), max(found.current), found.current.count(1.0)) == (20, 1.0, 1)


def test_a_move_that_equally_wide_bars_would_hide_is_seen_on_equally_full_ones() -> None:
    """A third of the rows at 99,999 squeezes all others into the first of the equally wide bars."""
    tail = np.full(600, 99_999.0)
    found = on_one_grid([*np.linspace(0, 4000, 1200), *tail], [*np.linspace(2000, 4000, 1200), *tail])
    assert found.effect == pytest.approx(1 / 3, abs=0.01)
    assert found.bins is not None
    assert found.bins.labels[:2] == ("below 640", "640 to 1,216")
    assert found.bins.labels[-1] == "3,968 and more"
    assert found.bins.reference[-1] == pytest.approx(1 / 3, abs=0.02)
    gaps = np.cumsum(found.bins.reference) - np.cumsum(found.bins.current)
    assert np.abs(gaps).max() == pytest.approx(found.effect, abs=0.05)
    assert sum(found.bins.reference) == pytest.approx(1)
    assert sum(found.bins.current) == pytest.approx(1)


def test_bars_of_numbers_that_hardly_differ_have_labels_that_do() -> None:
    found = on_one_grid(5 + SPREAD * 1e-9, 5 + SPREAD * 1e-9).bins
    assert found is not None
    assert len(set(found.labels)) == len(found.labels) == 20
    assert found.labels[0] == "below 5.0000000005"


def test_a_constant_whose_values_may_not_be_shown_has_no_labels() -> None:
    found = on_one_grid([5.0] * 60, [7.0] * 80, labels=hidden).bins
    assert found is not None
    assert (found.labels, found.reference, found.current) == ((), (1, 0), (0, 1))


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


# ---- more levels than a profile names ----------------------------------------------------------


def many(seed: int, rows: int, levels: int, *, power: float = 0.0, prefix: str = "k") -> list[str]:
    shares = 1 / np.arange(1, levels + 1) ** power
    return [f"{prefix}{at}" for at in random(seed).choice(levels, rows, p=shares / shares.sum())]


@pytest.mark.parametrize(("levels", "power"), [(1500, 0.0), (3000, 0.0), (3000, 0.3)])
def test_where_no_level_stays_the_profiles_cannot_tell(levels: int, power: float) -> None:
    found = one(many(1, 20_000, levels, power=power), many(2, 5_000, levels, power=power, prefix="m"))
    assert found.coarse == 1.0


def test_where_the_common_levels_stay_they_can() -> None:
    found = one(many(1, 20_000, 3000, power=1.0), many(2, 20_000, 3000, power=1.0))
    assert 0 < found.coarse < 0.3


def test_levels_that_are_all_named_are_all_known() -> None:
    """What is new there is known to be new."""
    assert one(many(1, 5_000, 50), many(2, 5_000, 900, prefix="m")).coarse == 0.0
