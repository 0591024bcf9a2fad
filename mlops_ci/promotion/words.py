"""How releases, rollouts, times and holds are called in sentences (pure)."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from mlops_ci.promotion.record import Named, Record
from mlops_ci.rollout import Release, Rollout, Served


def release_name(release: Release | Named) -> str:
    """``sha256:ab12cd34ef56 (v7)``, or without the version where there is none."""
    digest = f"sha256:{release.digest.removeprefix('sha256:')[:12]}"
    return f"{digest} ({release.version})" if release.version else digest


def served_name(served: Served | None) -> str:
    """A digest in short where it is known, else the address; ``nothing`` where there is none."""
    if served is None:
        return "nothing"
    return f"sha256:{served.digest.removeprefix('sha256:')[:12]}" if served.digest else served.uri


def rollout_name(rollout: Rollout) -> str:
    """A rollout in words: ``sha256:ab12… alone``, ``sha256:ab12…, and sha256:cd34… for 10 % of requests``."""
    stable = served_name(rollout.stable)
    if rollout.candidate is None or (rollout.is_idle and rollout.candidate.is_same(rollout.stable)):
        return stable
    candidate = served_name(rollout.candidate)
    if rollout.is_idle:
        return f"{stable}, with {candidate} deployed beside it"
    shares = [f"{rollout.traffic} % of requests"] if rollout.traffic else []
    shares += [f"copies of {rollout.mirror} %"] if rollout.mirror else []
    return f"{stable}, and {candidate} for {' and '.join(shares)}"


def share_name(rollout: Rollout) -> str:
    """What a rollout's candidate gets, for a list of steps; at the end ``all requests``."""
    if rollout.candidate is None:
        return "all requests"
    if rollout.traffic:
        return f"{rollout.traffic} % of requests"
    return f"copies of {rollout.mirror} % of requests" if rollout.mirror else "deployed beside the live one"


def span(length: timedelta) -> str:
    """A time as people say it, rounded up: ``40 s``, ``5 min``, ``22 h``, ``1 h 30 min``, ``3 d``."""
    seconds = max(0, math.ceil(length.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes = math.ceil(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    # Nobody needs the minutes of a day, nor the hours of a week.
    if minutes < 24 * 60:
        return _two(minutes // 60, "h", minutes % 60, "min")
    hours = math.ceil(minutes / 60)
    return _two(hours // 24, "d", hours % 24, "h")


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large} {large_unit} {small} {small_unit}" if small else f"{large} {large_unit}"


def moment(when: datetime, now: datetime) -> str:
    """A time to come: ``Monday 08:00 UTC`` within a week, else ``2027-01-04 00:00 UTC``."""
    there = when.astimezone(UTC)
    near = timedelta() <= there - now < timedelta(days=6)
    return there.strftime("%A %H:%M UTC" if near else "%Y-%m-%d %H:%M UTC")


def hold_name(record: Record) -> str:
    """Who keeps newer releases out and why: ``the rollback of sha256:ab12… by ada: scores are zero``."""
    if record.action != "rollback":
        return f"a hold{_by_whom(record)}"
    bad = rolled_back(record)
    return f"the rollback{f' of {release_name(bad)}' if bad else ''}{_by_whom(record)}"


def held(record: Record) -> str:
    """The same as a state: ``held by ada: exam week``, ``held by the rollback of sha256:ab12…``."""
    return f"held by {hold_name(record)}" if record.action == "rollback" else f"held{_by_whom(record)}"


def _by_whom(record: Record) -> str:
    hold = record.hold
    who = f" by {hold.by}" if hold and hold.by else ""
    return f"{who}: {hold.reason}" if hold and hold.reason else who


def rolled_back(record: Record) -> Named | None:
    """The release that a rollback took away: the candidate of a ramp, else what was stable."""
    before = record.before
    return before.candidate if before.candidate and (before.traffic or before.mirror) else before.stable
