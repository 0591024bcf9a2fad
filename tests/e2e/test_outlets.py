"""What a run on GitHub Actions leaves there: one comment, a check per gate, outputs, a summary; in processes."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mlops_ci import gates
from mlops_ci.collect.locking import FORK as LOCK_OF_FORK
from tests import forked
from tests.adapters.github_double import REPOSITORY, TOKEN, Double
from tests.adapters.github_world import World
from tests.adapters.test_actions import outputs
from tests.e2e.conftest import GATED, Toy, evidence
from tests.repositories import Repo

RUN = "4711"
URL = f"https://github.com/{REPOSITORY}/actions/runs/{RUN}"
GATES = [f"mlops-ci/{gate}" for gate in gates.GATES]
FORK = {"full_name": "mallory/Hello-World"}


@dataclass
class Job:
    """A job of Actions for pull request 7: the checkout is GitHub's merge of it, as it is by default."""

    double: Double
    toy: Toy
    world: World
    done: list[Path] = field(default_factory=list)

    def checkout(self, branch: str) -> Path:
        """A fresh clone at the merge of a branch into main."""
        path = self.toy.folder / f"job-{branch}-{len(self.done)}"
        Repo.clone(self.toy.origin.path, path, "--branch", "main")
        Repo(path).git("merge", "--quiet", "--no-ff", "-m", "merge", f"origin/{branch}")
        Repo(path).git("checkout", "--quiet", "--detach")
        self.done.append(path)
        return path

    def environ(
        self, clone: Path, branch: str, *, event: Any = None, name: str = "pull_request", **more: str
    ) -> dict[str, str]:
        """What GitHub tells a job."""
        merge = Repo(clone).git("rev-parse", "HEAD")
        head = Repo(clone).git("rev-parse", f"origin/{branch}")
        own = {"full_name": REPOSITORY}
        payload = event or {
            "pull_request": {"number": 7, "head": {"sha": head, "repo": own}, "base": {"repo": own}}
        }
        (clone.parent / "event.json").write_text(json.dumps(payload))
        return {
            **os.environ,
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_API_URL": self.double.url + self.double.prefix,
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_EVENT_NAME": name,
            "GITHUB_EVENT_PATH": str(clone.parent / "event.json"),
            "GITHUB_SHA": merge,
            "GITHUB_REF": "refs/pull/7/merge",
            "GITHUB_HEAD_REF": branch,
            "GITHUB_BASE_REF": "main",
            "GITHUB_RUN_ID": RUN,
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_OUTPUT": str(clone.parent / "output"),
            "GITHUB_STEP_SUMMARY": str(clone.parent / "summary.md"),
            **more,
        }

    def run(self, clone: Path, environ: dict[str, str], *args: str) -> subprocess.CompletedProcess[str]:
        """A step of the job: `mlops-ci ARGS` as a process."""
        for name in ("output", "summary.md"):
            (clone.parent / name).unlink(missing_ok=True)
        return forked.run(*args, cwd=clone, env=environ)


@pytest.fixture
def job(double: Double, toy: Toy) -> Job:
    toy.configure()
    return Job(double, toy, World.of(double))


def worse(job: Job, branch: str = "worse") -> str:
    """A pull request whose model is worse than the rules allow; gives its head."""
    job.toy.edit("params.yaml", "noise: 0.3", "noise: 1.5")
    sha = job.toy.propose(branch)
    job.world.opened(7, branch, sha)
    return sha


def words(job: Job, branch: str = "words") -> str:
    """A pull request that changes nothing a model depends on, and is told of: it has words on the rules."""
    job.toy.author.write("mlops-ci.yaml", f"{GATED.format(lock='report')}# {branch}\n")
    sha = job.toy.propose(branch)
    job.world.opened(7, branch, sha)
    return sha


def told(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stderr.splitlines() if line.startswith(("note: ", "  → ", "    "))]


GREEN = dict.fromkeys(["mlops-ci", *GATES], "success")
LOST = "accuracy fell by 0.23 (95 % interval \u22120.27 to \u22120.19, 400 examples), more than the allowed 0.01."


