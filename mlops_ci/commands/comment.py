"""`mlops-ci comment`: the report of evidence that is there, posted again or only written."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlops_ci import report
from mlops_ci.adapters.terminal import Terminal
from mlops_ci.commands.options import Base, DryRun, Json, Output
from mlops_ci.errors import ConfigError
from mlops_ci.session import Session


def comment(
    base: Base = "",
    output: Output = None,
    evidence: Annotated[
        Path | None, typer.Option(help="Evidence of an untrusted run, such as a fork's, read as data.")
    ] = None,
    pull_request: Annotated[
        int | None,
        typer.Option(min=1, help="With --evidence: where to post it; default: found by its commit."),
    ] = None,
    json: Json = False,
    dry_run: DryRun = False,
) -> int:
    """Write the report of the evidence and post it to the pull request.

    One comment is kept up to date; a newer run's comment is never replaced by an older one's. With
    --evidence it is the trusted second half of a fork's run: this checkout's rules judge the document,
    which must be about the pull request's head.
    """
    terminal = Terminal(json_output=json)
    if evidence is not None:
        session, judged = Session.received(
            terminal, evidence, pull_request, base=base, output=output, dry_run=dry_run
        )
    elif pull_request is not None:
        raise ConfigError("--pull-request needs --evidence", "without it the branch's own is found")
    else:
        session = Session.open(terminal, base=base, output=output, dry_run=dry_run)
        judged = session.judge(session.recall())
    shown = session.reporting(judged).report(evidence)
    terminal.markdown(report.plain(shown.text))
    terminal.result(
        "", {"comment": shown.text, "comment_url": shown.posted.url, "output": str(session.output)}
    )
    return 0
