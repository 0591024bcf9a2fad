"""When a pull request is run on GitHub, and when it waits: real runs in processes, against a GitHub with a memory."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mlops_ci.adapters.terminal import Terminal
from mlops_ci.evidence import Outcome, Verdict
from mlops_ci.reporting import Judged
from mlops_ci.session import Session
from tests.adapters.github_double import REPOSITORY, Double
from tests.adapters.github_world import World
from tests.adapters.test_actions import outputs
from tests.e2e.conftest import GATED, Toy
from tests.e2e.test_outlets import FORK, GATES, GREEN, Job, told, worse

OWN = {"full_name": REPOSITORY}
WAITING = dict.fromkeys(["mlops-ci", *GATES], "action_required")
LABEL = "when: {label: run-ml}\n"


@pytest.fixture
def job(double: Double, toy: Toy) -> Job:
    return Job(double, toy, World.of(double))


def rules(job: Job, text: str) -> None:
    """What the base branch says."""
    job.toy.configure(text=GATED.format(lock="report") + text)


def pull(job: Job, branch: str, sha: str, **more: Any) -> dict[str, str]:
    """The environment of a run for a pull request in this state."""
    clone = job.checkout(branch)
    sides = {"head": {"sha": sha, "repo": OWN}, "base": {"repo": OWN}}
    return job.environ(clone, branch, event={"pull_request": {"number": 7, **sides, **more}})


def pr(job: Job, environ: dict[str, str], *args: str) -> subprocess.CompletedProcess[str]:
    return job.run(job.done[-1], environ, "pr", *args)


def words(job: Job, branch: str = "words") -> str:
    """A pull request that touches nothing of ours."""
    job.toy.author.write("README.md", branch)
    sha = job.toy.propose(branch)
    job.world.opened(7, branch, sha)
    return sha


@pytest.mark.parametrize(
    ("when", "state", "reason", "enough"),
    [
        (
            LABEL,
            {"labels": [{"name": "bug"}]},
            "Waits for the label run-ml.",
            {"labels": [{"name": "run-ml"}]},
        ),
        ("when: ready\n", {"draft": True}, "Waits until this draft is ready for review.", {"draft": False}),
    ],
    ids=["label", "ready"],
)
def test_a_pull_request_waits_until_its_time_has_come(
    job: Job, when: str, state: dict[str, Any], reason: str, enough: dict[str, Any]
) -> None:
    rules(job, when)
    sha = worse(job)
    environ = pull(job, "worse", sha, **state)
    done = pr(job, environ)
    assert (done.returncode, told(done)) == (1, [])
    assert done.stdout.splitlines()[1] == reason
    assert job.world.standing(sha) == WAITING
    assert set(job.world.titles(sha).values()) == {reason}
    folder = job.done[-1]
    assert outputs(folder.parent / "output") == {"verdict": "waiting", "exit-code": "1", "pull-request": "7"}
    assert (folder.parent / "summary.md").read_text().startswith(f"⏸ **Waiting**: {reason}\n")
    # Nothing was run, fetched or said.
    assert not (folder / ".dvc/tmp/mlops-ci").exists()
    assert not (folder / "model.json").exists()
    assert job.world.comments == []
    # The event that was waited for starts a run of its own.
    environ = pull(job, "worse", sha, **enough) | {"GITHUB_RUN_ID": "4712"}
    assert pr(job, environ).returncode == 1
    assert job.world.standing(sha) == GREEN | {"mlops-ci": "failure", "mlops-ci/metrics": "failure"}
    assert len(job.world.bodies(7)) == 1


def test_a_command_runs_it_again_and_that_is_the_permission(job: Job) -> None:
    rules(job, "when: command\n")
    sha = worse(job)
    environ = pull(job, "worse", sha)
    done = pr(job, environ, "--json")
    assert json.loads(done.stdout) == {
        "verdict": "waiting",
        "exit_code": 1,
        "reason": "Waits for the comment /mlops-ci run.",
        "next": "somebody who may push comments `/mlops-ci run`, or runs this job again",
    }
    assert job.world.standing(sha) == WAITING
    # The same run, as GitHub starts it again: the event is the old one, the attempt is not.
    assert pr(job, environ | {"GITHUB_RUN_ATTEMPT": "2"}).returncode == 1
    assert job.world.standing(sha)["mlops-ci"] == "failure"
    assert outputs(job.done[-1].parent / "output")["verdict"] == "refused"


def test_a_branch_cannot_say_when_it_is_run(job: Job) -> None:
    rules(job, "when: command\n")
    job.toy.author.write("mlops-ci.yaml", GATED.format(lock="report") + "when: push\n")
    sha = worse(job)
    assert pr(job, pull(job, "worse", sha)).returncode == 1
    assert job.world.standing(sha) == WAITING


def test_a_merge_queue_and_a_person_s_machine_never_wait(job: Job) -> None:
    rules(job, "when: command\n")
    sha = worse(job)
    clone = job.checkout("worse")
    environ = job.environ(clone, "worse", event={"merge_group": {"head_sha": sha}}, name="merge_group")
    environ |= {"GITHUB_REF": "refs/heads/gh-readonly-queue/main/pr-7", "GITHUB_HEAD_REF": ""}
    assert json.loads(job.run(clone, environ, "pr", "--json").stdout)["verdict"] == "refused"
    local = {name: value for name, value in environ.items() if not name.startswith(("GITHUB_", "CI"))}
    runner = job.toy.runner("worse")
    assert json.loads(job.run(runner, local, "pr", "--json").stdout)["verdict"] == "refused"


@pytest.mark.parametrize("when", ["", "when: command\n", LABEL, "when: ready\n"])
def test_where_nothing_of_ours_changed_the_checks_are_green_at_once_and_nobody_is_told(
    job: Job, when: str
) -> None:
    rules(job, when)
    sha = words(job)
    done = pr(job, pull(job, "words", sha, draft=True))
    assert (done.returncode, told(done)) == (0, [])
    assert job.world.standing(sha) == GREEN
    assert job.world.comments == []
    found = outputs(job.done[-1].parent / "output")
    assert (found["verdict"], found["comment-url"], found["pull-request"]) == ("passed", "", "7")
    summary = (job.done[-1].parent / "summary.md").read_text()
    assert "✅ **Passed**: nothing that feeds a model changed; nothing had to run." in summary


def forked(job: Job, branch: str, sha: str) -> dict[str, str]:
    """The environment of a run for the pull request of a fork."""
    clone = job.checkout(branch)
    sides = {"head": {"sha": sha, "repo": FORK}, "base": {"repo": OWN}}
    return job.environ(clone, branch, event={"pull_request": {"number": 7, **sides}})


def test_a_fork_waits_too_and_leaves_nothing_to_report(job: Job) -> None:
    rules(job, "when: command\n")
    sha = worse(job)
    environ = forked(job, "worse", sha)
    done = pr(job, environ)
    assert (done.returncode, told(done), job.double.lines) == (1, [], [])
    assert outputs(job.done[-1].parent / "output")["verdict"] == "waiting"
    assert not (job.done[-1] / ".dvc/tmp/mlops-ci").exists()


def test_a_fork_s_words_turn_the_checks_green_by_the_second_phase(job: Job) -> None:
    rules(job, "when: command\n")
    job.toy.author.write("README.md", "theirs")
    sha = job.toy.propose("theirs")
    job.world.opened(7, "theirs", sha, repository=str(FORK["full_name"]))
    assert pr(job, forked(job, "theirs", sha)).returncode == 0
    sent = outputs(job.done[-1].parent / "output")["evidence-path"]
    trusted = job.toy.runner("main")
    event = {"workflow_run": {"head_sha": sha, "head_branch": "theirs", "head_repository": FORK}}
    environ = job.environ(trusted, "main", event=event, name="workflow_run", GITHUB_RUN_ID="4712")
    environ |= {"GITHUB_REF": "refs/heads/main", "GITHUB_HEAD_REF": "", "GITHUB_BASE_REF": ""}
    done = job.run(trusted, environ, "comment", "--evidence", sent)
    assert (done.returncode, told(done)) == (0, [])
    assert (job.world.standing(sha), job.world.comments) == (GREEN, [])


def test_a_comment_that_is_there_is_updated(job: Job) -> None:
    rules(job, "")
    sha = worse(job)
    assert pr(job, pull(job, "worse", sha)).returncode == 1
    job.toy.edit("params.yaml", "noise: 1.5", "noise: 0.3")
    job.toy.author.write("README.md", "words")
    sha = job.toy.author.commit("Take it back, with words")
    job.toy.author.git("push", "--quiet", "origin", "worse")
    done = pr(job, pull(job, "worse", sha) | {"GITHUB_RUN_ID": "4712"})
    assert (done.returncode, told(done)) == (0, [])
    (body,) = job.world.bodies(7)
    assert "✅ **Passed**: nothing that feeds a model changed" in body


@pytest.mark.filterwarnings("ignore:Pydantic serializer")
def test_where_it_cannot_be_told_whether_ours_was_touched_there_is_a_comment(
    job: Job, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rules(job, "")
    environ = pull(job, "words", words(job))
    monkeypatch.chdir(job.done[-1])
    session = Session.open(Terminal(), environ=environ)
    # Evidence that no reader lets in stands for what nobody thought of.
    broken = session.measure(None).model_copy(update={"params": 5})
    session.reporting(Judged(broken, (), Verdict(outcome=Outcome.PASSED))).report()
    assert len(job.world.bodies(7)) == 1
    said = "note: whether ours was touched is not known: a bug of ours, please report it: TypeError("
    assert said in capsys.readouterr().err


def test_a_pull_request_that_brings_the_rules_has_its_comment(job: Job) -> None:
    """The first one in a repository: nothing ran, and the comment shows that it works."""
    job.toy.author.write("mlops-ci.yaml", "version: 1\n")
    sha = job.toy.propose("start")
    job.world.opened(7, "start", sha)
    assert pr(job, pull(job, "start", sha)).returncode == 0
    assert len(job.world.bodies(7)) == 1


@pytest.mark.parametrize(
    ("cost", "runner", "shown"),
    [
        (
            "{per_minute: {ubuntu-latest: 0.006, gpu-large: 0.07}}",
            "gpu-large",
            " on `gpu-large`, about 0.07 USD",
        ),
        (
            "{per_minute: {gpu-large: 0.5}, currency: EUR}",
            '["self-hosted", "gpu-large"]',
            " on `gpu-large`, about 0.50 EUR",
        ),
        ("{per_minute: {gpu-large: 0.5}}", "ubuntu-latest", ""),
        ("{per_minute: 2}", "", ", about 2.00 USD"),
    ],
)
def test_the_report_names_what_the_run_cost(job: Job, cost: str, runner: str, shown: str) -> None:
    rules(job, f"cost: {cost}\n")
    sha = worse(job)
    assert pr(job, pull(job, "worse", sha) | {"MLOPS_CI_RUNNER": runner}).returncode == 1
    (body,) = job.world.bodies(7)
    foot = body[body.rindex("<sub>") :]
    seconds = sum(
        json.loads((job.done[-1] / ".dvc/tmp/mlops-ci/evidence.json").read_text())["timings"].values()
    )
    assert 0 < seconds < 60
    took, _, rest = foot[foot.index("took ") :].partition(" s")
    assert float(took.removeprefix("took ")) == pytest.approx(seconds, abs=0.6)
    assert rest.startswith(f"{shown} · [details]")


@pytest.mark.parametrize(
    ("publisher", "notes"),
    [
        ("auto", []),
        ("api", []),
        (
            "cml",
            [
                "note: posted by the API: there is no usable cml command",
                "  → set the command up before this step (iterative/setup-cml), or take `comment.publisher: cml` away",
            ],
        ),
    ],
)
def test_who_posts_the_comment_is_the_base_branch_s_choice(
    job: Job, publisher: str, notes: list[str]
) -> None:
    rules(job, f"comment: {{publisher: {publisher}}}\n")
    sha = worse(job)
    environ = pull(job, "worse", sha)
    environ["PATH"] = ":".join(
        folder for folder in environ["PATH"].split(":") if not (Path(folder) / "cml").exists()
    )
    done = pr(job, environ)
    assert (done.returncode, told(done)) == (1, notes)
    assert len(job.world.bodies(7)) == 1
