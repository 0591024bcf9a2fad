"""A job with the real command line: where its report goes, and what stays: A5 to A12 and A14 of the contract."""

from __future__ import annotations

import ast
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import mlops_ci
from mlops_ci.evidence import Evidence
from mlops_ci.report import plain
from tests.action.steps import ACTION, Job
from tests.adapters.test_actions import outputs
from tests.e2e.conftest import Answer, Call, Toy
from tests.e2e.github.forge import ACTIONS_BOT
from tests.e2e.github.gateway import Recorded
from tests.gates.samples import evidence
from tests.report import samples
from tests.repositories import Repo

from .conftest import READER, TOKEN, Desk

DECLARED = {"comment.md", "evidence.json", "findings.json", "lock.patch", "report.html", "summary.md"}
# Empty, and they stay: a lock that is taken away is no lock to whoever waits for it. They never leave.
LOCKS = {"checkout.lock", "run.lock"}
FORK = {"full_name": "mallory/model"}
HEARD: list[list[str]] = []


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect" and HEARD and isinstance(arguments[1], tuple):
        HEARD[-1].append(arguments[1][0])
    if event == "socket.getaddrinfo" and HEARD:
        HEARD[-1].append(arguments[0])


# A hook stays for as long as the interpreter lives, so there is one.
sys.addaudithook(_hear)


@contextmanager
def connections() -> Iterator[list[str]]:
    """Every host that this process looks for or connects to."""
    HEARD.append([])
    try:
        yield HEARD[-1]
    finally:
        HEARD.pop()


def pr(call: Call, job: Desk, **more: str) -> Answer:
    return call(job.checkout, "pr", **job.environ(**more))


def written(job: Desk) -> Path:
    """The folder of what the run wrote."""
    return job.checkout / ".dvc/tmp/mlops-ci"


def notes(answer: Answer) -> list[str]:
    return [line for line in answer.err.splitlines() if line.startswith("note: ")]


def requests(job: Desk) -> list[Recorded]:
    """What was asked of the stand about the job's repository."""
    asked = [one for one in job.stand.gateway.requests if f"/{job.repository}/" in f"{one.path}/"]
    assert asked
    return asked


def sent(job: Desk) -> str:
    """Everything that went to the stand about the job's repository."""
    return json.dumps([one.body for one in requests(job)], ensure_ascii=False)


def trusted(call: Call, job: Desk, toy: Toy, made: Evidence, event: str = "workflow_run") -> Answer:
    """Evidence of the pull request's head, reported by a job of main's commit."""
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    repository = made.repository.model_copy(update={"commit": job.sha, "pull_request": None})
    made = made.model_copy(update={"repository": repository, "created": moment})
    document = toy.folder / "evidence.json"
    document.write_bytes(made.canonical())
    run = {"head_sha": job.sha, "head_branch": "topic", "head_repository": {"full_name": job.repository}}
    issue = {"number": job.number, "pull_request": {"url": "u"}}
    payload = {"workflow_run": {"workflow_run": run}, "issue_comment": {"issue": issue}}[event]
    environ = job.environ(payload, event)
    main = toy.runner("main")
    told = {"GITHUB_REF": "refs/heads/main", "GITHUB_HEAD_REF": "", "GITHUB_BASE_REF": ""}
    environ |= told | {"GITHUB_SHA": Repo(main).git("rev-parse", "HEAD")}
    return call(main, "comment", "--evidence", str(document), **environ)


def test_a05_a_report_that_is_too_long_is_one_short_comment_and_whole_in_the_summary(
    job: Desk, call: Call, toy: Toy
) -> None:
    made = samples.many_models().evidence
    assert len(made.params) == 1_000
    answer = trusted(call, job, toy, made)
    assert (answer.code, notes(answer)) == (0, []), answer.err
    (body,) = job.comments()
    assert len(body.encode("utf-16-le")) // 2 <= 65_536
    summary = (job.record.parent / "summary.md").read_text()
    assert len(summary) > 70_000
    names = [one.key for one in made.params] + [one.name for one in made.models]
    assert [name for name in names if name not in summary] == []
    shown = [name for name in names if name in body]
    assert 0 < len(shown) < len(names)
    # What is judged is told in both.
    verdict = body.split("\n")[1]
    assert re.match(r"\S+ \*\*[A-Z][a-z]+\*\*", verdict)
    assert summary.startswith(f"{verdict}\n")


