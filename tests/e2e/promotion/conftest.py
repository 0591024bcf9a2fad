"""One stand for all tests of promotions; each takes a repository of its own, and all of those begin alike."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from mlops_ci.adapters.git import Git
from mlops_ci.adapters.git_access import Access
from mlops_ci.adapters.github import GitHub
from mlops_ci.adapters.github_http import Clock
from mlops_ci.adapters.github_promotions import GitHubPromotions
from mlops_ci.forge import Proposal
from mlops_ci.promoting.apply import Applied, Wanted, apply
from tests.e2e.github.calls import Answer, Token
from tests.e2e.github.server import Incoming
from tests.e2e.github.stand import PEOPLE, Stand
from tests.promoting.conftest import MANIFEST
from tests.repositories import Repo

NAMES = [f"acme/deploy-{number}" for number in range(36)]
BOT = "app-token"
ROUTINE = ("/graphql", "/git-upload-pack")


@dataclass
class Hub:
    """The stand, the repositories that are free yet, and a clone of what they all hold."""

    stand: Stand
    first: Repo
    folder: Path
    free: Iterator[str] = field(default_factory=lambda: iter(NAMES))
    numbers: Iterator[int] = field(default_factory=count)


@dataclass
class Job:
    """A repository on the stand and a checkout that promotes."""

    hub: Hub
    repository: str
    clone: Repo
    ada: Repo

    # ---- the run

    def environ(self, token: str = BOT) -> dict[str, str]:
        address = self.hub.stand.gateway.address
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": self.repository,
            "GITHUB_SERVER_URL": address,
            "GITHUB_API_URL": address,
            "GITHUB_TOKEN": token,
        }

    def forge(self, token: str = BOT) -> GitHubPromotions:
        return GitHubPromotions(GitHub.of(self.environ(token), clock=Clock(sleep=lambda _: None)))

    def git(self, token: str = BOT, clone: Repo | None = None) -> Git:
        return Git.open((clone or self.clone).path, Access.of(self.environ(token)))

    def another(self) -> Repo:
        """One more checkout, as another runner has it."""
        path = self.hub.folder / f"another-{next(self.hub.numbers)}"
        repo = Repo.clone(self.clone.path, path, "--shared")
        repo.git("remote", "set-url", "origin", self.clone.git("remote", "get-url", "origin"))
        return repo

    def fetch(self) -> str:
        """Have the base branch; gives its commit."""
        base = self.at("main") or ""
        if self.git().resolve(base) is None:
            self.git().fetch("refs/heads/main")
        return base

    def apply(
        self, *proposals: Proposal, token: str = BOT, clone: Repo | None = None, **more: Any
    ) -> tuple[Applied, ...]:
        wanted = Wanted(**{"branch": "main", "base": self.fetch(), "proposals": proposals, **more})
        return apply(self.forge(token), self.git(token, clone), wanted)

    def happened(self, *proposals: Proposal, **more: Any) -> dict[str, str]:
        return {
            one.branch.removeprefix("mlops-ci/promote/"): one.happened
            for one in self.apply(*proposals, **more)
        }

    # ---- people

    def person(self, branch: str, *, amend: bool = False, **files: str) -> str:
        """Ada commits on a branch and pushes it."""
        stand = self.hub.stand
        stand.fetch(self.ada, "ada-token", branch)
        self.ada.git("checkout", "--quiet", "--detach", "FETCH_HEAD")
        if amend:
            for name, text in files.items():
                self.ada.write(name, text)
            self.ada.git("add", "--all")
            self.ada.git("commit", "--quiet", "--amend", "--no-edit")
        else:
            self.ada.commit("By hand", **files)
        return stand.push(self.ada, branch, "ada-token", *(["--force"] if amend else []))

    def must(self, method: str, path: str, body: Any = None, token: str = "ada-token") -> Any:
        return self.hub.stand.must(method, f"/repos/{self.repository}/{path}".rstrip("/"), body, token)

    # ---- what there is

    def at(self, branch: str) -> str | None:
        return self.hub.stand.gateway.forge.bare(self.repository).branch(branch)

    def pulls(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.must(
            "GET", "pulls?state=all&per_page=100&sort=created&direction=asc"
        )
        return found

    def comments(self, number: int) -> list[str]:
        return [one["body"] for one in self.must("GET", f"issues/{number}/comments")]

    def state(self) -> Any:
        """Everything that a run writes, without the numbers that depend on who was first."""
        refs = self.hub.stand.gateway.forge.bare(self.repository).refs()
        pulls = sorted(
            json.dumps(
                [
                    *(one["head"]["ref"], one["title"], one["body"], one["state"]),
                    bool(one["merged_at"]),
                    sorted(label["name"] for label in one["labels"]),
                    sorted(person["login"] for person in one["requested_reviewers"]),
                    self.comments(one["number"]),
                ]
            )
            for one in self.pulls()
        )
        trees = {
            ref: self.hub.stand.gateway.forge.bare(self.repository)
            .git("rev-parse", f"{sha}^{{tree}}")
            .strip()
            for ref, sha in refs.items()
            if ref.startswith("refs/heads/")
        }
        return trees, pulls

    def writes(self) -> list[str]:
        """The requests that changed something, in order."""
        every = self.hub.stand.gateway.requests
        mine = (one for one in every if one.login == "promoter[bot]")
        return [
            f"{one.method} {one.operation}"
            for one in mine
            if self.repository in one.path and one.method != "GET" and not one.path.endswith(ROUTINE)
        ]

    def seen(self, after: Callable[[Incoming], None]) -> None:
        """Tell of every write of a run once it was carried out, and before its answer goes out; None ends it."""
        gateway = self.hub.stand.gateway
        answer = type(gateway).answer

        def told(incoming: Incoming) -> Answer:
            done = answer(gateway, incoming)
            if is_write(incoming) and incoming.secret == BOT:
                after(incoming)
            return done

        gateway.answer = told  # type: ignore[method-assign]


def is_write(incoming: Incoming) -> bool:
    if incoming.path == "/graphql":
        return b"mutation" in incoming.data
    return incoming.method != "GET" and not incoming.path.endswith("/git-upload-pack")


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("promotions")
    tokens = {**PEOPLE, BOT: Token("promoter[bot]", bot=True)}
    stand = Stand.start(folder / "stand", repositories=NAMES, tokens=tokens)
    first = Repo.init(folder / "first")
    for environment in ("staging", "production"):
        for model in ("iris", "wine", "oak"):
            first.write(MANIFEST.format(environment).replace("iris", model), f"image: {model}:v1\n")
    first.write(".github/CODEOWNERS", "* @bob\n")
    first.commit("Manifests")
    yield Hub(stand, first, folder)
    stand.close()
    assert stand.gateway.violations == []


@pytest.fixture
def make_job(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Job]]:
    """A repository that nobody has used yet; what people commit has the same name in all of them."""
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_DATE", "2026-12-01T12:00:00Z")

    def make() -> Job:
        name = next(hub.free)
        path = hub.folder / name.replace("/", "-")
        path.mkdir()
        clone, ada = (Repo.clone(hub.first.path, path / who, "--shared") for who in ("clone", "ada"))
        for repo in (clone, ada):
            repo.git("remote", "set-url", "origin", f"{hub.stand.gateway.address}/{name}.git")
        hub.stand.push(ada, "main")
        return Job(hub, name, clone, ada)

    yield make
    vars(hub.stand.gateway).pop("answer", None)


@pytest.fixture
def job(make_job: Callable[[], Job]) -> Job:
    return make_job()
