"""Are the drift verdicts right: how often nothing is called drift, and how often drift is found.

    python -m benchmarks.drift_rates [--trials 1000] [--largest 1000000] [--jobs 2]

Tables of 20 columns, 14 of numbers and 6 of categories with 2 to 1,000 levels, are drawn twice from the
same distributions (no drift), or the second time with three material drifts: a mean up by 0.2 standard
deviations, a mix of classes at total variation 0.10, missing values from 5 to 12 %. Beside our default
verdict stands the default rule of Evidently 0.7.23, written down here as its source has it
(``legacy/calculations/stattests/registry.py``: chosen by the reference's rows, no correction for many
columns) and computed with scipy on the rows. Seeds are fixed; the exit code is 1 where a bound is missed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import stats

from benchmarks._shares import exact, told
from mlops_ci.comparing import drifting
from mlops_ci.evidence import Drift
from mlops_ci.judging.drifting import Decision, Rules, judge
from mlops_ci.profiles.build import Builder
from mlops_ci.profiles.shape import Profile

SEED = 2015
LEVELS = (2, 5, 20, 50, 200, 1000)
NUMBERS = 14
SIZES = (
    (200, 200),
    (500, 200),
    (1001, 200),
    (1_000, 1_000),
    (2_000, 2_000),
    (5_000, 5_000),
    (70_000, 5_000),
    (10_000, 10_000),
    (100_000, 100_000),
    (1_000_000, 1_000_000),
)
# With more rows on both sides together than this, fewer trials are run: rows in all trials of a size.
MOST_DRAWN = 20_000_000
# Evidently's rule sorts every column's rows; it gets this share of the trials, and at least ten.
PEER_SHARE = 0.1
INJECTED = {"mean": "n00", "classes": "c2", "nulls": "n09"}
MOST_FALSE = 0.05
LEAST_FOUND = 0.99
FOUND_FROM = 2_000

Values: TypeAlias = "npt.NDArray[Any]"
Table: TypeAlias = dict[str, Values]


# ---- tables whose truth is known -------------------------------------------------------------------


def draw(rows: int, random: np.random.Generator, *, drifted: bool = False) -> Table:
    """A table; categories are codes into as many levels as their name says."""
    table = {f"n{at:02d}": _numbers(at, rows, random) for at in range(NUMBERS)}
    for at, levels in enumerate(LEVELS):
        shares = 1 / np.arange(1, levels + 1) ** (1.0 if levels > 5 else 0.5)
        shares /= shares.sum()
        if drifted and f"c{at}" == INJECTED["classes"]:
            shares[:2] += (-0.1, 0.1)
        table[f"c{at}"] = np.searchsorted(np.cumsum(shares)[:-1], random.random(rows)).astype(np.int32)
    if drifted:
        table[INJECTED["mean"]] += 0.2
    missing = random.random(rows) < (0.12 if drifted else 0.05)
    table[INJECTED["nulls"]][missing] = np.nan
    return table


def _numbers(at: int, rows: int, random: np.random.Generator) -> Values:
    """Normal, heavy-tailed, skewed, uniform and whole numbers in turn; the first is standard normal."""
    kind = at % 5
    if kind == 1:
        return random.standard_t(3, rows)
    if kind == 2:
        return random.lognormal(0, 1, rows)
    if kind == 3:
        return random.random(rows) * 100
    if kind == 4:
        return random.poisson(4, rows).astype(np.float64)
    return random.standard_normal(rows)


def profiled(table: Table) -> Profile:
    """The table's profile, by the product's own builder."""
    arrays = {
        name: pa.array(values, from_pandas=True) if name[0] == "n" else _dictionary(name, values)
        for name, values in table.items()
    }
    batch = pa.RecordBatch.from_pydict(arrays)
    builder = Builder(batch.schema)
    builder.add(batch)
    while wanted := builder.wanted():
        for place in wanted:
            builder.again(place, batch.column(place))
    return builder.finish()


def _dictionary(name: str, codes: Values) -> pa.Array:
    names = [f"level {code}" for code in range(LEVELS[int(name[1])])]
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(names))


# ---- both rules ------------------------------------------------------------------------------------


def decisions(reference: Table, current: Table) -> tuple[Decision, ...]:
    """Our default verdict on every column."""
    ours, theirs = profiled(reference), profiled(current)
    columns, _, _ = drifting.compare(ours, theirs, roles={}, ignore=(), labels=lambda _, value: value)
    rows = (ours.rows, theirs.rows)
    return judge(Drift(name="trial", reference="", current="", rows=rows, columns=columns), Rules())


def evidently(reference: Table, current: Table) -> set[str]:
    """The columns that Evidently's defaults would flag."""
    return {name for name in reference if _flags(reference[name], current[name], number=name[0] == "n")}


