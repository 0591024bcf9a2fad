"""Check runs: begun, concluded, ended where a run died, and never twice for one run."""

from __future__ import annotations

import pytest

from mlops_ci.adapters.github import GitHub
from mlops_ci.adapters.github_checks import CheckRun
from mlops_ci.outlets.board import Board, End, Mark
from mlops_ci.outlets.notes import Notes
from mlops_ci.report.conclusions import Conclusion, Remark
from tests.adapters.github_double import ROOT, Double, Reply
from tests.adapters.github_world import World

SHA = "c" * 40
NAMES = ("mlops-ci", "mlops-ci/metrics", "mlops-ci/lock")
FORBIDDEN = "note: the checks were not written: POST /repos/octocat/Hello-World/check-runs: GitHub answered 403: Resource not accessible by integration"
REMARK = Remark("params.yaml", 3, "failure", "lost", "mlops-ci/metrics")
ENDED = (
    Conclusion("mlops-ci", False, "Refused: lost.", "whole"),
    Conclusion("mlops-ci/metrics", False, "Refused: lost.", "- lost", (REMARK,)),
    Conclusion("mlops-ci/lock", True, "Passed.", "- current"),
)
STANDING = {"mlops-ci": "failure", "mlops-ci/metrics": "failure", "mlops-ci/lock": "success"}
DEAD = End("cancelled", "It ended.", "why")


def board(github: GitHub, notes: Notes, run: str = "5", attempt: str = "1") -> Board:
    return Board(github, notes, Mark(run, attempt), "https://ci.example/5")


def ids(world: World) -> list[tuple[str, str]]:
    return [(one["name"], one["external_id"]) for one in world.checks]


def test_checks_are_begun_and_concluded_in_place(world: World, github: GitHub, notes: Notes) -> None:
    made = board(github, notes)
    made.begin(SHA, NAMES)
    assert world.standing(SHA) == dict.fromkeys(NAMES, "in_progress")
    assert made.conclude(SHA, ENDED) is True
    assert (world.standing(SHA), ids(world)) == (STANDING, [(name, "5-1") for name in NAMES])
    metrics = world.checks[1]
    assert metrics["annotations"] == [
        {
            "path": "params.yaml",
            "start_line": 3,
            "end_line": 3,
            "annotation_level": "failure",
            "message": "lost",
            "title": "mlops-ci/metrics",
        }
    ]
    assert (metrics["output"]["summary"], metrics["details_url"]) == ("- lost", "https://ci.example/5")


def test_a_later_step_of_the_run_writes_the_same_checks_and_no_remark_twice(
    world: World, github: GitHub, notes: Notes
) -> None:
    board(github, notes).begin(SHA, NAMES)
    for _ in range(2):
        assert board(github, notes).conclude(SHA, ENDED) is True
    assert (len(world.checks), len(world.checks[1]["annotations"])) == (3, 1)


def test_a_run_again_takes_over_what_was_left_open_and_begins_anew_what_had_ended(
    world: World, github: GitHub, notes: Notes
) -> None:
    first = board(github, notes)
    first.begin(SHA, NAMES)
    first.conclude(SHA, ENDED[:1])
    again = board(github, notes, attempt="2")
    again.begin(SHA, NAMES)
    assert ids(world) == [
        ("mlops-ci", "5-1"),
        ("mlops-ci/metrics", "5-2"),
        ("mlops-ci/lock", "5-2"),
        ("mlops-ci", "5-2"),
    ]
    assert again.conclude(SHA, ENDED) is True
    assert world.standing(SHA) == STANDING
    assert {one["status"] for one in world.checks} == {"completed"}


def test_the_same_attempt_twice_begins_anew_too(world: World, github: GitHub, notes: Notes) -> None:
    for _ in range(2):
        made = board(github, notes)
        made.begin(SHA, NAMES)
        made.conclude(SHA, ENDED)
    assert (len(world.checks), world.standing(SHA)) == (6, STANDING)


