"""The merge queue: what it tries, when it lands, and when it gives up."""

from __future__ import annotations

import pytest

from .stand import Stand
from .test_runner import begin, listed, steps


@pytest.mark.slow
@pytest.mark.parametrize(("exit_code", "conclusion"), [(0, "success"), (3, "failure")])
def test_a_pull_request_lands_when_the_required_check_is_there(
    stand: Stand, exit_code: int, conclusion: str
) -> None:
    text = steps('echo "$GITHUB_REF_NAME $GITHUB_SHA"', f"exit {exit_code}", on="merge_group")
    begin(stand, {"ci": text})
    checks = {"strict": False, "contexts": [], "checks": [{"context": "job"}]}
    protected = {
        "required_status_checks": checks,
        "enforce_admins": False,
        "required_pull_request_reviews": None,
        "restrictions": None,
    }
    stand.must("PUT", "branches/main/protection", protected)
    pull = stand.open_pull("topic")
    main = pull["base"]["sha"]
    assert stand.play() == []
    entry = stand.gateway.queue.add("acme/model", 1)
    assert stand.must("GET", "pulls/1")["state"] == "open"
    played = stand.play()
    assert listed(played) == [("CI", conclusion)]
    assert played[0].job("job").log == f"gh-readonly-queue/main/pr-1-{main} {entry.sha}\n"
    assert played[0].run.head_sha == entry.sha
    landed = conclusion == "success"
    assert stand.must("GET", "pulls/1")["merged"] is landed
    assert stand.must("GET", "branches/main")["commit"]["sha"] == (entry.sha if landed else main)
    # The queue's branch is gone, and nothing waits any more.
    assert (stand.api("GET", f"branches/{entry.branch}").status, stand.gateway.queue.entries) == (404, [])
    assert stand.gateway.events.last("merge_group.destroyed").payload["reason"] == (
        "merged" if landed else "invalidated"
    )
    assert stand.play() == []
