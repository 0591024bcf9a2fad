"""The rules of an environment as the plan takes them, a freeze evaluated at a moment (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from pydantic import BaseModel

from mlops_ci.config import Config
from mlops_ci.config.environments import Environment, Freeze
from mlops_ci.promotion import words
from mlops_ci.promotion.world import Rules
from mlops_ci.strategies import Strategy

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = timedelta(days=1)
# Windows that follow on each other are one; what goes on for years has no end worth telling.
_MOST_WINDOWS = 800


def rules_of(
    name: str, environment: Environment, strategy: tuple[str, Strategy, BaseModel], now: datetime
) -> Rules:
    """The rules of an environment at a moment; ``strategy`` is what ``Config.strategy`` gives."""
    reason, until = freeze(environment.freeze, now)
    return Rules(
        name=name,
        strategy=strategy[1],
        options=strategy[2],
        strategy_name=strategy[0],
        after=environment.after or "",
        soak=environment.soak,
        step_soak=environment.step_soak,
        approvals=environment.approvals,
        merge=environment.merge,
        ramp=environment.ramp,
        verdict=environment.verdict,
        group=environment.group or "",
        frozen=reason,
        frozen_until=until,
    )


def all_rules(config: Config, now: datetime) -> dict[str, Rules]:
    """The rules of every environment at a moment, in the order of the file."""
    return {
        name: rules_of(name, environment, config.strategy(name), now)
        for name, environment in config.environments.items()
    }


# ---- freezes ---------------------------------------------------------------------------------------


def freeze(windows: Sequence[Freeze], now: datetime) -> tuple[str, datetime | None]:
    """Why nothing new is proposed now, in words, and until when; nothing where it is not frozen."""
    now = now.astimezone(UTC)
    first = next((window for window in windows if _end(window, now)), None)
    if first is None:
        return "", None
    reason = f" ({first.reason})" if first.reason else ""
    until = _thaw(windows, now)
    if until is None:
        return f"frozen{reason}", None
    return f"frozen until {words.moment(until, now)}{reason}", until


def _thaw(windows: Sequence[Freeze], now: datetime) -> datetime | None:
    """The first moment that no window covers; None where there is none for years."""
    moment = now
    for _ in range(_MOST_WINDOWS):
        ends = [end for window in windows if (end := _end(window, moment))]
        if not ends:
            return moment
        moment = max(ends)
        if moment == datetime.max.replace(tzinfo=UTC):
            return None
    return None


def _end(window: Freeze, moment: datetime) -> datetime | None:
    """When the window that covers a moment ends; None where it does not cover it."""
    for begin in (moment.date(), moment.date() - _DAY):
        if not _is_day(window, begin):
            continue
        start, end = _hours(window, begin)
        if start <= moment < end:
            return end if window.hours or window.days or window.until else datetime.max.replace(tzinfo=UTC)
    return None


def _is_day(window: Freeze, day: date) -> bool:
    """Whether the window's hours may begin on a day."""
    early = window.since is not None and day < date.fromisoformat(window.since)
    late = window.until is not None and day > date.fromisoformat(window.until)
    return not early and not late and (not window.days or _DAYS[day.weekday()] in window.days)


def _hours(window: Freeze, day: date) -> tuple[datetime, datetime]:
    """From when to when a window lasts that begins on a day; its end may be on the next one."""
    midnight = datetime.combine(day, time(), UTC)
    if not window.hours:
        return midnight, midnight + _DAY
    begin, end = (timedelta(hours=int(hour)) for hour in window.hours.split("-"))
    return midnight + begin, midnight + (end if end > begin else end + _DAY)
