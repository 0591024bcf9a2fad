"""How much slower one model answers than another, from calls timed in turn; times in nanoseconds (pure)."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from mlops_ci.evidence import BatchLatency, Interval, Timing

Side = Literal["head", "base"]
Block = tuple[Side, Sequence[int]]

LEVEL = 0.95
FEWEST_FOR_INTERVAL = 6  # rounds; below them there is no 95 % interval
FEWEST_ROUNDS = 10  # before the width of the interval may end the measuring
MOST_ROUNDS = 200
NARROW = 0.02  # half the interval's width on the log scale: about 2 %
BLOCK = 20_000_000  # what one block should take: long enough to average, short against a neighbour's noise
MOST_CALLS = 500  # in a block
_ORDERS: tuple[tuple[Side, Side, Side, Side], ...] = (
    ("head", "base", "base", "head"),
    ("base", "head", "head", "base"),
)


@dataclass(frozen=True)
class Ratio:
    """Head's time over base's and its interval; None where there are too few rounds for one."""

    value: float
    interval: Interval | None


def orders(seed: int = 0) -> Iterator[tuple[Side, Side, Side, Side]]:
    """Who is timed when: ABBA or BAAB by chance, so that a machine that slows down favours nobody.

    Each round is its own pair; what drifts linearly within it cancels (Box, Hunter & Hunter 2005, 4.2).
    """
    chance = random.Random(seed)  # noqa: S311 - an order, no secret
    while True:
        yield chance.choice(_ORDERS)


def calls(*nanoseconds: int) -> int:
    """How many calls a block has, by how long the slowest model's call took."""
    return max(1, min(MOST_CALLS, BLOCK // max(1, *nanoseconds)))


def log_ratio(blocks: Sequence[Block]) -> float:
    """The log of head's time over base's in one round; a block counts by the median of its calls."""
    sides: dict[Side, list[float]] = {"head": [], "base": []}
    for side, taken in blocks:
        sides[side].append(math.log(max(1.0, median(taken))))
    return math.fsum(sides["head"]) / len(sides["head"]) - math.fsum(sides["base"]) / len(sides["base"])


def ratio(logs: Sequence[float]) -> Ratio:
    """Hodges and Lehmann's estimate of the ratio with the interval of the signed-rank test.

    The median of all averages of two rounds: as good as a mean where the noise is normal, and unmoved
    by a quarter of rounds that a neighbour disturbed (Hollander, Wolfe & Chicken 2014, 3.2 and 3.3).
    Below six rounds there is no 95 % interval.
    """
    averages = sorted((one + two) / 2 for at, one in enumerate(logs) for two in logs[at:])
    value = math.exp(median(averages))
    rank = _rank(len(logs))
    if rank == 0:
        return Ratio(value, None)
    low, high = averages[rank - 1], averages[-rank]
    return Ratio(value, Interval(low=math.exp(low), high=math.exp(high), level=LEVEL))


def _rank(count: int) -> int:
    """Which average from the end bounds the interval: the signed-rank distribution, exact to 40 rounds."""
    if count > 40:
        mean, variance = count * (count + 1) / 4, count * (count + 1) * (2 * count + 1) / 24
        return int(mean - 1.959964 * math.sqrt(variance))
    ways = [1]
    for rank in range(1, count + 1):
        longer = ways + [0] * rank
        for at, number in enumerate(ways):
            longer[at + rank] += number
        ways = longer
    tail, rank = 0, 0
    while tail + ways[rank] <= 2**count * (1 - LEVEL) / 2:
        tail += ways[rank]
        rank += 1
    return rank


def is_narrow(logs: Sequence[float]) -> bool:
    """Whether more rounds would tell little more. It looks at the width alone, never at the value."""
    if len(logs) < FEWEST_ROUNDS:
        return False
    found = ratio(logs).interval
    return found is not None and math.log(found.high / found.low) / 2 <= NARROW


def timing(taken: Sequence[int], batch_size: int) -> Timing:
    """Quantiles of a call's seconds, and rows per second over all calls."""
    ordered = sorted(taken)
    return Timing(
        p50=_quantile(ordered, 0.50),
        p95=_quantile(ordered, 0.95),
        p99=_quantile(ordered, 0.99),
        throughput=batch_size * len(ordered) / (max(1, sum(ordered)) / 1e9),
    )


def _quantile(ordered: Sequence[int], share: float) -> float:
    """Seconds; the smallest value that so many calls do not exceed (Hyndman & Fan 1996, definition 1)."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] / 1e9


def together(
    batch_size: int, time: Callable[[Side], Sequence[int]], is_over: Callable[[], bool], seed: int = 0
) -> BatchLatency:
    """Time both models in turn until the interval is narrow, or ``is_over`` after at least one round."""
    taken: dict[Side, list[int]] = {"head": [], "base": []}
    logs: list[float] = []
    rounds = orders(seed)
    while not logs or not (is_over() or is_narrow(logs) or len(logs) >= MOST_ROUNDS):
        blocks = [(side, time(side)) for side in next(rounds)]
        logs.append(log_ratio(blocks))
        for side, block in blocks:
            taken[side].extend(block)
    found = ratio(logs)
    return BatchLatency(
        batch_size=batch_size,
        calls=len(taken["head"]),
        head=timing(taken["head"], batch_size),
        base=timing(taken["base"], batch_size),
        ratio=found.value,
        interval=found.interval,
        extremes=_extremes(taken["head"], taken["base"]),
    )


def _extremes(head: Sequence[int], base: Sequence[int]) -> tuple[float, float]:
    """The least and the largest ratio of one call of head to one of the base."""
    return max(1, min(head)) / max(1, *base), max(1, *head) / max(1, min(base))


def needed(head: float, base: float, batch_sizes: int) -> int:
    """About how many seconds a model must be timed for an interval, by a call's seconds on both sides."""
    in_block = calls(round(head * 1e9), round(base * 1e9))
    return math.ceil(FEWEST_FOR_INTERVAL * in_block * (head + base) * batch_sizes)


def alone(
    batch_size: int, time: Callable[[Side], Sequence[int]], is_over: Callable[[], bool]
) -> BatchLatency:
    """Time one model where there is no other."""
    taken: list[int] = []
    for _ in range(2 * FEWEST_ROUNDS):
        taken.extend(time("head"))
        if is_over():
            break
    return BatchLatency(batch_size=batch_size, calls=len(taken), head=timing(taken, batch_size))
