"""Who may do what: the permission that every operation needs, and the answers to those who lack it."""

from __future__ import annotations

from .calls import Answer, Call, Token, refusal
from .forge import Forge

Needs = tuple[str, ...]

AREAS = {
    "actions": "actions",
    "checks": "checks",
    "git": "contents",
    "issues": "issues",
    "pulls": "pull_requests",
    "reactions": "issues",
}
# Comments and labels of pull requests are an issue's; either permission opens them.
EITHER = ("issues", "pull_requests")
SHARED = (
    "comment",
    "label",
    "assignees",
    "reaction",
    "issues/get",
    "issues/update",
    "issues/lock",
    "issues/unlock",
)
EXCEPTIONS: dict[str, Needs] = {
    "pulls/merge": ("contents",),
    "repos/create-commit-status": ("statuses",),
    "repos/list-commit-statuses-for-ref": ("statuses",),
    "repos/get-combined-status-for-ref": ("statuses",),
    "repos/list-pull-requests-associated-with-commit": ("pull_requests", "contents"),
    "repos/create-dispatch-event": ("contents",),
    "checks/list-for-ref": ("checks",),
}
ADMIN = {
    "repos/update-branch-protection",
    "repos/delete-branch-protection",
    "repos/create-repo-ruleset",
    "repos/update-repo-ruleset",
    "repos/delete-repo-ruleset",
    "repos/add-collaborator",
    "repos/remove-collaborator",
    "repos/update",
    "repos/get-branch-protection",
    "repos/get-status-checks-protection",
}
# Everybody who sees the repository may ask this.
METADATA = {
    "repos/get",
    "repos/list-forks",
    "repos/create-fork",
    "repos/get-repo-rulesets",
    "repos/get-repo-ruleset",
    "repos/get-branch-rules",
    "repos/list-collaborators",
    "repos/check-collaborator",
    "repos/get-collaborator-permission-level",
    "search/issues-and-pull-requests",
    "meta/get",
    "meta/get-zen",
    "rate-limit/get",
    "users/get-by-username",
}
# What somebody without the role "write" may still do in a repository that they can read.
OPEN_TO_READERS = {
    "issues/create",
    "issues/create-comment",
    "pulls/create",
    "pulls/create-review",
    "pulls/create-review-comment",
    "reactions/create-for-issue",
    "reactions/create-for-issue-comment",
    "repos/create-fork",
}
OWN_ONLY = {"issues/update-comment", "issues/delete-comment", "issues/update", "pulls/update"}


def needs(operation: str) -> Needs:
    """The permissions of which one is needed; none for what everybody may ask."""
    area, _, name = operation.partition("/")
    if operation in METADATA or area in ("orgs", "teams", "users", "meta", "search"):
        return ()
    if operation in EXCEPTIONS:
        return EXCEPTIONS[operation]
    if operation in ADMIN:
        return ("administration",)
    if "deployment" in name or "environment" in name:
        return ("deployments",)
    if area in ("issues", "reactions") and any(word in operation for word in SHARED):
        return EITHER
    return (AREAS.get(area, "contents"),)


def refused(forge: Forge, call: Call) -> Answer | None:
    """Why this token may not do this, if so."""
    if call.repository and not _visible(forge, call.repository, call.token):
        return refusal(404, "Not Found")
    if call.operation == "users/get-authenticated" and call.token.bot:
        return _inaccessible(call.token, ())
    level = "read" if call.method == "GET" else "write"
    wanted = needs(call.operation)
    if call.operation in ADMIN:
        return None if _administers(forge, call) else refusal(403, "Must have admin rights to Repository.")
    if wanted and not any(call.token.may(name, level) for name in wanted):
        return _inaccessible(call.token, tuple(f"{name}={level}" for name in wanted))
    if level == "write" and call.repository:
        if not call.token.reaches(call.repository):
            return _inaccessible(call.token, ())
        if not _may_write(forge, call):
            return refusal(403, "Must have write access to this repository.")
    return None


def _administers(forge: Forge, call: Call) -> bool:
    if call.token.bot:
        return call.token.may("administration", "read" if call.method == "GET" else "write")
    return forge.has_role(call.repository, call.token, "admin")


def _visible(forge: Forge, repository: str, token: Token) -> bool:
    if repository not in forge.private:
        return True
    return token.reaches(repository) and forge.has_role(repository, token, "read")


def _may_write(forge: Forge, call: Call) -> bool:
    if call.operation in OPEN_TO_READERS or forge.has_role(call.repository, call.token, "write"):
        return True
    return call.operation in OWN_ONLY and _author(forge, call) == call.token.login


def _author(forge: Forge, call: Call) -> str | None:
    found = forge.emulate.ask("GET", call.path)
    return str(found.body["user"]["login"]) if found.status == 200 else None


def _inaccessible(token: Token, wanted: Needs) -> Answer:
    kind = "integration" if token.bot else "personal access token"
    headers = {"X-Accepted-GitHub-Permissions": "; ".join(wanted)} if wanted else {}
    return refusal(403, f"Resource not accessible by {kind}", headers=headers)


def may_git(forge: Forge, repository: str, token: Token, write: bool) -> bool:
    """Whether a token may fetch from or push to a repository."""
    level = "write" if write else "read"
    reached = token.reaches(repository) or not (write or repository in forge.private)
    return reached and token.may("contents", level) and forge.has_role(repository, token, level)
