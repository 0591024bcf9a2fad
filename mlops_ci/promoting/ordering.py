"""An order carried out, and what came of it told: to people, to machines, to the job."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from mlops_ci.adapters.terminal import Terminal
from mlops_ci.promoting import apply, mirroring, rounds, sites, telling
from mlops_ci.promoting.ordered import Order
from mlops_ci.promoting.rounds import Round
from mlops_ci.session import Session


def carry_out(
    order: Order,
    terminal: Terminal,
    *,
    base: str = "",
    dry_run: bool = False,
    environ: Mapping[str, str] = os.environ,
) -> int:
    """Carry an order out and say what came of it: 0, or 1 where what somebody asked for cannot be done.

    Raises:
        ConfigError: it cannot be carried out.
        ToolError: a forge, a remote or the store failed; what could be done was done, and is told.
    """
    session = Session.open(terminal, base=base, dry_run=dry_run, environ=environ)
    with terminal.step("Looking at what is live, what main offers and what is proposed"):
        done = rounds.promote(session, environ, order=order, dry_run=dry_run)
    text = telling.promoted(done)
    terminal.result(text, telling.document(done))
    if dry_run and (diff := telling.diffs(done)):
        terminal.say(f"\n{diff}")
    _mirror(session, environ, dry_run=dry_run)
    _tell_the_job(session, text, done)
    apply.check(done.applied)
    return 1 if order.action != "promote" and _is_blocked(order, done) else 0


def _is_blocked(order: Order, done: Round) -> bool:
    """Whether the one target of an order waits for somebody."""
    about = [row for row in done.rows if order.target in (_name(row), row.live.environment)]
    return any(row.wait is not None and row.wait.blocked for row in about)


def _name(row: rounds.Row) -> str:
    return f"{row.live.environment}/{row.live.model}"


def _mirror(session: Session, environ: Mapping[str, str], *, dry_run: bool) -> None:
    """Bring the registry along, where there is one; Git is the truth, so that trouble with it is a note."""
    project = session.project
    if project.policy.promotion.registry is None or dry_run:
        return
    head = sites.newest(project.git, project.revisions.base_branch)
    session.outlets.notes.tried(
        "the registry was not brought along", lambda: mirroring.sync(project, environ, head)
    )


def _tell_the_job(session: Session, text: str, done: Round) -> None:
    """The summary and the outputs of a step of GitHub Actions, where this is one."""
    outlets = session.outlets
    outlets.notes.tried("the job summary was not written", lambda: outlets.summary(f"```\n{text}```\n"))
    numbers = [one.number for one in done.applied if one.number]
    outlets.output(pull_requests=json.dumps(numbers))
