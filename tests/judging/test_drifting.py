"""When a column has drifted, and in which words that is said."""

from __future__ import annotations

from typing import Any, cast

import pytest

from mlops_ci.evidence import Drift, DriftColumn, DriftScore, LevelShare
from mlops_ci.judging.drifting import ColumnRule, Decision, Rules, headline, judge, rule_for, tally


def number(name: str = "age", effect: float | None = 0.01, p: float | None = 0.8, **more: Any) -> DriftColumn:
    """A number that was compared, with rows enough."""
    told = {"kind": "number", "measure": "ks", "detectable": 0.02, "nulls": (0.0, 0.0), "null_p": 1.0}
    return DriftColumn.model_validate({"name": name, "effect": effect, "p": p} | told | more)


def category(
    name: str = "job", effect: float | None = 0.01, p: float | None = 0.8, **more: Any
) -> DriftColumn:
    """A category that was compared, with rows enough."""
    return number(name, effect, p, **({"kind": "category", "measure": "cramers_v"} | more))


NEW = LevelShare(label="robot", reference=0.0, current=0.03)


def new_level(p: float, *levels: LevelShare) -> dict[str, Any]:
    return {"unseen": levels, "scores": {"unseen": DriftScore(value=levels[0].current, p=p)}}


def decided(
    *columns: DriftColumn, rows: tuple[int, int] = (9000, 8000), **rules: Any
) -> tuple[Decision, ...]:
    drift = Drift(name="train: head against base", reference="a", current="b", rows=rows, columns=columns)
    return judge(drift, Rules.model_validate(rules))


@pytest.mark.parametrize(
    ("column", "outcome", "why"),
    [
        (number(effect=0.06, p=1e-9), "drifted", ("values",)),
        (number(effect=0.05, p=1e-9), "drifted", ("values",)),
        (number(effect=0.04, p=1e-9), "moved", ()),
        (number(effect=0.01, p=0.6), "stable", ()),
        (number(effect=0.06, p=0.2), "undecided", ()),
        (number(effect=0.04, p=0.2, detectable=0.11), "undecided", ()),
        (number(effect=0.2, p=1e-9, detectable=0.11), "drifted", ("values",)),
        (number(nulls=(0.05, 0.12), null_p=1e-9), "drifted", ("nulls",)),
        (number(nulls=(0.12, 0.05), null_p=1e-9), "drifted", ("nulls",)),
        (number(nulls=(0.05, 0.06), null_p=1e-9), "moved", ()),
        (number(nulls=(0.05, 0.12), null_p=0.2), "undecided", ()),
        (category(**new_level(1e-9, NEW)), "drifted", ("unseen",)),
        (category(**new_level(0.4, NEW)), "undecided", ()),
        (category(**new_level(1e-9, LevelShare(label="x", reference=0, current=0.005))), "moved", ()),
        (number(problem="points in time move by nature", effect=None, p=None), "unjudged", ()),
        (number(problem="gone", effect=None, p=None, nulls=(0, 1), null_p=1e-9), "drifted", ("nulls",)),
        (category(effect=None, p=None, detectable=None), "stable", ()),
    ],
)
def test_outcomes(column: DriftColumn, outcome: str, why: tuple[str, ...]) -> None:
    (found,) = decided(column)
    assert (found.outcome, found.why) == (outcome, why)


def test_all_tests_of_a_comparison_are_one_family() -> None:
    """One p of 0.01 alone is significant; among twenty columns it is what chance gives."""
    suspect = number(effect=0.06, p=0.01)
    assert decided(suspect)[0].outcome == "drifted"
    others = [number(f"x{at}", p=0.5) for at in range(19)]
    assert decided(suspect, *others)[0].outcome == "undecided"


def test_a_test_of_what_cannot_differ_is_not_in_the_family() -> None:
    """Twenty columns without nulls are twenty tests, not forty."""
    suspect = number(effect=0.06, p=0.05 / 20 * 0.9)
    others = [number(f"x{at}", p=0.9) for at in range(19)]
    assert decided(suspect, *others)[0].outcome == "drifted"


def test_few_rows_show_no_stability_but_a_large_drift() -> None:
    assert decided(number(effect=0.9, p=1e-9), rows=(9000, 49))[0].outcome == "drifted"
    (found,) = decided(number(effect=0.02, p=0.9), rows=(9000, 49))
    assert found.outcome == "undecided"
    assert found.sentence == "9,000 and 49 rows are too few to decide: at least 50 are asked for."
    assert decided(number(problem="nested"), rows=(9000, 49))[0].outcome == "unjudged"


def test_rows_that_could_not_show_a_rise_of_nulls_decide_nothing() -> None:
    (found,) = decided(number(nulls=(0.4, 0.41), null_p=0.7), rows=(1000, 1000))
    assert found.outcome == "undecided"
    assert found.sentence == (
        "Not enough rows to decide about missing values: 4.3 points or more would have been seen, 3 matter."
    )


def test_a_kind_that_changed_is_told_apart() -> None:
    retyped, time = decided(
        number(problem="was a number, is a category"), number("t", problem="points in time move by nature")
    )
    assert (retyped.retyped, time.retyped) == (True, False)
    assert retyped.sentence == (
        "Not compared: was a number, is a category."
        " Numbers that are codes are compared where data.categorical (--categorical) names the column."
    )


