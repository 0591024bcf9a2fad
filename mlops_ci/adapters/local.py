"""The embedded forge: pull requests and comments in one JSON file inside a Git folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict, TypeVar
from urllib.parse import unquote, urlsplit

from mlops_ci.adapters import files, local_merges
from mlops_ci.adapters.git import BOT_EMAIL, Git
from mlops_ci.errors import ConfigError, ToolError
from mlops_ci.forge import Comment, Merging, PullRequest, Review

T = TypeVar("T")


class _State(TypedDict):
    pulls: list[dict[str, Any]]
    comments: list[dict[str, Any]]
    reviews: list[dict[str, Any]]


@dataclass(frozen=True)
class LocalForge:
    """A forge without a server: ``folder`` is ``mlops-ci`` inside a .git folder, never the work tree.

    Several processes may use it at once; every change is made under a lock and written whole.
    """

    folder: Path
    account: str = "mlops-ci"

    @classmethod
    def beside(cls, git: Git) -> LocalForge:
        """The forge of a repository: in its local origin where it has one, else in its own .git."""
        url = git.remote_url()
        path = Path(unquote(urlsplit(url).path)) if url.startswith("file://") else git.root / url
        if url and path.is_dir():
            inner = path / ".git"
            return cls((inner if inner.is_dir() else path) / "mlops-ci")
        return cls(git.git_dir() / "mlops-ci")

    def pull_request(self, number: int) -> PullRequest:
        """The pull request of that number.

        Raises:
            ConfigError: there is none.
        """
        return _pull(_plain(self._load(), number))

    def pull_requests(self, *, head: str = "", state: str = "open") -> tuple[PullRequest, ...]:
        """All pull requests in one state, newest first, of one head branch where it is given."""
        found = (_pull(plain) for plain in reversed(self._load()["pulls"]))
        return tuple(p for p in found if p.state == state and head in ("", p.head))

    def open(self, *, head: str, base: str, head_commit: str, title: str, author: str = "") -> PullRequest:
        """The open pull request of a branch, opened now where there is none; its head is moved along."""

        def change(state: _State) -> PullRequest:
            for plain in state["pulls"]:
                if plain["state"] == "open" and plain["head"] == head:
                    plain["head_commit"] = head_commit
                    return _pull(plain)
            number = 1 + len(state["pulls"])
            made = PullRequest(number, title, head, base, head_commit, author=author)
            state["pulls"].append(asdict(made))
            return made

        return self._change(change)

    def merged(self, number: int) -> PullRequest:
        """Note that a pull request was merged."""
        return self._alter(number, state="merged")

    # ---- promotions --------------------------------------------------------------------------

    def promotions(
        self,
        prefix: str,
        *,
        since: datetime | None = None,  # noqa: ARG002 - there are few
    ) -> tuple[PullRequest, ...]:
        """The pull requests of branches that begin so, newest first, in every state.

        An open one is where its branch is now; one whose commit has come to its base is merged.
        """
        known = (_pull(plain) for plain in reversed(self._load()["pulls"]))
        found = [one for one in known if one.head.startswith(prefix)]
        heads = local_merges.heads(self._git) if found else {}
        return tuple(self._settled(one, heads) for one in found)

    def _settled(self, pull: PullRequest, heads: dict[str, str]) -> PullRequest:
        head, base = heads.get(pull.head), heads.get(pull.base)
        if pull.state != "open" or head is None or base is None:
            return pull
        if local_merges.holds(self._git, base, head):
            return self._merged(pull.number, head, *local_merges.arrival(self._git, base, head))
        return replace(pull, head_commit=head)

    def propose(self, *, head: str, base: str, title: str, body: str) -> PullRequest:
        """The open pull request of a branch into another, opened now where there is none.

        Raises:
            ToolError: there is no such branch.
        """
        commit = local_merges.heads(self._git).get(head)
        if commit is None:
            raise ToolError(f"there is no branch {head} to open a pull request for", "push it first")

        def change(state: _State) -> PullRequest:
            for plain in state["pulls"]:
                if (plain["state"], plain["head"], plain["base"]) == ("open", head, base):
                    return _pull(plain)
            number = 1 + len(state["pulls"])
            made = PullRequest(number, title, head, base, commit, author=self.account, body=body)
            state["pulls"].append(asdict(made))
            return made

        return self._change(change)

    def revise(self, number: int, *, title: str, body: str, base: str) -> None:
        """Give a pull request another title, body or base."""
        self._alter(number, title=title, body=body, base=base)

    def withdraw(self, number: int, body: str) -> None:
        """Close a pull request without merging, and give it its last body in the same step."""
        self._alter(number, state="closed", body=body)

    def close(self, number: int) -> PullRequest:
        """Close a pull request without merging, as a person does who does not want it."""
        return self._alter(number, state="closed")

    def add_labels(self, number: int, names: Sequence[str]) -> None:
        """Put labels on a pull request."""
        self._relabel(number, lambda labels: [*labels, *(name for name in names if name not in labels)])

    def remove_label(self, number: int, name: str) -> None:
        """Take a label off a pull request, if it is there."""
        self._relabel(number, lambda labels: [one for one in labels if one != name])

    def _relabel(self, number: int, change: Callable[[list[str]], list[str]]) -> None:
        def apply(state: _State) -> None:
            plain = _plain(state, number)
            plain["labels"] = change(list(plain.get("labels", ())))

        self._change(apply)

    def ask_reviews(self, number: int, people: Sequence[str]) -> tuple[str, ...]:
        """Note who is to review; whoever looks may do it (`review`)."""
        self._alter(number, asked=[*dict.fromkeys((*self.pull_request(number).asked, *people))])
        return ()

    def review(self, number: int, user: str, state: str = "approved") -> None:
        """Note what somebody said of a pull request as its branch is now."""
        pull = self.pull_request(number)
        commit = local_merges.heads(self._git).get(pull.head, pull.head_commit)
        said = {"pull": number, "user": user, "state": state, "commit": commit, "at": _now()}
        self._change(lambda kept: kept["reviews"].append(said))

    def reviews(self, number: int) -> tuple[Review, ...]:
        """What was said of a pull request, oldest first."""
        found = (plain for plain in self._load()["reviews"] if plain["pull"] == number)
        return tuple(Review(one["user"], one["state"], one["commit"], one["at"]) for one in found)

    def merge(self, number: int, *, by: str, message: str = "") -> PullRequest:
        """Merge an open pull request as one commit with the message of its own, or another.

        Raises:
            ToolError: it is not open, its branch is gone, or it conflicts.
        """
        pull = self.pull_request(number)
        head = local_merges.heads(self._git).get(pull.head)
        if pull.state != "open" or head is None:
            raise ToolError(f"pull request #{number} is {pull.state} or its branch is gone")
        email = BOT_EMAIL if by == self.account else f"{by}@users.noreply.invalid"
        roles = {"NAME": by, "EMAIL": email}
        identity = {
            f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in roles.items()
        }
        text = message or local_merges.message(self._git, head)
        made = local_merges.squash(self._git, head, pull.base, text, identity)
        return self._merged(number, head, made, by)

    def merge_when_ready(self, number: int, *, commit: str, message: str) -> Merging:
        """Merge ``commit`` with this message: nothing is demanded here."""
        pull = self.pull_request(number)
        if pull.state != "open":
            return Merging(pull.merge_commit, "" if pull.merge_commit else "it was closed")
        if local_merges.heads(self._git).get(pull.head) != commit:
            return Merging(waits="its branch moved; the next run looks again")
        return Merging(self.merge(number, by=self.account, message=message).merge_commit)

    def keep_from_merging(self, number: int) -> None:
        """Nothing merges itself later here."""
        self.pull_request(number)

    def is_behind(self, number: int) -> bool:
        """Whether a pull request conflicts with its base."""
        pull = self.pull_request(number)
        heads = local_merges.heads(self._git)
        head, base = heads.get(pull.head), heads.get(pull.base)
        return bool(head and base) and local_merges.merged(self._git, str(base), str(head)) is None

    def is_us(self, login: str) -> bool:
        """Whether this is the account that asks."""
        return login == self.account

    def _merged(self, number: int, head: str, commit: str, by: str) -> PullRequest:
        facts = {"merged_at": _now(), "merged_by": by, "merge_commit": commit}
        return self._alter(number, state="merged", head_commit=head, **facts)

    def _alter(self, number: int, **values: Any) -> PullRequest:
        def change(state: _State) -> PullRequest:
            plain = _plain(state, number)
            plain.update(values)
            return _pull(plain)

        return self._change(change)

    @property
    def _git(self) -> Path:
        return self.folder.parent

    # ---- comments ----------------------------------------------------------------------------

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold other processes off while several steps belong together, such as look and then post."""
        with files.locked(self.folder / "post.lock"):
            yield

    def comments(self, number: int) -> tuple[Comment, ...]:
        """Every comment of a pull request, oldest first."""
        return tuple(self._comment(c) for c in self._load()["comments"] if c["pull"] == number)

    def create_comment(self, number: int, body: str) -> Comment:
        """Post a new comment."""
        self.pull_request(number)

        def change(state: _State) -> Comment:
            plain = {
                "id": 1 + max((one["id"] for one in state["comments"]), default=0),
                "pull": number,
                "author": self.account,
                "body": body,
            }
            state["comments"].append(plain)
            return self._comment(plain)

        return self._change(change)

    def update_comment(self, number: int, comment: int, body: str) -> Comment:
        """Replace the body of one of our comments.

        Raises:
            ToolError: the comment is gone or somebody else's.
        """

        def change(state: _State) -> Comment:
            for plain in state["comments"]:
                if (plain["id"], plain["pull"], plain["author"]) == (comment, number, self.account):
                    plain["body"] = body
                    return self._comment(plain)
            raise ToolError(f"comment {comment} of pull request #{number} is gone or not ours")

        return self._change(change)

    def delete_comment(self, number: int, comment: int) -> None:
        """Remove one of our comments; that it is gone is no error."""

        def change(state: _State) -> None:
            kept = (comment, number, self.account)
            state["comments"] = [
                one for one in state["comments"] if (one["id"], one["pull"], one["author"]) != kept
            ]

        self._change(change)

    @property
    def _file(self) -> Path:
        return self.folder / "forge.json"

    def _comment(self, plain: dict[str, Any]) -> Comment:
        ours = plain["author"] == self.account
        url = f"{self._file.as_uri()}#comment-{plain['id']}"
        return Comment(plain["id"], plain["author"], plain["body"], ours, url)

    def _load(self) -> _State:
        if not self._file.exists():
            return {"pulls": [], "comments": [], "reviews": []}
        try:
            state: _State = json.loads(self._file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ToolError(
                f"{self._file}: not readable as JSON ({error})", "move the file away to start anew"
            ) from error
        # One of an earlier version has none.
        state.setdefault("reviews", [])
        return state

    def _change(self, change: Callable[[_State], T]) -> T:
        with files.locked(self.folder / "forge.lock"):
            state = self._load()
            result = change(state)
            text = json.dumps(state, indent=1, ensure_ascii=False)
            files.write(self._file, text.encode())
        return result


def _plain(state: _State, number: int) -> dict[str, Any]:
    for plain in state["pulls"]:
        if plain["number"] == number:
            return plain
    raise ConfigError(f"there is no pull request #{number} here", "`mlops-ci pr` opens one for your branch")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _pull(plain: dict[str, Any]) -> PullRequest:
    # JSON has no tuples.
    lists = {name: tuple(plain.get(name, ())) for name in ("labels", "asked")}
    return PullRequest(**{**plain, **lists})
