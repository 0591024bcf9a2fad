"""One column on its way into a profile: numbers, points in time, categories, and what is only counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from mlops_ci.profiles import kinds
from mlops_ci.profiles.levels import LevelCounts
from mlops_ci.profiles.numbers import START_BINS, NumberCounts, Scratch
from mlops_ci.profiles.shape import ColumnProfile, Kind

if TYPE_CHECKING:
    import pyarrow as pa


class Column:
    """Counts what every column has, and gives the values that are there to its tally."""

    def __init__(self, name: str, type_: pa.DataType, *, kind: Kind, problem: str, tally: Tally) -> None:
        self.name = name
        self.kind = kind
        self.problem = problem
        self.tally = tally
        self.nulls = 0
        self._type = kinds.word(type_)

    def add(self, array: pa.Array) -> None:
        """Take one batch of the column."""
        array = stored(array)
        self.nulls += array.null_count
        self.tally.add(array)

    def finish(self, rows: int) -> ColumnProfile:
        """The profile of the column in a table of so many rows."""
        found = self.tally.finish()
        problem = found.pop("problem", "")
        return ColumnProfile.model_construct(
            name=self.name,
            type=self._type,
            kind=self.kind,
            rows=rows,
            nulls=self.nulls,
            **{"nans": 0, "infs": 0, "moments": None, "grid": None, "levels": None, **found},
            problem=self.problem or problem,
        )


class Tally(Protocol):
    """What is counted of the values that are there."""

    def add(self, array: pa.Array) -> None:
        """Take an array; nulls are passed over."""

    def finish(self) -> dict[str, Any]:
        """The fields of the column's profile."""


class Nothing:
    """Of nested and binary values nothing is counted."""

    def add(self, array: pa.Array) -> None:
        """Take an array; nulls are passed over."""

    def finish(self) -> dict[str, Any]:
        """No field."""
        return {}


class Numbers:
    """Moments and grid of numbers."""

    def __init__(self, counts: NumberCounts) -> None:
        self.counts = counts

    def add(self, array: pa.Array) -> None:
        """Take an array; nulls are passed over."""
        self.counts.add(kinds.numbers(array))

    def again(self, array: pa.Array) -> None:
        """Take an array of a column that must be read once more."""
        self.counts.again(kinds.numbers(stored(array)))

    def finish(self) -> dict[str, Any]:
        """Moments, grid, and what was not finite; all zero where there is no finite value."""
        one = self.counts
        return {"moments": one.moments.finish(), "grid": one.grid, "nans": one.nans, "infs": one.infs}


class Categories:
    """Value counts; NaN and infinities are counted apart also where floats are codes."""

    def __init__(self, *, floats: bool) -> None:
        self._counts = LevelCounts()
        self._floats = floats
        self._nans = self._infs = 0

    def add(self, array: pa.Array) -> None:
        """Take an array; nulls are passed over."""
        self._counts.add(self._finite(array) if self._floats else array)

    def _finite(self, array: pa.Array) -> pa.Array:
        import numpy as np
        import pyarrow as pa

        values = kinds.numbers(array)
        finite = np.isfinite(values)
        nans = int(np.isnan(values).sum())
        self._nans += nans
        self._infs += len(values) - nans - int(finite.sum())
        return pa.array(values[finite])

    def finish(self) -> dict[str, Any]:
        """The levels, or the problem that there are too many."""
        levels = self._counts.finish()
        return {"levels": levels, "problem": self._counts.problem, "nans": self._nans, "infs": self._infs}


def stored(array: pa.Array) -> pa.Array:
    """An extension array (UUID, JSON, a tensor) as what it is stored as; codes of other than text as values.

    A dictionary may itself hold a null, which is then one of the column's nulls.
    """
    array = getattr(array, "storage", array)
    dictionary = getattr(array, "dictionary", None)
    if dictionary is not None and (dictionary.null_count or not kinds.is_text(dictionary.type)):
        return array.dictionary_decode()
    return array


def column(
    name: str,
    type_: pa.DataType,
    *,
    categorical: bool,
    like: ColumnProfile | None,
    scratch: Scratch,
    bins: int = START_BINS,
) -> Column:
    """An empty column of an Arrow type.

    ``like`` is the column it will be compared with, ``bins`` how many bins counting begins with.
    """
    plain = getattr(type_, "storage_type", type_)
    kind, problem = kinds.kind_of(plain, categorical=categorical)
    value = getattr(plain, "value_type", plain)
    tally: Tally = Nothing()
    if kind in ("number", "time"):
        grid = like.grid if like is not None and like.kind == kind == "number" else None
        fraction = kinds.may_have_fraction(value)
        counts = NumberCounts(scratch, like=grid, fraction=fraction, histogram=kind == "number", bins=bins)
        tally = Numbers(counts)
    elif kind == "category":
        tally = Categories(floats=kinds.may_hold_nan(value))
    return Column(name, type_, kind=kind, problem=problem, tally=tally)
