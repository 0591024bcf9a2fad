"""A model that treats a group worse is refused in a pull request, with the group and both values."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import Call, Toy, comment, evidence

CONFIG = """\
version: 1
lock: report
defaults:
  columns: {id: id, groups: [group]}
  gates:
    fairness:
      min_rows: 100
      limits:
        equal_opportunity_difference: {max: 0.1}
"""
pytestmark = pytest.mark.slow

# The first group needs a higher score to be told yes.
UNFAIR = "guess = int(score > (0.5 if index % 2 else 0.8))"


def findings(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in document["findings"] if one["gate"] == "fairness"]


def test_a_model_that_is_unfair_to_a_group_is_refused(toy: Toy, call: Call) -> None:
    toy.configure(text=CONFIG)
    toy.edit("train.py", "guess = int(score > 0.5)", UNFAIR)
    toy.propose("unfair")
    runner = toy.runner("unfair")
    answer = call(runner, "pr", "--json", CI="true")
    assert answer.code == 1
    (refused,) = [one for one in findings(answer.document) if one["status"] == "FAIL"]
    assert refused["subject"] == "group equal_opportunity_difference"
    assert refused["sentence"].startswith("true_positive_rate of group = a is ")
    assert refused["change"] == "worse"
    assert "group = a" in comment(runner)
    (measured,) = evidence(runner)["models"][0]["fairness"]
    assert (measured["column"], measured["rows"], measured["positive"], measured["problem"]) == (
        "group",
        400,
        "1",
        "",
    )
    told = {one["name"]: one for one in measured["disparities"]}["equal_opportunity_difference"]
    assert told["groups"] == ["a", "b"]
    assert told["value"] == refused["value"]
    assert told["base"] < told["value"]


def test_a_model_that_nothing_feeds_is_not_measured(toy: Toy, call: Call) -> None:
    toy.configure(text=CONFIG)
    toy.author.write("README", "words\n")
    toy.propose("words")
    answer = call(toy.runner("words"), "pr", "--json", CI="true")
    assert [(one["status"], one["sentence"]) for one in findings(answer.document)] == [
        ("SKIP", "Nothing that feeds the model differs from the base, so it was not measured again.")
    ]
