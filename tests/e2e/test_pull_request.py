"""`mlops-ci pr` from end to end: real Git, real DVC, a real model; verdicts, lock modes, comments."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from mlops_ci import trailers
from mlops_ci.adapters.local import LocalForge
from tests.e2e.conftest import GATED, Call, Toy, comment, evidence


def statuses(document: dict[str, object]) -> dict[str, str]:
    stages = document["stages"]
    assert isinstance(stages, list)
    return {stage["name"]: stage["status"] for stage in stages}


def test_a_worse_model_is_refused_with_the_reason(toy: Toy, call: Call) -> None:
    toy.configure()
    toy.edit("params.yaml", "noise: 0.3", "noise: 1.5")
    toy.propose("worse")
    runner = toy.runner("worse")
    answer = call(runner, "pr", "--json", CI="true")
    assert (answer.code, answer.document["verdict"]) == (1, "refused")
    found = evidence(runner)
    assert statuses(found) == {"prepare": "cached", "train": "ran", "after": "ran", "alone": "cached"}
    (model,) = found["models"]
    (accuracy,) = (one for one in model["comparisons"] if one["metric"] == "accuracy")
    assert accuracy["n"] == 400
    assert accuracy["interval"]["high"] < -0.01
    assert [(p["key"], p["old"], p["new"], p["where"]["line"]) for p in found["params"]] == [
        ("train.noise", 0.3, 1.5, 3)
    ]
    text = comment(runner)
    assert text.split("\n")[1].startswith("❌ **Refused**: `toy`: accuracy fell by")
    assert "`params.yaml:3` `train.noise` `0.3` → `1.5`" in text
    assert not (runner / "data.csv").exists() or found["stages"]


def test_only_what_must_run_is_pulled(toy: Toy, call: Call) -> None:
    """The runner's cache ends with what `train` reads and what was run, not with everything."""
    toy.edit("params.yaml", "noise: 0.3", "noise: 0.31")
    toy.propose("little")
    runner = toy.runner("little")
    assert call(runner, "pr", "--json", CI="true").code == 0
    assert (runner / "data.csv").is_file()
    assert not (runner / "alone.txt").exists()


def test_an_improvement_passes(toy: Toy, call: Call) -> None:
    toy.configure()
    toy.edit("params.yaml", "noise: 0.3", "noise: 0.01")
    toy.propose("better")
    runner = toy.runner("better")
    answer = call(runner, "pr", "--json", CI="true")
    found = {f["metric"]: f for f in answer.document["findings"] if f["gate"] == "metrics" and f["metric"]}
    assert answer.code == 0
    assert (found["accuracy"]["status"], found["accuracy"]["change"]) == ("PASS", "better")


def test_nothing_changed_is_quiet_and_runs_nothing(toy: Toy, call: Call) -> None:
    toy.author.write("README.md", "words")
    toy.propose("words")
    runner = toy.runner("words")
    answer = call(runner, "pr", "--json", CI="true")
    assert (answer.code, answer.document["verdict"]) == (0, "passed")
    assert set(statuses(evidence(runner)).values()) == {"cached"}
    body = [line for line in comment(runner).split("\n")[1:] if line]
    assert len(body) == 2
    assert body[0].startswith("✅ **Passed**: nothing that feeds a model changed")
    assert not (runner / "data.csv").exists()


def test_a_code_comment_runs_nothing(toy: Toy, call: Call) -> None:
    toy.edit("train.py", "import json\n", "import json  # the standard library's\n")
    toy.propose("words")
    runner = toy.runner("words")
    answer = call(runner, "pr", "--json", CI="true")
    assert (answer.code, answer.document["verdict"]) == (0, "passed")
    found = evidence(runner)
    assert set(statuses(found).values()) == {"cached"}
    assert [(f["where"]["file"], f["comment_only"]) for f in found["files"]] == [("train.py", True)]
    assert [reason["stage"] for reason in found["lock"]["comment_only"]] == ["train"]


def test_a_lowered_limit_judges_only_after_the_merge(toy: Toy, call: Call) -> None:
    toy.configure()
    toy.edit("mlops-ci.yaml", "max_drop: 0.01", "max_drop: 0.9")
    toy.edit("params.yaml", "noise: 0.3", "noise: 1.5")
    toy.propose("sly")
    runner = toy.runner("sly")
    answer = call(runner, "pr", "--json", CI="true")
    assert (answer.code, answer.document["verdict"]) == (1, "refused")
    edits = evidence(runner)["policy_edits"]
    assert [(e["key"], e["old"], e["new"], e["where"]["line"]) for e in edits] == [
        ("defaults.gates.metrics.limits.accuracy.max_drop", 0.01, 0.9, 7)
    ]
    assert "0.9" in comment(runner)


