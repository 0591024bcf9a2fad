"""One round of promoting: look, plan, compose, make the forge match; again where main moved meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from mlops_ci import __version__
from mlops_ci.errors import ManifestError, MlopsError
from mlops_ci.promoting import apply, contexts, looking
from mlops_ci.promoting.contexts import Told
from mlops_ci.promoting.looking import Ask, Ground, View
from mlops_ci.promoting.reading import Target
from mlops_ci.promoting.scene import Applied, BaseMovedError
from mlops_ci.promotion import compose, marks
from mlops_ci.promotion.compose import branch_of
from mlops_ci.promotion.context import Context, Setting
from mlops_ci.promotion.world import Decision, Live, Wait
from mlops_ci.session import Session

# How often a round begins anew because somebody merged while it ran.
_MOST_ROUNDS = 5
# A promotion that merges itself makes the next one due.
_MOST_FOLLOWING = 20


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
    """What one round did, target by target, and what it cleared away."""

    rows: tuple[Row, ...]
    swept: tuple[Applied, ...] = ()
    dry_run: bool = False
    others: Mapping[str, str] = field(default_factory=dict)

    @property
    def applied(self) -> tuple[Applied, ...]:
        """Everything that was done."""
        return (*dict.fromkeys(row.applied for row in self.rows if row.applied), *self.swept)


def promote(
    session: Session,
    environ: Mapping[str, str] = os.environ,
    *,
    ask: Ask = lambda _: (),
    only: frozenset[Target] | None = None,
    dry_run: bool = False,
) -> Round:
    """Make the open pull requests what they should be; the same in the end however often it is done.

    ``ask`` gives what people asked for, ``only`` are the targets that may change, default all.

    Raises:
        ConfigError: the configuration, the pipeline, or what is asked for cannot be used.
        ToolError: a remote, a forge or the store failed; what could be done was done.
    """
    with looking.ground(session, environ) as ground:
        done = _again(ground, ask, only, dry_run=dry_run)
        for _ in range(_MOST_FOLLOWING):
            if dry_run or not any(one.happened == "merged" for one in done.applied):
                break
            done = _joined(done, _again(_reread(ground), lambda _: (), only, dry_run=False))
    return done


def _again(ground: Ground, ask: Ask, only: frozenset[Target] | None, *, dry_run: bool) -> Round:
    """One round on a base branch that stands still."""
    for attempt in range(_MOST_ROUNDS):
        try:
            return _round(looking.view(ground, ask, dry_run=dry_run), only, dry_run=dry_run)
        except BaseMovedError:
            if attempt + 1 == _MOST_ROUNDS:
                raise
            ground = _reread(ground)
    raise AssertionError("the loop ends by itself")


def _reread(ground: Ground) -> Ground:
    """What is there now: base branches, pull requests, and main's pipeline where that moved."""
    pulls = {
        address: one.site.forge.promotions(marks.PREFIX) for address, one in ground.standings.items()
    }
    return replace(ground.refreshed(), pulls=pulls)


def _round(view: View, only: frozenset[Target] | None, *, dry_run: bool) -> Round:
    decisions = [one for one in view.plan.decisions if only is None or (one.environment, one.model) in only]
    rows: dict[Target, Row] = {}
    told: list[Told] = []
    for decision in decisions:
        row, found = _composed(view, decision, dry_run=dry_run)
        rows[decision.environment, decision.model] = row
        told += [found] if found else []
    swept: list[Applied] = []
    for address in view.ground.standings:
        mine = [one for one in told if _address(view, one.decision.environment) == address]
        done, rest = _applied(view, address, mine, only, rows, dry_run=dry_run)
        swept += rest
        for one in mine:
            place = (one.decision.environment, one.decision.model)
            rows[place] = replace(rows[place], applied=done.get(branch_of(one.decision)))
    for wait in view.plan.waits:
        rows.setdefault((wait.environment, wait.model), Row(_live(view, wait), wait=wait))
    order = [place for place in view.ground.live if place in rows]
    rest_of = [place for place in rows if place not in order]
    return Round(tuple(rows[place] for place in (*order, *rest_of)), tuple(swept), dry_run)