def test_a_refused_pull_request_is_told_everywhere_from_one_evidence(job: Job) -> None:
    sha = worse(job)
    clone = job.checkout("worse")
    done = job.run(clone, job.environ(clone, "worse"), "pr")
    assert (done.returncode, told(done)) == (1, [])
    folder = clone / ".dvc/tmp/mlops-ci"
    mark = f'\n\n![](https://cml.dev/watermark.png#{sha} "CML watermark mlops-ci")'
    assert job.world.bodies(7) == [(folder / "comment.md").read_text() + mark]
    assert f"[details]({URL})" in job.world.bodies(7)[0]
    # The checks, begun before anything ran.
    assert [one["name"] for one in job.world.checks] == ["mlops-ci", *GATES]
    assert job.world.standing(sha) == GREEN | {"mlops-ci": "failure", "mlops-ci/metrics": "failure"}
    assert {one["external_id"] for one in job.world.checks} == {"4711-1"}
    assert {one["details_url"] for one in job.world.checks} == {URL}
    begun = [
        request.body
        for request in job.double.requests
        if request.path.endswith("/check-runs") and request.body
    ]
    assert {body["status"] for body in begun} == {"in_progress"}
    titles = job.world.titles(sha)
    assert titles["mlops-ci"] == titles["mlops-ci/metrics"] == f"Refused: toy: {LOST}"
    assert titles["mlops-ci/stages"] == "Passed: 4 stages: 2 ran, 2 up to date."
    assert (
        titles["mlops-ci/fairness"] == "Not judged: toy: No groups are configured, so nothing was compared."
    )
    assert titles["mlops-ci/lock"].startswith("Passed with a warning: dvc.lock is not what this commit makes")
    assert next(
        (one["path"], one["start_line"], one["annotation_level"], one["message"].split("\n")[0])
        for check in job.world.checks
        for one in check["annotations"]
    ) == ("params.yaml", 3, "failure", f"toy: {LOST}")
    # The job.
    assert outputs(clone.parent / "output") == {
        "verdict": "refused",
        "exit-code": "1",
        "evidence": "sha256:" + hashlib.sha256((folder / "evidence.json").read_bytes()).hexdigest(),
        "evidence-path": str(folder / "evidence.json"),
        "comment-url": f"https://github.com/{REPOSITORY}/issues/7#issuecomment-1",
        "report-path": str(folder / "report.html"),
        "pull-request": "7",
    }
    assert (clone.parent / "summary.md").read_text() == (folder / "summary.md").read_text() + "\n"
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"::stop-commands::[0-9a-f]{32}", lines[0])
    assert lines[-1] == f"::{lines[0].rpartition(':')[2]}::"
    assert [line for line in lines[1:-1] if line.startswith("::")] == []


def test_a_second_commit_updates_the_comment_and_has_checks_of_its_own(job: Job) -> None:
    first = worse(job)
    clone = job.checkout("worse")
    assert job.run(clone, job.environ(clone, "worse"), "pr").returncode == 1
    job.toy.edit("params.yaml", "noise: 1.5", "noise: 0.3")
    second = job.toy.author.commit("Take it back")
    job.toy.author.git("push", "--quiet", "origin", "worse")
    clone = job.checkout("worse")
    done = job.run(clone, job.environ(clone, "worse", GITHUB_RUN_ID="4712"), "pr")
    assert (done.returncode, told(done)) == (0, [])
    (body,) = job.world.bodies(7)
    assert body.split("\n")[1] == "\u2705 **Passed**: nothing that feeds a model changed; nothing had to run."
    assert f"watermark.png#{second} " in body
    assert job.world.standing(first)["mlops-ci"] == "failure"
    # Somebody has the first commit's run run again: the comment stays about the second.
    job.world.pulls[0]["head"]["sha"] = second
    clone = job.checkout("worse")
    Repo(clone).git("checkout", "--quiet", "--detach", first)
    done = job.run(clone, job.environ(clone, "worse", GITHUB_RUN_ATTEMPT="2"), "pr")
    assert (done.returncode, told(done)) == (1, ["note: a newer run has reported already"])
    assert job.world.bodies(7) == [body]
    # A required check reports, and is green where nothing of ours changed.
    assert job.world.standing(second) == GREEN
    assert job.world.titles(second)["mlops-ci/metrics"] == (
        "Passed: toy: Nothing that feeds the model differs from the base."
    )
    assert outputs(clone.parent / "output")["comment-url"].endswith("#issuecomment-1")