def test_the_adoption_is_judged_by_the_defaults_and_says_so(toy: Toy, call: Call) -> None:
    toy.author.write("mlops-ci.yaml", GATED.format(lock="verify"))
    toy.edit("params.yaml", "noise: 0.3", "noise: 1.5")
    toy.propose("adopt")
    runner = toy.runner("adopt")
    answer = call(runner, "pr", "--json", CI="true")
    assert (answer.code, answer.document["verdict"]) == (0, "warned")
    assert evidence(runner)["base"]["configured"] is False
    assert "defaults" in comment(runner)


# ---- the lock ----------------------------------------------------------------------------------


def test_commit_mode_closes_the_loop(toy: Toy, call: Call) -> None:
    """CI commits the lock and pushes the data; the merged commit's evidence is found without a re-run."""
    toy.configure("commit")
    toy.edit("params.yaml", "noise: 0.3", "noise: 0.01")
    seen = toy.propose("better")
    runner = toy.runner("better")
    answer = call(runner, "pr", "--json", CI="true")
    assert (answer.code, answer.err) == (0, answer.err)
    made = toy.origin.git("rev-parse", "better")
    assert toy.origin.git("rev-parse", "better^") == seen
    message = toy.origin.git("log", "-1", "--format=%B", "better")
    assert trailers.read(message)[trailers.LOCK] == evidence(runner)["lock"]["digest"]
    assert toy.origin.git("diff", "--name-only", seen, made).split("\n") == ["dvc.lock", "metrics.json"]
    # A second run on that commit has nothing to run and commits nothing.
    second = toy.folder / "second"
    toy.author.git("clone", "--quiet", "--branch", "better", "../origin.git", str(second))
    answer = call(second, "pr", "--json", CI="true")
    assert answer.code == 0
    assert set(statuses(evidence(second)).values()) == {"cached"}
    assert toy.origin.git("rev-parse", "better") == made
    # Merged, from a clone that never ran anything:
    toy.author.git("checkout", "--quiet", "-f", "main")
    toy.author.git("fetch", "--quiet", "origin")
    toy.author.git("merge", "--quiet", "--no-ff", "-m", "merge", "origin/better")
    toy.author.git("push", "--quiet", "origin", "main")
    main = toy.runner("main")
    answer = call(main, "evidence", "main", "--json")
    assert answer.code == 0
    assert answer.document["lock"]["digest"] == evidence(runner)["lock"]["digest"]
    assert answer.document["repository"]["branch"] == "better"
    assert call(main, "check", "--json").document["verdict"] == "passed"


def test_commit_mode_never_commits_over_a_commit_it_has_not_seen(toy: Toy, call: Call) -> None:
    toy.configure("commit")
    toy.edit("params.yaml", "noise: 0.3", "noise: 0.2")
    toy.propose("race")
    runner = toy.runner("race")
    moved = toy.author.commit("meanwhile", note_txt="x")
    toy.author.git("push", "--quiet", "origin", "race")
    answer = call(runner, "pr", "--json", CI="true")
    assert toy.origin.git("rev-parse", "race") == moved
    lock = evidence(runner)["lock"]
    assert lock["commit"] is None
    assert "moved while this ran" in lock["note"]
    assert lock["patch"].startswith("diff --git a/dvc.lock b/dvc.lock")
    assert answer.code == 0


def test_commit_mode_outside_ci_only_shows_the_patch(toy: Toy, call: Call) -> None:
    toy.configure("commit")
    toy.edit("params.yaml", "noise: 0.3", "noise: 0.2")
    seen = toy.propose("local")
    answer = call(toy.author.path, "pr", "--json")
    assert answer.code == 0
    assert toy.origin.git("rev-parse", "local") == seen
    assert evidence(toy.author.path)["lock"]["note"] == "outside CI nothing is committed or pushed"


def test_what_a_merge_queue_tries_is_not_written_to(toy: Toy, call: Call) -> None:
    toy.configure("commit")
    toy.edit("params.yaml", "noise: 0.3", "noise: 0.2")
    queued = f"gh-readonly-queue/main/pr-7-{'a' * 40}"
    seen = toy.propose(queued)
    runner = toy.folder / "queue"
    toy.author.git("clone", "--quiet", "--branch", queued, "../origin.git", str(runner))
    assert call(runner, "pr", "--json", CI="true").code == 0
    assert toy.origin.git("rev-parse", queued) == seen
    assert evidence(runner)["lock"]["note"].startswith("a merge queue's branch is not written")


