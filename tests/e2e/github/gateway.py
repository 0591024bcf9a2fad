"""GitHub as the tests see it: one loopback origin for Git and the API, in front of the emulator.

    with Gateway.start(folder, emulate, tokens={"ada-token": Token("ada")}, repositories=["acme/model"]) as gateway:
        gateway.api("POST", "/repos/acme/model/pulls", {...}, token="ada-token")

What emulate does well is handed on to it; what it lacks or gets wrong is answered by the other modules of this
package, by GitHub's operation ids. Every request is recorded and held to GitHub's OpenAPI description.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from . import access, client, openapi, overlays, smart_http
from .artifacts import Artifacts
from .calls import Answer, Call, Operation, RefusedError, Token, refusal
from .contents import Contents
from .deployments import Deployments
from .dispatches import Dispatches
from .emulate import Emulate, seed
from .faults import Fault, Faults
from .forge import ACTIONS_BOT, QUEUE_BOT, Forge
from .graphql import GraphQL
from .issues import Issues
from .merging import Merging
from .protection import Protection
from .pulls import Pulls
from .pushes import Pushes
from .queue import MergeQueue
from .reactions import Reactions
from .repositories import Repositories
from .runs import Runs
from .server import Incoming, Server
from .statuses import Statuses

# What a client may look at; trouble with it is made by faults.
RATE = {"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "4999", "X-RateLimit-Used": "1"}


@dataclass
class Recorded:
    """One request of a client and what became of it; ``at`` is when it came, in seconds since the epoch."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    login: str
    operation: str = ""
    status: int = 0
    at: float = field(default_factory=time.time)


@dataclass
class Setting:
    """What there is in the beginning."""

    tokens: Mapping[str, Token]
    repositories: Sequence[str]
    organisations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    roles: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


