"""Whether a column drifted: by more than chance and enough to matter, or too few rows to tell (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from mlops_ci import significance
from mlops_ci.evidence import Drift, DriftColumn, LevelShare
from mlops_ci.writing.figures import change, count, percent

Outcome = Literal["drifted", "moved", "stable", "undecided", "unjudged"]
Reason = Literal["values", "nulls", "unseen"]
Share = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=1)]

# Two-sided 5 % of the normal distribution, for the smallest difference of null shares that rows can show.
_NORMAL = 1.96
_NAMES = {"ks": "Kolmogorov-Smirnov distance", "cramers_v": "Cramér's V"}
_TOGETHER = "unseen_together"
_RETYPED = "was "
_NUMBER_OR_CATEGORY = ("was a number, is a category", "was a category, is a number")
_CODES = " Numbers that are codes are compared where data.categorical (--categorical) names the column."
_LOST = "the current "
# Values that are not told apart may hide any drift among so many rows.
_COARSE = 0.5


class Floors(BaseModel):
    """What is too small to matter, however sure it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ks: Share = Field(default=0.05, description="Numbers: the Kolmogorov-Smirnov distance.")
    cramers_v: Share = Field(default=0.05, description="Categories: Cramér's V, corrected for chance.")
    nulls: Share = Field(default=0.03, description="The difference of the shares of missing values.")
    unseen: Share = Field(
        default=0.01, description="The share of the current rows with a category that the reference lacks."
    )


class ColumnRule(BaseModel):
    """What one column, or all that a glob means, may do; what it does not say is as for all columns."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    floor: Share | None = Field(default=None, description="The effect (ks or cramers_v) that matters.")
    nulls: Share | None = Field(default=None, description="The difference of null shares that matters.")
    unseen: Share | None = Field(default=None, description="The share of a new category that matters.")
    action: Literal["fail", "warn"] | None = Field(default=None, description="What a drift does.")


class Rules(BaseModel):
    """When a column has drifted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    alpha: float = Field(
        default=0.05,
        gt=0,
        lt=0.5,
        strict=True,
        description="The share of false alarms among all tests of a comparison (Benjamini-Hochberg).",
    )
    floors: Floors = Field(default_factory=Floors, description="What is too small to matter.")
    columns: dict[str, ColumnRule] = Field(
        default_factory=dict, description="Other rules for columns, by name or glob such as AGE*."
    )
    min_rows: int = Field(
        default=50, ge=1, strict=True, description="With fewer rows on a side no column is called stable."
    )


@dataclass(frozen=True)
class Decision:
    """What became of a column.

    ``drifted``: more than chance and enough to matter. ``moved``: more than chance, too little to matter.
    ``stable``: neither, with rows enough to have seen what matters. ``undecided``: too few rows to say.
    ``unjudged``: it cannot be compared; ``retyped`` where that is so because its kind changed,
    ``lost`` where only the current side keeps it from being compared.
    ``why`` names what drifted, ``limit`` what it was judged by, ``sentence`` says it with its numbers.
    """

    column: DriftColumn
    outcome: Outcome
    sentence: str
    why: tuple[Reason, ...] = ()
    limit: str = ""
    retyped: bool = False
    lost: bool = False

    @property
    def name(self) -> str:
        """The column's name."""
        return self.column.name


def judge(drift: Drift, options: Rules) -> tuple[Decision, ...]:
    """A decision for every column of a comparison, in its order.

    All p-values of the comparison are one family (Benjamini & Hochberg 1995): one a column for its values,
    one where values are missing, one where a category is new.
    """
    asked = [_p_values(one) for one in drift.columns]
    adjusted = iter(significance.adjusted([p for one in asked for p in one.values()]))
    return tuple(
        _Judge(column, {reason: next(adjusted) for reason in one}, options, drift.rows).decision()
        for column, one in zip(drift.columns, asked, strict=True)
    )


@dataclass(frozen=True)
class Tally:
    """How many columns of a comparison drifted, are gone, changed their kind, or could not be decided on."""

    drifted: int
    gone: int
    retyped: int
    undecided: int
    judged: int
    total: int

    @property
    def changed(self) -> bool:
        """Whether anything drifted; a column that is gone or of another kind is no less a change."""
        return bool(self.drifted or self.gone or self.retyped)


