"""`mlops-ci demo`: the whole story in a sandbox, with the verdicts and the ends it tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_ci.adapters.git import Git
from mlops_ci.adapters.local import LocalForge
from mlops_ci.promotion import record
from tests.e2e.conftest import Call
from tests.repositories import git


@pytest.mark.slow
def test_the_story_ends_as_it_is_told(tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    # The longest test of all: its forty processes run as a user's do, unmeasured; every verb is measured elsewhere.
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    sandbox = tmp_path / "sand box"
    answer = call(tmp_path, "demo", "--directory", str(sandbox), "--json")
    assert answer.code == 0, answer.err
    told = [(p["branch"], p["verdict"], p["exit_code"]) for p in answer.document["pull_requests"]]
    assert told == [
        ("more-trees", "passed", 0),
        ("fewer-columns", "refused", 1),
        ("regularise", "warned", 0),
        ("explain", "passed", 0),
        ("take-in-041", "refused", 1),
        ("payroll", "refused", 1),
        ("months", "refused", 1),
        ("looser-rules", "refused", 1),
    ]
    assert [act["as_told"] for act in answer.document["acts"]] == [True] * 6
    origin = sandbox / "origin.git"
    forge = LocalForge.beside(Git.open(sandbox / "author" / "census"))
    comments = {
        pull.head: forge.comments(pull.number)[0].body for pull in forge.pull_requests() if pull.number < 9
    }
    assert "`params.yaml:5` `prepare.features`" in comments["fewer-columns"]
    assert "This pull request edits the rules" in comments["looser-rules"]
    assert "sha256:" in answer.err.split("found by its dvc.lock without a re-run: ")[1]
    # The lock that was judged is the lock that main holds.
    merges = git(origin, "log", "--merges", "--format=%s", "main").splitlines()
    assert merges == ["Merge regularise", "Merge more-trees"]
    assert "Mlops-CI-Lock: sha256:" in git(origin, "log", "-1", "--format=%B", "more-trees")
    # Five promotions of production: all at once, 10 %, 50 %, all, and back.
    path = record.current_path("production", "employment")
    last = record.read(git(origin, "show", f"main:{path}") + "\n", path)
    assert (last.number, last.action, last.hold and last.hold.reason) == (
        5,
        "rollback",
        "odd answers since noon",
    )
    log = git(origin, "ls-tree", "--name-only", "main", "promotions/log/production/employment/").splitlines()
    steps = [record.read(git(origin, "show", f"main:{name}") + "\n", name) for name in log]
    assert [(one.action, one.after.traffic) for one in steps] == [
        ("promote", 0), ("promote", 10), ("ramp", 50), ("ramp", 0), ("rollback", 0),
    ]  # fmt: skip
    assert steps[-1].after.stable == steps[0].after.stable


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path, call: Call) -> None:
    (tmp_path / "mine").write_text("keep")
    answer = call(tmp_path, "demo", "--directory", str(tmp_path))
    assert answer.code == 2
    assert (
        answer.err == f"mlops-ci: --directory {tmp_path}: is not empty\n  → name a new or an empty folder\n"
    )
    assert (tmp_path / "mine").read_text() == "keep"
