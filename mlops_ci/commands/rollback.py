"""`mlops-ci rollback`: a pull request that names an older release again."""

from __future__ import annotations

from typing import Annotated

import typer

from mlops_ci.adapters.terminal import Terminal
from mlops_ci.commands.options import Branch, DryRun, Json, Reason, Target, person
from mlops_ci.promoting import ordering
from mlops_ci.promoting.ordered import Order, checked
from mlops_ci.promotion.history import PREVIOUS


def rollback(
    target: Target,
    reason: Reason = "",
    to: Annotated[
        str, typer.Option(help="previous, last-verified, or the begin of a release's digest or commit.")
    ] = PREVIOUS,
    base: Branch = "",
    json: Json = False,
    dry_run: DryRun = False,
) -> int:
    """Open a pull request that names an older release again, and hold newer ones.

    Refuses where the bytes are gone or nothing would change. During a ramp `previous` is the release that is
    still stable. Once merged, newer releases wait until `mlops-ci unhold`.
    """
    order = checked(Order("rollback", target, to, reason.strip(), person()))
    return ordering.carry_out(order, Terminal(json_output=json), base=base, dry_run=dry_run)
