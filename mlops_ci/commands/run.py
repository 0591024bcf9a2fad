"""`mlops-ci run`: the pipeline's run and its measurement, without a judgement."""

from __future__ import annotations

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
    ran = [stage for stage in found.stages if stage.status in ("ran", "restored")]
    failed = [stage.name for stage in found.stages if stage.status == "failed"]
    words = f"{len(ran)} ran, {len(found.stages) - len(ran) - len(failed)} cached, {len(failed)} failed"
    terminal.result(f"{words}\nEvidence: {written}", found.model_dump(mode="json", by_alias=True))
    return 1 if failed else 0


def _planned(session: Session) -> int:
    plan = session.project.dvc.plan()
    names = [step.stage for step in plan.steps if step.action in ("run", "maybe")]
    words = "\n".join(f"would run {name}" for name in names)
    session.terminal.result(words or "nothing to run", {"stages": names})
    return 0