def test_a_stage_that_does_not_reproduce_is_not_committed_in_a_loop(toy: Toy, call: Call) -> None:
    toy.edit("dvc.yaml", "cmd: echo alone > alone.txt", "cmd: date +%N > alone.txt\n    always_changed: true")
    toy.configure("commit")
    toy.edit("params.yaml", "noise: 0.3", "noise: 0.2")
    toy.propose("loop")
    assert call(toy.runner("loop"), "pr", "--json", CI="true").code == 0
    first = toy.origin.git("rev-parse", "loop")
    second = toy.folder / "second"
    toy.author.git("clone", "--quiet", "--branch", "loop", "../origin.git", str(second))
    call(second, "pr", "--json", CI="true")
    assert toy.origin.git("rev-parse", "loop") == first
    assert "does not reproduce" in evidence(second)["lock"]["note"]


def test_verify_mode_refuses_a_stale_lock_but_measures(toy: Toy, call: Call) -> None:
    toy.configure("verify")
    toy.edit("params.yaml", "noise: 0.3", "noise: 0.2")
    toy.propose("stale")
    runner = toy.runner("stale")
    answer = call(runner, "pr", "--json", CI="true")
    assert (answer.code, answer.document["verdict"]) == (1, "refused")
    assert [f["status"] for f in answer.document["findings"] if f["gate"] == "lock"] == ["FAIL"]
    assert evidence(runner)["models"][0]["comparisons"]
    assert toy.origin.git("log", "-1", "--format=%s", "stale") == "Try something"


def test_verify_mode_runs_nothing_when_the_author_did(toy: Toy, call: Call) -> None:
    toy.configure("verify")
    toy.edit("params.yaml", "noise: 0.3", "noise: 0.2")
    assert call(toy.author.path, "run").code == 0
    toy.propose("done")
    runner = toy.runner("done")
    answer = call(runner, "pr", "--json", CI="true")
    assert set(statuses(evidence(runner)).values()) == {"cached"}
    lock = [f for f in answer.document["findings"] if f["gate"] == "lock"]
    assert [(f["status"], f["subject"]) for f in lock if f["status"] == "FAIL"] == [("FAIL", "remote")]
    assert answer.code == 1
    from mlops_ci.adapters.dvc import Dvc

    dvc = Dvc.open(toy.author.path)
    dvc.push()
    dvc.close()
    second = toy.folder / "second"
    toy.author.git("clone", "--quiet", "--branch", "done", "../origin.git", str(second))
    answer = call(second, "pr", "--json", CI="true")
    assert answer.code == 0
    assert evidence(second)["lock"]["pushed"] is True


def test_report_mode_gives_a_patch_that_makes_it_current(toy: Toy, call: Call) -> None:
    toy.configure("report")
    toy.edit("params.yaml", "noise: 0.3", "noise: 0.2")
    toy.propose("patch")
    runner = toy.runner("patch")
    assert call(runner, "pr", "--json", CI="true").code == 0
    toy.author.git("apply", str(runner / ".dvc/tmp/mlops-ci/lock.patch"))
    assert toy.author.git("diff", "--name-only").split("\n") == ["dvc.lock", "metrics.json"]
    plan = call(toy.author.path, "plan", "--json").document
    assert {step["action"] for step in plan["steps"] if step["stage"] != "train"} <= {
        "cached",
        "maybe",
        "run",
    }
    assert (toy.author.path / "dvc.lock").read_text() == (runner / "dvc.lock").read_text()


# ---- the forge ---------------------------------------------------------------------------------


def test_one_comment_is_kept_up_to_date_beside_the_repository(toy: Toy, call: Call) -> None:
    toy.author.write("README.md", "words")
    toy.propose("words")
    runner = toy.runner("words")
    for _ in range(3):
        assert call(runner, "pr", "--json", CI="true").code == 0
    forge = LocalForge(toy.origin.path / "mlops-ci")
    (pull,) = forge.pull_requests()
    assert (pull.head, pull.base, pull.title) == ("words", "main", "Try something")
    (posted,) = forge.comments(pull.number)
    assert posted.body == comment(runner)
    assert toy.author.git("status", "--porcelain") == ""


def test_a_dry_run_posts_and_keeps_nothing(toy: Toy, call: Call) -> None:
    toy.configure("commit")
    toy.edit("params.yaml", "noise: 0.3", "noise: 0.2")
    seen = toy.propose("dry")
    runner = toy.runner("dry")
    assert call(runner, "pr", "--json", "--dry-run", CI="true").code == 0
    assert toy.origin.git("rev-parse", "dry") == seen
    assert LocalForge(toy.origin.path / "mlops-ci").pull_requests() == ()
    assert not (runner / ".git" / "mlops-ci").exists()


