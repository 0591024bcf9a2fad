"""How far apart groups are, and how sure that is: simultaneous intervals over all pairs of groups (pure).

The difference between the highest and the lowest of many groups is above zero by chance alone, so are all its
resamples, and a percentile interval of it would exclude the truth. So every pair of groups is compared, and
the intervals of all pairs hold at once: their half width is ``c * se`` with ``c`` the 95 % quantile, over the
resamples, of the largest ``|t|`` of all pairs (Tukey's method for any distribution: Efron & Tibshirani 1993,
chapter 12; Westfall & Young 1993, chapter 2). What is sure of the furthest pair is sure of the disparity.
Ratios are differences of logarithms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal, TypeAlias

from mlops_ci import significance
from mlops_ci.comparing.group_rates import GroupRates, Metrics
from mlops_ci.evidence import Disparity, Interval
from mlops_ci.profiles.privacy import RARE_ROWS

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]
    Places: TypeAlias = npt.NDArray[np.intp]

Kind = Literal["difference", "ratio"]

# What each disparity looks at, in the order of a report. Those of two metrics take the worse of both,
# as fairlearn does by default, or their mean.
METRICS = {
    "demographic_parity": ("selection_rate",),
    "equalized_odds": ("true_positive_rate", "false_positive_rate"),
    "equalized_odds_mean": ("true_positive_rate", "false_positive_rate"),
    "equal_opportunity": ("true_positive_rate",),
    "accuracy": ("accuracy",),
    "false_positive_rate": ("false_positive_rate",),
    "false_negative_rate": ("false_negative_rate",),
    "precision": ("precision",),
    "mean_prediction": ("mean_prediction",),
    "mean_error": ("mean_error",),
    "mean_absolute_error": ("mean_absolute_error",),
}
# What may be negative has no ratio.
_NO_RATIO = frozenset({"mean_prediction", "mean_error"})
# A rate needs so many examples it is defined on, as a share of the smallest group's rows.
_SHARE = 10


@dataclass(frozen=True)
class _Block:
    """The groups of one metric that enter, at head and at base."""

    metric: str
    head: GroupRates
    base: GroupRates | None
    places: Places


def disparities(
    head: Metrics, base: Metrics | None, labels: Sequence[str], rows: Floats, *, min_rows: int
) -> tuple[Disparity, ...]:
    """Every disparity that the metrics allow; a difference is in the metric's own unit.

    A group enters where it has ``min_rows`` rows, and a tenth of that which the metric is defined on
    (positives, for a true positive rate). Where fewer than two enter, there is no value. A group that is
    too rare to be named never enters, and is none of those that are called small.
    """
    found = []
    named = [(place, label) for place, label in enumerate(labels) if rows[place] >= RARE_ROWS]
    for name, metrics in METRICS.items():
        if not all(metric in head for metric in metrics):
            continue
        blocks = [_block(metric, head, base, rows, max(min_rows, RARE_ROWS)) for metric in metrics]
        small = tuple(label for place, label in named if not all(place in block.places for block in blocks))
        kinds: tuple[Kind, ...] = ("difference",) if name in _NO_RATIO else ("difference", "ratio")
        for kind in kinds:
            plain = Disparity(name=f"{name}_{kind}", kind=kind, small=small)
            found.append(_filled(plain, blocks, labels, mean=name.endswith("_mean")))
    return tuple(found)


def _block(metric: str, head: Metrics, base: Metrics | None, rows: Floats, min_rows: int) -> _Block:
    import numpy as np

    one = head[metric]
    enough = (rows >= min_rows) & (one.defined >= max(1, min_rows // _SHARE)) & np.isfinite(one.values)
    return _Block(metric, one, base[metric] if base else None, np.flatnonzero(enough))


def _filled(plain: Disparity, blocks: Sequence[_Block], labels: Sequence[str], *, mean: bool) -> Disparity:
    """The disparity with its value and whatever is known of it."""
    import numpy as np

    if any(len(block.places) < 2 for block in blocks):
        return plain
    apart = [float(_apart(block.head.values[block.places], plain.kind)) for block in blocks]
    value = float(_folded(np.array(apart), plain.kind, mean=mean))
    worst = blocks[int(np.argmax(apart) if plain.kind == "difference" else np.argmin(apart))]
    ordered = worst.places[np.argsort(worst.head.values[worst.places], kind="stable")]
    known = {
        "value": value,
        "interval": _interval(blocks, plain.kind, value, mean=mean),
        "groups": (labels[ordered[0]], labels[ordered[-1]]),
        "metric": worst.metric,
        **_against_base(blocks, plain.kind, value, mean=mean),
    }
    return plain.model_copy(update=known)


def _apart(values: Floats, kind: Kind) -> Floats:
    """Highest minus lowest group, or lowest over highest, along the last axis; all zero is a ratio of 1."""
    import numpy as np

    low, high = values.min(axis=-1), values.max(axis=-1)
    if kind == "difference":
        return np.asarray(high - low)
    return np.asarray(np.divide(low, high, out=np.ones_like(high), where=high > 0))


def _folded(apart: Floats, kind: Kind, *, mean: bool) -> Floats:
    """The worse of several metrics, or their mean, along the first axis."""
    import numpy as np

    if mean:
        return np.asarray(apart.mean(axis=0))
    return np.asarray(apart.max(axis=0) if kind == "difference" else apart.min(axis=0))


# ---- how sure it is ----------------------------------------------------------------------------


def _interval(blocks: Sequence[_Block], kind: Kind, value: float, *, mean: bool) -> Interval:
    import numpy as np

    ratio = kind == "ratio"
    ranges = np.array(list(_ranges([_scaled(block, ratio=ratio) for block in blocks])))
    if ratio:
        ranges = np.exp(-ranges[:, ::-1])
    low, high = (float(_folded(ranges[:, end], kind, mean=mean)) for end in (0, 1))
    return Interval(low=min(low, value), high=max(high, value), level=significance.LEVEL)


def _scaled(block: _Block, *, ratio: bool) -> tuple[Floats, Floats]:
    """Value and resamples of the groups that enter, on the scale on which they are compared."""
    one = block.head
    values, draws = (one.log, one.log_draws) if ratio else (one.values, one.draws)
    return values[block.places], draws[:, block.places]


def _ranges(blocks: Sequence[tuple[Floats, Floats]]) -> Iterator[tuple[float, float]]:
    """For each block the lower and the upper bound of highest minus lowest, all of them at once."""
    import numpy as np

    pairs = []
    largest: Floats = np.zeros(len(blocks[0][1]))
    for values, draws in blocks:
        one, other = np.triu_indices(len(values), k=1)
        apart = values[one] - values[other]
        moved = draws[:, one] - draws[:, other]
        se = moved.std(axis=0, ddof=1)
        t = np.abs(moved - apart)[:, se > 0] / se[se > 0]
        largest = np.maximum(largest, t.max(axis=1, initial=0))
        pairs.append((np.abs(apart), se))
    wide = float(np.quantile(largest, significance.LEVEL))
    for apart, se in pairs:
        yield max(0.0, float((apart - wide * se).max())), float((apart + wide * se).max())


def _against_base(
    blocks: Sequence[_Block], kind: Kind, value: float, *, mean: bool
) -> dict[str, float | Interval]:
    """The base's value on the same groups, and the interval of the change, from the paired resamples.

    The chance part of a disparity is the same at head and base, so it cancels, and ``change -+ z * se`` is
    enough. Nothing, where the base is undefined on a group.
    """
    import numpy as np

    both = [(block.head, block.base, block.places) for block in blocks if block.base is not None]
    if len(both) < len(blocks) or not all(np.isfinite(base.values[at]).all() for _, base, at in both):
        return {}
    theirs = np.array([_apart(base.values[at], kind) for _, base, at in both])
    base_value = float(_folded(theirs, kind, mean=mean))
    ours_drawn = _folded(np.stack([_apart(head.draws[:, at], kind) for head, _, at in both]), kind, mean=mean)
    drawn = _folded(np.stack([_apart(base.draws[:, at], kind) for _, base, at in both]), kind, mean=mean)
    change = value - base_value
    half = NormalDist().inv_cdf((1 + significance.LEVEL) / 2) * float(np.std(ours_drawn - drawn, ddof=1))
    return {"base": base_value, "change": Interval(low=change - half, high=change + half)}
