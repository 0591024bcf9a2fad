"""A fixed sample of the runs under attack that `python -m tests.chaos` plays by the thousand; and its truth."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from tests.chaos import checks, pipelines
from tests.chaos.attacks import ATTACKS
from tests.chaos.campaign import Campaign, Summary
from tests.chaos.checks import State
from tests.chaos.ground import STEP, Ground
from tests.chaos.oracle import cksum


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="what a killed run leaves behind is found by prctl")
def test_whatever_happens_to_a_run_nothing_is_lost_or_claimed_wrongly(tmp_path: Path) -> None:
    summary, complaints = Summary(), []
    for report in Campaign(tmp_path, first=1, runs=len(ATTACKS), workers=2, kinds=tuple(ATTACKS)).play():
        summary.add(report)
        complaints += [f"seed {report.seed}: {complaint}" for complaint in report.complaints]
    assert complaints == []
    assert set(summary.attacks) | set(summary.missed) == set(ATTACKS)
    assert summary.commands > 30


@pytest.fixture
def state() -> State:
    return State.of(pipelines.generated(Random(3)))


def test_a_seed_gives_the_same_pipeline_every_time(state: State) -> None:
    again = pipelines.generated(Random(3))
    assert again == state.pipeline
    assert len(again.steps) >= 5
    assert again.edited(Random(4)) == state.pipeline.edited(Random(4)) != again


def test_the_oracle_gives_what_the_command_writes(
    tmp_path: Path, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    ground = Ground(tmp_path)
    ground.home.mkdir()
    ground.top.mkdir()
    shutil.copy(STEP, ground.home / "step")
    monkeypatch.setenv("CHAOS_HOME", str(ground.home))
    monkeypatch.setenv("CHAOS_TURN", "1")
    state.pipeline.write(ground.top)
    for step in state.pipeline.steps:
        cmd = step.cmd if isinstance(step.cmd, str) else step.cmd[0]
        subprocess.run(cmd, shell=True, cwd=ground.top / step.folder, check=True)
        for out in step.outs:
            right = [entry["md5"] for entry in state.right[step.address]["outs"]]
            assert all(
                checks._md5((ground.top / path).read_bytes()) in state.oracle.contents for path in out.files
            )
            assert out.is_folder or checks._md5((ground.top / out.path).read_bytes()) in right
    assert ground.log("start", 1) == ground.log("end", 1) == [step.name for step in state.pipeline.steps]


def test_the_crc_is_that_of_the_tool() -> None:
    for content in (b"", b"one\n", bytes(range(256)) * 3):
        said = subprocess.run(["cksum"], input=content, capture_output=True, check=True).stdout
        assert cksum(content) == said.decode().strip()


def test_a_false_entry_is_found(state: State) -> None:
    address, entry = next((name, entry) for name, entry in state.right.items() if entry.get("deps"))
    assert state.oracle.complaint(address, entry) == ""
    other = {**entry["outs"][0], "md5": "0" * 32}
    assert "gives" in state.oracle.complaint(address, {**entry, "outs": [other, *entry["outs"][1:]]})
    unknown = [{**dep, "md5": "0" * 32} for dep in entry["deps"]]
    assert "which nothing ever computes" in state.oracle.complaint(address, {**entry, "deps": unknown})
    assert "is said to read []" in state.oracle.complaint(address, {**entry, "deps": []})
    assert "ever had the command true" in state.oracle.complaint(address, {**entry, "cmd": "true"})


def test_what_runs_again_and_what_is_no_lock_is_found(tmp_path: Path, state: State) -> None:
    ground = Ground(tmp_path, turn=2)
    ground.home.mkdir()
    ground.top.mkdir()
    step = next(step for step in state.pipeline.steps if not step.always)
    (ground.home / "log").write_text(f"told 1 {step.address}\nstart 2 {step.name}\nstart 2 {step.name}\n")
    assert list(checks.nothing_again(ground, state, {step.address}, 1)) == [
        f"what had been computed was lost: {step.name} ran again",
        f"{step.name} started more than 1 time(s) in one run",
    ]
    assert list(checks.nothing_again(ground, state, (), 2)) == []
    (ground.top / "dvc.lock").write_text("schema: '2.0'\nstages:\n  half:\n    cm")
    assert "dvc.lock is not valid" in next(checks.lock_is_true(ground, state))
