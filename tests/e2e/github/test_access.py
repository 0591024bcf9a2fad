"""Who may do what, and what GitHub answers to those who may not."""

from __future__ import annotations

import pytest

from tests.repositories import Repo

from .calls import Token
from .conftest import MakeStand
from .stand import PEOPLE, Stand

BOT = "github-actions[bot]"


@pytest.fixture
def busy(stand: Stand) -> Stand:
    """A stand with main, a pull request and an issue."""
    ada = stand.clone()
    ada.commit("Begin", **{"a.txt": "1\n"})
    stand.push(ada, "main")
    ada.git("checkout", "--quiet", "-b", "topic")
    ada.commit("Change", **{"a.txt": "2\n"})
    stand.push(ada, "topic")
    stand.open_pull("topic")
    return stand


def limited(stand: Stand, **permissions: str) -> str:
    return stand.gateway.issue("limited", Token(BOT, permissions, bot=True))


@pytest.mark.parametrize(
    ("permissions", "method", "path", "body", "accepted"),
    [
        (
            {"contents": "write"},
            "POST",
            "issues/1/comments",
            {"body": "x"},
            "issues=write; pull_requests=write",
        ),
        ({"issues": "read"}, "POST", "issues/1/comments", {"body": "x"}, "issues=write; pull_requests=write"),
        ({"issues": "write"}, "GET", "pulls/1", None, "pull_requests=read"),
        ({"pull_requests": "write"}, "PUT", "pulls/1/merge", {}, "contents=write"),
        ({"contents": "write"}, "POST", "check-runs", {"name": "x", "head_sha": "0" * 40}, "checks=write"),
        ({"checks": "write"}, "POST", f"statuses/{'0' * 40}", {"state": "success"}, "statuses=write"),
        ({"contents": "write"}, "GET", "actions/artifacts", None, "actions=read"),
        ({}, "GET", "contents/a.txt", None, "contents=read"),
        ({"contents": "write"}, "POST", "deployments", {"ref": "main"}, "deployments=write"),
    ],
)
def test_a_missing_permission_is_named(
    busy: Stand, permissions: dict[str, str], method: str, path: str, body: object, accepted: str
) -> None:
    got = busy.api(method, path, body, limited(busy, **permissions))
    assert (got.status, got.body["message"]) == (403, "Resource not accessible by integration")
    assert got.headers["x-accepted-github-permissions"] == accepted


def test_either_permission_lets_a_bot_comment_and_it_is_called_a_bot(busy: Stand) -> None:
    for name in ("issues", "pull-requests"):
        made = busy.must("POST", "issues/1/comments", {"body": name}, limited(busy, **{name: "write"}))
        assert (made["user"]["login"], made["user"]["type"]) == (BOT, "Bot")
    assert [one["body"] for one in busy.comments(1)] == ["issues", "pull-requests"]


def test_an_unknown_token_is_nobody(busy: Stand) -> None:
    for token in ("nonsense", ""):
        got = busy.api("GET", "", token=token)
        assert (got.status, got.body["message"]) == (401, "Bad credentials")
    assert [one.login for one in busy.gateway.requests[-2:]] == ["", ""]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "pulls/1/merge", {}),
        ("POST", "issues/1/labels", {"labels": ["x"]}),
        ("PATCH", "pulls/1", {"title": "Mine"}),
        ("PUT", "contents/b.txt", {"message": "x", "content": "eA==", "branch": "main"}),
        ("POST", "statuses/{sha}", {"state": "success"}),
    ],
)
def test_a_stranger_may_only_talk(busy: Stand, method: str, path: str, body: dict[str, object]) -> None:
    sha = busy.clone().git("rev-parse", "HEAD")
    got = busy.api(method, path.format(sha=sha), body, "eve-token")
    assert (got.status, got.body["message"]) == (403, "Must have write access to this repository.")
    assert busy.api("POST", "issues/1/comments", {"body": "Hello"}, "eve-token").status == 201


def test_a_stranger_edits_nobody_elses_comment(busy: Stand) -> None:
    mine = busy.must("POST", "issues/1/comments", {"body": "Eve's"}, "eve-token")["id"]
    other = busy.must("POST", "issues/1/comments", {"body": "Ada's"})["id"]
    assert busy.api("PATCH", f"issues/comments/{mine}", {"body": "Eve's own"}, "eve-token").status == 200
    assert busy.api("PATCH", f"issues/comments/{other}", {"body": "Eve's own"}, "eve-token").status == 403
    assert busy.api("DELETE", f"issues/comments/{other}", None, "eve-token").status == 403
    assert [one["body"] for one in busy.comments(1)] == ["Eve's own", "Ada's"]


def test_roles(busy: Stand) -> None:
    def role(login: str) -> tuple[str, str]:
        found = busy.must("GET", f"collaborators/{login}/permission")
        return found["permission"], found["role_name"]

    assert [role(login) for login in ("ada", "bob", "eve")] == [("admin",) * 2, ("write",) * 2, ("read",) * 2]
    assert busy.api("PUT", "collaborators/eve", {"permission": "maintain"}).status == 204
    assert role("eve") == ("write", "maintain")
    assert busy.api("DELETE", "collaborators/eve").status == 204
    assert role("eve") == ("read", "read")
    assert busy.api("GET", "collaborators/nobody-here/permission").status == 404
    assert busy.api("GET", "collaborators/ada/permission", token="eve-token").status == 403
    assert busy.api("PUT", "collaborators/eve", {"permission": "admin"}, "bob-token").status == 403