def test_run_check_and_comment_are_the_same_in_three_steps(toy: Toy, call: Call) -> None:
    toy.configure()
    toy.edit("params.yaml", "noise: 0.3", "noise: 1.5")
    toy.propose("steps")
    runner = toy.runner("steps")
    assert call(runner, "check").code == 2
    assert call(runner, "run", "--dry-run", "--json").document == {"stages": ["train", "after"]}
    assert call(runner, "run", CI="true").code == 0
    assert call(runner, "check").code == 1
    assert call(runner, "comment").code == 0
    (posted,) = LocalForge(toy.origin.path / "mlops-ci").comments(1)
    assert posted.body == comment(runner)


def test_the_job_summary_is_appended(toy: Toy, call: Call) -> None:
    toy.author.write("README.md", "words")
    toy.propose("words")
    summary = toy.folder / "summary.md"
    summary.write_text("before\n")
    call(toy.runner("words"), "pr", "--json", CI="true", GITHUB_STEP_SUMMARY=str(summary))
    assert summary.read_text().startswith("before\n")
    assert "Passed" in summary.read_text()


def test_a_users_template_comes_from_the_base_branch(toy: Toy, call: Call) -> None:
    toy.author.write(
        ".mlops-ci/comment.md.j2",
        '{% extends "mlops-ci/comment.md.j2" %}{% block footer %}From the census team.{% endblock %}',
    )
    toy.configure()
    toy.author.write(".mlops-ci/comment.md.j2", "{% broken")
    toy.propose("words")
    runner = toy.runner("words")
    assert call(runner, "pr", "--json", CI="true").code == 0
    assert "From the census team." in comment(runner)


def test_seeds_repeat_the_training_and_widen_the_interval(toy: Toy, call: Call) -> None:
    toy.configure(text="version: 1\ndefaults:\n  seeds: 3\n")
    toy.edit("params.yaml", "noise: 0.3", "noise: 0.5")
    toy.propose("seeds")
    runner = toy.runner("seeds")
    answer = call(runner, "pr", "--json", CI="true")
    assert answer.code == 0, answer.err
    (model,) = evidence(runner)["models"]
    (accuracy,) = (m for m in model["metrics"] if m["name"] == "accuracy")
    assert (len(accuracy["seeds"]), len(accuracy["base_seeds"])) == (3, 3)
    (compared,) = (c for c in model["comparisons"] if c["metric"] == "accuracy")
    assert compared["seeds"] == [3, 3]
    assert compared["seed_se"] > 0
    assert json.dumps(accuracy["head"]) == json.dumps(sum(accuracy["seeds"]) / 3)


@pytest.mark.parametrize("verb", ["pr", "plan", "run", "check", "comment", "conclude", "evidence", "demo"])
def test_every_verb_explains_itself(verb: str, call: Call, toy: Toy) -> None:
    from mlops_ci.cli import VERBS

    answer = call(toy.author.path, verb, "--help")
    assert answer.code == 0
    assert " ".join(VERBS[verb].split()) in " ".join(answer.out.replace("│", " ").split())


def test_a_run_that_was_not_committed_is_still_stale(toy: Toy, call: Call) -> None:
    """The work tree is current after the first run; the commit is not, and the second run says so."""
    toy.edit("params.yaml", "noise: 0.3", "noise: 0.2")
    toy.propose("twice")
    runner = toy.runner("twice")
    call(runner, "pr", "--json", CI="true")
    call(runner, "pr", "--json", CI="true")
    reasons = {one["stage"]: one["reasons"] for one in evidence(runner)["lock"]["stale"]}
    assert reasons["train"] == ["ran already, but dvc.lock is not committed"]


def test_evidence_of_another_params_is_not_taken_for_this_commit(toy: Toy, call: Call) -> None:
    toy.edit("params.yaml", "noise: 0.3", "noise: 0.2")
    toy.propose("unrun")
    answer = call(toy.runner("unrun"), "check")
    assert answer.code == 2
    assert answer.err == (
        "mlops-ci: dvc.lock is not current: train has to run\n  → measure it with `mlops-ci run`\n"
    )


def test_standard_output_is_json_and_nothing_else(toy: Toy) -> None:
    """In a process of its own: DVC sets up its logging to standard output when it is first imported."""
    toy.edit("train.py", "import json\n", "import json  # a comment\n")
    toy.propose("words")
    done = subprocess.run(
        [sys.executable, "-m", "mlops_ci", "pr", "--json"],
        cwd=toy.runner("words"),
        env={**os.environ, "CI": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["verdict"] == "passed"
