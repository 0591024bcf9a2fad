"""`mlops-ci plan`: what would run and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlops_ci.adapters.dvc import Dvc
from mlops_ci.adapters.git import Git
from mlops_ci.adapters.terminal import Terminal
from mlops_ci.collect.project import dvc_root
from mlops_ci.commands.options import Base, Json, Output, duration_of
from mlops_ci.pipeline.fanning import MAX_ROUNDS
from mlops_ci.pipeline.telling import Told, lacking

FORK = "a fork's run has no secrets, so its jobs cannot hand anything on"
Remote = Annotated[
    bool, typer.Option("--remote", help="Ask the DVC remote too: exit code 1 where it lacks data.")
]
Matrix = Annotated[
    bool, typer.Option("--matrix", help="Spread the run over several runners: JSON for `strategy.matrix`.")
]
Runners = Annotated[int, typer.Option(min=1, max=256, help="With --matrix: how many runners at once.")]
Overhead = Annotated[str, typer.Option(help="With --matrix: what a job costs beside its stages.")]


def plan(
    json: Json = False,
    remote: Remote = False,
    matrix: Matrix = False,
    runners: Runners = 4,
    overhead: Overhead = "60s",
    base: Base = "",
    output: Output = None,
) -> int:
    """Show which stages would run and why, without any data.

    Reads dvc.yaml, dvc.lock, parameters and Git alone: nothing is pulled and nothing is run. With --remote
    the exit code is 1 where somebody forgot `dvc push`. With --matrix it says which stages go to runners
    of their own and writes that down as fan.json, see docs/fan-out.md.
    """
    if matrix:
        return _matrix(runners, duration_of(overhead, "--overhead"), base, output)
    git = Git.open(Path.cwd())
    dvc = Dvc.open(dvc_root(git, Path.cwd()))
    graph, steps = dvc.graph(), dvc.plan()
    found = Told(graph, steps, lacking(graph, steps, _missing(dvc)) if remote else None)
    Terminal(json_output=json).result(found.text(), found.document())
    return 1 if found.missing else 0


def _matrix(runners: int, overhead: float, base: str, output: Path | None) -> int:
    """The plan of a spread run: printed, written, and given to the jobs that come after."""
    from mlops_ci.adapters import files
    from mlops_ci.collect import spreading
    from mlops_ci.handover import FAN
    from mlops_ci.session import Session

    session = Session.open(Terminal(json_output=True), base=base, output=output)
    runner, wait = session.outlets.runner, session.wait()
    found = spreading.spread(
        session.project,
        session.store,
        runners=runners,
        overhead=overhead,
        usual=runner.machine if runner else (),
        kept=wait.reason if wait else FORK if session.outlets.from_fork else "",
    )
    document = found.model_dump(mode="json", by_alias=True)
    files.write(session.output / FAN, found.model_dump_json(by_alias=True, indent=1).encode())
    # The other jobs are named after this, and read the rest in fan.json.
    shown = {"include": {"__all__": {"part", "runner"}}}
    rounds = {
        f"round_{number}": one.model_dump_json(include=shown)
        for number, one in enumerate(found.rounds, start=1)
    }
    told = {f"round_{number}": "" for number in range(1, MAX_ROUNDS + 1)} | rounds
    session.outlets.output(**told, spread="true" if rounds else "false")
    session.terminal.result("", document)
    return 0


def _missing(dvc: Dvc) -> tuple[str, ...]:
    """What the remote lacks; to ask without a remote is a mistake."""
    dvc.store.remote()
    return dvc.missing_in_remote() or ()