def test_where_comments_are_forbidden_the_report_stands_in_the_summary(job: Job) -> None:
    sha = words(job)
    job.world.refused = ("/issues/",)
    clone = job.checkout("words")
    done = job.run(clone, job.environ(clone, "words"), "pr")
    assert done.returncode == 0
    assert told(done)[:4] == [
        f"note: the comment was not posted: POST /repos/{REPOSITORY}/issues/7/comments: GitHub answered 403: "
        "Resource not accessible by integration",
        "  \u2192 give the job this permission (it has none that is not named):",
        "    permissions:",
        "      pull-requests: write",
    ]
    assert (job.world.bodies(7), job.world.standing(sha)) == ([], GREEN)
    assert "**Passed**" in (clone.parent / "summary.md").read_text()
    found = outputs(clone.parent / "output")
    assert (found["verdict"], found["comment-url"], found["pull-request"]) == ("passed", "", "7")


def test_where_checks_are_forbidden_it_is_said_once_and_the_job_is_annotated(job: Job) -> None:
    worse(job)
    job.world.refused = ("/check-runs",)
    clone = job.checkout("worse")
    done = job.run(clone, job.environ(clone, "worse"), "pr")
    assert done.returncode == 1
    assert told(done)[:4] == [
        f"note: the checks were not written: POST /repos/{REPOSITORY}/check-runs: GitHub answered 403: "
        "Resource not accessible by integration",
        "  \u2192 give the job this permission (it has none that is not named):",
        "    permissions:",
        "      checks: write",
    ]
    assert [line for line in job.double.lines if "check-runs" in line and "POST" in line] == [
        f"POST /repos/{REPOSITORY}/check-runs"
    ]
    assert len(job.world.bodies(7)) == 1
    word = done.stdout.splitlines()[0].rpartition(":")[2]
    hint = "mend the cause; if the limit is wrong, change it in a pull request of its own"
    assert (
        f"::{word}::\n::error file=params.yaml,line=3,title=mlops-ci/metrics::toy: {LOST.replace('%', '%25')}%0A{hint}\n"
        f"::stop-commands::{word}\n"
    ) in done.stdout


