"""`mlops-ci comment`: the report of evidence that is there, posted again or only written."""

from __future__ import annotations

from mlops_ci import report
from mlops_ci.adapters.terminal import Terminal
from mlops_ci.commands.options import Base, DryRun, Json, Output
from mlops_ci.session import Session


def comment(base: Base = "", output: Output = None, json: Json = False, dry_run: DryRun = False) -> int:
    """Write the report of the evidence and post it to the pull request.

    One comment is kept up to date; a newer run's comment is never replaced by an older one's.
    """
    terminal = Terminal(json_output=json)
    session = Session.open(terminal, base=base, output=output, dry_run=dry_run)
    shown = session.report(session.judge(session.recall()))
    terminal.markdown(report.plain(shown.text))
    terminal.result("", {"comment": shown.text, "comment_url": shown.url, "output": str(session.output)})
    return 0
