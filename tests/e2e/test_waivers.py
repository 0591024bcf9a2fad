"""A refused pull request, and what the comments of owners and others change: whole runs, in processes."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mlops_ci.waiving.orders import FORM
from tests.adapters.github_double import Double
from tests.adapters.github_world import World
from tests.adapters.test_actions import outputs
from tests.e2e.conftest import GATED, Toy, evidence
from tests.e2e.test_outlets import LOST, Job, told, worse

OWNED = GATED.format(lock="report") + "waivers: {owners: ['@ada', '@acme/leads'], max_days: 20}\n"
NOW = datetime.now(UTC)


def moment(days: int = 0) -> str:
    return (NOW - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def day(days: int) -> str:
    return (NOW + timedelta(days=days)).date().isoformat()


@pytest.fixture
def job(double: Double, toy: Toy) -> Job:
    toy.configure(text=OWNED)
    world = World.of(double)
    world.people |= {"ada": "write", "eve": "write", "lea": "admin"}
    return Job(double, toy, world)


def run(job: Job, branch: str = "worse", **more: str) -> tuple[subprocess.CompletedProcess[str], Path]:
    clone = job.checkout(branch)
    return job.run(clone, job.environ(clone, branch, **more), "pr"), clone


def report(job: Job) -> str:
    """The bot's own comment."""
    (body,) = [one["body"] for one in job.world.comments if one["user"]["type"] == "Bot"]
    return str(body)


def offered(job: Job) -> str:
    """The line that the report offers an owner, without the reason."""
    found = re.search(
        r"<summary>To accept this</summary>.*?```\n(/mlops-ci waive \S+) 14d why\n```", report(job), re.S
    )
    assert found, report(job)
    return found[1]


def unused(job: Job) -> list[str]:
    part = report(job).partition("**Waivers that do not count**:")[2]
    return [line[2:] for line in part.partition("\n<details>")[0].splitlines() if line.startswith("- ")]


def test_an_owner_accepts_what_was_refused_and_nothing_is_hidden(job: Job) -> None:
    sha = worse(job)
    done, clone = run(job)
    assert (done.returncode, told(done)) == (1, [])
    order = offered(job)
    value = evidence(clone)["models"][0]["metrics"][0]["head"]
    assert order == f"/mlops-ci waive toy/metrics.accuracy@{value:.6g}"
    job.world.says(7, "ada", f"{order} 14d the new @sensor is **noisier**", created=moment())
    done, clone = run(job)
    assert (done.returncode, told(done)) == (0, [])
    assert outputs(clone.parent / "output")["verdict"] == "warned"
    body = report(job)
    assert (
        body.splitlines()[1] == f"⚠️ **Passed with warnings**: `toy`: {LOST} (waived by ada until {day(14)})"
    )
    said = f"accepted by ada until {day(14)}: the new @&#8203;sensor is &#42;&#42;noisier&#42;&#42;"
    assert f"- 🔕 `toy`: {LOST} — {said}" in body
    assert "To accept this" not in body
    assert job.world.titles(sha)["mlops-ci/metrics"].startswith("Passed, waived by ada: toy: accuracy fell")
    assert job.world.standing(sha)["mlops-ci"] == "success"
    (waiver,) = evidence(clone)["waivers"]
    assert waiver == {
        "owner": "ada",
        "reason": "the new @sensor is **noisier**",
        "until": day(14),
        "finding": order.split()[2],
        "given": day(0),
        "url": job.world.comments[1]["html_url"],
        "problem": "",
    }
    findings = json.loads((clone / ".dvc/tmp/mlops-ci/findings.json").read_text())
    (failed,) = [one for one in findings if one["status"] == "FAIL"]
    assert (failed["sentence"], failed["waiver"]) == (LOST, waiver)


def test_what_does_not_count_is_said_and_still_refused(job: Job) -> None:
    worse(job)
    run(job)
    order = offered(job)
    handle, value = order.split()[2], order.rpartition("@")[2]
    job.world.teams["acme/teams/leads"] = ("eve",)
    job.world.says(7, "eve", f"{order} 14d I say so", created=moment())
    job.world.says(7, "lea", f"{order} 14d of a team nobody sees", created=moment())
    job.world.says(7, "ada", f"{order} 2d over", created=moment(days=3))
    job.world.says(7, "ada", f"{order} 14d edited", created=moment(days=1), updated=moment())
    job.world.says(7, "ada", f"{order} 21d for too long", created=moment())
    job.world.says(7, "ada", order.replace(f"@{value}", "@0.99 14d of before"), created=moment())
    job.world.says(7, "ada", "/mlops-ci waive -/lock.dvc.lock@x0 14d who cares", created=moment())
    job.world.says(7, "ada", "/mlops-ci waive please", created=moment())
    job.world.people["eve"] = "read"
    done, _ = run(job)
    assert (done.returncode, told(done)) == (1, [])
    assert report(job).splitlines()[1] == f"❌ **Refused**: `toy`: {LOST}"
    before, both = handle.replace(value, "0.99"), "that was 0.99 and is " + value
    assert unused(job) == [
        f"`{handle}` by eve: eve may not push to this repository",
        f"`{handle}` by lea: lea is no owner by waivers.owners of mlops-ci.yaml",
        f"`{handle}` by ada until {day(-1)}: it has expired",
        f"`{handle}` by ada: it was edited, so nobody knows whose words it has; write a new comment",
        f"`{handle}` by ada: it is for 21 days; 1 to 20 are allowed",
        f"`{before}` by ada until {day(14)}: it was given for another value: {both} now",
        f"`-/lock.dvc.lock@x0` by ada until {day(14)}: "
        "a stage that failed and a dvc.lock that is not what was measured cannot be waived",
        f"by ada: it is not in the form `{FORM}`",
    ]
    # A team that the token does not see is no yes, and the log says what mends it.
    job.world.teams.clear()
    done, _ = run(job)
    assert (done.returncode, told(done)) == (
        1,
        [
            "note: a waiver does not count: this token cannot see whether eve is a member of acme/leads",
            "  → give the job the token of a GitHub App with `members: read`, or name the people in waivers.owners",
            "note: a waiver does not count: this token cannot see whether lea is a member of acme/leads",
        ],
    )


