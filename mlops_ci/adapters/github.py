"""GitHub as a forge: pull requests, their comments, and who we are there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from mlops_ci.adapters.github_errors import GitHubError
from mlops_ci.adapters.github_http import Clock, Http, Limits, segment
from mlops_ci.adapters.github_settings import Settings
from mlops_ci.adapters.github_wire import Fields
from mlops_ci.errors import ToolError
from mlops_ci.forge import Comment, PullRequest

VIEWER = "query { viewer { login } }"
MINIMIZE = """\
mutation($id: ID!) {
  minimizeComment(input: {subjectId: $id, classifier: OUTDATED}) { minimizedComment { isMinimized } }
}"""

Reaction = Literal["+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"]


@dataclass(frozen=True)
class GitHub:
    """One repository on GitHub, asked with one token; satisfies ``Forge``.

    Every method raises ToolError where GitHub refuses or cannot be reached; mostly it is a
    GitHubError, which knows the status. What else GitHub has stands in ``github_*.py``, as
    functions that take this.
    """

    http: Http

    @classmethod
    def of(
        cls,
        environ: Mapping[str, str],
        *,
        from_fork: bool = False,
        clock: Clock | None = None,
        limits: Limits | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> GitHub:
        """The GitHub that the environment names; ``say`` hears of long waits.

        ``from_fork``: the run belongs to a fork's pull request, whose token only reads.

        Raises:
            ConfigError: the repository or the token is missing, or an address cannot be used.
        """
        return cls(Http(Settings.of(environ, from_fork=from_fork), clock=clock, limits=limits, say=say))

    @property
    def repository(self) -> str:
        """``owner/name``."""
        return self.http.settings.repository

    def path(self, *parts: str | int) -> str:
        """The path of a thing in this repository; the parts are quoted."""
        return "/".join((f"/repos/{self.repository}", *(segment(str(part)) for part in parts)))

    def account(self) -> str:
        """The login whose token this is, ``NAME[bot]`` for an App's; asked once."""
        return self._account

    @cached_property
    def _account(self) -> str:
        # Unlike REST's `GET /user`, GraphQL answers the token of an App's installation too.
        try:
            return self.http.graphql(VIEWER).text("viewer", "login")
        except GitHubError as error:
            if error.status != 404:
                raise
        return self.http.get("/user").text("login")

    # ---- pull requests -----------------------------------------------------------------------

    def pull_request(self, number: int) -> PullRequest:
        """The pull request of that number."""
        return pull(self.http.get(self.path("pulls", number)))

    def pull_requests(self, *, head: str = "", state: str = "open") -> tuple[PullRequest, ...]:
        """All pull requests in one state (``all``: in any), newest first, of one head branch if given.

        ``head`` is a branch of this repository, or ``OWNER:BRANCH`` for one of a fork.
        """
        asked = {"state": "closed" if state == "merged" else state, "sort": "created", "direction": "desc"}
        branch = head.rpartition(":")[2]
        if head:
            asked["head"] = head if ":" in head else f"{self.repository.partition('/')[0]}:{head}"
        found = map(pull, self.http.pages(self.path("pulls"), **asked))
        # GitHub ignores a filter that it does not understand.
        return tuple(p for p in found if state in ("all", p.state) and branch in ("", p.head))

    def pull_requests_of(self, sha: str) -> tuple[PullRequest, ...]:
        """The open pull requests whose head is this commit, forks included.

        Several where several branches, or a fork's copy, end in it: ``head_repository`` tells them
        apart.
        """
        found = tuple(p for p in self._associated(sha) if p.head_commit == sha and p.state == "open")
        # GitHub does not associate a commit that only a fork has.
        return found or tuple(p for p in self.pull_requests() if p.head_commit == sha)

    def pull_requests_merged_by(self, sha: str) -> tuple[PullRequest, ...]:
        """The merged pull requests that brought this commit."""
        return tuple(p for p in self._associated(sha) if p.state == "merged")

    def _associated(self, sha: str) -> tuple[PullRequest, ...]:
        try:
            return tuple(map(pull, self.http.pages(self.path("commits", sha, "pulls"))))
        except GitHubError as error:
            # 422: no such commit here.
            if error.status in (404, 422):
                return ()
            raise

    # ---- comments ----------------------------------------------------------------------------

    def comments(self, number: int) -> tuple[Comment, ...]:
        """Every comment of a pull request, oldest first, all pages."""
        return tuple(map(self._comment, self._comments(number)))

    def comment(self, comment: int) -> Comment:
        """One comment as it is now."""
        return self._comment(self.http.get(self.path("issues", "comments", comment)))

    def create_comment(self, number: int, body: str) -> Comment:
        """Post a new comment; after a cut connection only where it is not there already."""

        def posted() -> Any:
            same = (f.plain for f in self._comments(number) if _alike(self._comment(f), body))
            return next(same, None)

        path = self.path("issues", number, "comments")
        return self._comment(self.http.post(path, {"body": body}, done=posted), ours=True)

    def update_comment(self, number: int, comment: int, body: str) -> Comment:
        """Replace the body of one of our comments; somebody else's is an error."""
        self._own(comment, number)
        path = self.path("issues", "comments", comment)
        return self._comment(self.http.patch(path, {"body": body}), ours=True)

    def delete_comment(self, number: int, comment: int) -> None:
        """Remove one of our comments; somebody else's is an error."""
        self._own(comment, number)
        self.http.delete(self.path("issues", "comments", comment))

    def minimize_comment(self, comment: Comment) -> None:
        """Fold a comment as outdated."""
        self.http.graphql(MINIMIZE, id=comment.node)

    def react(self, comment: int, content: Reaction) -> None:
        """Put a reaction of ours under a comment; once, however often it is called."""
        path = self.path("issues", "comments", comment, "reactions")
        self.http.post(path, {"content": content}, repeatable=True)

    def _comments(self, number: int) -> Iterator[Fields]:
        return self.http.pages(self.path("issues", number, "comments"))

    def _own(self, comment: int, number: int) -> None:
        """Refuse what is not ours: a token may change every comment of its repository."""
        found = self.http.get(self.path("issues", "comments", comment))
        place = found.text("issue_url", default=f"/{number}")
        if not self._is_ours(found) or not place.endswith(f"/{number}"):
            raise ToolError(f"comment {comment} of pull request #{number} is not ours")

    def _comment(self, found: Fields, *, ours: bool | None = None) -> Comment:
        return Comment(
            id=found.number("id"),
            # Null where the account is gone.
            author=found.text("user", "login", default=""),
            body=found.text("body", default=""),
            ours=self._is_ours(found) if ours is None else ours,
            url=found.text("html_url", default=""),
            node=found.text("node_id", default=""),
            created=found.text("created_at", default=""),
            updated=found.text("updated_at", default=""),
            bot=found.text("user", "type", default="User") != "User",
        )

    def _is_ours(self, found: Fields) -> bool:
        """Whether our account wrote a comment; of a bot also the kind and the App must be right."""
        account = self.account().lower()
        if found.text("user", "login", default="").lower() != account:
            return False
        if not account.endswith("[bot]"):
            return True
        app = found.text("performed_via_github_app", "slug", default="")
        kind = found.text("user", "type", default="Bot")
        return kind == "Bot" and (not app or f"{app.lower()}[bot]" == account)


