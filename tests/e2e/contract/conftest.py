"""One stand for all tests of the contract, and on it a pull request with one of the two publishers."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from mlops_ci.adapters.cml import Cml
from mlops_ci.adapters.git import Git
from mlops_ci.adapters.github import GitHub
from mlops_ci.adapters.publishing import Published, Report, publish
from mlops_ci.adapters.revisions import find
from mlops_ci.adapters.terminal import Terminal
from mlops_ci.outlets import Outlets, Posted
from mlops_ci.report import marker, read_marker
from tests.adapters.github_tls import identity
from tests.e2e.conftest import Toy
from tests.e2e.github.calls import Token
from tests.e2e.github.forge import ACTIONS_BOT
from tests.e2e.github.stand import PEOPLE, Stand
from tests.repositories import Repo
from tests.tools import without

from . import enterprise

TOKEN = "ghs_" + "t0k3n" * 7
READER = "ghs_" + "r3ad3r" * 6
# What the token of a job may do that was given no more than reading.
READS = dict.fromkeys(("contents", "issues", "pull_requests", "checks"), "read")
SHARED = "acme/model"
ALONE = [f"acme/toy-{number}" for number in range(40)]
PUBLISHERS = ["api", "cml", pytest.param("real cml", marks=pytest.mark.needs_cml)]


@dataclass
class Hub:
    """A stand with a front door for CML, which speaks https alone; ``free`` repositories are given out one by one."""

    stand: Stand
    door: str
    authority: Path
    numbers: Iterator[int] = field(default_factory=count)
    free: Iterator[str] = field(default_factory=lambda: iter(ALONE))


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("hub")
    bot = Token(ACTIONS_BOT, bot=True, workflow=True)
    reader = Token(ACTIONS_BOT, READS, bot=True, workflow=True)
    tokens = {**PEOPLE, TOKEN: bot, READER: reader}
    with ExitStack() as stack:
        stand = Stand.start(folder / "stand", repositories=(SHARED, *ALONE), tokens=tokens)
        stack.callback(stand.close)
        proof = identity(folder)
        door = stack.enter_context(enterprise.opened(stand.gateway.address, proof.server))
        first = stand.clone()
        first.commit("Begin", params__yaml="lr: 0.1\n")
        stand.push(first, "main")
        yield Hub(stand, door, proof.authority)


@pytest.fixture(params=PUBLISHERS)
def publisher(request: pytest.FixtureRequest) -> str:
    """Who posts: the forge's API, CML as it was recorded, or the real command."""
    found: str = request.param
    if found == "real cml" and shutil.which("cml") is None:
        without("cml", "the cml command is not on PATH: it comes with the action iterative/setup-cml")
    return found


@dataclass
class Desk:
    """A pull request, the checkout of a job for it, and who posts there."""

    hub: Hub
    publisher: str
    repository: str
    number: int
    sha: str
    checkout: Path
    record: Path

    @property
    def stand(self) -> Stand:
        return self.hub.stand

    @property
    def http(self) -> str:
        """Where the job's GitHub is."""
        return self.stand.gateway.address if self.publisher == "api" else self.hub.door

    def environ(self, event: Any = None, name: str = "pull_request", **more: str) -> dict[str, str]:
        """What GitHub tells a job; ``cml`` is on its PATH where it shall post."""
        own = {"full_name": self.repository}
        sides = {"head": {"sha": self.sha, "repo": own}, "base": {"repo": own}}
        told = event or {"pull_request": {"number": self.number, **sides}}
        path = self.record.parent / "event.json"
        path.write_text(json.dumps(told))
        return {
            "PATH": f"{self.record.parent}:{os.environ['PATH']}",
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": self.repository,
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_SERVER_URL": self.http,
            "GITHUB_API_URL": self.http if self.publisher == "api" else self.http + enterprise.API,
            "GITHUB_EVENT_NAME": name,
            "GITHUB_EVENT_PATH": str(path),
            "GITHUB_SHA": Repo(self.checkout).git("rev-parse", "HEAD"),
            "GITHUB_REF": f"refs/pull/{self.number}/merge",
            "GITHUB_HEAD_REF": "topic",
            "GITHUB_BASE_REF": "main",
            "GITHUB_RUN_ID": "4711",
            "GITHUB_OUTPUT": str(self.record.parent / "output"),
            "GITHUB_STEP_SUMMARY": str(self.record.parent / "summary.md"),
            "REQUESTS_CA_BUNDLE": str(self.hub.authority),
            "NODE_EXTRA_CA_CERTS": str(self.hub.authority),
            **more,
        }

    def post(self, text: str, **environ: Any) -> Posted:
        """As a job posts a report."""
        git = Git.open(self.checkout)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environ(**environ).items():
                patch.setenv(name, value)
            patch.chdir(self.checkout)
            return Outlets.of(Terminal()).post(text, git, find(git, os.environ))

    def publish(self, text: str, name: str) -> Published:
        """Post one of several reports on a pull request, which differ in their names."""
        with pytest.MonkeyPatch.context() as patch:
            for variable, value in self.environ().items():
                patch.setenv(variable, value)
            cml = Cml.of(os.environ, token=TOKEN)
            return publish(
                GitHub.of(os.environ), self.number, Report(text, self.sha, name), _created, cml=cml
            )

    def text(self, words: str, hour: int = 1) -> str:
        """A report that was made at an hour."""
        return f"{marker(commit=self.sha, created=f'2026-11-28T{hour:02d}:00:00.000000Z')}\n{words}\n"

    def others(self, number: int) -> None:
        """So many people talk."""
        for at in range(number):
            path = f"/repos/{self.repository}/issues/{self.number}/comments"
            self.stand.gateway.forge.emulate.must("POST", path, {"body": f"talk {at}"}, "eve")

    def comments(self, login: str = ACTIONS_BOT) -> list[str]:
        """What somebody's comments say, oldest first."""
        path = f"/repos/{self.repository}/issues/{self.number}/comments"
        found = self.stand.gateway.forge.emulate.pages(path)
        return [one["body"] for one in found if one["user"]["login"] == login]

    @property
    def called(self) -> list[dict[str, Any]]:
        """The calls of the recorded cml."""
        lines = self.record.read_text().splitlines() if self.record.exists() else []
        return [json.loads(line) for line in lines]

    def ours(self, words: str, hour: int = 1) -> str:
        """What a comment with a report looks like, by whichever publisher."""
        mark = f'![](https://cml.dev/watermark.png#{self.sha} "CML watermark mlops-ci")'
        return f"{self.text(words, hour)}\n\n{mark}"


