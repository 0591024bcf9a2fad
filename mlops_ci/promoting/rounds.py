"""One round of promoting: look, plan, compose, make the forge match; again where main moved meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from mlops_ci import __version__
from mlops_ci.errors import ManifestError
from mlops_ci.promoting import apply, asking, contexts, looking
from mlops_ci.promoting.contexts import Told
from mlops_ci.promoting.looking import Ask, Ground, View
from mlops_ci.promoting.ordered import EVERYTHING, Order
from mlops_ci.promoting.reading import Target
from mlops_ci.promoting.scene import Applied, BaseMovedError
from mlops_ci.promotion import compose, marks
from mlops_ci.promotion.compose import branch_of
from mlops_ci.promotion.context import Context, Setting
from mlops_ci.promotion.world import Decision, Live, Wait
from mlops_ci.session import Session

# How often a round begins anew because somebody merged while it ran.
_MOST_TRIES = 5
# What merges itself makes the next step due: a ramp has no more steps than this.
_MOST_FOLLOWING = 25


@dataclass(frozen=True)
class Row:
    """What became of one target: a decision with what was done, or a wait with its reason."""

    live: Live
    decision: Decision | None = None
    context: Context | None = None
    applied: Applied | None = None
    wait: Wait | None = None


@dataclass(frozen=True)
class Round:
    """What was done, target by target, and what was cleared away."""

    rows: tuple[Row, ...]
    swept: tuple[Applied, ...] = ()
    dry_run: bool = False

    @property
    def applied(self) -> tuple[Applied, ...]:
        """Everything that was done, each pull request once."""
        return (*dict.fromkeys(row.applied for row in self.rows if row.applied), *self.swept)

    @property
    def merged(self) -> tuple[Row, ...]:
        """What merged itself."""
        return tuple(row for row in self.rows if row.applied and row.applied.happened == "merged")


def promote(
    session: Session,
    environ: Mapping[str, str] = os.environ,
    *,
    order: Order = EVERYTHING,
    dry_run: bool = False,
) -> Round:
    """Make the open pull requests what they should be; the same in the end however often it is done.

    An ``order`` may be about one target; no other one changes then.

    Raises:
        ConfigError: the configuration, the pipeline, or what is asked for cannot be used.
        ToolError: a remote, a forge or the store failed before anything could be done.
    """
    with looking.ground(session, environ) as ground:
        only = frozenset([asking.target(order.target, ground.live)]) if order.target else None
        ask = partial(asking.asked, order)
        done = _round(ground, ask, only, dry_run=dry_run)
        last, now = done, ground
        for _ in range(_MOST_FOLLOWING):
            if not last.merged:
                break
            now = now.again()
            last = _round(now, lambda _: (), only, dry_run=False)
            done = Round((*done.merged, *last.rows), (*done.swept, *last.swept))
    return done


def _round(ground: Ground, ask: Ask, only: frozenset[Target] | None, *, dry_run: bool) -> Round:
    """One round, begun anew where a base branch moved under it."""
    for _ in range(_MOST_TRIES - 1):
        try:
            return _proposed(looking.view(ground, ask, dry_run=dry_run), only, dry_run=dry_run)
        except BaseMovedError:
            ground = ground.again()
    return _proposed(looking.view(ground, ask, dry_run=dry_run), only, dry_run=dry_run)


def _proposed(view: View, only: frozenset[Target] | None, *, dry_run: bool) -> Round:
    only = _whole(view, only)
    rows: dict[Target, Row] = {
        (wait.environment, wait.model): Row(_live(view, wait), wait=wait)
        for wait in view.plan.waits
        if only is None or (wait.environment, wait.model) in only
    }
    told: list[Told] = []
    for decision in view.plan.decisions:
        place = _place(decision)
        if only is None or place in only:
            row, found = _composed(view, decision, dry_run=dry_run)
            rows[place] = row
            told += [found] if found else []
    swept: list[Applied] = []
    for address in view.ground.standings:
        mine = [one for one in told if view.ground.address(one.decision.environment) == address]
        done, rest = _applied(view, address, mine, only, rows, dry_run=dry_run)
        swept += rest
        for one in mine:
            place = _place(one.decision)
            rows[place] = replace(rows[place], applied=done.get(branch_of(one.decision)))
    order = [*(place for place in view.ground.live if place in rows), *rows]
    return Round(tuple(rows[place] for place in dict.fromkeys(order)), tuple(swept), dry_run)


def _whole(view: View, only: frozenset[Target] | None) -> frozenset[Target] | None:
    """Targets with those of their groups: what shares a pull request is proposed together."""
    if only is None:
        return None
    groups = {
        (one.environment, one.group) for one in view.plan.decisions if one.group and _place(one) in only
    }
    more = (_place(one) for one in view.plan.decisions if (one.environment, one.group) in groups)
    return only | frozenset(more)


def _place(decision: Decision) -> Target:
    return (decision.environment, decision.model)


def _composed(view: View, decision: Decision, *, dry_run: bool) -> tuple[Row, Told | None]:
    """A decision with its context, or why it cannot be proposed; its whole evidence is kept for good."""
    live = view.ground.live[decision.environment, decision.model]
    try:
        told = contexts.told(view, decision)
    except ManifestError as error:
        return Row(live, wait=contexts.cannot(decision, error)), None
    if told.refused:
        wait = Wait(decision.environment, decision.model, told.refused, blocked=True)
        return Row(live, wait=wait), None
    if told.document is not None and not dry_run:
        view.ground.store.write_evidence(told.document)
    return Row(live, decision=decision, context=told.context), told


def _applied(
    view: View,
    address: str,
    told: Sequence[Told],
    only: frozenset[Target] | None,
    rows: Mapping[Target, Row],
    *,
    dry_run: bool,
) -> tuple[dict[str, Applied], list[Applied]]:
    """Make one repository's pull requests match: what was done by branch, and what was cleared away."""
    ground, site = view.ground, view.ground.standings[address].site
    project = ground.session.project
    setting = Setting(
        base=site.branch,
        tool=f"mlops-ci {__version__}",
        source_url=project.web,
        overrides=project.templates(),
    )
    found = {one.decision.id: one.context for one in told}
    proposals = compose.proposals([one.decision for one in told], found, setting)
    wanted = apply.Wanted(
        branch=site.branch,
        base=site.head,
        proposals=proposals,
        keep=_kept(view, address, only),
        reasons=dict(_reasons(rows)),
    )
    done = apply.apply(site.forge, site.git, wanted, pulls=ground.pulls[address], dry_run=dry_run)
    asked = {one.branch for one in proposals}
    return {one.branch: one for one in done}, [one for one in done if one.branch not in asked]


def _kept(view: View, address: str, only: frozenset[Target] | None) -> set[str]:
    """Branches of targets that were not to be touched."""
    if only is None:
        return set()
    touched = {view.branch(*target) for target in only}
    pulls = view.ground.pulls[address]
    return {pull.head for pull in pulls if pull.state == "open" and pull.head not in touched}


def _reasons(rows: Mapping[Target, Row]) -> Iterator[tuple[str, str]]:
    """Why a target's pull request is not wanted any more, by its branch."""
    for (environment, model), row in rows.items():
        if row.wait is not None:
            reason = row.wait.reason
            yield f"{marks.PREFIX}{environment}/{model}", f"{reason[:1].upper()}{reason[1:].rstrip('.')}."


def _live(view: View, wait: Wait) -> Live:
    return view.ground.live.get((wait.environment, wait.model)) or Live(wait.environment, wait.model, "")