def _composed(view: View, decision: Decision, *, dry_run: bool) -> tuple[Row, Told | None]:
    """A decision with its context, or why it cannot be proposed."""
    live = view.ground.live[decision.environment, decision.model]
    try:
        told = contexts.told(view, decision, dry_run=dry_run)
        if told.refused:
            return Row(live, wait=_blocked(decision, told.refused)), None
        if told.document is not None and not dry_run:
            view.ground.store.write_evidence(told.document)
    except ManifestError as error:
        hint = f"; {error.hint}" if error.hint else ""
        return Row(live, wait=_blocked(decision, f"{error.message}{hint}")), None
    return Row(live, decision=decision, context=told.context), told


def _blocked(decision: Decision, reason: str) -> Wait:
    return Wait(decision.environment, decision.model, reason, blocked=True)


def _applied(
    view: View,
    address: str,
    told: Sequence[Told],
    only: frozenset[Target] | None,
    rows: Mapping[Target, Row],
    *,
    dry_run: bool,
) -> tuple[dict[str, Applied], list[Applied]]:
    """Make one repository's pull requests match; by branch, and what was cleared away."""
    ground, site = view.ground, view.ground.standings[address].site
    setting = Setting(
        base=site.branch,
        tool=f"mlops-ci {__version__}",
        source_url=ground.session.project.web,
        overrides=ground.session.project.templates(),
    )
    found = {one.decision.id: one.context for one in told}
    proposals = compose.proposals([one.decision for one in told], found, setting)
    reasons = dict(_reasons(view, rows))
    wanted = apply.Wanted(
        branch=site.branch,
        base=site.head,
        proposals=proposals,
        keep=_kept(view, address, only),
        reasons=reasons,
    )
    done = apply.apply(site.forge, site.git, wanted, pulls=ground.pulls[address], dry_run=dry_run)
    by_branch = {one.branch: one for one in done}
    asked = {one.branch for one in proposals}
    return by_branch, [one for one in done if one.branch not in asked]


def _kept(view: View, address: str, only: frozenset[Target] | None) -> set[str]:
    """Branches of targets that were not to be touched."""
    if only is None:
        return set()
    pulls = view.ground.pulls[address]
    touched = {f"{marks.PREFIX}{environment}/{model}" for environment, model in only}
    return {pull.head for pull in pulls if pull.state == "open" and pull.head not in touched}


def _reasons(view: View, rows: Mapping[Target, Row]) -> Iterator[tuple[str, str]]:
    """Why a target's pull request is not wanted any more, by its branch."""
    waits = {(one.environment, one.model): one for one in view.plan.waits}
    waits |= {place: row.wait for place, row in rows.items() if row.wait}
    for (environment, model), wait in waits.items():
        yield f"{marks.PREFIX}{environment}/{model}", f"{wait.reason[:1].upper()}{wait.reason[1:]}."


def _address(view: View, environment: str) -> str:
    return view.ground.config.environments[environment].repo or ""


def _live(view: View, wait: Wait) -> Live:
    return view.ground.live.get((wait.environment, wait.model)) or Live(wait.environment, wait.model, "")


def _joined(first: Round, second: Round) -> Round:
    """Two rounds as one: what merged itself stays told, with what followed."""
    later = {(row.live.environment, row.live.model): row for row in second.rows}
    merged = [row for row in first.rows if row.applied and row.applied.happened == "merged"]
    rest = [
        row for place, row in later.items() if not (row.applied is None and _is_in(place, merged))
    ]
    return Round((*merged, *rest), (*first.swept, *second.swept), first.dry_run)


def _is_in(place: Target, rows: Sequence[Row]) -> bool:
    return any((row.live.environment, row.live.model) == place for row in rows)


def finished(done: Round) -> None:
    """Raise for what failed.

    Raises:
        ToolError: a proposal failed; the message has each cause once.
    """
    try:
        apply.check(done.applied)
    except MlopsError:
        raise


__all__ = ["Round", "Row", "finished", "promote", "timedelta"]
