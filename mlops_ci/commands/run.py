"""`mlops-ci run`: the pipeline's run and its measurement, without a judgement."""

from __future__ import annotations

from collections import Counter

from mlops_ci.adapters.terminal import Terminal
from mlops_ci.commands.options import Base, DryRun, Jobs, Json, Output, Timeout, seconds
from mlops_ci.session import Session


def run(
    base: Base = "",
    output: Output = None,
    timeout: Timeout = "",
    jobs: Jobs = None,
    json: Json = False,
    dry_run: DryRun = False,
) -> int:
    """Run the stages that must run, measure, and write the evidence.

    A stage that only changed in comments is not run; its new hash is written to dvc.lock.
    """
    terminal = Terminal(json_output=json)
    with Session.running(terminal, base=base, output=output, dry_run=dry_run) as session:
        if dry_run:
            return _planned(session)
        found = session.measure(seconds(timeout), jobs)
        written = session.output / "evidence.json"
        session.outlets.output(evidence=found.digest, evidence_path=written)
    counts = Counter(str(stage.status) for stage in found.stages)
    ran, waiting = counts["ran"] + counts["restored"], counts["blocked"]
    words = f"{ran} ran, {counts['cached']} cached, {counts['failed']} failed"
    words += f", {waiting} not run because of that" if waiting else ""
    terminal.result(f"{words}\nEvidence: {written}", found.model_dump(mode="json", by_alias=True))
    return 1 if counts["failed"] else 0


def _planned(session: Session) -> int:
    plan = session.project.dvc.plan()
    names = [step.stage for step in plan.steps if step.action in ("run", "maybe")]
    words = "\n".join(f"would run {name}" for name in names)
    session.terminal.result(words or "nothing to run", {"stages": names})
    return 0
