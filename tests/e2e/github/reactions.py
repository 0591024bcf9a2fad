"""Reactions to issues and their comments, which emulate does not know."""

from __future__ import annotations

from typing import Any

from .calls import Answer, Call, Operation, not_found, page
from .forge import Forge


class Reactions:
    """Every reaction, by what it was made to."""

    def __init__(self, forge: Forge) -> None:
        self.forge = forge
        self.kept: dict[tuple[str, str, int], list[dict[str, Any]]] = {}

    def operations(self) -> dict[str, Operation]:
        return {
            "reactions/create-for-issue": self.create,
            "reactions/create-for-issue-comment": self.create,
            "reactions/list-for-issue": self.list_reactions,
            "reactions/list-for-issue-comment": self.list_reactions,
            "reactions/delete-for-issue-comment": self.delete,
        }

    def _of(self, call: Call) -> list[dict[str, Any]]:
        """The reactions to what a request names, which must be there."""
        kind, number = (
            ("comments", call.params["comment_id"])
            if "comment_id" in call.params
            else ("issues", call.params["issue_number"])
        )
        path = f"issues/comments/{number}" if kind == "comments" else f"issues/{number}"
        if self.forge.emulate.ask("GET", f"/repos/{call.repository}/{path}").status != 200:
            not_found()
        return self.kept.setdefault((call.repository, kind, int(number)), [])

    def create(self, call: Call) -> Answer:
        kept, content = self._of(call), call.body["content"]
        for one in kept:
            if (one["user"]["login"], one["content"]) == (call.token.login, content):
                return Answer(200, one)
        number = self.forge.next_id()
        made = {
            "id": number,
            "node_id": f"REA_{number}",
            "user": self.forge.user(call.token.login),
            "content": content,
            "created_at": self.forge.now(),
        }
        kept.append(made)
        return Answer(201, made)

    def list_reactions(self, call: Call) -> Answer:
        wanted = call.query.get("content")
        return page(
            call, [one for one in self._of(call) if wanted in (None, one["content"])], self.forge.address
        )

    def delete(self, call: Call) -> Answer:
        kept = self._of(call)
        for one in kept:
            if one["id"] == int(call.params["reaction_id"]):
                kept.remove(one)
                return Answer(204)
        return not_found()
