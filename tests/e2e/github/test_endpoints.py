"""What emulate does not know: statuses, checks and their demands, deployments, reactions, GraphQL, dispatches."""

from __future__ import annotations

import http.client
from typing import Any

import pytest

from .calls import Token
from .stand import Stand

BOT = "github-actions[bot]"
DISPATCHED = """\
name: By hand
on:
  workflow_dispatch:
    inputs:
      model: {required: true}
      stage: {default: staging}
jobs: {}
"""


@pytest.fixture
def busy(stand: Stand) -> Stand:
    """A stand with main and a pull request; a bot's token is called bot."""
    stand.gateway.issue("bot", Token(BOT, bot=True))
    ada = stand.clone()
    ada.commit("Begin", **{"a.txt": "1\n", ".github/workflows/hand.yml": DISPATCHED})
    stand.push(ada, "main")
    ada.git("checkout", "--quiet", "-b", "topic")
    ada.commit("Change", **{"a.txt": "2\n"})
    stand.push(ada, "topic")
    stand.open_pull("topic")
    return stand


def head(stand: Stand) -> str:
    return stand.clone().git("rev-parse", "topic")


def status(stand: Stand, state: str, context: str = "ci", sha: str = "") -> dict[str, Any]:
    found: dict[str, Any] = stand.must(
        "POST", f"statuses/{sha or head(stand)}", {"state": state, "context": context}
    )
    return found


def check(stand: Stand, name: str, conclusion: str) -> dict[str, Any]:
    body = {"name": name, "head_sha": head(stand), "status": "completed", "conclusion": conclusion}
    found: dict[str, Any] = stand.must("POST", "check-runs", body, "bot")
    return found


# ---- statuses and checks


def test_the_combined_status_is_of_the_newest_of_each_context(busy: Stand) -> None:
    def combined() -> tuple[str, list[tuple[str, str]]]:
        found = busy.must("GET", "commits/topic/status")
        return found["state"], [(one["context"], one["state"]) for one in found["statuses"]]

    assert combined() == ("pending", [])
    status(busy, "failure")
    assert combined() == ("failure", [("ci", "failure")])
    status(busy, "success")
    status(busy, "pending", "other")
    assert sorted(combined()[1]) == [("ci", "success"), ("other", "pending")]
    status(busy, "success", "other")
    assert combined()[0] == "success"
    assert len(busy.must("GET", f"commits/{head(busy)}/statuses")) == 4


def test_a_status_of_no_commit(busy: Stand) -> None:
    got = busy.api("POST", f"statuses/{'0' * 40}", {"state": "success"})
    assert (got.status, got.body["message"]) == (422, f"No commit found for SHA: {'0' * 40}")


def test_check_runs_are_an_apps(busy: Stand) -> None:
    body = {"name": "gate", "head_sha": head(busy)}
    got = busy.api("POST", "check-runs", body)
    assert (got.status, got.body["message"]) == (403, "You must authenticate via a GitHub App.")
    made = busy.must("POST", "check-runs", {**body, "status": "in_progress"}, "bot")
    annotation = {
        "path": "a.txt",
        "start_line": 1,
        "end_line": 1,
        "annotation_level": "warning",
        "message": "m",
    }
    output = {"title": "t", "summary": "s", "annotations": [annotation] * 51}
    update = {"status": "completed", "conclusion": "failure", "output": output}
    assert busy.api("PATCH", f"check-runs/{made['id']}", update, "bot").status == 422
    output["annotations"] = [annotation] * 50
    output["summary"] = "s" * 65536
    assert busy.api("PATCH", f"check-runs/{made['id']}", update, "bot").status == 422
    # GitHub's description knows both limits.
    assert [one.partition("request: ")[2] for one in busy.gateway.violations] == [
        "output/annotations: breaks maxItems: 50",
        "output/summary: breaks maxLength: 65535",
    ]
    busy.gateway.violations.clear()
    output["summary"] = "s" * 65535
    assert busy.must("PATCH", f"check-runs/{made['id']}", update, "bot")["conclusion"] == "failure"
    assert busy.must("GET", "pulls/1")["mergeable_state"] == "unstable"