def _flags(reference: Values, current: Values, *, number: bool) -> bool:
    if number:
        one, other = reference[~np.isnan(reference)], current[~np.isnan(current)]
        if len(reference) <= 1000:
            return bool(stats.ks_2samp(one, other).pvalue <= 0.05)
        return _wasserstein(one, other) / max(float(np.std(one)), 0.001) >= 0.1
    both = np.vstack([np.bincount(side, minlength=1000) for side in (reference, current)])
    both = both[:, both.any(axis=0)]
    if len(reference) > 1000:
        return _jensen_shannon(both / both.sum(axis=1, keepdims=True)) >= 0.1
    if both.shape[1] > 2:
        # As its source does it: the current counts against the reference's shares.
        expected = both[0] / both[0].sum() * both[1].sum()
        with np.errstate(divide="ignore", invalid="ignore"):
            value = np.sum((both[1] - expected) ** 2 / expected)
        return bool(np.isnan(value) or stats.chi2.sf(value, both.shape[1] - 1) < 0.05)
    table = stats.contingency.chi2_contingency(both, correction=False)
    return bool(table.pvalue < 0.05)


def _wasserstein(one: Values, other: Values) -> float:
    """``scipy.stats.wasserstein_distance`` of two samples."""
    return float(stats.wasserstein_distance(one, other))


def _jensen_shannon(shares: Values) -> float:
    """The distance with natural logarithms, as ``scipy.spatial.distance.jensenshannon`` has it."""
    middle = shares.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(shares > 0, shares * np.log(shares / middle), 0.0)
    return float(np.sqrt(max(0.0, terms.sum() / 2)))


# ---- trials ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trial:
    """The columns flagged by us and (None: not asked) by Evidently, and how many we left undecided."""

    flagged: frozenset[str]
    undecided: int
    peer: frozenset[str] | None


def trial(given: tuple[int, tuple[int, int], bool, bool]) -> Trial:
    """One pair of tables by its seed."""
    seed, (n, m), drifted, peer = given
    random = np.random.default_rng((SEED, n, m, int(drifted), seed))
    reference, current = draw(n, random), draw(m, random, drifted=drifted)
    found = decisions(reference, current)
    return Trial(
        frozenset(one.name for one in found if one.outcome == "drifted"),
        sum(one.outcome == "undecided" for one in found),
        frozenset(evidently(reference, current)) if peer else None,
    )


def run(size: tuple[int, int], trials: int, *, drifted: bool, pool: ProcessPoolExecutor) -> list[Trial]:
    """All trials of one size."""
    count = max(10, min(trials, MOST_DRAWN // sum(size)))
    peers = max(10, int(count * PEER_SHARE))
    work = [(seed, size, drifted, seed < peers) for seed in range(count)]
    return list(pool.map(trial, work, chunksize=max(1, count // 50)))


def false_alarms(size: tuple[int, int], found: Sequence[Trial]) -> bool:
    """Trials without drift in which any column was flagged; False where the bound is missed."""
    any_flagged = sum(bool(one.flagged) for one in found)
    peers = [one.peer for one in found if one.peer is not None]
    undecided = sum(one.undecided for one in found) / len(found)
    print(
        f"{_size(size)}  ours {told(any_flagged, len(found))}, undecided {undecided:4.1f}"
        f"   Evidently {told(sum(map(bool, peers)), len(peers))}, columns {_mean(peers):4.1f}",
        flush=True,
    )
    return exact(any_flagged, len(found))[0] <= MOST_FALSE


def powers(size: tuple[int, int], found: Sequence[Trial]) -> bool:
    """Trials in which each injected drift was found; False where the bound is missed."""
    peers = [one.peer for one in found if one.peer is not None]
    kept = True
    for what, column in INJECTED.items():
        hits = sum(column in one.flagged for one in found)
        theirs = sum(column in one for one in peers)
        asked = min(size) >= FOUND_FROM
        kept = kept and (not asked or hits / len(found) >= LEAST_FOUND)
        print(
            f"{_size(size)}  {what:8s} ours {told(hits, len(found))}   Evidently {told(theirs, len(peers))}",
            flush=True,
        )
    others = [one.flagged - set(INJECTED.values()) for one in found]
    print(f"{_size(size)}  other columns flagged: ours {_mean(others):.2f} a trial")
    return kept


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]:>9,} / {size[1]:>9,}"


def _mean(sets: Iterable[Iterable[str]]) -> float:
    sizes = [len(list(one)) for one in sets]
    return sum(sizes) / len(sizes)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; 1 where a bound is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=1000, help="trials a size, fewer of large ones (1000)")
    parser.add_argument("--largest", type=int, default=1_000_000, help="rows of the largest table (1000000)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    given = parser.parse_args(arguments)
    sizes = [size for size in SIZES if max(size) <= given.largest]
    begun, kept = time.perf_counter(), True
    with ProcessPoolExecutor(given.jobs) as pool:
        print(f"No drift: trials in which any of 20 columns is flagged (lower end at most {MOST_FALSE:.0%})")
        for size in sizes:
            kept &= false_alarms(size, run(size, given.trials, drifted=False, pool=pool))
        print(f"Three drifts: trials that find each (at least {LEAST_FOUND:.0%} from {FOUND_FROM:,} rows on)")
        for size in sizes:
            kept &= powers(size, run(size, given.trials, drifted=True, pool=pool))
    print(f"{time.perf_counter() - begun:.0f} s")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
