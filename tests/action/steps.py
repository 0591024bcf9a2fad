"""The action's steps run as a runner would run them, in a folder of their own."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

ACTION = Path(__file__).parents[2] / "action"


def script(name: str) -> ModuleType:
    """A Python file of the action as a module."""
    spec = importlib.util.spec_from_file_location(f"action_{name}", ACTION / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True)
class Step:
    """How a step ended and what it told the runner."""

    code: int
    log: str
    outputs: dict[str, str]
    summary: str


@dataclass(frozen=True)
class Job:
    """One job on a runner: ``work`` is the checkout, ``temp`` the runner's own folder."""

    folder: Path

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def temp(self) -> Path:
        return self.folder / "temp"

    @classmethod
    def begun(cls, folder: Path) -> Job:
        job = cls(folder)
        job.work.mkdir()
        job.temp.mkdir()
        subprocess.run(["git", "init", "--quiet"], cwd=job.work, check=True)
        return job

    def run(self, *command: str | Path, **environ: str) -> Step:
        """Run a step's command with an environment."""
        output, summary = self.folder / "output", self.folder / "summary"
        for file in (output, summary):
            file.write_text("")
        told = {
            "GITHUB_ACTION_PATH": str(ACTION),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(summary),
            "RUNNER_TEMP": str(self.temp),
        }
        theirs = ("CURL_", "PIP_", "REQUESTS_", "SSL_", "UV_")
        machine = {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
        done = subprocess.run(
            [str(word) for word in command],
            cwd=self.work,
            env={**machine, **told, **environ},
            capture_output=True,
            text=True,
            check=False,
        )
        pairs = (line.partition("=") for line in output.read_text().splitlines())
        return Step(
            done.returncode,
            done.stdout + done.stderr,
            {name: value for name, _, value in pairs},
            summary.read_text(),
        )