def test_checks_of_others_with_the_same_name_are_left_alone(
    world: World, github: GitHub, notes: Notes
) -> None:
    """A job that is called mlops-ci has a check run of that name, of the same App."""
    board(github, notes, run="4").begin(SHA, NAMES[:1])
    world.checks[0]["external_id"] = "ca395085-040a-526b-2ce8-bdc85f692774"
    board(github, notes).begin(SHA, NAMES[:1])
    assert board(github, notes).end(SHA, DEAD) == ("mlops-ci",)
    assert [one["status"] for one in world.checks] == ["in_progress", "completed"]


def test_without_a_run_s_number_nothing_is_taken_for_ours(github: GitHub, notes: Notes) -> None:
    mark = Mark("", "1")
    assert (str(mark), mark.is_of_this_run(CheckRun(1, "mlops-ci", SHA, "in_progress"))) == ("", False)


def test_what_is_left_open_is_ended_and_what_has_ended_is_not_touched(
    world: World, github: GitHub, notes: Notes
) -> None:
    made = board(github, notes)
    made.begin(SHA, NAMES)
    made.conclude(SHA, ENDED[:1])
    assert board(github, notes, attempt="2").end(SHA, DEAD) == NAMES[1:]
    assert world.standing(SHA) == {
        "mlops-ci": "failure",
        "mlops-ci/metrics": "cancelled",
        "mlops-ci/lock": "cancelled",
    }
    assert world.checks[1]["output"]["title"] == "It ended."
    assert board(github, notes).end(SHA, DEAD) == ()


# ---- trouble -----------------------------------------------------------------------------------


def test_no_permission_is_said_once_and_never_tried_again(
    double: Double, world: World, github: GitHub, notes: Notes, said: list[str]
) -> None:
    world.refused = ("/check-runs",)
    made = board(github, notes)
    made.begin(SHA, NAMES)
    assert made.conclude(SHA, ENDED) is False
    assert made.end(SHA, DEAD) == ()
    assert said[0] == FORBIDDEN
    assert len(said) == 2
    assert double.lines == [f"GET {ROOT}/commits/{SHA}/check-runs", f"POST {ROOT}/check-runs"]


def test_a_token_that_may_not_even_look_is_said_once(
    double: Double, github: GitHub, notes: Notes, said: list[str]
) -> None:
    double.on("GET", f"{ROOT}/commits/{SHA}/check-runs", Reply(403, {"message": "Forbidden"}))
    made = board(github, notes)
    assert made.end(SHA, DEAD) == ()
    assert made.end(SHA, DEAD) == ()
    assert [line.partition(": GET")[0] for line in said] == ["note: the checks were not written"]


def test_a_check_that_github_does_not_take_does_not_cost_the_others(
    double: Double, world: World, github: GitHub, notes: Notes, said: list[str]
) -> None:
    made = board(github, notes)
    made.begin(SHA, NAMES)
    double.on("PATCH", f"{ROOT}/check-runs/2", Reply(422, {"message": "Validation Failed"}))
    assert made.conclude(SHA, ENDED) is False
    assert world.standing(SHA) == STANDING | {"mlops-ci/metrics": "in_progress"}
    assert len(said) == 1
    assert made.end(SHA, DEAD) == ("mlops-ci/metrics",)


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_in_trouble_is_asked_again_at_the_end(
    double: Double, world: World, github: GitHub, notes: Notes, said: list[str], status: int
) -> None:
    trouble = [Reply(status, {"message": "Oh"}, true=False)] * github.http.limits.attempts
    double.on("GET", f"{ROOT}/commits/{SHA}/check-runs", *trouble)
    made = board(github, notes)
    made.begin(SHA, NAMES)
    assert (len(said), world.checks) == (2, [])
    assert made.conclude(SHA, ENDED) is True
    assert world.standing(SHA) == STANDING