def tally(drift: Drift, decisions: Sequence[Decision]) -> Tally:
    """What became of a comparison's columns, in numbers."""
    outcomes = Counter(one.outcome for one in decisions)
    total = len(decisions)
    return Tally(
        drifted=outcomes["drifted"],
        gone=len(drift.removed) + drift.unnamed[1],
        retyped=sum(one.retyped for one in decisions),
        undecided=outcomes["undecided"],
        judged=total - outcomes["undecided"] - outcomes["unjudged"],
        total=total,
    )


def headline(tally: Tally) -> str:
    """The first words: how many columns drifted, and whether that is all that can be said."""
    columns = f"{count(tally.total)} {'column' if tally.total == 1 else 'columns'}"
    changed = [
        f"{count(number)} {one if number == 1 else several}"
        for number, one, several in (
            (tally.gone, "is gone", "are gone"),
            (tally.retyped, "changed its kind", "changed their kind"),
        )
        if number
    ]
    if tally.total and not tally.judged and not changed:
        return f"Nothing could be decided on {columns}"
    said = [f"{count(tally.drifted)} of {columns} drifted", *changed]
    if tally.undecided:
        said.append(f"{count(tally.undecided)} undecided")
    return ", ".join(said)


def rule_for(name: str, rules: Mapping[str, ColumnRule]) -> ColumnRule:
    """The rule of one column: matching globs in their order, then its own name; only said keys go over."""
    merged: dict[str, object] = {}
    for key, rule in rules.items():
        if key != name and fnmatchcase(name, key):
            merged |= rule.model_dump(exclude_unset=True)
    own = rules.get(name)
    return ColumnRule.model_validate(merged | (own.model_dump(exclude_unset=True) if own else {}))


def _p_values(column: DriftColumn) -> dict[Reason, float]:
    """The tests of a column; a test of what cannot differ is none, and would only weaken the others."""
    found: dict[Reason, float] = {}
    if column.p is not None:
        found["values"] = column.p
    if column.null_p is not None and column.nulls and any(column.nulls):
        found["nulls"] = column.null_p
    new = column.scores.get("unseen")
    if new and new.p is not None and column.unseen:
        found["unseen"] = new.p
    many = column.scores.get(_TOGETHER)
    if many and many.p is not None:
        # Two ways of being new are asked for: the most common level, and all of them.
        found["unseen"] = min(1.0, 2 * min(many.p, found.get("unseen", 1.0)))
    return found


