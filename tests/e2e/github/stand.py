"""A repository on a stand-in of GitHub, ready to be worked on: people, clones, pull requests, played workflows."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.repositories import Repo

from . import provided
from .calls import Token
from .client import Got
from .gateway import Gateway
from .runner import Played, Runner

# Ada keeps the repository, Bob works on it, Eve is a stranger; the app proposes promotions.
PEOPLE: Mapping[str, Token] = {
    "ada-token": Token("ada"),
    "bob-token": Token("bob"),
    "eve-token": Token("eve"),
    "app-token": Token("promoter[bot]", bot=True),
}


@dataclass
class Stand:
    """One stand with its first repository."""

    folder: Path
    gateway: Gateway
    runner: Runner
    repository: str

    @classmethod
    def start(
        cls,
        folder: Path,
        *,
        repositories: Sequence[str] = ("acme/model",),
        tokens: Mapping[str, Token] = PEOPLE,
        actions: Mapping[str, Path] | None = None,
        secrets: Mapping[str, str] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Stand:
        command, act = provided.emulate_command(), provided.tool("act")
        known = {token.login for token in tokens.values()}
        gateway = Gateway.start(
            folder / "github",
            command,
            tokens=tokens,
            repositories=repositories,
            organisations={"acme": {"ada": "admin"}},
            roles={name: {"bob": "write"} if "bob" in known else {} for name in repositories},
        )
        runner = Runner(gateway, act, folder / "runs", actions=actions, secrets=secrets, environ=environ)
        return cls(folder, gateway, runner, repositories[0])

    def close(self) -> None:
        self.gateway.close()

    # ---- Git

    def clone(self, token: str = "ada-token", repository: str = "", name: str = "") -> Repo:
        """Somebody's clone, made on the first call; the token stands in no file of it."""
        repository = repository or self.repository
        path = self.folder / (name or f"{token}-{repository.replace('/', '-')}")
        repo = Repo(path)
        if not path.exists():
            repo = Repo.init(path)
            repo.git("remote", "add", "origin", f"{self.gateway.address}/{repository}.git")
        return repo

    def git(self, repo: Repo, token: str, *args: str) -> str:
        """Git with a token: for what speaks to the server."""
        value = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        return repo.git("-c", f"http.extraHeader=Authorization: Basic {value}", *args)

    def push(self, repo: Repo, branch: str, token: str = "ada-token", *flags: str) -> str:
        """Push HEAD to a branch; gives its SHA."""
        self.git(repo, token, "push", "--quiet", *flags, "origin", f"HEAD:refs/heads/{branch}")
        return repo.git("rev-parse", "HEAD")

    def fetch(self, repo: Repo, token: str = "ada-token", *refs: str) -> None:
        self.git(repo, token, "fetch", "--quiet", "origin", *refs)

    # ---- API

    def api(self, method: str, path: str, body: Any = None, token: str = "ada-token") -> Got:
        """Ask about the stand's repository: a path that does not begin with / is below it."""
        full = path if path.startswith("/") else f"/repos/{self.repository}/{path}".rstrip("/")
        return self.gateway.api(method, full, body, token=token)

    def must(self, method: str, path: str, body: Any = None, token: str = "ada-token") -> Any:
        """The body of an answer that is a success."""
        got = self.api(method, path, body, token)
        assert 200 <= got.status < 300, (method, path, got.status, got.body)
        return got.body

    def open_pull(
        self, head: str, base: str = "main", token: str = "ada-token", **more: Any
    ) -> dict[str, Any]:
        body = {"title": f"Try {head}", "head": head, "base": base, **more}
        pull: dict[str, Any] = self.must("POST", "pulls", body, token)
        return pull

    def comments(self, number: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.must("GET", f"issues/{number}/comments?per_page=100")
        return found

    def play(self) -> list[Played]:
        """Run every workflow that was started since the last time."""
        return self.runner.play()

    def artifact(self, name: str) -> dict[str, bytes]:
        """The files of the newest artifact of a name."""
        kept = [one for one in self.gateway.artifacts.kept.values() if one.name == name]
        assert kept, f"no artifact {name}, only {[one.name for one in self.gateway.artifacts.kept.values()]}"
        return self.gateway.artifacts.files(kept[-1])

    def events(self) -> list[str]:
        return [event.label for event in self.gateway.events.delivered]