def test_a_fork_s_run_posts_nothing_and_the_trusted_job_posts_its_evidence(job: Job) -> None:
    job.toy.edit("params.yaml", "noise: 0.3", "noise: 1.5")
    sha = job.toy.propose("theirs")
    job.world.opened(7, "theirs", sha, repository=str(FORK["full_name"]))
    clone = job.checkout("theirs")
    side = {"sha": sha, "repo": FORK}
    event = {"pull_request": {"number": 7, "head": side, "base": {"repo": {"full_name": REPOSITORY}}}}
    done = job.run(clone, job.environ(clone, "theirs", event=event), "pr")
    assert (done.returncode, job.double.lines) == (1, [])
    assert told(done) == [
        "note: this run is a fork's and its token only reads, so nothing is posted: the trusted workflow on "
        "`workflow_run` posts the report"
    ]
    assert "Refused" in (clone.parent / "summary.md").read_text()
    sent = Path(outputs(clone.parent / "output")["evidence-path"])
    # The second phase: main is checked out, and nothing of the fork.
    trusted = job.toy.runner("main")
    event = {"workflow_run": {"head_sha": sha, "head_branch": "theirs", "head_repository": FORK}}
    environ = job.environ(trusted, "main", event=event, name="workflow_run", GITHUB_RUN_ID="4712")
    environ |= {"GITHUB_REF": "refs/heads/main", "GITHUB_HEAD_REF": "", "GITHUB_BASE_REF": ""}
    done = job.run(trusted, environ, "comment", "--evidence", str(sent))
    assert (done.returncode, told(done)) == (0, [])
    (body,) = job.world.bodies(7)
    assert f"**Refused**: `toy`: {LOST}" in body
    assert "measured by a run of the fork mallory/Hello-World, whose numbers are its own word" in body
    assert job.world.standing(sha) == GREEN | {"mlops-ci": "failure", "mlops-ci/metrics": "failure"}
    found = outputs(trusted.parent / "output")
    assert (found["verdict"], found["exit-code"], found["pull-request"]) == ("refused", "1", "7")
    assert found["evidence"] == "sha256:" + hashlib.sha256(sent.read_bytes()).hexdigest()
    # What only a trusted checkout may say is not believed.
    document = json.loads(sent.read_text())
    document["lock"] |= {"commit": "e" * 40, "mode": "verify"}
    document["base"]["policy"] |= {"commit": "f" * 40, "how": "forged"}
    document["waivers"] = [{"owner": "mallory", "reason": "trust me", "until": "2099-01-01"}]
    forged = job.toy.folder / "forged.json"
    forged.write_text(json.dumps(document))
    done = job.run(trusted, environ, "comment", "--evidence", str(forged))
    assert (done.returncode, told(done), job.world.standing("e" * 40)) == (0, [], {})
    (body,) = job.world.bodies(7)
    assert f"rules of `{Repo(trusted).git('rev-parse', 'HEAD')[:8]}` (tip of main)" in body
    assert [
        word for word in ("forged", "mallory</", "trust me", "eeeeeeee", "ffffffff") if word in body
    ] == []
    assert job.world.titles(sha)["mlops-ci/lock"].startswith("Passed with a warning: dvc.lock is not what")
    # A new commit came meanwhile: what is known of the old one is not posted to it.
    job.world.pulls[0]["head"]["sha"] = "1" * 40
    done = job.run(trusted, environ, "comment", "--evidence", str(sent), "--pull-request", "7")
    assert done.returncode == 2
    assert done.stderr == (
        f"mlops-ci: {sent}: is about {sha[:10]}, but pull request #7 is at 1111111111 now\n"
        "  \u2192 nothing was posted; run the pull request again\n"
    )


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_stopped_leaves_no_check_open(job: Job, how: signal.Signals) -> None:
    """The stage says through a pipe that it runs, and waits for an answer that never comes."""
    pipes = [job.toy.folder / name for name in ("begun", "never")]
    for pipe in pipes:
        os.mkfifo(pipe)
    cmd = "cmd: python -c \"open('../begun', 'w').close(); open('../never').read()\""
    job.toy.edit("dvc.yaml", "cmd: echo alone > alone.txt", cmd)
    sha = job.toy.propose("long")
    job.world.opened(7, "long", sha)
    clone = job.checkout("long")
    environ = job.environ(clone, "long")
    command = [sys.executable, "-m", "mlops_ci", "pr"]
    started = subprocess.Popen(
        command, cwd=clone, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    pipes[0].read_text()
    assert job.world.standing(sha) == dict.fromkeys(GREEN, "in_progress")
    started.send_signal(how)
    started.communicate()
    if how == signal.SIGKILL:
        assert started.returncode == -signal.SIGKILL
        assert job.world.standing(sha) == dict.fromkeys(GREEN, "in_progress")
        # Opened for both ways it waits for nobody: the stage may have ended with the run, or wait for its end still.
        stage = os.open(pipes[1], os.O_RDWR)
        done = job.run(clone, environ, "conclude", "--json")
        os.close(stage)
        assert json.loads(done.stdout) == {"ended": ["mlops-ci", *GATES]}
        title = "The run ended before it judged: it was stopped, or its machine was lost."
    else:
        assert started.returncode == 130
        title = "The run was stopped before it judged."
    assert job.world.standing(sha) == dict.fromkeys(GREEN, "cancelled")
    assert set(job.world.titles(sha).values()) == {title}
    assert job.run(clone, environ, "conclude").stdout.splitlines()[1] == "no check is open"


def test_a_run_that_cannot_begin_says_so_in_its_checks(job: Job) -> None:
    job.toy.author.write("dvc.yaml", "stages: 5\n")
    sha = job.toy.propose("broken")
    job.world.opened(7, "broken", sha)
    clone = job.checkout("broken")
    done = job.run(clone, job.environ(clone, "broken"), "pr")
    assert done.returncode == 2
    (said,) = (line[10:] for line in done.stderr.splitlines() if line.startswith("mlops-ci: "))
    assert job.world.standing(sha) == dict.fromkeys(GREEN, "failure")
    assert set(job.world.titles(sha).values()) == {f"The run ended before it judged: {said}"}


def test_what_a_stage_prints_is_no_command_and_the_document_stays_clean(job: Job) -> None:
    job.toy.edit(
        "train.py",
        "import json\n",
        "import json, sys\nprint('::set-output name=verdict::passed')\nsys.exit('::error::x')\n",
    )
    sha = job.toy.propose("hostile")
    job.world.opened(7, "hostile", sha)
    clone = job.checkout("hostile")
    done = job.run(clone, job.environ(clone, "hostile"), "pr", "--json")
    assert json.loads(done.stdout)["verdict"] == "refused"
    lines = done.stderr.splitlines()
    assert re.fullmatch(r"::stop-commands::[0-9a-f]{32}", lines[0])
    assert lines[-1] == f"::{lines[0].rpartition(':')[2]}::"
    assert outputs(clone.parent / "output")["verdict"] == "refused"


def test_the_commit_that_ci_makes_has_the_checks_too(job: Job) -> None:
    """A push by the job's own token starts no run, and the required checks must stand at the new head."""
    job.toy.configure(text=GATED.format(lock="commit"))
    job.toy.edit("params.yaml", "noise: 0.3", "noise: 0.01")
    sha = job.toy.propose("better")
    job.world.opened(7, "better", sha)
    clone = job.checkout("better")
    done = job.run(clone, job.environ(clone, "better"), "pr")
    assert (done.returncode, told(done)) == (0, [])
    made = job.toy.origin.git("rev-parse", "better")
    assert made != sha
    assert job.world.standing(sha) == job.world.standing(made) == GREEN


def test_a_run_that_was_killed_after_its_push_and_is_run_again_finds_it(job: Job) -> None:
    """The new attempt is of the old commit, as GitHub runs a run again; no other one would write the checks."""
    job.toy.configure(text=GATED.format(lock="commit"))
    job.toy.edit("params.yaml", "noise: 0.3", "noise: 0.01")
    sha = job.toy.propose("better")
    job.world.opened(7, "better", sha)
    clones = [job.checkout("better") for _ in range(2)]
    environs = [
        job.environ(clone, "better", GITHUB_RUN_ATTEMPT=attempt)
        for clone, attempt in zip(clones, "12", strict=True)
    ]
    # Of the first attempt nothing but the push is left.
    job.run(clones[0], environs[0], "run")
    made = job.toy.origin.git("rev-parse", "better")
    assert (made != sha, job.world.standing(made)) == (True, {})
    done = job.run(clones[1], environs[1], "pr")
    assert done.returncode == 0, done.stderr
    assert (evidence(clones[1])["lock"]["commit"], job.toy.origin.git("rev-parse", "better")) == (made, made)
    assert job.world.standing(sha) == job.world.standing(made) == GREEN


def test_stages_are_not_given_the_token_that_pushes(job: Job) -> None:
    shown = "import os; open('alone.txt', 'w').write(os.environ.get('MLOPS_CI_PUSH_TOKEN', 'nothing'))"
    job.toy.edit("dvc.yaml", "cmd: echo alone > alone.txt", f'cmd: python -c "{shown}"')
    sha = job.toy.propose("curious")
    job.world.opened(7, "curious", sha)
    clone = job.checkout("curious")
    done = job.run(clone, job.environ(clone, "curious", MLOPS_CI_PUSH_TOKEN="ghs_push"), "pr")
    assert (done.returncode, (clone / "alone.txt").read_text()) == (0, "nothing")


def test_a_fork_s_lock_is_reported_and_its_branch_left_alone(job: Job) -> None:
    """The remote here is a folder that anybody may push to: it is the run that does not try."""
    job.toy.configure(text=GATED.format(lock="commit"))
    job.toy.edit("params.yaml", "noise: 0.3", "noise: 0.01")
    sha = job.toy.propose("theirs")
    clone = job.checkout("theirs")
    side = {"sha": sha, "repo": FORK}
    event = {"pull_request": {"number": 7, "head": side, "base": {"repo": {"full_name": REPOSITORY}}}}
    done = job.run(clone, job.environ(clone, "theirs", event=event), "pr")
    assert (done.returncode, job.toy.origin.git("rev-parse", "theirs")) == (0, sha)
    lock = evidence(clone)["lock"]
    assert (lock["mode"], lock["commit"], lock["note"]) == ("report", None, LOCK_OF_FORK)
    assert lock["patch"].startswith("diff --git a/dvc.lock b/dvc.lock")
    assert LOCK_OF_FORK in (clone.parent / "summary.md").read_text()
    # Where nothing is to be committed there is nothing to say.
    job.toy.author.git("checkout", "--quiet", "main")
    job.toy.author.write("README.md", "words")
    sha = job.toy.propose("words")
    clone = job.checkout("words")
    event["pull_request"]["head"] = side | {"sha": sha}
    assert job.run(clone, job.environ(clone, "words", event=event), "pr").returncode == 0
    assert evidence(clone)["lock"]["note"] == ""


def test_run_check_and_comment_are_one_run_with_one_set_of_checks(job: Job) -> None:
    sha = worse(job)
    clone = job.checkout("worse")
    environ = job.environ(clone, "worse")
    assert job.run(clone, environ, "run").returncode == 0
    assert set(outputs(clone.parent / "output")) == {"evidence", "evidence-path"}
    assert job.world.standing(sha) == dict.fromkeys(GREEN, "in_progress")
    assert job.run(clone, environ, "check").returncode == 1
    assert outputs(clone.parent / "output")["verdict"] == "refused"
    ended = GREEN | {"mlops-ci": "failure", "mlops-ci/metrics": "failure"}
    assert job.world.standing(sha) == ended
    assert job.run(clone, environ, "comment").returncode == 0
    assert (job.world.standing(sha), len(job.world.checks)) == (ended, len(GREEN))
    assert len(job.world.bodies(7)) == 1
    assert [len(one["annotations"]) for one in job.world.checks if one["annotations"]] == [1, 1]


def test_a_push_reports_to_the_pull_request_whose_head_it_is(job: Job) -> None:
    sha = words(job)
    job.world.opened(9, "words", sha, repository="mallory/copy")
    clone = job.toy.runner("words")
    environ = job.environ(clone, "words", event={"ref": "refs/heads/words"}, name="push")
    environ |= {"GITHUB_REF": "refs/heads/words", "GITHUB_HEAD_REF": "", "GITHUB_BASE_REF": ""}
    done = job.run(clone, environ, "pr", "--json")
    assert (done.returncode, told(done)) == (0, [])
    assert (len(job.world.bodies(7)), len(job.world.bodies(9))) == (1, 0)
    assert json.loads(done.stdout)["comment_url"].endswith("/issues/7#issuecomment-1")
    # The base branch has checks and no comment.
    clone = job.toy.runner("main")
    environ = job.environ(clone, "main", event={"ref": "refs/heads/main"}, name="push")
    environ |= {"GITHUB_REF": "refs/heads/main", "GITHUB_HEAD_REF": "", "GITHUB_BASE_REF": ""}
    done = job.run(clone, environ, "pr")
    assert (done.returncode, told(done), len(job.world.comments)) == (0, [], 1)
    assert job.world.standing(environ["GITHUB_SHA"]) == GREEN


def test_without_a_token_the_report_is_beside_the_repository(job: Job) -> None:
    words(job)
    clone = job.checkout("words")
    done = job.run(clone, job.environ(clone, "words", GITHUB_TOKEN=""), "pr")
    assert (done.returncode, job.double.lines) == (0, [])
    assert told(done) == [
        "note: nothing is posted to GitHub: there is no GitHub token: GITHUB_TOKEN is not set",
        "  \u2192 give the step `env: GITHUB_TOKEN: ${{ github.token }}`",
    ]
    assert outputs(clone.parent / "output")["comment-url"].startswith("file://")
    assert "**Passed**" in (clone.parent / "summary.md").read_text()
