"""A run that is killed after any of its writes, loses any answer or its token, and the runs after it, end alike."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from mlops_ci.errors import ToolError
from mlops_ci.forge import Proposal
from mlops_ci.promoting.apply import check
from tests.e2e.github.calls import Token
from tests.e2e.github.server import Incoming
from tests.promoting.conftest import IRIS, of

from .conftest import BOT, Job

# In a world with three open promotions: one goes on, one goes, one is a person's; one is new, one merges itself.
BEFORE = [IRIS, of("production", "wine"), of("staging", "oak")]
NEW = replace(of("staging", "wine"), reviewers=("@bob",))
SELF = replace(of("production"), automatic=True)
AFTER = [of("staging", version="v3"), NEW, of("staging", "oak", "v3"), SELF]


def begun(job: Job) -> Job:
    job.must("PUT", "collaborators/bob", {"permission": "push"})
    job.apply(*BEFORE)
    # The same name in every repository.
    job.person(of("staging", "oak").branch, note="1")
    return job


@pytest.fixture(scope="module")
def quiet() -> dict[str, Any]:
    """How an undisturbed run ends, filled by the first that asks."""
    return {}


def undisturbed(make_job: Callable[[], Job], quiet: dict[str, Any]) -> Any:
    if not quiet:
        job = begun(make_job())
        first = len(job.writes())
        job.apply(*AFTER)
        quiet["writes"] = job.writes()[first:]
        quiet["state"] = settled(job)
    return quiet["state"]


def settled(job: Job) -> Any:
    """What there is when the base, which a merge has moved, is under all of them, and a run has nothing to do."""
    job.apply(*AFTER)
    before = job.writes()
    assert job.happened(*AFTER) == {
        "staging/iris": "unchanged",
        "staging/wine": "unchanged",
        "staging/oak": "stopped",
        "production/iris": "unchanged",
    }
    assert job.writes() == before
    return job.state()


def forked(job: Job, proposals: list[Proposal]) -> int:
    """Start a run as a process of its own."""
    job.fetch()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        code = 1
        try:
            check(job.apply(*proposals))
            code = 0
        finally:
            os._exit(code)
    return pid


@pytest.mark.slow
def test_killed_after_every_single_write(make_job: Callable[[], Job], quiet: dict[str, Any]) -> None:
    wanted, job = undisturbed(make_job, quiet), begun(make_job())
    running: list[int] = []

    def kill(_: Incoming) -> None:
        # The answer is lost with the run.
        if running:
            os.kill(running.pop(), signal.SIGKILL)

    job.seen(kill)
    killed = 0
    while True:
        running.append(pid := forked(job, AFTER))
        _, status = os.waitpid(pid, 0)
        if not os.WIFSIGNALED(status):
            break
        killed += 1
        assert killed <= 30, "\n".join(job.writes())
    running.clear()
    assert os.waitstatus_to_exitcode(status) == 0
    assert killed >= len(quiet["writes"])
    assert settled(job) == wanted


@pytest.mark.slow
def test_every_answer_is_lost_once(make_job: Callable[[], Job], quiet: dict[str, Any]) -> None:
    wanted, job = undisturbed(make_job, quiet), begun(make_job())
    gateway = job.hub.stand.gateway
    place = job.repository
    faults = [
        gateway.fault(method, f"{place}.*{path}", "cut-after")
        for method, path in [
            ("POST", ".git/git-receive-pack"),
            ("POST", "/pulls$"),
            ("PATCH", r"/pulls/\d+$"),
            ("POST", "/requested_reviewers$"),
            ("POST", "/labels$"),
            ("POST", "/comments$"),
            ("PUT", "/merge$"),
        ]
    ]
    check(job.apply(*AFTER))
    assert [one.times for one in faults] == [0] * len(faults)
    assert settled(job) == wanted


@pytest.mark.parametrize("share", [0.6])
def test_a_token_that_is_revoked_half_way(
    make_job: Callable[[], Job], quiet: dict[str, Any], share: float
) -> None:
    wanted, job = undisturbed(make_job, quiet), begun(make_job())
    gateway = job.hub.stand.gateway
    left = [int(len(quiet["writes"]) * share)]

    def revoke(_: Incoming) -> None:
        left[0] -= 1
        if left[0] == 0:
            del gateway.forge.tokens[BOT]

    job.seen(revoke)
    try:
        with pytest.raises(ToolError) as caught:
            check(job.apply(*AFTER))
    finally:
        gateway.issue(BOT, Token("promoter[bot]", bot=True))
    assert "401" in caught.value.message
    assert "has expired, was revoked or belongs" in f"{caught.value.message} {caught.value.hint}"
    check(job.apply(*AFTER))
    assert settled(job) == wanted
