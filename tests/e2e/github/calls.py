"""A request to the API and its answer, as the parts of the stand hand them on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import urlencode

Level = str  # none, read, write
ALL_WRITE: Mapping[str, Level] = dict.fromkeys(
    ("actions", "checks", "contents", "deployments", "issues", "pull_requests", "statuses", "workflows"),
    "write",
)


@dataclass(frozen=True)
class Token:
    """Who a token belongs to and what it may do.

    ``workflow`` marks a GITHUB_TOKEN: what is done with it starts no other workflow. ``repositories`` are the ones
    that it reaches; none named, all.
    """

    login: str
    permissions: Mapping[str, Level] = field(default_factory=lambda: ALL_WRITE)
    bot: bool = False
    workflow: bool = False
    repositories: tuple[str, ...] = ()

    def may(self, permission: str, level: Level) -> bool:
        found = self.permissions.get(
            permission.replace("-", "_"), self.permissions.get(permission.replace("_", "-"))
        )
        return found == "write" or (level == "read" and found == "read")

    def reaches(self, repository: str) -> bool:
        return not self.repositories or repository in self.repositories


@dataclass(frozen=True)
class Call:
    """One understood request."""

    operation: str
    method: str
    path: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    token: Token
    accept: str = ""

    @property
    def repository(self) -> str:
        return f"{self.params['owner']}/{self.params['repo']}" if "repo" in self.params else ""

    @property
    def number(self) -> int:
        return int(self.params.get("pull_number") or self.params["issue_number"])

    @property
    def target(self) -> str:
        return self.path + (f"?{urlencode(self.query)}" if self.query else "")

    def given(self, name: str, default: Any = None) -> Any:
        """A key of the body; null counts as absent."""
        value = (self.body or {}).get(name)
        return default if value is None else value


@dataclass(frozen=True)
class Answer:
    """What goes back: JSON, or the bytes of ``data``."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    data: bytes | None = None


Operation = Callable[[Call], Answer]


class RefusedError(Exception):
    """An answer that is no success."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.status} {answer.body}")
        self.answer = answer


def refuse(
    status: int, message: str, errors: Sequence[Any] = (), headers: Mapping[str, str] | None = None
) -> NoReturn:
    """Answer as GitHub refuses."""
    raise RefusedError(refusal(status, message, errors, headers))


def refusal(
    status: int, message: str, errors: Sequence[Any] = (), headers: Mapping[str, str] | None = None
) -> Answer:
    body: dict[str, Any] = {
        "message": message,
        "documentation_url": "https://docs.github.com/rest",
        "status": str(status),
    }
    if errors:
        body["errors"] = list(errors)
    return Answer(status, body, headers or {})


def not_found() -> NoReturn:
    refuse(404, "Not Found")


def page(call: Call, items: Sequence[Any], address: str, wrap: str = "") -> Answer:
    """One page of a list, with the Link header; ``wrap`` names the key of a list that comes with its total count."""
    size = max(1, min(int(call.query.get("per_page", 30)), 100))
    number = max(1, int(call.query.get("page", 1)))
    last = max(1, -(-len(items) // size))
    part = list(items[(number - 1) * size : number * size])
    wanted = {"next": number + 1, "last": last} if number < last else {}
    if number > 1:
        wanted |= {"first": 1, "prev": number - 1}
    links = [
        f'<{address}{call.path}?{urlencode({**call.query, "page": str(to)})}>; rel="{name}"'
        for name, to in wanted.items()
    ]
    body = {"total_count": len(items), wrap: part} if wrap else part
    return Answer(200, body, {"Link": ", ".join(links)} if links else {})
