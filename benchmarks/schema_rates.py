"""Does an inferred schema cry wolf, and does it still bite: second draws, and tables that are wrong.

    python -m benchmarks.schema_rates [--trials 1000] [--rows 3000] [--jobs 2]

A schema is inferred from a column of known distribution and held to a second draw of the same size, which
has nothing wrong; then to the same draw after a slip: another unit, a sign, a sentinel. Seeds are fixed; the
exit code is 1 where the lower end of a share of false refusals is above its bound, or a slip that shall
always be seen is not.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks._shares import exact, told
from mlops_ci.schemas.checking import Checker
from mlops_ci.schemas.infer import Inference

SEED = 1978
MOST_WRONG = 0.01
LEAST_SEEN = 0.99

Draw = Callable[[np.random.Generator, int], Any]


def _levels(ratio: float) -> Draw:
    """Text whose levels get rarer by a ratio without end."""
    return lambda random, rows: [f"k{one}" for one in random.geometric(1 - ratio, rows)]


def _missing(share: float) -> Draw:
    return lambda random, rows: pa.array(np.zeros(rows) + 0.5, mask=random.random(rows) < share)


DRAWS: dict[str, Draw] = {
    "normal(0, 1)": lambda random, rows: random.normal(size=rows),
    "normal(170, 10)": lambda random, rows: random.normal(170, 10, rows),
    "normal(3.5, 1)": lambda random, rows: random.normal(3.5, 1, rows),
    "lognormal(10, 0.5)": lambda random, rows: random.lognormal(10, 0.5, rows),
    "lognormal(10, 1)": lambda random, rows: random.lognormal(10, 1.0, rows),
    "uniform(0, 1)": lambda random, rows: random.random(rows),
    "uniform(0, 1000)": lambda random, rows: random.uniform(0, 1000, rows),
    "exponential": lambda random, rows: random.exponential(size=rows),
    "t(4)": lambda random, rows: random.standard_t(4, rows),
    "poisson(0.3)": lambda random, rows: random.poisson(0.3, rows),
    "poisson(3)": lambda random, rows: random.poisson(3, rows),
    "poisson(30)": lambda random, rows: random.poisson(30, rows),
    "age": lambda random, rows: np.clip(random.normal(45, 16, rows), 17, 95).astype(np.int64),
    "codes 0 to 8": lambda random, rows: random.integers(0, 9, rows),
    "flag of 5 %": lambda random, rows: (random.random(rows) < 0.05).astype(np.int64),
    "beta(2, 5)": lambda random, rows: random.beta(2, 5, rows),
    "levels by 1/2": _levels(0.5),
    "levels by 1/5": _levels(0.2),
    "2 % missing": _missing(0.02),
    "30 % missing": _missing(0.3),
    "whole, 1 in 1e7": lambda random, rows: random.integers(0, 10_000_000, rows),
    "cents, lognormal": lambda random, rows: random.lognormal(15, 1, rows).astype(np.int64),
}


@dataclass(frozen=True)
class Slip:
    """A column, and what went wrong with it; ``always`` where it must be seen."""

    draw: str
    words: str
    apply: Callable[[Any], Any]
    always: bool = True


def _one(value: float) -> Callable[[Any], Any]:
    """One row with another value."""

    def changed(values: Any) -> Any:
        values = values.copy()
        values[0] = value
        return values

    return changed


def _times(factor: int) -> Callable[[Any], Any]:
    return lambda values: values * factor


_POSITIVE = ("lognormal(10, 0.5)", "lognormal(10, 1)", "exponential", "uniform(0, 1000)", "age")
_BOTH = (*_POSITIVE, "normal(0, 1)", "t(4)")
_NOT_ALWAYS = {("lognormal(10, 1)", "x 12"), ("uniform(0, 1000)", "one -1")}
SLIPS = (
    *(Slip(name, "x 12", _times(12), (name, "x 12") not in _NOT_ALWAYS) for name in _BOTH),
    *(Slip(name, "x 100", _times(100)) for name in (*_BOTH, "uniform(0, 1)", "poisson(3)")),
    *(
        Slip(name, "one -1", _one(-1), (name, "one -1") not in _NOT_ALWAYS)
        for name in (*_POSITIVE, "poisson(3)", "normal(170, 10)")
    ),
    Slip("age", "one 99999", _one(99_999)),
    Slip("age", "one 999", _one(999)),
    Slip("codes 0 to 8", "one 9", _one(9)),
)


def refused(name: str, slip: Slip | None, rows: int, trial: int) -> bool:
    """Whether a second draw, after a slip if there is one, breaks the schema of the first."""
    random = np.random.default_rng((SEED, list(DRAWS).index(name), rows, trial))
    first, second = (DRAWS[name](random, rows) for _ in range(2))
    inference = Inference(pa.schema({"x": pa.array(first).type}))
    inference.add(pa.record_batch({"x": pa.array(first)}))
    batch = pa.record_batch({"x": pa.array(slip.apply(second) if slip else second)})
    checker = Checker(inference.schema(), batch.schema)
    checker.add(batch)
    return any(not rule.ok for rule in checker.rules())


def _of_slip(place: int, rows: int, trial: int) -> bool:
    return refused(SLIPS[place].draw, SLIPS[place], rows, trial)


def _of_draw(name: str, rows: int, trial: int) -> bool:
    return refused(name, None, rows, trial)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 where a bound is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=1_000, help="draws a case (1,000)")
    parser.add_argument("--rows", type=int, default=3_000, help="rows of each draw (3,000)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    given = parser.parse_args(arguments)
    trials, begun, kept = range(given.trials), time.perf_counter(), True
    with ProcessPoolExecutor(given.jobs) as pool:
        print(f"A second draw of {given.rows:,} rows is refused (lower end at most {MOST_WRONG:.0%})")
        for name in DRAWS:
            hits = sum(pool.map(partial(_of_draw, name, given.rows), trials, chunksize=20))
            kept &= exact(hits, given.trials)[0] <= MOST_WRONG
            print(f"{name:32s} {told(hits, given.trials)}", flush=True)
        print(f"A slip is refused (upper end at least {LEAST_SEEN:.0%}, but where told)")
        for place, slip in enumerate(SLIPS):
            hits = sum(pool.map(partial(_of_slip, place, given.rows), trials, chunksize=20))
            kept &= not slip.always or exact(hits, given.trials)[1] >= LEAST_SEEN
            about = f"{slip.draw}, {slip.words}{'' if slip.always else ' (not always)'}"
            print(f"{about:32s} {told(hits, given.trials)}", flush=True)
    print(f"{time.perf_counter() - begun:.0f} s")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