@dataclass(frozen=True)
class _Judge:
    """One column with its adjusted p-values, and the rules."""

    column: DriftColumn
    p: Mapping[Reason, float]
    rules: Rules
    rows: tuple[int, int]

    def decision(self) -> Decision:
        """What becomes of the column."""
        column = self.column
        why = tuple(reason for reason in self._material() if self._sure(reason))
        if why:
            said = "; ".join(self._said(reason) for reason in why)
            return self._made("drifted", f"{_capital(said)}.", why)
        if min(self.rows) < self.rules.min_rows and not column.problem:
            few = f"{count(self.rows[0])} and {count(self.rows[1])} rows are too few to decide"
            return self._made("undecided", f"{few}: at least {count(self.rules.min_rows)} are asked for.")
        if column.problem:
            retyped = column.problem.startswith(_RETYPED)
            lost = not retyped and _LOST in column.problem
            codes = _CODES if column.problem in _NUMBER_OR_CATEGORY else ""
            said = f"Not compared: {column.problem}.{codes}"
            return replace(self._made("unjudged", said), retyped=retyped, lost=lost)
        if unsure := self._unsure():
            return self._made("undecided", unsure)
        if any(self._sure(reason) for reason in self.p):
            return self._made("moved", f"Moved by too little to matter: {self._measured()}.")
        return self._made("stable", f"No more than chance: {self._measured()}.")

    def _made(self, outcome: Outcome, sentence: str, why: tuple[Reason, ...] = ()) -> Decision:
        return Decision(self.column, outcome, sentence, why, self._limit(why))

    # ---- the rule ----------------------------------------------------------------------------------

    def _floor(self, reason: Reason) -> float:
        """From which size on it matters."""
        own, floors = rule_for(self.column.name, self.rules.columns), self.rules.floors
        general = floors.ks if self.column.measure == "ks" else floors.cramers_v
        told = {
            "values": (own.floor, general),
            "nulls": (own.nulls, floors.nulls),
            "unseen": (own.unseen, floors.unseen),
        }
        special, usual = told[reason]
        return usual if special is None else special

    def _size(self, reason: Reason) -> float:
        """How far it moved, in the unit of its floor."""
        if reason == "values":
            return self.column.effect or 0.0
        if reason == "nulls":
            before, after = self.column.nulls or (0.0, 0.0)
            return abs(after - before)
        return max(self._together(), max((one.current for one in self.column.unseen), default=0.0))

    def _together(self) -> float:
        """The share of the current rows with any new level."""
        many = self.column.scores.get(_TOGETHER)
        return many.value if many else 0.0

    def _sure(self, reason: Reason) -> bool:
        return self.p[reason] < self.rules.alpha

    def _material(self) -> Iterator[Reason]:
        """What moved by enough to matter; a floor of 0 asks for some movement still."""
        return (one for one in self.p if self._size(one) >= self._floor(one) and self._size(one) > 0)

    def _unsure(self) -> str:
        """Why neither drift nor its absence is shown, or nothing."""
        if self.column.coarse > _COARSE:
            part = percent(self.column.coarse)
            return (
                f"Too many different values to tell: for {part} % of the rows the profiles do not say"
                " how common a value is on the other side."
            )
        found, floor = self.column.detectable, self._floor("values")
        if found is not None and found > floor:
            return (
                f"Not enough rows to decide: {_size_of(found)} or more would have been seen, {self._asked()}."
            )
        for reason in self._material():
            return f"Not enough rows to tell from chance: {self._said(reason)}."
        if "nulls" in self.p and (least := self._least_nulls()) > (floor := self._floor("nulls")):
            seen = f"{_points(least)} points or more would have been seen, {_points(floor)} matter"
            return f"Not enough rows to decide about missing values: {seen}."
        return ""

    def _least_nulls(self) -> float:
        """The smallest difference of null shares that so many rows would have shown at the 5 % level."""
        before, after = self.column.nulls or (0.0, 0.0)
        n, m = self.rows
        share = (before * n + after * m) / (n + m)
        return float(_NORMAL * (share * (1 - share) * (1 / n + 1 / m)) ** 0.5)

    # ---- the words ---------------------------------------------------------------------------------

    def _measured(self) -> str:
        column = self.column
        said = [f"{_NAMES[column.measure]} {_size_of(column.effect or 0.0)}"] if column.measure else []
        if column.nulls and any(column.nulls):
            said.append(_nulls(column.nulls))
        return ", ".join(said)

    def _said(self, reason: Reason) -> str:
        """One way in which it moved, with its size and its floor."""
        column = self.column
        if reason == "nulls":
            floor = _points(self._floor(reason))
            return f"{_nulls(column.nulls or (0.0, 0.0))} (the floor is {floor} points)"
        if reason == "unseen":
            return f"{self._unseen()} (the floor is {percent(self._floor(reason))} %)"
        return (
            f"{_NAMES[column.measure]} {_size_of(column.effect or 0.0)}{self._direction()} ({self._asked()})"
        )

    def _unseen(self) -> str:
        """The most common new level; all of them together where they are more than twice that."""
        many, first = self._together(), self.column.unseen[:1]
        if first and many <= 2 * first[0].current:
            return _new(self.column.unseen)
        return f"{_percent(many)} % of the current rows have values that the reference lacks"

    def _asked(self) -> str:
        return f"the floor is {_size_of(self._floor('values'))}"

    def _direction(self) -> str:
        column = self.column
        if column.shift is not None:
            return f", mean {change(round(column.shift, 3))} standard deviations"
        if column.levels:
            first = column.levels[0]
            return f", {first.label} from {percent(first.reference)} to {percent(first.current)} %"
        return ""

    def _limit(self, why: Sequence[Reason]) -> str:
        """What it was judged by, as a table shows it: ``ks 0.05, nulls 0.03``."""
        names = {"values": self.column.measure or "effect"}
        return ", ".join(f"{names.get(one, one)} {self._floor(one):g}" for one in why or self.p)


def _size_of(value: float) -> str:
    return change(float(f"{value:.2g}")).removeprefix("+")


def _points(share: float) -> str:
    return f"{share * 100:.2g}"


def _nulls(shares: tuple[float, float]) -> str:
    before, after = shares
    way = "rose" if after > before else "fell" if after < before else "stayed"
    if before == after:
        return f"missing values {way} at {_percent(after)} %"
    return f"missing values {way} from {_percent(before)} to {_percent(after)} %"


def _new(levels: Sequence[LevelShare]) -> str:
    first = levels[0]
    known = f"; at most {_percent(first.reference)} % of the reference" if first.reference else ""
    more = f" and {len(levels) - 1} more new" if len(levels) > 1 else ""
    return f"{first.label}{more}: {_percent(first.current)} % of the current rows, new{known}"


def _percent(share: float) -> str:
    return percent(float(f"{share:.3g}"))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