def test_a06_without_permission_there_are_summary_artifact_and_one_clear_line(job: Desk, call: Call) -> None:
    answer = pr(call, job, GITHUB_TOKEN=READER)
    assert (answer.code, job.comments()) == (1, [])
    where = f"/repos/{job.repository}/issues/{job.number}/comments"
    said = [line for line in notes(answer) if "comment" in line]
    assert said == [
        f"note: the comment was not posted: POST {where}: GitHub answered 403: Resource not accessible by integration"
    ]
    assert "      pull-requests: write" in answer.err.splitlines()
    assert "**Refused**" in (job.record.parent / "summary.md").read_text()
    assert {path.name for path in written(job).iterdir() if path.is_file()} == DECLARED | LOCKS
    found = outputs(job.record.parent / "output")
    assert (found["verdict"], found["comment-url"]) == ("refused", "")


@pytest.mark.parametrize("verdict", ["refused", "passed"])
def test_the_exit_code_is_the_verdicts_whether_it_is_posted_or_not(
    job: Desk, call: Call, verdict: str
) -> None:
    if verdict == "passed":
        Repo(job.checkout).git("checkout", "--quiet", "HEAD^")
    code = {"refused": 1, "passed": 0}[verdict]
    assert pr(call, job, GITHUB_TOKEN=READER).code == code
    assert pr(call, job).code == code
    assert [verdict.capitalize() in body for body in job.comments()] == [True]


@pytest.mark.parametrize("event", ["workflow_run", "issue_comment"])
def test_a07_other_events_land_on_the_pull_request(job: Desk, call: Call, toy: Toy, event: str) -> None:
    answer = trusted(call, job, toy, evidence(), event)
    assert (answer.code, notes(answer)) == (0, [])
    (body,) = job.comments()
    assert f"watermark.png#{job.sha} " in body
    assert [one["words"][2:4] for one in job.called] == (
        [["--target", f"pr/{job.number}"]] if job.publisher == "cml" else []
    )


LINKS = (
    '{% extends "mlops-ci/comment.md.j2" %}{% block footer %}[plot](secret.txt) [raw](data.csv){% endblock %}'
)


def link(toy: Toy) -> None:
    """Main's own template links to files of the work tree; one is a secret, one is data."""
    toy.author.git("checkout", "--quiet", "main")
    toy.author.write(".mlops-ci/comment.md.j2", LINKS)
    toy.author.commit("Link to files")
    toy.author.git("push", "--quiet", "origin", "main")


def test_a08_the_comment_needs_no_host_of_pictures(job: Desk, call: Call, toy: Toy) -> None:
    link(toy)
    (job.checkout / "secret.txt").write_text("plotted")
    with connections() as heard:
        answer = pr(call, job, GITHUB_WORKSPACE=str(job.checkout))
    assert (answer.code, notes(answer)) == (1, [])
    (body,) = job.comments()
    assert body.count("![") == 1
    assert body.rpartition("![")[2].startswith("](https://cml.dev/watermark.png#")
    assert set(heard) == {"127.0.0.1"}
    # CML asks its host of pictures, which is down, for whatever is linked, unless it is told not to.
    assert all(one["uploaded"] == [] for one in job.called)
    assert len(job.called) == (1 if job.publisher == "cml" else 0)


def test_a09_no_file_outside_the_declared_list_leaves(job: Desk, call: Call, toy: Toy) -> None:
    link(toy)
    canary = "canary-of-a-secret-file"
    (job.checkout / "secret.txt").write_text(canary)
    answer = pr(call, job, GITHUB_WORKSPACE=str(job.checkout))
    assert (answer.code, notes(answer)) == (1, [])
    assert "[plot](secret.txt) [raw](data.csv)" in job.comments()[0]
    assert [one["uploaded"] for one in job.called] == ([[]] if job.publisher == "cml" else [])
    value = (job.checkout / "data.csv").read_text().split()[0]
    assert len(value) > 10
    # What the artifact takes out of the run's folder, with a file there that nobody declared.
    (written(job) / "secret.txt").write_text(canary)
    (job.record.parent / "runner").mkdir()
    runner = Job.begun(job.record.parent / "runner")
    found = outputs(job.record.parent / "output")["evidence-path"]
    told = {"MLOPS_CI_VERB": "pr", "MLOPS_CI_EVIDENCE": found, "MLOPS_CI_ARTIFACTS": "always"}
    done = runner.run("bash", ACTION / "collect.sh", **told)
    kept = {path.name: path.read_text() for path in Path(done.outputs["folder"]).iterdir()}
    assert set(kept) == DECLARED
    for text in (sent(job), *kept.values()):
        assert canary not in text
        assert value not in text


