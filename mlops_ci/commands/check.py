"""`mlops-ci check`: the gates alone, on evidence that is there."""

from __future__ import annotations

from mlops_ci.adapters.terminal import Terminal
from mlops_ci.commands.options import Base, Json, Output
from mlops_ci.evidence import Finding, Waiver
from mlops_ci.session import Session
from mlops_ci.writing.visible import one_line


def check(base: Base = "", output: Output = None, json: Json = False) -> int:
    """Judge the evidence by the base branch's rules; the exit code is the verdict.

    The evidence is this clone's last run, else what the store has for the checked-out dvc.lock.
    """
    terminal = Terminal(json_output=json)
    session = Session.open(terminal, base=base, output=output)
    judged = session.judge(session.recall())
    session.reporting(judged).conclude()
    session.outlets.output(
        verdict=judged.verdict.outcome.value, exit_code=judged.verdict.exit_code, evidence=judged.digest
    )
    lines = [*map(_line, judged.findings), *map(_unused, judged.verdict.waivers)]
    terminal.result("\n".join([*lines, "", judged.verdict.outcome.value]), judged.document())
    return judged.verdict.exit_code


def _line(found: Finding) -> str:
    said = f"{found.status:<12} {found.gate:<8} {found.sentence}"
    waiver = found.waiver
    return said + one_line(f" Waived by {waiver.owner} until {waiver.until}.") if waiver else said


def _unused(waiver: Waiver) -> str:
    about = f" {waiver.finding}" if waiver.finding else ""
    return one_line(f"The waiver{about} by {waiver.owner} does not count: {waiver.problem}.")