def _created(body: str) -> str | None:
    found = read_marker(body)
    return found.created if found else None


def installed(folder: Path, publisher: str) -> Path:
    """Put the recorded cml into a folder; gives the file that will hold its calls."""
    folder.mkdir(exist_ok=True)
    record = folder / "calls.jsonl"
    source = (Path(__file__).parent / "cml_command.py").read_text()
    if publisher == "cml":
        end = f"\n\nsys.exit(main(Path({str(record)!r}), sys.argv[1:]))\n"
        (folder / "cml").write_text(f"#!{sys.executable}\n{source}{end}")
        (folder / "cml").chmod(0o755)
    return record


@pytest.fixture
def desk(hub: Hub, publisher: str, tmp_path: Path) -> Iterator[Desk]:
    """A pull request of its own, and its checkout."""
    branch = f"topic-{next(hub.numbers)}"
    repo = Repo.init(tmp_path / "checkout")
    repo.git("remote", "add", "origin", f"{hub.stand.gateway.address}/{SHARED}.git")
    hub.stand.fetch(repo)
    repo.git("checkout", "--quiet", "-b", branch, "origin/main")
    sha = repo.commit(f"Try {branch}", tried=branch)
    hub.stand.push(repo, branch)
    number = hub.stand.open_pull(branch)["number"]
    record = installed(tmp_path / "job", publisher)
    yield Desk(hub, publisher, SHARED, number, sha, repo.path, record)
    assert hub.stand.gateway.violations == []


@pytest.fixture
def job(hub: Hub, publisher: str, toy: Toy, tmp_path: Path) -> Iterator[Desk]:
    """The toy project with rules, a pull request whose model is worse, and a job's checkout of its merge."""
    toy.configure()
    toy.edit("params.yaml", "noise: 0.3", "noise: 1.5")
    repository = next(hub.free)
    sha = toy.propose("topic")
    address = f"{hub.stand.gateway.address}/{repository}.git"
    for branch in ("main", "topic"):
        hub.stand.git(
            toy.author, "ada-token", "push", "--quiet", "--force", address, f"{branch}:refs/heads/{branch}"
        )
    pull = hub.stand.must(
        "POST", f"/repos/{repository}/pulls", {"title": "Try", "head": "topic", "base": "main"}
    )
    # Beside the storage, which DVC's configuration names from here.
    checkout = toy.folder / "checkout"
    record = installed(tmp_path / "job", publisher)
    clone = Repo.clone(toy.origin.path, checkout, "--branch", "main")
    clone.git("merge", "--quiet", "--no-ff", "-m", "merge", "origin/topic")
    clone.git("checkout", "--quiet", "--detach")
    yield Desk(hub, publisher, repository, pull["number"], sha, checkout, record)
    assert hub.stand.gateway.violations == []
