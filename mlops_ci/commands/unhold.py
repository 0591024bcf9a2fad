"""`mlops-ci unhold`: a pull request that ends a hold."""

from __future__ import annotations

from mlops_ci.adapters.terminal import Terminal
from mlops_ci.commands.options import Branch, DryRun, Json, Reason, Target, person
from mlops_ci.promoting import ordering
from mlops_ci.promoting.ordered import Order, checked


def unhold(
    target: Target, reason: Reason = "", base: Branch = "", json: Json = False, dry_run: DryRun = False
) -> int:
    """Open a pull request that ends a hold, so that newer releases are proposed again."""
    order = checked(Order("unhold", target, reason=reason.strip(), by=person()))
    return ordering.carry_out(order, Terminal(json_output=json), base=base, dry_run=dry_run)
