"""The fairness gate: limits on disparities, changes against the base, and what no verdict covers."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mlops_ci.evidence import Disparity, Fairness, Finding, GroupMetric, GroupScore, Interval, Status
from mlops_ci.gates import fairness as gate
from tests.gates.samples import evidence, model

RATES = GroupMetric(
    name="true_positive_rate",
    groups=(
        GroupScore(group="asian", rows=40, value=0.7),
        GroupScore(group="black", rows=900, value=0.61),
        GroupScore(group="white", rows=4000, value=0.78),
    ),
)


def difference(value: float | None = 0.17, low: float = 0.12, high: float = 0.22, **more: Any) -> Disparity:
    told: dict[str, Any] = {
        "name": "equal_opportunity_difference",
        "kind": "difference",
        "value": value,
        "interval": Interval(low=low, high=high) if value is not None else None,
        "groups": ("black", "white") if value is not None else None,
        "metric": "true_positive_rate" if value is not None else "",
    }
    return Disparity.model_validate(told | more)


def ratio(value: float = 0.73, low: float = 0.66, high: float = 0.79, **more: Any) -> Disparity:
    told: dict[str, Any] = {"name": "equalized_odds_ratio", "kind": "ratio", "metric": "true_positive_rate"}
    return difference(value, low, high, **(told | more))


def over(*disparities: Disparity, column: str = "race", **more: Any) -> Fairness:
    return Fairness(column=column, rows=4940, metrics=(RATES,), disparities=disparities, **more)


def judged(*found: Fairness, changed: bool = True, **options: Any) -> list[Finding]:
    return gate.check(evidence(model(fairness=found, changed=changed)), gate.Options.model_validate(options))


def said(*found: Fairness, **options: Any) -> list[tuple[Status, str]]:
    return [(each.status, each.sentence) for each in judged(*found, **options)]


APART = "true_positive_rate of race = black is 0.610 against 0.780 of race = white"
MAX: dict[str, Any] = {"limits": {"equal_opportunity_difference": {"max": 0.1}}}
MIN: dict[str, Any] = {"limits": {"equalized_odds_ratio": {"min": 0.8}}}


# ---- skips -------------------------------------------------------------------------------------


def test_no_model() -> None:
    (finding,) = gate.check(evidence(), gate.Options(required=True))
    assert (finding.status, finding.sentence, finding.required) == (
        Status.SKIP,
        "There is no model, so no group was compared.",
        True,
    )


def test_an_unchanged_model_was_not_measured_again() -> None:
    (finding,) = judged(over(difference()), changed=False, required=True, **MAX)
    assert (finding.status, finding.sentence, finding.required) == (
        Status.SKIP,
        "Nothing that feeds the model differs from the base, so it was not measured again.",
        False,
    )


@pytest.mark.parametrize(("options", "required"), [({}, False), ({"required": True}, True), (MAX, True)])
def test_no_groups(options: dict[str, Any], required: bool) -> None:
    (finding,) = judged(**options)
    assert (finding.status, finding.sentence, finding.required) == (
        Status.SKIP,
        "No groups are configured, so nothing was compared.",
        required,
    )
    assert finding.hint == (
        "name the groups' columns under columns.groups in mlops-ci.yaml, for example [sex, race]"
    )


@pytest.mark.parametrize(("options", "required"), [({}, False), (MAX, True)])
def test_a_column_that_could_not_be_compared(options: dict[str, Any], required: bool) -> None:
    (finding,) = judged(Fairness(column="age", problem="there are no rows"), **options)
    assert (finding.status, finding.subject, finding.sentence, finding.required) == (
        Status.SKIP,
        "age",
        "age was not compared: there are no rows.",
        required,
    )


# ---- limits ------------------------------------------------------------------------------------


def test_a_difference_that_is_surely_too_large() -> None:
    (finding,) = judged(over(difference()), **MAX)
    assert finding.model_dump(exclude_defaults=True, exclude={"hint"}) == {
        "gate": "fairness",
        "subject": "race equal_opportunity_difference",
        "status": Status.FAIL,
        "sentence": f"{APART}: 0.170 apart [0.120, 0.220], allowed 0.1.",
        "model": "churn",
        "metric": "equal_opportunity_difference",
        "value": 0.17,
        "interval": {"low": 0.12, "high": 0.22},
        "limit": "max 0.1",
        "direction": "lower",
    }


def test_a_difference_that_may_be_too_large() -> None:
    assert said(over(difference(low=0.08)), **MAX) == [
        (
            Status.INCONCLUSIVE,
            f"{APART}: 0.170 apart [0.0800, 0.220], allowed 0.1; "
            "the interval holds the limit, so more rows are needed to tell.",
        )
    ]


@pytest.mark.parametrize("value", [0.1, 0.1 + 1e-12, 0.05])
def test_a_difference_within_its_limit(value: float) -> None:
    (finding,) = judged(over(difference(value, 0.0, 0.3)), **MAX)
    assert finding.status is Status.PASS
    assert finding.sentence.startswith(
        "1 disparity over race was measured, 1 of them with a limit; the largest difference: "
    )


@pytest.mark.parametrize(
    ("high", "status"), [(0.79, Status.FAIL), (0.81, Status.INCONCLUSIVE)], ids=["surely", "perhaps"]
)
def test_a_ratio_below_its_limit(high: float, status: Status) -> None:
    (finding,) = judged(over(ratio(high=high)), **MIN)
    assert finding.status is status
    assert finding.sentence.startswith(f"{APART}: a ratio of 0.730 [0.660, {high:.3f}], at least 0.8 asked")
    assert (finding.limit, finding.direction) == ("min 0.8", "higher")


def test_a_ratio_within_its_limit() -> None:
    assert said(over(ratio(0.85, 0.7, 0.9)), **MIN) == [
        (Status.PASS, "1 disparity over race was measured, 1 of them with a limit.")
    ]


def test_without_an_interval_the_value_decides() -> None:
    plain = difference().model_copy(update={"interval": None})
    assert said(over(plain), **MAX) == [(Status.FAIL, f"{APART}: 0.170 apart, allowed 0.1.")]


def test_without_the_groups_values_the_name_stands_for_them() -> None:
    unknown = difference(groups=None)
    named = "equal_opportunity_difference over race: 0.170 apart [0.120, 0.220], allowed 0.1."
    assert said(over(unknown), **MAX) == [(Status.FAIL, named)]


def test_the_mean_of_two_metrics_is_told_beside_the_worse_one() -> None:
    mean = difference(name="equalized_odds_mean_difference")
    assert said(over(mean), limits={"equalized_odds_mean_difference": {"max": 0.1}}) == [
        (
            Status.FAIL,
            f"{APART}; equalized_odds_mean_difference: 0.170 apart [0.120, 0.220], allowed 0.1.",
        )
    ]


@pytest.mark.parametrize(
    "key",
    [
        "equal_opportunity_difference",
        "true_positive_rate_difference",
        "*_difference",
        "race:equal_opportunity_difference",
        "race:*",
    ],
)
def test_a_limit_is_found_by_name_alias_glob_and_column(key: str) -> None:
    limit = {"max": 0.1}
    assert [each.status for each in judged(over(difference()), limits={key: limit})] == [Status.FAIL]


def test_the_more_exact_key_counts() -> None:
    limits = {
        "race:equal_opportunity_difference": {"max": 0.5},
        "equal_opportunity_difference": {"max": 0.1},
        "*_difference": {"max": 0.01, "max_increase": 0.02},
    }
    assert [each.status for each in judged(over(difference()), limits=limits)] == [Status.PASS]


def test_a_max_under_a_glob_is_not_for_ratios() -> None:
    found = over(ratio(0.9, 0.85, 0.95), difference(0.05, 0.0, 0.09))
    assert [each.status for each in judged(found, limits={"*": {"max": 0.1, "min": 0.8}})] == [Status.PASS]


def test_a_limit_that_nothing_has_is_told() -> None:
    (finding, passed) = judged(over(difference()), limits={"precision_difference": {"max": 0.1}})
    assert (finding.status, finding.subject, finding.sentence, finding.limit) == (
        Status.WARN,
        "precision_difference",
        "There is a limit on precision_difference, but no such disparity was measured.",
        "max 0.1",
    )
    assert passed.status is Status.PASS


def test_a_glob_may_find_nothing_and_an_unmeasured_column_hides_names() -> None:
    glob = judged(over(difference()), limits={"precision_*": {"max": 0.1}})
    assert [each.status for each in glob] == [Status.PASS]
    broken = judged(Fairness(column="race", problem="x"), **MAX)
    assert [each.status for each in broken] == [Status.SKIP]


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"equalized_odds_ratio": {"max": 0.1}}, "a ratio has a min, not a max"),
        ({"equalized_odds_difference": {"min": 0.1}}, "a difference has a max, not a min"),
        ({"accuracy": {"max": 0.1}}, "expected a name that ends in _difference or _ratio"),
        ({"accuracy_difference": {"max": -0.1}}, "greater than or equal to 0"),
        ({"accuracy_difference": {"most": 0.1}}, "Extra inputs are not permitted"),
        ({"accuracy_difference": 0.1}, "valid dictionary"),
        (["accuracy_difference"], "valid dictionary"),
    ],
)
def test_a_limit_that_means_nothing_is_a_mistake(limits: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        gate.Options.model_validate({"limits": limits})


def test_groups_are_names_or_combinations() -> None:
    chosen = gate.Options.model_validate({"groups": ["sex", ["sex", "race"]]})
    assert chosen.columns(("age",)) == (("sex",), ("sex", "race"))
    assert gate.Options().columns(("age",)) == (("age",),)
    with pytest.raises(ValidationError):
        gate.Options.model_validate({"groups": "sex"})


# ---- against the base --------------------------------------------------------------------------


def grown(by: float = 0.05, half: float = 0.02, **more: Any) -> Disparity:
    value = 0.17
    told: dict[str, Any] = {"base": value - by, "change": Interval(low=by - half, high=by + half)}
    return difference(value, **(told | more))


def test_significantly_worse_than_the_base_warns() -> None:
    (finding,) = judged(over(grown()))
    assert (finding.status, finding.change, finding.sentence) == (
        Status.WARN,
        "worse",
        f"{APART}: 0.170 apart [0.120, 0.220]; 0.120 at the base, 0.0500 further apart [0.0300, 0.0700], "
        "more than chance explains.",
    )
    assert finding.delta == pytest.approx(0.05)


def test_a_ratio_is_worse_where_it_falls() -> None:
    fell = ratio(base=0.78, change=Interval(low=-0.08, high=-0.02))
    assert [each.status for each in judged(over(fell))] == [Status.WARN]
    rose = ratio(base=0.6, change=Interval(low=0.1, high=0.16))
    assert [each.status for each in judged(over(rose))] == [Status.PASS]


def test_what_chance_explains_passes() -> None:
    assert [each.status for each in judged(over(grown(half=0.06)))] == [Status.PASS]


def test_many_disparities_are_many_chances_to_be_wrong() -> None:
    barely = grown(half=0.048)
    others = [grown(0.001, half=0.05, name=f"other{place}_difference") for place in range(9)]
    assert [each.status for each in judged(over(barely))] == [Status.WARN]
    assert [each.status for each in judged(over(barely, *others))] == [Status.PASS]


@pytest.mark.parametrize(
    ("half", "status", "change"),
    [
        (0.02, Status.FAIL, "worse"),
        (0.045, Status.INCONCLUSIVE, "worse"),
        (0.06, Status.INCONCLUSIVE, "inconclusive"),
    ],
)
def test_more_than_the_allowed_increase(half: float, status: Status, change: str) -> None:
    limits = {"equal_opportunity_difference": {"max_increase": 0.02}}
    (finding,) = judged(over(grown(half=half)), limits=limits)
    assert (finding.status, finding.change, finding.limit) == (status, change, "max increase 0.02")
    assert "0.0500 further apart" in finding.sentence
    assert ("allowed 0.02" in finding.sentence, "more rows are needed" in finding.sentence) == (
        True,
        status is Status.INCONCLUSIVE,
    )


def test_an_allowed_increase_is_allowed() -> None:
    limits = {"equal_opportunity_difference": {"max_increase": 0.06}}
    assert [each.status for each in judged(over(grown()), limits=limits)] == [Status.PASS]


@pytest.mark.parametrize(("by", "change"), [(0.05, "worse"), (-0.05, "better"), (0.01, "inconclusive")])
def test_a_broken_limit_tells_the_change_too(by: float, change: str) -> None:
    (finding,) = judged(over(grown(by)), **MAX)
    assert (finding.status, finding.change) == (Status.FAIL, change)


# ---- what no verdict covers --------------------------------------------------------------------


def test_small_groups_are_inconclusive_once_a_column() -> None:
    small = ("asian", "white")
    found = over(difference(0.05, 0.0, 0.08, small=small), ratio(0.9, 0.85, 0.95, small=("asian",)))
    assert said(found) == [
        (
            Status.INCONCLUSIVE,
            "Not compared are groups of race with fewer than 200 rows: asian (40); "
            "and groups with too few rows that true_positive_rate is defined on: white.",
        ),
        (
            Status.PASS,
            "2 disparities over race were measured, none of them with a limit; the largest difference: "
            f"{APART}: 0.0500 apart [0, 0.0800].",
        ),
    ]


@pytest.mark.parametrize(
    ("small", "rare", "sentence"),
    [
        ((), 1, "fewer than 200 rows: 1 group of fewer than 10 rows."),
        (("asian",), 1, "fewer than 200 rows: asian (40) and 1 group of fewer than 10 rows."),
        (("asian",), 12, "fewer than 200 rows: asian (40) and 12 groups of fewer than 10 rows."),
    ],
)
def test_rare_groups_are_counted_without_a_name(small: tuple[str, ...], rare: int, sentence: str) -> None:
    (finding, _) = judged(over(difference(0.05, 0.0, 0.08, small=small), rare=rare))
    assert finding.status is Status.INCONCLUSIVE
    assert finding.sentence == f"Not compared are groups of race with {sentence}"


def test_one_class_in_the_truth_is_told_with_the_rates_it_leaves_undefined() -> None:
    names = ("equal_opportunity", "false_negative_rate", "equalized_odds")
    lost = [difference(None, name=f"{name}_difference", small=("black", "white")) for name in names]
    (finding, _) = judged(over(*lost, difference(name="accuracy_difference"), only="0"))
    assert finding.sentence == (
        "Not compared are groups with too few rows that true_positive_rate and false_negative_rate are "
        "defined on: black, white (the truth has one class only: 0)."
    )
    assert finding.hint == "measure on a test set whose truth has every class"


def test_groups_that_could_name_a_person_cannot_be_asked_for() -> None:
    with pytest.raises(ValidationError, match="greater than or equal to 10"):
        gate.Options.model_validate({"min_rows": 9})


@pytest.mark.parametrize(
    ("options", "key"), [({}, "columns.groups"), ({"groups": ["sexx"]}, "gates.fairness.groups")]
)
def test_a_misspelt_column_is_mended_in_the_configuration(options: dict[str, Any], key: str) -> None:
    problem = "there is no column sexx in the predictions; did you mean sex?"
    (finding,) = judged(Fairness(column="sexx", problem=problem, absent=True), **options)
    assert finding.sentence == f"sexx was not compared: {problem}"
    assert finding.hint == (
        f"mend {key} in the base branch's mlops-ci.yaml, or write the column into the predictions"
    )


def test_many_small_groups_are_counted() -> None:
    names = tuple(f"tribe {place}" for place in range(8))
    (finding, _) = judged(over(difference(0.05, 0.0, 0.08, small=names)), min_rows=50)
    assert finding.sentence == (
        "Not compared are groups of race with fewer than 50 rows: tribe 0 (0), tribe 1 (0), tribe 2 (0), "
        "tribe 3 (0), tribe 4 (0) and 3 more."
    )


def test_a_limit_on_what_has_no_value_is_inconclusive() -> None:
    nothing = difference(None)
    assert said(over(nothing), **MAX) == [
        (
            Status.INCONCLUSIVE,
            "equal_opportunity_difference over race cannot be told: fewer than two groups have enough rows.",
        )
    ]
    assert said(over(nothing)) == []


def test_a_group_without_its_column_leaves_the_verdict_incomplete() -> None:
    (finding,) = judged(over(problem="there is no column sex in the predictions", absent=True))
    assert (finding.status, finding.required) == (Status.SKIP, True)
