"""Commit statuses, which emulate does not know."""

from __future__ import annotations

from typing import Any

from .calls import Answer, Call, Operation, page, refuse
from .forge import Forge

LIMIT = 1000


class Statuses:
    """Every status ever set, by repository and commit, newest first."""

    def __init__(self, forge: Forge) -> None:
        self.forge = forge
        self.kept: dict[tuple[str, str], list[dict[str, Any]]] = {}

    def operations(self) -> dict[str, Operation]:
        return {
            "repos/create-commit-status": self.create,
            "repos/list-commit-statuses-for-ref": self.list_statuses,
            "repos/get-combined-status-for-ref": self.combined,
        }

    def latest(self, repository: str, sha: str) -> dict[str, dict[str, Any]]:
        """The newest status of every context."""
        found: dict[str, dict[str, Any]] = {}
        for status in self.kept.get((repository, sha), ()):
            found.setdefault(status["context"], status)
        return found

    def create(self, call: Call) -> Answer:
        sha = call.params["sha"]
        if self.forge.bare(call.repository).commit(sha) != sha:
            refuse(422, f"No commit found for SHA: {sha}")
        kept = self.kept.setdefault((call.repository, sha), [])
        context = call.given("context", "default")
        if sum(one["context"] == context for one in kept) >= LIMIT:
            refuse(
                422, "Validation Failed", ["This SHA and context has reached the maximum number of statuses."]
            )
        number, now = self.forge.next_id(), self.forge.now()
        status = {
            "url": self.forge.url(call.repository, "statuses", sha),
            "avatar_url": self.forge.user(call.token.login)["avatar_url"],
            "id": number,
            "node_id": f"SC_{number}",
            "state": call.body["state"],
            "description": call.given("description"),
            "target_url": call.given("target_url"),
            "context": context,
            "created_at": now,
            "updated_at": now,
            "creator": self.forge.user(call.token.login),
        }
        kept.insert(0, status)
        self.forge.emit(
            "status", call.repository, call.token, sha=sha, state=status["state"], context=context
        )
        return Answer(201, status)

    def list_statuses(self, call: Call) -> Answer:
        sha = self.forge.commit(call, call.params["ref"])
        return page(call, self.kept.get((call.repository, sha), []), self.forge.address)

    def combined(self, call: Call) -> Answer:
        sha = self.forge.commit(call, call.params["ref"])
        found = list(self.latest(call.repository, sha).values())
        return Answer(
            200,
            {
                "state": _together({status["state"] for status in found}),
                "statuses": [{key: value for key, value in one.items() if key != "creator"} for one in found],
                "sha": sha,
                "total_count": len(found),
                "repository": self._repository(call.repository),
                "commit_url": self.forge.url(call.repository, "commits", sha),
                "url": self.forge.url(call.repository, "commits", sha, "status"),
            },
        )

    def _repository(self, repository: str) -> dict[str, Any]:
        return self.forge.repository(repository)


def _together(states: set[str]) -> str:
    if states & {"failure", "error"}:
        return "failure"
    return "success" if states == {"success"} else "pending"
