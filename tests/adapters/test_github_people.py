"""What a person may do, and whether they are in a team; what the token may not see is not a no."""

from __future__ import annotations

from typing import Any

import pytest

from mlops_ci.adapters import github_people as people
from mlops_ci.adapters.github import GitHub
from mlops_ci.adapters.github_people import Permission
from mlops_ci.errors import ToolError
from tests.adapters.github_double import ROOT, Double, Reply
from tests.adapters.github_spec.contract import example

PERMISSION = f"{ROOT}/collaborators/ada/permission"
TEAM = "/orgs/acme/teams/ml-leads"
MEMBER = f"{TEAM}/memberships/ada"
GONE = Reply(404, {"message": "Not Found"})
FORBIDDEN = Reply(403, {"message": "Resource not accessible by integration"})


def may(**changes: Any) -> Reply:
    name = "repository-collaborator-permission-response-if-user-has-admin-permissions"
    return Reply(body=example(name, **changes))


@pytest.mark.parametrize(
    ("answer", "expected", "writes"),
    [
        (may(), Permission("admin", "admin"), True),
        (may(permission="write", role_name="maintain"), Permission("write", "maintain"), True),
        (may(permission="read", role_name="triage"), Permission("read", "triage"), False),
        (may(permission="none", role_name=""), Permission("none", ""), False),
        (GONE, Permission("none", "none"), False),
    ],
)
def test_what_a_person_may_do(
    double: Double, github: GitHub, answer: Reply, expected: Permission, writes: bool
) -> None:
    double.on("GET", PERMISSION, answer)
    found = people.permission(github, "ada")
    assert (found, found.writes) == (expected, writes)


def test_a_permission_that_we_do_not_know_is_none_of_ours_to_guess(double: Double, github: GitHub) -> None:
    double.on("GET", PERMISSION, may(permission="owner"))
    with pytest.raises(ToolError, match="GitHub names an unknown permission, 'owner'"):
        people.permission(github, "ada")


def test_a_permission_that_may_not_be_asked_for_is_an_error(double: Double, github: GitHub) -> None:
    double.on("GET", PERMISSION, FORBIDDEN)
    with pytest.raises(ToolError, match="403"):
        people.permission(github, "ada")


def member(state: str) -> Reply:
    return Reply(body=example("team-membership-response-if-user-is-a-team-maintainer", state=state))


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({MEMBER: member("active")}, True),
        ({MEMBER: member("pending")}, False),
        ({MEMBER: GONE, TEAM: Reply(body=example("team-full"))}, False),
        ({MEMBER: GONE, TEAM: GONE}, None),
        ({MEMBER: GONE, TEAM: FORBIDDEN}, None),
        ({MEMBER: FORBIDDEN}, None),
    ],
)
def test_whether_a_person_is_in_a_team(
    double: Double, github: GitHub, answers: dict[str, Reply], expected: bool | None
) -> None:
    for path, answer in answers.items():
        double.on("GET", path, answer)
    assert people.in_team(github, "acme", "ml-leads", "ada") is expected


@pytest.mark.parametrize("answers", [{MEMBER: Reply(401)}, {MEMBER: GONE, TEAM: Reply(401)}])
def test_other_trouble_with_a_team_is_an_error(
    double: Double, github: GitHub, answers: dict[str, Reply]
) -> None:
    for path, answer in answers.items():
        double.on("GET", path, answer)
    with pytest.raises(ToolError, match="401"):
        people.in_team(github, "acme", "ml-leads", "ada")