@pytest.mark.parametrize(("length", "wanted"), [(65536, 201), (65537, 422)])
def test_a_comment_has_a_largest_length(busy: Stand, length: int, wanted: int) -> None:
    got = busy.api("POST", "issues/1/comments", {"body": "x" * length})
    assert got.status == wanted
    if wanted == 422:
        assert got.body["errors"][0]["message"] == "Body is too long (maximum is 65536 characters)"


def test_comments_come_in_pages(busy: Stand) -> None:
    for number in range(5):
        busy.must("POST", "issues/1/comments", {"body": str(number)})
    got = busy.api("GET", "issues/1/comments?per_page=2&page=2")
    assert [one["body"] for one in got.body] == ["2", "3"]
    assert (
        f"{busy.gateway.address}/repos/acme/model/issues/1/comments?per_page=2&page=3" in got.headers["link"]
    )


# ---- what a branch demands


def protect(stand: Stand, **more: Any) -> None:
    body = {
        "required_status_checks": None,
        "enforce_admins": None,
        "required_pull_request_reviews": None,
        "restrictions": None,
        **more,
    }
    stand.must("PUT", "branches/main/protection", body)


def test_required_checks_and_reviews_hold_a_merge(busy: Stand) -> None:
    protect(
        busy,
        required_status_checks={"strict": False, "contexts": ["gate", "ci"]},
        required_pull_request_reviews={"required_approving_review_count": 1},
    )
    assert busy.must("GET", "branches/main")["protected"] is True

    def refused() -> str:
        got = busy.api("PUT", "pulls/1/merge", {})
        assert got.status == 405
        return str(got.body["message"])

    assert refused() == (
        '3 rules are not met: Required status check "gate" is expected. Required status check "ci" is expected. '
        "At least 1 approving review is required by reviewers with write access."
    )
    assert busy.must("GET", "pulls/1")["mergeable_state"] == "blocked"
    check(busy, "gate", "success")
    busy.must("POST", "pulls/1/reviews", {"event": "APPROVE"}, "eve-token")
    busy.must("POST", "pulls/1/reviews", {"event": "APPROVE"}, "bob-token")
    status(busy, "failure")
    assert refused() == 'Required status check "ci" is failing.'
    status(busy, "success")
    assert busy.must("GET", "pulls/1")["mergeable_state"] == "clean"
    assert busy.api("PUT", "pulls/1/merge", {}).status == 200


