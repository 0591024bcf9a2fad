"""Unit tests of how releases, rollouts and times are called."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mlops_ci.promotion import words
from mlops_ci.rollout import Rollout, Served
from tests.promotion.samples import NEW, NOW, OLD

A, B = "sha256:aaaaaaaaaaaa", "sha256:bbbbbbbbbbbb"


@pytest.mark.parametrize(
    ("rollout", "name", "share"),
    [
        (Rollout(None), "nothing", "all requests"),
        (Rollout(OLD.served), A, "all requests"),
        (Rollout(Served("s3://x/m.json")), "s3://x/m.json", "all requests"),
        (
            Rollout(OLD.served, NEW.served),
            f"{A}, with {B} deployed beside it",
            "deployed beside the live one",
        ),
        (
            Rollout(OLD.served, NEW.served, traffic=5),
            f"{A}, and {B} for 5 % of requests",
            "5 % of requests",
        ),
        (
            Rollout(OLD.served, NEW.served, mirror=30),
            f"{A}, and {B} for copies of 30 %",
            "copies of 30 % of requests",
        ),
        (
            Rollout(OLD.served, NEW.served, traffic=5, mirror=30),
            f"{A}, and {B} for 5 % of requests and copies of 30 %",
            "5 % of requests",
        ),
    ],
)
def test_a_rollout_in_words(rollout: Rollout, name: str, share: str) -> None:
    assert (words.rollout_name(rollout), words.share_name(rollout)) == (name, share)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "0 s"),
        (0.2, "1 s"),
        (59, "59 s"),
        (60, "1 min"),
        (61, "2 min"),
        (3600, "1 h"),
        (5400, "1 h 30 min"),
        (86_399, "1 d"),
        (100_000, "1 d 4 h"),
        (3 * 86_400, "3 d"),
    ],
)
def test_a_time_is_rounded_up(seconds: float, said: str) -> None:
    assert words.span(timedelta(seconds=seconds)) == said


def test_a_moment_is_near_or_has_a_date() -> None:
    assert words.moment(NOW + timedelta(days=2), NOW) == "Monday 12:00 UTC"
    assert words.moment(NOW + timedelta(days=7), NOW) == "2026-12-05 12:00 UTC"
    assert words.moment(NOW - timedelta(hours=1), NOW) == "2026-11-28 11:00 UTC"


def test_what_stands_idle_beside_itself_is_not_named_twice() -> None:
    one = Served(f"s3://m/sha256-{'a' * 64}/m", f"sha256:{'a' * 64}")
    other = Served(f"s3://m/sha256-{'b' * 64}/m", f"sha256:{'b' * 64}")
    assert words.rollout_name(Rollout(one, one)) == "sha256:aaaaaaaaaaaa"
    assert words.rollout_name(Rollout(one, other)).endswith(", with sha256:bbbbbbbbbbbb deployed beside it")
