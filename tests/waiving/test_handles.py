"""What findings are called, and which value covers which."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_ci.evidence import Direction, Finding, Status
from mlops_ci.waiving.handles import Handle, handles, holds, refuses
from mlops_ci.waiving.orders import waiver
from tests.waiving.test_orders import comment


def finding(**more: Any) -> Finding:
    facts = {"gate": "metrics", "subject": "accuracy", "model": "census", "status": Status.FAIL}
    return Finding(**{"sentence": "s", **facts, **more})


def named(*found: Finding) -> list[str]:
    return [str(one) for one in handles(found)]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"value": 0.8123}, "census/metrics.accuracy@0.8123"),
        ({"value": 0.81234567}, "census/metrics.accuracy@0.812346"),
        ({"value": -0.0}, "census/metrics.accuracy@0"),
        ({"value": 1234567.0}, "census/metrics.accuracy@1.23457e+06"),
        ({"value": 0.8, "metric": "accuracy"}, "census/metrics.accuracy@0.8"),
        ({"value": 0.8, "subject": "roc_auc"}, "census/metrics.roc_auc@0.8"),
        ({"value": 0.8, "model": "", "gate": "cost", "subject": "cost"}, "-/cost.cost@0.8"),
    ],
)
def test_a_plain_name_is_its_own_handle(more: dict[str, Any], expected: str) -> None:
    assert named(finding(**more)) == [expected]


@pytest.mark.parametrize(
    ("more", "pattern"),
    [
        (
            {"gate": "drift", "subject": "training data against the base: AGE", "value": 0.3},
            r"census/drift\.training-data-against-the-base-AGE~[0-9a-f]{8}@0\.3",
        ),
        ({"subject": "sex = 2", "metric": "recall", "value": 0.3}, r"census/metrics\.sex-2-recall~.{8}@0\.3"),
        ({"model": "数", "value": 0.3}, r"model/metrics\.accuracy~.{8}@0\.3"),
        ({"subject": "x" * 100, "value": 0.3}, r"census/metrics\.x{52}~.{8}@0\.3"),
        ({"value": None}, r"census/metrics\.accuracy@x[0-9a-f]{8}"),
    ],
)
def test_a_name_that_loses_something_and_what_has_no_value_get_a_digest(
    more: dict[str, Any], pattern: str
) -> None:
    (found,) = named(finding(**more))
    assert re.fullmatch(pattern, found), found


def test_names_that_look_alike_are_told_apart() -> None:
    subjects = ["a b", "a-b", "a:b", "a.b", "a  b", "A b"]
    assert len(set(named(*(finding(subject=one, value=1.0) for one in subjects)))) == len(subjects)


def test_a_name_does_not_depend_on_how_the_others_end() -> None:
    one, other = finding(value=0.8, file="a.json"), finding(value=0.7, file="b.json")
    both = named(one, other)
    assert [re.sub("~.{8}", "~", name) for name in both] == [
        "census/metrics.accuracy~@0.8",
        "census/metrics.accuracy~@0.7",
    ]
    assert both[0].partition("@")[0] != both[1].partition("@")[0]
    passed = other.model_copy(update={"status": Status.PASS})
    assert named(one, passed) == both
    assert named(other, one) == both[::-1]


def test_what_nothing_else_tells_apart_is_told_by_its_sentence() -> None:
    one, other = finding(sentence="one", value=1.0), finding(sentence="two", value=1.0)
    first, second = handles([one, other])
    assert first.key != second.key


def test_without_a_value_the_sentence_and_the_limit_are_what_is_accepted() -> None:
    plain = finding()
    changes: list[dict[str, Any]] = [
        {"sentence": "t"},
        {"limit": "max 1"},
        {"subject": "recall"},
        {"model": "m"},
    ]
    values = {handles([plain.model_copy(update=change)])[0].value for change in ({}, *changes)}
    assert len(values) == 5
    assert handles([plain.model_copy(update={"hint": "h", "status": Status.WARN})]) == handles([plain])


@given(
    st.text(min_size=1),
    st.text(),
    st.text(min_size=1),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
)
def test_every_handle_can_be_written_in_a_comment(
    gate: str, model: str, subject: str, value: float | None
) -> None:
    (found,) = handles([finding(gate=f"g{gate}", model=model, subject=subject, value=value)])
    read = waiver(comment(f"/mlops-ci waive {found} 14d why"), 30)
    assert (read.problem, Handle.of(read.finding)) == ("", found)


@pytest.mark.parametrize(
    ("accepted", "now", "direction", "expected"),
    [
        ("0.8", "0.8", None, True),
        ("0.8", "0.80001", None, False),
        ("0.8", "0.81", "higher", True),
        ("0.8", "0.79", "higher", False),
        ("0.8", "0.79", "lower", True),
        ("0.8", "0.81", "lower", False),
        ("-1e-05", "-0.5", "lower", True),
        ("9", "10", "higher", True),
        ("x12345678", "x12345678", None, True),
        ("x12345678", "x12345679", "lower", False),
        ("x12345678", "0.1", "lower", False),
        ("nan", "0.1", "lower", False),
        ("inf", "0.1", "lower", False),
        ("", "", "lower", True),
    ],
)
def test_which_value_covers_which(
    accepted: str, now: str, direction: Direction | None, expected: bool
) -> None:
    assert holds(accepted, now, direction) is expected


@pytest.mark.parametrize(
    ("handle", "never"),
    [
        ("-/stages.train@x1", True),
        ("-/lock.dvc.lock@x1", True),
        ("census/metrics.lock@1", False),
        ("stages/metrics.a@1", False),
        ("nothing", False),
    ],
)
def test_what_nobody_can_waive(handle: str, never: bool) -> None:
    assert Handle.of(handle).never is never


@pytest.mark.parametrize(
    ("status", "plain", "strict"),
    [
        (Status.FAIL, True, True),
        (Status.WARN, False, True),
        (Status.INCONCLUSIVE, False, True),
        (Status.SKIP, False, False),
        (Status.PASS, False, False),
    ],
)
def test_what_refuses(status: Status, plain: bool, strict: bool) -> None:
    found = finding(status=status)
    assert (refuses(found, strict=False), refuses(found, strict=True)) == (plain, strict)
