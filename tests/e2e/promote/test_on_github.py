"""`mlops-ci promote` as a job on GitHub: a process with a token; people review, merge, and revoke the token."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlops_ci.promotion import record
from mlops_ci.promotion.record import Record
from tests import forked
from tests.e2e.github.calls import Answer, Token
from tests.e2e.github.conftest import MakeStand, make_stand
from tests.e2e.github.server import Incoming
from tests.e2e.github.stand import Stand
from tests.repositories import Repo

from .conftest import CANARY, Play

__all__ = ["make_stand"]

BOT = "app-token"
BRANCH = "mlops-ci/promote/production/toy"


@dataclass
class Job:
    """A checkout on GitHub of the toy project, and what happens there."""

    stand: Stand
    clone: Repo

    def run(self, *args: str, code: int = 0) -> str:
        """A verb as a process, at main's newest commit; gives all it said."""
        self.stand.fetch(self.clone, "ada-token", "+refs/heads/main:refs/remotes/origin/main")
        self.clone.git("checkout", "--quiet", "--force", "--detach", "origin/main")
        address = self.stand.gateway.address
        done = forked.run(
            *args,
            cwd=self.clone.path,
            env={
                **os.environ,
                "CI": "true",
                "GITHUB_ACTIONS": "true",
                "GITHUB_REPOSITORY": self.stand.repository,
                "GITHUB_SERVER_URL": address,
                "GITHUB_API_URL": address,
                "GITHUB_TOKEN": BOT,
                "GITHUB_EVENT_NAME": "push",
                "GITHUB_REF": "refs/heads/main",
                "GITHUB_SHA": self.clone.git("rev-parse", "HEAD"),
            },
        )
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        return said

    def approve(self, number: int) -> None:
        self.stand.must("POST", f"pulls/{number}/reviews", {"event": "APPROVE"}, "bob-token")

    def merge(self, number: int) -> None:
        self.stand.must("PUT", f"pulls/{number}/merge", {"merge_method": "squash"})

    def demand_a_review(self) -> None:
        """By an owner of the code, of everything that goes to main."""
        self.stand.must("PATCH", "", {"allow_auto_merge": True})
        names = ("dismiss_stale_reviews_on_push", "require_last_push_approval")
        more = dict.fromkeys((*names, "required_review_thread_resolution"), False)
        told = {"required_approving_review_count": 1, "require_code_owner_review": True, **more}
        rule = {"type": "pull_request", "parameters": told}
        only = {"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}}
        named = {"name": "reviewed", "enforcement": "active", "target": "branch", "conditions": only}
        self.stand.must("POST", "rulesets", {**named, "rules": [rule]})

    def record(self, branch: str) -> Record:
        bare = self.stand.gateway.forge.bare(self.stand.repository)
        path = record.current_path("production", "toy")
        return record.read(bare.text(bare.branch(branch) or "", path) or "", path)

    def revoked_after(self, writes: int) -> None:
        """The token ends once so many of its writes were carried out."""
        gateway = self.stand.gateway
        answer, left = type(gateway).answer, [writes]

        def told(incoming: Incoming) -> Answer:
            done = answer(gateway, incoming)
            reads = incoming.method == "GET" or incoming.path.endswith(("/git-upload-pack", "/graphql"))
            if incoming.secret == BOT and not reads:
                left[0] -= 1
                if left[0] == 0:
                    del gateway.forge.tokens[BOT]
            return done

        gateway.answer = told  # type: ignore[method-assign]

    def granted(self) -> None:
        vars(self.stand.gateway).pop("answer")
        self.stand.gateway.issue(BOT, Token("promoter[bot]", bot=True))


@pytest.fixture
def job(better: Play, make_stand: MakeStand) -> Job:
    better.configure(production=f"step_soak: 0s\n{CANARY}")
    better.commits(_dot_github__CODEOWNERS="* @bob\n")
    stand = make_stand()
    clones = [Repo(better.toy.author.path), Repo(better.fetched())]
    for clone in clones:
        clone.git("remote", "set-url", "origin", f"{stand.gateway.address}/{stand.repository}.git")
    stand.push(clones[0], "main")
    return Job(stand, clones[1])


def said_of(text: str, target: str) -> list[str]:
    lines = [re.sub(r"\b[0-9a-f]{10}\b", "*", " ".join(line.split())) for line in text.splitlines()]
    return [line.removeprefix(f"{target} ") for line in lines if line.startswith(f"{target} ")]


@pytest.mark.slow
def test_reviewed_merged_and_ramped_under_protection(job: Job) -> None:
    # The token ends before the pull request has its labels; with a good one the next run goes on there.
    job.revoked_after(2)
    failed = job.run("promote", code=3)
    assert "401" in failed
    assert "has expired, was revoked or belongs" in failed
    job.granted()
    job.run("promote")
    [pull] = job.stand.must("GET", "pulls?state=all")
    assert [one["login"] for one in pull["requested_reviewers"]] == ["bob"]
    assert "mlops-ci/promotion" in [one["name"] for one in pull["labels"]]
    job.merge(1)
    # The first step is approved by an owner and merged by another person; the next record tells of both.
    job.demand_a_review()
    assert said_of(job.run("promote"), "production/toy") == [
        "opened #2: Promote toy * in production: 10 % of requests (step 1 of 3)"
    ]
    refused = job.stand.api("PUT", "pulls/2/merge", {"merge_method": "squash"})
    assert refused.status == 405
    job.approve(2)
    job.merge(2)
    merged = job.stand.must("GET", "pulls/2")
    waits = "merges itself later: the base branch demands approvals or checks that are not there yet"
    assert said_of(job.run("promote"), "production/toy") == [
        f"opened #3: Ramp toy * in production: 50 % of requests (step 2 of 3); {waits}"
    ]
    previous = job.record(BRANCH).previous
    assert previous
    assert previous.merge
    assert (previous.merge.pull_request, previous.merge.merged_by, previous.merge.commit) == (
        2,
        "ada",
        merged["merge_commit_sha"],
    )
    assert [(one.user, one.commit) for one in previous.merge.approvals] == [("bob", merged["head"]["sha"])]
    assert said_of(job.run("promote"), "production/toy") == [
        f"unchanged #3: Ramp toy * in production: 50 % of requests (step 2 of 3); {waits}"
    ]
    # It merges itself as soon as the protection lets it.
    job.approve(3)
    assert job.stand.must("GET", "pulls/3")["merged_by"]["login"] == "promoter[bot]"
    job.run("promote")
    job.approve(4)
    last = job.record("main")
    assert (last.number, last.after.traffic, last.after.stable and last.after.stable.digest) == (
        4,
        0,
        last.release.digest,
    )
    assert said_of(job.run("promote"), "production/toy")[0].startswith(
        "nothing to promote: production already"
    )
    assert job.stand.must("GET", "pulls") == []
    assert Path(last.release.uri.removeprefix("file://")).name == "model.json"
