"""`mlops-ci join`: the last job of a run that several share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlops_ci.adapters.terminal import Terminal
from mlops_ci.commands.options import Base, DryRun, Jobs, Json, Output, Timeout, seconds
from mlops_ci.session import Session

Folder = Annotated[Path, typer.Argument(help="The folder with fan.json and a folder for each part.")]


def join(
    folder: Folder,
    base: Base = "",
    output: Output = None,
    timeout: Timeout = "",
    jobs: Jobs = None,
    json: Json = False,
    dry_run: DryRun = False,
) -> int:
    """Take in what the jobs of a spread run handed over, run the rest, and go on as `pr` does.

    What the jobs handed over is held to `fan.json`: the same commit, only their own stages. A part that
    handed nothing over counts as failed; nothing of it is run here.
    """
    terminal = Terminal(json_output=json)
    with Session.running(terminal, base=base, output=output, dry_run=dry_run) as session:
        return session.play(seconds(timeout), jobs, folder)
