"""Requests that emulate answers itself: handed on, with GitHub's limits before and its events after."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .calls import Answer, Call, refuse
from .forge import Forge
from .issues import Issues
from .pulls import Pulls

COMMENT_LIMIT = 65536
CHECK_TEXT_LIMIT = 65535
ANNOTATIONS_LIMIT = 50

Look = Callable[[Call], None]


def long_comment(call: Call) -> None:
    if len(call.given("body", "")) > COMMENT_LIMIT:
        message = f"Body is too long (maximum is {COMMENT_LIMIT} characters)"
        refuse(
            422,
            "Validation Failed",
            [{"resource": "IssueComment", "code": "custom", "field": "body", "message": message}],
        )


def large_check(call: Call) -> None:
    if not call.token.bot:
        refuse(403, "You must authenticate via a GitHub App.")
    output = call.given("output", {})
    for key in ("summary", "text"):
        if len(output.get(key) or "") > CHECK_TEXT_LIMIT:
            refuse(
                422, f"Invalid request.\n\nOnly {CHECK_TEXT_LIMIT} characters are allowed; {key} is too long."
            )
    if len(output.get("annotations") or ()) > ANNOTATIONS_LIMIT:
        refuse(422, f"Invalid request.\n\nNo more than {ANNOTATIONS_LIMIT} items are allowed in annotations.")


def no_collaborator(forge: Forge, call: Call) -> None:
    """Whoever cannot be asked for a review spoils the whole request."""
    author = forge.emulate.get(call.path.removesuffix("/requested_reviewers"))["user"]["login"]
    people, teams = call.given("reviewers", []), call.given("team_reviewers", [])
    if author in people:
        refuse(422, "Review cannot be requested from pull request author.")
    outside = [one for one in people if forge.role(call.repository, one) in ("none", "read")]
    known = {team["slug"] for team in _teams(forge, call.repository)} if teams else set()
    if outside or not known.issuperset(teams):
        refuse(
            422,
            "Reviews may only be requested from collaborators. One or more of the users or teams you "
            f"specified is not a collaborator of the {call.repository} repository.",
        )


def _teams(forge: Forge, repository: str) -> Any:
    owner = repository.partition("/")[0]
    return forge.emulate.get(f"/orgs/{owner}/teams") if owner in forge.organisations else []


BEFORE: dict[str, Look] = {
    "issues/create-comment": long_comment,
    "issues/update-comment": long_comment,
    "issues/create": long_comment,
    "checks/create": large_check,
    "checks/update": large_check,
}
# GitHub's status where emulate's differs.
STATUSES = {"pulls/create-review": 200, "pulls/request-reviewers": 201}


class Overlays:
    """Hands requests on to emulate."""

    def __init__(self, forge: Forge, pulls: Pulls, issues: Issues) -> None:
        self.forge = forge
        self.pulls = pulls
        self.issues = issues
        self._after: dict[str, Callable[[Call, Any, Any], None]] = {
            "issues/create-comment": self._commented,
            "issues/update-comment": self._commented,
            "issues/delete-comment": self._uncommented,
            "issues/add-labels": self._labelled,
            "issues/remove-label": self._labelled,
            "issues/create": self._opened,
            "pulls/create-review": self._reviewed,
            "pulls/request-reviewers": self._asked,
            "checks/create": self._checked,
            "checks/update": self._checked,
        }

    def answer(self, call: Call) -> Answer:
        if look := BEFORE.get(call.operation):
            look(call)
        if call.operation == "pulls/request-reviewers":
            no_collaborator(self.forge, call)
        before = self._before(call)
        given = call.body
        if call.operation == "pulls/create-review":
            # Emulate does not see branches move.
            given = {"commit_id": self.pulls.get(call.repository, call.number)["head"]["sha"], **call.body}
        reply = self.forge.emulate.ask(call.method, call.target, given, call.token.login)
        body = self.forge.clean(reply.body)
        status = STATUSES.get(call.operation, reply.status) if reply.status < 300 else reply.status
        if status < 300 and call.operation in self._after:
            self._after[call.operation](call, body, before)
        headers = {"Link": reply.headers["link"]} if reply.headers["link"] else {}
        return Answer(status, body, headers)

    def _before(self, call: Call) -> Any:
        """What was there, for the events that tell of a change."""
        if call.operation in ("issues/delete-comment", "issues/update-comment"):
            return self.forge.clean(self.forge.emulate.ask("GET", call.path).body)
        if call.operation in ("issues/add-labels", "issues/remove-label"):
            number = call.params["issue_number"]
            found = self.forge.emulate.ask("GET", f"/repos/{call.repository}/issues/{number}/labels")
            return [label["name"] for label in found.body or ()]
        return None

    # ---- events

    def _issue(self, call: Call, number: str) -> dict[str, Any]:
        return self.issues.get(call.repository, number)

    def _commented(self, call: Call, comment: dict[str, Any], before: Any) -> None:
        action = "created" if call.operation == "issues/create-comment" else "edited"
        issue = self._issue(call, comment["issue_url"].rpartition("/")[2])
        more = {"changes": {"body": {"from": before["body"]}}} if before else {}
        self.forge.emit(
            "issue_comment", call.repository, call.token, action=action, issue=issue, comment=comment, **more
        )

    def _uncommented(self, call: Call, _: Any, before: dict[str, Any]) -> None:
        issue = self._issue(call, before["issue_url"].rpartition("/")[2])
        self.forge.emit(
            "issue_comment", call.repository, call.token, action="deleted", issue=issue, comment=before
        )

    def _labelled(self, call: Call, labels: list[dict[str, Any]], before: list[str]) -> None:
        """One event a label, on the pull request or the issue."""
        after = {label["name"]: label for label in labels}
        issue = self._issue(call, call.params["issue_number"])
        for name in [name for name in after if name not in before] + [
            name for name in before if name not in after
        ]:
            action = "labeled" if name in after else "unlabeled"
            self._tell_labelled(call, issue, action, after.get(name, {"name": name}))

    def _tell_labelled(self, call: Call, issue: dict[str, Any], action: str, label: dict[str, Any]) -> None:
        if "pull_request" in issue:
            pull = self.pulls.get(call.repository, issue["number"])
            told = {"number": issue["number"], "pull_request": pull}
            self.forge.emit("pull_request", call.repository, call.token, action=action, label=label, **told)
        else:
            self.forge.emit("issues", call.repository, call.token, action=action, label=label, issue=issue)

    def _opened(self, call: Call, issue: dict[str, Any], _: Any) -> None:
        self.forge.emit("issues", call.repository, call.token, action="opened", issue=issue)

    def _reviewed(self, call: Call, review: dict[str, Any], _: Any) -> None:
        pull = self.pulls.get(call.repository, call.number)
        self.forge.emit(
            "pull_request_review",
            call.repository,
            call.token,
            action="submitted",
            review=review,
            pull_request=pull,
        )

    def _asked(self, call: Call, _: Any, __: Any) -> None:
        pull = self.pulls.get(call.repository, call.number)
        told = {"number": call.number, "pull_request": pull}
        self.forge.emit("pull_request", call.repository, call.token, action="review_requested", **told)

    def _checked(self, call: Call, run: dict[str, Any], _: Any) -> None:
        action = "completed" if run["status"] == "completed" else "created"
        self.forge.emit("check_run", call.repository, call.token, action=action, check_run=run)