def test_a_waiver_ends_by_itself_and_when_its_comment_is_deleted(job: Job) -> None:
    """The same evidence, judged again later: what is not there any more does not count any more."""
    worse(job)
    run(job)
    comment = job.world.says(7, "ada", f"{offered(job)} 14d known", created=moment())
    done, clone = run(job)
    assert done.returncode == 0
    environ = job.environ(clone, "worse")
    # Where nobody can be asked, what was recorded holds until its last day.
    done = job.run(clone, environ | {"GITHUB_ACTIONS": ""}, "check")
    assert done.returncode == 0
    assert f"{LOST} Waived by ada until {day(14)}.\n" in done.stdout
    written = clone / ".dvc/tmp/mlops-ci/evidence.json"
    document = json.loads(written.read_text())
    document["waivers"][0]["until"] = day(-1)
    written.write_text(json.dumps(document))
    done = job.run(clone, environ | {"GITHUB_ACTIONS": ""}, "check")
    assert done.returncode == 1
    assert re.search(
        r"\nThe waiver toy/metrics\.accuracy@\S+ by ada does not count: it has expired\.\n", done.stdout
    )
    # On GitHub the comments are read again.
    assert job.run(clone, environ, "check").returncode == 0
    assert json.loads(written.read_text())["waivers"][0]["until"] == day(14)
    comment["issue_url"] = "deleted"
    assert job.run(clone, environ, "check").returncode == 1
    assert json.loads(written.read_text())["waivers"] == []


def test_a_fork_s_waivers_are_those_that_the_trusted_half_reads(job: Job) -> None:
    sha = worse(job, "fork")
    job.world.pulls[0]["head"]["repo"]["full_name"] = "mallory/Hello-World"
    head = {"sha": sha, "repo": {"full_name": "mallory/Hello-World"}}
    event: Any = {
        "pull_request": {"number": 7, "head": head, "base": {"repo": {"full_name": "octocat/Hello-World"}}}
    }
    clone = job.checkout("fork")
    done = job.run(clone, job.environ(clone, "fork", event=event), "pr")
    assert (done.returncode, job.world.comments) == (1, [])
    sent = clone / ".dvc/tmp/mlops-ci/evidence.json"
    assert json.loads(sent.read_text())["waivers"] == []
    trusted = job.toy.runner("main")
    run_of = {"head_sha": sha, "head_repository": {"full_name": "mallory/Hello-World"}}
    environ = job.environ(trusted, "main", event={"workflow_run": run_of}, name="workflow_run")
    environ |= {"GITHUB_REF": "refs/heads/main", "GITHUB_HEAD_REF": "", "GITHUB_BASE_REF": ""}
    assert job.run(trusted, environ, "comment", "--evidence", str(sent)).returncode == 0
    job.world.says(7, "ada", f"{offered(job)} 14d known", created=moment())
    assert job.run(trusted, environ, "comment", "--evidence", str(sent)).returncode == 0
    assert f"accepted by ada until {day(14)}: known" in report(job)
    assert job.world.standing(sha)["mlops-ci"] == "success"


def test_a_pull_request_cannot_name_its_own_owners(job: Job) -> None:
    job.toy.author.write("mlops-ci.yaml", OWNED.replace("@ada", "@eve"))
    job.toy.author.write(".github/CODEOWNERS", "* @eve\n")
    worse(job)
    run(job)
    job.world.says(7, "eve", f"{offered(job)} 14d mine", created=moment())
    done, _ = run(job)
    assert done.returncode == 1
    job.world.teams["acme/teams/leads"] = ()
    run(job)
    assert unused(job)[0].endswith("eve is no owner by waivers.owners of mlops-ci.yaml")


def test_without_owners_the_report_offers_nothing(job: Job) -> None:
    job.toy.configure(text=GATED.format(lock="report"))
    worse(job)
    job.world.says(7, "ada", "/mlops-ci waive toy/metrics.accuracy@0.99 14d known", created=moment())
    done, _ = run(job)
    assert (done.returncode, "To accept this" in report(job)) == (1, False)
    assert "nobody may waive here: no owner stands in waivers.owners" in unused(job)[0]
    job.toy.author.git("checkout", "--quiet", "main")
    job.toy.author.write("docs/CODEOWNERS", "*.yaml @ada\n")
    job.toy.author.commit("own")
    job.toy.author.git("push", "--quiet", "origin", "main")
    run(job)
    assert "To accept this" in report(job)
