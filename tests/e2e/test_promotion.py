"""Promotion end to end without a forge: real Git, real DVC, the embedded forge; people merge, time passes."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import Call, Toy
from tests.e2e.promote.conftest import PRODUCTION, STAGING, Play

RULES = """\
version: 1
lock: report
environments:
  staging:
  production:
    after: staging
    strategy: {canary: {steps: [10, 50]}}
    step_soak: 0s
    ramp: manual
"""


@pytest.fixture
def play(toy: Toy, call: Call) -> Play:
    toy.author.write("deploy/staging/toy.yaml", STAGING)
    toy.author.write("deploy/production/toy.yaml", PRODUCTION)
    toy.configure(text=RULES)
    return Play(toy, call, toy.runner("main"))


def test_from_main_to_production_and_back(play: Play) -> None:
    # The first release: staging, then production, where nobody is there to share with.
    assert play.states() == {"staging/toy": "opened", "production/toy": "waits"}
    assert play.states() == {"staging/toy": "unchanged", "production/toy": "waits"}
    play.merge("staging")
    first = play.record("staging")
    assert first.release.commit == play.toy.origin.git("log", "-1", "--format=%H", "main", "--", "dvc.lock")
    assert first.release.uri in play.manifest("staging")
    assert play.states() == {"staging/toy": "waits", "production/toy": "opened"}
    play.merge("production")
    assert play.record("production").after.rollout.stable == play.record("staging").after.rollout.stable
    # A better model goes by 10 % and 50 % to all.
    play.train("0.2")
    assert play.states() == {"staging/toy": "opened", "production/toy": "waits"}
    play.merge("staging")
    shares = []
    for _ in range(3):
        assert play.states()["production/toy"] == "opened"
        play.merge("production")
        after = play.record("production").after
        shares.append((after.traffic, after.stable and after.stable.digest == first.release.digest))
    assert shares == [(10, True), (50, True), (0, False)]
    second = play.record("production")
    assert second.evidence.champion == first.release.digest
    assert [one.champion for one in second.evidence.metrics] != [None]
    assert play.states() == {"staging/toy": "waits", "production/toy": "waits"}
    # Back to the first, and the second is held.
    assert "opened" in play.run("rollback", "production", "--reason", "scores are zero").out
    assert play.states()["production/toy"] == "unchanged"
    play.merge("production")
    last = play.record("production")
    assert (last.action, last.hold and last.hold.reason) == ("rollback", "scores are zero")
    assert first.release.uri in play.manifest("production")
    told = play.run("status").out
    assert "held" in told
    assert "scores are zero" in told
    # All of it holds, link by link, whoever looks.
    audited = play.run("audit", "verify", "--all", "--json").document
    assert [one for one in audited["links"] if one["status"] == "broken"] == []
    assert audited["counts"]["ok"] > 20
    unknown = {one["link"] for one in audited["links"] if one["status"] == "unknown"}
    assert unknown == {"data"}  # the toy makes its own
