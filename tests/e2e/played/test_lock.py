"""`lock: commit` on GitHub: who pushes, what starts and what does not, who goes first, and what a fork gets."""

from __future__ import annotations

import configparser
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops_ci import gates, starting, trailers
from mlops_ci.adapters.git_push import MEND
from mlops_ci.collect.locking import FORK
from tests.e2e.github.bare import Bare
from tests.e2e.github.calls import Token
from tests.e2e.github.runner import Played

from . import credit
from .conftest import Begin
from .credit import CREDIT, Credit

README = credit.documented("README.md", "In your repository")
GREEN = {**dict.fromkeys(["mlops-ci", *(f"mlops-ci/{gate}" for gate in gates.GATES)], "success")}
VERDICT = "mlops-ci / verdict"
APP = "promoter[bot]"
SECRET = "ghs_of_the_app_that_pushes"
WITH_TOKEN = f"{README}    secrets:\n      token: ${{{{ secrets.PUSH }}}}\n"
PATCH = "The patch: save it as lock.patch, then git apply lock.patch"
LATER = "the branch topic moved while this ran, so nothing was pushed over it; the run for the newer commit will do it"

FORK_SHOWN = "A fork's run has a token that only reads, so `lock: commit` is `lock: report` here."

Committing = Callable[..., Credit]


@pytest.fixture
def committing(begin: Begin) -> Committing:
    """acme/credit with `lock: commit`, a workflow, and an App that may do nothing but write contents."""

    def start(workflow: str, **settings: Any) -> Credit:
        acme = begin(**settings)
        acme.stand.gateway.issue(SECRET, Token(APP, {"contents": "write"}, bot=True))
        edit(acme, "mlops-ci.yaml", "lock: report", "lock: commit")
        acme.call(mlops_ci=workflow)
        return acme

    return start


def edit(acme: Credit, name: str, old: str, new: str) -> None:
    text = (acme.ada.path / name).read_text()
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
    acme.ada.write(name, text.replace(old, new))


def bare(acme: Credit) -> Bare:
    return acme.stand.gateway.forge.bare(CREDIT)


def tip(acme: Credit) -> str:
    found = bare(acme).branch("topic")
    assert found
    return found


def pushes(acme: Credit, login: str) -> list[int]:
    return [one.status for one in acme.stand.gateway.asked("git/git-receive-pack", login)]


def lock(acme: Credit) -> dict[str, Any]:
    found: dict[str, Any] = acme.evidence()["lock"]
    return found


def statuses(acme: Credit) -> set[str]:
    return {stage["status"] for stage in acme.evidence()["stages"]}


def conclusions(played: list[Played]) -> list[str | None]:
    return [one.conclusion for one in played]


def seen(acme: Credit, played: list[Played]) -> str:
    """Everything that people and other programs are shown."""
    artifacts = [
        acme.stand.gateway.artifacts.files(one) for one in acme.stand.gateway.artifacts.kept.values()
    ]
    files = [data.decode() for files in artifacts for data in files.values()]
    return "\n".join([*(f"{one.log}\n{one.summary}" for one in played), *files, *acme.bodies(1)])


@contextmanager
def at(acme: Credit, method: str, pattern: str, then: Callable[[], object]) -> Iterator[None]:
    """When a request like this comes, do something before it is answered."""
    fault = acme.stand.gateway.fault(method, pattern, "slow")

    def wait() -> None:
        fault.reached.wait()
        try:
            then()
        finally:
            fault.release.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    try:
        yield
    finally:
        fault.reached.set()
        waiting.join()


@pytest.mark.slow
def test_the_commit_lands_on_the_branch_and_starts_no_loop(committing: Committing) -> None:
    acme = committing(WITH_TOKEN, secrets={"PUSH": SECRET})
    head = acme.propose("topic", "0.01")["head"]["sha"]
    before: list[set[str]] = []
    with at(acme, "POST", "/git-receive-pack$", lambda: before.append(stored(acme))):
        first, second = played = acme.stand.play()
    assert conclusions(played) == ["success", "success"], seen(acme, played)
    made = tip(acme)
    # One commit by one push, on top of what was measured, with what was measured and nothing else.
    assert (bare(acme).parents(made), pushes(acme, APP)) == ([head], [200])
    assert bare(acme).git("diff", "--name-only", head, made).splitlines() == ["dvc.lock", "metrics.json"]
    assert bare(acme).git("log", "-1", "--format=%an %cn %s", made) == (
        "mlops-ci mlops-ci Update dvc.lock to what was measured"
    )
    assert trailers.read(bare(acme).message(made)) == {
        trailers.LOCK: lock(acme)["digest"],
        trailers.MEASURED: first.run.event.payload["pull_request"]["merge_commit_sha"],
    }
    # What the commit names was in the DVC remote before it was pushed.
    assert len(named(acme, made)) == 4
    assert named(acme, made) <= before[0]
    # The second run is the commit's own: nothing ran, nothing was committed, and all checks are there.
    assert (second.run.event.name, second.run.event.action) == ("pull_request", "synchronize")
    assert (statuses(acme), lock(acme)["commit"], lock(acme)["patch"]) == ({"cached"}, None, "")
    assert acme.checks(made) == GREEN | {VERDICT: "success"}
    [body] = acme.bodies(1)
    assert body.endswith(f'![](https://cml.dev/watermark.png#{made} "CML watermark mlops-ci")')
    assert (SECRET in seen(acme, played), len(acme.stand.comments(1))) == (False, 1)


