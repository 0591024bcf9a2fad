"""`mlops-ci run`: stages at once as `stages` and `--jobs` say, what is seen of it, and what is kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlops_ci import cli

RunGit = Callable[..., str]
PIPELINE = """\
stages:
  short: {cmd: "echo short >> order.txt && echo 1 > short.out", deps: [in.txt], outs: [short.out]}
  long: {cmd: "echo long >> order.txt && echo 1 > long.out", deps: [in.txt], outs: [long.out]}
  bad: {cmd: "echo tried && exit 3", deps: [long.out], outs: [bad.out]}
  after: {cmd: "cp bad.out after.out", deps: [bad.out], outs: [after.out]}
  sum: {cmd: "echo '{\\"x\\": 1}' > m.json", deps: [short.out], metrics: [m.json: {cache: false}]}
"""
CONFIG = "stages: {bad: {retries: 1}, lnog: {}, '*': {resources: {cpu: 1}}}\n"


@pytest.fixture
def project(dvc_repo: Path, commit: RunGit, git: RunGit, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pipeline on a branch of which nothing has run."""
    for name, text in {"dvc.yaml": PIPELINE, "mlops-ci.yaml": CONFIG, "in.txt": "1\n"}.items():
        (dvc_repo / name).write_text(text)
    (dvc_repo / ".gitignore").write_text("order.txt\n")
    commit(dvc_repo, "main")
    git(dvc_repo, "checkout", "--quiet", "-b", "topic")
    monkeypatch.chdir(dvc_repo)
    return dvc_repo


def measured(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / ".dvc/tmp/mlops-ci/evidence.json").read_bytes())
    return found


def test_a_run_says_what_happens_and_keeps_logs_and_durations(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["run", "--jobs", "1"]) == 1
    shown = capfd.readouterr()
    assert shown.out.startswith("3 ran, 0 cached, 1 failed, 1 not run because of that\nEvidence: ")
    said = shown.err.splitlines()
    assert (
        'note: mlops-ci.yaml: stages.lnog stands for no stage of this pipeline; did you mean "long"?' in said
    )
    begun = [line for line in said if line.startswith("  started  ")]
    assert [line for line in begun if " bad" in line] == ["  started  bad", "  started  bad · attempt 2"]
    assert len(begun) == 5
    assert any(line.startswith("  failed   bad · ") and " · 2 attempts · " in line for line in said)
    assert "  blocked  after" in said
    logs = project / ".dvc" / "tmp" / "mlops-ci" / "logs"
    assert "tried" in (logs / "bad.log").read_text()
    found = measured(project)
    assert {stage["name"]: stage["attempts"] for stage in found["stages"]}["bad"] == 2
    work = sum(stage["seconds"] or 0.0 for stage in found["stages"])
    assert found["pace"] == {
        "jobs": 1,
        "runners": 1,
        "wall": found["timings"]["run"],
        "work": pytest.approx(work, abs=0.01),
        "pulled": 0,
        "pushed": 0,
    }


def test_what_took_long_the_last_time_comes_first(project: Path) -> None:
    """By the evidence of this clone; its figures are edited here, so that no test has to wait."""
    cli.run(["run", "--jobs", "1"])
    written = project / ".dvc" / "tmp" / "mlops-ci" / "evidence.json"
    for first, second in (("short", "long"), ("long", "short")):
        found = measured(project)
        for stage in found["stages"]:
            # What failed and what never ran is not known.
            if stage["seconds"] is not None:
                stage["seconds"] = 500.0 if stage["name"] == first else 1.0
            stage["status"] = "ran" if stage["name"] in ("short", "long", "sum") else stage["status"]
        written.write_text(json.dumps(found))
        (project / "in.txt").write_text(first)
        (project / "order.txt").unlink()
        cli.run(["run", "--jobs", "1"])
        assert (project / "order.txt").read_text().split() == [first, second]


@pytest.mark.parametrize("jobs", ["0", "-1", "1.5", "two", "1025"])
def test_jobs_is_a_number_of_cpus(project: Path, jobs: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["run", "--jobs", jobs]) == 2
    assert "--jobs" in capfd.readouterr().err
    assert not (project / "order.txt").exists()
