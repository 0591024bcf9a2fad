"""Pull requests as the issues that they also are; emulate keeps the two apart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .calls import Answer, Call, Operation, not_found, page
from .forge import Forge
from .pulls import Pulls

SHARED = (
    "number state title body user labels assignee assignees milestone locked comments closed_at created_at "
    "updated_at draft author_association html_url node_id id"
)


class Issues:
    """Issues, some of which are pull requests."""

    def __init__(self, forge: Forge, pulls: Pulls) -> None:
        self.forge = forge
        self.pulls = pulls

    def operations(self) -> dict[str, Operation]:
        return {
            "issues/get": lambda call: Answer(200, self.get(call.repository, call.number)),
            "issues/list-for-repo": self.list_issues,
            "issues/list-comments-for-repo": self.list_comments,
            "issues/update": self.update,
            "issues/add-assignees": self.assign,
        }

    def get(self, repository: str, number: int | str) -> dict[str, Any]:
        reply = self.forge.emulate.ask("GET", f"/repos/{repository}/issues/{number}")
        if reply.status == 200:
            found: dict[str, Any] = self.forge.clean(reply.body)
            return found
        reply = self.forge.emulate.ask("GET", f"/repos/{repository}/pulls/{number}")
        return self._as_issue(repository, reply.body) if reply.status == 200 else not_found()

    def _as_issue(self, repository: str, raw: dict[str, Any]) -> dict[str, Any]:
        pull = self.pulls.seen(repository, raw)
        url = self.forge.url(repository, "issues", pull["number"])
        return {
            **{key: pull[key] for key in SHARED.split()},
            "url": url,
            "repository_url": self.forge.url(repository),
            "labels_url": f"{url}/labels{{/name}}",
            "comments_url": f"{url}/comments",
            "events_url": f"{url}/events",
            "timeline_url": f"{url}/timeline",
            "state_reason": None,
            "pull_request": {
                **{key: pull[key] for key in ("url", "html_url", "diff_url", "patch_url")},
                "merged_at": pull["merged_at"],
            },
        }

    def list_issues(self, call: Call) -> Answer:
        state = call.query.get("state", "open")
        root = f"/repos/{call.repository}"
        found = self.forge.clean(self.forge.emulate.pages(f"{root}/issues?state={state}"))
        known = {one["number"] for one in found}
        for raw in self.forge.emulate.pages(f"{root}/pulls?state={state}"):
            if raw["number"] not in known:
                found.append(self._as_issue(call.repository, raw))
        found = [one for one in found if _wanted(call, one)]
        upwards = call.query.get("direction") == "asc"
        return page(
            call, sorted(found, key=lambda one: one["number"], reverse=not upwards), self.forge.address
        )

    def update(self, call: Call) -> Answer:
        """Of a pull request emulate changes title, body and state by another path, and labels by a third."""
        if self._is_pull(call):
            root, body = f"/repos/{call.repository}", dict(call.body)
            labels = body.pop("labels", None)
            if labels is not None:
                path = f"{root}/issues/{call.number}/labels"
                self.forge.emulate.must("PUT", path, {"labels": labels}, call.token.login)
            if body:
                self.pulls.update(replace(call, path=f"{root}/pulls/{call.number}", body=body))
            return Answer(200, self.get(call.repository, call.number))
        reply = self.forge.emulate.ask(call.method, call.path, call.body, call.token.login)
        return Answer(reply.status, self.forge.clean(reply.body))

    def assign(self, call: Call) -> Answer:
        """Emulate assigns nobody to a pull request; the stand remembers it."""
        if self._is_pull(call):
            people = self.pulls.assigned.setdefault((call.repository, call.number), [])
            people += [login for login in call.given("assignees", []) if login not in people]
            return Answer(201, self.get(call.repository, call.number))
        reply = self.forge.emulate.ask(call.method, call.path, call.body, call.token.login)
        return Answer(201 if reply.status == 200 else reply.status, self.forge.clean(reply.body))

    def _is_pull(self, call: Call) -> bool:
        return self.forge.emulate.ask("GET", f"/repos/{call.repository}/pulls/{call.number}").status == 200

    def comments(self, repository: str) -> list[dict[str, Any]]:
        """Every comment of a repository, oldest first; emulate takes the path of this list for an issue's."""
        root = f"/repos/{repository}"
        kinds = ("issues", "pulls")
        numbers = {
            one["number"] for kind in kinds for one in self.forge.emulate.pages(f"{root}/{kind}?state=all")
        }
        found = [
            one
            for number in sorted(numbers)
            for one in self.forge.emulate.pages(f"{root}/issues/{number}/comments")
        ]
        return sorted(self.forge.clean(found), key=lambda one: int(one["id"]))

    def list_comments(self, call: Call) -> Answer:
        found = self.comments(call.repository)
        downwards = call.query.get("direction") == "desc"
        return page(call, found[::-1] if downwards else found, self.forge.address)


def _wanted(call: Call, issue: dict[str, Any]) -> bool:
    labels = {label["name"] for label in issue["labels"]}
    wanted = {name for name in call.query.get("labels", "").split(",") if name}
    return wanted <= labels and call.query.get("creator", issue["user"]["login"]) == issue["user"]["login"]