def test_a_private_repository_is_not_there_for_strangers(busy: Stand) -> None:
    busy.gateway.forge.private.add("acme/model")
    assert busy.must("GET", "")["private"] is True
    assert busy.api("GET", "", token="eve-token").status == 404
    assert busy.api("GET", "pulls/1", token="eve-token").status == 404
    assert busy.api("GET", "", token="bob-token").status == 200


def test_a_workflows_token_reaches_its_own_repository_alone(make_stand: MakeStand) -> None:
    stand = make_stand(repositories=["acme/model", "acme/deploy"])
    own = stand.gateway.issue("own", Token(BOT, bot=True, workflow=True, repositories=("acme/model",)))
    assert stand.api("POST", "/repos/acme/model/issues", {"title": "x"}, own).status == 201
    got = stand.api("POST", "/repos/acme/deploy/issues", {"title": "x"}, own)
    assert (got.status, got.body["message"]) == (403, "Resource not accessible by integration")
    assert stand.api("GET", "/repos/acme/deploy/issues", token=own).status == 200
    deploy = Repo.init(stand.folder / "d")
    deploy.git("remote", "add", "origin", f"{stand.gateway.address}/acme/deploy.git")
    deploy.commit("Begin")
    with pytest.raises(AssertionError, match="Write access to repository not granted"):
        stand.push(deploy, "main", own)


def test_a_bot_is_no_user_and_what_it_does_is_marked(busy: Stand) -> None:
    own = busy.gateway.issue("own", Token(BOT, bot=True, workflow=True))
    assert busy.api("GET", "/user", token=own).status == 403
    assert busy.must("GET", "/user", token="ada-token")["login"] == "ada"
    busy.must("POST", "issues/1/comments", {"body": "x"}, own)
    busy.must("POST", "issues/1/comments", {"body": "x"})
    assert [event.quiet for event in busy.gateway.events.named("issue_comment")] == [True, False]


def test_people_are_told_that_their_token_is_personal(make_stand: MakeStand) -> None:
    stand = make_stand(tokens={**PEOPLE, "weak": Token("bob", {"issues": "read"})})
    stand.must("POST", "issues", {"title": "x"})
    got = stand.api("POST", "issues/1/comments", {"body": "x"}, "weak")
    assert (got.status, got.body["message"]) == (403, "Resource not accessible by personal access token")
    assert stand.api("GET", "issues/1/comments", token="weak").status == 200


def test_a_protected_branch_is_closed_to_pushes(busy: Stand) -> None:
    ada, bob = busy.clone(), busy.clone("bob-token")
    busy.must(
        "PUT",
        "branches/main/protection",
        {
            "required_status_checks": None,
            "enforce_admins": None,
            "required_pull_request_reviews": {"required_approving_review_count": 1},
            "restrictions": None,
        },
    )
    busy.fetch(bob, "bob-token")
    bob.git("checkout", "--quiet", "--detach", "origin/main")
    bob.commit("Straight to main")
    with pytest.raises(AssertionError, match="GH006: Protected branch update failed for refs/heads/main"):
        busy.push(bob, "main", "bob-token")
    busy.push(bob, "aside", "bob-token")
    body = {"message": "x", "content": "eA==", "branch": "main"}
    assert busy.api("PUT", "contents/b.txt", body, "bob-token").status == 409
    move = {"sha": bob.git("rev-parse", "HEAD")}
    assert busy.api("PATCH", "git/refs/heads/main", move, "bob-token").status == 422
    # An administrator may, as the protection does not say otherwise.
    busy.fetch(ada)
    ada.git("checkout", "--quiet", "--detach", "origin/main")
    ada.commit("By the owner")
    assert busy.push(ada, "main") == busy.must("GET", "branches/main")["commit"]["sha"]


def test_a_workflow_file_needs_a_permission_of_its_own(busy: Stand) -> None:
    ada = busy.clone()
    ada.commit("Loosen", **{".github/workflows/ci.yml": "on: push\n"})
    own = limited(busy, contents="write")
    with pytest.raises(AssertionError, match="refusing to allow a GitHub App to create or update workflow"):
        busy.push(ada, "sneaky", own)
    busy.push(ada, "topic")
    ada.commit("Else", **{"c.txt": "x"})
    busy.push(ada, "topic", own)


def test_nobody_pushes_to_the_refs_of_pull_requests(busy: Stand) -> None:
    with pytest.raises(AssertionError, match="deny updating a hidden ref"):
        busy.git(busy.clone(), "ada-token", "push", "--quiet", "origin", "HEAD:refs/pull/1/head")


def test_members_and_teams(busy: Stand) -> None:
    assert [one["login"] for one in busy.must("GET", "/orgs/acme/members")] == ["ada"]
    found = busy.must("GET", "/orgs/acme/memberships/ada")
    assert (found["role"], found["state"]) == ("admin", "active")
    assert busy.api("GET", "/orgs/acme/memberships/eve").status == 404
    team = busy.must("POST", "/orgs/acme/teams", {"name": "Releasers"})
    busy.must("PUT", f"/orgs/acme/teams/{team['slug']}/memberships/bob", {"role": "member"})
    assert [one["slug"] for one in busy.must("GET", "/orgs/acme/teams")] == ["releasers"]
    assert busy.must("GET", "/orgs/acme/teams/releasers/memberships/bob")["state"] == "active"
    assert busy.api("GET", "/orgs/acme/teams/releasers/memberships/eve").status == 404