def stored(acme: Credit) -> set[str]:
    """The digests that the DVC remote has."""
    config = configparser.ConfigParser()
    config.read_string((acme.ada.path / ".dvc" / "config").read_text())
    [url] = [section["url"] for section in config.values() if "url" in section]
    return {path.parent.name + path.name for path in Path(url).rglob("*") if path.is_file()}


def named(acme: Credit, commit: str) -> set[str]:
    """The digests of the outputs that a commit's dvc.lock names and that Git does not keep."""
    stages = yaml.safe_load(bare(acme).text(commit, "dvc.lock") or "")["stages"]
    return {
        out["md5"]
        for stage in stages.values()
        for out in stage["outs"]
        if bare(acme).text(commit, out["path"]) is None
    }


@pytest.mark.slow
def test_a_stage_that_does_not_reproduce_ends_after_one_commit(committing: Committing) -> None:
    acme = committing(WITH_TOKEN, secrets={"PUSH": SECRET})
    acme.ada.git("checkout", "--quiet", "-B", "topic", "main")
    edit(
        acme, "dvc.yaml", "cmd: echo alone > alone.txt", "cmd: date +%N > alone.txt\n    always_changed: true"
    )
    head = acme.push("topic", "0.01")
    acme.stand.open_pull("topic")
    played = acme.stand.play()
    assert conclusions(played) == ["success", "success"], seen(acme, played)
    assert (bare(acme).parents(tip(acme)), pushes(acme, APP)) == ([head], [200])
    assert lock(acme)["note"] == (
        "the last commit is such a commit already and alone changed again: it does not reproduce"
    )


@pytest.mark.slow
def test_a_persons_push_while_the_stages_run_goes_first(committing: Committing) -> None:
    acme = committing(WITH_TOKEN, secrets={"PUSH": SECRET})
    acme.propose("topic", "0.01")
    moved: list[str] = []
    with at(acme, "POST", "/check-runs$", lambda: moved.append(by_bob(acme))):
        [first] = acme.stand.runner.play_event(acme.stand.gateway.events.delivered[-1])
    assert (first.conclusion, tip(acme)) == ("success", moved[0]), first.log
    assert (lock(acme)["commit"], lock(acme)["note"]) == (None, LATER)
    assert lock(acme)["patch"].startswith("diff --git a/dvc.lock b/dvc.lock")
    [body] = acme.bodies(1)
    assert body.count(LATER) == 1
    assert PATCH in body


def by_bob(acme: Credit) -> str:
    """Somebody else pushes to the pull request's branch."""
    bob = acme.stand.clone("bob-token", CREDIT)
    acme.stand.fetch(bob, "bob-token")
    bob.git("checkout", "--quiet", "-B", "topic", "origin/topic")
    bob.commit("Meanwhile", README_dot_md="words\n")
    return acme.stand.push(bob, "topic", "bob-token")


@pytest.mark.slow
def test_a_persons_push_at_the_last_moment_goes_first_and_its_run_commits_the_lock(
    committing: Committing,
) -> None:
    """Between the server's list of its branches, which the lease is held to, and the push."""
    acme = committing(WITH_TOKEN, secrets={"PUSH": SECRET})
    acme.propose("topic", "0.01")
    moved: list[str] = []
    with at(acme, "POST", "/git-receive-pack$", lambda: moved.append(by_bob(acme))):
        played = acme.stand.play()
    assert conclusions(played) == ["success"] * 3, seen(acme, played)
    artifacts = acme.stand.gateway.artifacts
    first = json.loads(artifacts.files(next(iter(artifacts.kept.values())))["evidence.json"])["lock"]
    assert (first["commit"], first["note"]) == (None, LATER)
    # Nothing was lost: the lock stands on top of the person's commit, and that run is the last.
    assert bare(acme).parents(tip(acme)) == moved
    assert (acme.checks(tip(acme)), len(acme.bodies(1))) == (GREEN | {VERDICT: "success"}, 1)


