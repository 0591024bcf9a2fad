"""Two profiles as one Drift: renamed columns are noticed, values are told as they may be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mlops_ci.comparing import columns
from mlops_ci.comparing.columns import Named, Scope
from mlops_ci.profiles.build import Builder
from mlops_ci.profiles.privacy import Privacy
from mlops_ci.profiles.shape import Profile

ROWS = 2000


def profile(**values: Any) -> Profile:
    table = pa.table(values)
    builder = Builder(table.schema)
    for batch in table.to_batches():
        builder.add(batch)
    while wanted := builder.wanted():
        for position in wanted:
            builder.again(position, table.column(position).combine_chunks())
    return builder.finish()


def normal(seed: int, mean: float = 0.0) -> Any:
    return np.random.default_rng(seed).normal(mean, 1, ROWS)


def towns(seed: int, *names: str) -> list[str]:
    return list(np.random.default_rng(seed).choice(names, ROWS))


def told(reference: Profile, current: Profile, scope: Scope | None = None) -> Any:
    return columns.drift("n", Named(reference, "a"), Named(current, "b"), scope or Scope())


def test_a_drift_says_what_was_compared() -> None:
    found = told(profile(x=normal(0), y=normal(1)), profile(x=normal(2), z=["s"] * ROWS))
    assert (found.name, found.reference, found.current, found.rows) == ("n", "a", "b", (ROWS, ROWS))
    assert [column.name for column in found.columns] == ["x"]
    assert (found.added, found.removed, found.renamed) == (("z",), ("y",), ())


def test_roles_and_ignored_columns() -> None:
    one = profile(x=normal(0), y=normal(1), id=normal(2))
    found = told(one, one, Scope(roles={"y": "target"}, ignore=("i*",)))
    assert [(column.name, column.role) for column in found.columns] == [("x", "feature"), ("y", "target")]
    assert found.ignored == ("id",)


def test_ignored_columns_of_either_side_are_named_once() -> None:
    before, after = profile(x=[1], one=[1], a=[1]), profile(x=[1], b=[1], a=[1])
    found = told(before, after, Scope(ignore=("a", "b", "one", "none")))
    assert (found.ignored, found.ignored_unnamed) == (("one", "a", "b"), 0)
    assert (found.added, found.removed) == ((), ())


def test_a_name_with_the_signs_of_a_glob_is_itself() -> None:
    one = profile(**{"x": normal(0), "a[1]": normal(1)})
    assert told(one, one, Scope(ignore=("a[1]",))).ignored == ("a[1]",)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"old": normal(1)}, {"new": normal(2)}, (("old", "new"),)),
        ({"old": normal(1)}, {"new": normal(2, 1.0)}, ()),
        ({"old": normal(1)}, {"new": towns(2, "a", "b")}, ()),
        ({"old": np.arange(ROWS) % 3}, {"new": np.arange(ROWS) % 3 + 0.0}, ()),
        ({"old": towns(1, "a", "b")}, {"new": towns(2, "a", "b")}, (("old", "new"),)),
        ({"old": towns(1, "a", "b")}, {"new": towns(2, "a", "b", "c")}, ()),
        ({"old": towns(1, "a", "b")}, {"new": [*towns(2, "a", "b")[:-200], *[None] * 200]}, ()),
        ({"old": [[1]] * ROWS}, {"new": [[1]] * ROWS}, ()),
        (
            {"one": normal(1), "two": normal(2, 3.0)},
            {"uno": normal(3), "due": normal(4, 3.0)},
            (("one", "uno"), ("two", "due")),
        ),
        ({"one": normal(1), "two": normal(2)}, {"uno": normal(1)}, (("one", "uno"),)),
    ],
)
def test_a_renamed_column_has_the_same_type_and_distribution(
    before: dict[str, Any], after: dict[str, Any], expected: tuple[tuple[str, str], ...]
) -> None:
    found = told(profile(x=normal(9), **before), profile(x=normal(8), **after))
    assert sorted(found.renamed) == sorted(expected)


def test_another_table_is_not_a_renamed_one() -> None:
    before = profile(**{f"a{n}": [1.0, 2.0] for n in range(41)})
    after = profile(**{f"b{n}": [1.0, 2.0] for n in range(41)})
    assert told(before, after).renamed == ()


def test_tables_without_rows_have_no_renamed_columns() -> None:
    empty = pa.array([], pa.float64())
    assert told(profile(x=empty, old=empty), profile(x=empty, new=empty)).renamed == ()


@pytest.mark.parametrize(
    ("privacy", "shown"),
    [
        (Privacy(), False),
        (Privacy(show_values=True), True),
        (Privacy(show_values=("town", "age")), True),
        (Privacy(show_values=True, sensitive=("town", "age")), False),
    ],
)
def test_values_are_told_only_where_they_may_be(privacy: Privacy, shown: bool) -> None:
    before = profile(age=normal(0, 40.0), town=towns(0, "north", "south"))
    after = profile(age=normal(1, 41.0), town=towns(1, "north", "west"))
    age, town = told(before, after, Scope(privacy=privacy)).columns
    assert {level.label for level in town.levels} >= ({"south", "west"} if shown else set())
    assert all(level.label.startswith("#") is not shown for level in (*town.levels, *town.unseen))
    assert (bool(age.bins.labels), bool(town.bins.labels)) == (shown, shown)


def test_rare_levels_are_never_listed() -> None:
    before = profile(town=[*["north"] * 1990, *["ada lovelace"] * 5, *["bob"] * 5])
    after = profile(town=[*["north"] * 1990, *["dorothy"] * 9, "carol"])
    (town,) = told(before, after, Scope(privacy=Privacy(show_values=True))).columns
    named = str(town.model_dump())
    assert [name for name in ("ada", "bob", "dorothy", "carol") if name in named] == []


def test_long_and_many_names_are_cut() -> None:
    names = ["x" * 1000 + end for end in "ab"]
    before, after = profile(**{one: [1, 2] for one in names}), profile(y=[1])
    many = profile(**{f"c{at}": [1] for at in range(310)})
    found = columns.drift("d", columns.Named(before, "a"), columns.Named(before, "b"), columns.Scope())
    assert [len(one.name) for one in found.columns] == [200, 200]
    assert found.columns[0].name != found.columns[1].name
    found = columns.drift("d", columns.Named(after, "a"), columns.Named(many, "b"), columns.Scope())
    assert (len(found.added), found.removed, found.unnamed) == (300, ("y",), (10, 0))
    found = columns.drift(
        "d", columns.Named(after, "a"), columns.Named(many, "b"), columns.Scope(ignore=("c*",))
    )
    assert (len(found.ignored), found.ignored_unnamed) == (300, 10)
