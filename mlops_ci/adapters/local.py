"""The embedded forge: pull requests and comments in one JSON file inside a Git folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypedDict, TypeVar
from urllib.parse import unquote, urlsplit

from mlops_ci.adapters import files
from mlops_ci.adapters.git import Git
from mlops_ci.errors import ConfigError, ToolError
from mlops_ci.forge import Comment, PullRequest

T = TypeVar("T")


class _State(TypedDict):
    pulls: list[dict[str, Any]]
    comments: list[dict[str, Any]]


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
        for plain in self._load()["pulls"]:
            if plain["number"] == number:
                return _pull(plain)
        raise ConfigError(
            f"there is no pull request #{number} here", "`mlops-ci pr` opens one for your branch"
        )

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

        def change(state: _State) -> PullRequest:
            plain = next(p for p in state["pulls"] if p["number"] == number)
            plain["state"] = "merged"
            return _pull(plain)

        return self._change(change)

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
                "id": 1 + len(state["comments"]),
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

    @property
    def _file(self) -> Path:
        return self.folder / "forge.json"

    def _comment(self, plain: dict[str, Any]) -> Comment:
        ours = plain["author"] == self.account
        url = f"{self._file.as_uri()}#comment-{plain['id']}"
        return Comment(plain["id"], plain["author"], plain["body"], ours, url)

    def _load(self) -> _State:
        if not self._file.exists():
            return {"pulls": [], "comments": []}
        try:
            state: _State = json.loads(self._file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ToolError(
                f"{self._file}: not readable as JSON ({error})", "move the file away to start anew"
            ) from error
        return state

    def _change(self, change: Callable[[_State], T]) -> T:
        with files.locked(self.folder / "forge.lock"):
            state = self._load()
            result = change(state)
            text = json.dumps(state, indent=1, ensure_ascii=False)
            files.write(self._file, text.encode())
        return result


def _pull(plain: dict[str, Any]) -> PullRequest:
    # JSON has no tuples.
    return PullRequest(**{**plain, "labels": tuple(plain.get("labels", ()))})
