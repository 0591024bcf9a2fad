"""Workflows that call others, and what an installation is done with where there is no package registry."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from .conftest import MakeStand
from .remote_actions import UnknownActionError
from .runner import UV
from .stand import Stand
from .test_runner import begin, one

CALLED = """\
name: Called
on:
  workflow_call:
    outputs: {word: {value: "${{ jobs.inner.outputs.word }}"}}
cache-mode: none
jobs:
  inner:
    name: work
    runs-on: ubuntu-latest
    outputs: {word: "${{ steps.say.outputs.word }}"}
    steps: [{id: say, uses: $/say}]
  never:
    if: false
    runs-on: ubuntu-latest
    steps: [{run: echo never}]
"""
SAY_WORD = """\
name: x
description: x
outputs: {word: {value: "${{ steps.say.outputs.word }}"}}
runs:
  using: composite
  steps: [{id: say, shell: bash, run: 'echo "word=$(cat $GITHUB_ACTION_PATH/word)" >> "$GITHUB_OUTPUT"'}]
"""
CALLER = """\
name: Caller
on: pull_request
jobs:
  Caller:
    uses: acme/shared/.github/workflows/called.yml@COMMIT # v1.0.0
  unused:
    if: false
    uses: acme/shared/.github/workflows/called.yml@COMMIT # v1.0.0
  after:
    needs: Caller
    runs-on: ubuntu-latest
    steps: [{id: look, run: 'echo ${{ needs.Caller.outputs.word }}'}]
"""


@pytest.mark.slow
def test_a_workflow_of_another_repository_of_the_stand_is_called_at_its_commit(make_stand: MakeStand) -> None:
    stand = make_stand(repositories=("acme/model", "acme/shared"))
    shared = stand.clone(repository="acme/shared")
    files = {".github/workflows/called.yml": CALLED, "say/action.yml": SAY_WORD}
    pinned = shared.commit("Begin", **files, say__word="first\n")
    shared.commit("Go on", say__word="second\n")
    stand.push(shared, "main")
    stand.runner.skip()
    begin(stand, {"ci": CALLER.replace("COMMIT", pinned)})
    pull = stand.open_pull("topic")
    played = one(stand.play())
    assert played.conclusion == "success", played.log
    # Named after the job that calls and the one that is called, which is what a branch can require.
    assert {job.name: job.result for job in played.jobs} == {
        "Caller / work": "success",
        "Caller / never": "skipped",
        "unused": "skipped",
        "after": "success",
    }
    assert played.job("after").step("look").log == "first\n"
    checks = stand.must("GET", f"commits/{pull['head']['sha']}/check-runs")["check_runs"]
    assert sorted(each["name"] for each in checks) == ["Caller / never", "Caller / work", "after", "unused"]


def test_a_commit_that_the_stands_repository_does_not_have(stand: Stand) -> None:
    begin(stand, {"ci": CALLER.replace("acme/shared", "acme/model").replace("COMMIT", "0" * 40)})
    stand.open_pull("topic")
    with pytest.raises(UnknownActionError, match=f"acme/model has no commit {'0' * 40}"):
        stand.play()


# ---- uv without a package registry -------------------------------------------------------------

HASH = f"--hash=sha256:{'0' * 64}"
PYYAML = metadata.version("pyyaml")
PROJECT = """\
[project]
name = "said"
[project.scripts]
say = "said:main"
"""


def uv(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(UV), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """The Python of a new environment."""
    done = uv("venv", "--quiet", "--python", sys.executable, tmp_path / "venv")
    assert (done.returncode, done.stderr) == (0, "")
    return tmp_path / "venv" / "bin" / "python"


def imported(python: Path, name: str) -> int:
    return subprocess.run([python, "-I", "-c", f"import {name}"], capture_output=True, check=False).returncode


def test_uv_installs_what_the_environment_has_and_a_project(python: Path, tmp_path: Path) -> None:
    assert imported(python, "yaml") == 1
    locked = f"# locked\npyyaml=={PYYAML} \\\n    {HASH} \\\n    {HASH}\nwinreg==1 ; sys_platform == 'win32' {HASH}\n"
    (tmp_path / "locked.txt").write_text(locked)
    done = uv(
        "pip", "install", "--python", python, "--require-hashes", "--no-deps", "-r", tmp_path / "locked.txt"
    )
    assert (done.returncode, done.stderr, imported(python, "yaml")) == (0, "", 0)
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text(PROJECT)
    (project / "said.py").write_text("def main():\n    print('here')\n")
    assert uv("pip", "install", "--python", python, "--no-deps", project).returncode == 0
    said = subprocess.run([python.with_name("say")], capture_output=True, text=True, check=True)
    assert said.stdout == "here\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"pyyaml==0.1 {HASH}\n", f"Because there is only pyyaml=={PYYAML}, pyyaml==0.1 is not met"),
        (f"no-such-thing==1 {HASH}\n", "Because no-such-thing was not found in the package registry"),
        (f"pyyaml=={PYYAML}\n", "In `--require-hashes` mode, all requirements must have a hash"),
        (
            f"pyyaml>=1 {HASH}\n",
            "In `--require-hashes` mode, all requirements must have a hash and be pinned",
        ),
    ],
    ids=["another version", "unknown", "no hash", "not pinned"],
)
def test_uv_refuses_what_cannot_be_had(python: Path, tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "locked.txt").write_text(text)
    done = uv("pip", "install", "--python", python, "--require-hashes", "-r", tmp_path / "locked.txt")
    assert (done.returncode, done.stderr.startswith(f"error: {why}")) == (1, True), done.stderr
    assert imported(python, "yaml") == 1


def test_uv_checks_that_all_fits(python: Path, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("pyyaml>=1  # any\njinja2\n")
    assert uv("pip", "install", "--python", python, "-r", tmp_path / "requirements.txt").returncode == 0
    assert uv("pip", "check", "--python", python).returncode == 0


def test_uv_makes_no_environment_of_a_python_that_is_not_there(tmp_path: Path) -> None:
    done = uv("venv", "--python", "python3.9", tmp_path / "venv")
    assert (done.returncode, done.stderr) == (1, "error: No interpreter found for python3.9\n")
    assert uv("tool", "install").returncode == 2
