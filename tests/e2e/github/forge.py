"""What the parts of the stand share: repositories, people, the emulator, events, and how things are worded."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .bare import Bare
from .calls import Call, Token, not_found
from .emulate import ROOT, Emulate
from .events import Events
from .mirror import Mirror

ROLES = ("none", "read", "triage", "write", "maintain", "admin")
GRANTS = {"pull": "read", "push": "write"}
MEMBERS = "members"
# What a workflow's own token may start other workflows with.
STARTED_BY_HAND = {"workflow_dispatch", "repository_dispatch"}
ACTIONS_BOT = "github-actions[bot]"
QUEUE_BOT = "github-merge-queue[bot]"
USER_KEYS = [
    "login",
    "id",
    "node_id",
    "avatar_url",
    "gravatar_id",
    "url",
    "html_url",
    "followers_url",
    "following_url",
    "gists_url",
    "starred_url",
    "subscriptions_url",
    "organizations_url",
    "repos_url",
    "events_url",
    "received_events_url",
    "type",
    "site_admin",
]


class Forge:
    """The state behind the API."""

    def __init__(
        self,
        folder: Path,
        address: str,
        emulate: Emulate,
        tokens: dict[str, Token],
        organisations: Mapping[str, Mapping[str, str]],
    ) -> None:
        self.folder = folder
        self.address = address
        self.emulate = emulate
        self.tokens = tokens
        self.organisations = organisations
        self.events = Events()
        self.bots = {token.login for token in tokens.values() if token.bot} | {ACTIONS_BOT, QUEUE_BOT}
        self.private: set[str] = set()
        self.forks: dict[str, str] = {}
        self.roles: dict[str, dict[str, str]] = {}
        self.bares: dict[str, Bare] = {}
        self.mirrors: dict[str, Mirror] = {}
        self._ids = itertools.count(1001)
        for name, members in organisations.items():
            self._found(name, members)

    # ---- setting up

    def _found(self, organisation: str, members: Mapping[str, str]) -> None:
        """Emulate's organisations begin without members; the root joins to let the others in."""
        root = f"/orgs/{organisation}"
        self.emulate.must("POST", f"{root}/teams", {"name": MEMBERS})
        self.emulate.must("PUT", f"{root}/teams/{MEMBERS}/memberships/{ROOT}", {"role": "maintainer"})
        for login, role in members.items():
            self.emulate.must("PUT", f"{root}/memberships/{login}", {"role": role})

    def adopt(self, repository: str) -> Bare:
        """Give a repository that emulate knows its bare twin."""
        owner = repository.partition("/")[0]
        if owner not in self.organisations:
            self.emulate.must(
                "PUT", f"/repos/{repository}/collaborators/{ROOT}", {"permission": "admin"}, login=owner
            )
        bare = Bare.create(self.folder / f"{repository}.git")
        self.bares[repository] = bare
        self.mirrors[repository] = Mirror(bare, self.emulate, repository)
        self.roles[repository] = {}
        return bare

    def grant(self, repository: str, login: str, role: str) -> None:
        """Make somebody a collaborator; emulate lets collaborators alone write contents."""
        self.roles[repository][login] = GRANTS.get(role, role)
        self.emulate.must("PUT", f"/repos/{repository}/collaborators/{login}", {"permission": "push"})

    # ---- asking

    def bare(self, repository: str) -> Bare:
        return self.bares[repository] if repository in self.bares else not_found()

    def commit(self, call: Call, name: str) -> str:
        """The commit that a request names: a SHA, a branch, a tag, or a ref without refs/."""
        bare = self.bare(call.repository)
        for ref in (name, f"refs/heads/{name}", f"refs/{name}", f"refs/tags/{name}"):
            if found := bare.commit(ref):
                return found
        return not_found()

    def role(self, repository: str, login: str) -> str:
        """What somebody may do in a repository: none, read, triage, write, maintain or admin."""
        owner = repository.partition("/")[0]
        if login == owner or self.organisations.get(owner, {}).get(login) == "admin":
            return "admin"
        outsider = (
            "none"
            if repository in self.private and login not in self.organisations.get(owner, {})
            else "read"
        )
        return self.roles.get(repository, {}).get(login, outsider)

    def has_role(self, repository: str, token: Token, role: str) -> bool:
        """Whether the person behind a token has at least a role; a bot's rights are its permissions alone."""
        return token.bot or ROLES.index(self.role(repository, token.login)) >= ROLES.index(role)

    # ---- wording

    def next_id(self) -> int:
        return next(self._ids)

    def now(self) -> str:
        return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def url(self, repository: str, *parts: object) -> str:
        return "/".join([f"{self.address}/repos/{repository}", *map(str, parts)])

    def page_url(self, repository: str, *parts: object) -> str:
        return "/".join([f"{self.address}/{repository}", *map(str, parts)])

    def user(self, login: str) -> dict[str, Any]:
        """Somebody as answers name them."""
        found = self.emulate.ask("GET", f"/users/{quote(login, safe='')}")
        if found.status != 200:
            not_found()
        return {**{key: found.body[key] for key in USER_KEYS}, "type": self.kind(login)}

    def user_whole(self, login: str) -> dict[str, Any]:
        """Somebody as they see themselves."""
        whole: dict[str, Any] = self.emulate.must("GET", "/user", login=login)
        return whole

    def kind(self, login: str) -> str:
        return "Bot" if login in self.bots else "User"

    def repository(self, repository: str) -> dict[str, Any]:
        found: dict[str, Any] = self.clean(self.emulate.get(f"/repos/{repository}"))
        return found

    def repository_whole(self, repository: str) -> dict[str, Any]:
        """What is said of a repository alone."""
        found = self.repository(repository)
        return {"network_count": found["forks_count"], "subscribers_count": 0, **found}

    def clean(self, part: Any) -> Any:
        """What emulate says without its root, with bots called bots and private repositories private."""
        if isinstance(part, list):
            return [self.clean(one) for one in part if not _of_the_stand(one)]
        if not isinstance(part, dict):
            return part
        found = {key: self.clean(value) for key, value in part.items()}
        if "login" in found and "type" in found and found["type"] == "User":
            found["type"] = self.kind(found["login"])
        if found.get("type") == "Organization" and "login" in found:
            found = {**dict.fromkeys(USER_KEYS, ""), **_addresses(self.address, found["login"]), **found}
        if "full_name" in found and "private" in found:
            found["private"] = found["full_name"] in self.private
            found["visibility"] = "private" if found["private"] else "public"
            found["pushed_at"] = found.get("pushed_at") or found.get("updated_at")
        if {"color", "default", "description"} <= found.keys():
            # A label's, which lists of pull requests promise as a text.
            found["description"] = found["description"] or ""
        if "issue_url" in found and _is_new(found):
            found["updated_at"] = found["created_at"]
        return found

    def emit(self, name: str, repository: str, token: Token, **payload: Any) -> None:
        """Tell that somebody did something."""
        owner = repository.partition("/")[0]
        told = {**payload, "repository": self.repository(repository), "sender": self.user(token.login)}
        if owner in self.organisations:
            told["organization"] = {"login": owner}
        quiet = token.workflow and name not in STARTED_BY_HAND
        self.events.emit(name, repository, token.login, told, quiet=quiet)

    def open_pulls(self, repository: str) -> Iterator[dict[str, Any]]:
        """Open pull requests as emulate holds them."""
        yield from self.emulate.pages(f"/repos/{repository}/pulls?state=open")


def _is_new(comment: dict[str, Any]) -> bool:
    """Emulate writes a comment twice, with the name of its node the second time, maybe a millisecond later."""
    written = [datetime.fromisoformat(comment[key]) for key in ("created_at", "updated_at")]
    return written[1] - written[0] < timedelta(seconds=0.1)


def _of_the_stand(part: Any) -> bool:
    return isinstance(part, dict) and (
        part.get("login") == ROOT or ("slug" in part and part["slug"] == MEMBERS)
    )


def _addresses(address: str, login: str) -> dict[str, str]:
    """The links of an account that emulate leaves out where it names an organisation as an owner."""
    names = [key.removesuffix("_url") for key in USER_KEYS if key.endswith("_url")]
    return {f"{name}_url": f"{address}/users/{login}/{name}" for name in names}
