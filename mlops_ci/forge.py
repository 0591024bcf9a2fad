"""What a forge is: where pull requests and their comments live, as data and as a protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True)
class PullRequest:
    """A pull request as its forge tells it; ``head`` and ``base`` are branch names."""

    number: int
    title: str
    head: str
    base: str
    head_commit: str
    state: Literal["open", "merged", "closed"] = "open"
    author: str = ""
    body: str = ""
    url: str = ""


@dataclass(frozen=True)
class Comment:
    """A comment of a pull request; ``ours`` is True where the account that asks wrote it."""

    id: int
    author: str
    body: str
    ours: bool
    url: str = ""


class Forge(Protocol):
    """The few things the report needs from a forge; errors are ToolError."""

    def pull_request(self, number: int) -> PullRequest:
        """The pull request of that number."""

    def pull_requests(self, *, head: str = "", state: str = "open") -> tuple[PullRequest, ...]:
        """All pull requests, newest first, of one head branch and in one state where they are given."""

    def comments(self, number: int) -> tuple[Comment, ...]:
        """Every comment of a pull request, oldest first, all pages."""

    def create_comment(self, number: int, body: str) -> Comment:
        """Post a new comment."""

    def update_comment(self, number: int, comment: int, body: str) -> Comment:
        """Replace the body of one of our comments."""
