"""What promote and status say: a line a target for people, a document for machines."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from mlops_ci.forge import PullRequest
from mlops_ci.promoting.looking import View
from mlops_ci.promoting.rounds import Round, Row
from mlops_ci.promoting.scene import Applied
from mlops_ci.promotion import compose, words
from mlops_ci.promotion.deciding import fits
from mlops_ci.promotion.world import Live
from mlops_ci.writing import plain

# What a dry run would do, for what a real one did.
_WOULD = {"opened": "would open", "updated": "would update", "closed": "would close"}


def promoted(done: Round) -> str:
    """What one run of promote did, in words."""
    return plain.render(
        "promoted.txt.j2",
        rows=[(_place(row.live), _done(row, dry_run=done.dry_run)) for row in done.rows],
        notes=[note for one in done.applied for note in one.notes],
        closed=[(_number(one), one.words) for one in done.swept if one.happened == "closed" and one.number],
        stopped=[(_number(one), one.words) for one in done.swept if one.happened == "stopped"],
        urls=[one.url for one in done.applied if one.url.startswith("http") and one.happened == "opened"],
        dry_run=done.dry_run,
    )


def document(done: Round) -> dict[str, Any]:
    """The same for a machine."""
    return {
        "dry_run": done.dry_run,
        "targets": [_row(row) for row in done.rows],
        "closed": [_applied(one) for one in done.swept],
    }


def diffs(done: Round) -> str:
    """What the manifests' edits are, as unified diffs."""
    parts: list[str] = []
    for row in done.rows:
        if row.decision is None or row.context is None or row.context.text is None:
            continue
        path = row.decision.manifest
        old, new = row.context.before.splitlines(), row.context.text.splitlines()
        parts += difflib.unified_diff(old, new, f"a/{path}", f"b/{path}", lineterm="", n=2)
    return "\n".join(parts)


def status(view: View) -> str:
    """What is live, proposed and waiting, target by target."""
    rows = [
        (_place(one), _live(one), _state(view, one), _why(view, one)) for one in view.ground.live.values()
    ]
    return plain.render("status.txt.j2", rows=rows)


def status_document(view: View) -> dict[str, Any]:
    """The same for a machine."""
    return {
        "targets": [
            {
                "environment": one.environment,
                "model": one.model,
                "manifest": one.manifest,
                "live": _rollout(one),
                "since": one.stable_since.isoformat() if one.stable_since else None,
                "state": _state(view, one),
                "reason": _why(view, one),
                "held": one.record.hold.reason if one.record and one.record.hold else None,
                "pull_request": pull.number if (pull := view.pull(one.environment, one.model)) else None,
                "url": pull.url if pull else None,
            }
            for one in view.ground.live.values()
        ]
    }


# ---- one target --------------------------------------------------------------------------------


def _place(live: Live) -> str:
    return f"{live.environment}/{live.model}"


def _number(one: Applied) -> str:
    return f"#{one.number}" if one.number else one.branch


def _done(row: Row, *, dry_run: bool) -> str:
    if row.wait is not None:
        return row.wait.reason
    if row.decision is None:
        return ""
    what = compose.title(row.decision)
    applied = row.applied
    if applied is None:
        return what
    number = f" #{applied.number}" if applied.number else ""
    happened = _WOULD.get(applied.happened, applied.happened) if dry_run else applied.happened
    said = f"; {applied.words}" if applied.words else ""
    return f"{happened}{number}: {what}{said}"


def _live(live: Live) -> str:
    if live.rollout is None:
        return "?"
    believed = live.rollout.with_stable(
        live.record.after.rollout.stable if live.record and live.rollout.stable is None else None
    )
    return words.rollout_name(believed)


def _state(view: View, live: Live) -> str:
    """One word: proposed, due, held, blocked, waits, current."""
    if view.pull(live.environment, live.model) is not None:
        return "proposed"
    place = (live.environment, live.model)
    if place in view.decided:
        return "due"
    wait = view.waiting.get(place)
    if live.record is not None and live.record.hold is not None and fits(live):
        return "held"
    if wait is not None and wait.done:
        return "current"
    return "blocked" if wait and wait.blocked else "waits"


def _why(view: View, live: Live) -> str:
    place = (live.environment, live.model)
    decision, wait = view.decided.get(place), view.waiting.get(place)
    pull: PullRequest | None = view.pull(live.environment, live.model)
    if pull is not None:
        return f"#{pull.number}: {pull.title}"
    if decision is not None:
        return f"{compose.title(decision)}: `mlops-ci promote` proposes it"
    return wait.reason if wait else ""


def _rollout(live: Live) -> dict[str, Any] | None:
    if live.rollout is None:
        return None
    served = dict(_served(live))
    return {**served, "traffic": live.rollout.traffic, "mirror": live.rollout.mirror}


def _served(live: Live) -> Iterator[tuple[str, dict[str, str] | None]]:
    after = live.record.after.rollout if live.record else None
    for side in ("stable", "candidate"):
        one = getattr(live.rollout, side) or (getattr(after, side) if after and side == "stable" else None)
        yield side, {"digest": one.digest, "uri": one.uri} if one else None


def _row(row: Row) -> dict[str, Any]:
    decision, wait = row.decision, row.wait
    found: dict[str, Any] = {"environment": row.live.environment, "model": row.live.model}
    if wait is not None:
        until = wait.until.isoformat() if wait.until else None
        return {
            **found,
            "state": "blocked" if wait.blocked else "waits",
            "reason": wait.reason,
            "until": until,
        }
    if decision is not None:
        found |= {
            "action": decision.action,
            "release": decision.release.digest,
            "uri": decision.release.uri,
            "step": decision.step,
            "of": decision.of,
            "automatic": decision.automatic,
        }
    return {**found, **(_applied(row.applied) if row.applied else {})}


def _applied(one: Applied) -> dict[str, Any]:
    return {
        "state": one.happened,
        "branch": one.branch,
        "pull_request": one.number or None,
        "url": one.url,
        "commit": one.commit,
        "words": one.words,
    }
