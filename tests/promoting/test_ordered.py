"""Orders of people: what the promote workflow's inputs and a comment's words ask for, and what is nonsense."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from mlops_ci.adapters.actions import Runner
from mlops_ci.errors import ConfigError
from mlops_ci.promoting import ordered
from mlops_ci.promoting.ordered import Action, Order

ADA = {"login": "ada", "type": "User"}
BOT = {"login": "github-actions[bot]", "type": "Bot"}


def runner(inputs: Any, *, event: str = "workflow_dispatch", sender: Any = ADA) -> Runner:
    return Runner({"GITHUB_ACTOR": "bob"}, event, {"inputs": inputs, "sender": sender}, sys.stdout)


# ---- the workflow's inputs -----------------------------------------------------------------------


def test_a_workflow_that_a_person_starts_orders_what_its_inputs_say() -> None:
    told = {
        "order": "rollback",
        "target": " prod/iris ",
        "to": "last-verified",
        "reason": " all\nzero ",
        "by": "",
    }
    assert ordered.read(runner(told)) == Order("rollback", "prod/iris", "last-verified", "all zero", "ada")


def test_a_rollback_goes_to_the_release_before_unless_it_is_told() -> None:
    told = {"order": "rollback", "target": "prod/iris", "reason": "zero", "to": None}
    assert ordered.read(runner(told)) == Order("rollback", "prod/iris", "previous", "zero", "ada")


@pytest.mark.parametrize(
    ("inputs", "event"),
    [
        (None, "workflow_dispatch"),
        ({}, "workflow_dispatch"),
        ({"order": ""}, "workflow_dispatch"),
        ({"mine": "1"}, "workflow_dispatch"),
        ([], "workflow_dispatch"),
        ({"order": "hold"}, "push"),
    ],
)
def test_what_is_no_order(inputs: Any, event: str) -> None:
    assert ordered.read(runner(inputs, event=event)) is None


def test_everything_is_promoted_where_no_target_is_named() -> None:
    assert ordered.read(runner({"order": "promote"})) == Order("promote", by="ada")


def test_a_bot_speaks_for_the_person_it_names_and_a_person_for_nobody_else() -> None:
    told = {"order": "unhold", "target": "prod", "by": "eve"}
    for sender, by in ((BOT, "eve"), (ADA, "ada"), ({"type": "Bot"}, "eve"), (None, "bob")):
        assert ordered.read(runner(told, sender=sender)) == Order("unhold", "prod", by=by)
    found = ordered.read(runner({**told, "by": " "}, sender=BOT))
    assert found is not None
    assert found.by == "github-actions[bot]"


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"order": "deploy"}, "the input `order` is none"),
        ({"order": "hold", "reason": "x"}, "a hold needs its target"),
        ({"order": "unhold"}, "an unhold needs its target"),
        ({"order": "hold", "target": "prod"}, "a hold needs a reason"),
        ({"order": "rollback", "target": "prod", "reason": "..."}, "a rollback needs a reason"),
        ({"order": "hold", "target": "prod", "reason": "x" * 501}, "the reason has 501 characters"),
        (
            {"order": "hold", "target": "prod", "reason": "x", "to": "abcdef"},
            "a hold goes to no other release",
        ),
        (
            {"order": "rollback", "target": "p", "reason": "x", "to": "yesterday"},
            "should go to is no release",
        ),
        ({"order": "promote", "target": "../x"}, "the target of a promote is none"),
        ({"order": "promote", "target": "a/b/c"}, "the target of a promote is none"),
    ],
)
def test_nonsense_is_told_in_a_line_that_does_not_repeat_it(inputs: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        ordered.read(runner(inputs))
    assert caught.value.hint
    assert "../x" not in caught.value.message


def test_a_bot_that_names_nobody_is_not_believed() -> None:
    with pytest.raises(ConfigError, match="`by` is no name of an account"):
        ordered.read(runner({"order": "promote", "by": "a@b <script>"}, sender=BOT))


# ---- a comment's words ---------------------------------------------------------------------------

OURS = "mlops-ci/promote/prod/iris"


@pytest.mark.parametrize(
    ("action", "words", "branch", "order"),
    [
        ("promote", "", "topic", Order("promote", by="ada")),
        ("promote", "", OURS, Order("promote", by="ada")),
        ("promote", "prod/iris now", "topic", Order("promote", "prod/iris", "", "now", "ada")),
        ("rollback", "prod/iris all zero", "", Order("rollback", "prod/iris", "previous", "all zero", "ada")),
        (
            "rollback",
            "prod/iris --to 0a1b2c zero",
            "",
            Order("rollback", "prod/iris", "0a1b2c", "zero", "ada"),
        ),
        (
            "rollback",
            "--to last-verified zero",
            OURS,
            Order("rollback", "prod/iris", "last-verified", "zero", "ada"),
        ),
        (
            "rollback",
            "scores are zero",
            OURS,
            Order("rollback", "prod/iris", "previous", "scores are zero", "ada"),
        ),
        ("hold", "prod/other audit", OURS, Order("hold", "prod/other", "", "audit", "ada")),
        ("unhold", "", OURS, Order("unhold", "prod/iris", by="ada")),
    ],
)
def test_the_words_of_a_comment(action: Action, words: str, branch: str, order: Order) -> None:
    assert ordered.said(action, words.split(), by="ada", branch=branch) == order


@pytest.mark.parametrize(
    ("action", "words", "branch", "message"),
    [
        ("rollback", "zero", "topic", "a rollback needs its target"),
        ("hold", "zero", "mlops-ci/promote/prod/group-small", "a hold needs its target"),
        ("hold", "zero", "x/mlops-ci/promote/prod/iris", "a hold needs its target"),
        ("rollback", "prod/iris", "", "a rollback needs a reason"),
        ("rollback", "prod/iris --to", "", "should go to is no release"),
        ("rollback", "prod/iris --to $(id) x", "", "should go to is no release"),
    ],
)
def test_words_that_lack_something(action: Action, words: str, branch: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ordered.said(action, words.split(), by="ada", branch=branch)


@pytest.mark.parametrize(
    "order",
    [
        Order("promote", by="ada"),
        Order("rollback", "prod/iris", "previous", "all zero since `noon`", "ada"),
        Order("hold", "prod/iris", "", "audit", "ada"),
        Order("unhold", "prod/iris", by="ada"),
    ],
)
def test_what_a_comment_hands_on_is_what_the_workflow_reads(order: Order) -> None:
    assert ordered.read(runner(order.inputs, sender=BOT)) == order