def test_a_ruleset_demands_like_protection(busy: Stand) -> None:
    rule = {
        "type": "required_status_checks",
        "parameters": {
            "strict_required_status_checks_policy": False,
            "required_status_checks": [{"context": "gate"}],
        },
    }
    made = busy.must(
        "POST",
        "rulesets",
        {
            "name": "main",
            "target": "branch",
            "enforcement": "active",
            "conditions": {"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}},
            "rules": [rule],
        },
    )
    assert [one["name"] for one in busy.must("GET", "rulesets")] == ["main"]
    assert [one["type"] for one in busy.must("GET", "rules/branches/main")] == ["required_status_checks"]
    assert busy.must("GET", "rules/branches/topic") == []
    assert busy.api("PUT", "pulls/1/merge", {}).body["message"] == 'Required status check "gate" is expected.'
    busy.must("PUT", f"rulesets/{made['id']}", {"enforcement": "disabled"})
    assert busy.must("GET", "rules/branches/main") == []
    assert busy.api("DELETE", f"rulesets/{made['id']}").status == 204
    assert busy.api("GET", f"rulesets/{made['id']}").status == 404


# ---- GraphQL


def graphql(stand: Stand, query: str, token: str = "ada-token", **variables: Any) -> dict[str, Any]:
    found: dict[str, Any] = stand.must("POST", "/graphql", {"query": query, "variables": variables}, token)
    return found


ENABLE = """
mutation($id: ID!) {
  enablePullRequestAutoMerge(input: {pullRequestId: $id, mergeMethod: SQUASH}) {
    pullRequest { number autoMergeRequest { mergeMethod enabledBy { login } } }
  }
}
"""
MINIMIZE = """
mutation($id: ID!) {
  minimizeComment(input: {subjectId: $id, classifier: OUTDATED}) { minimizedComment { isMinimized minimizedReason } }
}
"""


def test_a_viewer_is_who_the_token_is(busy: Stand) -> None:
    assert graphql(busy, "{ viewer { login } }") == {"data": {"viewer": {"login": "ada"}}}
    assert graphql(busy, "{ viewer { login } }", "bot") == {"data": {"viewer": {"login": BOT}}}


def test_a_comment_is_minimised(busy: Stand) -> None:
    node = busy.must("POST", "issues/1/comments", {"body": "old"})["node_id"]
    done = graphql(busy, MINIMIZE, id=node)["data"]["minimizeComment"]["minimizedComment"]
    assert done == {"isMinimized": True, "minimizedReason": "outdated"}
    assert busy.gateway.graphql.minimized == {node: "outdated"}
    again = graphql(
        busy, "query($id: ID!) { node(id: $id) { ... on IssueComment { body isMinimized } } }", id=node
    )
    assert again == {"data": {"node": {"body": "old", "isMinimized": True}}}
    weak = busy.gateway.issue("weak", Token(BOT, {"issues": "read"}, bot=True))
    error = graphql(busy, MINIMIZE, weak, id=node)["errors"][0]
    assert (error["type"], error["message"]) == ("FORBIDDEN", "Resource not accessible by integration")


def test_auto_merge_waits_for_what_is_demanded(busy: Stand) -> None:
    node = busy.must("GET", "pulls/1")["node_id"]

    def error() -> tuple[str, str]:
        found = graphql(busy, ENABLE, id=node)["errors"][0]
        return found["type"], found["message"]

    assert error() == ("UNPROCESSABLE", "Auto merge is not allowed for this repository")
    busy.must("PATCH", "", {"allow_auto_merge": True})
    assert error() == ("UNPROCESSABLE", "Pull request Pull request is in clean status")
    protect(busy, required_status_checks={"strict": False, "contexts": ["gate"]})
    found = graphql(busy, ENABLE, id=node)["data"]["enablePullRequestAutoMerge"]["pullRequest"]
    assert found == {
        "number": 1,
        "autoMergeRequest": {"mergeMethod": "SQUASH", "enabledBy": {"login": "ada"}},
    }
    assert busy.must("GET", "pulls/1")["auto_merge"]["merge_method"] == "squash"
    check(busy, "gate", "failure")
    assert busy.must("GET", "pulls/1")["merged"] is False
    check(busy, "gate", "success")
    pull = busy.must("GET", "pulls/1")
    assert (pull["merged"], pull["auto_merge"], pull["merged_by"]["login"]) == (True, None, "ada")


def test_a_query_that_github_does_not_know_fails_the_test(busy: Stand) -> None:
    found = graphql(busy, "{ viewer { logins } }")
    assert (
        found["errors"][0]["message"] == "Cannot query field 'logins' on type 'User'. Did you mean 'login'?"
    )
    assert busy.gateway.violations == [f"graphql: {found['errors'][0]['message']}"]
    busy.gateway.violations.clear()


# ---- deployments


def test_a_deployment_and_what_became_of_it(busy: Stand) -> None:
    status(busy, "failure")
    got = busy.api("POST", "deployments", {"ref": "topic"}, "bot")
    assert (got.status, got.body["message"]) == (409, "Conflict: Commit status checks failed for topic.")
    body = {"ref": "topic", "environment": "staging", "required_contexts": [], "payload": {"model": "m"}}
    first = busy.must("POST", "deployments", body, "bot")
    second = busy.must("POST", "deployments", body, "bot")
    assert (first["sha"], first["payload"], first["creator"]["login"]) == (head(busy), {"model": "m"}, BOT)
    for one in (first, second):
        busy.must("POST", f"deployments/{one['id']}/statuses", {"state": "success"}, "bot")

    def states(number: int) -> list[str]:
        return [one["state"] for one in busy.must("GET", f"deployments/{number}/statuses")]

    assert (states(first["id"]), states(second["id"])) == (["inactive", "success"], ["success"])
    listed = busy.must("GET", "deployments?environment=staging")
    assert [one["id"] for one in listed] == [second["id"], first["id"]]
    assert busy.must("GET", "deployments?environment=production") == []
    assert [one["name"] for one in busy.must("GET", "environments")["environments"]] == ["staging"]
    assert busy.events()[-2:] == ["deployment_status.created"] * 2


# ---- the rest


def test_reactions(busy: Stand) -> None:
    comment = busy.must("POST", "issues/1/comments", {"body": "/promote"})["id"]
    path = f"issues/comments/{comment}/reactions"
    assert busy.api("POST", path, {"content": "eyes"}, "bot").status == 201
    assert busy.api("POST", path, {"content": "eyes"}, "bot").status == 200
    assert busy.api("POST", path, {"content": "rocket"}).status == 201
    assert [(one["content"], one["user"]["login"]) for one in busy.must("GET", path)] == [
        ("eyes", BOT),
        ("rocket", "ada"),
    ]
    [eyes] = busy.must("GET", f"{path}?content=eyes")
    assert busy.api("DELETE", f"{path}/{eyes['id']}").status == 204
    assert len(busy.must("GET", path)) == 1
    assert busy.api("POST", "issues/comments/99/reactions", {"content": "eyes"}).status == 404


def test_a_workflow_is_started_by_hand(busy: Stand) -> None:
    path = "actions/workflows/hand.yml/dispatches"
    got = busy.api("POST", path, {"ref": "main"}, "bot")
    assert (got.status, got.body["message"]) == (422, "Required input 'model' not provided")
    got = busy.api("POST", path, {"ref": "main", "inputs": {"model": "m", "other": "x"}}, "bot")
    assert (got.status, got.body["message"]) == (422, "Unexpected inputs provided: ['other']")
    assert busy.api("POST", "actions/workflows/no.yml/dispatches", {"ref": "main"}, "bot").status == 404
    own = busy.gateway.issue("own", Token(BOT, bot=True, workflow=True))
    assert busy.api("POST", path, {"ref": "main", "inputs": {"model": "m"}}, own).status in (200, 204)
    event = busy.gateway.events.last("workflow_dispatch")
    assert (event.payload["inputs"], event.payload["ref"], event.quiet) == (
        {"model": "m", "stage": "staging"},
        "refs/heads/main",
        False,
    )


def test_a_repository_is_told_of_something(busy: Stand) -> None:
    body = {"event_type": "retrain", "client_payload": {"why": "drift"}}
    assert busy.api("POST", "dispatches", body, "bot").status == 204
    event = busy.gateway.events.last("repository_dispatch")
    assert (event.action, event.payload["client_payload"]) == ("retrain", {"why": "drift"})


def test_pull_requests_are_issues(busy: Stand) -> None:
    busy.must("POST", "issues", {"title": "An issue"})
    busy.must("POST", "issues/1/labels", {"labels": ["promotion"]})
    assert [(one["number"], "pull_request" in one) for one in busy.must("GET", "issues")] == [
        (2, False),
        (1, True),
    ]
    [found] = busy.must("GET", "issues?labels=promotion")
    assert (found["number"], found["title"]) == (1, "Try topic")
    assert busy.must("GET", "issues/1")["pull_request"]["merged_at"] is None
    assert busy.events()[-1] == "pull_request.labeled"


def test_requests_are_recorded_and_held_to_the_description(busy: Stand) -> None:
    busy.api("POST", "issues/1/comments", {"body": "x"}, "bot")
    [asked] = busy.gateway.asked("issues/create-comment", BOT)
    assert (asked.method, asked.path, asked.body, asked.status) == (
        "POST",
        "/repos/acme/model/issues/1/comments",
        {"body": "x"},
        201,
    )
    busy.api("GET", "pulls?stat=open")
    busy.api("POST", "issues/1/comments", {"text": "x"})
    busy.api("GET", "nothing/of/the/kind")
    assert busy.gateway.violations == [
        "GET /repos/acme/model/pulls: request: unknown query parameter stat",
        "POST /repos/acme/model/issues/1/comments: request: body: 'body' is a required property",
        "GET /repos/acme/model/nothing/of/the/kind: no operation that the stand knows",
    ]
    busy.gateway.violations.clear()


def test_the_app_is_a_bot_with_rights_of_its_own(busy: Stand) -> None:
    made = busy.must("POST", "issues/1/comments", {"body": "x"}, "app-token")
    assert (made["user"]["login"], made["user"]["type"]) == ("promoter[bot]", "Bot")
    busy.must("PUT", "pulls/1/merge", {}, "app-token")
    assert busy.gateway.events.last("pull_request.closed").quiet is False
    ada = busy.clone()
    busy.fetch(ada)
    assert ada.git("log", "-1", "--format=%an", "origin/main") == "promoter[bot]"


def test_contents_as_json_and_raw(busy: Stand) -> None:
    ada = busy.clone()
    ada.commit("Large", **{"folder/ü.txt": "ü", "large.txt": "x" * 1_000_001})
    busy.push(ada, "topic")
    found = busy.must("GET", "contents/folder/%C3%BC.txt?ref=topic")
    assert (found["encoding"], found["content"], found["type"]) == ("base64", "w7w=\n", "file")
    assert busy.must("GET", "contents/large.txt?ref=topic")["encoding"] == "none"
    raw = busy.gateway.api(
        "GET",
        "/repos/acme/model/contents/a.txt",
        token="ada-token",
        accept="application/vnd.github.raw+json",
    )
    assert raw.data == b"1\n"
    assert [(one["name"], one["type"]) for one in busy.must("GET", "contents?ref=topic")] == [
        (".github", "dir"),
        ("a.txt", "file"),
        ("folder", "dir"),
        ("large.txt", "file"),
    ]
    assert [one["path"] for one in busy.must("GET", "contents/folder?ref=topic")] == ["folder/ü.txt"]
    assert busy.api("GET", "contents/no.txt").status == 404


def test_a_release_makes_its_tag(busy: Stand) -> None:
    made = busy.must("POST", "releases", {"tag_name": "v1", "target_commitish": "topic"})
    assert (made["tag_name"], busy.must("GET", "releases/latest")["id"]) == ("v1", made["id"])
    assert busy.must("GET", "git/ref/tags/v1")["object"]["sha"] == head(busy)
    assert busy.events()[-2:] == ["push", "release.published"]


def test_an_issue_and_a_pull_request_are_changed_by_the_same_path(busy: Stand) -> None:
    busy.must("POST", "issues", {"title": "An issue"})
    for number in (1, 2):
        changed = busy.must("PATCH", f"issues/{number}", {"title": "New", "labels": ["a"], "state": "closed"})
        assert (changed["title"], changed["state"]) == ("New", "closed")
        assert [one["name"] for one in changed["labels"]] == ["a"]
        assigned = busy.must("POST", f"issues/{number}/assignees", {"assignees": ["bob"]})
        assert [one["login"] for one in assigned["assignees"]] == ["bob"]
    assert busy.must("GET", "pulls/1")["state"] == "closed"


def test_a_client_says_who_it_is(busy: Stand) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", busy.gateway.server.port)
    connection.request("GET", "/repos/acme/model", headers={"Authorization": "Bearer ada-token"})
    answer = connection.getresponse()
    assert (answer.status, b"User-Agent" in answer.read()) == (403, True)
    connection.close()