def pull(found: Fields) -> PullRequest:
    """A pull request out of what GitHub says of it."""
    merged = found.has("merged_at")
    # Null where the fork is gone.
    source = found.text("head", "repo", "full_name", default="")
    return PullRequest(
        number=found.number("number"),
        title=found.text("title"),
        head=found.text("head", "ref"),
        base=found.text("base", "ref"),
        head_commit=found.text("head", "sha"),
        state="merged" if merged else ("open" if found.text("state") == "open" else "closed"),
        author=found.text("user", "login", default=""),
        body=found.text("body", default=""),
        url=found.text("html_url", default=""),
        fork=source.lower() != found.text("base", "repo", "full_name").lower(),
        draft=found.flag("draft", default=False),
        labels=tuple(label.text("name") for label in found.items("labels", default=())),
        head_repository=source,
        base_commit=found.text("base", "sha", default=""),
        node=found.text("node_id", default=""),
        asked=_asked(found),
        merging=found.text("auto_merge", "enabled_by", "login", default=""),
        merged_at=found.text("merged_at", default=""),
        merged_by=found.text("merged_by", "login", default="") if merged else "",
        # Of an open one it is a commit that GitHub tries out.
        merge_commit=found.text("merge_commit_sha", default="") if merged else "",
    )


def _asked(found: Fields) -> tuple[str, ...]:
    people = found.items("requested_reviewers", default=())
    teams = found.items("requested_teams", default=())
    owner = found.text("base", "repo", "full_name").partition("/")[0]
    return tuple(
        [f"@{one.text('login')}" for one in people] + [f"@{owner}/{one.text('slug')}" for one in teams]
    )


def _alike(comment: Comment, body: str) -> bool:
    """Whether a comment of ours says this; GitHub may change line ends and outer blanks."""
    return comment.ours and _plain(comment.body) == _plain(body)


def _plain(body: str) -> str:
    return body.replace("\r\n", "\n").strip()
