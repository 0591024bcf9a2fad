"""The stand-ins of actions are actions, and the linters of workflows that later tests use are there and work."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from . import provided
from .remote_actions import KNOWN, STANDINS

GOOD = """\
name: CI
on: pull_request
permissions: {}
jobs:
  job:
    runs-on: ubuntu-latest
    timeout-minutes: 5
    steps:
      - run: echo fine
"""
BAD = GOOD.replace("echo fine", "echo ${{ github.event.pull_request.title }}")


def run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    path = tmp_path / ".github" / "workflows" / "ci.yml"
    path.parent.mkdir(parents=True)
    path.write_text(GOOD)
    return path


def test_the_standins_are_actions() -> None:
    files = sorted(str(path) for path in STANDINS.rglob("action.yml"))
    assert len(files) >= len(KNOWN) == 7
    tool = provided.tool("check-jsonschema")
    done = run(tool, "--builtin-schema", "vendor.github-actions", *files, folder=STANDINS)
    assert (done.returncode, done.stdout) == (0, "ok -- validation done\n")


def test_check_jsonschema_knows_workflows(workflow: Path) -> None:
    command = (
        provided.tool("check-jsonschema"),
        "--builtin-schema",
        "vendor.github-workflows",
        str(workflow),
    )
    assert run(*command, folder=workflow.parent).returncode == 0
    workflow.write_text(GOOD.replace("runs-on", "run-on"))
    assert run(*command, folder=workflow.parent).returncode == 1


def test_actionlint_sees_an_injection(workflow: Path) -> None:
    command = (provided.tool("actionlint"), "-no-color", "-shellcheck=", "-pyflakes=", str(workflow))
    assert run(*command, folder=workflow.parent).returncode == 0
    workflow.write_text(BAD)
    done = run(*command, folder=workflow.parent)
    assert (done.returncode, "is potentially untrusted" in done.stdout) == (1, True)


def test_zizmor_sees_an_injection(workflow: Path) -> None:
    command = (
        provided.tool("zizmor"),
        "--offline",
        "--no-progress",
        "--quiet",
        "--format=plain",
        str(workflow),
    )
    assert run(*command, folder=workflow.parent).returncode == 0
    workflow.write_text(BAD)
    done = run(*command, folder=workflow.parent)
    assert (done.returncode, "template-injection" in done.stdout) == (14, True)
