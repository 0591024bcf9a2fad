"""Limits on a metric: what is allowed, and how sure it is that a difference keeps it (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from mlops_ci import significance
from mlops_ci.evidence import Comparison, Direction, Metric

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Allowed = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0)]
Percent = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)? ?%$")]
Change = Literal["better", "worse", "inconclusive", "same"]

# A drop of 0.90 to 0.89 is no more than 0.01, whatever binary fractions say.
_ROUNDING = 1e-9


class Limit(BaseModel):
    """What is allowed of one metric."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min: Number | None = Field(default=None, description="The value must not be below this.")
    max: Number | None = Field(default=None, description="The value must not be above this.")
    max_drop: Allowed | Percent | None = Field(
        default=None,
        description="How much worse than the base, and than what is live in any environment, it may be: a "
        "number in the metric's own unit, or a percentage of their value such as 2%. Where lower is "
        "better, it is the allowed rise.",
    )
    direction: Direction | None = Field(
        default=None, description="Which way is good, where the metric's name does not say or says it wrong."
    )
    floor: bool | None = Field(
        default=None,
        description="true: not beating a trivial model refuses; false: it is not asked of this metric; "
        "null: as the gate's own key floor says.",
    )
    required: bool = Field(default=False, description="true: the metric must be there.")

    @property
    def is_set(self) -> bool:
        """Whether anybody asked anything of the value."""
        return self.required or not (self.min is None and self.max is None and self.max_drop is None)

    def words(self, direction: Direction | None = None) -> str:
        """The limit as a table shows it: ``min 0.75, max drop 0.01``; what is lower-is-better may rise."""
        allowed = "max rise" if (self.direction or direction) == "lower" else "max drop"
        parts = {"min": self.min, "max": self.max, allowed: self.max_drop}
        return ", ".join(f"{name} {_plain(value)}" for name, value in parts.items() if value is not None)


class SliceLimit(BaseModel):
    """What is allowed of one group of the evaluation set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_drop: Allowed | Percent | None = Field(
        default=None,
        description="How much worse than the base a group may be; without it a worse group only warns.",
    )
    min_rows: int = Field(default=100, ge=1, strict=True, description="Smaller groups are not judged.")


def _plain(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def limit_for(metric: Metric, limits: Mapping[str, Limit], default: Limit) -> Limit:
    """The limit of one metric: the default, under matching globs in their order, under its own name.

    A key is a metric's name, a glob over names, or either with ``file:`` in front. Only the keys that
    a limit names go over those below it.
    """
    names = {metric.name, f"{metric.file}:{metric.name}"}
    globs = [limit for key, limit in limits.items() if key not in names and matches(metric, key)]
    exact = [limit for key, limit in limits.items() if key in names]
    merged: dict[str, object] = {}
    for limit in (default, *globs, *exact):
        merged |= limit.model_dump(exclude_unset=True)
    return Limit.model_validate(merged)


def matches(metric: Metric, key: str) -> bool:
    """Whether a name or a glob means this metric."""
    return any(fnmatchcase(name, key) for name in (metric.name, f"{metric.file}:{metric.name}"))


def is_named(metric: Metric, limits: Mapping[str, Limit]) -> bool:
    """Whether a limit stands under the metric's own name, so that it is surely meant."""
    return metric.name in limits or f"{metric.file}:{metric.name}" in limits


def is_glob(key: str) -> bool:
    """Whether a limit's key is a pattern rather than a name."""
    return any(sign in key for sign in "*?[")


def allowed_drop(limit: Limit | SliceLimit, base: float) -> float:
    """The allowed drop in the metric's own unit; 0 where no limit names one."""
    if isinstance(limit.max_drop, str):
        return float(limit.max_drop.rstrip("% ")) / 100 * abs(base)
    return limit.max_drop or 0.0


@dataclass(frozen=True)
class Effect:
    """A comparison seen from its good side: ``gain`` is positive where head is better.

    ``p`` is against no difference, ``p_allowed`` against a drop of exactly ``allowed``; both two-sided.
    """

    gain: float
    low: float
    high: float
    allowed: float
    p: float
    p_allowed: float
    comparison: Comparison

    def change(self, p_adjusted: float, alpha: float) -> Change:
        """Better or worse where that is significant, same where nothing differs, else inconclusive."""
        if self.gain == 0 and self.comparison.se == 0:
            return "same"
        if p_adjusted < alpha:
            return "better" if self.gain > 0 else "worse"
        return "inconclusive"

    def exceeds(self, p_adjusted: float, alpha: float) -> bool:
        """Whether the drop is significantly larger than the allowed one."""
        return self.gain + self.allowed < -_ROUNDING * abs(self.allowed) and p_adjusted < alpha

    @property
    def keeps(self) -> bool:
        """Whether the whole interval lies within the allowed drop."""
        return self.low + self.allowed >= -_ROUNDING * abs(self.allowed)


def effect(comparison: Comparison, direction: Direction, allowed: float, alpha: float) -> Effect:
    """A comparison against an allowed drop, by the t or the normal distribution of its difference.

    With no drop allowed the comparison's own p counts, which may be McNemar's exact one.
    """
    gain = comparison.delta if direction == "higher" else -comparison.delta
    half = significance.quantile(1 - alpha / 2, comparison.df) * comparison.se
    shifted = significance.two_sided(gain + allowed, comparison.se, comparison.df)
    return Effect(
        gain=gain,
        low=gain - half,
        high=gain + half,
        allowed=allowed,
        p=comparison.p,
        p_allowed=shifted if allowed else comparison.p,
        comparison=comparison,
    )


def drop_exceeds(drop: float, allowed: float) -> bool:
    """Whether a drop without an interval is more than the allowed one."""
    return drop > allowed + _ROUNDING * max(abs(allowed), abs(drop))
