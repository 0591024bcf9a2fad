"""`mlops-ci pr`: everything a pull request needs, in one go."""

from __future__ import annotations

from mlops_ci.adapters.terminal import Terminal
from mlops_ci.commands.options import Base, DryRun, Jobs, Json, Output, Timeout, seconds
from mlops_ci.session import Session


def pr(
    base: Base = "",
    output: Output = None,
    timeout: Timeout = "",
    jobs: Jobs = None,
    json: Json = False,
    dry_run: DryRun = False,
) -> int:
    """Run, measure, judge and report this branch as a pull request.

    Runs the DVC stages that changed, compares metrics with the base, judges them by the base branch's
    rules, and keeps one comment on the pull request up to date. The exit code is the verdict. On GitHub
    a pull request may have to wait before it is run, see `when` in mlops-ci.yaml.
    """
    terminal = Terminal(json_output=json)
    with Session.running(terminal, base=base, output=output, dry_run=dry_run) as session:
        return session.play(seconds(timeout), jobs)
