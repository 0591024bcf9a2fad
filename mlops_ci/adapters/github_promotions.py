"""Promotions on GitHub: pull requests opened, revised, closed and merged, however often it is tried."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from mlops_ci.adapters import github_people, github_pulls
from mlops_ci.adapters.github import GitHub, pull
from mlops_ci.adapters.github_errors import GitHubError
from mlops_ci.adapters.github_wire import Fields
from mlops_ci.errors import ToolError
from mlops_ci.forge import Comment, Merging, PullRequest, Review

ENABLE = """\
mutation($id: ID!, $head: GitObjectID!, $method: PullRequestMergeMethod!, $title: String!, $body: String!) {
  enablePullRequestAutoMerge(input: {
    pullRequestId: $id, expectedHeadOid: $head, mergeMethod: $method
    commitHeadline: $title, commitBody: $body
  }) { pullRequest { number } }
}"""
DISABLE = """\
mutation($id: ID!) {
  disablePullRequestAutoMerge(input: {pullRequestId: $id}) { pullRequest { number } }
}"""

_STATES: dict[str, Literal["approved", "changes", "commented", "dismissed"]] = {
    "APPROVED": "approved",
    "CHANGES_REQUESTED": "changes",
    "DISMISSED": "dismissed",
}
# Squash and rebase keep one commit with our message. What a repository allows is told to who may push.
_METHODS = (
    ("squash", "allow_squash_merge"),
    ("rebase", "allow_rebase_merge"),
    ("merge", "allow_merge_commit"),
)
_READY = ("clean", "has_hooks")
_WAITS = {
    "behind": "its branch is behind the base branch; the next run builds it anew",
    "blocked": "the base branch demands approvals or checks that are not there yet",
    "dirty": "it conflicts with the base branch; the next run builds it anew",
    "draft": "it is a draft",
    "unstable": "a check has failed, or has not ended yet",
    "unknown": "GitHub has not worked out yet whether it can be merged; the next run looks again",
}
_LOOKS = 3
_LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class GitHubPromotions:
    """One repository on GitHub as promotions see it; satisfies ``Promotions``.

    Every method raises ToolError where GitHub refuses or cannot be reached.
    """

    github: GitHub

    # ---- looking -----------------------------------------------------------------------------

    def pull_request(self, number: int) -> PullRequest:
        """The pull request of that number, with who merged it."""
        return self.github.pull_request(number)

    def promotions(self, prefix: str, *, since: datetime | None = None) -> tuple[PullRequest, ...]:
        """The pull requests of branches of this repository that begin so, newest first, in every state.

        Closed ones only where something happened to them after ``since``: one request for each 100 of them.
        """
        # One that is closed while this runs is in both lists, the later word counts.
        found = {one.number: one for one in (*self._open(), *self._closed(since))}
        ours = (one for one in found.values() if one.head.startswith(prefix) and not one.fork)
        return tuple(sorted(ours, key=lambda one: -one.number))

    def _open(self) -> Iterator[PullRequest]:
        yield from map(pull, self._pulls(state="open", sort="created", direction="desc"))

    def _closed(self, since: datetime | None) -> Iterator[PullRequest]:
        for plain in self._pulls(state="closed", sort="updated", direction="desc"):
            if since is not None and datetime.fromisoformat(plain.text("updated_at")) < since:
                return
            yield pull(plain)

    def _pulls(self, **query: str) -> Iterator[Fields]:
        return self.github.http.pages(self.github.path("pulls"), **query)

    def reviews(self, number: int) -> tuple[Review, ...]:
        """What was said of a pull request, oldest first; what is not submitted yet is left out.

        An approval is one where its author may push, as GitHub's own protection has it; else a comment.
        """
        found = self.github.http.pages(self.github.path("pulls", number, "reviews"))
        said = [
            Review(
                # Null where the account is gone.
                user=one.text("user", "login", default=""),
                state=_STATES.get(one.text("state"), "commented"),
                commit=one.text("commit_id", default=""),
                at=one.text("submitted_at", default=""),
            )
            for one in found
            if one.text("state") != "PENDING"
        ]
        approving = {one.user for one in said if one.state == "approved" and one.user}
        known = {user for user in approving if github_people.permission(self.github, user).writes}
        strange = [one.state == "approved" and one.user not in known for one in said]
        return tuple(
            replace(one, state="commented") if stranger else one
            for one, stranger in zip(said, strange, strict=True)
        )

    def comments(self, number: int) -> tuple[Comment, ...]:
        """Every comment of a pull request, oldest first."""
        return self.github.comments(number)

    def is_behind(self, number: int) -> bool:
        """Whether a pull request has to be built on the base branch as it is now before it can be merged.

        So where the branch demands it, and where there are conflicts.
        """
        found = self.github.http.get(self.github.path("pulls", number))
        return found.text("mergeable_state", default="unknown") in ("behind", "dirty")

    def is_us(self, login: str) -> bool:
        """Whether this is the account that asks."""
        return login.lower() == self.github.account().lower()

    # ---- opening and closing -----------------------------------------------------------------

    def propose(self, *, head: str, base: str, title: str, body: str) -> PullRequest:
        """The open pull request of a branch into another, opened now where there is none."""

        def opened() -> Any:
            owner = self.github.repository.partition("/")[0]
            same = self._pulls(state="open", head=f"{owner}:{head}", base=base)
            return next((one.plain for one in same if pull(one).head == head), None)

        wanted = {"title": title, "body": body, "head": head, "base": base}
        try:
            return pull(self.github.http.post(self.github.path("pulls"), wanted, done=opened))
        except GitHubError as error:
            # Another run was faster, where GitHub says that there is one.
            if error.status != 422 or (plain := opened()) is None:
                raise
            return pull(Fields("GET pulls", plain))

    def revise(self, number: int, *, title: str, body: str, base: str) -> None:
        """Give a pull request another title, body or base."""
        self.github.http.patch(
            self.github.path("pulls", number), {"title": title, "body": body, "base": base}
        )

    def withdraw(self, number: int, body: str) -> None:
        """Close a pull request without merging, and give it its last body in the same step."""
        self.github.http.patch(self.github.path("pulls", number), {"state": "closed", "body": body})

    # ---- what hangs on it --------------------------------------------------------------------

    def add_labels(self, number: int, names: Sequence[str]) -> None:
        """Put labels on a pull request, made where there are none."""
        github_pulls.add_labels(self.github, number, names)

    def remove_label(self, number: int, name: str) -> None:
        """Take a label off a pull request, if it is there."""
        github_pulls.remove_label(self.github, number, name)

    def ask_reviews(self, number: int, people: Sequence[str]) -> tuple[str, ...]:
        """Ask people and teams to review; a note for each who cannot be asked.

        GitHub refuses all where it refuses one, so then they are asked one by one.
        """
        known = [one for one in people if one.startswith("@")]
        notes = [
            f"{one} is not asked to review: GitHub asks accounts and teams alone"
            for one in people
            if one not in known
        ]
        if not known or not self._refused(number, known):
            return tuple(notes)
        for one in known:
            if why := self._refused(number, [one]):
                notes.append(f"{one} cannot be asked to review: {why}")
        return tuple(notes)

    def _refused(self, number: int, people: Sequence[str]) -> str:
        """Ask for reviews; why GitHub does not, empty where it does."""
        names = [one.removeprefix("@") for one in people]
        asked = {
            "reviewers": [name for name in names if "/" not in name],
            "team_reviewers": [name.partition("/")[2] for name in names if "/" in name],
        }
        path = self.github.path("pulls", number, "requested_reviewers")
        try:
            self.github.http.post(path, {key: some for key, some in asked.items() if some}, repeatable=True)
        except GitHubError as error:
            # No such person or team, no collaborator, the author itself, or a token that sees no team.
            if error.status not in (403, 404, 422):
                raise
            return (
                error.message.rpartition(f"GitHub answered {error.status}")[2].strip(": ") or "GitHub refuses"
            )
        return ""

    def create_comment(self, number: int, body: str) -> Comment:
        """Post a new comment."""
        return self.github.create_comment(number, body)

    def delete_comment(self, number: int, comment: int) -> None:
        """Remove one of our comments; that it is gone is no error."""
        try:
            self.github.delete_comment(number, comment)
        except GitHubError as error:
            if error.status != 404:
                raise

    # ---- merging -----------------------------------------------------------------------------

    def merge_when_ready(self, number: int, *, commit: str, message: str) -> Merging:
        """Merge ``commit`` with this message as soon as everything that GitHub demands is there.

        At once where it is; else GitHub is asked to do it, where the repository lets it.
        """
        plain = self._settled(number)
        found = pull(plain)
        if found.state != "open":
            return Merging(found.merge_commit, "" if found.merge_commit else "it was closed")
        if found.head_commit != commit:
            return Merging(waits="its branch moved; the next run looks again")
        state = plain.text("mergeable_state", default="unknown")
        if state in _READY:
            return self._merge(number, commit, message, _method(plain))
        words = _WAITS.get(state, f"GitHub calls it {state}")
        if found.merging or state in ("dirty", "draft") or self._enabled(found, message, _method(plain)):
            return Merging(waits=words)
        return Merging(waits=f"{words}; the repository has no auto-merge, so a later run merges it")

    def _settled(self, number: int) -> Fields:
        """A pull request, once GitHub has worked out whether it can be merged; it is not waited for long."""
        clock = self.github.http.clock
        for _ in range(_LOOKS - 1):
            plain = self.github.http.get(self.github.path("pulls", number))
            if plain.text("state") != "open" or plain.text("mergeable_state", default="unknown") != "unknown":
                return plain
            clock.sleep(_LOOK_SECONDS)
        return self.github.http.get(self.github.path("pulls", number))

    def _merge(self, number: int, commit: str, message: str, method: str) -> Merging:
        """Merge now; what moved meanwhile is told, not forced."""
        path = self.github.path("pulls", number)

        def merged() -> Any:
            found = pull(self.github.http.get(path))
            return {"sha": found.merge_commit} if found.state == "merged" else None

        title, body = _parts(message)
        wish = {"merge_method": method, "commit_title": title, "commit_message": body, "sha": commit}
        try:
            return Merging(self.github.http.put(f"{path}/merge", wish, done=merged).text("sha"))
        except GitHubError as error:
            # The base or the branch moved, or a rule is not met after all: GitHub says which.
            if error.status not in (405, 409):
                raise
            if (found := merged()) is not None:
                return Merging(str(found["sha"]))
            return Merging(waits=error.message.rpartition(": ")[2])

    def _enabled(self, found: PullRequest, message: str, method: str) -> bool:
        """Whether GitHub took it on itself to merge; a repository may not allow it."""
        title, body = _parts(message)
        try:
            self.github.http.graphql(
                ENABLE, id=found.node, head=found.head_commit, method=method.upper(), title=title, body=body
            )
        except GitHubError as error:
            if error.status != 422:
                raise
            return False
        return True

    def keep_from_merging(self, number: int) -> None:
        """Take back that a pull request merges itself."""
        found = self.pull_request(number)
        if found.state == "open" and found.merging:
            self.github.http.graphql(DISABLE, id=found.node)


def _method(plain: Fields) -> str:
    for method, switch in _METHODS:
        if plain.flag("base", "repo", switch, default=True):
            return method
    raise ToolError(
        f"{plain.endpoint}: the repository allows no kind of merge", "allow squash merges in its settings"
    )


def _parts(message: str) -> tuple[str, str]:
    """A commit message as its first line and the rest."""
    title, _, body = message.strip().partition("\n")
    return title, body.strip()
