"""A disparity against its limit and the base, and how that is said in one sentence (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from statistics import NormalDist
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from mlops_ci import significance
from mlops_ci.comparing.disparities import METRICS
from mlops_ci.evidence import Disparity, Fairness, Interval, Status
from mlops_ci.judging.sentences import amount
from mlops_ci.profiles.privacy import RARE_ROWS
from mlops_ci.writing.figures import count, number

Share = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0)]
Kind = Literal["difference", "ratio"]
Change = Literal["better", "worse", "inconclusive", "same"]

# Other names of the same measure.
ALIASES = {"selection_rate": "demographic_parity", "true_positive_rate": "equal_opportunity"}
_ROUNDING = 1e-9
_NAMED = 5


class DisparityLimit(BaseModel):
    """What is allowed of one disparity."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max: Share | None = Field(default=None, description="A difference must not be above this.")
    min: Share | None = Field(
        default=None, description="A ratio must not be below this; 0.8 is the four-fifths rule."
    )
    max_increase: Share | None = Field(
        default=None,
        description="How much further apart than at the base groups may be; of a ratio, how far it may fall.",
    )

    @property
    def is_set(self) -> bool:
        """Whether anything is asked."""
        return not (self.max is None and self.min is None and self.max_increase is None)

    def words(self) -> str:
        """The limit as a table shows it: ``max 0.1, max increase 0.02``."""
        parts = {"max": self.max, "min": self.min, "max increase": self.max_increase}
        return ", ".join(f"{name} {value:g}" for name, value in parts.items() if value is not None)


@dataclass(frozen=True)
class Said:
    """What is said of one disparity."""

    status: Status
    sentence: str
    hint: str = ""
    change: Change | None = None


# ---- limits ------------------------------------------------------------------------------------


def known_limits(value: object) -> object:
    """Refuse a limit of the wrong kind: a difference has a ``max``, a ratio has a ``min``.

    Raises:
        ValueError: a key ends in neither, or its limit is of the other kind.
    """
    if not isinstance(value, Mapping):
        return value
    for key, limit in value.items():
        text = str(key)
        if not text.endswith(("difference", "ratio", "*")):
            raise ValueError(f"{text} is no disparity: expected a name that ends in _difference or _ratio")
        given = limit if isinstance(limit, Mapping) else {}
        if text.endswith("difference") and "min" in given:
            raise ValueError(f"{text}: a difference has a max, not a min")
        if text.endswith("ratio") and "max" in given:
            raise ValueError(f"{text}: a ratio has a min, not a max")
    return value


def matches(column: str, name: str, key: str) -> bool:
    """Whether a limit's key means this disparity, under any of its names."""
    stem, _, kind = name.rpartition("_")
    names = [name, *(f"{other}_{kind}" for other, own in ALIASES.items() if own == stem)]
    return any(fnmatchcase(text, key) for one in names for text in (one, f"{column}:{one}"))


def is_glob(key: str) -> bool:
    """Whether a limit's key is a pattern rather than a name."""
    return any(sign in key for sign in "*?[")


def limit_for(column: str, one: Disparity, limits: Mapping[str, DisparityLimit]) -> DisparityLimit:
    """The limit of one disparity: under matching globs, under its name, under ``column:name``.

    A ``max`` under a glob is of differences, a ``min`` of ratios.
    """
    found = [key for key in limits if matches(column, one.name, key)]
    # Stable: of two globs the later one goes over the earlier.
    found.sort(key=lambda key: (not is_glob(key), ":" in key))
    merged: dict[str, object] = {}
    for key in found:
        merged |= limits[key].model_dump(exclude_unset=True)
    merged.pop("min" if one.kind == "difference" else "max", None)
    return DisparityLimit.model_validate(merged)


# ---- one disparity -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Growth:
    """How much further apart the groups are than at the base: ``amount`` (> 0: worse), its interval and p."""

    amount: float
    low: float
    high: float
    p: float


def growth(one: Disparity) -> Growth:
    """The change against the base, seen so that more is worse; p is two-sided and normal.

    Only asked where value, base and the interval of the change are known.
    """
    change = one.change or Interval(low=0.0, high=0.0)
    amount = (one.value or 0.0) - (one.base or 0.0)
    low, high = change.low, change.high
    if one.kind == "ratio":
        amount, low, high = -amount, -high, -low
    se = (high - low) / 2 / NormalDist().inv_cdf((1 + change.level) / 2)
    return Growth(amount, low, high, significance.two_sided(amount, se))


def judged(found: Fairness, one: Disparity, limit: DisparityLimit, *, worse: bool) -> Said | None:
    """The gravest of what is to be said of a disparity; None where it passes."""
    if one.value is None:
        if not limit.is_set:
            return None
        said = f"{one.name} over {found.column} cannot be told: fewer than two groups have enough rows."
        return Said(Status.INCONCLUSIVE, said, "docs/fairness.md says which rows each metric needs")
    told = [_bound(found, one, limit), _grown(found, one, limit, worse=worse)]
    order = (Status.FAIL, Status.INCONCLUSIVE, Status.WARN)
    present = sorted(filter(None, told), key=lambda each: order.index(each.status))
    return present[0] if present else None


def _bound(found: Fairness, one: Disparity, limit: DisparityLimit) -> Said | None:
    """The value against its fixed limit: broken for sure, perhaps, or kept."""
    bound = limit.max if one.kind == "difference" else limit.min
    value, interval = one.value or 0.0, one.interval
    sign = 1 if one.kind == "difference" else -1
    if bound is None or sign * (value - bound) <= _ROUNDING:
        return None
    allowed = f"allowed {amount(bound)}" if sign > 0 else f"at least {amount(bound)} asked"
    said = f"{_apart(found, one)}, {allowed}"
    nearest = (interval.low if sign > 0 else interval.high) if interval else value
    if sign * (nearest - bound) > _ROUNDING:
        return Said(Status.FAIL, f"{said}.", "see docs/fairness.md for what can be done", _sure_change(one))
    said = f"{said}; the interval holds the limit, so more rows are needed to tell."
    return Said(Status.INCONCLUSIVE, said, "a larger test set gives a narrower interval", _sure_change(one))


