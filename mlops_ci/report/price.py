"""What the time of a run cost, where the price of its runner is known."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Price:
    """The price of a minute; ``runner`` is its label, empty where several or none are known."""

    per_minute: float
    currency: str
    runner: str = ""


@dataclass(frozen=True)
class Money:
    """An amount, and the runner that it was paid for."""

    amount: float
    currency: str
    runner: str


def priced(per_minute: float | Mapping[str, float], currency: str, labels: Sequence[str]) -> Price | None:
    """The price of a runner with these labels: the one for all, or that of its first label with one."""
    if not isinstance(per_minute, Mapping):
        return Price(per_minute, currency, labels[0] if len(labels) == 1 else "")
    label = next((one for one in labels if one in per_minute), None)
    return None if label is None else Price(per_minute[label], currency, label)


def money(price: Price | None, seconds: float) -> Money | None:
    """What so many seconds cost; every minute that was begun counts whole, as GitHub bills them."""
    if price is None or seconds <= 0:
        return None
    return Money(price.per_minute * math.ceil(seconds / 60), price.currency, price.runner)