class Gateway:
    """A running stand-in of GitHub."""

    def __init__(self, folder: Path, command: list[str], setting: Setting) -> None:
        self.server = Server()
        self.address = self.server.address
        self.requests: list[Recorded] = []
        self.violations: list[str] = []
        self._faults = Faults()
        self._lock = threading.RLock()
        logins = {ACTIONS_BOT, QUEUE_BOT, *(token.login for token in setting.tokens.values())}
        logins |= {login for members in setting.organisations.values() for login in members}
        logins |= {name.partition("/")[0] for name in setting.repositories} - setting.organisations.keys()
        seeds = seed(sorted(logins), sorted(setting.organisations), setting.repositories)
        self.emulate = Emulate(command, folder / "emulate", self.address, seeds)
        try:
            self._open(folder, setting)
        except BaseException:
            self.emulate.close()
            raise

    def _open(self, folder: Path, setting: Setting) -> None:
        self.forge = Forge(
            folder / "repositories", self.address, self.emulate, dict(setting.tokens), setting.organisations
        )
        self.events = self.forge.events
        self._build()
        for name in setting.repositories:
            self.forge.adopt(name)
        for name, people in setting.roles.items():
            for login, role in people.items():
                self.forge.grant(name, login, role)
        self.server.start(self)

    def _build(self) -> None:
        self.statuses = Statuses(self.forge)
        self.protection = Protection(self.forge, self.statuses)
        self.pulls = Pulls(self.forge, self.protection)
        self.pushes = Pushes(self.forge, self.pulls)
        self.merging = Merging(self.forge, self.pulls, self.pushes, self.protection)
        self.queue = MergeQueue(self.forge, self.pulls, self.pushes, self.merging)
        self.runs = Runs(self.forge)
        self.artifacts = Artifacts(self.forge, self.runs)
        self.issues = Issues(self.forge, self.pulls)
        self.reactions = Reactions(self.forge)
        self.graphql = GraphQL(self.forge, self.pulls, self.issues, self.merging)
        self._operations: dict[str, Operation] = {}
        for part in (
            self.statuses,
            self.protection,
            self.pulls,
            self.issues,
            self.pushes,
            self.merging,
            self.runs,
            self.artifacts,
            Dispatches(self.forge, self.runs),
            self.reactions,
            Deployments(self.forge, self.protection),
            Repositories(self.forge, self.pushes),
            Contents(self.forge),
        ):
            self._operations |= part.operations()
        self._overlays = overlays.Overlays(self.forge, self.pulls, self.issues)

    @classmethod
    def start(
        cls,
        folder: Path,
        command: list[str],
        *,
        tokens: Mapping[str, Token],
        repositories: Sequence[str],
        organisations: Mapping[str, Mapping[str, str]] | None = None,
        roles: Mapping[str, Mapping[str, str]] | None = None,
    ) -> Self:
        return cls(folder, command, Setting(tokens, repositories, organisations or {}, roles or {}))

    def close(self) -> None:
        self._faults.release_all()
        self.server.close()
        self.emulate.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- what tests say and ask

    def api(self, method: str, path: str, body: Any = None, *, token: str, accept: str = "") -> client.Got:
        """Ask over HTTP as a client does."""
        return client.ask(self.address, method, path, body, token, accept)

    def fault(self, method: str, pattern: str, kind: str, times: int = 1) -> Fault:
        """Let the next requests whose path holds a pattern fail; see faults.py for the kinds."""
        return self._faults.plan(method, pattern, kind, times)

    def grant(self, repository: str, login: str, role: str) -> None:
        with self._lock:
            self.forge.grant(repository, login, role)

    def issue(self, secret: str, token: Token) -> str:
        """Let one more token be known."""
        self.forge.tokens[secret] = token
        return secret

    def remote(self, repository: str, secret: str) -> str:
        """The address to clone from and push to, with a token in it."""
        return f"{self.address.replace('://', f'://x-access-token:{secret}@')}/{repository}.git"

    def asked(self, operation: str, login: str | None = None) -> list[Recorded]:
        """The recorded requests of one operation, by GitHub's id of it."""
        return [one for one in self.requests if one.operation == operation and login in (None, one.login)]

    # ---- serving

    def planned(self, incoming: Incoming) -> Fault | None:
        return self._faults.take(incoming.method, incoming.path)

    def answer(self, incoming: Incoming) -> Answer:
        """The answer to one request."""
        token = self.forge.tokens.get(incoming.secret)
        login = token.login if token else ""
        if git := smart_http.understood(incoming.path):
            recorded = Recorded(incoming.method, incoming.path, incoming.query, None, login, f"git{git[1]}")
        else:
            recorded = Recorded(incoming.method, incoming.path, incoming.query, _body(incoming), login)
        self.requests.append(recorded)
        try:
            with self._lock:
                answer = self._git(incoming, *git, token) if git else self._rest(incoming, recorded, token)
        except Exception:
            # A mistake of the stand itself: the test that hit it must fail, not only its client.
            self.violations.append(traceback.format_exc())
            answer = refusal(500, "The stand failed; see its violations.")
        recorded.status = answer.status
        return answer

    def _git(self, incoming: Incoming, repository: str, rest: str, token: Token | None) -> Answer:
        if token is None:
            return Answer(401, headers={"WWW-Authenticate": 'Basic realm="GitHub"'}, data=b"")
        if repository not in self.forge.bares:
            return _said(404, "Repository not found.")
        if not access.may_git(self.forge, repository, token, smart_http.writes(incoming)):
            return _said(403, "Write access to repository not granted.")
        before = self.forge.bare(repository).refs()
        limits = {
            "STAND_CLOSED": " ".join(
                f"refs/heads/{one}" for one in self.protection.closed(repository, token)
            ),
            "STAND_WORKFLOWS": "yes" if token.may("workflows", "write") else "no",
        }
        answer = smart_http.serve(self.forge.folder, repository, rest, incoming, token.login, limits)
        if rest == "/git-receive-pack":
            self.pushes.from_git(repository, before, token)
            self.merging.settle()
        return answer

    def _rest(self, incoming: Incoming, recorded: Recorded, token: Token | None) -> Answer:
        if special := self.artifacts.special(incoming):
            return special
        if "user-agent" not in incoming.headers:
            return refusal(403, "Request forbidden by administrative rules. Please have a User-Agent header.")
        if token is None:
            return refusal(401, "Bad credentials")
        if incoming.path == "/graphql":
            recorded.operation = "graphql"
            answer = self.graphql.answer(recorded.body, token)
            self.violations += self.graphql.violations
            self.graphql.violations.clear()
            return answer
        found = openapi.find(incoming.method, incoming.path)
        if found is None:
            self.violations.append(f"{incoming.method} {incoming.path}: no operation that the stand knows")
            return refusal(404, "Not Found")
        operation, params = found
        recorded.operation = operation.name
        self._note("request", recorded, operation.request_problems(recorded.query, recorded.body))
        call = Call(
            operation.name,
            incoming.method,
            incoming.path,
            params,
            recorded.query,
            recorded.body,
            token,
            incoming.headers.get("accept", ""),
        )
        return self._called(operation, call, recorded)

    def _called(self, operation: openapi.Operation, call: Call, recorded: Recorded) -> Answer:
        own = self._operations.get(call.operation)
        try:
            refused = access.refused(self.forge, call)
            answer = refused or (own(call) if own else self._overlays.answer(call))
        except RefusedError as error:
            refused = answer = error.answer
        if refused is None and own and answer.data is None:
            self._note("answer", recorded, operation.answer_problems(answer.status, answer.body))
        self.merging.settle()
        return replace(answer, headers={**RATE, **answer.headers})

    def _note(self, what: str, recorded: Recorded, problems: list[str]) -> None:
        self.violations += [f"{recorded.method} {recorded.path}: {what}: {one}" for one in problems]


def _body(incoming: Incoming) -> Any:
    kind = incoming.headers.get("content-type", "")
    return (
        incoming.json
        if incoming.data and not kind.startswith(("application/zip", "application/octet"))
        else None
    )


def _said(status: int, message: str) -> Answer:
    """Git shows its user a refusal in plain text."""
    return Answer(status, headers={"Content-Type": "text/plain"}, data=f"{message}\n".encode())