def test_a10_a_second_run_of_a_commit_updates_what_the_first_made(job: Desk, call: Call) -> None:
    """What there is of it without promotions: one comment, and no branch or pull request beside."""
    refs = job.stand.gateway.forge.bare(job.repository).refs()
    for _ in range(2):
        assert pr(call, job).code == 1
    assert len(job.comments()) == 1
    assert job.stand.gateway.forge.bare(job.repository).refs() == refs
    pulls = job.stand.must("GET", f"/repos/{job.repository}/pulls?state=all")
    assert [one["number"] for one in pulls] == [job.number]


def test_a11_nothing_merges(job: Desk, call: Call) -> None:
    """Neither asked for by a run, nor known to any code: auto-merge that is unavailable cannot become a merge."""
    assert pr(call, job).code == 1
    asked = {one.operation for one in requests(job) if one.login == ACTIONS_BOT}
    assert {name for name in asked if name.startswith("pulls/")} <= {"pulls/get", "pulls/list"}
    assert {tuple(one["words"][:2]) for one in job.called} <= {("comment", "update")}
    pull = job.stand.must("GET", f"/repos/{job.repository}/pulls/{job.number}")
    assert (pull["state"], pull["merged"], pull["auto_merge"]) == ("open", False, None)


MERGES = ("merge", "merges", "mergePullRequest", "enablePullRequestAutoMerge", "enqueuePullRequest")


def test_a11_nothing_but_promotions_knows_how_to_merge_a_pull_request() -> None:
    """One adapter of GitHub's, none of CML's, holds an endpoint, mutation or command that would merge.

    That it never merges past the forge's own protection, tests/e2e/promotion holds.
    """
    adapters = Path(mlops_ci.__file__).parent / "adapters"
    found = []
    for path in [*adapters.glob("github*.py"), adapters / "cml.py", adapters / "publishing.py"]:
        texts = [
            node.value
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        # GraphQL stands in texts of many words, endpoints and commands in texts of one.
        found += [(path.name, text) for text in texts if text in MERGES or any(m in text for m in MERGES[2:])]
    assert {name for name, _ in found} == {"github_promotions.py"}


def test_a12_no_token_is_left_no_git_configuration_is_changed_nothing_is_told(
    job: Desk, call: Call, tmp_path: Path
) -> None:
    home = Path(os.environ["HOME"])
    configuration = (home / ".gitconfig").read_bytes()
    assert pr(call, job).code == 1
    assert len(job.comments()) == 1
    assert (home / ".gitconfig").read_bytes() == configuration
    assert Repo(job.checkout).git("config", "--global", "--get-all", "user.name") == "Test"
    held = [
        path
        for folder in (home, tmp_path)
        for path in folder.rglob("*")
        if path.is_file() and TOKEN.encode() in path.read_bytes()
    ]
    assert held == []
    assert "extraheader" not in (job.checkout / ".git" / "config").read_text().lower()
    assert [one["telemetry"] for one in job.called] == ([False] if job.publisher == "cml" else [])
    assert all(not Path(one["home"]).exists() and one["home"] != str(home) for one in job.called)
    assert all(TOKEN not in word for one in job.called for word in one["words"])


def test_a14_the_api_of_the_environment_is_asked_and_no_other(job: Desk, call: Call) -> None:
    """By http on this machine, where CML would ask another place and is not called; by https where it is right."""
    with connections() as heard:
        answer = pr(call, job)
    assert (answer.code, notes(answer)) == (1, [])
    assert len(job.comments()) == 1
    assert set(heard) == {"127.0.0.1"}
    assert len(job.called) == (1 if job.publisher == "cml" else 0)


def test_a14_cml_is_not_called_where_it_would_ask_another_api(job: Desk, call: Call) -> None:
    gateway = job.stand.gateway.address
    answer = pr(call, job, GITHUB_API_URL=gateway, GITHUB_SERVER_URL=gateway)
    assert (answer.code, notes(answer), len(job.comments()), job.called) == (1, [], 1, [])
    assert plain(job.comments()[0]).startswith("\u274c **Refused**")
