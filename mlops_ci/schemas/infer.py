"""A schema from a table: types, missing values, ranges, allowed values, uniqueness, in one pass."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast, get_args

from mlops_ci.errors import ConfigError
from mlops_ci.schemas import ends, types
from mlops_ci.schemas.keys import Keys, hashed
from mlops_ci.schemas.shape import ColumnRules, Limit, Rows, Schema, Value
from mlops_ci.schemas.types import Word
from mlops_ci.schemas.values import readable, single

if TYPE_CHECKING:
    import pyarrow as pa

# A column with at most so many different values gets a list of them: text, and numbers that are codes.
LEVELS = 30
# Whole numbers that nobody called codes are such only if they are few and each is there often.
CODES, OFTEN = 10, 100
# Text with a value in fewer rows than this has others yet that were not seen.
SELDOM = 20
# Fewer rows cannot tell an identifier from chance.
ENOUGH = 100
# How many more values may be missing: as a factor, and in standard errors between two draws.
MORE, ERRORS = 1.5, 3.0
# Numbers without a repetition are identifiers where chance would repeat so many, or (however they are made)
# hardly any; told by how many of the first are neighbours, at most so far apart.
EXPECTED, HARMLESS = 6.0, 0.01
FIRST, NEIGHBOURS = 1 << 16, 1_000


@dataclass
class Seen:
    """What the batches so far held of one column; ``levels`` is None where there are too many."""

    kind: str
    nulls: int = 0
    infinite: bool = False
    low: Any = None
    high: Any = None
    whole: bool = True
    levels: dict[Any, int] | None = field(default_factory=dict)
    keys: Keys | None = field(default_factory=Keys)
    tails: ends.Tails = field(default_factory=ends.Tails)
    first: Any = None


class Inference:
    """A table seen batch by batch.

    ``categorical`` names columns of numbers that are codes; of ``sensitive`` columns no value goes into
    the schema.
    """

    def __init__(
        self, layout: pa.Schema, *, categorical: Collection[str] = (), sensitive: Collection[str] = ()
    ) -> None:
        """Prepare for a table of this layout.

        Raises:
            ConfigError: two columns have the same name, or a named column is not there.
        """
        names = list(layout.names)
        twins = (
            sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
        )
        if twins:
            raise ConfigError(
                f"two columns are named {twins[0]}, so rules cannot name one of them", "rename one of them"
            )
        for option, named in (("--categorical", categorical), ("--sensitive", sensitive)):
            if absent := [name for name in named if name not in names]:
                raise ConfigError(f"{option}: the table has no column {absent[0]}", "mend the name")
        self._categorical, self._sensitive = frozenset(categorical), frozenset(sensitive)
        self._rows = 0
        self._seen = {name: Seen(types.word(layout.field(place).type)) for place, name in enumerate(names)}

    def add(self, batch: pa.RecordBatch) -> None:
        """Look at one batch."""
        self._rows += batch.num_rows
        for name, values in zip(batch.schema.names, batch.columns, strict=True):
            with readable(name):
                _add(self._seen[name], single(values))

    def schema(self) -> Schema:
        """The schema of what was seen.

        Raises:
            ConfigError: there was no row, so nothing is known of the values.
        """
        if not self._rows:
            raise ConfigError(
                "the table has no rows, so nothing is known of its values", "name one with rows"
            )
        columns = {name: self._column(name, seen) for name, seen in self._seen.items() if _has_word(seen)}
        if not columns:
            raise ConfigError(
                "no column has a value, so nothing is known of them", "name a table with values"
            )
        return Schema(rows=Rows(), columns=columns, further_columns=len(columns) < len(self._seen))

    @property
    def left_out(self) -> tuple[str, ...]:
        """The columns a schema cannot name, with the reason."""
        return tuple(
            f"{name}: {'has no value at all' if seen.kind == types.EMPTY else f'the type {seen.kind}'}"
            for name, seen in self._seen.items()
            if not _has_word(seen)
        )

    def _column(self, name: str, seen: Seen) -> ColumnRules:
        rules: dict[str, Any] = {"type": seen.kind}
        if seen.kind == "number" and seen.nulls and seen.whole and seen.low is not None and not seen.infinite:
            # What pandas makes of whole numbers where some are missing.
            rules["type"] = "integer"
        rules["nulls"] = share_of_nulls(seen.nulls, self._rows)
        rules["infinite"] = seen.infinite
        unique = self._is_unique(seen)
        rules["unique"] = unique
        if name not in self._sensitive and not unique:
            rules |= dict(self._values(name, seen, rules["type"]))
        return ColumnRules.model_validate(rules)

    def _is_unique(self, seen: Seen) -> bool:
        """Whether it looks like an identifier: whole numbers or text, each there once, none missing."""
        if self._rows < ENOUGH or seen.nulls or seen.keys is None or seen.kind not in ("integer", "text"):
            return False
        return not seen.keys.repeated and (seen.kind == "text" or _unlike_chance(seen, self._rows))

    def _values(self, name: str, seen: Seen, kind: str) -> Iterator[tuple[str, Any]]:
        if self._lists(name, seen, kind):
            yield "allowed", _listed(seen.levels or {}, kind)
        elif kind in types.COUNTED and seen.low is not None and seen.low < seen.high:
            yield from _ends(seen, kind)

    def _lists(self, name: str, seen: Seen, kind: str) -> bool:
        """Whether the values are few, and none so rare that others must be expected, or that it is a slip."""
        levels = seen.levels
        if not levels or kind not in ("integer", "text"):
            return False
        if name in self._categorical:
            return True
        if len(levels) == 1:
            # A constant says what this table is (a year, a source), not what the next one must be.
            return False
        if kind == "text":
            return min(levels.values()) >= SELDOM
        return len(levels) <= CODES and min(levels.values()) >= OFTEN


def _has_word(seen: Seen) -> bool:
    return seen.kind in get_args(Word)


def _add(seen: Seen, values: Any) -> None:
    import pyarrow.compute as pc

    seen.nulls += values.null_count
    if seen.kind == "number":
        values = _finite(seen, values)
    if len(values) == values.null_count:
        return
    if seen.kind in types.COUNTED:
        least = pc.min_max(values)
        low, high = least["min"].as_py(), least["max"].as_py()
        seen.low = low if seen.low is None else min(seen.low, low)
        seen.high = high if seen.high is None else max(seen.high, high)
        _add_tails(seen, values)
        if seen.kind == "number" and seen.whole:
            seen.whole = bool(pc.all(pc.equal(values, pc.floor(values))).as_py())
    if seen.levels is not None and (
        seen.kind in ("integer", "text") or (seen.kind == "number" and seen.whole)
    ):
        _count(seen, values)
    if seen.keys is not None and seen.kind in ("integer", "text"):
        hashes = hashed([values])
        seen.keys.add(hashes)
        # Most columns repeat themselves within a batch; the others are looked at as a whole in the end.
        if len(set(hashes.tolist())) < len(hashes):
            seen.keys = None


def _finite(seen: Seen, values: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pc.all(pc.is_finite(values)).as_py() in (True, None):
        return values
    seen.nulls += pc.sum(pc.is_nan(values)).as_py() or 0
    seen.infinite = seen.infinite or bool(pc.any(pc.is_inf(values)).as_py())
    return pc.if_else(pc.is_finite(values), values, pa.scalar(None, values.type))


def _count(seen: Seen, values: Any) -> None:
    levels = cast(dict[Any, int], seen.levels)
    for entry in values.drop_null().value_counts().tolist() if len(levels) <= LEVELS else ():
        value = entry["values"]
        levels[value] = levels.get(value, 0) + entry["counts"]
        if len(levels) > LEVELS:
            seen.levels = None
            return


def _listed(levels: dict[Any, int], kind: str) -> tuple[Value, ...]:
    return tuple(sorted(int(one) if kind == "integer" else one for one in levels))


def share_of_nulls(nulls: int, rows: int) -> float | bool:
    """The share of missing values to allow: none if none was seen, else more than was, in full percent.

    Half as much again, or 3 standard errors between two draws if that is more. A column without any value
    may stay so.
    """
    if not nulls:
        return False
    if nulls >= rows:
        return True
    share = nulls / rows
    chance = share + ERRORS * math.sqrt(2 * share * (1 - share) / rows)
    return min(1.0, math.ceil(max(share * MORE, chance) * 100) / 100)


# ---- ranges ------------------------------------------------------------------------------------


def _add_tails(seen: Seen, values: Any) -> None:
    import numpy as np

    plain = values.drop_null()
    if seen.kind == "integer" and seen.first is None:
        seen.first = plain.slice(0, FIRST).to_numpy(zero_copy_only=False)
    if seen.kind == "decimal":
        plain = plain.cast("float64")
    seen.tails.add(plain.to_numpy(zero_copy_only=False).astype(np.float64))


def _ends(seen: Seen, kind: str) -> Iterator[tuple[str, Any]]:
    """The range to expect; an end wider than the widest number is no number and stays open."""
    whole = kind == "integer" or (kind == "number" and seen.whole)
    found = ends.ends(seen.tails, whole=whole, steep=_steep(seen.levels if whole else None))
    step = _step(seen.low, seen.high)
    for name, end, own in zip(("min", "max"), found, (seen.low, seen.high), strict=True):
        # Of decimals and of the longest whole numbers the double is only near.
        same = end.hard and math.isclose(end.value, float(own), rel_tol=1e-12)
        value = Decimal(str(own if same else end.value))
        soft = not end.hard and math.isfinite(end.value)
        limit = _limit(outwards(value, step, up=name == "max") if soft else value, kind)
        if limit not in (math.inf, -math.inf):
            yield name, limit


def _steep(levels: dict[Any, int] | None) -> tuple[float, float]:
    """The step to the last value on each side where it is less than half as frequent as the one before.

    0 and 1 alone are no counts but yes and no.
    """
    if not levels or len(levels) < 2 or set(levels) == {0, 1}:
        return 0.0, 0.0
    ordered = sorted(levels)
    sides = ((ordered[0], ordered[1]), (ordered[-1], ordered[-2]))
    low, high = (
        float(abs(last - other)) if ends.OUTER <= levels[last] < levels[other] / 2 else 0.0
        for last, other in sides
    )
    return low, high


def _step(low: float | Decimal, high: float | Decimal) -> Decimal:
    """A hundredth to a tenth of a width."""
    return Decimal(1).scaleb((Decimal(str(high)) - Decimal(str(low))).adjusted() - 1)


def outwards(value: Decimal, step: Decimal, *, up: bool) -> Decimal:
    """An end of a range rounded outwards to a multiple of ``step``."""
    return (value / step).to_integral_value("ROUND_CEILING" if up else "ROUND_FLOOR") * step


def _unlike_chance(seen: Seen, rows: int) -> bool:
    """Whether numbers without a repetition say more than that they are many.

    Of numbers of any smooth distribution as many pairs differ by 0 as by any other small amount and sign,
    so the pairs of neighbours tell how many repetitions chance would make.
    """
    import numpy as np

    ordered = np.sort(seen.first)
    last = np.searchsorted(
        ordered, ordered + np.minimum(NEIGHBOURS, np.iinfo(ordered.dtype).max - ordered), "right"
    )
    pairs = int((last - np.arange(len(ordered)) - 1).sum())
    expected = pairs / (2 * NEIGHBOURS) * (rows / len(ordered)) ** 2
    return not HARMLESS < expected < EXPECTED


def _limit(value: Decimal, kind: str) -> Limit:
    if kind == "integer":
        return int(value)
    if kind == "decimal":
        return format(value.normalize(), "f")
    number = float(value)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number
