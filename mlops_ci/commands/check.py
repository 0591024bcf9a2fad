"""`mlops-ci check`: the gates alone, on evidence that is there."""

from __future__ import annotations

from mlops_ci.adapters.terminal import Terminal
from mlops_ci.commands.options import Base, Json, Output
from mlops_ci.session import Session


def check(base: Base = "", output: Output = None, json: Json = False) -> int:
    """Judge the evidence by the base branch's rules; the exit code is the verdict.

    The evidence is this clone's last run, else what the store has for the checked-out dvc.lock.
    """
    terminal = Terminal(json_output=json)
    session = Session.open(terminal, base=base, output=output)
    judged = session.judge(session.recall())
    session.conclude(judged)
    session.outlets.output(
        verdict=judged.verdict.outcome.value, exit_code=judged.verdict.exit_code, evidence=judged.digest
    )
    lines = [f"{f.status:<12} {f.gate:<8} {f.sentence}" for f in judged.findings]
    terminal.result("\n".join([*lines, "", judged.verdict.outcome.value]), judged.document())
    return judged.verdict.exit_code
