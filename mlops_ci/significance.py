"""How sure a difference is: paired bootstrap, seeds, McNemar, Benjamini-Hochberg (pure).

Two models are measured on the same examples, so both are resampled together and what they share cancels.

- The bootstrap resamples the examples with replacement; the standard deviation of the resampled difference
  is its standard error (Efron & Tibshirani 1993, chapters 6 and 13). The interval is
  ``delta -+ t * se``, so that interval, p-value and a test against an allowed drop never contradict.
- Two trainings differ by more than the examples: with several seeds a side, the spread over them enters as
  ``s_h^2/k_h + s_b^2/k_b`` (Bouthillier et al. 2021), and t has Welch's degrees of freedom (Welch 1947).
- Right against wrong answers of single models have an exact test (McNemar 1947).
- Many metrics are many chances to be wrong: Benjamini & Hochberg (1995) holds the share of false alarms.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib.util import find_spec
from statistics import NormalDist
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from mlops_ci.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array: TypeAlias = npt.NDArray[np.float64]

Statistic: TypeAlias = "Callable[[Array], Array]"
Key = TypeVar("Key", bound=Hashable)
Part = TypeVar("Part")

LEVEL = 0.95
SEED = 20_150_101
# A standard error needs a few hundred resamples at most (Efron & Tibshirani 1993, section 6.4).
FEWEST_RESAMPLES = 200
# Drawn examples in all resamples together; more would take minutes and change no verdict.
MOST_DRAWS = 100_000_000
FEW_EXAMPLES = 20
_CHUNK_VALUES = 1_000_000
# More undefined resamples than this and the interval would be of another quantity.
_MOST_UNDEFINED = 0.05


@dataclass(frozen=True)
class Pair:
    """One metric of head and of base, a Statistic for each training, all on the same examples.

    ``fast`` is False where a Statistic loops over the resamples: it gets fewer of them. ``fixed``
    says that the base is no training (a trivial model), so it has no spread over seeds either.
    """

    head: tuple[Statistic, ...]
    base: tuple[Statistic, ...]
    fast: bool = True
    fixed: bool = False


@dataclass(frozen=True)
class Estimate:
    """Head minus base in the metric's own unit, and how sure that is; see evidence.Comparison.

    ``head`` and ``base`` are the metric's means over the seeds.
    """

    head: float
    base: float
    delta: float
    low: float
    high: float
    se: float
    df: float | None
    p: float
    n: int
    method: str
    seeds: tuple[int, int] = (1, 1)
    seed_se: float = 0.0


@dataclass(frozen=True)
class Unknown:
    """Why there is no interval."""

    reason: str


def need_stats(*packages: str) -> None:
    """Refuse with the install command where one of the packages (all, if none is named) is missing.

    Nothing is imported: scikit-learn and scipy.stats take a second, and few comparisons need them.
    """
    for package in packages or ("scipy", "sklearn", "pandas"):
        if find_spec(package) is None:
            raise ConfigError(
                f"comparing predictions needs the package {package}, which is not installed",
                "pip install 'mlops-ci[stats]'",
            )


# ---- the bootstrap -----------------------------------------------------------------------------


def affordable(resamples: int, examples: int) -> int:
    """How many resamples of so many examples are worth their time, never below 200."""
    return max(min(resamples, MOST_DRAWS // max(examples, 1)), min(resamples, FEWEST_RESAMPLES))


def resampled(
    work: Callable[[Array, int], Part], examples: int, resamples: int, seed: int = SEED
) -> list[Part]:
    """``work`` on every part of the resamples: multinomial counts of shape (examples, some resamples).

    It is also given how many resamples stand before the part. As many threads as there are cores work at
    once, for array operations leave the interpreter's lock. Every part has random numbers of its own, so
    the result is the same every time, whatever the number of threads.
    """
    import numpy as np

    step = max(1, _CHUNK_VALUES // max(examples, 1))

    def part(first: int) -> Part:
        random = np.random.default_rng((seed, first))
        drawn = random.integers(0, examples, size=(min(step, resamples - first), examples), dtype=np.int32)
        counts = np.stack([np.bincount(row, minlength=examples) for row in drawn])
        return work(np.ascontiguousarray(counts.T, dtype=np.float64), first)

    with ThreadPoolExecutor(cores()) as pool:
        return list(pool.map(part, range(0, resamples, step)))


def cores() -> int:
    """The cores that this process may run on."""
    found = getattr(os, "sched_getaffinity", None)
    return len(found(0)) if found else os.cpu_count() or 1


def paired(
    pairs: Mapping[Key, Pair], examples: int, *, resamples: int = 2000, seed: int = SEED
) -> dict[Key, Estimate | Unknown]:
    """Paired bootstrap of head minus base of every pair, all on the same resamples.

    The resamples are drawn once and shared, so six metrics cost little more than one, and their
    errors are as correlated as they really are.
    """
    import numpy as np

    if examples < 2:
        return {name: Unknown(f"{examples} example(s) are too few for an interval") for name in pairs}

    def differences(weights: Array, before: int) -> dict[Key, Array]:
        return _differences(pairs, weights, slow=max(0, FEWEST_RESAMPLES - before))

    found = resampled(differences, examples, affordable(resamples, examples), seed)
    return {
        name: _estimate(pair, np.concatenate([one[name] for one in found if name in one]), examples)
        for name, pair in pairs.items()
    }


def _differences(pairs: Mapping[Key, Pair], weights: Array, *, slow: int) -> dict[Key, Array]:
    """Head minus base of every pair, for each resample; of slow pairs for the first ``slow`` alone."""
    import numpy as np

    means: dict[tuple[Statistic, ...], Array] = {}
    found: dict[Key, Array] = {}
    with np.errstate(invalid="ignore", divide="ignore"):
        for name, pair in pairs.items():
            some, known = (weights, means) if pair.fast else (weights[:, :slow], {})
            if some.shape[1]:
                found[name] = _average(pair.head, some, known) - _average(pair.base, some, known)
    return found


def _average(
    statistics: tuple[Statistic, ...], weights: Array, known: dict[tuple[Statistic, ...], Array]
) -> Array:
    """The metric averaged over the trainings, for each resample; once where several pairs share it."""
    import numpy as np

    if statistics not in known:
        known[statistics] = np.mean([statistic(weights) for statistic in statistics], axis=0)
    return known[statistics]


def _values(statistics: Sequence[Statistic], examples: int) -> list[float]:
    """The plain metric of each training."""
    import numpy as np

    ones = np.ones((examples, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return [float(statistic(ones)[0]) for statistic in statistics]


def _estimate(pair: Pair, differences: Array, examples: int) -> Estimate | Unknown:
    """Fold the resampled differences and the spread over seeds into one estimate."""
    import numpy as np

    head, base = _values(pair.head, examples), _values(pair.base, examples)
    if not all(map(math.isfinite, (*head, *base))):
        return Unknown("the metric is undefined on these examples")
    defined = differences[np.isfinite(differences)]
    if len(defined) < max(2, (1 - _MOST_UNDEFINED) * len(differences)):
        return Unknown("the metric is undefined in too many resamples: a class is too rare")
    # The bootstrap's variance is (n-1)/n of the unbiased one: for a mean exactly so.
    examples_se = float(np.std(defined, ddof=1)) * math.sqrt(examples / (examples - 1))
    few = f"; only {examples} examples" if examples < FEW_EXAMPLES else ""
    method = f"paired bootstrap, {len(defined):,} resamples{few}"
    return with_seeds(head, base, examples_se, examples, method, fixed=pair.fixed)


# ---- trainings ---------------------------------------------------------------------------------


def with_seeds(
    head: Sequence[float],
    base: Sequence[float],
    examples_se: float,
    examples: int,
    method: str,
    *,
    fixed: bool = False,
) -> Estimate:
    """Combine what the examples and what the training seeds leave open.

    ``se^2 = se_examples^2 + s_h^2/k_h + s_b^2/k_b`` with k trainings and their standard deviation s,
    and ``df = se^4 / sum((s_i^2/k_i)^2 / (k_i - 1))``: the bootstrap's share has infinite df. A side
    with one training takes the other's spread, unless base is ``fixed``; with one on both sides there
    is none to take.
    """
    sides = [_Side.of(head, base), _Side(0.0, 1) if fixed else _Side.of(base, head)]
    seed_variance = sum(side.variance for side in sides)
    below = sum(side.variance**2 / side.df for side in sides)
    se = math.sqrt(examples_se**2 + seed_variance)
    df = se**4 / below if below else None
    delta = _mean(head) - _mean(base)
    half = quantile(1 - (1 - LEVEL) / 2, df) * se
    seeds = (len(head), len(base))
    return Estimate(
        head=_mean(head),
        base=_mean(base),
        delta=delta,
        low=delta - half,
        high=delta + half,
        se=se,
        df=df,
        p=two_sided(delta, se, df),
        n=examples,
        method=method + (f"; {seeds[0]} and {seeds[1]} trainings" if max(seeds) > 1 and not fixed else ""),
        seeds=seeds,
        seed_se=math.sqrt(seed_variance),
    )


@dataclass(frozen=True)
class _Side:
    """What the seeds of one model add to the variance of the difference, and its degrees of freedom."""

    variance: float
    df: int

    @classmethod
    def of(cls, values: Sequence[float], other: Sequence[float]) -> _Side:
        known = values if len(values) > 1 else other
        return cls(_variance(known) / len(values), max(1, len(known) - 1))


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _variance(values: Sequence[float]) -> float:
    """The unbiased variance over seeds; 0 for one training, whose spread nobody knows."""
    mean = _mean(values)
    return math.fsum((value - mean) ** 2 for value in values) / max(1, len(values) - 1)


def between_seeds(head: Sequence[float], base: Sequence[float]) -> Estimate | Unknown:
    """Welch's test on the seeds' values alone, for metrics that predictions cannot give again.

    It knows nothing of the examples' share: its n counts trainings.
    """
    if len(head) < 2 or len(base) < 2:
        return Unknown("one training a side has no spread to judge by")
    if not all(map(math.isfinite, (*head, *base))):
        return Unknown("a training's value is not finite")
    return with_seeds(head, base, 0.0, len(head) + len(base), "Welch's t-test over the seeds")


# ---- tests -------------------------------------------------------------------------------------


def quantile(share: float, df: float | None = None) -> float:
    """The quantile of the t distribution, or of the normal one where ``df`` is None."""
    if df is None:
        return NormalDist().inv_cdf(share)
    need_stats("scipy")
    from scipy import special

    return float(special.stdtrit(df, share))


def two_sided(delta: float, se: float, df: float | None = None) -> float:
    """The two-sided p-value of ``delta`` against 0. Without any spread: 1 for no difference, else 0."""
    if se == 0:
        return 1.0 if delta == 0 else 0.0
    if df is None:
        return math.erfc(abs(delta) / se / math.sqrt(2))
    need_stats("scipy")
    from scipy import special

    return float(2 * special.stdtr(df, -abs(delta) / se))


def mcnemar(only_head: int, only_base: int) -> float:
    """McNemar's exact two-sided p from the examples that only one of two models gets right.

    Under no difference, which one it is is the throw of a coin (McNemar 1947).
    """
    if only_head + only_base == 0:
        return 1.0
    from scipy import special

    # A fair coin's two tails are equal, and overlap where both sides are.
    tail = special.bdtr(min(only_head, only_base), only_head + only_base, 0.5)
    return min(1.0, float(2 * tail))


def with_exact_p(estimate: Estimate, head_right: Array, base_right: Array) -> Estimate:
    """The estimate of a share of right answers with McNemar's p instead of the bootstrap's."""
    p = mcnemar(int((head_right > base_right).sum()), int((base_right > head_right).sum()))
    return replace(estimate, p=p, method=f"{estimate.method}; exact McNemar test")


def adjusted(p_values: Sequence[float]) -> tuple[float, ...]:
    """Benjamini-Hochberg adjusted p-values, in the given order: p(i) * m / i, made monotone.

    Equal to ``scipy.stats.false_discovery_control``; by hand since every gate needs it and scipy
    takes a second to import.
    """
    count = len(p_values)
    falling = sorted(range(count), key=lambda place: p_values[place], reverse=True)
    result, least = [1.0] * count, 1.0
    for rank, place in zip(range(count, 0, -1), falling, strict=True):
        least = min(least, p_values[place] * count / rank)
        result[place] = least
    return tuple(result)
