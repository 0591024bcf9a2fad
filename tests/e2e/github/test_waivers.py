"""A waiver on the stand: CODEOWNERS in a real repository, comments of real accounts, every request as GitHub has it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests import forked
from tests.e2e.conftest import GATED, Toy
from tests.repositories import Repo

from .calls import Token
from .conftest import MakeStand
from .stand import Stand

REPORTS = {"contents": "read", "pull_requests": "write", "checks": "write"}
COMMANDS = {"actions": "write", "contents": "read", "pull_requests": "write"}
BOT = "github-actions[bot]"


@dataclass
class Story:
    """A pull request of Bob's whose model is worse, in a repository whose rules are Ada's."""

    stand: Stand
    toy: Toy
    number: int
    clone: Repo

    def mlops_ci(self, secret: str, event: str, payload: Any, *args: str) -> subprocess.CompletedProcess[str]:
        """A step of a job of GitHub Actions."""
        told = self.toy.folder / "event.json"
        told.write_text(json.dumps(payload))
        address = self.stand.gateway.address
        environ: Mapping[str, str] = {
            **os.environ,
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": address,
            "GITHUB_SERVER_URL": address,
            "GITHUB_REPOSITORY": self.stand.repository,
            "GITHUB_TOKEN": secret,
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(told),
            "GITHUB_SHA": self.clone.git("rev-parse", "HEAD"),
            "GITHUB_REF": f"refs/pull/{self.number}/merge",
            "GITHUB_HEAD_REF": "worse",
            "GITHUB_BASE_REF": "main",
            "GITHUB_RUN_ID": "1",
        }
        return forked.run(*args, cwd=self.clone.path, env=environ)

    def run(self) -> int:
        """The workflow of the pull request; gives the verdict's code."""
        pull = self.stand.must("GET", f"pulls/{self.number}")
        done = self.mlops_ci("reports", "pull_request", {"pull_request": pull}, "pr")
        assert [line for line in done.stderr.splitlines() if line.startswith("note:")] == []
        return done.returncode

    def says(self, who: str, body: str) -> dict[str, Any]:
        """A comment of somebody's."""
        found: dict[str, Any] = self.stand.must(
            "POST", f"issues/{self.number}/comments", {"body": body}, token=f"{who}-token"
        )
        return found

    def command(self, comment: dict[str, Any]) -> list[str]:
        """The workflow of commands, for one comment; gives what it answered."""
        before = len(self.answers())
        issue = {"number": self.number, "pull_request": {}}
        payload = {"action": "created", "comment": comment, "issue": issue}
        assert self.mlops_ci("commands", "issue_comment", payload, "command").returncode == 0
        return self.answers()[before:]

    def answers(self) -> list[str]:
        return [
            one["body"]
            for one in self.stand.comments(self.number)
            if one["user"]["login"] == BOT and "<!-- mlops-ci:report" not in one["body"]
        ]

    def report(self) -> str:
        (body,) = [
            str(one["body"])
            for one in self.stand.comments(self.number)
            if "<!-- mlops-ci:report" in one["body"]
        ]
        return body


def fetched(stand: Stand, repo: Repo) -> None:
    """The job's checkout is current; the token stands in no file."""
    stand.fetch(repo, "ada-token", "+refs/heads/*:refs/remotes/origin/*")


@pytest.fixture
def story(make_stand: MakeStand, toy: Toy) -> Story:
    stand = make_stand()
    stand.gateway.issue("reports", Token(BOT, REPORTS, bot=True, workflow=True))
    stand.gateway.issue("commands", Token(BOT, COMMANDS, bot=True, workflow=True))
    author = toy.author
    author.git("remote", "set-url", "origin", f"{stand.gateway.address}/{stand.repository}.git")
    author.git("checkout", "--quiet", "main")
    author.write("mlops-ci.yaml", GATED.format(lock="report"))
    author.write(".github/CODEOWNERS", "*        @bob\n/*.yaml  @ada # the rules\n")
    author.commit("Rules\n")
    stand.push(author, "main")
    author.git("checkout", "--quiet", "-b", "worse")
    toy.edit("params.yaml", "noise: 0.3", "noise: 1.5")
    author.commit("Try\n")
    stand.push(author, "worse", "bob-token")
    pull = stand.open_pull("worse", token="bob-token")
    clone = Repo.clone(author.path, toy.folder / "job", "--branch", "worse")
    clone.git("remote", "set-url", "origin", f"{stand.gateway.address}/{stand.repository}.git")
    fetched(stand, clone)
    return Story(stand, toy, pull["number"], clone)


def test_a_waiver_on_github(story: Story) -> None:
    assert story.run() == 1
    found = re.search(r"```\n(/mlops-ci waive toy/metrics\.accuracy@\S+ 14d) why\n```", story.report())
    assert found, story.report()
    # Bob wrote the pull request and owns everything but the rules.
    assert story.command(story.says("bob", f"{found[1]} it is fine")) == [
        "This waiver does not count: bob is no owner by .github/CODEOWNERS.\n\n"
        "The form is `/mlops-ci waive MODEL/FINDING@VALUE DAYSd REASON`."
    ]
    assert story.run() == 1
    assert "bob is no owner by .github/CODEOWNERS" in story.report()
    said = story.says("ada", f"{found[1]} the sensor is new")
    assert story.run() == 0
    assert "accepted by ada until" in story.report()
    assert f"([comment]({said['html_url']}))" in story.report()
    # Others may edit it, so an edited one is nobody's word; a deleted one is withdrawn.
    path = f"issues/comments/{said['id']}"
    story.stand.must("PATCH", path, {"body": f"{found[1]} the sensor is old"})
    assert story.run() == 1
    assert "it was edited, so nobody knows whose words it has" in story.report()
    story.stand.must("DELETE", path)
    assert story.run() == 1
    assert "it was edited" not in story.report()
