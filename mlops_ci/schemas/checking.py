"""A table against its schema: batches in, one DataRule for every rule out."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from mlops_ci.evidence import DataRule
from mlops_ci.schemas import said, types
from mlops_ci.schemas.keys import Keys, hashed
from mlops_ci.schemas.shape import Schema
from mlops_ci.schemas.values import Column, load_pandera, readable

if TYPE_CHECKING:
    import pyarrow as pa


# Among more names than this only the case is looked past: each is compared with each.
_COMPARED = 200
# From which likeness on one name may have been meant by another.
_ALIKE = 0.75


@dataclass(frozen=True)
class Shown:
    """What may be told of values: ``shows`` a column's values at all, and how a value is labelled."""

    shows: Callable[[str], bool] = lambda _column: False
    label: Callable[[str, str], str] = lambda _column, _value: "…"


@dataclass(frozen=True)
class Custom:
    """What a function of the user's own said: how many rows break it, or why nobody knows."""

    failing: int = 0
    problem: str = ""


class Checker:
    """A table of a known layout, checked batch by batch; memory does not grow with its rows.

    ``may_lack`` are columns that this table need not have, for example the target in production.
    """

    def __init__(
        self, schema: Schema, layout: pa.Schema, *, shown: Shown | None = None, may_lack: Collection[str] = ()
    ) -> None:
        self.schema = schema
        self.rows = 0
        self._shown = shown or Shown()
        self._may_lack = frozenset(may_lack)
        self._names = list(layout.names)
        self._place = {name: place for place, name in reversed(list(enumerate(self._names)))}
        pandera = load_pandera()
        fresh = schema.fresh.column if schema.fresh else None
        self._columns = {
            name: Column(rules, layout.field(self._place[name]).type, pandera, newest=name == fresh)
            for name, rules in schema.columns.items()
            if name in self._place
        }
        keys = [(name,) for name, rules in schema.columns.items() if rules.unique]
        there = [key for key in (*keys, *schema.unique) if all(name in self._place for name in key)]
        self._keys: dict[tuple[str, ...], Keys] = {key: Keys() for key in there}

    @property
    def wanted(self) -> list[str] | None:
        """The columns whose values are looked at; None (all) where names repeat and cannot be chosen."""
        return list(self._columns) if len(self._place) == len(self._names) else None

    def add(self, batch: pa.RecordBatch) -> None:
        """Check one batch; it has the layout's columns, or those of ``wanted``."""
        places = {name: place for place, name in reversed(list(enumerate(batch.schema.names)))}
        self.rows += batch.num_rows
        for name, column in self._columns.items():
            with readable(name):
                column.add(batch.column(places[name]))
        for key, seen in self._keys.items():
            parts = [batch.column(places[name]) for name in key]
            with readable(", ".join(key)):
                seen.add(hashed(parts))

    # ---- what was found --------------------------------------------------------------------

    def rules(
        self, *, custom: Mapping[tuple[str, str], Custom] | None = None, now: datetime | None = None
    ) -> tuple[DataRule, ...]:
        """Every rule of the schema on the table, the table's own rules first, then column by column.

        ``custom`` holds the answers of the user's functions by (column, function); ``now`` is what ages
        are counted from.
        """
        told = custom or {}
        return (
            *self._table(now or datetime.now(UTC)),
            *(_custom(name, "", told[("", name)]) for name in self.schema.checks if ("", name) in told),
            *self._layout(),
            *(rule for name, column in self._columns.items() for rule in self._column(name, column, told)),
        )

    def _table(self, now: datetime) -> Iterator[DataRule]:
        limits = self.schema.rows
        enough = limits.min <= self.rows and (limits.max is None or self.rows <= limits.max)
        found = "an empty table" if not self.rows else said.count(self.rows, "row")
        yield DataRule(rule="rows", ok=enough, expected=said.rows(limits), found=found)
        if self.schema.fresh and self.schema.fresh.column in self._columns:
            column = self.schema.fresh.column
            newest = self._columns[column].counts.newest
            yield said.fresh(column, _age(newest, now), self.schema.fresh.within)
        for key in self.schema.unique:
            if key in self._keys:
                yield self._unique(key, ", ".join(key))

    def _layout(self) -> Iterator[DataRule]:
        for name in dict.fromkeys(self._names):
            if (times := self._names.count(name) if len(self._place) < len(self._names) else 1) > 1:
                yield DataRule(
                    rule="repeated",
                    column=name,
                    ok=False,
                    expected="one column of this name",
                    found=f"{times}",
                )
        absent = [name for name in self.schema.columns if name not in self._place]
        added = [name for name in dict.fromkeys(self._names) if name not in self.schema.columns]
        for name in absent:
            if not self.schema.columns[name].optional and name not in self._may_lack:
                yield DataRule(
                    rule="missing",
                    column=name,
                    ok=False,
                    expected="a column of this name",
                    found=near(name, added) or "none",
                )
        if not self.schema.further_columns:
            for name in added:
                yield DataRule(
                    rule="added",
                    column=name,
                    ok=False,
                    expected="no further columns",
                    found=near(name, absent) or "a column",
                )

    def _column(
        self, name: str, column: Column, custom: Mapping[tuple[str, str], Custom]
    ) -> Iterator[DataRule]:
        rules, counts = column.rules, column.counts
        yield said.type_rule(name, column)
        yield said.nulls(name, rules.null_share, counts)
        if column.typed:
            yield from self._values(name, column)
        if rules.unique and (name,) in self._keys and rules.type not in types.NESTED:
            yield self._unique((name,), name)
        yield from (_custom(one, name, custom[name, one]) for one in rules.checks if (name, one) in custom)

    def _values(self, name: str, column: Column) -> Iterator[DataRule]:
        rules, counts, shown = column.rules, column.counts, self._shown
        if column.found == "number" and not rules.infinite:
            yield said.finite(name, counts)
        if rules.min is not None or rules.max is not None:
            yield said.in_range(name, rules, counts, shows=shown.shows(name))
        if rules.allowed is not None:
            yield said.allowed(name, rules, counts, shows=shown.shows(name), label=shown.label)
        if rules.pattern is not None:
            failing = counts.failing["pattern"]
            yield DataRule(
                rule="pattern",
                column=name,
                ok=not failing,
                failing=failing,
                expected=f"text that fits {said.short(rules.pattern)}",
                found=f"{said.count(failing, 'value')} that {'does' if failing == 1 else 'do'} not"
                if failing
                else "only such",
            )

    def _unique(self, key: Sequence[str], column: str) -> DataRule:
        seen = self._keys[tuple(key)]
        repeated = max(0, seen.repeated - self._without(key))
        about = f", about, from one of {seen.scale} values" if seen.scale > 1 else ""
        repeats = "repeats" if repeated == 1 else "repeat"
        words = f"{said.count(repeated, 'row')} that {repeats} an earlier one" if repeated else "none"
        return DataRule(
            rule="unique",
            column=column,
            ok=not repeated,
            failing=repeated,
            expected="no value twice" if len(key) == 1 else "no combination twice",
            found=words + about,
        )

    def _without(self, key: Sequence[str]) -> int:
        """Rows of a single column that repeat only in having no value, which is no repetition."""
        if len(key) > 1:
            return 0
        counts = self._columns[key[0]].counts
        return max(0, counts.nulls - 1)


def near(name: str, others: Sequence[str]) -> str:
    """The one of the others that is most like the name, whatever their case; empty without."""
    by_folded = {other.casefold(): other for other in reversed(others)}
    if name.casefold() in by_folded or len(others) > _COMPARED:
        return by_folded.get(name.casefold(), "")
    found = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=_ALIKE)
    return by_folded[found[0]] if found else ""


def _custom(name: str, column: str, answer: Custom) -> DataRule:
    if answer.problem:
        return DataRule(rule=name, column=column, ok=False, problem=answer.problem)
    failing = answer.failing
    found = f"{said.count(failing, 'row')} with false" if failing else "only true"
    return DataRule(
        rule=name, column=column, ok=not failing, failing=failing, expected="true for every row", found=found
    )


def _age(newest: Any, now: datetime) -> timedelta | None:
    """How old the newest value is; a time without a zone is taken as UTC, a day from its beginning."""
    if newest is None:
        return None
    if not isinstance(newest, datetime):
        assert isinstance(newest, date)  # noqa: S101 - the schema's types are dates and timestamps
        newest = datetime(newest.year, newest.month, newest.day, tzinfo=UTC)
    moment: datetime = newest if newest.tzinfo else newest.replace(tzinfo=UTC)
    return now - moment
