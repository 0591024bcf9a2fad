"""`mlops-ci plan`: what would run and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlops_ci.adapters.dvc import Dvc
from mlops_ci.adapters.git import Git
from mlops_ci.adapters.terminal import Terminal
from mlops_ci.collect.project import dvc_root
from mlops_ci.commands.options import Json
from mlops_ci.pipeline.telling import Told, lacking

Remote = Annotated[
    bool, typer.Option("--remote", help="Ask the DVC remote too: exit code 1 where it lacks data.")
]


def plan(json: Json = False, remote: Remote = False) -> int:
    """Show which stages would run and why, without any data.

    Reads dvc.yaml, dvc.lock, parameters and Git alone: nothing is pulled and nothing is run. With --remote
    the exit code is 1 where somebody forgot `dvc push`.
    """
    git = Git.open(Path.cwd())
    dvc = Dvc.open(dvc_root(git, Path.cwd()))
    graph, steps = dvc.graph(), dvc.plan()
    found = Told(graph, steps, lacking(graph, steps, _missing(dvc)) if remote else None)
    Terminal(json_output=json).result(found.text(), found.document())
    return 1 if found.missing else 0


def _missing(dvc: Dvc) -> tuple[str, ...]:
    """What the remote lacks; to ask without a remote is a mistake."""
    dvc.store.remote()
    return dvc.missing_in_remote() or ()
