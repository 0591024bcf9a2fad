"""What a forge is: where pull requests and their comments live, as data and as a protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol


@dataclass(frozen=True)
class PullRequest:
    """A pull request as its forge tells it; ``head`` and ``base`` are branch names.

    ``fork``: its head is in another repository, ``head_repository``, whose name is empty where it
    is gone. ``merging`` is who let it merge itself when everything demanded is there, empty where nobody did;
    ``asked`` are those who have not reviewed it yet (``@login``, ``@organization/team``). Lists do not tell
    who merged it.
    """

    number: int
    title: str
    head: str
    base: str
    head_commit: str
    state: Literal["open", "merged", "closed"] = "open"
    author: str = ""
    body: str = ""
    url: str = ""
    fork: bool = False
    draft: bool = False
    labels: tuple[str, ...] = ()
    head_repository: str = ""
    base_commit: str = ""
    node: str = ""
    merging: str = ""
    asked: tuple[str, ...] = ()
    merged_at: str = ""
    merged_by: str = ""
    merge_commit: str = ""


@dataclass(frozen=True)
class Review:
    """What somebody said of a pull request, of its ``commit`` then; ``at`` is when, in ISO 8601."""

    user: str
    state: Literal["approved", "changes", "commented", "dismissed"]
    commit: str = ""
    at: str = ""


@dataclass(frozen=True)
class Merging:
    """What became of a wish to merge: the commit on the base branch, or in words what it waits for."""

    commit: str = ""
    waits: str = ""


@dataclass(frozen=True)
class Comment:
    """A comment of a pull request; ``ours`` is True where the account that asks wrote it.

    ``node`` is what a forge with two interfaces calls it in the other one. ``updated`` is ``created`` until
    somebody edits it; ``bot``: no person wrote it.
    """

    id: int
    author: str
    body: str
    ours: bool
    url: str = ""
    node: str = ""
    created: str = ""
    updated: str = ""
    bot: bool = False


@dataclass(frozen=True)
class Proposal:
    """A pull request before anything is touched: one branch, one commit, complete.

    ``id`` is what it is about, for a closed one means no to it. ``files`` are the new texts by path, None
    for a file that goes. ``message`` is the commit's. ``automatic``: it is to merge itself, once
    ``approvals`` people have approved its commit. ``anew``: somebody asks for it, whatever was
    closed before.
    """

    id: str
    branch: str
    base: str
    title: str
    body: str
    message: str
    files: Mapping[str, str | None]
    labels: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    automatic: bool = False
    approvals: int = 0
    anew: bool = False


class Promotions(Protocol):
    """What promotions need of a forge; errors are ToolError. Whatever is called twice has one effect."""

    def pull_request(self, number: int) -> PullRequest:
        """The pull request of that number, with who merged it."""

    def promotions(self, prefix: str, *, since: datetime | None = None) -> tuple[PullRequest, ...]:
        """The pull requests of branches of this repository that begin so, newest first, in every state.

        Closed ones only where something happened to them after ``since``.
        """

    def propose(self, *, head: str, base: str, title: str, body: str) -> PullRequest:
        """The open pull request of a branch into another, opened now where there is none."""

    def revise(self, number: int, *, title: str, body: str, base: str) -> None:
        """Give a pull request another title, body or base."""

    def withdraw(self, number: int, body: str) -> None:
        """Close a pull request without merging, and give it its last body in the same step."""

    def add_labels(self, number: int, names: Sequence[str]) -> None:
        """Put labels on a pull request."""

    def remove_label(self, number: int, name: str) -> None:
        """Take a label off a pull request, if it is there."""

    def ask_reviews(self, number: int, people: Sequence[str]) -> tuple[str, ...]:
        """Ask people (``@login``), teams (``@organization/team``) to review; a note for each who cannot."""

    def reviews(self, number: int) -> tuple[Review, ...]:
        """What was said of a pull request, oldest first."""

    def comments(self, number: int) -> tuple[Comment, ...]:
        """Every comment of a pull request, oldest first."""

    def create_comment(self, number: int, body: str) -> Comment:
        """Post a new comment."""

    def delete_comment(self, number: int, comment: int) -> None:
        """Remove one of our comments; that it is gone is no error."""

    def merge_when_ready(self, number: int, *, commit: str, message: str) -> Merging:
        """Merge ``commit`` with this message as soon as everything that the forge demands is there."""

    def keep_from_merging(self, number: int) -> None:
        """Take back that a pull request merges itself."""

    def is_behind(self, number: int) -> bool:
        """Whether a pull request has to be built on the base branch as it is now before it can be merged."""

    def is_us(self, login: str) -> bool:
        """Whether this is the account that asks."""


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


@dataclass(frozen=True)
class Placement:
    """What to do with a report comment: create it, update ``comment``, or keep it as it is and why."""

    action: Literal["create", "update", "keep"]
    comment: Comment | None = None
    reason: str = ""


def place(comments: Sequence[Comment], body: str, stamp: Callable[[str], str | None]) -> Placement:
    """Find our own sticky comment; a newer run's comment is never replaced by an older one's.

    ``stamp`` reads the run's time out of a body, None where the body is no report of ours. A marker
    in a comment somebody else wrote is a copy and does not count.
    """
    mine = [comment for comment in comments if comment.ours and stamp(comment.body) is not None]
    if not mine:
        return Placement("create")
    latest = max(mine, key=lambda comment: (stamp(comment.body) or "", comment.id))
    if (stamp(latest.body) or "") > (stamp(body) or ""):
        return Placement("keep", latest, "a newer run has reported already")
    if latest.body == body:
        return Placement("keep", latest, "it says the same already")
    return Placement("update", latest)


def post(forge: Forge, number: int, body: str, stamp: Callable[[str], str | None]) -> Comment:
    """Bring a pull request's sticky comment to ``body``; gives the comment as it then stands."""
    placement = place(forge.comments(number), body, stamp)
    if placement.action == "update" and placement.comment is not None:
        return forge.update_comment(number, placement.comment.id, body)
    if placement.comment is not None:
        return placement.comment
    return forge.create_comment(number, body)


def approvals(reviews: Iterable[Review], commit: str) -> tuple[Review, ...]:
    """The approvals that stand for a commit: each person's last word, where it was said of this commit."""
    last: dict[str, Review] = {}
    for review in reviews:
        if review.state != "commented":
            last[review.user] = review
    return tuple(one for one in last.values() if one.state == "approved" and one.commit == commit)
