"""What has checks and no comment: a push to main, and what a merge queue tries."""

from __future__ import annotations

import pytest

from .conftest import Begin
from .credit import CREDIT, Credit, train
from .test_life import REFUSED
from .test_pull_request import GREEN, README, VERDICT

# How a branch is protected: the job's check and the verdict's own.
PROTECTED = {
    "required_status_checks": {
        "strict": False,
        "contexts": [],
        "checks": [{"context": VERDICT}, {"context": "mlops-ci"}],
    },
    "enforce_admins": False,
    "required_pull_request_reviews": None,
    "restrictions": None,
}


@pytest.mark.slow
def test_a_push_to_main_has_checks_and_no_comment(begin: Begin) -> None:
    acme = begin()
    acme.call(mlops_ci=README.replace("on: [pull_request, merge_group]", "on: {push: {branches: [main]}}"))
    train(acme.ada, "1.5")
    head = acme.stand.push(acme.ada, "main")
    played = acme.played()
    assert played.conclusion == "failure"
    assert f"❌ **Refused**: `toy`{REFUSED.removeprefix('toy')}" in played.summary
    red = {"mlops-ci": "failure", "mlops-ci/metrics": "failure", VERDICT: "failure"}
    assert acme.checks(head) == GREEN | red
    outputs = played.job(VERDICT).step("mlops-ci").outputs
    assert (outputs["verdict"], outputs["pull-request"], outputs["comment-url"]) == ("refused", "", "")
    assert acme.stand.gateway.asked("issues/create-comment") == []


def queued(acme: Credit, noise: str, base: str = "main") -> str:
    """A pull request that its own run has judged, in the queue; gives the commit that the queue tries."""
    acme.stand.must("PUT", f"branches/{base}/protection", PROTECTED)
    acme.ada.git("checkout", "--quiet", "-B", "topic", base)
    train(acme.ada, noise)
    acme.stand.push(acme.ada, "topic")
    acme.stand.open_pull("topic", base)
    acme.stand.runner.skip()
    return acme.stand.gateway.queue.add(CREDIT, 1).sha


@pytest.mark.slow
def test_a_merge_queue_gets_the_required_checks_and_lands(begin: Begin) -> None:
    acme = begin()
    acme.begin()
    tried = queued(acme, "0.01")
    played = acme.played()
    assert (played.run.event.name, played.conclusion) == ("merge_group", "success"), played.log
    assert acme.checks(tried) == GREEN | {VERDICT: "success"}
    # The queue waited for these checks and for nothing else.
    assert acme.stand.must("GET", "pulls/1")["merged"] is True
    assert acme.stand.must("GET", "branches/main")["commit"]["sha"] == tried
    assert acme.stand.comments(1) == []
    assert "| ✅ | `accuracy` | 0.9900 | 0.7675 |" in played.summary


@pytest.mark.slow
def test_a_merge_queue_of_another_branch_is_judged_by_that_branchs_rules(begin: Begin) -> None:
    acme = begin()
    acme.begin()
    # A release allows what main does not.
    acme.ada.git("checkout", "--quiet", "-b", "release")
    rules = acme.ada.path / "mlops-ci.yaml"
    rules.write_text(rules.read_text().replace("max_drop: 0.01", "max_drop: 0.9"))
    acme.ada.commit("Allow more")
    acme.stand.push(acme.ada, "release")
    tried = queued(acme, "1.5", "release")
    played = acme.played()
    assert played.conclusion == "success", played.log
    assert acme.checks(tried) == GREEN | {VERDICT: "success"}
    assert "(tip of release)" in played.summary
    assert acme.stand.must("GET", "pulls/1")["merged"] is True