@pytest.mark.slow
def test_without_a_token_the_change_is_a_patch_and_one_line_mends_it(committing: Committing) -> None:
    acme = committing(README)
    head = acme.propose("topic", "0.01")["head"]["sha"]
    [played] = acme.stand.play()
    assert (played.conclusion, tip(acme)) == ("success", head), played.log
    assert set(pushes(acme, credit.BOT)) == set()
    assert lock(acme)["note"] == f"the token may not push to topic (403); {MEND}"
    [body] = acme.bodies(1)
    said = "It was not committed to the branch: the token may not push to topic (403); hand a token with"
    assert (body.count(said), body.count("secrets: {token: &#36;{{ secrets.NAME }}}")) == (1, 1)
    assert PATCH in body
    assert acme.checks(head) == GREEN | {VERDICT: "success"}


OWN_JOB = """\
name: mlops-ci
on: [pull_request, merge_group]
permissions: {}
jobs:
  mlops-ci:
    runs-on: ubuntu-latest
    permissions:
      contents: write # what was measured is committed
      pull-requests: write # the comment
      checks: write # a check for every gate
    steps:
      - uses: actions/checkout@COMMIT
        with: {fetch-depth: 0, persist-credentials: false}
      - id: mlops-ci
        uses: mlops-ci/mlops-ci/action@COMMIT
        with: {requirements: requirements.txt}
"""


@pytest.mark.slow
def test_the_jobs_own_token_pushes_where_it_may_and_the_checks_stand_at_the_new_head(
    committing: Committing,
) -> None:
    """What it pushes starts no run, so nobody else would write them."""
    acme = committing(OWN_JOB)
    head = acme.propose("topic", "0.01")["head"]["sha"]
    [played] = acme.stand.play()
    assert played.conclusion == "success", played.log
    made = tip(acme)
    assert (bare(acme).parents(made), pushes(acme, credit.BOT)) == ([head], [200])
    # The job's own check is the old head's alone: to require `mlops-ci` lets the new one in.
    assert acme.checks(head) == GREEN | {"mlops-ci": "success"}
    assert acme.checks(made) == GREEN
    [body] = acme.bodies(1)
    assert f"were committed to this branch as `{made[:8]}`" in body


WITH_APP = f"""{README}      app-client-id: ${{{{ vars.APP_CLIENT_ID }}}}
    secrets:
      app-private-key: ${{{{ secrets.APP_PRIVATE_KEY }}}}
"""


@pytest.mark.slow
def test_an_apps_token_is_made_in_the_job(committing: Committing) -> None:
    acme = committing(WITH_APP, secrets={"APP_PRIVATE_KEY": SECRET})
    acme.stand.runner.variables = {"APP_CLIENT_ID": "Iv23"}
    acme.propose("topic", "0.01")
    played = acme.stand.play()
    assert conclusions(played) == ["success"] * 2, seen(acme, played)
    assert pushes(acme, APP) == [200]
    assert acme.checks(tip(acme)) == GREEN | {VERDICT: "success"}
    # The App posts nothing: it may not.
    assert {one.operation for one in acme.stand.gateway.requests if one.login == APP} == {
        "git/info/refs",
        "git/git-receive-pack",
    }


@pytest.mark.slow
def test_a_fork_gets_its_lock_reported(committing: Committing) -> None:
    acme = committing(WITH_TOKEN, secrets={"PUSH": SECRET})
    release = starting.Release("mlops-ci/mlops-ci", acme.commit, "0.1.0")
    acme.call(mlops_ci_forks=starting.forks(release))
    acme.stand.must("POST", "forks", {}, token="eve-token")
    eve = acme.stand.clone("eve-token", "eve/credit")
    acme.stand.fetch(eve, "eve-token")
    eve.git("checkout", "--quiet", "-B", "topic", "origin/main")
    params = eve.path / "params.yaml"
    params.write_text(params.read_text().replace("noise: 0.3", "noise: 0.01"))
    eve.commit("Train with less noise")
    acme.stand.push(eve, "topic", "eve-token")
    acme.stand.open_pull("eve:topic", token="eve-token")
    before = len(acme.stand.gateway.asked("git/git-receive-pack"))
    first, second = played = acme.stand.play()
    assert conclusions(played) == ["success", "success"], seen(acme, played)
    # Nobody tried to push.
    assert len(acme.stand.gateway.asked("git/git-receive-pack")) == before
    assert (lock(acme)["mode"], lock(acme)["note"]) == ("report", FORK)
    assert lock(acme)["patch"].startswith("diff --git a/dvc.lock b/dvc.lock")
    assert FORK_SHOWN in first.summary
    # The trusted run that reports it says the same.
    [body] = acme.bodies(1)
    assert (body.count(FORK_SHOWN), PATCH in body) == (1, True)
    assert second.run.workflow.name == "mlops-ci forks"
