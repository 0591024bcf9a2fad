"""The few things that GitHub tells and does by GraphQL alone: who I am, minimised comments, auto-merge.

Queries are validated against and run by GitHub's own schema (cut down); what it does not accept is a client's mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from graphql import GraphQLError, GraphQLResolveInfo, GraphQLSchema, build_schema, graphql_sync

from .calls import Answer, RefusedError, Token
from .forge import Forge
from .issues import Issues
from .merging import Merging, Wish
from .pulls import Pulls

SCHEMA = Path(__file__).with_name("schema.graphql")
METHODS = {"MERGE": "merge", "SQUASH": "squash", "REBASE": "rebase"}

Fields = dict[str, Any]


@cache
def schema() -> GraphQLSchema:
    return build_schema(SCHEMA.read_text(), assume_valid=True)


class GraphQL:
    """Answers GraphQL."""

    def __init__(self, forge: Forge, pulls: Pulls, issues: Issues, merging: Merging) -> None:
        self.forge = forge
        self.pulls = pulls
        self.issues = issues
        self.merging = merging
        self.minimized: dict[str, str] = {}
        self.violations: list[str] = []

    def answer(self, body: Any, token: Token) -> Answer:
        done = graphql_sync(
            schema(),
            body["query"],
            _Root(self, token),
            variable_values=body.get("variables"),
            operation_name=None,
        )
        self.violations += [f"graphql: {error.message}" for error in done.errors or () if _mistaken(error)]
        found: Fields = {"data": done.data}
        if done.errors:
            found["errors"] = [_worded(error) for error in done.errors]
        return Answer(200, found)

    # ---- things by their node id

    def comment(self, node: str) -> tuple[str, Fields]:
        return self._found(node, self.issues.comments)

    def pull(self, node: str) -> tuple[str, Fields]:
        repository, raw = self._found(
            node, lambda repository: self.forge.emulate.pages(f"/repos/{repository}/pulls?state=all")
        )
        return repository, self.pulls.seen(repository, raw)

    def _found(self, node: str, listed: Callable[[str], list[Fields]]) -> tuple[str, Fields]:
        for repository in self.forge.bares:
            for one in listed(repository):
                if one["node_id"] == node:
                    return repository, one
        raise _failure("NOT_FOUND", f"Could not resolve to a node with the global id of '{node}'")

    # ---- how they look

    def comment_seen(self, raw: Fields) -> Fields:
        reason = self.minimized.get(raw["node_id"])
        return {
            "__typename": "IssueComment",
            "id": raw["node_id"],
            "body": raw["body"],
            "author": self.actor(raw["user"]["login"]),
            "isMinimized": reason is not None,
            "minimizedReason": reason,
        }

    def pull_seen(self, pull: Fields) -> Fields:
        automatic = pull["auto_merge"]
        return {
            "__typename": "PullRequest",
            "id": pull["node_id"],
            **{name: pull[name] for name in ("number", "title", "merged")},
            "state": "MERGED" if pull["merged"] else pull["state"].upper(),
            "isDraft": pull["draft"],
            "headRefOid": pull["head"]["sha"],
            "mergeStateStatus": pull["mergeable_state"].upper(),
            "autoMergeRequest": automatic
            and {
                "mergeMethod": automatic["merge_method"].upper(),
                "enabledAt": self.forge.now(),
                "enabledBy": self.actor(automatic["enabled_by"]["login"]),
                "commitHeadline": automatic["commit_title"],
                "commitBody": automatic["commit_message"],
            },
        }

    def actor(self, login: str) -> Fields:
        user = self.forge.user(login)
        return {"__typename": user["type"], "id": user["node_id"], "login": login}


class _Root:
    """Queries and mutations, as one token may make them."""

    def __init__(self, api: GraphQL, token: Token) -> None:
        self.api = api
        self.token = token

    # GitHub's names, which graphql-core looks up.

    def viewer(self, info: GraphQLResolveInfo) -> Fields:
        return self.api.actor(self.token.login)

    def repository(self, info: GraphQLResolveInfo, *, owner: str, name: str, **_: object) -> Fields:
        full = f"{owner}/{name}"
        if full not in self.api.forge.bares:
            raise _failure("NOT_FOUND", f"Could not resolve to a Repository with the name '{full}'.")

        def pull(_: GraphQLResolveInfo, number: int) -> Fields:
            with _refusals():
                return self.api.pull_seen(self.api.pulls.get(full, number))

        node = self.api.forge.repository(full)["node_id"]
        return {"id": node, "nameWithOwner": full, "pullRequest": pull}

    def node(self, info: GraphQLResolveInfo, *, id: str) -> Fields:
        try:
            return self.api.comment_seen(self.api.comment(id)[1])
        except GraphQLError:
            return self.api.pull_seen(self.api.pull(id)[1])

    def minimizeComment(self, info: GraphQLResolveInfo, *, input: Fields) -> Fields:  # noqa: N802
        self._need("issues", "pull_requests")
        _, raw = self.api.comment(input["subjectId"])
        self.api.minimized[raw["node_id"]] = input["classifier"].lower()
        return {"minimizedComment": self.api.comment_seen(raw), **_echo(input)}

    def unminimizeComment(self, info: GraphQLResolveInfo, *, input: Fields) -> Fields:  # noqa: N802
        self._need("issues", "pull_requests")
        _, raw = self.api.comment(input["subjectId"])
        self.api.minimized.pop(raw["node_id"], None)
        return {"unminimizedComment": self.api.comment_seen(raw), **_echo(input)}

    def enablePullRequestAutoMerge(self, info: GraphQLResolveInfo, *, input: Fields) -> Fields:  # noqa: N802
        self._need("contents")
        repository, pull = self.api.pull(input["pullRequestId"])
        wish = Wish(
            self.token, METHODS[input["mergeMethod"]], input.get("commitHeadline"), input.get("commitBody")
        )
        if input.get("expectedHeadOid", pull["head"]["sha"]) != pull["head"]["sha"]:
            raise _failure("UNPROCESSABLE", "Head branch was modified. Review and try the merge again.")
        with _refusals():
            enabled = self.api.merging.when_ready(repository, pull["number"], wish)
        return {"pullRequest": self.api.pull_seen(enabled), "actor": self.viewer(info), **_echo(input)}

    def disablePullRequestAutoMerge(self, info: GraphQLResolveInfo, *, input: Fields) -> Fields:  # noqa: N802
        self._need("contents")
        repository, pull = self.api.pull(input["pullRequestId"])
        disabled = self.api.merging.no_longer(repository, pull["number"], self.token)
        return {"pullRequest": self.api.pull_seen(disabled), "actor": self.viewer(info), **_echo(input)}

    def _need(self, *permissions: str) -> None:
        if not any(self.token.may(name, "write") for name in permissions):
            raise _failure("FORBIDDEN", "Resource not accessible by integration")


def _mistaken(error: GraphQLError) -> bool:
    """Whether the query was wrong, or the stand has failed; all else is a refusal that GitHub gives too."""
    return error.path is None or not isinstance(error.original_error, GraphQLError | None)


def _echo(given: Fields) -> Fields:
    return {"clientMutationId": given.get("clientMutationId")}


@contextmanager
def _refusals() -> Iterator[None]:
    """What REST would refuse, said as GraphQL does."""
    try:
        yield
    except RefusedError as error:
        kind = "NOT_FOUND" if error.answer.status == 404 else "UNPROCESSABLE"
        raise _failure(kind, error.answer.body["message"]) from error


def _failure(kind: str, message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"type": kind})


def _worded(error: GraphQLError) -> Fields:
    """GitHub puts the type beside the message."""
    found: Fields = dict(error.formatted)
    extensions = found.pop("extensions", {})
    return {**extensions, **found}
