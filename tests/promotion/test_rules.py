"""Unit tests of the rules of an environment at a moment: what the file says, and freezes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_ci import config
from mlops_ci.config.environments import Freeze
from mlops_ci.promotion.rules import all_rules, freeze
from mlops_ci.promotion.world import Rules
from mlops_ci.strategies import canary, direct

FRIDAY = datetime(2026, 11, 27, tzinfo=UTC)


def window(**more: Any) -> Freeze:
    return Freeze.model_validate({key.rstrip("_"): value for key, value in more.items()})


def at(hour: float, *windows: Freeze) -> str:
    """What is said so many hours after Friday began."""
    return freeze(windows, FRIDAY + timedelta(hours=hour))[0]


def test_the_file_s_rules_are_the_plan_s() -> None:
    text = """
        environments:
          staging: {}
          production:
            {after: staging, strategy: {canary: {steps: [5]}}, soak: 24h, step_soak: 2h, approvals: 2, merge: auto,
             ramp: manual, verdict: passed, group: shop, freeze: [{days: [fri], reason: no weekend}]}
    """
    found = all_rules(config.load(text), FRIDAY)
    assert list(found) == ["staging", "production"]
    assert found["staging"] == Rules("staging", direct, direct.Options(), step_soak=timedelta(hours=1))
    assert found["production"] == Rules(
        "production",
        canary,
        canary.Options(steps=(5,)),
        "canary",
        "staging",
        timedelta(hours=24),
        timedelta(hours=2),
        approvals=2,
        merge="auto",
        ramp="manual",
        verdict="passed",
        group="shop",
        frozen="frozen until Saturday 00:00 UTC (no weekend)",
        frozen_until=FRIDAY + timedelta(hours=24),
    )


def test_days_that_follow_on_each_other_are_one_freeze() -> None:
    weekend = window(days=["fri", "sat", "sun"])
    assert freeze([weekend], FRIDAY) == (
        "frozen until Monday 00:00 UTC",
        datetime(2026, 11, 30, tzinfo=UTC),
    )
    assert at(-0.01, weekend) == at(72, weekend) == ""
    with_holiday = (weekend, window(from_="2026-11-30", until="2026-12-01", reason="holiday"))
    assert at(20, *with_holiday) == "frozen until Wednesday 00:00 UTC"


def test_hours_go_on_into_the_next_morning() -> None:
    night = window(days=["fri"], hours="18-8", reason="nobody is there")
    assert at(17.99, night) == at(32, night) == at(7, night) == ""
    assert at(18, night) == at(31.99, night) == "frozen until Saturday 08:00 UTC (nobody is there)"
    day = window(hours="9-17")
    assert at(9, day) == "frozen until Friday 17:00 UTC"
    assert at(8, day) == at(17, day) == ""


def test_a_holiday_has_a_first_and_a_last_day() -> None:
    holiday = window(from_="2026-11-28", until="2026-12-28", reason="holiday")
    assert at(24, holiday) == "frozen until 2026-12-29 00:00 UTC (holiday)"
    assert at(23, holiday) == at(33 * 24, holiday) == ""


@pytest.mark.parametrize(
    "endless",
    [
        window(reason="audit"),
        window(from_="2026-01-01", reason="audit"),
        window(hours="0-24", reason="audit"),
        window(days=["mon", "tue", "wed", "thu", "fri", "sat", "sun"], reason="audit"),
    ],
)
def test_what_does_not_end_has_no_end(endless: Freeze) -> None:
    assert freeze([endless], FRIDAY) == ("frozen (audit)", None)


def test_a_moment_of_another_zone_is_told_in_utc() -> None:
    there = datetime(2026, 11, 28, 1, tzinfo=timezone(timedelta(hours=9)))
    assert freeze([window(days=["fri"])], there)[0] == "frozen until Saturday 00:00 UTC"


@given(
    st.lists(st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), unique=True, max_size=6),
    st.sampled_from([None, "18-8", "9-17", "0-24"]),
    st.integers(0, 24 * 14),
)
def test_it_is_frozen_until_its_end_and_not_then(days: list[str], hours: str | None, hour: int) -> None:
    windows = [window(days=days, hours=hours)] if days else []
    now = FRIDAY + timedelta(hours=hour)
    said, until = freeze(windows, now)
    if until is None:
        assert said == ""
        return
    assert until > now
    assert freeze(windows, until) == ("", None)
    assert freeze(windows, until - timedelta(seconds=1))[1] == until
