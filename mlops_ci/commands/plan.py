"""`mlops-ci plan`: what would run and why."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from mlops_ci.adapters.dvc import Dvc
from mlops_ci.adapters.git import Git
from mlops_ci.adapters.terminal import Terminal
from mlops_ci.collect.project import dvc_root
from mlops_ci.commands.options import Json


def plan(json: Json = False) -> int:
    """Show which stages would run and why, without any data.

    Reads dvc.yaml, dvc.lock, parameters and Git alone: nothing is pulled and nothing is run.
    """
    git = Git.open(Path.cwd())
    found = Dvc.open(dvc_root(git, Path.cwd())).plan()
    lines = [
        f"{step.action:<13} {step.stage}" + "".join(f"\n{'':<13}   {r}" for r in step.reasons)
        for step in found.steps
    ]
    Terminal(json_output=json).result("\n".join(lines), {"steps": [asdict(step) for step in found.steps]})
    return 0
