"""The double's own conscience: what it would let pass were it not to look."""

from __future__ import annotations

from typing import Any

import pytest

from tests.adapters.github_double import ROOT
from tests.adapters.github_spec import contract, prune

RUNS = f"{ROOT}/check-runs"
GOOD = {"name": "mlops-ci", "head_sha": "abc", "status": "completed", "conclusion": "success"}


def test_every_operation_that_was_kept_is_there() -> None:
    wanted = sorted(f"{room}/{name}" for room, names in prune.OPERATIONS.items() for name in names)
    assert sorted(o.name for some in contract.operations().values() for o in some) == wanted


def test_a_good_request_passes() -> None:
    assert contract.wrong_request("POST", RUNS, {}, GOOD) == []
    assert contract.wrong_request("GET", f"{ROOT}/pulls", {"per_page": "100", "state": "all"}, None) == []


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "problem"),
    [
        ("GET", f"{ROOT}/pullz", {}, None, f"GET {ROOT}/pullz: there is no such operation"),
        ("GET", f"{ROOT}/pulls", {"stat": "all"}, None, "pulls/list: unknown parameter stat"),
        ("GET", f"{ROOT}/pulls", {"state": "merged"}, None, "pulls/list: the whole: 'merged' is not one of ['open', 'closed', 'all']"),
        ("GET", f"{ROOT}/pulls", {"page": "two"}, None, "pulls/list: the whole: 'two' is not of type 'integer'"),
        ("POST", RUNS, {}, None, "checks/create: no body"),
        ("POST", RUNS, {}, GOOD | {"head": "x"}, "checks/create: the whole: Additional properties are not allowed ('head' was unexpected)"),
        ("POST", RUNS, {}, GOOD | {"output": {"title": "T"}}, "checks/create: output: 'summary' is a required property"),
        ("GET", f"{ROOT}/pulls", {}, {"x": 1}, "pulls/list: a body"),
    ],
)  # fmt: skip
def test_a_wrong_request_is_seen(
    method: str, path: str, query: dict[str, str], body: Any, problem: str
) -> None:
    assert contract.wrong_request(method, path, query, body) == [problem]


def test_a_wrong_answer_is_seen() -> None:
    path = f"{ROOT}/issues/1347/comments"
    good = contract.example("issue-comment")
    assert contract.wrong_answer("POST", path, 201, good) == []
    assert contract.wrong_answer("POST", path, 200, good) == ["issues/create-comment: never answers 200"]
    bad = contract.example("issue-comment", id="1")
    assert contract.wrong_answer("POST", path, 201, bad) == [
        "issues/create-comment: id: '1' is not of type 'integer'"
    ]


def test_an_example_is_a_copy() -> None:
    contract.example("issue-comment", user__login="mallory")
    assert contract.example("issue-comment")["user"]["login"] == "octocat"
