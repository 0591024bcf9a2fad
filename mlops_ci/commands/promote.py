"""`mlops-ci promote`: the pull requests that change what is live."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from mlops_ci.adapters.actions import Runner
from mlops_ci.adapters.terminal import Terminal
from mlops_ci.commands.options import Branch, DryRun, Json
from mlops_ci.promoting import ordered, ordering


def promote(
    target: Annotated[
        str, typer.Argument(help="ENVIRONMENT/MODEL, or ENVIRONMENT where it has one model; default: all.")
    ] = "",
    base: Branch = "",
    json: Json = False,
    dry_run: DryRun = False,
) -> int:
    """Open and update the pull requests that change what is live; merging one promotes.

    Looks at what Git says is live, at the evidence of main and at the base branch's rules, and makes the
    open pull requests match. Run it as often as you like. In a workflow that was started by hand it carries
    out the order of its inputs: promote, rollback, hold or unhold.
    """
    terminal = Terminal(json_output=json)
    runner = Runner.of(os.environ)
    order = ordered.read(runner) if runner and not target else None
    return ordering.carry_out(order or ordered.Order("promote", target), terminal, base=base, dry_run=dry_run)
