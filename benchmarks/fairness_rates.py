"""Is the fairness gate right: intervals that miss the truth, and changes called sure that are none.

    python -m benchmarks.fairness_rates [--trials 500] [--jobs 2]

Groups of people are drawn whose selection rates are known, and the product measures them. A miss is an
interval of the demographic parity difference that lies above the true one: a limit would refuse where
nothing is wrong. Beside it stands the percentile interval of the same resamples, the usual bootstrap.
Pairs of equally good models have no true change; a change for the worse that the interval calls sure is
wrong too. Seeds are fixed; the exit code is 1 where the lower end of a share is above its bound.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks._shares import exact, told
from mlops_ci.comparing import disparities, group_rates
from mlops_ci.comparing.group_rates import Examples, Metrics
from mlops_ci.evidence import Disparity

SEED = 2015
MOST_WRONG = 0.05


@dataclass(frozen=True)
class Case:
    """Groups of so many rows each, with these selection rates."""

    rows: int
    rates: tuple[float, ...]

    @property
    def apart(self) -> float:
        """The true difference between the highest and the lowest rate."""
        return max(self.rates) - min(self.rates)

    def words(self) -> str:
        """What the case is, for a line of the table."""
        return f"{len(self.rates)} groups of {self.rows:,} rows, rates {self.span()}"

    def span(self) -> str:
        """The true rates: one, or from lowest to highest."""
        low, high = min(self.rates), max(self.rates)
        return f"{low:.2f}" if low == high else f"{low:.2f} to {high:.2f}"


CASES = (
    Case(300, (0.5, 0.5)),
    Case(300, (0.5, 0.6)),
    Case(300, (0.5,) * 5),
    Case(300, (0.5,) * 10),
    Case(300, (0.5,) * 8 + (0.45, 0.55)),
    Case(300, (0.5,) * 20),
    Case(2_000, (0.5,) * 10),
    Case(300, (0.05,) * 10),
)


def _drawn(random: np.random.Generator, case: Case, *, base: bool = False) -> Examples:
    """Every person's group, truth and what the model answers; the base's answers are drawn alike."""
    groups = np.repeat(np.arange(len(case.rates)), case.rows)
    chance = np.asarray(case.rates)[groups]
    truth = (random.random(len(groups)) < 0.5).astype(float)
    sides = [(random.random(len(groups)) < chance).astype(float) for _ in range(1 + base)]
    return Examples(groups, len(case.rates), truth, (sides[0],), tuple(sides[1:]), positive=1)


def _parity(head: Metrics, base: Metrics | None, case: Case) -> Disparity:
    names = [str(place) for place in range(len(case.rates))]
    rows = np.full(len(names), float(case.rows))
    found = disparities.disparities(head, base, names, rows, min_rows=200)
    return next(one for one in found if one.name == "demographic_parity_difference")


def missed(case: Case, seed: int) -> tuple[bool, bool]:
    """Whether the interval of one draw lies above the truth: ours, and the percentile interval."""
    random = np.random.default_rng((SEED, case.rows, len(case.rates), seed))
    head, _ = group_rates.of_classes(_drawn(random, case))
    found = _parity(head, None, case)
    draws = head["selection_rate"].draws
    percentile = float(np.quantile(draws.max(axis=1) - draws.min(axis=1), 0.025))
    return found.interval is not None and found.interval.low > case.apart, percentile > case.apart


def worse(case: Case, seed: int) -> bool:
    """Whether two equally good models are called surely further apart."""
    random = np.random.default_rng((SEED, 1, case.rows, len(case.rates), seed))
    head, base = group_rates.of_classes(_drawn(random, case, base=True))
    change = _parity(head, base, case).change
    return change is not None and change.low > 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 where a bound is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=500, help="draws a case (500)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    given = parser.parse_args(arguments)
    seeds, begun, kept = range(given.trials), time.perf_counter(), True
    with ProcessPoolExecutor(given.jobs) as pool:
        print(f"Interval above the true difference (lower end at most {MOST_WRONG:.0%})")
        for case in CASES:
            found = list(pool.map(partial(missed, case), seeds, chunksize=10))
            ours, usual = (sum(hits) for hits in zip(*found, strict=True))
            kept &= exact(ours, given.trials)[0] <= MOST_WRONG
            both = f"ours {told(ours, given.trials)}   percentile {told(usual, given.trials)}"
            print(f"{case.words():45s} {both}", flush=True)
        print(f"Equally good models, called surely further apart (lower end at most {MOST_WRONG:.0%})")
        for case in CASES:
            hits = sum(pool.map(partial(worse, case), seeds, chunksize=10))
            kept &= exact(hits, given.trials)[0] <= MOST_WRONG
            print(f"{case.words():45s} ours {told(hits, given.trials)}", flush=True)
    print(f"{time.perf_counter() - begun:.0f} s")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
