"""What `mlops-ci promote` makes of the rules, of evidence and of time: it goes on, waits with a reason, or refuses."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime, timedelta

import pytest

from mlops_ci.adapters.local import LocalForge

from .conftest import CANARY, LONG_AGO, Play

GATES = """\
defaults:
  gates:
    metrics:
      limits:
        accuracy: {min: 0.99}
"""


def ago(**span: float) -> str:
    return (datetime.now(UTC) - timedelta(**span)).isoformat(timespec="seconds")


def waits(play: Play, target: str) -> tuple[str, str]:
    """State and reason of a target; digests and commits are stars."""
    told = play.told()[target]
    return told["state"], re.sub(r"\b[0-9a-f]{10,12}\b", "*", told["reason"])


# ---- evidence ---------------------------------------------------------------------------------


def test_refused_evidence_is_blocked_and_nothing_is_published(better: Play) -> None:
    better.configure(more=GATES)
    before = better.everything()
    state, reason = waits(better, "staging/toy")
    assert state == "blocked"
    assert reason.startswith("the evidence of main's release is refused: accuracy is 0.")
    assert better.everything() == before


def test_without_evidence_it_says_how_to_get_it(live: Play) -> None:
    live.toy.edit("params.yaml", "noise: 0.3", "noise: 0.2")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(live.toy.author.path)
        from dvc.repo import Repo as DvcRepo

        with DvcRepo() as repo:
            repo.reproduce()
            repo.push()
    live.commits()
    before = live.everything()
    state, reason = waits(live, "staging/toy")
    assert state == "blocked"
    assert "there is no evidence for its dvc.lock" in reason
    assert "mlops-ci run" in reason
    assert live.everything() == before


def test_warnings_are_kept_out_where_only_what_passed_may_go(better: Play) -> None:
    soft = GATES.replace("accuracy: {min: 0.99}", "recall: {min: 0.5, required: false}")
    better.configure(staging="verdict: passed", more=soft)
    assert waits(better, "staging/toy") == (
        "blocked",
        "the evidence of main's release sha256:* (*) has warnings, and staging takes only what passed: "
        "There is a limit on recall, but no metric of that name",
    )


def test_bytes_that_are_missing_are_told(better: Play) -> None:
    md5 = better.toy.author.git("show", "main:dvc.lock").split("path: model.json")[1].split("md5: ")[1][:32]
    lost = better.toy.folder / "store" / "files" / "md5" / md5[:2] / md5[2:]
    lost.unlink()
    shutil.rmtree(better.runner / ".dvc" / "cache", ignore_errors=True)
    state, reason = waits(better, "staging/toy")
    assert (state, reason) == (
        "blocked",
        f"main offers no release of toy: model.json: neither the DVC cache nor the remote has it ({md5[:8]})",
    )
    assert better.pulls() == [("production/toy", "merged"), ("staging/toy", "merged")]


# ---- what is live -----------------------------------------------------------------------------


def test_a_manifest_edited_by_hand_is_told_until_somebody_decides(better: Play) -> None:
    text = better.manifest("staging")
    uri = better.record("staging").release.uri
    better.commits(deploy__staging__toy_dot_yaml=text.replace(uri, "s3://elsewhere/model") + "\n")
    state, reason = waits(better, "staging/toy")
    assert state == "blocked"
    assert "does not say what the record says: somebody edited it by hand" in reason
    assert "take over what it says with `mlops-ci promote staging/toy`" in reason
    assert better.states("staging/toy")["staging/toy"] == "opened"
    assert "was edited by hand since record 1" in better.pull("staging").body


def test_a_manifest_that_is_gone_or_broken_is_one_targets_trouble(better: Play) -> None:
    better.configure(models="[toy, twin]")
    better.toy.author.git("rm", "--quiet", "deploy/staging/twin.yaml")
    better.commits(deploy__staging__toy_dot_yaml="a: [\n")
    found = better.told()
    there = found["staging/twin"]["reason"]
    assert there.startswith(
        "there is no manifest deploy/staging/twin.yaml: commit one that says what is live"
    )
    assert found["staging/toy"]["reason"].startswith("deploy/staging/toy.yaml: ")
    assert {one["state"] for one in found.values()} == {"blocked"}


# ---- time -------------------------------------------------------------------------------------


def test_a_soak_counts_from_the_merge(better: Play) -> None:
    better.configure(production=f"soak: 24h\n{CANARY}")
    better.run("promote")
    better.merge("staging", at=ago(hours=2))
    state, reason = waits(better, "production/toy")
    assert (state, reason.partition(";")[0]) == (
        "waits",
        "waits for sha256:* (*) in staging to soak 22 h more",
    )
    assert reason.endswith("it counts from the merge, for no health source is configured")
    told = better.told()["production/toy"]
    assert told["until"][:16] == ago(hours=-22)[:16]
    better.configure(production=f"soak: 90m\n{CANARY}")
    assert better.states()["production/toy"] == "opened"


def test_a_ramp_goes_by_itself_when_its_steps_have_soaked(better: Play) -> None:
    better.configure(staging="merge: auto", production=CANARY)
    assert better.states() == {"staging/toy": "waits", "production/toy": "opened"}
    first = better.pull("production")
    assert "10 % of requests (step 1 of 3)" in first.title
    better.forge.review(first.number, "bob")
    better.merge("production", at=ago(minutes=20))
    state, reason = waits(better, "production/toy")
    assert (state, reason.partition(";")[0]) == (
        "waits",
        "waits for step 1 of 3 (10 % of requests) to soak 40 min more",
    )
    # An hour later it is all of them, in one run: the later steps have no more to wait for.
    better.configure(production=f"step_soak: 0s\n{CANARY}")
    said = better.run("promote").out
    assert re.findall(r"merged #\d+: Ramp toy \w+ in production: (.*?) \(step (\d)", said) == [
        ("50 % of requests", "2"),
        ("all requests", "3"),
    ]
    last = better.record("production")
    assert (last.number, last.after.stable and last.after.stable.digest) == (
        4,
        better.record("staging").release.digest,
    )
    assert [state for _, state in better.pulls()] == ["merged"] * 6
    told = better.toy.origin.git("log", "--format=%an", "-2", "main").splitlines()
    assert told == ["mlops-ci", "mlops-ci"]
    assert last.previous
    assert last.previous.merge
    assert (last.previous.merge.merged_by, last.previous.merge.pull_request) == ("mlops-ci", first.number + 1)


def test_nothing_new_in_a_freeze_and_back_is_free(better: Play) -> None:
    last, end = (f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}" for days in (30, 31))
    freeze = f"freeze: [{{from: 2020-01-01, until: {last}, reason: holidays}}]"
    better.configure(staging=freeze)
    told = better.told()["staging/toy"]
    assert (told["state"], told["reason"]) == ("waits", f"frozen until {end} 00:00 UTC (holidays)")
    better.configure()
    better.run("promote")
    better.merge("staging")
    better.configure(staging=freeze)
    assert "opened" in better.run("rollback", "staging", "--reason", "scores are zero").out


def test_it_merges_itself_once_enough_people_approved_the_commit(better: Play) -> None:
    better.configure(staging="merge: auto\napprovals: 2")
    told = better.told()["staging/toy"]
    assert (told["state"], told["words"]) == (
        "opened",
        "merges itself later: 0 of 2 people have approved its commit",
    )
    pull = better.pull("staging")
    assert "It merges itself once 2 people approved it" in pull.body
    better.forge.review(pull.number, "bob")
    better.forge.review(pull.number, "bob")
    assert "1 of 2 people" in better.told()["staging/toy"]["words"]
    # What somebody approved has to be what is merged.
    better.train("0.1")
    assert "0 of 2 people" in better.told()["staging/toy"]["words"]
    for person in ("bob", "eve"):
        better.forge.review(pull.number, person)
    assert better.states()["staging/toy"] == "waits"
    assert better.forge.pull_request(pull.number).state == "merged"


# ---- holds and the way back -------------------------------------------------------------------


def test_a_hold_keeps_newer_releases_out_until_it_ends(better: Play) -> None:
    better.run("promote")
    held = better.run("hold", "staging", "--reason", "audit in progress")
    assert "Hold toy in staging" in held.out
    assert better.pull("staging").title == "Hold toy in staging"
    assert better.states()["staging/toy"] == "unchanged"
    uri = better.record("staging").release.uri
    better.merge("staging")
    state, reason = waits(better, "staging/toy")
    assert state == "blocked"
    assert "held by" in reason
    assert "audit in progress" in reason
    assert uri in better.manifest("staging")
    [mine, _] = better.run("status", "--json").document["targets"]
    assert (mine["state"], mine["held"]) == ("held", "audit in progress")
    again = better.run("hold", "staging", "--reason", "more", code=1)
    assert "holds it already" in again.out
    assert "End the hold of toy in staging" in better.run("unhold", "staging").out
    better.merge("staging")
    assert better.states()["staging/toy"] == "opened"
    nothing = better.run("unhold", "staging", code=1)
    assert "nothing holds staging/toy" in nothing.out


def test_a_rollback_in_the_middle_of_a_canary_gives_the_manifest_back(better: Play) -> None:
    better.configure(staging="merge: auto")
    before = better.manifest("production")
    better.run("promote")
    better.merge("production")
    assert "trafficPercent: 10" in better.manifest("production")
    dry = better.everything()
    shown = better.run("rollback", "production", "--reason", "too slow", "--dry-run")
    assert "would open" in shown.out
    assert "-        trafficPercent: 10" in shown.err or "trafficPercent" in shown.err
    assert better.everything() == dry
    better.run("rollback", "production", "--reason", "too slow")
    better.merge("production")
    assert better.manifest("production") == before
    last = better.record("production")
    assert (last.action, last.hold and last.hold.reason) == ("rollback", "too slow")


def test_a_rollback_that_makes_no_sense_is_refused(better: Play) -> None:
    def refused(code: int, *args: str) -> str:
        before = better.everything()
        done = better.run("rollback", *args, "--reason", "why not", code=code)
        assert better.everything() == before
        return done.err + done.out

    assert "staging/toy: no other release was live here before" in refused(2, "staging")
    assert "needs a reason" in better.run("rollback", "staging", code=2).err
    first = better.record("staging").release
    digest = first.digest[7:19]
    assert f"staging/toy serves {digest} already, so there is nothing to roll back" in refused(
        2, "staging", "--to", digest
    )
    assert "'sha256:ffffff' is no release that was ever live here" in refused(
        2, "staging", "--to", "sha256:ffffff"
    )
    better.run("promote")
    better.merge("staging")
    for path in (better.toy.folder / "store").rglob(f"sha256-{first.digest[7:]}"):
        shutil.rmtree(path)
    assert f"staging/toy cannot go back to {digest}: " in refused(2, "staging")


def test_status_says_what_is_live_proposed_and_waiting(better: Play) -> None:
    [mine, _] = better.run("status", "--json").document["targets"]
    release = better.record("staging").release
    assert mine == {
        "environment": "staging",
        "model": "toy",
        "manifest": "deploy/staging/toy.yaml",
        "live": {
            "stable": {"digest": release.digest, "uri": release.uri},
            "candidate": None,
            "traffic": 0,
            "mirror": 0,
        },
        "since": LONG_AGO,
        "state": "due",
        "reason": mine["reason"],
        "held": None,
        "pull_request": None,
        "url": None,
    }
    assert mine["reason"].endswith("to staging: `mlops-ci promote` proposes it")
    before = better.everything()
    said = better.run("status").out
    assert better.everything() == before
    assert [line.split()[0] for line in said.splitlines()] == ["staging/toy", "production/toy"]
    better.run("promote")
    [mine, _] = better.run("status", "--json").document["targets"]
    assert (mine["state"], mine["pull_request"], mine["reason"]) == (
        "proposed",
        3,
        f"#3: {better.pull('staging').title}",
    )
    assert isinstance(better.forge, LocalForge)
