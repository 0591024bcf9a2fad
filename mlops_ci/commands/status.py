"""`mlops-ci status`: what is live where, what is proposed, what waits and why."""

from __future__ import annotations

import os

from mlops_ci.adapters.terminal import Terminal
from mlops_ci.commands.options import Branch, Json
from mlops_ci.promoting import contexts, looking, telling
from mlops_ci.session import Session


def status(base: Branch = "", json: Json = False) -> int:
    """Show what is live in each environment, what is proposed, and what waits for what."""
    terminal = Terminal(json_output=json)
    session = Session.open(terminal, base=base, dry_run=True)
    with looking.ground(session, os.environ) as ground:
        view = contexts.possible(looking.view(ground, dry_run=True))
    terminal.result(telling.status(view), telling.status_document(view))
    return 0