# ---- words -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "sentence", "limit"),
    [
        (
            number(effect=0.1234, p=0, shift=0.3051, nulls=(0.05, 0.12), null_p=0),
            "Kolmogorov-Smirnov distance 0.12, mean +0.305 standard deviations (the floor is 0.05); "
            "missing values rose from 5 to 12 % (the floor is 3 points).",
            "ks 0.05, nulls 0.03",
        ),
        (
            category(effect=0.2, p=0, levels=(LevelShare(label="nurse", reference=0.25, current=0.1),)),
            "Cramér's V 0.2, nurse from 25 to 10 % (the floor is 0.05).",
            "cramers_v 0.05",
        ),
        (
            category(**new_level(0, NEW)),
            "Robot: 3 % of the current rows, new (the floor is 1 %).",
            "unseen 0.01",
        ),
        (
            category(**new_level(0, LevelShare(label="a", reference=0.0004, current=0.2), NEW)),
            "A and 1 more new: 20 % of the current rows, new; at most 0.04 % of the reference (the floor is 1 %).",
            "unseen 0.01",
        ),
        (
            number(effect=0.04, p=0.2, detectable=0.1123),
            "Not enough rows to decide: 0.11 or more would have been seen, the floor is 0.05.",
            "ks 0.05",
        ),
        (
            number(effect=0.06, p=0.2),
            "Not enough rows to tell from chance: Kolmogorov-Smirnov distance 0.06 (the floor is 0.05).",
            "ks 0.05",
        ),
        (
            number(effect=0.03, p=0, nulls=(0.12, 0.11), null_p=0.3),
            "Moved by too little to matter: Kolmogorov-Smirnov distance 0.03, "
            "missing values fell from 12 to 11 %.",
            "ks 0.05, nulls 0.03",
        ),
        (
            number(nulls=(0.12, 0.12)),
            "No more than chance: Kolmogorov-Smirnov distance 0.01, missing values stayed at 12 %.",
            "ks 0.05, nulls 0.03",
        ),
    ],
)
def test_sentences(column: DriftColumn, sentence: str, limit: str) -> None:
    (found,) = decided(column)
    assert (found.sentence, found.limit, found.name) == (sentence, limit, column.name)


# ---- rules -----------------------------------------------------------------------------------------


def test_floors_can_be_moved() -> None:
    column = number(effect=0.06, p=0, nulls=(0.0, 0.05), null_p=0)
    assert decided(column, floors={"ks": 0.1, "nulls": 0.1})[0].outcome == "moved"
    other = category(effect=0.06, p=0, **new_level(0, NEW))
    assert decided(other, floors={"cramers_v": 0.1, "unseen": 0.1})[0].outcome == "moved"


def test_a_floor_of_zero_asks_for_some_movement() -> None:
    assert decided(number(effect=0.0, p=0.0), floors={"ks": 0.0})[0].outcome == "undecided"
    assert decided(number(effect=0.01, p=0.0), floors={"ks": 0.0})[0].outcome == "drifted"


def test_a_column_has_the_rules_of_its_globs_and_its_own() -> None:
    rules = {
        "AGE": ColumnRule(floor=0.3),
        "A*": ColumnRule(floor=0.1, nulls=0.2),
        "*GE": ColumnRule(nulls=0.4, action="fail"),
    }
    assert rule_for("AGE", rules) == ColumnRule(floor=0.3, nulls=0.4, action="fail")
    assert rule_for("AIR", rules) == ColumnRule(floor=0.1, nulls=0.2)
    assert rule_for("SEX", rules) == ColumnRule()


def test_a_column_rule_moves_its_floors() -> None:
    column = category("job", effect=0.2, p=0, nulls=(0.0, 0.1), null_p=0, **new_level(0, NEW))
    quiet = {"floor": 0.3, "nulls": 0.2, "unseen": 0.1}
    assert decided(column, columns={"j*": quiet})[0].outcome == "moved"
    assert decided(column)[0].why == ("values", "nulls", "unseen")


def test_bins_that_are_too_coarse_decide_nothing() -> None:
    (found,) = decided(category(coarse=0.6))
    assert (found.outcome, found.sentence) == (
        "undecided",
        "Too many different values to tell: for 60 % of the rows the profiles do not say"
        " how common a value is on the other side.",
    )


def test_many_small_new_levels_are_told_as_a_share() -> None:
    scores = {"unseen": DriftScore(value=0.004, p=1e-9), "unseen_together": DriftScore(value=0.09, p=1e-9)}
    level = LevelShare(label="robot", reference=0.0, current=0.004)
    (found,) = decided(category(unseen=(level,), scores=scores))
    assert found.outcome == "drifted"
    assert "9 % of the current rows have values that the reference lacks" in found.sentence


@pytest.mark.parametrize(
    ("outcomes", "more", "expected", "changed"),
    [
        (["stable", "stable"], {}, "0 of 2 columns drifted", False),
        (["drifted"], {}, "1 of 1 column drifted", True),
        (["unjudged", "undecided"], {}, "Nothing could be decided on 2 columns", False),
        (["stable", "undecided"], {}, "0 of 2 columns drifted, 1 undecided", False),
        (["retyped"], {}, "0 of 1 column drifted, 1 changed its kind", True),
        (
            ["retyped", "retyped"],
            {"removed": ("a",)},
            "0 of 2 columns drifted, 1 is gone, 2 changed their kind",
            True,
        ),
        (
            ["stable"],
            {"removed": ("a",), "unnamed": (0, 1_000)},
            "0 of 1 column drifted, 1,001 are gone",
            True,
        ),
    ],
)
def test_the_headline_counts_what_makes_the_exit_code(
    outcomes: list[str], more: dict[str, Any], expected: str, changed: bool
) -> None:
    drift = Drift(name="n", reference="a", current="b", rows=(9, 9)).model_copy(update=more)
    decisions = [
        Decision(
            number(str(at)), cast(Any, "unjudged" if one == "retyped" else one), "", retyped=one == "retyped"
        )
        for at, one in enumerate(outcomes)
    ]
    found = tally(drift, decisions)
    assert (headline(found), found.changed) == (expected, changed)
