"""How long stages take: by the base's evidence, by what this clone measured last, and how a run went."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mlops_ci.adapters.dvc import lock_digest
from mlops_ci.adapters.store import Store
from mlops_ci.collect import timing
from mlops_ci.collect.project import Project, find
from mlops_ci.evidence import Evidence, Lock, Pace, StageRun
from mlops_ci.pipeline import Plan, Step
from tests.gates.samples import evidence

RunGit = Callable[..., str]
RUNS = (
    StageRun(name="ran", status="ran", seconds=5.0, saved=1.0),
    StageRun(name="cached", status="cached", saved=60.0),
    StageRun(name="restored", status="restored", seconds=0.2, saved=30.0),
    StageRun(name="failed", status="failed", seconds=2.0),
    StageRun(name="blocked", status="blocked"),
)


@pytest.fixture
def project(dvc_repo: Path, commit: RunGit, git: RunGit) -> Project:
    (dvc_repo / "dvc.yaml").write_text("stages: {a: {cmd: echo}}\n")
    (dvc_repo / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    commit(dvc_repo, "main")
    git(dvc_repo, "checkout", "--quiet", "-b", "topic")
    (dvc_repo / "README.md").write_text("words\n")
    commit(dvc_repo, "topic")
    return find(dvc_repo, {})


def on(digest: str, *runs: StageRun) -> Evidence:
    return evidence().model_copy(update={"lock": Lock(mode="report", digest=digest), "stages": runs})


def test_nothing_is_known_of_a_first_run(project: Project, tmp_path: Path) -> None:
    assert timing.durations(project, Store(project.dvc, tmp_path)) == {}


def test_the_bases_evidence_tells_and_the_clones_own_tells_better(project: Project, tmp_path: Path) -> None:
    store = Store(project.dvc, tmp_path / "store")
    assert project.revisions.metrics is not None
    digest = lock_digest(project.dvc.lock_files(project.revisions.metrics.commit))
    store.write(on(digest, *RUNS))
    known = {"ran": 5.0, "cached": 60.0, "restored": 30.0}
    assert timing.durations(project, store) == known
    project.output.mkdir(parents=True, exist_ok=True)
    last = on("sha256:1", StageRun(name="ran", status="ran", seconds=9.0))
    (project.output / "evidence.json").write_bytes(last.canonical())
    assert timing.durations(project, store) == {**known, "ran": 9.0}
    (project.output / "evidence.json").write_text("{")
    assert timing.durations(project, store) == known


def test_what_has_nothing_to_do_takes_no_time_and_what_is_new_is_not_known() -> None:
    plan = Plan((Step("a", "run"), Step("b", "maybe"), Step("c", "cached"), Step("d", "run")))
    assert timing.expected(plan, {"a": 3.0, "b": 4.0, "c": 5.0}) == {"a": 3.0, "b": 4.0, "c": 0.0}


def test_what_the_cache_has_saved() -> None:
    found = {run.name: run.saved for run in timing.with_savings(RUNS, {"cached": 7.0, "ran": 8.0})}
    assert found == {"ran": 1.0, "cached": 7.0, "restored": None, "failed": None, "blocked": None}


def test_how_a_run_went() -> None:
    found = timing.pace(RUNS, jobs=3.5, wall=4.5678, pulled=10, pushed=20)
    assert found == Pace(jobs=3, runners=1, wall=4.568, work=7.0, pulled=10, pushed=20)
    assert timing.pace(RUNS[:2], jobs=0.5, wall=5.1) == Pace(jobs=1, wall=5.1, work=5.0)
    assert timing.pace(RUNS[1:3], jobs=1, wall=1.0) is None
    assert timing.pace(RUNS[1:3], jobs=1, wall=1.0, pulled=5) == Pace(wall=1.0, pulled=5)