def _grown(found: Fairness, one: Disparity, limit: DisparityLimit, *, worse: bool) -> Said | None:
    """The value against the base's: beyond what is allowed, perhaps beyond, or just significantly worse."""
    if one.base is None or one.change is None:
        return None
    grown, allowed = growth(one), limit.max_increase
    further = (
        f"{number(abs(grown.amount), 3)} further apart {_between(Interval(low=grown.low, high=grown.high))}"
    )
    said = f"{_apart(found, one)}; {number(one.base, 3)} at the base, {further}"
    if allowed is not None and grown.amount > allowed + _ROUNDING:
        if grown.low > allowed:
            return Said(Status.FAIL, f"{said}, allowed {amount(allowed)}.", change="worse")
        said = f"{said}, allowed {amount(allowed)}; the interval holds that, so more rows are needed to tell."
        return Said(Status.INCONCLUSIVE, said, change="worse" if worse else "inconclusive")
    if worse and allowed is None:
        return Said(Status.WARN, f"{said}, more than chance explains.", change="worse")
    return None


def _sure_change(one: Disparity) -> Change | None:
    if one.base is None or one.change is None:
        return None
    grown = growth(one)
    if grown.low > 0:
        return "worse"
    return "better" if grown.high < 0 else "inconclusive"


# ---- sentences ---------------------------------------------------------------------------------


def _between(interval: Interval) -> str:
    return f"[{number(interval.low, 3)}, {number(interval.high, 3)}]"


def _apart(found: Fairness, one: Disparity) -> str:
    """``true_positive_rate of race = b is 0.61 against 0.78 of race = w: 0.17 apart [0.12, 0.22]``."""
    value = number(one.value or 0.0, 3)
    measure = f"{value} apart" if one.kind == "difference" else f"a ratio of {value}"
    said = f"{measure} {_between(one.interval)}" if one.interval else measure
    values = {
        score.group: score.value
        for metric in found.metrics
        if metric.name == one.metric
        for score in metric.groups
    }
    low, high = (values.get(group) for group in one.groups or ("", ""))
    if one.groups is None or low is None or high is None:
        return f"{one.name} over {found.column}: {said}"
    least, most = (f"{found.column} = {group}" for group in one.groups)
    named = f"{one.metric} of {least} is {number(low, 3)} against {number(high, 3)} of {most}"
    stem = one.name.removesuffix(f"_{one.kind}")
    return f"{named}: {said}" if stem != "equalized_odds_mean" else f"{named}; {one.name}: {said}"


def small_groups(found: Fairness, min_rows: int) -> str:
    """Which groups are too small to be compared, in one sentence; empty where all are large enough."""
    rows = {score.group: score.rows for metric in found.metrics for score in metric.groups}
    out = dict.fromkeys(group for one in found.disparities for group in one.small)
    few = [group for group in out if rows.get(group, 0) < min_rows]
    undefined = [group for group in out if group not in few]
    parts = []
    if few or found.rare:
        listed = [_some([f"{group} ({count(rows.get(group, 0))})" for group in few])] if few else []
        listed += [unnamed(found.rare)] if found.rare else []
        parts.append(
            f"groups of {found.column} with fewer than {count(min_rows)} rows: {' and '.join(listed)}"
        )
    for rates in dict.fromkeys(_undefined(found, group) for group in undefined):
        groups = [group for group in undefined if _undefined(found, group) == rates]
        verb = "is" if len(rates) == 1 else "are"
        parts.append(f"groups with too few rows that {_all(rates)} {verb} defined on: {_some(groups)}")
    only = f" (the truth has one class only: {found.only})" if undefined and found.only else ""
    return f"Not compared are {'; and '.join(parts)}{only}." if parts else ""


def _undefined(found: Fairness, group: str) -> tuple[str, ...]:
    """The rates that a group has too few rows for, in the order of a report."""
    stems = [one.name.removesuffix(f"_{one.kind}") for one in found.disparities if group in one.small]
    looked_at = [METRICS.get(stem, (stem,)) for stem in stems]
    # What looks at two rates says of neither that it is the one that lacks rows.
    surely = [rates for rates in looked_at if len(rates) == 1] or looked_at
    return tuple(dict.fromkeys(rate for rates in surely for rate in rates))


def _all(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def unnamed(rare: int) -> str:
    """The groups that are too rare to be named: ``1 group of fewer than 10 rows``."""
    return f"{count(rare)} {'group' if rare == 1 else 'groups'} of fewer than {RARE_ROWS} rows"


def _some(names: Sequence[str]) -> str:
    more = f" and {count(len(names) - _NAMED)} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def passed(kept: Sequence[tuple[Fairness, Disparity]], limited: int) -> str:
    """One sentence about all disparities that pass, with the largest difference among them."""
    columns = _some([*dict.fromkeys(found.column for found, _ in kept)])
    numbered = f"{count(len(kept))} {'disparity' if len(kept) == 1 else 'disparities'} over {columns}"
    verb = "was" if len(kept) == 1 else "were"
    start = f"{numbered} {verb} measured, {count(limited) if limited else 'none'} of them with a limit"
    differences = [(found, one) for found, one in kept if one.kind == "difference"]
    if not differences:
        return f"{start}."
    found, one = max(differences, key=lambda pair: pair[1].value or 0.0)
    return f"{start}; the largest difference: {_apart(found, one)}."
