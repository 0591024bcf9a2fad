"""Who may do what on GitHub: a person's permission on the repository, and membership of a team."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlops_ci.adapters.github import GitHub
from mlops_ci.adapters.github_errors import GitHubError
from mlops_ci.adapters.github_http import segment
from mlops_ci.errors import ToolError

Level = Literal["none", "read", "write", "admin"]


@dataclass(frozen=True)
class Permission:
    """What a person may do: GitHub's four levels, and the role (maintain, triage, or one of their own)."""

    level: Level
    role: str

    @property
    def writes(self) -> bool:
        """Whether they may push."""
        return self.level in ("write", "admin")


def permission(github: GitHub, login: str) -> Permission:
    """What a person may do on the repository; nobody may do anything by an unknown name.

    Raises:
        ToolError: GitHub refuses or cannot be reached.
    """
    try:
        found = github.http.get(github.path("collaborators", login, "permission"))
    except GitHubError as error:
        if error.status == 404:
            return Permission("none", "none")
        raise
    text = found.text("permission")
    levels: dict[str, Level] = {"none": "none", "read": "read", "write": "write", "admin": "admin"}
    if text not in levels:
        raise ToolError(f"{found.endpoint}: GitHub names an unknown permission, {text!r}")
    return Permission(levels[text], found.text("role_name", default=text))


def in_team(github: GitHub, organization: str, team: str, login: str) -> bool | None:
    """Whether a person is an active member of a team, by its slug; None where we may not see the team.

    A workflow's own token sees no team: it takes the token of a GitHub App with `members: read`.

    Raises:
        ToolError: GitHub cannot be reached.
    """
    path = f"/orgs/{segment(organization)}/teams/{segment(team)}"
    try:
        member = github.http.get(f"{path}/memberships/{segment(login)}")
    except GitHubError as error:
        if error.status == 404:
            return False if _visible(github, path) else None
        if error.status == 403:
            return None
        raise
    # `pending`: invited, and not yet a member.
    return member.text("state") == "active"


def _visible(github: GitHub, path: str) -> bool:
    """Whether the token sees a team; what it may not see is "not found" as well."""
    try:
        github.http.get(path)
    except GitHubError as error:
        if error.status in (403, 404):
            return False
        raise
    return True
