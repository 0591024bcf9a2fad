"""A pull request from a fork: its own run only measures, a second one reports, by the rules of the base branch."""

from __future__ import annotations

from typing import Any

import pytest

from tests.repositories import Repo

from .conftest import Begin
from .credit import BOT, Credit, train
from .test_life import REFUSED
from .test_pull_request import GREEN, VERDICT

FORK = "eve/credit"


def fork(acme: Credit) -> Repo:
    """Eve's fork, cloned, on a branch of her own."""
    acme.stand.must("POST", "forks", {}, token="eve-token")
    eve = acme.stand.clone("eve-token", FORK)
    acme.stand.fetch(eve, "eve-token")
    eve.git("checkout", "--quiet", "-b", "mine", "origin/main")
    return eve


def propose(acme: Credit, eve: Repo) -> dict[str, Any]:
    acme.stand.push(eve, "mine", "eve-token")
    acme.stand.runner.skip()
    return acme.stand.open_pull("eve:mine", token="eve-token")


@pytest.mark.slow
def test_a_fork_is_measured_by_its_own_run_and_reported_on_by_a_trusted_one(begin: Begin) -> None:
    acme = begin()
    acme.begin("--forks")
    eve = fork(acme)
    # She loosens the limit that her model breaks.
    rules = eve.path / "mlops-ci.yaml"
    rules.write_text(rules.read_text().replace("max_drop: 0.01", "max_drop: 0.9"))
    train(eve, "1.5")
    head = propose(acme, eve)["head"]["sha"]
    first, second = acme.stand.play()
    assert (first.run.workflow.name, first.conclusion) == ("mlops-ci", "failure")
    # The first phase: the verdict, and nothing written, with a token that cannot.
    outputs = first.job(VERDICT).step("mlops-ci").outputs
    assert (outputs["verdict"], outputs["exit-code"], outputs["comment-url"]) == ("refused", "1", "")
    assert "this run is a fork's and its token only reads, so nothing is posted" in first.log
    assert [one.path for one in acme.stand.gateway.requests if one.login == BOT and one.status == 403] == []
    assert first.run.token.permissions == {"contents": "read", "pull_requests": "read", "checks": "read"}
    assert f"❌ **Refused**: `toy`{REFUSED.removeprefix('toy')}" in first.summary
    assert acme.evidence()["repository"]["commit"] == head
    # The second phase: the base branch's file, its rules, and a token that may.
    assert (second.run.workflow.name, second.conclusion) == ("mlops-ci forks", "success"), second.log
    assert second.job("report / report").step("take").outputs == {"evidence": "true"}
    [comment] = acme.stand.comments(1)
    assert comment["user"]["login"] == BOT
    assert comment["body"].split("\n")[1].startswith(f"❌ **Refused**: `toy`{REFUSED.removeprefix('toy')}")
    assert f"measured by a run of the fork {FORK}, whose numbers are its own word" in comment["body"]
    assert "could not be fetched" not in first.summary + comment["body"]
    edit = "| `defaults.gates.metrics.limits.accuracy.max_drop` | `0.01` | `0.9` | [`mlops-ci.yaml:7`]"
    assert edit in comment["body"]
    red = {"mlops-ci": "failure", "mlops-ci/metrics": "failure", VERDICT: "failure"}
    assert acme.checks(head) == GREEN | red
    # She changes her pull request, and the comment follows.
    train(eve, "0.01")
    head = acme.stand.push(eve, "mine", "eve-token")
    first, second = acme.stand.play()
    assert (first.conclusion, second.conclusion) == ("success", "success"), second.log
    [better] = acme.stand.comments(1)
    assert better["id"] == comment["id"]
    assert "| 🟢 ▲ +0.223 better |" in better["body"]
    assert acme.checks(head) == GREEN | {VERDICT: "success"}
    assert [run for run in (first, second) if "ghs_" in run.log or "***" in run.log] == []


@pytest.mark.slow
def test_a_fork_s_run_that_measured_nothing_is_not_reported_on(begin: Begin) -> None:
    acme = begin()
    acme.begin("--forks")
    eve = fork(acme)
    eve.write("requirements.txt", "no-such-package==1.0\n")
    eve.commit("Need what nobody has")
    propose(acme, eve)
    first, second = acme.stand.play()
    assert (first.conclusion, second.conclusion) == ("failure", "success"), second.log
    assert first.summary == (
        "### mlops-ci was not installed\n\nInstalling requirements.txt failed, so nothing was run and nothing was judged. "
        "To mend it: see the lines above in the log.\n"
    )
    assert "Because no-such-package was not found in the package registry" in first.log
    assert [(one.level, one.message) for one in second.annotations] == [
        ("failure", "Unable to download artifact(s): Artifact not found for name: mlops-ci"),
        ("notice", "The fork's run left no evidence, so there is nothing to report."),
    ]
    assert acme.stand.comments(1) == []
